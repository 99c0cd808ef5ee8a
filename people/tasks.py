from celery import shared_task

from people import actions


@shared_task
def settle_ended_postings() -> int:
    return actions.settle_ended_postings()
