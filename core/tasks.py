import uuid

from celery import shared_task

from core import export_files, idempotency, outbox


@shared_task
def deliver_messages() -> None:
    outbox.deliver_all()


@shared_task
def forget_old_idempotency_keys() -> None:
    idempotency.forget_old_keys()


@shared_task
def make_export(export_id: str) -> None:
    export_files.make(uuid.UUID(export_id))


@shared_task
def sweep_exports() -> None:
    export_files.sweep()
