"""The page of the transition table for those who answer for it, drawn from the table itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.errors import NotAllowed
from issues.choices import TERMINAL, Level, LimitUnit, Status, Step, Urgency
from issues.models import TimeLimit
from issues.roles import READERS_OF_THE_RULES
from issues.rulebook import Line, lines, rows_of
from issues.side_paths import SIDE_PATHS
from issues.states import STEP_OF_STATUS, State, together
from issues.workflow import BESIDE, RULES, WAY
from people.requests import signed_in

# The limits that run in a status; elsewhere the one of its step.
LIMITS_OF_STATUS = {
    Status.ASSIGNED: (Step.ACKNOWLEDGEMENT, Step.HANDLING),
    Status.SUSPENDED: (),
}
BESIDE_LIMITS = (Step.CONTACT, Step.SUPERVISION)


@dataclass(frozen=True)
class Limit:
    """How long a normal case may take for a step: ``times`` as ``镇街 7 个工作日``."""

    name: str
    times: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """The steps of one status. ``key`` is its anchor on the page."""

    key: str
    label: str
    levels: str
    limits: tuple[Limit, ...]
    lines: tuple[Line, ...]
    is_terminal: bool


@require_safe
@login_required
def rules(request: HttpRequest) -> HttpResponse:
    """Administrators see no case, but the rules by which cases are handled."""
    if not signed_in(request).has_role(*READERS_OF_THE_RULES):
        raise NotAllowed("办理规则只对系统、安全、审计管理员和区级派单员开放。")
    limits = _limits(timezone.localdate())
    context = {
        "reports": lines(together(*({key: RULES[key]} for key in RULES if key[0] is None))),
        "overall": _limit(Step.OVERALL, limits),
        "sections": [_section(status, limits) for status in Status],
        "beside": lines(BESIDE),
        "beside_limits": [_limit(step, limits) for step in BESIDE_LIMITS],
    }
    return render(request, "issues/rules.html", context)


def _section(status: Status, limits: Mapping[tuple[str, str], str]) -> Section:
    states = dict.fromkeys(
        state
        for (origin, _), rule in RULES.items()
        for state in (origin, *rule.to)
        if state and state.status == status
    )
    steps = LIMITS_OF_STATUS.get(status)
    if steps is None:
        steps = (STEP_OF_STATUS[status],) if status in STEP_OF_STATUS else ()
    levels = [level for level in Level if State(level, status) in states]
    return Section(
        key=status.value,
        label="/".join(dict.fromkeys(State(level, status).label for level in levels)),
        levels="、".join(level.label for level in levels),
        limits=tuple(_limit(step, limits, levels) for step in steps),
        lines=tuple(lines(rows_of(status, together(WAY, SIDE_PATHS)))),
        is_terminal=status in TERMINAL,
    )


def _limits(day: date) -> dict[tuple[str, str], str]:
    """What a normal case of any category may take on ``day``, by step and level."""
    rows = TimeLimit.objects.filter(
        urgency=Urgency.NORMAL, category=None, effective_from__lte=day
    ).order_by("effective_from")
    return {(row.step, row.level): f"{row.value} {UNITS[LimitUnit(row.unit)]}" for row in rows}


UNITS = {LimitUnit.DAYS: "个工作日", LimitUnit.HOURS: "小时"}


def _limit(
    step: Step, limits: Mapping[tuple[str, str], str], levels: list[Level] | None = None
) -> Limit:
    """Levels with the same time are named together."""
    by_time: dict[str, list[str]] = {}
    for level in levels or list(Level):
        if time := limits.get((step, level)):
            by_time.setdefault(time, []).append(level.label)
    if len(by_time) == 1:
        return Limit(step.label, tuple(by_time))
    return Limit(
        step.label, tuple(f"{'、'.join(labels)} {time}" for time, labels in by_time.items())
    )
