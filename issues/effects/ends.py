"""Effects of ends that are not the last word: proposals to void, rework, revisits, reopening."""

from __future__ import annotations

from issues.choices import ApprovalKind, Contact, Decider, Decision
from issues.effects.approvals import ask, decide
from issues.effects.beside import note_contact
from issues.effects.units import all_units_leave, can_handle
from issues.models import Revisit
from issues.taking import Taking


def propose_void(step: Taking) -> None:
    ask(step, ApprovalKind.VOID, Decider.SECOND_PERSON, reason=step.data["reason"])


def back_to_work(step: Taking) -> None:
    issue = step.case.issue
    issue.outcome, issue.submitted_at = "", None
    issue.rework_count += 1


def record_revisit(step: Taking) -> None:
    case, data = step.case, step.data
    case.revisits.append(
        Revisit(
            issue=case.issue,
            at=step.at,
            round=case.issue.round,
            contact=data["contact"],
            is_solved=data.get("is_solved"),
            satisfaction=data.get("satisfaction"),
            seq=step.seq,
        )
    )
    if data["contact"] == Contact.NOT_REACHED:
        case.revisit_attempts += 1
    else:
        note_contact(step)


def redo(step: Taking) -> None:
    if step.case.pending(ApprovalKind.REVIEW):  # the leader sides with who complained
        decide(step, ApprovalKind.REVIEW, Decision.REFUSED)
    else:
        record_revisit(step)
    step.case.revisit_attempts = 0
    back_to_work(step)


def request_review(step: Taking) -> None:
    record_revisit(step)
    ask(step, ApprovalKind.REVIEW, Decider.LEADER)


def reopen(step: Taking) -> None:
    """A new round. ``steps`` has not moved the case yet: the units go if it leaves them."""
    case, issue = step.case, step.case.issue
    first, lead = issue.round == 1, case.lead
    issue.round += 1
    issue.outcome, issue.submitted_at, issue.closed_at = "", None, None
    case.revisit_attempts = 0
    lead_is_gone = lead is not None and not step.office.directory.has_handlers(
        lead.unit_id, step.day
    )
    if not first or lead_is_gone:
        all_units_leave(step)
        issue.consulted_at = None  # what was said the last time did not solve it
    elif issue.handler_id and not can_handle(step, issue.handler_id):
        issue.handler = None  # has left since; then it is everybody's there
