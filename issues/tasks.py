from celery import shared_task

from issues import anchors, recalculation, sweeps


@shared_task
def remind_of_deadlines() -> int:
    return sweeps.remind_of_deadlines()


@shared_task
def acknowledge_overdue_assignments() -> int:
    return sweeps.acknowledge_overdue_assignments()


@shared_task
def resume_suspended() -> int:
    return sweeps.resume_suspended()


@shared_task
def supervise_neglected() -> int:
    return sweeps.supervise_neglected()


@shared_task
def recalculate_provisional() -> int:
    return recalculation.recalculate_provisional()


@shared_task
def anchor_chains() -> None:
    anchors.set_anchor()
