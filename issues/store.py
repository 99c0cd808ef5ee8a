"""Writing cases: set-wise for any number, and by COPY for the bulk of a whole district."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.utils import timezone

from core import outbox
from core.models import Message
from issues.case import Case
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
    SupervisionSerial,
)

BATCH = 2000

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


def number(received_at: datetime, day_number: int) -> str:
    """The case number that people say on the phone: the day of receipt and a sequence with gaps."""
    return f"{timezone.localdate(received_at):%Y%m%d}-{day_number:05d}"


def save(cases: Sequence[Case], *, new: bool = False) -> None:
    """Write what the steps have changed, in the caller's transaction; one statement per table.

    ``new`` cases are inserted; others are locked rows that already exist.
    """
    if new:
        Issue.objects.bulk_create([case.issue for case in cases], batch_size=BATCH)
    else:
        for case in cases:
            corrected = any(event.action == Action.CORRECT for event in case.events)
            fields = [*ISSUE_FIELDS, *CORRECTED_FIELDS] if corrected else ISSUE_FIELDS
            case.issue.save(update_fields=fields)
    _save_rows(Assignment, (row for c in cases for row in c.assignments), ASSIGNMENT_FIELDS)
    _save_rows(Clock, (row for c in cases for row in _touched_clocks(c)), CLOCK_FIELDS)
    number_orders([row for c in cases for row in c.supervisions if row.pk is None])
    _save_rows(Approval, (row for c in cases for row in _touched(c, c.approvals)), APPROVAL_FIELDS)
    _save_rows(
        Supervision, (row for c in cases for row in _touched(c, c.supervisions)), SUPERVISION_FIELDS
    )
    _save_rows(
        Instruction, (row for c in cases for row in _touched(c, c.instructions)), INSTRUCTION_FIELDS
    )
    for model, rows in _additions(cases):
        if rows:
            model._default_manager.bulk_create(rows, batch_size=BATCH)
    outbox.post(message for case in cases for message in case.messages)


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
        SupervisionSerial.objects.bulk_create(
            [SupervisionSerial(district_id=district_id, year=year, last=0)], ignore_conflicts=True
        )
        serial = SupervisionSerial.objects.select_for_update().get(
            district_id=district_id, year=year
        )
        for order in rows:
            serial.last += 1
            order.serial = serial.last
        serial.save(update_fields=["last"])


def _touched(case: Case, records: Sequence[Any]) -> list[Any]:
    """The records that the steps taken have added or brought on, told by the events they name."""
    since = case.events[0].seq
    marks = ("decided_seq", "answered_seq", "struck_off_seq")
    return [
        row
        for row in records
        if row.pk is None or any((getattr(row, mark, None) or 0) >= since for mark in marks)
    ]


def _touched_clocks(case: Case) -> list[Clock]:
    """The clocks that the steps taken may have changed: what had stopped before stays as it is.

    Those that stand still now come first, so that at no moment two step clocks of a case run.
    """
    since = case.events[0].at
    touched = [c for c in case.clocks if c.ended_at is None or c.ended_at >= since]
    return sorted(touched, key=lambda c: c.ended_at is None and c.paused_at is None)


def _save_rows(model: type[models.Model], rows: Iterable[Any], fields: list[str]) -> None:
    """Update the few rows that exist one by one (bulk_update costs more), insert the others."""
    fresh = []
    for row in rows:
        if row.pk is None:
            fresh.append(row)
        else:
            row.save(update_fields=fields)
    if fresh:
        model._default_manager.bulk_create(fresh, batch_size=BATCH)


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
