"""Playing scripts: one step at a time through the real actions, or in memory and by COPY.

Both leave the same rows behind; a test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice

from django.db.models import DateTimeField, F, Value, When
from django.db.models import Case as Choice
from django.db.models.expressions import CombinedExpression

from core.models import Message
from core.workdays import Calendar, moment
from governance.reference.stories import Script, midnight
from issues import actions, steps, store, sweeps
from issues.case import Case
from issues.choices import Action
from issues.office import Office
from issues.workflow import RULES

CHUNK = 1500  # cases held in memory at a time
READING = timedelta(hours=1)  # after which a message of the past was read
UNREAD_DAYS = 4  # messages of the last days are still unread
REMINDED_DAYS = 60  # how far back a running clock may have reminded


def unread_since(today: date) -> datetime:
    return midnight(today - timedelta(days=UNREAD_DAYS))


def act(scripts: Sequence[Script]) -> None:
    """Play through the real actions, each step at its own time."""
    for script in scripts:
        first, *rest = script
        assert first.by is not None  # somebody reports
        issue = actions.report(by=first.by, data=first.data, at=first.at)
        for version, line in enumerate(rest, start=1):
            actions.perform(
                issue.pk,
                line.action,
                by=line.by,
                data=line.data,
                expected_version=version,
                at=line.at,
            )


def write(scripts: Sequence[Script], *, unread_since: datetime) -> None:
    """Play in memory and write by COPY: the same rows, a hundred times faster."""
    office = Office.whole()
    ids = iter(store.reserve(len(scripts)))
    for chunk in _chunks(scripts):
        cases = [_play(script, next(ids), office) for script in chunk]
        for case in cases:
            for message in case.messages:
                message.delivered_at = message.created_at
                if message.created_at < unread_since:
                    message.read_at = message.created_at + READING
        store.copy(cases)


def _chunks(scripts: Sequence[Script]) -> Iterator[list[Script]]:
    rest = iter(scripts)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


def _play(script: Script, ids: tuple[int, int], office: Office) -> Case:
    first, *rest = script
    assert first.by is not None  # somebody reports
    issue = actions.draft(first.data, reporter=first.by, received_at=first.at, ids=ids)
    rule = RULES[None, Action.CREATE]
    case = Case(issue=issue)
    posting = next(p for p in first.by.current_postings if case.may(p, Action.CREATE, rule))
    case = steps.open_case(issue, by=posting, data=first.data, at=first.at, office=office)
    for line in rest:
        by = line.by.current_postings if line.by else None
        steps.take(case, line.action, by=by, data=line.data, at=line.at, office=office)
    return case


def remind(calendar: Calendar, today: date) -> None:
    """Let the clocks that still run remind as they have until ``today``, by the real sweep."""
    for days in range(REMINDED_DAYS, 0, -1):
        day = today - timedelta(days=days)
        hours = (time(9, 5), time(17, 55)) if calendar.is_working(day) else (time(12),)
        for hour in hours:
            sweeps.remind_of_deadlines(moment(day, hour))
    sweeps.remind_of_deadlines(midnight(today) - timedelta(seconds=1))


def deliver(*, unread_since: datetime) -> None:
    """Write the messages of the past as delivered, all but the last days' as read."""
    later = CombinedExpression(F("created_at"), "+", Value(READING))
    Message.objects.filter(delivered_at__isnull=True).update(
        delivered_at=F("created_at"),
        read_at=Choice(
            When(created_at__lt=unread_since, then=later),
            default=None,
            output_field=DateTimeField(),
        ),
    )
