"""Reference data in memory: read once per process, and again as soon as its table has changed.

Every table whose rows are kept has a mark in ``core_edition``. Triggers (``marks_its_edition``)
give it a new random one in the transaction that writes to the table, so a value with the mark of
now is the value of now: an edit counts from its commit, and one that was rolled back has never
been. The marks of all tables cost one small statement per request or task, and one per question
outside of both.

What is kept is shared between threads and requests. Nobody changes it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from celery.signals import task_postrun, task_prerun
from django.core.signals import request_finished, request_started
from django.db import models
from django.db.models.signals import post_delete, post_save

from core.models import EDITION_TRIGGER, Edition

Value = TypeVar("Value")
Marks = tuple[uuid.UUID | None, ...]


class _Reading(threading.local):
    """What the request or task of this thread has read of the marks."""

    holds = False  # whether one reading is good until the request or task ends
    marks: dict[str, uuid.UUID] | None = None


_reading = _Reading()


class Kept(Generic[Value]):
    """What ``load`` makes of the rows of ``tables``. Declared once, at the top of a module."""

    def __init__(self, load: Callable[[], Value], *tables: type[models.Model]) -> None:
        self._load = load
        self._names = [table._meta.db_table for table in tables]
        self._kept: tuple[Marks, Value] | None = None
        for table in tables:
            triggers = getattr(table._meta, "triggers", ())
            if all(trigger.name != EDITION_TRIGGER for trigger in triggers):
                raise TypeError(f"{table.__name__} does not mark its edition")
            post_save.connect(_written, sender=table)
            post_delete.connect(_written, sender=table)

    def get(self) -> Value:
        """The value as the database has it. Read-only."""
        marks = self._marks(_reading.marks if _reading.holds else None)
        if (value := self._still_true(marks)) is not None:
            return value
        if _reading.holds:
            # Not by the marks of the request: rows that were written since would come under an
            # old mark, and stay if they are rolled back.
            marks = self._marks(None)
            if (value := self._still_true(marks)) is not None:
                return value
        fresh = self._load()
        self._kept = marks, fresh
        return fresh

    def _marks(self, known: dict[str, uuid.UUID] | None) -> Marks:
        marks = read_marks() if known is None else known
        return tuple(marks.get(name) for name in self._names)

    def _still_true(self, marks: Marks) -> Value | None:
        kept = self._kept
        return kept[1] if kept is not None and kept[0] == marks and None not in marks else None


def read_marks() -> dict[str, uuid.UUID]:
    """Read the marks of all tables; a request or task goes by them until it ends."""
    marks = dict(Edition.objects.values_list("name", "mark"))
    if _reading.holds:
        _reading.marks = marks
    return marks


def forget_marks() -> None:
    """Read the marks anew at the next question.

    For work that goes on for long, and after a bulk write to a kept table in the same request.
    """
    _reading.marks = None


def _begin(**kwargs: Any) -> None:
    _reading.holds, _reading.marks = True, None


def _end(**kwargs: Any) -> None:
    _reading.holds, _reading.marks = False, None


# Who writes to such a table asks anew each time from then on: the write may yet be rolled back.
_written = _end

request_started.connect(_begin)
request_finished.connect(_end)
task_prerun.connect(_begin)
task_postrun.connect(_end)
