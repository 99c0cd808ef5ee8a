from celery import shared_task

from meetings import reporting, sweeps


@shared_task
def draft_quarterly_report() -> None:
    reporting.draft_quarterly_report()


@shared_task
def warn_of_missing_district_meeting() -> int:
    return reporting.warn_of_missing_district_meeting()


@shared_task
def supervise_overdue_resolutions() -> int:
    return sweeps.supervise_overdue_resolutions()
