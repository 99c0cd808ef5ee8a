"""Messages are written once, delivered once, and outlive a crash and a missing Redis."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import celery
import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from core import outbox, tasks
from core.models import Message
from core.workdays import SHANGHAI
from people.models import User

T = TypeVar("T")

MORNING = datetime(2025, 9, 29, 9, 0, tzinfo=SHANGHAI)


def message(recipient: User, key: str = "issue:1:assigned", **fields: Any) -> Message:
    return Message(key=key, recipient=recipient, kind="assigned", title="新的交办", **fields)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often the worker was woken."""
    calls = []
    monkeypatch.setattr(celery.current_app, "send_task", lambda name, **options: calls.append(name))
    return calls


@pytest.fixture(autouse=True)
def _no_worker(woken: list[str]) -> None:
    pass


def test_a_message_with_the_same_key_is_written_once(wang: User) -> None:
    outbox.post([message(wang)])
    outbox.post([message(wang, body="又一次"), message(wang, key="issue:2:assigned")])
    assert sorted(Message.objects.values_list("key", "body")) == [
        ("issue:1:assigned", ""),
        ("issue:2:assigned", ""),
    ]


def test_a_message_is_not_in_the_inbox_before_a_worker_delivers_it(wang: User) -> None:
    outbox.post([message(wang)])
    assert outbox.unread_count(wang) == 0
    assert outbox.deliver(MORNING) == 1
    assert outbox.unread_count(wang) == 1
    assert Message.objects.inbox_of(wang).get().delivered_at == MORNING


def test_delivering_again_delivers_nothing_again(wang: User) -> None:
    outbox.post([message(wang)])
    outbox.deliver(MORNING)
    assert outbox.deliver(MORNING + timedelta(hours=1)) == 0
    assert Message.objects.get().delivered_at == MORNING


def test_a_message_waits_until_it_may_go_out(wang: User) -> None:
    outbox.post([message(wang, not_before=MORNING)])
    assert outbox.deliver(MORNING - timedelta(seconds=1)) == 0
    assert outbox.deliver(MORNING) == 1


def test_a_batch_has_a_limit_and_the_sweep_takes_all_batches(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox.post([message(wang, key=f"issue:{n}") for n in range(5)])
    assert outbox.deliver(MORNING, limit=2) == 2
    assert outbox.deliver_all(MORNING) == 3


def test_the_task_delivers_what_a_crash_left_behind(wang: User) -> None:
    """The process died between the commit and the wake-up: the row is still there."""
    Message.objects.bulk_create([message(wang)])
    with time_machine.travel(MORNING, tick=False):
        tasks.deliver_messages()
        tasks.deliver_messages()
    assert Message.objects.get().delivered_at == MORNING


def test_the_worker_is_woken_after_the_commit_and_not_before(
    wang: User, woken: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        outbox.post([message(wang)])
        assert woken == []
    assert woken == ["core.tasks.deliver_messages"]


def test_history_that_was_delivered_long_ago_wakes_nobody(
    wang: User, woken: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        outbox.post([message(wang, delivered_at=MORNING)])
    assert woken == []
    assert outbox.deliver(MORNING) == 0


def test_a_missing_redis_fails_no_request_and_loses_no_message(
    wang: User,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    without_redis = celery.Celery(broker=f"redis+socket://{tmp_path}/no.sock", set_as_current=False)
    monkeypatch.setattr(outbox, "current_app", without_redis)
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        outbox.post([message(wang)])
    assert "the next sweep will deliver" in caplog.text
    assert outbox.deliver() == 1


def test_the_inbox_is_ones_own_and_newest_first(wang: User, zhou: User) -> None:
    for hour, key in enumerate(["first", "second"]):
        outbox.post([message(wang, key=key), message(zhou, key=f"{key}:zhou")])
        outbox.deliver(MORNING + timedelta(hours=hour))
    assert [row.key for row in Message.objects.inbox_of(wang)] == ["second", "first"]


def test_only_ones_own_messages_can_be_marked_as_read(wang: User, zhou: User) -> None:
    outbox.post([message(wang, key="wang"), message(zhou, key="zhou")])
    outbox.deliver()
    every_id = Message.objects.values_list("pk", flat=True)
    assert outbox.mark_read(by=wang, message_ids=list(every_id)) == 1
    assert (outbox.unread_count(wang), outbox.unread_count(zhou)) == (0, 1)
    assert outbox.mark_read(by=wang) == 0
    assert outbox.mark_read(by=zhou) == 1


def test_a_message_cannot_be_read_before_it_is_delivered(wang: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        message(wang, read_at=timezone.now()).save()


def test_the_inbox_and_the_sweep_have_their_indexes(wang: User) -> None:
    """With sequential scans switched off, the planner must find the index that was made for it."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    inbox = Message.objects.inbox_of(wang)
    waiting = Message.objects.filter(delivered_at__isnull=True).order_by("id")
    assert "message_unread" in inbox.unread().explain()
    assert "message_inbox" in inbox.explain()
    assert "message_undelivered" in waiting.explain()


# --- several workers, on a real database ---


@pytest.fixture
def a_hundred(committed_db: str, _no_worker: None) -> None:
    wang = get_user_model().objects.create_user("wang.li", full_name="王丽")
    outbox.post([message(wang, key=f"issue:{n}") for n in range(100)])


def in_a_thread(work: Callable[[], T]) -> T:
    """Run and close the thread's own connection."""
    try:
        return work()
    finally:
        connections.close_all()


def test_workers_side_by_side_deliver_each_message_once(a_hundred: None) -> None:
    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(in_a_thread, lambda: outbox.deliver(limit=7)) for _ in range(40)]
        delivered = [job.result() for job in jobs]
    assert sum(delivered) == 100
    assert outbox.deliver() == 0


def test_what_a_killed_worker_held_is_passed_over_and_delivered_later(a_hundred: None) -> None:
    held, killed = Event(), Event()

    def deliver_and_die() -> None:
        with transaction.atomic():
            outbox.deliver(limit=30)
            held.set()
            assert killed.wait(20)
            transaction.set_rollback(True)

    with ThreadPoolExecutor(1) as threads:
        dying = threads.submit(in_a_thread, deliver_and_die)
        assert held.wait(20)
        assert outbox.deliver_all() == 70
        killed.set()
        dying.result()
    assert outbox.deliver_all() == 30
    assert Message.objects.filter(delivered_at__isnull=True).count() == 0
