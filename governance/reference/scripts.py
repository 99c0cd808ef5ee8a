"""Playing scripts in memory, through the steps of the real actions, and writing them by COPY.

A test holds the rows against those that the real actions leave behind. Scripts that are joined by
a merge are played together, in the order of their lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case as Choice
from django.db.models import DateTimeField, F, Value, When
from django.db.models.expressions import CombinedExpression

from core.models import Message
from core.workdays import Calendar, moment
from governance.reference.lines import Line, Script, midnight
from issues import actions, steps, store, sweeps
from issues.case import Case
from issues.choices import Action, Status
from issues.models import Issue, Supervision
from issues.office import Office
from issues.workflow import RULES
from people.models import User

CHUNK = 1000  # cases held in memory at a time, twice
READING = timedelta(hours=1)  # after which a message of the past was read
UNREAD_DAYS = 4  # messages of the last days are still unread
REMINDED_DAYS = 60  # how far back a running clock may have reminded

# The master's side of a merge or a split: the platform takes it with the other one.
OTHER_SIDE = (Action.ABSORB, Action.RELEASE)

Ids = tuple[int, int]  # of an issue: its key and its number of the day


def unread_since(today: date) -> datetime:
    return midnight(today - timedelta(days=UNREAD_DAYS))


def key_of(script: Script) -> UUID:
    """What a script is known by, also to the scripts that name it."""
    key: UUID = script[0].data["client_id"]
    return key


def write(scripts: Sequence[Script], *, unread_since: datetime) -> None:
    """Play in memory and write by COPY, a hundred times faster than one action after the other.

    While the database takes one chunk, a thread plays the next; that touches no database.
    """
    office = Office.whole()
    keys = [key_of(script) for script in scripts]
    ids: dict[UUID, Ids] = dict(zip(keys, store.reserve(len(scripts)), strict=True))
    chunks = list(_chunks(scripts))
    with ThreadPoolExecutor(max_workers=1) as pool:
        playing = pool.submit(_play_all, chunks[0], ids, office, unread_since)
        for chunk in chunks[1:]:
            cases = playing.result()
            playing = pool.submit(_play_all, chunk, ids, office, unread_since)
            store.copy(cases)
        store.copy(playing.result())
    _number_orders_by_time()


def in_order(scripts: Sequence[Script]) -> Iterator[tuple[Script, int]]:
    """Every line of the scripts, as the script and the line's index in it."""
    lines = [(script, index) for script in scripts for index in range(len(script))]
    yield from sorted(lines, key=lambda line: line[0][line[1]].at)


def with_issues(data: dict[str, Any], issues: dict[UUID, Issue]) -> dict[str, Any]:
    """The data of a line with the cases that it names."""
    found: dict[str, Any] = {
        name: issues[data[name]] for name in ("master", "merged") if name in data
    }
    return {**data, **found} if found else data


def _chunks(scripts: Sequence[Script]) -> Iterator[list[list[Script]]]:
    """Chunks of groups; a group is a script with those that are merged into it."""
    groups: dict[UUID, list[Script]] = {}
    for script in scripts:
        groups.setdefault(master_of(script) or key_of(script), []).append(script)
    chunk: list[list[Script]] = []
    for group in groups.values():
        chunk.append(group)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def master_of(script: Script) -> UUID | None:
    """Into which report one was merged, for good or for a while."""
    return next((line.data["master"] for line in script if line.action == Action.MERGE), None)


def _play_all(
    groups: Sequence[Sequence[Script]],
    ids: dict[UUID, Ids],
    office: Office,
    unread_since: datetime,
) -> list[Case]:
    # This thread's connection would see nothing of the load, which is not committed yet.
    with connection.execute_wrapper(_refuse_query):
        cases = [case for group in groups for case in _play(group, ids, office)]
    for case in cases:
        for message in case.messages:
            message.delivered_at = message.created_at
            if message.created_at < unread_since:
                message.read_at = message.created_at + READING
    return cases


def _refuse_query(execute: Any, sql: str, *args: Any) -> None:
    raise LookupError(f"playing in memory asks the database nothing: {sql}")


def _play(group: Sequence[Script], ids: dict[UUID, Ids], office: Office) -> list[Case]:
    cases: dict[UUID, Case] = {}
    by_key = {key_of(script): script for script in group}
    for script, index in in_order(group):
        line, key = script[index], key_of(script)
        if index == 0:
            cases[key] = _open(line, ids[key], office)
            continue
        case, data = cases[key], line.data
        if len(group) > 1:
            data = with_issues(data, {name: other.issue for name, other in cases.items()})
        if line.action == Action.RELEASE:
            data = {**data, "received_at": _first_receipt(case, data["merged"], cases)}
        told = len(case.messages)
        postings = line.by.current_postings if line.by else None
        steps.take(case, line.action, by=postings, data=data, at=line.at, office=office)
        if line.action in OTHER_SIDE:
            knows = _who_joined(by_key[line.data["merged"]], line.at)
            case.messages[told:] = [m for m in case.messages[told:] if m.recipient_id != knows]
    return list(cases.values())


def _who_joined(duplicate: Script, at: datetime) -> int | None:
    """Who merged or parted two cases at that instant, and needs no message of the other one."""
    return next(
        line.by.pk
        for line in duplicate
        if line.by and line.at == at and line.action in (Action.MERGE, Action.UNMERGE)
    )


def _open(line: Line, ids: Ids, office: Office) -> Case:
    by = reporter(line)
    issue = actions.draft(line.data, reporter=by, received_at=line.at, ids=ids)
    place = line.data["place"]
    issue.town, issue.district = place.town, place.district  # else they are read when asked for
    rule = RULES[None, Action.CREATE]
    case = Case(issue=issue)
    posting = next(p for p in by.current_postings if case.may(p, Action.CREATE, rule))
    return steps.open_case(issue, by=posting, data=line.data, at=line.at, office=office)


def _first_receipt(case: Case, released: Issue, cases: dict[UUID, Case]) -> datetime:
    """When a master was received, or the earliest of those that stay merged into it."""
    staying = [
        other.issue.received_at
        for other in cases.values()
        if other.issue.status == Status.MERGED and other.issue is not released
    ]
    return min([case.events[0].at, *staying])


def _number_orders_by_time() -> None:
    """Number the orders of each year as they were issued; chunk by chunk they were not."""
    orders = list(Supervision.objects.order_by("year", "issued_at", "id"))
    serials = sorted((order.year, order.serial) for order in orders)
    if [(order.year, order.serial) for order in orders] == serials:
        return
    highest = max(serial for _, serial in serials)
    Supervision.objects.update(serial=F("serial") + highest)  # out of the way of the new numbers
    for order, (_, serial) in zip(orders, serials, strict=True):
        order.serial = serial
    Supervision.objects.bulk_update(orders, ["serial"])


def reporter(line: Line) -> User:
    """Who takes the first step of a script; the platform itself reports nothing."""
    if line.by is None:
        raise LookupError("a script begins with somebody's report")
    return line.by


# --- what the platform has done meanwhile ---


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
