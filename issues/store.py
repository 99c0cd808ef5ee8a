"""Writing cases: set-wise for any number, and by COPY for the bulk of a whole district."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.utils import timezone

from core import outbox
from core.models import Message
from issues.case import Case
from issues.models import (
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Issue,
    IssueEvent,
    Photo,
    Revisit,
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
    "consulted_at",
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
    "ended_at",
    "verdict",
    "next_reminder_at",
]
ASSIGNMENT_FIELDS = ["acknowledged_at", "deemed_acknowledged", "replied_at", "left_seq"]


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
            case.issue.save(update_fields=ISSUE_FIELDS)
    _save_rows(Assignment, (row for c in cases for row in c.assignments), ASSIGNMENT_FIELDS)
    _save_rows(Clock, (row for c in cases for row in _touched_clocks(c)), CLOCK_FIELDS)
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
    ]


def _touched_clocks(case: Case) -> list[Clock]:
    """The clocks that the steps taken may have changed: what had stopped before stays as it is."""
    since = case.events[0].at
    return [c for c in case.clocks if c.ended_at is None or c.ended_at >= since]


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
