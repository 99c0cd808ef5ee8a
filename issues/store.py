"""Writing cases: set-wise for any number, and by COPY for the bulk of a whole district."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.utils import timezone

from core import outbox
from core.models import Message
from core.rows import Part, execute, next_keys, rows_of, saved
from issues.case import BESIDE, Case
from issues.choices import Action
from issues.models import (
    Approval,
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Instruction,
    Issue,
    IssueEvent,
    Photo,
    Relocation,
    Revisit,
    Ruling,
    Supervision,
)
from people.models import User

# What a step may change on a row that is already saved.
ISSUE_FIELDS = [
    "complexity",
    "outcome",
    "level",
    "status",
    "version",
    "round",
    "rework_count",
    "lead_unit",
    "handler",
    "master",
    "received_at",
    "consulted_at",
    "contact_due_at",
    "contacted_at",
    "urged_at",
    "review_at",
    "due_at",
    "yellow_at",
    "overall_due_at",
    "submitted_at",
    "closed_at",
    "event_count",
    "head_hash",
]
CLOCK_FIELDS = [
    "due_at",
    "yellow_at",
    "is_provisional",
    "paused_at",
    "pause_kind",
    "ended_at",
    "verdict",
    "next_reminder_at",
]
ASSIGNMENT_FIELDS = [
    "is_binding",
    "acknowledge_due_at",
    "acknowledged_at",
    "deemed_acknowledged",
    "replied_at",
    "left_seq",
]
APPROVAL_FIELDS = [
    "decision",
    "decided_at",
    "decided_seq",
    "old_due_at",
    "new_due_at",
    "old_overall_due_at",
    "new_overall_due_at",
]
SUPERVISION_FIELDS = [
    "answered_at",
    "answered_seq",
    "struck_off_at",
    "struck_off_seq",
    "is_automatic_end",
]
INSTRUCTION_FIELDS = ["answered_at", "answered_seq"]
CHANGING: dict[type[models.Model], list[str]] = {
    Clock: CLOCK_FIELDS,
    Assignment: ASSIGNMENT_FIELDS,
    Approval: APPROVAL_FIELDS,
    Supervision: SUPERVISION_FIELDS,
    Instruction: INSTRUCTION_FIELDS,
}
# What a correction may change besides.
CORRECTED_FIELDS = [
    "title",
    "description",
    "category",
    "urgency",
    "area",
    "address",
    "place",
    "district",
    "town",
    "community",
    "grid",
]


def reserve(count: int) -> list[tuple[int, int]]:
    """Reserve ``count`` pairs of issue id and day number in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval('issues_issue_id_seq'), nextval('issues_day_number')"
            " FROM generate_series(1, %s)",
            [count],
        )
        return cursor.fetchall()


def reserve_for(reporter: User, client_ids: Sequence[UUID]) -> list[tuple[int, int] | None]:
    """``reserve`` for reports, by the ids that the reporter's device gave them; None for one that
    the reporter has sent before, also earlier in the same list.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE_FOR, [list(client_ids), reporter.pk])
        found = cursor.fetchall()
    seen: set[UUID] = set()
    ids: list[tuple[int, int] | None] = []
    for client_id, pk, day_number in found:
        ids.append(None if pk is None or client_id in seen else (pk, day_number))
        seen.add(client_id)
    return ids


_RESERVE_FOR = """
    SELECT given.client_id,
        CASE WHEN issue.id IS NULL THEN nextval('issues_issue_id_seq') END,
        CASE WHEN issue.id IS NULL THEN nextval('issues_day_number') END
    FROM unnest(%s::uuid[]) WITH ORDINALITY given (client_id, position)
    LEFT JOIN issues_issue issue
        ON issue.client_id = given.client_id AND issue.reporter_id = %s
    ORDER BY given.position
"""


def number(received_at: datetime, day_number: int) -> str:
    """The case number that people say on the phone: the day of receipt and a sequence with gaps."""
    return f"{timezone.localdate(received_at):%Y%m%d}-{day_number:05d}"


def save(cases: Sequence[Case], *, new: bool = False) -> None:
    """Write what the steps have changed, in the caller's transaction: in two statements, for one
    case as for hundreds. A supervision order takes one more, for its number.

    ``new`` cases are inserted; others are locked rows that already exist. The first statement holds
    what stops or stands still and draws the keys of new rows, the second one what runs from now on:
    so two step clocks of a case never run at once, which the database would refuse.
    """
    changed = _Changes.of(cases)
    issues = [case.issue for case in cases]
    fresh: dict[type[models.Model], list[Any]] = {Issue: issues} if new else {}
    fresh |= changed.fresh
    standing = [] if new else [*_update_issues(cases), *_updates(changed.standing)]
    _draw_keys(standing, changed.fresh)
    number_orders(changed.fresh.get(Supervision, []))
    messages = [message for case in cases for message in case.messages]
    execute(
        [
            *_updates(changed.running),
            *(rows_of(model).insert(rows) for model, rows in fresh.items()),
            *outbox.posting(messages),
        ]
    )
    for rows in fresh.values():
        saved(rows)
    outbox.wake_worker(messages)


@dataclass(frozen=True)
class _Changes:
    """The rows beside the cases that the steps have added or changed, by model."""

    fresh: dict[type[models.Model], list[Any]]
    standing: dict[type[models.Model], list[Any]]
    running: dict[type[models.Model], list[Any]]

    @classmethod
    def of(cls, cases: Sequence[Case]) -> _Changes:
        changes = cls({}, {}, {})
        for case in cases:
            for name, model in BESIDE.items():
                for row in getattr(case, name):
                    if row.pk is None:
                        changes.fresh.setdefault(model, []).append(row)
                    elif _differs(row, case.as_read.get((name, row.pk)), CHANGING[model]):
                        runs = model is Clock and row.ended_at is None and row.paused_at is None
                        changed = changes.running if runs else changes.standing
                        changed.setdefault(model, []).append(row)
        for model, rows in _additions(cases):
            if rows:
                changes.fresh[model] = rows
        return changes


def _differs(row: Any, before: dict[str, Any] | None, fields: Sequence[str]) -> bool:
    now = row.__dict__
    return before is None or any(now[name] != before[name] for name in fields)


def _updates(changed: dict[type[models.Model], list[Any]]) -> list[Part]:
    return [rows_of(model).update(rows, CHANGING[model]) for model, rows in changed.items()]


def _update_issues(cases: Iterable[Case]) -> list[Part]:
    """Only a correction writes words and place, which are indexed for search and scope."""
    corrected: list[Issue] = []
    others: list[Issue] = []
    for case in cases:
        is_corrected = any(event.action == Action.CORRECT for event in case.events)
        (corrected if is_corrected else others).append(case.issue)
    issue = rows_of(Issue)
    return [
        issue.update(rows, fields)
        for rows, fields in (
            (others, ISSUE_FIELDS),
            (corrected, [*ISSUE_FIELDS, *CORRECTED_FIELDS]),
        )
        if rows
    ]


def _draw_keys(standing: Sequence[Part], fresh: Mapping[type[models.Model], list[Any]]) -> None:
    """Write what stands, and give the new rows their keys, by which others refer to them."""
    numbered = {
        model: rows for model, rows in fresh.items() if isinstance(model._meta.pk, models.AutoField)
    }
    select, parameters = next_keys({model: len(rows) for model, rows in numbered.items()})
    drawn = iter(execute(standing, select, parameters))
    for rows in numbered.values():
        for row, (pk,) in zip(rows, drawn, strict=False):
            row.pk = pk


def _additions(cases: Iterable[Case]) -> list[tuple[type[models.Model], list[Any]]]:
    """The rows that are only ever inserted, in the order of their references."""
    return [
        (ClockPause, [row for case in cases for row in case.pauses]),
        (EventText, [row for case in cases for row in case.texts]),
        (IssueEvent, [row for case in cases for row in case.events]),
        (Photo, [row for case in cases for row in case.photos]),
        (Revisit, [row for case in cases for row in case.revisits]),
        (Ruling, [row for case in cases for row in case.rulings]),
        (Relocation, [row for case in cases for row in case.relocations]),
    ]


def number_orders(orders: Sequence[Supervision]) -> None:
    """Give new supervision orders the next numbers of their district and year, without gaps.

    The row of the serial stays locked until the transaction ends, so a number is never given twice
    and none is lost with a transaction that fails.
    """
    by_year: defaultdict[tuple[int, int], list[Supervision]] = defaultdict(list)
    for order in sorted(orders, key=lambda order: order.issued_at):
        by_year[order.district_id, order.year].append(order)
    for (district_id, year), rows in sorted(by_year.items()):
        with connection.cursor() as cursor:
            cursor.execute(_NEXT_SERIALS, [district_id, year, len(rows)])
            (last,) = cursor.fetchone()
        for serial, order in enumerate(rows, start=last - len(rows) + 1):
            order.serial = serial


_NEXT_SERIALS = """
    INSERT INTO issues_supervisionserial AS serial (district_id, year, last) VALUES (%s, %s, %s)
    ON CONFLICT (district_id, year) DO UPDATE SET last = serial.last + excluded.last
    RETURNING last
"""


# --- COPY ---


def copy(cases: Sequence[Case]) -> None:
    """Write new cases by COPY: the same rows as ``save(cases, new=True)``, many times faster.

    Messages are written as they stand; nobody is woken for them.
    """
    copy_rows(Issue, [case.issue for case in cases])
    copy_rows(Assignment, [row for case in cases for row in case.assignments])
    copy_rows(Clock, [row for case in cases for row in case.clocks])
    copy_rows(Approval, [row for case in cases for row in case.approvals])
    supervisions = [row for case in cases for row in case.supervisions]
    number_orders(supervisions)
    copy_rows(Supervision, supervisions)
    copy_rows(Instruction, [row for case in cases for row in case.instructions])
    for model, rows in _additions(cases):
        copy_rows(model, rows)
    copy_rows(Message, [row for case in cases for row in case.messages])


# Fields whose Python value the driver takes as it is; every other field prepares its own.
AS_THEY_ARE = {
    models.BigAutoField,
    models.BigIntegerField,
    models.BooleanField,
    models.CharField,
    models.DateTimeField,
    models.FloatField,
    models.ForeignKey,
    models.OneToOneField,
    models.PositiveIntegerField,
    models.PositiveSmallIntegerField,
    models.TextField,
    models.UUIDField,
}


def copy_rows(model: type[models.Model], rows: Sequence[Any]) -> None:
    """COPY unsaved instances into their table, giving each the next id of the table's sequence."""
    if not rows:
        return
    fields = model._meta.concrete_fields
    key = model._meta.pk
    foreign = [field for field in fields if field.is_relation]
    # Both are looked up once, not once per value: a district has millions of values.
    database = connections[DEFAULT_DB_ALIAS]
    values_of = itemgetter(*(field.attname for field in fields))
    prepared = [(n, field) for n, field in enumerate(fields) if type(field) not in AS_THEY_ARE]
    with database.cursor() as cursor:
        if isinstance(key, models.AutoField):
            unsaved = [row for row in rows if row.pk is None]
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
                [model._meta.db_table, key.column, len(unsaved)],
            )
            for row, (pk,) in zip(unsaved, cursor.fetchall(), strict=True):
                row.pk = pk
        columns = ", ".join(f'"{field.column}"' for field in fields)
        statement = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN'
        with cursor.copy(statement) as copying:
            for row in rows:
                for field in foreign:
                    related = row._state.fields_cache.get(field.name)
                    if related is not None and row.__dict__[field.attname] is None:
                        row.__dict__[field.attname] = related.pk  # it has got its id since
                values = list(values_of(row.__dict__))
                for n, field in prepared:
                    values[n] = field.get_db_prep_save(values[n], database)
                copying.write_row(values)
        for row in rows:
            row._state.adding, row._state.db = False, database.alias
