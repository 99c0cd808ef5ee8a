"""What a step would do to the clocks if it were taken now: in dates where they are known already.

The clock rules of the step are carried out on a copy of the case. What depends on what is filled in
(an extension's date, say) is told in the words of the table instead.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from datetime import datetime

from django.utils import timezone

from core.errors import Refused
from issues.case import Case
from issues.choices import Action, ClockKind, Verdict
from issues.models import Clock
from issues.office import Office
from issues.states import Rule, State
from issues.taking import Taking
from issues.timing import CLOCK_RULES
from issues.waits import length, limit_text


def foresee(
    case: Case, action: Action, rule: Rule, office: Office, at: datetime
) -> tuple[str, ...]:
    """One sentence or more for each clock rule of the step, in their order."""
    if not rule.clocks:
        return ()
    target = rule.target(case.facts(None, office, at), {})
    trial = Taking(_copy(case, target), action, rule, None, {}, at, office)
    told: list[str] = []
    for clock_rule in rule.clocks:
        before = [copy(clock) for clock in trial.case.clocks]
        try:
            CLOCK_RULES[clock_rule](trial)
        except (Refused, LookupError, StopIteration, ValueError):
            trial.case.clocks[:] = before  # it needs the input, or what the step itself changes
        changes = _changes(before, trial.case.clocks, office, at)
        told += changes or [clock_rule.value]
    return tuple(dict.fromkeys(told))


def _copy(case: Case, target: State) -> Case:
    """The case as it would stand in ``target``; nothing done to it is seen on ``case``."""
    issue = copy(case.issue)
    issue.level, issue.status = target.level, target.status
    return replace(
        case,
        issue=issue,
        clocks=[copy(clock) for clock in case.clocks],
        approvals=[copy(row) for row in case.approvals],
        supervisions=[copy(row) for row in case.supervisions],
        instructions=[copy(row) for row in case.instructions],
        pauses=[],
    )


def _changes(before: list[Clock], after: list[Clock], office: Office, at: datetime) -> list[str]:
    """What happened to the clocks between two moments of the trial; a clock keeps its place."""
    told = [
        sentence
        for old, new in zip(before, after, strict=False)
        if (sentence := _change(old, new, office, at))
    ]
    told += [
        f"{name(clock)} {limit_text(clock)}，从现在起算，到 {day_and_time(clock.due_at)}"
        for clock in after[len(before) :]
    ]
    return told


def _change(old: Clock, new: Clock, office: Office, at: datetime) -> str:
    if new.ended_at and not old.ended_at:
        if new.verdict == Verdict.CANCELLED:
            return f"{name(new)}取消"
        if new.verdict == Verdict.ON_TIME:
            return f"{name(new)}就此停止，按期"
        return f"{name(new)}就此停止，已超期 {length(office.calendar, new.due_at, at)}".rstrip()
    if new.paused_at and not old.paused_at:
        return f"{name(new)}停表"
    if new.due_at != old.due_at or bool(old.ended_at or old.paused_at) != bool(
        new.ended_at or new.paused_at
    ):
        return f"{name(new)}恢复计时，到 {day_and_time(new.due_at)}"
    return ""


def name(clock: Clock) -> str:
    """``区级总时限``, ``办理时限``; a co-unit's with the unit."""
    if clock.kind == ClockKind.OVERALL:
        return f"{clock.get_level_display()}总时限"
    if clock.kind == ClockKind.CO_UNIT and clock.assignment:
        return f"{clock.assignment.unit.short_name}协办时限"
    return f"{clock.get_step_display()}时限"


def day_and_time(at: datetime) -> str:
    """``3月12日 17:30``, with the year where it is not the present one."""
    local = timezone.localtime(at)
    year = "" if local.year == timezone.localdate().year else f"{local.year}年"
    return f"{year}{local.month}月{local.day}日 {local:%H:%M}"
