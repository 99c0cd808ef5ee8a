from celery import shared_task

from issues import sweeps


@shared_task
def remind_of_deadlines() -> int:
    return sweeps.remind_of_deadlines()


@shared_task
def acknowledge_overdue_assignments() -> int:
    return sweeps.acknowledge_overdue_assignments()
