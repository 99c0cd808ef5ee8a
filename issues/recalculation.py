"""Counting provisional dates anew once the calendar that they reach into is published.

What was limited in working days is counted again from what is on record: the start, the limit, the
pauses and the approved extensions. A day that somebody named (in a resolution, an instruction, an
extension) stays that day. Dates that are not provisional are never touched, also when a day of a
published year is edited later; and what has stopped keeps its date and its verdict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.models import CalendarYear
from core.workdays import SHANGHAI, Calendar, Deadline, calendar, moment
from issues import actions, clocks
from issues.case import Case
from issues.choices import (
    OPEN_STATUSES,
    Action,
    ApprovalKind,
    ClockKind,
    Decision,
    Level,
    Step,
    step_at,
)
from issues.models import Approval, Clock, ClockPause, Issue, IssueEvent
from issues.office import Limit, Limits
from issues.reference import with_reference_data

BATCH = 500  # cases of one transaction

# --- the arithmetic ---


@dataclass(frozen=True)
class Record:
    """What is on record of one case: enough to count every due date from its start."""

    clocks: Sequence[Clock]
    pauses: Sequence[ClockPause]
    approvals: Sequence[Approval]
    events: Sequence[IssueEvent]

    @classmethod
    def load(cls, case: Case) -> Record:
        return cls.load_many([case])[0]

    @classmethod
    def load_many(cls, cases: Sequence[Case]) -> list[Record]:
        """The records of loaded cases, in two statements."""
        ids = [case.issue.pk for case in cases]
        clocks_by_id = {clock.pk: clock for case in cases for clock in case.clocks}
        pauses: defaultdict[int, list[ClockPause]] = defaultdict(list)
        for pause in ClockPause.objects.filter(clock__issue__in=ids).order_by("id"):
            pause.clock = clocks_by_id[pause.clock_id]  # one row, one instance
            pauses[pause.clock.issue_id].append(pause)
        wanted = [Action.INSTRUCT, Action.APPLY_RESOLUTION, Action.CORRECT]
        events: defaultdict[int, list[IssueEvent]] = defaultdict(list)
        for event in IssueEvent.objects.filter(issue__in=ids, action__in=wanted).order_by("seq"):
            events[event.issue_id].append(event)
        return [
            cls(case.clocks, pauses[case.issue.pk], case.approvals, events[case.issue.pk])
            for case in cases
        ]

    def pauses_of(self, clock: Clock) -> list[ClockPause]:
        return [row for row in self.pauses if row.clock == clock]

    def extensions_of(self, clock: Clock) -> list[Approval]:
        """The approved extensions by which the clock was moved."""
        if clock.kind not in (ClockKind.STEP, ClockKind.OVERALL):
            return []
        return [
            row
            for row in self.approvals
            if row.kind == ApprovalKind.EXTENSION
            and row.decision == Decision.APPROVED
            and clock.started_at < _decided(row)
            and (clock.ended_at is None or _decided(row) < clock.ended_at)
        ]

    def resolved_during(self, clock: Clock) -> list[Clock]:
        """The units' clocks by whose named day an overall clock was to last at least."""
        if clock.kind != ClockKind.OVERALL:
            return []
        resolved = [row.at for row in self.events if row.action == Action.APPLY_RESOLUTION]
        return [
            row
            for row in self.clocks
            if (row.kind, row.step) == (ClockKind.STEP, Step.HANDLING)
            and row.started_at in resolved
            and clock.started_at < row.started_at
            and (clock.ended_at is None or row.started_at < clock.ended_at)
        ]

    def day_named(self, clock: Clock) -> date | None:
        """The day that somebody named as the end of this clock's limit."""
        by_day = {
            (ClockKind.ORDER, Step.INSTRUCTION): Action.INSTRUCT,
            (ClockKind.STEP, Step.HANDLING): Action.APPLY_RESOLUTION,
        }
        action = by_day.get((ClockKind(clock.kind), Step(clock.step)))
        for event in self.events:
            if event.action == action and event.at == clock.started_at:
                day = date.fromisoformat(event.data["until"])
                # One that was over already when it was named gave a working day instead.
                return day if clocks.until(day) > clock.started_at else None
        return None

    def started_with(self, clock: Clock) -> Clock | None:
        """The lead unit's clock, when the co-unit's was given out by the same step."""
        return next(
            (
                row
                for row in self.clocks
                if (row.kind, row.step) == (ClockKind.STEP, Step.HANDLING)
                and row.started_at == clock.started_at
            ),
            None,
        )

    def overall_at(self, at: datetime) -> Clock | None:
        """The overall clock that ran at an instant."""
        return next(
            (
                row
                for row in reversed(self.clocks)
                if row.kind == ClockKind.OVERALL
                and row.started_at < at
                and (row.ended_at is None or row.ended_at > at)
            ),
            None,
        )

    def was_corrected_since(self, at: datetime) -> bool:
        """Whether another limit would be found for the case now than at that time."""
        return any(
            event.action == Action.CORRECT
            and event.at >= at
            and not {"category", "urgency"}.isdisjoint(event.data["changes"])
            for event in self.events
        )

    def is_ready(self, clock: Clock, calendar: Calendar) -> bool:
        """Whether the clock is to be counted anew: every year that went into it is published."""
        if not clock.is_provisional or clock.ended_at:
            return False
        touched = [clock.started_at, clock.due_at, *(p.ended_at for p in self.pauses_of(clock))]
        years = [clocks.local_day(at).year for at in touched]
        return all(map(calendar.is_published, range(min(years), max(years) + 1)))


def due_of(
    clock: Clock, record: Record, calendar: Calendar, *, before: datetime | None = None
) -> Deadline:
    """When the clock falls due by ``calendar``, or did as one saw it ``before`` an instant."""
    due = _due_at_start(clock, record, calendar)
    moves: list[tuple[datetime, ClockPause | Clock | Approval]] = [
        *((pause.ended_at, pause) for pause in record.pauses_of(clock)),
        *((row.started_at, row) for row in record.resolved_during(clock)),
        *((_decided(row), row) for row in record.extensions_of(clock)),
    ]
    for at, move in sorted(moves, key=lambda pair: pair[0]):
        if before is not None and at >= before:
            break
        if isinstance(move, ClockPause):
            due = clocks.after_pause(due, clock.limit_unit, move, calendar)
        elif isinstance(move, Clock):
            due = max(due, _due_at_start(move, record, calendar), key=_instant)
        elif clock.kind == ClockKind.STEP:
            due = _at_least_until(due, _asked_for(move), calendar)
        else:
            due = _along_with_the_unit(due, move, record, calendar)
    return due


def _due_at_start(clock: Clock, record: Record, calendar: Calendar) -> Deadline:
    if day := record.day_named(clock):
        return Deadline(clocks.until(day), provisional=False)
    own = clocks.due(clock.started_at, Limit(clock.limit_value, clock.limit_unit), calendar)
    if clock.kind != ClockKind.CO_UNIT:
        return own
    if lead := record.started_with(clock):
        its = _due_at_start(lead, record, calendar)
        same = (lead.limit_value, lead.limit_unit) == (clock.limit_value, clock.limit_unit)
        return its if same else min(own, its, key=_instant)
    if overall := record.overall_at(clock.started_at):
        its = due_of(overall, record, calendar, before=clock.started_at)
        if its.at > clock.started_at:  # else nothing is left of it, and bounds nobody
            return min(own, its, key=_instant)
    return own


def _at_least_until(due: Deadline, day: date, calendar: Calendar) -> Deadline:
    """An extension reaches to the day that was granted, and never shortens a limit."""
    at = moment(day, due.at.astimezone(SHANGHAI).time())
    provisional = due.provisional or not calendar.is_published(day.year)
    return Deadline(max(at, due.at), provisional)


def _along_with_the_unit(
    due: Deadline, extension: Approval, record: Record, calendar: Calendar
) -> Deadline:
    """An extension moves the overall limit by as many working days as the unit's."""
    unit = next(
        row
        for row in reversed(record.clocks)
        if row.kind == ClockKind.STEP and extension in record.extensions_of(row)
    )
    before = extension.old_due_at or unit.due_at
    if unit.is_provisional:
        before = due_of(unit, record, calendar, before=_decided(extension)).at
    moved = calendar.working_days_between(clocks.local_day(before), _asked_for(extension))
    return clocks.after_extension(due, moved, calendar) if moved > 0 else due


def _instant(due: Deadline) -> datetime:
    return due.at


def _decided(approval: Approval) -> datetime:
    if approval.decided_at is None:
        raise ValueError("what nobody has decided on moves no date")
    return approval.decided_at


def _asked_for(extension: Approval) -> date:
    if extension.until is None:
        raise ValueError("an extension names a day")
    return extension.until


# --- which dates, and what becomes of them ---


def recalculate_provisional(now: datetime | None = None) -> int:
    """Count anew the provisional dates that need be so no longer; return in how many cases.

    A batch is a transaction, and a case that somebody holds is left for the next run, so this may
    run twice, side by side, or die half-way. What comes out as it was only loses its mark. What
    moves does so by an event of the platform, and those who work on the case are told.
    """
    now = now or timezone.now()
    published = CalendarYear.objects.filter(published=True).values("year")
    candidates = (
        Clock.objects.filter(
            is_provisional=True,
            ended_at__isnull=True,
            due_at__year__in=published,
            issue__status__in=OPEN_STATUSES,
        )
        .order_by("issue_id")
        .values_list("issue_id", flat=True)
        .distinct()
    )
    ids = list(candidates)
    return sum(_recalculate(ids[start : start + BATCH], now) for start in range(0, len(ids), BATCH))


@transaction.atomic
def _recalculate(issue_ids: Sequence[int], now: datetime) -> int:
    """In how many of the cases a date or a mark has changed."""
    rows = Issue.objects.filter(pk__in=issue_ids).order_by("pk")
    cases = Case.load_many(with_reference_data(rows.select_for_update(skip_locked=True)))
    days = calendar()
    given: dict[int, dict[str, Any]] = {}
    confirmed: list[Clock] = []
    for case, record in zip(cases, Record.load_many(cases), strict=True):
        ready = [clock for clock in case.clocks if record.is_ready(clock, days)]
        if not ready:
            continue  # somebody was quicker
        due = {clock.pk: due_of(clock, record, days) for clock in ready}
        changes = [
            *_changed_clocks(ready, due, days),
            *_changed_promises(case, record, ready, days),
        ]
        if changes:
            given[case.issue.pk] = _step(due, changes)
        else:
            # Unless it reaches on into another year.
            confirmed += [clock for clock in ready if not due[clock.pk].provisional]
    Clock.objects.filter(pk__in=[clock.pk for clock in confirmed]).update(is_provisional=False)
    moved = actions.perform_each(
        given, Action.RECALCULATE, data=lambda issue: given[issue.pk], at=now
    )
    return moved + len({clock.issue_id for clock in confirmed})


def _step(due: Mapping[int, Deadline], changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "due": due,
        **{change.field: change.new for change in changes if change.clock_id is None},
        "clocks": [change.for_the_record() for change in changes],
        "text": "\n".join([REASON, *(change.words for change in changes)]),
    }


REASON = "放假安排已经公布，暂定的时间按工作日历重新计算。"


@dataclass(frozen=True)
class Change:
    """One instant that comes out otherwise: a clock's, or the case's own."""

    name: str
    field: str
    old: datetime
    new: datetime
    clock_id: int | None = None

    @property
    def words(self) -> str:
        return f"{self.name}：{_shown(self.old)} → {_shown(self.new)}"

    def for_the_record(self) -> dict[str, Any]:
        return {
            "clock": self.clock_id,
            "field": self.field,
            "old": self.old.isoformat(),
            "new": self.new.isoformat(),
        }


def _changed_clocks(
    ready: Sequence[Clock], due: Mapping[int, Deadline], calendar: Calendar
) -> Iterator[Change]:
    """The due dates that move; and where only the yellow lamp's instant does, that one."""
    for clock in ready:
        counted = copy(clock)
        clocks.set_due(counted, due[clock.pk], calendar)
        name = f"{step_at(clock.level, clock.step)}时限"
        if counted.due_at != clock.due_at:
            yield Change(f"{name}到期", "due_at", clock.due_at, counted.due_at, clock.pk)
        elif counted.yellow_at != clock.yellow_at:
            yield Change(f"{name}临期", "yellow_at", clock.yellow_at, counted.yellow_at, clock.pk)


def _changed_promises(
    case: Case, record: Record, ready: Sequence[Clock], calendar: Calendar
) -> Iterator[Change]:
    """The acknowledgement and the first contact have no clock: theirs is provisional when the clock
    is that started with them. A limit that a correction has changed since is left alone."""
    issue, lead = case.issue, case.lead
    first = next(clock for clock in case.clocks if clock.kind == ClockKind.OVERALL)
    promises = []
    handling = [clock for clock in ready if lead and clock.assignment == lead]
    if lead and lead.acknowledge_due_at and not lead.acknowledged_at and handling:
        promises.append(
            (Step.ACKNOWLEDGEMENT, issue.level, lead.assigned_at, lead.acknowledge_due_at)
        )
    if issue.contact_due_at and not issue.contacted_at and first.is_provisional:
        promises.append((Step.CONTACT, Level.GRID, first.started_at, issue.contact_due_at))
    limits = Limits.load() if promises else None
    for step, level, start, old in promises:
        if limits is None or record.was_corrected_since(start):
            continue
        limit = limits.find(step, level, issue.urgency, issue.category, clocks.local_day(start))
        new = clocks.due(start, limit, calendar)
        if new.at != old and not new.provisional:
            yield Change(f"{step.label}期限", FIELDS[step], old, new.at)


FIELDS = {Step.ACKNOWLEDGEMENT: "acknowledge_due_at", Step.CONTACT: "contact_due_at"}


def _shown(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
