"""What may be done beside the way, at any open case: the rows of it for one state.

Pure data; ``issues.workflow`` puts the table together.
"""

from __future__ import annotations

from issues.choices import TERMINAL, Action, Level, Status
from issues.conditions import (
    an_instruction_is_unanswered,
    an_order_is_answered,
    an_order_is_unanswered,
    not_urged_today,
    there_is_somebody_to_contact,
)
from issues.roles import (
    DESK,
    DISPATCHER_ROLES,
    GRID,
    HEAD,
    INSTRUCTORS,
    LEADER_ROLES,
    NOBODY,
    RESPONDENTS,
    REVISITOR,
    UNIT,
    VERIFIERS,
    WATCHERS,
)
from issues.states import Audience, Clocks, Rows, Rule, State
from people.choices import Role


def beside(state: State) -> Rows:
    """What leaves an open case where it stands."""
    level = state.level
    rows = {
        Action.SUPERVISE: Rule(
            (state,),
            WATCHERS[level],
            system=True,
            clocks=(Clocks.START_ORDER,),
            notify=(Audience.WORKING, Audience.UNIT_HEADS, Audience.DISPATCHERS, Audience.LEADERS),
            owed=False,
        ),
        Action.ANSWER_SUPERVISION: Rule(
            (state,),
            RESPONDENTS[level],
            needs=(an_order_is_unanswered,),
            clocks=(Clocks.END_ORDER,),
            notify=(Audience.SUPERVISORS, Audience.LEADERS),
        ),
        Action.STRIKE_OFF: Rule(
            (state,),
            WATCHERS[level],
            needs=(an_order_is_answered,),
            notify=(Audience.WORKING, Audience.UNIT_HEADS),
        ),
        Action.INSTRUCT: Rule(
            (state,),
            INSTRUCTORS[level],
            clocks=(Clocks.START_INSTRUCTION,),
            notify=(Audience.WORKING, Audience.UNIT_HEADS, Audience.DISPATCHERS),
            owed=False,
        ),
        Action.ANSWER_INSTRUCTION: Rule(
            (state,),
            RESPONDENTS[level],
            needs=(an_instruction_is_unanswered,),
            clocks=(Clocks.END_INSTRUCTION,),
            notify=(Audience.DISPATCHERS, Audience.LEADERS),
        ),
        Action.CONTACT: Rule(
            (state,), _callers(state), needs=(there_is_somebody_to_contact,), owed=False
        ),
        Action.CORRECT: Rule((state,), DISPATCHER_ROLES, notify=(Audience.WORKING,), owed=False),
        Action.ABSORB: Rule((state,), NOBODY, system=True, notify=(Audience.WORKING,)),
        Action.RELEASE: Rule((state,), NOBODY, system=True, notify=(Audience.WORKING,)),
        Action.RECALCULATE: Rule(
            (state,),
            NOBODY,
            system=True,
            clocks=(Clocks.RECALCULATE,),
            notify=(Audience.WORKING,),
        ),
    }
    if state.status != Status.SUSPENDED:
        rows[Action.URGE] = Rule(
            (state,),
            DISPATCHER_ROLES | LEADER_ROLES | {Role.SUPERVISOR},
            conditions=(not_urged_today,),
            notify=(Audience.WORKING, Audience.UNIT_HEADS),
            owed=False,
        )
    if state.status not in (Status.PENDING_FIRST, Status.TRIAGE, Status.ASSIGNED):
        # Somebody has the case in hand, or has had it.
        rows[Action.HAND_OVER] = Rule(
            (state,),
            frozenset({Role.COMMUNITY_OFFICER}) if level == Level.GRID else HEAD,
            system=True,
            notify=(Audience.HANDLER,),
            owed=False,
        )
    return {(state, action): rule for action, rule in rows.items()}


def _callers(state: State) -> frozenset[Role]:
    """Who may talk to whoever complained: those at work where the case stands, and its desk."""
    match state.status:
        case Status.VERIFY:
            return VERIFIERS
        case Status.REVISIT:
            return REVISITOR
        case Status.ASSIGNED | Status.HANDLING | Status.SUSPENDED:
            return UNIT | DESK[state.level]
    return GRID if state.level == Level.GRID else DESK[state.level]


def afterwards(level: Level) -> Rows:
    """What leaves a case that has ended as it is."""
    closed = State(level, Status.CLOSED)
    ended = [State(level, status) for status in TERMINAL]
    return {
        (closed, Action.CORRECT): Rule(
            (closed,), DISPATCHER_ROLES, notify=(Audience.WORKING,), owed=False
        ),
        # A duplicate may turn out to be none after its master has ended.
        **{
            (state, Action.RELEASE): Rule((state,), NOBODY, system=True, notify=(Audience.WORKING,))
            for state in ended
        },
    }
