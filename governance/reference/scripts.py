"""Playing scripts: one step at a time through the real actions, or in memory and by COPY.

Both leave the same rows behind; a test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta

from django.db.models import Case as Choice
from django.db.models import DateTimeField, F, Value, When
from django.db.models.expressions import CombinedExpression

from core.models import Message
from core.workdays import Calendar, moment
from governance.reference.stories import Line, Script, midnight
from issues import actions, steps, store, sweeps
from issues.case import Case
from issues.choices import Action
from issues.office import Office
from issues.workflow import RULES
from people.models import User

CHUNK = 1000  # cases held in memory at a time, twice
READING = timedelta(hours=1)  # after which a message of the past was read
UNREAD_DAYS = 4  # messages of the last days are still unread
REMINDED_DAYS = 60  # how far back a running clock may have reminded


def unread_since(today: date) -> datetime:
    return midnight(today - timedelta(days=UNREAD_DAYS))


def act(scripts: Sequence[Script]) -> None:
    """Play through the real actions, each step at its own time."""
    for script in scripts:
        first, *rest = script
        issue = actions.report(by=reporter(first), data=first.data, at=first.at)
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
    """Play in memory and write by COPY: the same rows, a hundred times faster.

    While the database takes one chunk, a thread plays the next; that touches no database.
    """
    office = Office.whole()
    ids = store.reserve(len(scripts))
    chunks = [slice(start, start + CHUNK) for start in range(0, len(scripts), CHUNK)]
    with ThreadPoolExecutor(max_workers=1) as pool:
        playing = pool.submit(_play_all, scripts[chunks[0]], ids[chunks[0]], office, unread_since)
        for chunk in chunks[1:]:
            cases = playing.result()
            playing = pool.submit(_play_all, scripts[chunk], ids[chunk], office, unread_since)
            store.copy(cases)
        store.copy(playing.result())


def _play_all(
    scripts: Sequence[Script],
    ids: Sequence[tuple[int, int]],
    office: Office,
    unread_since: datetime,
) -> list[Case]:
    cases = [_play(script, pair, office) for script, pair in zip(scripts, ids, strict=True)]
    for case in cases:
        for message in case.messages:
            message.delivered_at = message.created_at
            if message.created_at < unread_since:
                message.read_at = message.created_at + READING
    return cases


def _play(script: Script, ids: tuple[int, int], office: Office) -> Case:
    first, *rest = script
    by = reporter(first)
    issue = actions.draft(first.data, reporter=by, received_at=first.at, ids=ids)
    rule = RULES[None, Action.CREATE]
    case = Case(issue=issue)
    posting = next(p for p in by.current_postings if case.may(p, Action.CREATE, rule))
    case = steps.open_case(issue, by=posting, data=first.data, at=first.at, office=office)
    for line in rest:
        postings = line.by.current_postings if line.by else None
        steps.take(case, line.action, by=postings, data=line.data, at=line.at, office=office)
    return case


def reporter(line: Line) -> User:
    """Who takes the first step of a script; the platform itself reports nothing."""
    if line.by is None:
        raise LookupError("a script begins with somebody's report")
    return line.by


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
