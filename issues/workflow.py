"""The transition table of the three-level loop: pure data and pure functions, no models.

Pages, the API, the docs and the tests read this table; ``issues.steps`` carries it out. A new path
is a new row here, its input in ``issues.inputs`` and, where it moves more than status and clocks,
its effect in ``issues.steps``.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from issues.choices import Action, Contact, Level, Source, Status, Step
from people.choices import Role

REVISIT_ATTEMPTS = 3  # so many failed attempts close the case as not reached


@dataclass(frozen=True)
class State:
    """Where a case stands. A case nobody has created yet stands nowhere (None)."""

    level: Level
    status: Status


@dataclass(frozen=True)
class Facts:
    """What guards and choosers may know of a case and of the person who wants to act."""

    state: State
    source: str
    is_contactable: bool
    needs_verification: bool
    consulted: bool
    required_replies_missing: int
    revisit_attempts: int
    actor_role: str | None = None
    actor_took_part: bool = False
    actor_is_in_units: bool = False


class Audience(enum.Enum):
    """Who hears of a step. ``issues.audiences`` turns it into people."""

    REPORTER = enum.auto()
    GRID_WORKERS = enum.auto()
    COMMUNITY_OFFICERS = enum.auto()
    DISPATCHERS = enum.auto()  # of the level at which the case now stands
    LEADERS = enum.auto()  # likewise
    TOWN_DISPATCHERS = enum.auto()
    UNIT_HANDLERS = enum.auto()
    UNIT_HEADS = enum.auto()
    CO_UNITS = enum.auto()
    VERIFIERS = enum.auto()
    REVISITORS = enum.auto()


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


Condition = Callable[[Facts], str | None]
"""Says in Chinese why the step is not possible now, or None. Known before anything is filled in."""

Guard = Callable[[Facts, Mapping[str, Any]], str | None]
"""Says in Chinese why this input is refused, or None."""


@dataclass(frozen=True)
class Rule:
    """One row: from a state, by an action, to one of ``to``.

    ``choose`` picks among several targets. ``system`` steps are taken by the platform itself. A
    step that stays in its state leaves the clocks of the step alone.
    """

    to: tuple[State, ...]
    roles: frozenset[Role]
    clocks: tuple[Clocks, ...] = ()
    notify: tuple[Audience, ...] = ()
    conditions: tuple[Condition, ...] = ()
    guards: tuple[Guard, ...] = ()
    choose: Callable[[Facts, Mapping[str, Any]], State] | None = None
    system: bool = False

    def target(self, facts: Facts, data: Mapping[str, Any]) -> State:
        return self.choose(facts, data) if self.choose else self.to[0]


# --- where the cases stand ---

PENDING_FIRST = State(Level.GRID, Status.PENDING_FIRST)
GRID_HANDLING = State(Level.GRID, Status.GRID_HANDLING)


def at(level: Level, status: Status) -> State:
    return State(level, status)


STEP_OF_STATUS = {
    Status.PENDING_FIRST: Step.DIAGNOSIS,
    Status.GRID_HANDLING: Step.GRID_HANDLING,
    Status.TRIAGE: Step.TRIAGE,
    Status.ASSIGNED: Step.HANDLING,
    Status.HANDLING: Step.HANDLING,
    Status.VERIFY: Step.VERIFICATION,
    Status.REVISIT: Step.REVISIT,
}

# --- conditions and guards ---


def consulted_before_escalation(facts: Facts) -> str | None:
    return None if facts.consulted else "提级联诊前须先记录镇街会诊意见。"


def co_units_have_replied(facts: Facts) -> str | None:
    if facts.required_replies_missing:
        return f"还有 {facts.required_replies_missing} 个协办单位未回复，不能申请办结。"
    return None


def verifier_is_independent(facts: Facts) -> str | None:
    if facts.actor_took_part or facts.actor_is_in_units:
        return "参与过办理或在承办单位任职的人员，不能核查本件。"
    if facts.state.level == Level.GRID and facts.actor_role == Role.GRID_WORKER:
        return "网格办理的问题，由村社干部或核查员核查。"
    return None


def words_or_photo(facts: Facts, data: Mapping[str, Any]) -> str | None:
    if data.get("text") or data.get("photos"):
        return None
    return "请填写处理情况，或上传处理后的照片。"


def consulted_when_several_units(facts: Facts, data: Mapping[str, Any]) -> str | None:
    if data.get("co_units") and not facts.consulted:
        return "涉及两个以上单位时，须先记录会诊意见再交办。"
    return None


# --- choosers ---


def after_resolution_on_the_spot(facts: Facts, data: Mapping[str, Any]) -> State:
    status = Status.VERIFY if facts.needs_verification else Status.CLOSED
    return State(facts.state.level, status)


def after_passed_verification(facts: Facts, data: Mapping[str, Any]) -> State:
    """A case found on patrol, or without anybody to call, closes here."""
    called = facts.is_contactable and facts.source != Source.PATROL
    return State(facts.state.level, Status.REVISIT if called else Status.CLOSED)


def after_revisit(facts: Facts, data: Mapping[str, Any]) -> State:
    reached = data.get("contact") == Contact.REACHED
    done = reached or facts.revisit_attempts + 1 >= REVISIT_ATTEMPTS
    return State(facts.state.level, Status.CLOSED if done else Status.REVISIT)


# --- the table ---

GRID = frozenset({Role.GRID_WORKER, Role.COMMUNITY_OFFICER})
DISPATCHERS = {
    Level.TOWN: frozenset({Role.TOWN_DISPATCHER}),
    Level.DISTRICT: frozenset({Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER}),
}
CONSULTERS = {
    Level.TOWN: frozenset({Role.TOWN_DISPATCHER, Role.TOWN_LEADER}),
    Level.DISTRICT: frozenset({Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER}),
}
UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD})
VERIFIERS = frozenset({Role.GRID_WORKER, Role.COMMUNITY_OFFICER, Role.VERIFIER})

Key = tuple[State | None, Action]
RULES: dict[Key, Rule] = {
    (None, Action.CREATE): Rule(
        to=(PENDING_FIRST,),
        roles=frozenset(
            {
                Role.GRID_WORKER,
                Role.COMMUNITY_OFFICER,
                Role.TOWN_DISPATCHER,
                Role.DISTRICT_DISPATCHER,
            }
        ),
        clocks=(Clocks.START_OVERALL, Clocks.START_STEP),
        notify=(Audience.GRID_WORKERS,),
    ),
    (PENDING_FIRST, Action.FIRST_HANDLE): Rule(
        to=(GRID_HANDLING,),
        roles=GRID,
        clocks=(Clocks.END_STEP, Clocks.START_STEP),
        notify=(Audience.REPORTER,),
    ),
    (GRID_HANDLING, Action.SUBMIT_COMPLETION): Rule(
        to=(at(Level.GRID, Status.VERIFY),),
        roles=GRID,
        clocks=(Clocks.END_STEP, Clocks.STOP_OVERALL, Clocks.START_STEP),
        notify=(Audience.VERIFIERS,),
    ),
}

for _state in (PENDING_FIRST, GRID_HANDLING):
    RULES[_state, Action.RESOLVE_ON_SPOT] = Rule(
        to=(at(Level.GRID, Status.VERIFY), at(Level.GRID, Status.CLOSED)),
        choose=after_resolution_on_the_spot,
        roles=frozenset({Role.GRID_WORKER}),
        guards=(words_or_photo,),
        clocks=(Clocks.END_STEP, Clocks.STOP_OVERALL, Clocks.START_STEP),
        notify=(Audience.COMMUNITY_OFFICERS, Audience.REPORTER),
    )
    RULES[_state, Action.ESCALATE_TOWN] = Rule(
        to=(at(Level.TOWN, Status.TRIAGE),),
        roles=GRID,
        clocks=(Clocks.END_STEP, Clocks.LEVEL_OVERALL, Clocks.START_STEP),
        notify=(Audience.DISPATCHERS, Audience.LEADERS, Audience.COMMUNITY_OFFICERS),
    )

RULES[at(Level.TOWN, Status.TRIAGE), Action.ESCALATE_DISTRICT] = Rule(
    to=(at(Level.DISTRICT, Status.TRIAGE),),
    roles=frozenset({Role.TOWN_LEADER}),
    conditions=(consulted_before_escalation,),
    clocks=(Clocks.END_STEP, Clocks.LEVEL_OVERALL, Clocks.START_STEP),
    notify=(Audience.DISPATCHERS, Audience.LEADERS),
)
RULES[at(Level.TOWN, Status.TRIAGE), Action.SEND_DOWN] = Rule(
    to=(PENDING_FIRST,),
    roles=DISPATCHERS[Level.TOWN],
    clocks=(Clocks.END_STEP, Clocks.LEVEL_OVERALL, Clocks.START_STEP),
    notify=(Audience.GRID_WORKERS, Audience.COMMUNITY_OFFICERS),
)
RULES[at(Level.DISTRICT, Status.TRIAGE), Action.SEND_DOWN] = Rule(
    to=(at(Level.TOWN, Status.TRIAGE),),
    roles=frozenset({Role.DISTRICT_DISPATCHER}),
    clocks=(Clocks.END_STEP, Clocks.LEVEL_OVERALL, Clocks.START_STEP),
    notify=(Audience.DISPATCHERS,),
)

for _level in (Level.TOWN, Level.DISTRICT):
    _triage, _assigned, _handling = (
        at(_level, status) for status in (Status.TRIAGE, Status.ASSIGNED, Status.HANDLING)
    )
    RULES[_triage, Action.CONSULT] = Rule(to=(_triage,), roles=CONSULTERS[_level])
    RULES[_triage, Action.ASSIGN] = Rule(
        to=(_assigned,),
        roles=DISPATCHERS[_level],
        guards=(consulted_when_several_units,),
        clocks=(Clocks.END_STEP, Clocks.START_UNITS),
        notify=(
            Audience.UNIT_HANDLERS,
            Audience.UNIT_HEADS,
            Audience.CO_UNITS,
            Audience.GRID_WORKERS,
        ),
    )
    RULES[_assigned, Action.ACKNOWLEDGE] = Rule(
        to=(_handling,),
        roles=frozenset({Role.UNIT_HANDLER}),
        notify=(Audience.DISPATCHERS,),
    )
    RULES[_assigned, Action.AUTO_ACKNOWLEDGE] = Rule(
        to=(_handling,), roles=frozenset(), system=True, notify=(Audience.UNIT_HEADS,)
    )
    for _state in (_assigned, _handling):
        RULES[_state, Action.CO_REPLY] = Rule(
            to=(_state,),
            roles=UNIT,
            clocks=(Clocks.END_CO_UNIT,),
            notify=(Audience.UNIT_HANDLERS,),
        )
    RULES[_handling, Action.SUBMIT_COMPLETION] = Rule(
        to=(at(_level, Status.VERIFY),),
        roles=UNIT,
        conditions=(co_units_have_replied,),
        clocks=(
            Clocks.END_STEP,
            Clocks.CANCEL_CO_UNITS,
            Clocks.STOP_OVERALL,
            Clocks.START_STEP,
        ),
        notify=(Audience.VERIFIERS,),
    )

for _level in Level:
    _verify, _revisit = at(_level, Status.VERIFY), at(_level, Status.REVISIT)
    _closed = at(_level, Status.CLOSED)
    _back = GRID_HANDLING if _level == Level.GRID else at(_level, Status.HANDLING)
    RULES[_verify, Action.PASS_VERIFICATION] = Rule(
        to=(_revisit, _closed),
        choose=after_passed_verification,
        roles=VERIFIERS,
        conditions=(verifier_is_independent,),
        clocks=(Clocks.END_STEP, Clocks.START_STEP),
        notify=(Audience.REVISITORS, Audience.REPORTER),
    )
    RULES[_verify, Action.FAIL_VERIFICATION] = Rule(
        to=(_back,),
        roles=VERIFIERS,
        conditions=(verifier_is_independent,),
        clocks=(Clocks.END_STEP, Clocks.RESUME_OVERALL, Clocks.START_REWORK),
        notify=(Audience.UNIT_HEADS, Audience.UNIT_HANDLERS, Audience.GRID_WORKERS),
    )
    RULES[_revisit, Action.RECORD_REVISIT] = Rule(
        to=(_closed, _revisit),
        choose=after_revisit,
        roles=frozenset({Role.REVISITOR}),
        clocks=(Clocks.END_STEP,),
        notify=(Audience.UNIT_HANDLERS, Audience.REPORTER),
    )
    RULES[_revisit, Action.REDO] = Rule(
        to=(_back,),
        roles=frozenset({Role.REVISITOR}),
        clocks=(Clocks.END_STEP, Clocks.RESUME_OVERALL, Clocks.START_REWORK),
        notify=(Audience.UNIT_HEADS, Audience.UNIT_HANDLERS, Audience.GRID_WORKERS),
    )


def rules_from(state: State) -> dict[Action, Rule]:
    """The rows that leave ``state``, in the order of the table."""
    return {action: rule for (origin, action), rule in RULES.items() if origin == state}
