from celery import shared_task

from core import idempotency, outbox


@shared_task
def deliver_messages() -> None:
    outbox.deliver_all()


@shared_task
def forget_old_idempotency_keys() -> None:
    idempotency.forget_old_keys()
