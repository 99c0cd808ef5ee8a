"""Effects of what is asked and decided: extension, suspension, and how every such thing is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, NoReturn

from core.errors import Refused
from issues import clocks
from issues.choices import (
    ApprovalKind,
    ClockKind,
    Decider,
    Decision,
    Outcome,
    SuspensionKind,
)
from issues.effects.units import all_units_leave, order
from issues.models import Approval
from issues.taking import Taking

LONGEST_EXTENSION = 10  # working days
LONGEST_SUSPENSION = 90  # natural days
LONGEST_WAIT_FOR_A_MEETING = 60  # natural days
LONGEST_TASK = 3 * 366  # natural days: a limit that was given as a day


def ask(
    step: Taking, kind: ApprovalKind, asked_of: Decider, *, reason: str = "", **more: Any
) -> Approval:
    case = step.case
    approval = Approval(
        issue=case.issue,
        kind=kind,
        asked_of=asked_of,
        nth=1 + len(in_this_round(step, kind)),
        round=case.issue.round,
        reason=reason,
        unit=case.issue.lead_unit,
        asked_at=step.at,
        asked_by_id=step.person.user_id,
        asked_seq=step.seq,
        **more,
    )
    case.approvals.append(approval)
    return approval


def in_this_round(step: Taking, kind: ApprovalKind) -> list[Approval]:
    case = step.case
    return [row for row in case.approvals if row.kind == kind and row.round == case.issue.round]


def decide(step: Taking, kind: ApprovalKind, decision: Decision) -> Approval:
    approval = step.case.pending(kind)
    if approval is None:
        raise Refused(f"没有等待审批的{kind.label}申请。")
    approval.decision = decision
    approval.decided_at, approval.decided_seq = step.at, step.seq
    return approval


def decision(kind: ApprovalKind, outcome: Decision) -> Callable[[Taking], None]:
    """The effect of a step that decides and does nothing else."""

    def effect(step: Taking) -> None:
        decide(step, kind, outcome)

    return effect


# --- extension ---


def request_extension(step: Taking) -> None:
    running, until = step.case.running(ClockKind.STEP), step.data["until"]
    if running is None:
        raise Refused("没有可以延期的办理时限。")
    due_day, calendar = clocks.local_day(running.due_at), step.office.calendar
    if until <= due_day:
        refuse_day(f"须晚于现在的到期日 {due_day:%Y-%m-%d}。")
    if not calendar.is_working(until):
        refuse_day("须是工作日。")
    if calendar.working_days_between(due_day, until) > LONGEST_EXTENSION:
        latest = calendar.add_working_days(due_day, LONGEST_EXTENSION)
        refuse_day(f"最多延期 {LONGEST_EXTENSION} 个工作日，至 {latest:%Y-%m-%d}。")
    again = any(
        row.decision == Decision.APPROVED for row in in_this_round(step, ApprovalKind.EXTENSION)
    )
    asked_of = Decider.LEADER if again else Decider.DISPATCHER
    ask(step, ApprovalKind.EXTENSION, asked_of, until=until)


# --- suspension ---


def request_suspension(step: Taking) -> None:
    kind, until = step.data["kind"], step.data["until"]
    for_a_meeting = kind == SuspensionKind.MEETING
    _check_review_day(step, LONGEST_WAIT_FOR_A_MEETING if for_a_meeting else LONGEST_SUSPENSION)
    ask(step, ApprovalKind.SUSPENSION, Decider.LEADER, reason=kind, until=until)


def suspend(step: Taking) -> None:
    approval = decide(step, ApprovalKind.SUSPENSION, Decision.APPROVED)
    if approval.until is None or approval.until <= step.day:
        raise Refused("申请的复核日期已过，请不予挂起，由承办单位重新申请。")
    _review_on(step, approval.until)


def propose_to_meeting(step: Taking) -> None:
    """A proposal is its own approval: the joint meeting decides on the matter itself."""
    _check_review_day(step, LONGEST_WAIT_FOR_A_MEETING)
    until = step.data["until"]
    ask(step, ApprovalKind.SUSPENSION, Decider.LEADER, reason=SuspensionKind.MEETING, until=until)
    decide(step, ApprovalKind.SUSPENSION, Decision.APPROVED)
    _review_on(step, until)


def _check_review_day(step: Taking, longest: int) -> None:
    until = step.data["until"]
    if until <= step.day:
        refuse_day("复核日期须在今天之后。")
    if until > step.day + timedelta(days=longest):
        refuse_day(f"复核日期须在 {longest} 天之内。")


def refuse_day(message: str) -> NoReturn:
    raise Refused(message, fields={"until": [message]})


def _review_on(step: Taking, day: date) -> None:
    """The case is taken up again at nine in the morning of the review day."""
    step.case.issue.review_at = clocks.morning(day)


def resume(step: Taking) -> None:
    step.case.issue.review_at = None


def apply_resolution(step: Taking) -> None:
    """What a joint meeting decided on is not for a unit to return."""
    if step.data["until"] > step.day + timedelta(days=LONGEST_TASK):
        refuse_day("完成时限太远，请检查年份。")
    step.case.issue.review_at = None
    all_units_leave(step)
    order(step, step.data["lead_unit"], step.data.get("co_units") or [], binding=True)


def convert(step: Taking) -> None:
    issue = step.case.issue
    issue.review_at = None
    issue.outcome = Outcome.TO_PROJECT
