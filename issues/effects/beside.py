"""Effects beside the way: contacts, urging, supervision orders, leaders' instructions."""

from __future__ import annotations

from datetime import timedelta

from core.errors import Refused
from issues.choices import Contact, Respondent, SupervisionCause
from issues.effects.approvals import LONGEST_TASK, refuse_day
from issues.models import Instruction, Supervision
from issues.taking import Taking


def note_contact(step: Taking) -> None:
    issue = step.case.issue
    if issue.contacted_at is None:
        issue.contacted_at = step.at


def contact(step: Taking) -> None:
    if step.data["contact"] == Contact.REACHED:
        note_contact(step)


def urge(step: Taking) -> None:
    step.case.issue.urged_at = step.at


def supervise(step: Taking) -> None:
    case = step.case
    cause = step.data.get("cause", SupervisionCause.BY_HAND)
    causes = {row.cause for row in case.supervisions if row.is_open}
    if cause != SupervisionCause.BY_HAND and cause in causes:
        raise Refused("同一事由已有未销号的督办单。")
    case.supervisions.append(
        Supervision(
            issue=case.issue,
            district_id=case.issue.district_id,
            year=step.day.year,
            grade=step.data["grade"],
            cause=cause,
            issued_at=step.at,
            issued_seq=step.seq,
        )
    )


def answer_supervision(step: Taking) -> None:
    for row in step.case.supervisions:
        if row.is_open and row.answered_at is None:
            row.answered_at, row.answered_seq = step.at, step.seq


def strike_off(step: Taking) -> None:
    for row in step.case.supervisions:
        if row.is_open and row.answered_at is not None:
            row.struck_off_at, row.struck_off_seq = step.at, step.seq


def instruct(step: Taking) -> None:
    until = step.data["until"]
    if until < step.day:
        refuse_day("反馈期限不能早于今天。")
    if until > step.day + timedelta(days=LONGEST_TASK):
        refuse_day("反馈期限太远，请检查年份。")
    step.case.instructions.append(
        Instruction(
            issue=step.case.issue,
            leader_name=step.data["leader_name"],
            respondent=step.data.get("respondent", Respondent.LEAD_UNIT),
            at=step.at,
            seq=step.seq,
        )
    )


def answer_instruction(step: Taking) -> None:
    for row in step.case.instructions:
        if row.answered_at is None:
            row.answered_at, row.answered_seq = step.at, step.seq
