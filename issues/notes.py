"""What stands beside a case and is to be seen first: instructions, orders, what is asked, merging.

Read from a loaded case; the words of each come from the history that its reader sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.utils import timezone

from core.workdays import Calendar
from issues.case import Case
from issues.choices import (
    ApprovalKind,
    Decision,
    Lamp,
    ReturnReason,
    Status,
    SuspensionKind,
    VoidReason,
)
from issues.models import Approval, Clock, Issue
from issues.story import Entry
from issues.waits import time_left
from people.models import User


class Other(NamedTuple):
    """Another case. ``is_open``: it is in the reader's territory or was reported by them; of others
    they are told the number alone.
    """

    issue: Issue
    is_open: bool


@dataclass(frozen=True)
class Note:
    """One thing to know. ``lamp`` and ``standing`` are those of its own clock, if one runs."""

    icon: str
    title: str
    facts: list[str]
    words: str = ""
    lamp: Lamp | None = None
    standing: str = ""
    cases: tuple[Other, ...] = ()


def notes(
    case: Case, entries: Iterable[Entry], *, user: User, now: datetime, calendar: Calendar
) -> list[Note]:
    """What is still open beside the case, leaders' words first. One query, for merged cases.

    A reader is told of the steps that their history tells.
    """
    told = {entry.seq: entry.text for entry in entries}
    return [
        *_instructions(case, told, now, calendar),
        *_supervisions(case, told, now, calendar),
        *_asked(case, told),
        *_suspension(case, told),
        *_merged(case, user),
    ]


def _instructions(
    case: Case, told: Mapping[int, str], now: datetime, calendar: Calendar
) -> list[Note]:
    return [
        Note(
            icon="pencil-square",
            title=f"{row.leader_name}批示",
            facts=[
                f"{_day(row.at)}，{row.get_respondent_display()}"
                + (f" {_day(row.answered_at)} 已反馈" if row.answered_at else "反馈")
            ],
            words=told[row.seq],
            lamp=_lamp(row.clock, now),
            standing=_standing(row.clock, now, calendar),
        )
        for row in case.instructions
        if row.seq in told
    ]


def _supervisions(
    case: Case, told: Mapping[int, str], now: datetime, calendar: Calendar
) -> list[Note]:
    return [
        Note(
            icon="exclamation-triangle",
            title=f"{row.get_grade_display()} {row.number}",
            facts=[
                f"{_day(row.issued_at)}，{row.get_cause_display()}",
                f"{_day(row.answered_at)} 已反馈，待销号" if row.answered_at else "待反馈",
            ],
            words=told[row.issued_seq],
            lamp=_lamp(row.clock, now),
            standing=_standing(row.clock, now, calendar),
        )
        for row in case.supervisions
        if row.is_open and row.issued_seq in told
    ]


def _asked(case: Case, told: Mapping[int, str]) -> list[Note]:
    return [
        Note(
            icon="hourglass-split",
            title=f"{row.get_kind_display()}申请，待{row.get_asked_of_display()}审批",
            facts=[fact for fact in (_who_asked(row), _reason(row), _until(row)) if fact],
            words=told[row.asked_seq],
        )
        for row in case.approvals
        if row.is_pending and row.asked_seq in told
    ]


def _who_asked(row: Approval) -> str:
    nth = f"第 {row.nth} 次" if row.nth > 1 else ""
    return f"{_day(row.asked_at)}{f'，{row.unit.name}' if row.unit else ''} {nth}".strip()


def _reason(row: Approval) -> str:
    choices = {
        ApprovalKind.SUSPENSION: SuspensionKind,
        ApprovalKind.VOID: VoidReason,
        ApprovalKind.RETURN: ReturnReason,
    }.get(ApprovalKind(row.kind))
    return str(choices(row.reason).label) if choices and row.reason else ""


def _until(row: Approval) -> str:
    return f"申请至 {row.until:%Y-%m-%d}" if row.until else ""


def _suspension(case: Case, told: Mapping[int, str]) -> list[Note]:
    """Why the case stands still, and until when."""
    if case.issue.status != Status.SUSPENDED or case.issue.review_at is None:
        return []
    row = next(
        row
        for row in reversed(case.approvals)
        if row.kind == ApprovalKind.SUSPENSION and row.decision == Decision.APPROVED
    )
    return [
        Note(
            icon="pause-circle",
            title=f"挂起：{SuspensionKind(row.reason).label}",
            facts=[f"{_day(case.issue.review_at)} 复核，到期自动恢复"],
            words=told.get(row.asked_seq, ""),
        )
    ]


def _merged(case: Case, user: User) -> list[Note]:
    issue, found = case.issue, []
    if issue.master:
        other = _other(issue.master, user)
        found.append(Note(icon="intersect", title="已并入主件", facts=[], cases=(other,)))
    merged = issue.duplicates.order_by("received_at", "id")
    if others := tuple(_other(row, user) for row in merged):
        title = f"并入了 {len(others)} 件同类问题，诉求人一并答复"
        found.append(Note(icon="intersect", title=title, facts=[], cases=others))
    return found


def _other(issue: Issue, user: User) -> Other:
    return Other(issue, issue.reporter_id == user.pk or user.scope.covers(issue.lineage()))


def _lamp(clock: Clock, now: datetime) -> Lamp | None:
    return None if clock.ended_at else clock.lamp(now)


def _standing(clock: Clock, now: datetime, calendar: Calendar) -> str:
    return "" if clock.ended_at else time_left(calendar, clock, now)


def _day(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%m月%d日}" if at else ""
