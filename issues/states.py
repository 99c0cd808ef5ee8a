"""The words in which the transition table is written: states, rules, and what a rule may know.

Pure data, no models. ``issues.conditions`` fills them with rules, ``issues.workflow`` with rows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from issues.choices import Action, ApprovalKind, Decider, Level, Status, Step
from people.choices import Role


@dataclass(frozen=True)
class State:
    """Where a case stands. A case nobody has created yet stands nowhere (None)."""

    level: Level
    status: Status

    @property
    def label(self) -> str:
        if self.status == Status.TRIAGE and self.level == Level.DISTRICT:
            return "待联诊"
        return self.status.label


PENDING_FIRST = State(Level.GRID, Status.PENDING_FIRST)
GRID_HANDLING = State(Level.GRID, Status.GRID_HANDLING)

STEP_OF_STATUS = {
    Status.PENDING_FIRST: Step.DIAGNOSIS,
    Status.GRID_HANDLING: Step.GRID_HANDLING,
    Status.TRIAGE: Step.TRIAGE,
    Status.ASSIGNED: Step.HANDLING,
    Status.HANDLING: Step.HANDLING,
    Status.RETURN_REVIEW: Step.RULING,
    Status.VERIFY: Step.VERIFICATION,
    Status.REVISIT: Step.REVISIT,
}


@dataclass(frozen=True)
class Facts:
    """What conditions, guards and choosers may know of a case and of who wants to act."""

    state: State
    source: str
    is_contactable: bool
    needs_verification: bool
    consulted: bool
    required_replies_missing: int
    revisit_attempts: int
    outcome: str = ""
    round: int = 1
    days_since_closing: int = 0
    has_lead: bool = False
    lead_can_work: bool = True  # there is a lead unit, and somebody in it who takes orders
    is_overdue: bool = False  # the running step
    acknowledgement_is_late: bool = False
    order_is_binding: bool = False
    unit_has_returned: bool = False
    returns: int = 0
    extensions: int = 0  # approved or pending in this round
    pending: Mapping[ApprovalKind, Decider] = field(default_factory=dict)
    suspension: str = ""  # its kind, while suspended
    before_merge: State | None = None
    was_urged_today: bool = False
    unanswered_orders: int = 0
    answered_orders: int = 0
    unanswered_instructions: int = 0
    actor_role: str | None = None
    actor_took_part: bool = False
    actor_is_in_units: bool = False
    actor_asked: frozenset[ApprovalKind] = frozenset()


@dataclass(frozen=True)
class Condition:
    """``check`` says in Chinese why a step is not possible now, or None.

    It is known before anything is filled in. ``meaning`` says what has to be so.
    """

    meaning: str
    check: Callable[[Facts], str | None]

    def __call__(self, facts: Facts) -> str | None:
        return self.check(facts)


@dataclass(frozen=True)
class Guard:
    """``check`` says in Chinese why this input is refused, or None."""

    meaning: str
    check: Callable[[Facts, Mapping[str, Any]], str | None]

    def __call__(self, facts: Facts, data: Mapping[str, Any]) -> str | None:
        return self.check(facts, data)


@dataclass(frozen=True)
class Chooser:
    """``pick`` says to which of several targets a step leads; ``meaning`` says by what."""

    meaning: str
    pick: Callable[[Facts, Mapping[str, Any]], State]

    def __call__(self, facts: Facts, data: Mapping[str, Any]) -> State:
        return self.pick(facts, data)


class Audience(enum.Enum):
    """Who hears of a step. ``issues.audiences`` turns it into people."""

    REPORTER = "上报人"
    GRID_WORKERS = "网格员"
    COMMUNITY_OFFICERS = "村社干部"
    DISPATCHERS = "本级派单员"  # of the level at which the case now stands
    LEADERS = "本级分管领导"  # likewise
    TOWN_DISPATCHERS = "镇街派单员"
    UNIT_HANDLERS = "主办单位经办"
    UNIT_HEADS = "主办单位负责人"
    CO_UNITS = "协办单位"
    VERIFIERS = "核查人员"
    REVISITORS = "回访员"
    DECIDERS = "审批人"  # who has to decide what is asked
    WORKING = "下一步办理人"  # who is to move the case on where it now stands
    FORMER_UNITS = "退出的单位"  # units that leave by this very step
    SUPERVISORS = "督查员"
    SECRETARIES = "会议秘书"
    HANDLER = "经办人"


class Clocks(enum.Enum):
    """What a step does to the clocks, in the words of the specification."""

    START_OVERALL = "总时限开始"
    LEVEL_OVERALL = "原层级总时限了结，新层级总时限开始"
    STOP_OVERALL = "总时限停止"
    RESUME_OVERALL = "总时限恢复，核查时间不计入"
    END_STEP = "本环节时限了结"
    START_STEP = "下一环节时限开始"
    START_UNITS = "主办、协办时限从交办时起算"
    START_REWORK = "返工时限为原时限的三分之一"
    END_CO_UNIT = "协办时限了结"
    CANCEL_CO_UNITS = "未回复的协办时限取消"
    START_CO_UNITS = "新协办单位的协办时限从现在起算"
    PAUSE_UNIT = "主办单位办理时限停表，总时限继续"
    RESUME_UNIT = "主办单位办理时限恢复"
    CANCEL_STEP = "原办理时限取消，总时限不变"
    PAUSE_ALL = "总时限和各环节时限停表"
    RESUME_ALL = "停表的时限恢复，剩余时间继续计算"
    RESUME_OVERALL_ALONE = "总时限恢复，至少到议定的日期"
    EXTEND = "办理时限和总时限顺延，原到期日留存"
    CANCEL_ALL = "全部时限取消"
    START_ORDER = "督办反馈时限开始，问题本身的时限不变"
    START_INSTRUCTION = "批示反馈时限开始，问题本身的时限不变"
    END_ORDER = "督办反馈时限了结"
    END_INSTRUCTION = "批示反馈时限了结"
    RECALCULATE = "暂定的到期日按公布的日历重算"


@dataclass(frozen=True)
class Rule:
    """One row: from a state, by an action, to one of ``to``.

    ``choose`` picks among several targets; if it picks the state in which the case stands already,
    the clocks are left alone. The platform itself may take ``system`` steps. An ``owed`` step is
    somebody's turn: the case waits for it. Other steps may be taken, or not. Without what a step
    ``needs`` (something asked, an open order) it is not offered at all; what its ``conditions``
    forbid is offered with the reason.
    """

    to: tuple[State, ...]
    roles: frozenset[Role]
    clocks: tuple[Clocks, ...] = ()
    notify: tuple[Audience, ...] = ()
    needs: tuple[Condition, ...] = ()
    conditions: tuple[Condition, ...] = ()
    guards: tuple[Guard, ...] = ()
    choose: Chooser | None = None
    system: bool = False
    owed: bool = True

    def target(self, facts: Facts, data: Mapping[str, Any]) -> State:
        return self.choose(facts, data) if self.choose else self.to[0]


Rows = dict[tuple[State | None, Action], Rule]


def together(*parts: Rows) -> Rows:
    """One table of several; no row stands in two of them."""
    rows: Rows = {}
    for part in parts:
        if twice := rows.keys() & part.keys():
            raise ValueError(f"rows that stand twice: {twice}")
        rows.update(part)
    return rows


UNIT_LEVELS = (Level.TOWN, Level.DISTRICT)

# What several steps do to the clocks, and whom several steps tell.
ANEW = (Clocks.START_OVERALL, Clocks.START_STEP)
ONWARD = (Clocks.END_STEP, Clocks.START_STEP)
TO_ANOTHER_LEVEL = (Clocks.END_STEP, Clocks.LEVEL_OVERALL, Clocks.START_STEP)
SUBMITTED = (Clocks.END_STEP, Clocks.STOP_OVERALL, Clocks.START_STEP)
REWORK = (Clocks.END_STEP, Clocks.RESUME_OVERALL, Clocks.START_REWORK)
THE_UNIT = (Audience.UNIT_HANDLERS, Audience.UNIT_HEADS)
WHO_REWORKS = (Audience.WORKING, Audience.UNIT_HEADS, Audience.GRID_WORKERS)
