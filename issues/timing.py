"""What a step does to the clocks: each word of ``states.Clocks`` carried out."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import Refused
from issues import clocks
from issues.choices import ClockKind, PauseKind, Status, Step, Verdict
from issues.models import Assignment, Clock
from issues.office import Limit
from issues.states import STEP_OF_STATUS, Clocks
from issues.taking import Taking


def _start_overall(step: Taking) -> None:
    step.start(ClockKind.OVERALL, Step.OVERALL, step.limit(Step.OVERALL))


def _stop(step: Taking, kind: ClockKind) -> None:
    if clock := step.case.running(kind):
        clocks.stop(clock, step.at)


def _level_overall(step: Taking) -> None:
    _stop(step, ClockKind.OVERALL)
    _start_overall(step)


def _resume_overall(step: Taking) -> None:
    """Annul the stop of the submission: verifying took time that is not the unit's."""
    clock = step.last(ClockKind.OVERALL, Step.OVERALL)
    step.case.pauses.append(
        clocks.annul_stop(clock, step.at, PauseKind.VERIFICATION, step.office.calendar)
    )


def _start_step(step: Taking) -> None:
    name = STEP_OF_STATUS.get(Status(step.case.issue.status))
    if name is None:
        return
    lead = step.case.lead if name == Step.HANDLING else None
    days = step.data.get("limit_days")
    step.start(ClockKind.STEP, name, Limit(days) if days and lead else step.limit(name), lead)


def _start_units(step: Taking) -> None:
    lead = step.case.lead
    if until := step.data.get("until"):
        own = step.start_until(ClockKind.STEP, Step.HANDLING, until, lead)
        _let_overall_last(step, own)
    else:
        days = step.data.get("limit_days")
        limit = Limit(days) if days else step.limit(Step.HANDLING)
        own = step.start(ClockKind.STEP, Step.HANDLING, limit, lead)
    for row, days in _new_co_units(step):
        limit = Limit(days) if days else Limit(own.limit_value, own.limit_unit)
        clock = step.start(ClockKind.CO_UNIT, Step.HANDLING, limit, row)
        if days and clock.due_at > own.due_at:
            _refuse_co_limit("协办时限不能长于主办时限。")
        if not days:
            clocks.cap(clock, own, step.office.calendar)


def _let_overall_last(step: Taking, own: Clock) -> None:
    """Who gives a day by which to be done, past the overall limit, moves that limit too."""
    overall = step.case.running(ClockKind.OVERALL)
    if overall and overall.due_at < own.due_at:
        clocks.cap(overall, own, step.office.calendar)


def _start_co_units(step: Taking) -> None:
    """Those who join later get what is left of the overall limit, at most.

    Where nothing is left of it they get their time all the same: nobody is late from the start.
    """
    overall = step.case.running(ClockKind.OVERALL)
    if overall and overall.due_at <= step.at:
        overall = None
    for row, days in _new_co_units(step):
        limit = Limit(days) if days else step.limit(Step.HANDLING)
        clock = step.start(ClockKind.CO_UNIT, Step.HANDLING, limit, row)
        if overall and clock.due_at > overall.due_at:
            if days:
                _refuse_co_limit("协办时限不能长于总时限的剩余时间。")
            clocks.cap(clock, overall, step.office.calendar)


def _new_co_units(step: Taking) -> list[tuple[Assignment, int | None]]:
    """The co-units that this step brings in, each with its own limit in working days, if any."""
    given = {row["unit"].pk: row.get("limit_days") for row in step.data.get("co_units") or ()}
    return [
        (row, given[row.unit_id])
        for row in step.case.co_assignments
        if row.assigned_at == step.at and row.unit_id in given
    ]


def _refuse_co_limit(message: str) -> None:
    raise Refused(message, fields={"co_units": [message]})


def _start_rework(step: Taking) -> None:
    """A third of the limit that the handler of this round was given first.

    A limit that was cancelled (by a return, a transfer, a ruling) was another unit's, or is void.
    """
    name = STEP_OF_STATUS[Status(step.case.issue.status)]
    first = next(
        (
            c
            for c in step.case.clocks
            if c.kind == ClockKind.STEP
            and c.step == name
            and c.round == step.case.issue.round
            and c.verdict != Verdict.CANCELLED
        ),
        None,
    )
    # What was resolved on the spot never had a handling clock.
    whole = Limit(first.limit_value, first.limit_unit) if first else step.limit(name)
    step.start(ClockKind.STEP, name, whole.third(), step.case.lead)


def _end_co_unit(step: Taking) -> None:
    for clock in step.case.clocks:
        row = clock.assignment
        if clock.kind == ClockKind.CO_UNIT and clock.ended_at is None and row and row.replied_at:
            clocks.stop(clock, step.at)


def _cancel(step: Taking, *kinds: ClockKind) -> None:
    for clock in step.case.clocks:
        if clock.kind in kinds and clock.ended_at is None:
            step.cancel(clock)


def _pause(step: Taking, kinds: tuple[ClockKind, ...], why: PauseKind) -> None:
    for clock in step.case.clocks:
        if clock.kind in kinds and clock.ended_at is None and clock.paused_at is None:
            clocks.pause(clock, step.at, why)


def _resume(step: Taking, *kinds: ClockKind) -> None:
    for clock in step.case.clocks:
        if clock.kind in kinds and clock.paused_at is not None:
            step.case.pauses.append(clocks.resume(clock, step.at, step.office.calendar))


def _extend(step: Taking) -> None:
    """Move both clocks by the working days between the old date and the one asked for."""
    approval = next((row for row in step.case.approvals if row.decided_seq == step.seq), None)
    own, overall = step.case.running(ClockKind.STEP), step.case.running(ClockKind.OVERALL)
    if own is None or approval is None or approval.until is None:
        raise Refused("没有可以延期的办理时限。")
    calendar = step.office.calendar
    approval.old_due_at = own.due_at
    working_days = calendar.working_days_between(clocks.local_day(own.due_at), approval.until)
    if working_days < 1:  # the calendar was published since, and moved the due date past it
        raise Refused("现在的到期日已不早于申请的日期，请不予延期，由承办单位重新申请。")
    clocks.extend(own, working_days, calendar)
    approval.new_due_at = own.due_at
    if overall is not None:
        approval.old_overall_due_at = overall.due_at
        clocks.extend(overall, working_days, calendar)
        approval.new_overall_due_at = overall.due_at


def _start_order(step: Taking) -> None:
    order = step.case.supervisions[-1]
    days = step.data.get("limit_days")
    order.clock = step.start(
        ClockKind.ORDER,
        Step.SUPERVISION,
        Limit(days) if days else step.limit(Step.SUPERVISION),
    )


def _start_instruction(step: Taking) -> None:
    order = step.case.instructions[-1]
    order.clock = step.start_until(ClockKind.ORDER, Step.INSTRUCTION, step.data["until"])


def _end_order(step: Taking) -> None:
    for order in step.case.supervisions:
        if order.answered_at == step.at and order.clock.ended_at is None:
            clocks.stop(order.clock, step.at)


def _end_instruction(step: Taking) -> None:
    for order in step.case.instructions:
        if order.answered_at == step.at and order.clock.ended_at is None:
            clocks.stop(order.clock, step.at)


def _recalculate(step: Taking) -> None:
    """Set what ``data`` says: the arithmetic is in ``issues.recalculation``."""
    for clock in step.case.clocks:
        if due := step.data["due"].get(clock.pk):
            clocks.set_due(clock, due, step.office.calendar)
    lead = step.case.lead
    if lead and (acknowledge_due_at := step.data.get("acknowledge_due_at")):
        lead.acknowledge_due_at = acknowledge_due_at
    if contact_due_at := step.data.get("contact_due_at"):
        step.case.issue.contact_due_at = contact_due_at


CLOCK_RULES: dict[Clocks, Callable[[Taking], None]] = {
    Clocks.START_OVERALL: _start_overall,
    Clocks.LEVEL_OVERALL: _level_overall,
    Clocks.STOP_OVERALL: lambda step: _stop(step, ClockKind.OVERALL),
    Clocks.RESUME_OVERALL: _resume_overall,
    Clocks.RESUME_OVERALL_ALONE: lambda step: _resume(step, ClockKind.OVERALL),
    Clocks.END_STEP: lambda step: _stop(step, ClockKind.STEP),
    Clocks.CANCEL_STEP: lambda step: _cancel(step, ClockKind.STEP),
    Clocks.START_STEP: _start_step,
    Clocks.START_UNITS: _start_units,
    Clocks.START_CO_UNITS: _start_co_units,
    Clocks.START_REWORK: _start_rework,
    Clocks.END_CO_UNIT: _end_co_unit,
    Clocks.CANCEL_CO_UNITS: lambda step: _cancel(step, ClockKind.CO_UNIT),
    Clocks.PAUSE_UNIT: lambda step: _pause(step, (ClockKind.STEP,), PauseKind.RETURN),
    Clocks.RESUME_UNIT: lambda step: _resume(step, ClockKind.STEP),
    Clocks.PAUSE_ALL: lambda step: _pause(
        step, (ClockKind.STEP, ClockKind.OVERALL, ClockKind.CO_UNIT), PauseKind.SUSPENSION
    ),
    Clocks.RESUME_ALL: lambda step: _resume(
        step, ClockKind.STEP, ClockKind.OVERALL, ClockKind.CO_UNIT
    ),
    Clocks.EXTEND: _extend,
    Clocks.CANCEL_ALL: lambda step: _cancel(step, *ClockKind),
    Clocks.START_ORDER: _start_order,
    Clocks.START_INSTRUCTION: _start_instruction,
    Clocks.END_ORDER: _end_order,
    Clocks.END_INSTRUCTION: _end_instruction,
    Clocks.RECALCULATE: _recalculate,
}
