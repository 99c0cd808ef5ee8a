"""Effects of returns: who decides, and what goes into the collection of rulings (裁定库)."""

from __future__ import annotations

from issues.choices import ApprovalKind, Decider, Decision, RulingKind
from issues.effects.approvals import ask, decide, in_this_round
from issues.effects.units import all_units_leave, lead_of, replace_lead
from issues.models import Ruling
from issues.taking import Taking
from people.models import Organisation


def request_return(step: Taking) -> None:
    again = in_this_round(step, ApprovalKind.RETURN)
    asked_of = Decider.LEADER if again else Decider.DISPATCHER
    ask(step, ApprovalKind.RETURN, asked_of, reason=step.data["reason"])


def approve_return(step: Taking) -> None:
    decide(step, ApprovalKind.RETURN, Decision.APPROVED)
    _rule(step, RulingKind.APPROVE_RETURN, None)
    all_units_leave(step)


def refuse_return(step: Taking) -> None:
    decide(step, ApprovalKind.RETURN, Decision.REFUSED)
    lead = lead_of(step)
    lead.acknowledged_at = step.at
    _rule(step, RulingKind.REFUSE_RETURN, lead.unit)


def arbitrate(step: Taking) -> None:
    unit, lead = step.data["lead_unit"], lead_of(step)
    stays = unit.pk == lead.unit_id
    decide(step, ApprovalKind.RETURN, Decision.REFUSED if stays else Decision.APPROVED)
    _rule(step, RulingKind.ARBITRATE, unit)
    if stays:
        lead.is_binding, lead.acknowledged_at = True, step.at
    else:
        replace_lead(step, unit, by_ruling=True)


def _rule(step: Taking, kind: RulingKind, unit: Organisation | None) -> None:
    issue = step.case.issue
    step.case.rulings.append(
        Ruling(
            issue=issue,
            seq=step.seq,
            at=step.at,
            kind=kind,
            level=issue.level,
            category=issue.category,
            district_id=issue.district_id,
            town_id=issue.town_id,
            from_unit_id=lead_of(step).unit_id,
            unit=unit,
        )
    )
