"""Effects on the units in a case: who leads, who joins, who leaves, who has it in hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.errors import NotAllowed, Refused
from issues import clocks
from issues.choices import ClockKind, Step
from issues.models import Assignment
from issues.taking import Taking
from people.choices import ORGANISATIONAL
from people.models import Organisation


def assign(step: Taking) -> None:
    order(step, step.data["lead_unit"], step.data.get("co_units") or [])


def order(
    step: Taking,
    lead: Organisation,
    co_units: list[dict[str, Any]],
    *,
    binding: bool = False,
    acknowledged: bool = False,
) -> None:
    """Make ``lead`` the lead unit, and the others co-units, from now on.

    A ``binding`` order can't be returned; an ``acknowledged`` one is not waited for.
    """
    _check_units(step, lead, co_units)
    case, issue = step.case, step.case.issue
    issue.lead_unit, issue.handler = lead, None
    acknowledge = step.limit(Step.ACKNOWLEDGEMENT)
    case.assignments.append(
        Assignment(
            issue=issue,
            unit=lead,
            is_lead=True,
            is_binding=binding,
            task=step.words,
            assigned_at=step.at,
            acknowledge_due_at=clocks.due(step.at, acknowledge, step.office.calendar).at,
            acknowledged_at=step.at if acknowledged else None,
        )
    )
    case.assignments.extend(_co_assignments(step, co_units))


def _co_assignments(step: Taking, co_units: list[dict[str, Any]]) -> list[Assignment]:
    return [
        Assignment(
            issue=step.case.issue,
            unit=row["unit"],
            is_lead=False,
            task=row.get("task", ""),
            reply_required=row.get("reply_required", True),
            assigned_at=step.at,
        )
        for row in co_units
    ]


def _check_units(step: Taking, lead: Organisation | None, co_units: list[dict[str, Any]]) -> None:
    units = [*([lead] if lead else []), *(row["unit"] for row in co_units)]
    present = {row.unit_id for row in step.case.present}
    ids = [unit.pk for unit in units]
    if len(set(ids)) < len(ids) or present & set(ids):
        raise Refused("同一单位不能重复交办。", fields={"co_units": ["单位重复。"]})
    territory = step.person.place or step.case.issue.dispatch_place
    outside = [unit.short_name for unit in units if not unit.serves_below(territory)]
    if outside:
        raise Refused(f"不在您的派单范围内：{'、'.join(outside)}。")
    if lead and not step.office.directory.has_handlers(lead.pk, step.day):
        raise Refused(
            f"{lead.short_name}没有在职的承办经办，不能作为主办单位。",
            fields={"lead_unit": ["没有在职的承办经办。"]},
        )
    for row in co_units:
        if row.get("reply_required", True) and not _has_people(step, row["unit"]):
            why = f"{row['unit'].short_name}没有在职的承办人员，不能要求回复。"
            raise Refused(why, fields={"co_units": [why]})


def _has_people(step: Taking, unit: Organisation) -> bool:
    """Whether anybody could reply for the unit: else the completion would wait for ever."""
    directory = step.office.directory
    return any(directory.in_organisation(role, unit.pk, step.day) for role in ORGANISATIONAL)


def all_units_leave(step: Taking) -> None:
    _leave(step, step.case.present)
    step.case.issue.lead_unit = step.case.issue.handler = None


def _leave(step: Taking, rows: Iterable[Assignment]) -> None:
    """The units go; they may read the case up to this step."""
    for row in rows:
        row.left_seq = step.seq


def acknowledge(step: Taking) -> None:
    lead = lead_of(step)
    lead.acknowledged_at = step.at
    lead.deemed_acknowledged = step.by is None
    step.case.issue.handler = step.by.user if step.by else None


def co_reply(step: Taking) -> None:
    row = step.case.co_assignment_of(step.person)
    if row is None:
        raise NotAllowed()
    row.replied_at = step.at


def add_co(step: Taking) -> None:
    co_units = step.data["co_units"]
    _check_units(step, None, co_units)
    step.case.assignments.extend(_co_assignments(step, co_units))


def transfer(step: Taking) -> None:
    lead = step.data["lead_unit"]
    if lead.pk == lead_of(step).unit_id:
        raise Refused("请选择另一个单位。", fields={"lead_unit": ["已由这个单位主办。"]})
    replace_lead(step, lead)


def replace_lead(step: Taking, lead: Organisation, *, by_ruling: bool = False) -> None:
    """Another unit leads; if it was a co-unit so far, it leads instead.

    A ruling is binding, and leaves nothing to acknowledge.
    """
    leaving = [row for row in step.case.present if row.is_lead or row.unit_id == lead.pk]
    _leave(step, leaving)
    for clock in step.case.clocks:
        runs = clock.kind == ClockKind.CO_UNIT and clock.ended_at is None
        if runs and clock.assignment in leaving:
            step.cancel(clock)
    order(step, lead, [], binding=by_ruling, acknowledged=by_ruling)


def lead_of(step: Taking) -> Assignment:
    lead = step.case.lead
    if lead is None:
        raise Refused("本件没有主办单位。")
    return lead


def can_handle(step: Taking, user_id: int) -> bool:
    """Whether the person can have the case in hand: in its lead unit, or else in its grid."""
    issue, directory = step.case.issue, step.office.directory
    if issue.lead_unit_id:
        return directory.is_handler(user_id, issue.lead_unit_id, step.day)
    return directory.works_at(user_id, (issue.grid_id, issue.community_id), step.day)


def hand_over(step: Taking) -> None:
    user = step.data["to"]
    if not can_handle(step, user.pk):
        why = "接手的人须在本单位或本网格任职。"
        raise Refused(why, fields={"to": [why]})
    step.case.issue.handler = user
