"""The side paths of the transition table: how a case leaves its way, and returns.

Returns and rulings, changes while a unit works, suspension, the joint meeting, the second review,
ends by two persons, duplicates, reopening. Pure data; ``issues.workflow`` puts the table together.
"""

from __future__ import annotations

from issues.choices import Action, ApprovalKind, Level, Status
from issues.conditions import (
    after_reopening,
    after_suspension,
    another_person_decides,
    before_the_merge,
    dispute_is_the_dispatchers,
    dispute_is_the_leaders,
    district_leader_steps_in_when_late,
    extension_is_possible,
    nobody_watches_over_it,
    nothing_pending,
    order_is_not_binding,
    order_may_be_moved,
    pending_for_the_actor,
    reopened_in_time,
    return_is_in_time,
    suspended_for_a_meeting,
    unit_returns_once,
    was_handled_here,
)
from issues.roles import (
    ASSIGNERS,
    DESK,
    DISPATCHER_ROLES,
    HEAD,
    LEADERS,
    LEADERS_OR_ABOVE,
    MERGERS,
    NOBODY,
    REVISITOR,
    UNIT,
)
from issues.states import (
    ANEW,
    GRID_HANDLING,
    PENDING_FIRST,
    THE_UNIT,
    UNIT_LEVELS,
    Audience,
    Clocks,
    Rows,
    Rule,
    State,
    together,
)
from people.choices import Role


def _second_review(level: Level) -> Rows:
    revisit = State(level, Status.REVISIT)
    return {
        (revisit, Action.REQUEST_REVIEW): Rule(
            (revisit,),
            REVISITOR,
            conditions=(nothing_pending(ApprovalKind.REVIEW),),
            notify=(Audience.DECIDERS,),
            owed=False,
        ),
        (revisit, Action.CLOSE_ON_REVIEW): Rule(
            (State(level, Status.CLOSED),),
            LEADERS_OR_ABOVE[level],
            needs=(pending_for_the_actor(ApprovalKind.REVIEW), district_leader_steps_in_when_late),
            clocks=(Clocks.END_STEP,),
            notify=(Audience.REVISITORS, Audience.UNIT_HANDLERS, Audience.REPORTER),
        ),
    }


def _returns_and_rulings(level: Level) -> Rows:
    assigned, handling = State(level, Status.ASSIGNED), State(level, Status.HANDLING)
    review = State(level, Status.RETURN_REVIEW)
    return {
        (assigned, Action.REQUEST_RETURN): Rule(
            (review,),
            HEAD,
            conditions=(order_is_not_binding, unit_returns_once, return_is_in_time),
            clocks=(Clocks.PAUSE_UNIT, Clocks.START_STEP),
            notify=(Audience.DECIDERS,),
            owed=False,
        ),
        (review, Action.APPROVE_RETURN): Rule(
            (State(level, Status.TRIAGE),),
            DESK[level],
            conditions=(dispute_is_the_dispatchers,),
            clocks=(Clocks.END_STEP, Clocks.CANCEL_STEP, Clocks.CANCEL_CO_UNITS, Clocks.START_STEP),
            notify=(Audience.FORMER_UNITS, Audience.DISPATCHERS),
        ),
        (review, Action.REFUSE_RETURN): Rule(
            (handling,),
            DESK[level],
            conditions=(dispute_is_the_dispatchers,),
            clocks=(Clocks.END_STEP, Clocks.RESUME_UNIT),
            notify=THE_UNIT,
        ),
        (review, Action.ARBITRATE): Rule(
            (handling,),
            LEADERS_OR_ABOVE[level],
            needs=(district_leader_steps_in_when_late,),
            conditions=(dispute_is_the_leaders,),
            clocks=(Clocks.END_STEP, Clocks.CANCEL_STEP, Clocks.START_STEP),
            notify=(
                *THE_UNIT,
                Audience.FORMER_UNITS,
                Audience.CO_UNITS,
                Audience.DISPATCHERS,
            ),
        ),
    }


def _while_a_unit_works(level: Level) -> Rows:
    assigned, handling = State(level, Status.ASSIGNED), State(level, Status.HANDLING)
    extension = pending_for_the_actor(ApprovalKind.EXTENSION)
    deciders = DESK[level] | LEADERS[level]
    rows: Rows = {
        (handling, Action.TRANSFER): Rule(
            (assigned,),
            DESK[level],
            conditions=(order_may_be_moved,),
            clocks=(Clocks.CANCEL_STEP, Clocks.START_UNITS),
            notify=(*THE_UNIT, Audience.FORMER_UNITS),
            owed=False,
        ),
        (handling, Action.PROGRESS): Rule(
            (handling,), UNIT, notify=(Audience.GRID_WORKERS, Audience.REPORTER), owed=False
        ),
        (handling, Action.REQUEST_EXTENSION): Rule(
            (handling,),
            HEAD,
            conditions=(nothing_pending(ApprovalKind.EXTENSION), extension_is_possible),
            notify=(Audience.DECIDERS,),
            owed=False,
        ),
        (handling, Action.APPROVE_EXTENSION): Rule(
            (handling,),
            deciders,
            needs=(extension,),
            clocks=(Clocks.EXTEND,),
            notify=(*THE_UNIT, Audience.REPORTER),
        ),
        (handling, Action.REFUSE_EXTENSION): Rule(
            (handling,), deciders, needs=(extension,), notify=THE_UNIT
        ),
    }
    for state in (assigned, handling):
        rows[state, Action.ADD_CO] = Rule(
            (state,),
            DESK[level] | HEAD,
            clocks=(Clocks.START_CO_UNITS,),
            notify=(Audience.CO_UNITS, Audience.UNIT_HANDLERS),
            owed=False,
        )
    return rows


def _suspension(level: Level) -> Rows:
    handling, suspended = State(level, Status.HANDLING), State(level, Status.SUSPENDED)
    asked = pending_for_the_actor(ApprovalKind.SUSPENSION)
    return {
        (handling, Action.REQUEST_SUSPENSION): Rule(
            (handling,),
            HEAD,
            conditions=(nothing_pending(ApprovalKind.SUSPENSION),),
            notify=(Audience.DECIDERS,),
            owed=False,
        ),
        (handling, Action.SUSPEND): Rule(
            (suspended,),
            LEADERS[level],
            needs=(asked,),
            clocks=(Clocks.PAUSE_ALL,),
            notify=(*THE_UNIT, Audience.CO_UNITS, Audience.DISPATCHERS, Audience.REPORTER),
        ),
        (handling, Action.REFUSE_SUSPENSION): Rule(
            (handling,), LEADERS[level], needs=(asked,), notify=THE_UNIT
        ),
        (suspended, Action.RESUME): Rule(
            (handling, State(level, Status.TRIAGE)),
            LEADERS[level],
            choose=after_suspension,
            clocks=(Clocks.RESUME_ALL,),
            notify=(Audience.WORKING, Audience.UNIT_HEADS, Audience.CO_UNITS, Audience.DISPATCHERS),
            owed=False,
        ),
        (suspended, Action.AUTO_RESUME): Rule(
            (handling, State(level, Status.TRIAGE)),
            NOBODY,
            choose=after_suspension,
            system=True,
            clocks=(Clocks.RESUME_ALL,),
            notify=(
                Audience.WORKING,
                Audience.UNIT_HEADS,
                Audience.CO_UNITS,
                Audience.DISPATCHERS,
                Audience.LEADERS,
            ),
        ),
        (suspended, Action.CONVERT_TO_PROJECT): Rule(
            (State(level, Status.CLOSED),),
            LEADERS[Level.DISTRICT],
            clocks=(Clocks.CANCEL_ALL,),
            notify=(*THE_UNIT, Audience.CO_UNITS, Audience.TOWN_DISPATCHERS, Audience.REPORTER),
            owed=False,
        ),
    }


def _joint_meeting() -> Rows:
    triage = State(Level.DISTRICT, Status.TRIAGE)
    suspended = State(Level.DISTRICT, Status.SUSPENDED)
    return {
        (triage, Action.TO_MEETING): Rule(
            (suspended,),
            ASSIGNERS[Level.DISTRICT],
            clocks=(Clocks.PAUSE_ALL,),
            notify=(Audience.SECRETARIES, Audience.LEADERS, Audience.TOWN_DISPATCHERS),
            owed=False,
        ),
        (suspended, Action.APPLY_RESOLUTION): Rule(
            (State(Level.DISTRICT, Status.ASSIGNED),),
            frozenset({Role.SECRETARY}),
            needs=(suspended_for_a_meeting,),
            clocks=(
                Clocks.CANCEL_STEP,
                Clocks.CANCEL_CO_UNITS,
                Clocks.RESUME_OVERALL_ALONE,
                Clocks.START_UNITS,
            ),
            notify=(*THE_UNIT, Audience.CO_UNITS, Audience.FORMER_UNITS, Audience.DISPATCHERS),
            owed=False,
        ),
    }


def _ends_by_two_persons() -> Rows:
    rows: Rows = {}
    town, district = State(Level.TOWN, Status.TRIAGE), State(Level.DISTRICT, Status.TRIAGE)
    officers = frozenset({Role.COMMUNITY_OFFICER})
    second = {level: DESK[level] | LEADERS[level] for level in UNIT_LEVELS}
    for state, actions, first, other in (
        (
            PENDING_FIRST,
            (Action.VOID,),
            officers | DESK[Level.TOWN],
            officers | second[Level.TOWN],
        ),
        (town, (Action.DECLINE, Action.VOID), DESK[Level.TOWN], second[Level.TOWN]),
        (district, (Action.DECLINE, Action.VOID), DESK[Level.DISTRICT], second[Level.DISTRICT]),
    ):
        for action in actions:
            rows[state, action] = Rule(
                (state,),
                first,
                conditions=(nothing_pending(ApprovalKind.VOID),),
                notify=(Audience.DECIDERS,),
                owed=False,
            )
        asked = pending_for_the_actor(ApprovalKind.VOID)
        rows[state, Action.CONFIRM_VOID] = Rule(
            (State(state.level, Status.VOID),),
            other,
            needs=(asked,),
            conditions=(another_person_decides,),
            clocks=(Clocks.CANCEL_ALL,),
            notify=(Audience.REPORTER, Audience.DISPATCHERS, Audience.TOWN_DISPATCHERS),
        )
        rows[state, Action.REFUSE_VOID] = Rule(
            (state,),
            other,
            needs=(asked,),
            conditions=(another_person_decides,),
            notify=(Audience.DISPATCHERS, Audience.TOWN_DISPATCHERS),
        )
    return rows


def _duplicates() -> Rows:
    grid = (PENDING_FIRST, GRID_HANDLING)
    with_units = (Status.TRIAGE, Status.ASSIGNED, Status.HANDLING)
    rows: Rows = {}
    for level in Level:
        merged = State(level, Status.MERGED)
        from_here = grid if level == Level.GRID else [State(level, status) for status in with_units]
        for state in from_here:
            rows[state, Action.MERGE] = Rule(
                (merged,),
                MERGERS[level],
                conditions=(nobody_watches_over_it,),
                clocks=(Clocks.CANCEL_ALL,),
                notify=(Audience.REPORTER, Audience.FORMER_UNITS),
                owed=False,
            )
        rows[merged, Action.UNMERGE] = Rule(
            grid if level == Level.GRID else (State(level, Status.TRIAGE),),
            MERGERS[level] & DISPATCHER_ROLES,
            choose=before_the_merge if level == Level.GRID else None,
            clocks=ANEW,
            notify=(Audience.WORKING, Audience.REPORTER),
            owed=False,
        )
    return rows


def _again() -> Rows:
    town, district = State(Level.TOWN, Status.TRIAGE), State(Level.DISTRICT, Status.TRIAGE)
    targets = {
        Level.GRID: (GRID_HANDLING, town),
        Level.TOWN: (State(Level.TOWN, Status.HANDLING), town, district),
        Level.DISTRICT: (State(Level.DISTRICT, Status.HANDLING), district),
    }
    return {
        (State(level, Status.CLOSED), Action.REOPEN): Rule(
            to,
            frozenset({Role.SUPERVISOR, Role.VERIFIER, Role.REVISITOR}),
            choose=after_reopening,
            needs=(was_handled_here,),
            conditions=(reopened_in_time,),
            clocks=ANEW,
            notify=(
                Audience.WORKING,
                Audience.UNIT_HEADS,
                Audience.FORMER_UNITS,
                Audience.DISPATCHERS,
                Audience.LEADERS,
                Audience.REPORTER,
            ),
            owed=False,
        )
        for level, to in targets.items()
    }


SIDE_PATHS = together(
    *(_returns_and_rulings(level) for level in UNIT_LEVELS),
    *(_while_a_unit_works(level) for level in UNIT_LEVELS),
    *(_suspension(level) for level in UNIT_LEVELS),
    _joint_meeting(),
    *(_second_review(level) for level in Level),
    _ends_by_two_persons(),
    _duplicates(),
    _again(),
)
