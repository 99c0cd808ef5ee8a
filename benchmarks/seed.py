"""Any number of cases, made from the templates: fresh ids and numbers, other times, new chains.

A copy keeps its template's place, people and units, and so its town's, grid's and body's share. It
is moved by whole days; of those that are open, so that now lies where the template was cut off. All
rows go through ``issues.store.copy_rows``, as the reference district's do.
"""

from __future__ import annotations

import gc
import os
import random
import traceback
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.db.models import DateField, DateTimeField
from django.db.models.base import ModelState
from django.utils import timezone

from benchmarks.district import CHILDREN, RARE, Template, Templates
from core.models import Message
from core.workdays import SHANGHAI
from issues import store
from issues.chain import digest_of_event
from issues.choices import Status
from issues.models import (
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Instruction,
    Issue,
    IssueEvent,
    Supervision,
)

OPEN = 0.07  # of the cases
YEARS = 3  # over which the closed ones are spread
RARE_CASES = 40  # that contain the rare word, at every size
UNREAD = timedelta(days=4)  # messages of the last days are still unread
QUIET = (10, 40)  # days ahead at which running clocks remind next: the bench says what is due
CHUNK = 500  # cases held in memory and written in one transaction
SHORT = 3  # events at most of what stands open for the sweeps
FIRST_OWN_NUMBER = 50_000  # of the day; the platform's own numbers go on from here

# Which rows hang on which others of the same case.
HANGS_ON: dict[type[models.Model], tuple[str, type[models.Model]]] = {
    Clock: ("assignment", Assignment),
    ClockPause: ("clock", Clock),
    Supervision: ("clock", Clock),
    Instruction: ("clock", Clock),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One case to be: which template, moved by how much."""

    template: Template
    moved: timedelta
    title: str = ""

    @property
    def received(self) -> datetime:
        return self.template.issue.received_at + self.moved


def plan(templates: Templates, size: int, *, now: datetime) -> list[Planned]:
    """``size`` cases in the order of their arrival, some of them open and the others closed."""
    rng = random.Random(f"plan {size}")  # noqa: S311 - repeatable, not secret
    own = templates.archive[: max(1, size // 4)]
    count_open = round(size * OPEN)
    cases = [_closed(template, rng, now) for template in own]
    cases += [_open(rng.choice(templates.open), rng, now) for _ in range(count_open)]
    rest = size - len(cases)
    cases += [_closed(rng.choice(templates.closed), rng, now) for _ in range(rest)]
    cases.sort(key=lambda case: case.received)
    # Spread evenly over the years, and over the district as chance has it.
    step = max(1, size // RARE_CASES)
    for n in range(step // 2, size, step)[:RARE_CASES]:
        cases[n] = Planned(cases[n].template, cases[n].moved, title=f"{RARE}破损松动")
    return cases


def plan_open(templates: Templates, size: int, *, now: datetime) -> list[Planned]:
    """``size`` cases that are all open, of a few steps each: for the sweeps."""
    rng = random.Random(f"open {size}")  # noqa: S311 - repeatable, not secret
    short = [t for t in templates.open if len(t.rows[IssueEvent]) <= SHORT]
    assigned = [t for t in templates.open if t.issue.status == Status.ASSIGNED]
    cases = [_open(rng.choice(assigned or short), rng, now) for _ in range(size // 20)]
    cases += [_open(rng.choice(short), rng, now) for _ in range(size - len(cases))]
    # A million cases of a few weeks would be more a day than a case number has digits for.
    earlier = [replace(c, moved=c.moved - timedelta(weeks=rng.randrange(52))) for c in cases]
    return sorted(earlier, key=lambda case: case.received)


def _closed(template: Template, rng: random.Random, now: datetime) -> Planned:
    """Moved by whole weeks to somewhere in the last years, and ended by yesterday."""
    latest = (now - timedelta(days=1) - template.end).days // 7
    earliest = latest - YEARS * 365 // 7
    return _moved(template, timedelta(weeks=rng.randint(earliest, latest)), rng)


def _open(template: Template, rng: random.Random, now: datetime) -> Planned:
    """Moved so that now lies between its last step and the one that came next."""
    if template.next_at is None:
        raise LookupError("a closed template cannot be open")
    stay = (template.next_at - template.end).total_seconds()
    ago = timedelta(seconds=rng.uniform(60, max(61, stay)))
    return Planned(template, now - ago - template.end)


def _moved(template: Template, moved: timedelta, rng: random.Random) -> Planned:
    """Not all copies of a template happen at the same minute."""
    return Planned(template, moved - timedelta(seconds=rng.randrange(3600)))


# --- writing ---


def write(cases: Sequence[Planned], *, now: datetime, processes: int = 0) -> None:
    """Write the planned cases into this database, each half by a process of its own."""
    processes = processes or os.cpu_count() or 1
    share = -(-len(cases) // processes)
    connection.close()
    children = []
    for number in range(processes):
        first = number * share
        child = os.fork()
        if child == 0:
            _write_and_exit(cases[first : first + share], first + 1, number, processes, now)
        children.append(child)
    failed = [child for child in children if os.waitpid(child, 0)[1] != 0]
    if failed:
        raise SystemExit("造数没有成功，原因见上。")
    _settle(len(cases))


def _write_and_exit(
    cases: Sequence[Planned], first_id: int, lane: int, lanes: int, now: datetime
) -> None:
    gc.disable()  # rows hold no cycles that are worth looking for
    code = 1
    try:
        copies = Copies(first_id, lane, lanes, now)
        for start in range(0, len(cases), CHUNK):
            with transaction.atomic():
                copies.write(cases[start : start + CHUNK])
        connection.close()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)  # this is half of another process: nothing of that one may be cleaned up


class Copies:
    """Makes copies of templates, as one of several lanes that must not use the same numbers."""

    def __init__(self, first_id: int, lane: int, lanes: int, now: datetime) -> None:
        self.next_id = first_id
        self.lane, self.lanes = lane, lanes
        self.now = now
        self.unread_since = now - UNREAD
        self.rng = random.Random(f"copies {lane}")  # noqa: S311 - repeatable, not secret
        self.of_the_day: defaultdict[date, int] = defaultdict(int)
        self.of_the_year: defaultdict[int, int] = defaultdict(int)
        self.rows: dict[type[models.Model], list[Any]] = {}

    def write(self, cases: Sequence[Planned]) -> None:
        tables: tuple[type[models.Model], ...] = (Issue, *CHILDREN)
        self.rows = {model: [] for model in tables}
        for case in cases:
            self._copy(case)
        for model, rows in self.rows.items():
            store.copy_rows(model, rows)

    def _copy(self, case: Planned) -> None:
        template, moved = case.template, case.moved
        issue = _clone(template.issue, moved)
        issue.pk, self.next_id = self.next_id, self.next_id + 1
        issue.number = self._number(issue.received_at)
        issue.client_id = self._uuid()
        if case.title:
            issue.title = case.title
            issue.description = f"{case.title}，行人和车辆经过有危险。{issue.description}"
        clones: dict[type[models.Model], dict[Any, Any]] = {}
        for model in CHILDREN:
            if model is Message:
                self.rows[Message].extend(self._messages(template, issue, moved))
                continue
            clones[model] = own = {}
            for row in template.rows.get(model, ()):
                copy = own[row.pk] = _clone(row, moved)
                if model is EventText:
                    copy.pk = self._uuid()
                    continue
                if "issue_id" in copy.__dict__:
                    copy.__dict__["issue_id"] = issue.pk
                if model in HANGS_ON:
                    _hang(copy, row, *HANGS_ON[model], clones)
                if model is Clock and copy.next_reminder_at is not None:
                    copy.next_reminder_at = self._quiet()
                if model is Supervision:
                    copy.year, copy.serial = self._serial(copy.issued_at)
            self.rows[model].extend(own.values())
        if issue.status == Status.ASSIGNED:
            for row in clones[Assignment].values():
                if row.acknowledge_due_at and not row.acknowledged_at:
                    row.acknowledge_due_at = self._quiet()
        issue.head_hash = _chain(clones[IssueEvent].values(), clones[EventText])
        self.rows[Issue].append(issue)

    def _messages(self, template: Template, issue: Issue, moved: timedelta) -> Iterator[Message]:
        old = template.issue
        for row in template.rows.get(Message, ()):
            copy = _clone(row, moved)
            copy.key = row.key.replace(f"issue:{old.pk}:", f"issue:{issue.pk}:", 1)
            copy.body = row.body.replace(old.number, issue.number)
            copy.url = f"/issues/{issue.pk}/"
            if copy.created_at > self.unread_since:
                copy.read_at = None
            yield copy

    def _number(self, received_at: datetime) -> str:
        """The case number, counted anew each day; the lanes take turns."""
        day = received_at.astimezone(SHANGHAI).date()
        self.of_the_day[day] += 1
        return f"{day:%Y%m%d}-{self.of_the_day[day] * self.lanes - self.lane:05d}"

    def _serial(self, issued_at: datetime) -> tuple[int, int]:
        year = issued_at.astimezone(SHANGHAI).year
        self.of_the_year[year] += 1
        return year, self.of_the_year[year] * self.lanes - self.lane

    def _uuid(self) -> uuid.UUID:
        return uuid.UUID(int=self.rng.getrandbits(128), version=4)

    def _quiet(self) -> datetime:
        return self.now + timedelta(days=self.rng.uniform(*QUIET))


def _clone(row: Any, moved: timedelta) -> Any:
    """A second row like this one, its dates and times moved; unsaved and without a key.

    Past the constructor and the descriptors, which for forty million rows would take minutes.
    """
    copy = row.__class__.__new__(row.__class__)
    values = copy.__dict__
    values.update(row.__dict__)
    values["_state"] = _UNSAVED
    values["id"] = None
    for name in _dates_of(row.__class__):
        if (at := values[name]) is not None:
            values[name] = at + moved
    return copy


# Shared by all copies that hang on nothing: it says only that they are not saved.
_UNSAVED = ModelState()
_DATES: dict[type[models.Model], list[str]] = {}


def _dates_of(model: type[models.Model]) -> list[str]:
    if model not in _DATES:
        _DATES[model] = [
            field.attname
            for field in model._meta.concrete_fields
            if isinstance(field, DateField | DateTimeField)
        ]
    return _DATES[model]


def _hang(
    copy: Any,
    row: Any,
    name: str,
    on: type[models.Model],
    clones: dict[type[models.Model], dict[Any, Any]],
) -> None:
    """Let the copy point to the copy of what its original points to; that has no key yet."""
    old = getattr(row, f"{name}_id")
    if old is None:
        return
    copy._state = ModelState()
    copy._state.fields_cache = {name: clones[on][old]}
    copy.__dict__[f"{name}_id"] = None


def _chain(events: Any, texts: dict[Any, EventText]) -> str:
    """Hash the events of one case anew, in their order; return the last hash."""
    head = ""
    for event in sorted(events, key=lambda event: event.seq):
        if event.text_id is not None:
            event.text_id = texts[event.text_id].pk
        event.prev_hash = head
        event.hash = head = digest_of_event(event)
    return head


def _settle(size: int) -> None:
    """Let the platform's own counters go on behind the seed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('issues_issue_id_seq', %s)", [size])
        cursor.execute("SELECT setval('issues_day_number', %s)", [FIRST_OWN_NUMBER])
        cursor.execute(
            "INSERT INTO issues_supervisionserial (district_id, year, last)"
            " SELECT district_id, year, max(serial) FROM issues_supervision"
            " GROUP BY district_id, year"
        )


def now() -> datetime:
    return timezone.now().replace(microsecond=0)
