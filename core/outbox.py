"""Messages that survive a crash: written with the change, delivered by a worker afterwards.

In-app delivery happens exactly once, because the row is the message. Redis may lose its queue: the
beat's sweep over undelivered rows is the guarantee, the wake-up after commit only makes it quick.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from celery import current_app
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from core.models import Message
from core.rows import Part, execute, rows_of

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger(__name__)

BATCH = 1000  # rows of one insert, and of one delivery

# One, for a connection that Redis has closed meanwhile. A request must not wait for a Redis that is
# away (``retry=False`` would, for six seconds, inside kombu); the sweep will deliver.
_ONE_RETRY = {"max_retries": 1, "interval_start": 0}


def post(messages: Iterable[Message]) -> None:
    """Write messages in the caller's transaction; one whose key is already there is skipped.

    Messages that carry a ``delivered_at`` (history being loaded) wake nobody.
    """
    rows = list(messages)
    for start in range(0, len(rows), BATCH):
        execute(posting(rows[start : start + BATCH]))
    wake_worker(rows)


def posting(messages: Iterable[Message]) -> list[Part]:
    """``post`` as a part of the caller's own statement; ``wake_worker`` comes after it."""
    # In the order of their keys, so that two transactions with the same keys cannot deadlock.
    rows = sorted(messages, key=lambda message: message.key)
    if not rows:
        return []
    return [rows_of(Message).insert(rows, keyless=True, conflict="ON CONFLICT (key) DO NOTHING")]


def wake_worker(messages: Iterable[Message]) -> None:
    """Once the transaction is committed, tell the worker that there is something to deliver."""
    if any(message.delivered_at is None for message in messages):
        transaction.on_commit(_wake_worker)


class Draft(NamedTuple):
    """A message to each of several people that is yet to be written, without a row's price.

    ``key`` is what it is about; each message's own is ``key:recipient``.
    """

    key: str
    recipients: Sequence[int]
    kind: str
    title: str
    body: str
    url: str
    urgent: bool
    created_at: datetime


# In the order of their keys, as in ``posting``.
INSERT_DRAFTS = """
    INSERT INTO core_message (key, recipient_id, kind, title, body, url, urgent, created_at)
    SELECT draft.key || ':' || person, person, kind, title, body, url, urgent, created_at
    FROM json_to_recordset(%s) AS draft(
        key text, recipients bigint[], kind text, title text, body text, url text, urgent bool,
        created_at timestamptz
    ), unnest(recipients) AS person
    ORDER BY (draft.key || ':' || person) COLLATE "C"
    ON CONFLICT (key) DO NOTHING
"""


def post_drafts(drafts: Iterable[Draft]) -> None:
    """As ``post``, for the thousands of messages that a sweep writes at once."""
    rows = [draft._asdict() for draft in drafts if draft.recipients]
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(INSERT_DRAFTS, [json.dumps(rows, ensure_ascii=False, default=str)])
    transaction.on_commit(_wake_worker)


def _wake_worker() -> None:
    try:
        # By name, as core.tasks stands above this module.
        current_app.send_task("core.tasks.deliver_messages", retry_policy=_ONE_RETRY)
    except (OperationalError, OSError) as error:
        logger.warning("the worker could not be woken, the next sweep will deliver: %s", error)


@transaction.atomic
def deliver(now: datetime | None = None, limit: int = BATCH) -> int:
    """Deliver up to ``limit`` messages that are due at ``now``; return how many.

    Workers may run it side by side: rows that another one holds are skipped.
    """
    now = now or timezone.now()
    due = (
        Message.objects.select_for_update(skip_locked=True)
        .filter(Q(not_before__isnull=True) | Q(not_before__lte=now), delivered_at__isnull=True)
        .order_by("id")
        .values_list("pk", flat=True)[:limit]
    )
    return Message.objects.filter(pk__in=list(due)).update(delivered_at=now)


def deliver_all(now: datetime | None = None) -> int:
    """Deliver everything that is due at ``now``, a batch per transaction; return how many."""
    total = 0
    while delivered := deliver(now):
        total += delivered
    return total


def unread_count(user: AbstractBaseUser) -> int:
    return Message.objects.inbox_of(user).unread().order_by().count()


def mark_read(*, by: AbstractBaseUser, message_ids: Collection[int] | None = None) -> int:
    """Mark the caller's own messages as read, all of them without ``message_ids``; return how many.

    Messages of other people are left alone, silently.
    """
    unread = Message.objects.inbox_of(by).unread().order_by()
    if message_ids is not None:
        unread = unread.filter(pk__in=message_ids)
    return unread.update(read_at=timezone.now())
