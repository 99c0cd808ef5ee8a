"""What holds of every case at every moment, whatever steps were taken on it."""

from __future__ import annotations

from collections import Counter

from core.workdays import Calendar
from issues import chain, recalculation
from issues.case import Case
from issues.choices import (
    TERMINAL,
    Action,
    ApprovalKind,
    ClockKind,
    Decision,
    Level,
    Status,
    Step,
)
from issues.models import Issue
from issues.states import State
from issues.workflow import RULES

RUNS_IN = {
    Status.PENDING_FIRST: Step.DIAGNOSIS,
    Status.GRID_HANDLING: Step.GRID_HANDLING,
    Status.TRIAGE: Step.TRIAGE,
    Status.ASSIGNED: Step.HANDLING,
    Status.HANDLING: Step.HANDLING,
    Status.RETURN_REVIEW: Step.RULING,
    Status.VERIFY: Step.VERIFICATION,
    Status.REVISIT: Step.REVISIT,
}
STANDS_STILL = (Status.VERIFY, Status.REVISIT, Status.SUSPENDED)  # the overall clock
PENDING_IN = {
    ApprovalKind.RETURN: {Status.RETURN_REVIEW},
    ApprovalKind.EXTENSION: {Status.HANDLING},
    ApprovalKind.SUSPENSION: {Status.HANDLING},
    ApprovalKind.VOID: {Status.PENDING_FIRST, Status.TRIAGE},
    ApprovalKind.REVIEW: {Status.REVISIT},
}


def check_history(case: Case) -> None:
    """The events lead unbroken to where the case stands, and each hash to the next."""
    issue, events = case.issue, case.events
    assert issue.version == issue.event_count == len(events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    last = events[-1]
    assert (last.to_level, last.to_status) == (issue.level, issue.status)
    assert last.hash == chain.digest_of_event(last) == issue.head_hash
    if len(events) > 1:
        before = events[-2]
        assert (last.from_level, last.from_status) == (before.to_level, before.to_status)
        assert last.prev_hash == before.hash
        assert last.at >= before.at
        origin = State(Level(last.from_level), Status(last.from_status))
        assert case.state in RULES[origin, Action(last.action)].to


def check_clocks(case: Case) -> None:
    """Which clocks run where a case stands, and that the lists see them."""
    issue, status = case.issue, Status(case.issue.status)
    runs = [c for c in case.clocks if c.ended_at is None and c.paused_at is None]
    kinds = Counter(clock.kind for clock in runs)
    step = case.running(ClockKind.STEP)
    overall = case.running(ClockKind.OVERALL)
    if status in TERMINAL:
        assert [c for c in case.clocks if c.ended_at is None] == []
    elif status == Status.SUSPENDED:
        assert set(kinds) <= {ClockKind.ORDER}
        assert sum(c.kind == ClockKind.OVERALL for c in case.clocks if c.paused_at) == 1
    else:
        assert kinds[ClockKind.STEP] == 1
        assert step is not None
        assert step.step == RUNS_IN[status]
        assert kinds[ClockKind.OVERALL] == (status not in STANDS_STILL)
    if status == Status.RETURN_REVIEW:
        waiting = case.paused(ClockKind.STEP)
        assert waiting is not None
        assert waiting.step == Step.HANDLING
    elif status != Status.SUSPENDED:
        assert not any(clock.paused_at for clock in case.clocks)
    assert issue.due_at == (step.due_at if step else None)
    assert issue.yellow_at == (step.yellow_at if step else None)
    assert issue.overall_due_at == (overall.due_at if overall else None)
    for clock in case.clocks:
        if clock.ended_at or clock.paused_at or clock.kind == ClockKind.OVERALL:
            assert clock.next_reminder_at is None
        assert bool(clock.paused_at) == bool(clock.pause_kind)
        assert bool(clock.ended_at) == bool(clock.verdict)
    co_clocks = [clock for clock in runs if clock.kind == ClockKind.CO_UNIT]
    for clock in co_clocks:
        assert clock.assignment in case.co_assignments
        assert clock.assignment.replied_at is None
    assert len({id(clock.assignment) for clock in co_clocks}) == len(co_clocks)


def check_records(case: Case) -> None:
    """What stands beside a case fits where it stands; these are the database's constraints too."""
    issue, status = case.issue, Status(case.issue.status)
    assert (issue.closed_at is not None) == (status in TERMINAL)
    assert (issue.review_at is not None) == (status == Status.SUSPENDED)
    assert (issue.master is not None) == (status == Status.MERGED)
    leads = [row for row in case.present if row.is_lead]
    assert len(leads) <= 1
    assert issue.lead_unit_id == (leads[0].unit_id if leads else None)
    if status in (Status.ASSIGNED, Status.HANDLING, Status.RETURN_REVIEW):
        assert issue.level != "grid"
        assert leads
    units = [row.unit_id for row in case.present]
    assert len(units) == len(set(units))
    pending = Counter(row.kind for row in case.approvals if row.is_pending)
    for kind, count in pending.items():
        assert count == 1
        assert status in PENDING_IN[ApprovalKind(kind)]
    if status == Status.RETURN_REVIEW:
        assert pending[ApprovalKind.RETURN] == 1
    for row in case.approvals:
        assert (row.decided_at is None) == row.is_pending
        if row.kind == ApprovalKind.EXTENSION and row.decision == Decision.APPROVED:
            assert row.new_due_at > row.old_due_at
    for order in case.supervisions:
        assert status not in TERMINAL or not order.is_open
    keys = [message.key for message in case.messages]
    assert len(keys) == len(set(keys))


def check_saved(issue: Issue, calendar: Calendar) -> None:
    """What lies in the database: the same, and where the case stands is where its events lead."""
    case = Case.load(issue)
    check_clocks(case)
    check_records(case)
    events = list(issue.events.order_by("seq"))
    stations = [("", ""), *((event.to_level, event.to_status) for event in events)]
    assert [(event.from_level, event.from_status) for event in events] == stations[:-1]
    assert (issue.level, issue.status) == stations[-1]
    assert issue.version == issue.event_count == len(events)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert [*chain.verify_cases(chain.Tally(), issue=issue)] == []
    record = recalculation.Record.load(case)
    for clock in case.clocks:
        if clock.ended_at is None:
            assert recalculation.due_of(clock, record, calendar).at == clock.due_at
