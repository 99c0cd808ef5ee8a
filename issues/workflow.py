"""The transition table of the three-level loop: pure data, no models.

Pages, the API, the docs and the tests read this table; ``issues.steps`` carries it out. A row is
(state, action): targets, roles, and what else its rule says. The table has three parts: the way of
a case through the levels (here), the side paths (``issues.side_paths``), and what may be done
beside the way wherever a case stands (``issues.beside_the_way``). Its words are in
``issues.states``, its conditions in ``issues.conditions``, its roles in ``issues.roles``.
"""

from __future__ import annotations

from collections.abc import Mapping

from issues.beside_the_way import afterwards, beside
from issues.choices import OPEN_STATUSES, Action, Level, Status
from issues.conditions import (
    after_passed_verification,
    after_resolution_on_the_spot,
    after_revisit,
    co_units_have_replied,
    consulted_before_escalation,
    consulted_when_several_units,
    dispatcher_steps_in_when_late,
    district_leader_steps_in_when_late,
    review_is_the_leaders,
    verifier_is_independent,
    words_or_photo,
)
from issues.roles import (
    ASSIGNERS,
    DESK,
    DISPATCHER_ROLES,
    GRID,
    HANDLER,
    LEADERS,
    LEADERS_OR_ABOVE,
    NOBODY,
    REVISITOR,
    UNIT,
    VERIFIERS,
)
from issues.side_paths import SIDE_PATHS
from issues.states import (
    ANEW,
    GRID_HANDLING,
    ONWARD,
    PENDING_FIRST,
    REWORK,
    SUBMITTED,
    THE_UNIT,
    TO_ANOTHER_LEVEL,
    UNIT_LEVELS,
    WHO_REWORKS,
    Audience,
    Clocks,
    Rows,
    Rule,
    State,
    together,
)
from people.choices import Role


def _from_the_grid() -> Rows:
    rows: Rows = {
        (None, Action.CREATE): Rule(
            (PENDING_FIRST,),
            GRID | DISPATCHER_ROLES,
            clocks=ANEW,
            notify=(Audience.GRID_WORKERS,),
            owed=False,
        ),
        (PENDING_FIRST, Action.FIRST_HANDLE): Rule(
            (GRID_HANDLING,), GRID, clocks=ONWARD, notify=(Audience.REPORTER,)
        ),
        (GRID_HANDLING, Action.SUBMIT_COMPLETION): Rule(
            (State(Level.GRID, Status.VERIFY),),
            GRID,
            clocks=SUBMITTED,
            notify=(Audience.VERIFIERS,),
        ),
        (GRID_HANDLING, Action.PROGRESS): Rule(
            (GRID_HANDLING,), GRID, notify=(Audience.REPORTER,), owed=False
        ),
    }
    for state in (PENDING_FIRST, GRID_HANDLING):
        rows[state, Action.RESOLVE_ON_SPOT] = Rule(
            (State(Level.GRID, Status.VERIFY), State(Level.GRID, Status.CLOSED)),
            frozenset({Role.GRID_WORKER}),
            choose=after_resolution_on_the_spot,
            guards=(words_or_photo,),
            clocks=SUBMITTED,
            notify=(Audience.COMMUNITY_OFFICERS, Audience.WORKING, Audience.REPORTER),
        )
        rows[state, Action.ESCALATE_TOWN] = Rule(
            (State(Level.TOWN, Status.TRIAGE),),
            GRID | DESK[Level.TOWN],
            needs=(dispatcher_steps_in_when_late,),
            clocks=TO_ANOTHER_LEVEL,
            notify=(Audience.DISPATCHERS, Audience.LEADERS, Audience.COMMUNITY_OFFICERS),
        )
    return rows


def _between_town_and_district() -> Rows:
    town, district = State(Level.TOWN, Status.TRIAGE), State(Level.DISTRICT, Status.TRIAGE)
    return {
        (town, Action.ESCALATE_DISTRICT): Rule(
            (district,),
            LEADERS[Level.TOWN],
            conditions=(consulted_before_escalation,),
            clocks=TO_ANOTHER_LEVEL,
            notify=(Audience.DISPATCHERS, Audience.LEADERS),
        ),
        (town, Action.SEND_DOWN): Rule(
            (PENDING_FIRST,),
            DESK[Level.TOWN],
            clocks=TO_ANOTHER_LEVEL,
            notify=(Audience.GRID_WORKERS, Audience.COMMUNITY_OFFICERS),
        ),
        (district, Action.SEND_DOWN): Rule(
            (town,),
            DESK[Level.DISTRICT],
            clocks=TO_ANOTHER_LEVEL,
            notify=(Audience.DISPATCHERS,),
        ),
    }


def _through_a_unit(level: Level) -> Rows:
    triage, assigned = State(level, Status.TRIAGE), State(level, Status.ASSIGNED)
    handling, verify = State(level, Status.HANDLING), State(level, Status.VERIFY)
    rows: Rows = {
        (triage, Action.CONSULT): Rule((triage,), DESK[level] | LEADERS[level]),
        (triage, Action.ASSIGN): Rule(
            (assigned,),
            ASSIGNERS[level],
            guards=(consulted_when_several_units,),
            clocks=(Clocks.END_STEP, Clocks.START_UNITS),
            notify=(*THE_UNIT, Audience.CO_UNITS, Audience.GRID_WORKERS),
        ),
        (assigned, Action.ACKNOWLEDGE): Rule((handling,), HANDLER, notify=(Audience.DISPATCHERS,)),
        (assigned, Action.AUTO_ACKNOWLEDGE): Rule(
            (handling,), NOBODY, system=True, notify=(Audience.UNIT_HEADS,)
        ),
        (handling, Action.SUBMIT_COMPLETION): Rule(
            (verify,),
            UNIT,
            conditions=(co_units_have_replied,),
            clocks=(
                Clocks.END_STEP,
                Clocks.CANCEL_CO_UNITS,
                Clocks.STOP_OVERALL,
                Clocks.START_STEP,
            ),
            notify=(Audience.VERIFIERS,),
        ),
    }
    for state in (assigned, handling, State(level, Status.RETURN_REVIEW)):
        rows[state, Action.CO_REPLY] = Rule(
            (state,), UNIT, clocks=(Clocks.END_CO_UNIT,), notify=(Audience.UNIT_HANDLERS,)
        )
    return rows


def _to_the_end(level: Level) -> Rows:
    verify, revisit = State(level, Status.VERIFY), State(level, Status.REVISIT)
    closed = State(level, Status.CLOSED)
    back = GRID_HANDLING if level == Level.GRID else State(level, Status.HANDLING)
    return {
        (verify, Action.PASS_VERIFICATION): Rule(
            (revisit, closed),
            VERIFIERS,
            choose=after_passed_verification,
            conditions=(verifier_is_independent,),
            clocks=ONWARD,
            notify=(Audience.WORKING, Audience.UNIT_HANDLERS, Audience.REPORTER),
        ),
        (verify, Action.FAIL_VERIFICATION): Rule(
            (back,),
            VERIFIERS,
            conditions=(verifier_is_independent,),
            clocks=REWORK,
            notify=WHO_REWORKS,
        ),
        (revisit, Action.RECORD_REVISIT): Rule(
            (closed, revisit),
            REVISITOR,
            choose=after_revisit,
            conditions=(review_is_the_leaders,),
            clocks=(Clocks.END_STEP,),
            notify=(Audience.UNIT_HANDLERS, Audience.REPORTER),
        ),
        (revisit, Action.REDO): Rule(
            (back,),
            REVISITOR | LEADERS_OR_ABOVE[level],
            needs=(review_is_the_leaders, district_leader_steps_in_when_late),
            clocks=REWORK,
            notify=(*WHO_REWORKS, Audience.REVISITORS),
        ),
    }


WAY = together(
    _from_the_grid(),
    _between_town_and_district(),
    *(_through_a_unit(level) for level in UNIT_LEVELS),
    *(_to_the_end(level) for level in Level),
)
OPEN_STATES = tuple(
    dict.fromkeys(
        state
        for (origin, _), rule in [*WAY.items(), *SIDE_PATHS.items()]
        for state in (origin, *rule.to)
        if state is not None and state.status in OPEN_STATUSES
    )
)
BESIDE = together(
    *(beside(state) for state in OPEN_STATES), *(afterwards(level) for level in Level)
)
RULES = together(WAY, SIDE_PATHS, BESIDE)

# Steps that need more than a form of their own: the URL name, with the case's id, of the page where
# each is taken. An app upstairs has it, whose own write calls ``issues.actions.perform``.
TAKEN_ELSEWHERE: Mapping[Action, str] = {
    Action.APPLY_RESOLUTION: "meetings:of_issue",
    Action.CONVERT_TO_PROJECT: "projects:convert",
}


def rules_from(state: State) -> dict[Action, Rule]:
    """The rows that leave ``state``, in the order of the table."""
    return {action: rule for (origin, action), rule in RULES.items() if origin == state}
