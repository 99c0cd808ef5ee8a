"""The transition table as policy: who may do what in which state, written out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

from issues import diagram, sweeps
from issues.choices import (
    OPEN_STATUSES,
    TERMINAL,
    Action,
    ApprovalKind,
    Decider,
    Level,
    Status,
)
from issues.inputs import INPUTS
from issues.models import Issue
from issues.states import PENDING_FIRST, Facts, Rule, State
from issues.workflow import RULES, TAKEN_ELSEWHERE, rules_from
from people.choices import Role
from tests.cast import Cast, again
from tests.issues import moments
from tests.issues.moments import at

GRID_WORKER, COMMUNITY = {Role.GRID_WORKER}, {Role.COMMUNITY_OFFICER}
GRID = GRID_WORKER | COMMUNITY
TOWN_DISPATCHER, TOWN_LEADER = {Role.TOWN_DISPATCHER}, {Role.TOWN_LEADER}
DISTRICT_DISPATCHER, DISTRICT_LEADER = {Role.DISTRICT_DISPATCHER}, {Role.DISTRICT_LEADER}
TOWN, DISTRICT = TOWN_DISPATCHER | TOWN_LEADER, DISTRICT_DISPATCHER | DISTRICT_LEADER
DISPATCHERS, LEADERS = TOWN_DISPATCHER | DISTRICT_DISPATCHER, TOWN_LEADER | DISTRICT_LEADER
HANDLER, HEAD = {Role.UNIT_HANDLER}, {Role.UNIT_HEAD}
UNIT = HANDLER | HEAD
CHECKERS = GRID | {Role.VERIFIER}
CALLER, SUPERVISOR, SECRETARY = {Role.REVISITOR}, {Role.SUPERVISOR}, {Role.SECRETARY}
PLATFORM: set[Role] = set()

Roles = set[Role]
Where = tuple[str, str]

# Every state of a case, with every action that leaves it or is taken in it, and every role that may
# take it. What does not stand here or in ANYWHERE is forbidden.
EXPECTED: dict[Where, dict[Action, Roles]] = {
    ("grid", "pending_first"): {
        Action.FIRST_HANDLE: GRID,
        Action.RESOLVE_ON_SPOT: GRID_WORKER,
        Action.ESCALATE_TOWN: GRID | TOWN_DISPATCHER,
        Action.VOID: COMMUNITY | TOWN_DISPATCHER,
        Action.CONFIRM_VOID: COMMUNITY | TOWN,
        Action.REFUSE_VOID: COMMUNITY | TOWN,
        Action.MERGE: GRID_WORKER | DISPATCHERS,
    },
    ("grid", "grid_handling"): {
        Action.RESOLVE_ON_SPOT: GRID_WORKER,
        Action.SUBMIT_COMPLETION: GRID,
        Action.PROGRESS: GRID,
        Action.ESCALATE_TOWN: GRID | TOWN_DISPATCHER,
        Action.MERGE: GRID_WORKER | DISPATCHERS,
    },
    ("grid", "verify"): {
        Action.PASS_VERIFICATION: CHECKERS,
        Action.FAIL_VERIFICATION: CHECKERS,
    },
    ("grid", "revisit"): {
        Action.RECORD_REVISIT: CALLER,
        Action.REDO: CALLER | LEADERS,
        Action.REQUEST_REVIEW: CALLER,
        Action.CLOSE_ON_REVIEW: LEADERS,
    },
    ("grid", "merged"): {Action.UNMERGE: DISPATCHERS, Action.RELEASE: PLATFORM},
    ("town", "triage"): {
        Action.CONSULT: TOWN,
        Action.ASSIGN: TOWN_DISPATCHER,
        Action.ESCALATE_DISTRICT: TOWN_LEADER,
        Action.SEND_DOWN: TOWN_DISPATCHER,
        Action.DECLINE: TOWN_DISPATCHER,
        Action.VOID: TOWN_DISPATCHER,
        Action.CONFIRM_VOID: TOWN,
        Action.REFUSE_VOID: TOWN,
        Action.MERGE: DISPATCHERS,
    },
    ("town", "assigned"): {
        Action.ACKNOWLEDGE: HANDLER,
        Action.AUTO_ACKNOWLEDGE: PLATFORM,
        Action.CO_REPLY: UNIT,
        Action.REQUEST_RETURN: HEAD,
        Action.ADD_CO: TOWN_DISPATCHER | HEAD,
        Action.MERGE: DISPATCHERS,
    },
    ("town", "handling"): {
        Action.CO_REPLY: UNIT,
        Action.SUBMIT_COMPLETION: UNIT,
        Action.PROGRESS: UNIT,
        Action.TRANSFER: TOWN_DISPATCHER,
        Action.ADD_CO: TOWN_DISPATCHER | HEAD,
        Action.REQUEST_EXTENSION: HEAD,
        Action.APPROVE_EXTENSION: TOWN,
        Action.REFUSE_EXTENSION: TOWN,
        Action.REQUEST_SUSPENSION: HEAD,
        Action.SUSPEND: TOWN_LEADER,
        Action.REFUSE_SUSPENSION: TOWN_LEADER,
        Action.MERGE: DISPATCHERS,
    },
    ("town", "return_review"): {
        Action.APPROVE_RETURN: TOWN_DISPATCHER,
        Action.REFUSE_RETURN: TOWN_DISPATCHER,
        Action.ARBITRATE: LEADERS,
        Action.CO_REPLY: UNIT,
    },
    ("town", "suspended"): {
        Action.RESUME: TOWN_LEADER,
        Action.AUTO_RESUME: PLATFORM,
        Action.CONVERT_TO_PROJECT: DISTRICT_LEADER,
    },
    ("town", "verify"): {
        Action.PASS_VERIFICATION: CHECKERS,
        Action.FAIL_VERIFICATION: CHECKERS,
    },
    ("town", "revisit"): {
        Action.RECORD_REVISIT: CALLER,
        Action.REDO: CALLER | LEADERS,
        Action.REQUEST_REVIEW: CALLER,
        Action.CLOSE_ON_REVIEW: LEADERS,
    },
    ("town", "merged"): {Action.UNMERGE: DISPATCHERS, Action.RELEASE: PLATFORM},
    ("district", "triage"): {
        Action.CONSULT: DISTRICT,
        Action.ASSIGN: DISTRICT,
        Action.SEND_DOWN: DISTRICT_DISPATCHER,
        Action.TO_MEETING: DISTRICT,
        Action.DECLINE: DISTRICT_DISPATCHER,
        Action.VOID: DISTRICT_DISPATCHER,
        Action.CONFIRM_VOID: DISTRICT,
        Action.REFUSE_VOID: DISTRICT,
        Action.MERGE: DISTRICT_DISPATCHER,
    },
    ("district", "assigned"): {
        Action.ACKNOWLEDGE: HANDLER,
        Action.AUTO_ACKNOWLEDGE: PLATFORM,
        Action.CO_REPLY: UNIT,
        Action.REQUEST_RETURN: HEAD,
        Action.ADD_CO: DISTRICT_DISPATCHER | HEAD,
        Action.MERGE: DISTRICT_DISPATCHER,
    },
    ("district", "handling"): {
        Action.CO_REPLY: UNIT,
        Action.SUBMIT_COMPLETION: UNIT,
        Action.PROGRESS: UNIT,
        Action.TRANSFER: DISTRICT_DISPATCHER,
        Action.ADD_CO: DISTRICT_DISPATCHER | HEAD,
        Action.REQUEST_EXTENSION: HEAD,
        Action.APPROVE_EXTENSION: DISTRICT,
        Action.REFUSE_EXTENSION: DISTRICT,
        Action.REQUEST_SUSPENSION: HEAD,
        Action.SUSPEND: DISTRICT_LEADER,
        Action.REFUSE_SUSPENSION: DISTRICT_LEADER,
        Action.MERGE: DISTRICT_DISPATCHER,
    },
    ("district", "return_review"): {
        Action.APPROVE_RETURN: DISTRICT_DISPATCHER,
        Action.REFUSE_RETURN: DISTRICT_DISPATCHER,
        Action.ARBITRATE: DISTRICT_LEADER,
        Action.CO_REPLY: UNIT,
    },
    ("district", "suspended"): {
        Action.RESUME: DISTRICT_LEADER,
        Action.AUTO_RESUME: PLATFORM,
        Action.CONVERT_TO_PROJECT: DISTRICT_LEADER,
        Action.APPLY_RESOLUTION: SECRETARY,
    },
    ("district", "verify"): {
        Action.PASS_VERIFICATION: CHECKERS,
        Action.FAIL_VERIFICATION: CHECKERS,
    },
    ("district", "revisit"): {
        Action.RECORD_REVISIT: CALLER,
        Action.REDO: CALLER | DISTRICT_LEADER,
        Action.REQUEST_REVIEW: CALLER,
        Action.CLOSE_ON_REVIEW: DISTRICT_LEADER,
    },
    ("district", "merged"): {Action.UNMERGE: DISTRICT_DISPATCHER, Action.RELEASE: PLATFORM},
    **{
        (level, "closed"): {
            Action.REOPEN: SUPERVISOR | CALLER | {Role.VERIFIER},
            Action.CORRECT: DISPATCHERS,
            Action.RELEASE: PLATFORM,
        }
        for level in ("grid", "town", "district")
    },
    **{(level, "void"): {Action.RELEASE: PLATFORM} for level in ("grid", "town", "district")},
}

# What is possible at any open case of a level.
ANYWHERE: dict[str, dict[Action, Roles]] = {
    "grid": {
        Action.URGE: DISPATCHERS | LEADERS | SUPERVISOR,
        Action.SUPERVISE: SUPERVISOR | LEADERS,
        Action.ANSWER_SUPERVISION: GRID | TOWN_DISPATCHER,
        Action.STRIKE_OFF: SUPERVISOR | LEADERS,
        Action.INSTRUCT: LEADERS | DISPATCHERS,
        Action.ANSWER_INSTRUCTION: GRID | TOWN_DISPATCHER,
        Action.HAND_OVER: COMMUNITY,
    },
    "town": {
        Action.URGE: DISPATCHERS | LEADERS | SUPERVISOR,
        Action.SUPERVISE: SUPERVISOR | LEADERS,
        Action.ANSWER_SUPERVISION: UNIT | TOWN_DISPATCHER,
        Action.STRIKE_OFF: SUPERVISOR | LEADERS,
        Action.INSTRUCT: LEADERS | DISPATCHERS,
        Action.ANSWER_INSTRUCTION: UNIT | TOWN_DISPATCHER,
        Action.HAND_OVER: HEAD,
    },
    "district": {
        Action.URGE: DISPATCHERS | LEADERS | SUPERVISOR,
        Action.SUPERVISE: SUPERVISOR | DISTRICT_LEADER,
        Action.ANSWER_SUPERVISION: UNIT | DISTRICT_DISPATCHER,
        Action.STRIKE_OFF: SUPERVISOR | DISTRICT_LEADER,
        Action.INSTRUCT: DISTRICT,
        Action.ANSWER_INSTRUCTION: UNIT | DISTRICT_DISPATCHER,
        Action.HAND_OVER: HEAD,
    },
}
AT_EVERY_LEVEL: dict[Action, Roles] = {
    Action.CORRECT: DISPATCHERS,
    Action.ABSORB: PLATFORM,
    Action.RELEASE: PLATFORM,
    Action.RECALCULATE: PLATFORM,
}
# Except there.
NOT_THERE: dict[str, set[Action]] = {
    "suspended": {Action.URGE},
    "pending_first": {Action.HAND_OVER},
    "triage": {Action.HAND_OVER},
    "assigned": {Action.HAND_OVER},
}
# Who may talk to whoever complained.
CALLERS: dict[Where, Roles] = {
    ("grid", "pending_first"): GRID,
    ("grid", "grid_handling"): GRID,
    ("grid", "verify"): CHECKERS,
    ("grid", "revisit"): CALLER,
    ("town", "triage"): TOWN_DISPATCHER,
    ("town", "assigned"): UNIT | TOWN_DISPATCHER,
    ("town", "handling"): UNIT | TOWN_DISPATCHER,
    ("town", "return_review"): TOWN_DISPATCHER,
    ("town", "suspended"): UNIT | TOWN_DISPATCHER,
    ("town", "verify"): CHECKERS,
    ("town", "revisit"): CALLER,
    ("district", "triage"): DISTRICT_DISPATCHER,
    ("district", "assigned"): UNIT | DISTRICT_DISPATCHER,
    ("district", "handling"): UNIT | DISTRICT_DISPATCHER,
    ("district", "return_review"): DISTRICT_DISPATCHER,
    ("district", "suspended"): UNIT | DISTRICT_DISPATCHER,
    ("district", "verify"): CHECKERS,
    ("district", "revisit"): CALLER,
}


def expected(level: str, status: str) -> dict[Action, Roles]:
    rows = dict(EXPECTED.get((level, status), {}))
    if (level, status) in CALLERS:  # every open state has a row there
        anywhere = {**ANYWHERE[level], **AT_EVERY_LEVEL, Action.CONTACT: CALLERS[level, status]}
        forbidden = NOT_THERE.get(status, set())
        rows |= {action: roles for action, roles in anywhere.items() if action not in forbidden}
    return rows


# Where each action may lead that moves a case.
TARGETS: dict[tuple[str, str, Action], set[Where]] = {
    ("grid", "pending_first", Action.FIRST_HANDLE): {("grid", "grid_handling")},
    ("grid", "pending_first", Action.RESOLVE_ON_SPOT): {("grid", "verify"), ("grid", "closed")},
    ("grid", "pending_first", Action.ESCALATE_TOWN): {("town", "triage")},
    ("grid", "pending_first", Action.CONFIRM_VOID): {("grid", "void")},
    ("grid", "pending_first", Action.MERGE): {("grid", "merged")},
    ("grid", "grid_handling", Action.RESOLVE_ON_SPOT): {("grid", "verify"), ("grid", "closed")},
    ("grid", "grid_handling", Action.SUBMIT_COMPLETION): {("grid", "verify")},
    ("grid", "grid_handling", Action.ESCALATE_TOWN): {("town", "triage")},
    ("grid", "grid_handling", Action.MERGE): {("grid", "merged")},
    ("grid", "verify", Action.PASS_VERIFICATION): {("grid", "revisit"), ("grid", "closed")},
    ("grid", "verify", Action.FAIL_VERIFICATION): {("grid", "grid_handling")},
    ("grid", "revisit", Action.RECORD_REVISIT): {("grid", "closed"), ("grid", "revisit")},
    ("grid", "revisit", Action.REDO): {("grid", "grid_handling")},
    ("grid", "revisit", Action.CLOSE_ON_REVIEW): {("grid", "closed")},
    ("grid", "closed", Action.REOPEN): {("grid", "grid_handling"), ("town", "triage")},
    ("grid", "merged", Action.UNMERGE): {("grid", "pending_first"), ("grid", "grid_handling")},
    ("town", "triage", Action.ASSIGN): {("town", "assigned")},
    ("town", "triage", Action.ESCALATE_DISTRICT): {("district", "triage")},
    ("town", "triage", Action.SEND_DOWN): {("grid", "pending_first")},
    ("town", "triage", Action.CONFIRM_VOID): {("town", "void")},
    ("town", "triage", Action.MERGE): {("town", "merged")},
    ("town", "assigned", Action.ACKNOWLEDGE): {("town", "handling")},
    ("town", "assigned", Action.AUTO_ACKNOWLEDGE): {("town", "handling")},
    ("town", "assigned", Action.REQUEST_RETURN): {("town", "return_review")},
    ("town", "assigned", Action.MERGE): {("town", "merged")},
    ("town", "handling", Action.SUBMIT_COMPLETION): {("town", "verify")},
    ("town", "handling", Action.TRANSFER): {("town", "assigned")},
    ("town", "handling", Action.SUSPEND): {("town", "suspended")},
    ("town", "handling", Action.MERGE): {("town", "merged")},
    ("town", "return_review", Action.APPROVE_RETURN): {("town", "triage")},
    ("town", "return_review", Action.REFUSE_RETURN): {("town", "handling")},
    ("town", "return_review", Action.ARBITRATE): {("town", "handling")},
    ("town", "suspended", Action.RESUME): {("town", "handling"), ("town", "triage")},
    ("town", "suspended", Action.AUTO_RESUME): {("town", "handling"), ("town", "triage")},
    ("town", "suspended", Action.CONVERT_TO_PROJECT): {("town", "closed")},
    ("town", "verify", Action.PASS_VERIFICATION): {("town", "revisit"), ("town", "closed")},
    ("town", "verify", Action.FAIL_VERIFICATION): {("town", "handling")},
    ("town", "revisit", Action.RECORD_REVISIT): {("town", "closed"), ("town", "revisit")},
    ("town", "revisit", Action.REDO): {("town", "handling")},
    ("town", "revisit", Action.CLOSE_ON_REVIEW): {("town", "closed")},
    ("town", "closed", Action.REOPEN): {
        ("town", "handling"),
        ("town", "triage"),
        ("district", "triage"),
    },
    ("town", "merged", Action.UNMERGE): {("town", "triage")},
    ("district", "triage", Action.ASSIGN): {("district", "assigned")},
    ("district", "triage", Action.SEND_DOWN): {("town", "triage")},
    ("district", "triage", Action.TO_MEETING): {("district", "suspended")},
    ("district", "triage", Action.CONFIRM_VOID): {("district", "void")},
    ("district", "triage", Action.MERGE): {("district", "merged")},
    ("district", "assigned", Action.ACKNOWLEDGE): {("district", "handling")},
    ("district", "assigned", Action.AUTO_ACKNOWLEDGE): {("district", "handling")},
    ("district", "assigned", Action.REQUEST_RETURN): {("district", "return_review")},
    ("district", "assigned", Action.MERGE): {("district", "merged")},
    ("district", "handling", Action.SUBMIT_COMPLETION): {("district", "verify")},
    ("district", "handling", Action.TRANSFER): {("district", "assigned")},
    ("district", "handling", Action.SUSPEND): {("district", "suspended")},
    ("district", "handling", Action.MERGE): {("district", "merged")},
    ("district", "return_review", Action.APPROVE_RETURN): {("district", "triage")},
    ("district", "return_review", Action.REFUSE_RETURN): {("district", "handling")},
    ("district", "return_review", Action.ARBITRATE): {("district", "handling")},
    ("district", "suspended", Action.RESUME): {("district", "handling"), ("district", "triage")},
    ("district", "suspended", Action.AUTO_RESUME): {
        ("district", "handling"),
        ("district", "triage"),
    },
    ("district", "suspended", Action.CONVERT_TO_PROJECT): {("district", "closed")},
    ("district", "suspended", Action.APPLY_RESOLUTION): {("district", "assigned")},
    ("district", "verify", Action.PASS_VERIFICATION): {
        ("district", "revisit"),
        ("district", "closed"),
    },
    ("district", "verify", Action.FAIL_VERIFICATION): {("district", "handling")},
    ("district", "revisit", Action.RECORD_REVISIT): {
        ("district", "closed"),
        ("district", "revisit"),
    },
    ("district", "revisit", Action.REDO): {("district", "handling")},
    ("district", "revisit", Action.CLOSE_ON_REVIEW): {("district", "closed")},
    ("district", "closed", Action.REOPEN): {("district", "handling"), ("district", "triage")},
    ("district", "merged", Action.UNMERGE): {("district", "triage")},
}

# The steps that somebody owes: the case waits for one of them. All others may be taken, or not.
OWED: dict[str, set[Action]] = {
    "pending_first": {
        Action.FIRST_HANDLE,
        Action.RESOLVE_ON_SPOT,
        Action.ESCALATE_TOWN,
        Action.CONFIRM_VOID,
        Action.REFUSE_VOID,
    },
    "grid_handling": {Action.RESOLVE_ON_SPOT, Action.SUBMIT_COMPLETION, Action.ESCALATE_TOWN},
    "triage": {
        Action.CONSULT,
        Action.ASSIGN,
        Action.ESCALATE_DISTRICT,
        Action.SEND_DOWN,
        Action.CONFIRM_VOID,
        Action.REFUSE_VOID,
    },
    "assigned": {Action.ACKNOWLEDGE, Action.CO_REPLY},
    "handling": {
        Action.SUBMIT_COMPLETION,
        Action.CO_REPLY,
        Action.APPROVE_EXTENSION,
        Action.REFUSE_EXTENSION,
        Action.SUSPEND,
        Action.REFUSE_SUSPENSION,
    },
    "return_review": {
        Action.APPROVE_RETURN,
        Action.REFUSE_RETURN,
        Action.ARBITRATE,
        Action.CO_REPLY,
    },
    "suspended": set(),  # the platform takes it up again on the day set
    "verify": {Action.PASS_VERIFICATION, Action.FAIL_VERIFICATION},
    "revisit": {Action.RECORD_REVISIT, Action.REDO, Action.CLOSE_ON_REVIEW},
    "closed": set(),
    "merged": set(),
    "void": set(),
}
OWED_ANYWHERE = {Action.ANSWER_SUPERVISION, Action.STRIKE_OFF, Action.ANSWER_INSTRUCTION}

# The platform may take them, some of them alone.
BY_THE_PLATFORM = {
    Action.AUTO_ACKNOWLEDGE,
    Action.AUTO_RESUME,
    Action.SUPERVISE,
    Action.HAND_OVER,
    Action.ABSORB,
    Action.RELEASE,
    Action.RECALCULATE,
}
IN_TIME = {Action.AUTO_ACKNOWLEDGE, Action.AUTO_RESUME}  # because a day has come

# --- the table as it is written ---


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("status", Status)
def test_each_role_may_take_exactly_these_actions(level: Level, status: Status) -> None:
    allowed = {action: set(rule.roles) for action, rule in rules_from(State(level, status)).items()}
    assert allowed == expected(level, status)


def test_each_action_leads_exactly_there_and_every_other_one_leaves_the_case_where_it_is() -> None:
    found = {
        (state.level, state.status, action): {(to.level, to.status) for to in rule.to}
        for (state, action), rule in RULES.items()
        if state is not None and rule.to != (state,)
    }
    assert found == TARGETS


def test_reports_come_from_the_field_and_the_dispatchers() -> None:
    assert RULES[None, Action.CREATE].roles == GRID | DISPATCHERS
    assert RULES[None, Action.CREATE].to == (PENDING_FIRST,)


def test_the_case_waits_for_exactly_these_steps() -> None:
    for status in Status:
        owed = {
            action
            for (state, action), rule in RULES.items()
            if state and state.status == status and rule.roles and rule.owed
        }
        assert owed == OWED[status] | (OWED_ANYWHERE if status in OPEN_STATUSES else set())


def test_the_platform_takes_exactly_these_steps() -> None:
    assert {action for (_, action), rule in RULES.items() if rule.system} == BY_THE_PLATFORM
    for (state, action), rule in RULES.items():
        assert rule.system or rule.roles, (state, action)


def test_a_rule_with_several_targets_has_one_function_that_chooses() -> None:
    for (state, action), rule in RULES.items():
        assert (len(rule.to) > 1) == (rule.choose is not None), (state, action)


def test_every_action_that_a_person_may_take_has_one_input() -> None:
    by_people = {action for (_, action), rule in RULES.items() if rule.roles}
    assert set(INPUTS) == by_people
    assert set(TAKEN_ELSEWHERE) <= by_people


def test_every_action_has_a_row() -> None:
    assert {action for _, action in RULES} == set(Action)


def test_who_moves_a_case_or_asks_for_something_is_heard_by_somebody() -> None:
    silent = {
        (state, action)
        for (state, action), rule in RULES.items()
        if not rule.notify and (rule.to != (state,) or action in ASKING)
    }
    assert silent == set()


ASKING = {
    Action.REQUEST_RETURN,
    Action.REQUEST_EXTENSION,
    Action.REQUEST_SUSPENSION,
    Action.REQUEST_REVIEW,
    Action.VOID,
    Action.DECLINE,
    Action.URGE,
    Action.SUPERVISE,
    Action.INSTRUCT,
}


def test_the_docs_show_the_table_as_it_is() -> None:
    page = Path(settings.BASE_DIR, "docs", "workflow.md").read_text(encoding="utf-8")
    assert diagram.markdown() in page


# --- nothing gets stuck ---


def test_an_end_can_be_reached_from_every_state_by_steps_that_are_owed_or_come_in_time() -> None:
    reachable = {state for origin, _ in RULES for state in (origin,) if state}
    reachable |= {to for rule in RULES.values() for to in rule.to}
    ends = {state for state in reachable if state.status in TERMINAL}
    while more := {
        state
        for state in reachable - ends
        if any(
            ends & set(rule.to)
            for action, rule in rules_from(state).items()
            if (rule.owed and rule.roles) or action in IN_TIME
        )
    }:
        ends |= more
    assert ends == reachable
    assert {state.status for state in reachable} == set(Status)


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("status", OPEN_STATUSES)
def test_in_every_circumstance_somebody_owes_a_step_or_the_platform_takes_it(
    level: Level, status: Status
) -> None:
    state = State(level, status)
    for facts in circumstances(state) if rules_from(state) else ():
        assert possible(facts, owed=True) | (set(rules_from(state)) & IN_TIME), facts


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("status", OPEN_STATUSES)
def test_whatever_lies_too_long_can_be_moved_on_without_the_one_whose_turn_it_is(
    level: Level, status: Status
) -> None:
    """Nobody may be there in one role: more than one can move the case, or the platform does."""
    state = State(level, status)
    if not rules_from(state) or set(rules_from(state)) & IN_TIME or (level, status) in ONE_OFFICE:
        return
    for facts in circumstances(state, is_overdue=True, lead_can_work=False):
        movers = {role for role, action in possible(facts) if moves(state, action)}
        assert len(movers) > 1, (facts, movers)


# Calling back is one office's work, and nobody stands above the district's leader: they have
# deputies (AB岗), and no posting ends while it leaves work to nobody.
ONE_OFFICE = {
    ("grid", "revisit"),
    ("town", "revisit"),
    ("district", "revisit"),
    ("district", "return_review"),
}


def circumstances(state: State, **fixed: bool) -> Iterator[Facts]:
    """Every combination of what may stand beside a case in this state."""
    plain = Facts(
        state=state,
        source="",
        is_contactable=True,
        needs_verification=True,
        consulted=True,  # who may dispatch or escalate may hold the consultation before
        required_replies_missing=0,
        revisit_attempts=0,
    )
    both = (False, True)
    kinds = subsets(PENDING[state.status])
    for is_overdue, can_work, binding, returns, asked, of_dispatcher in product(
        both, both, both, (1, 2), kinds, both
    ):
        decider = Decider.DISPATCHER if of_dispatcher else Decider.LEADER
        facts = replace(
            plain,
            is_overdue=is_overdue,
            lead_can_work=can_work,
            has_lead=True,
            order_is_binding=binding,
            returns=returns,
            pending={kind: DECIDED_BY.get(kind, decider) for kind in asked},
        )
        if all(getattr(facts, name) == value for name, value in fixed.items()):
            yield facts


# What may be asked for in a state, and who alone decides on it; on an extension either does.
PENDING: dict[Status, tuple[ApprovalKind, ...]] = {
    Status.PENDING_FIRST: (ApprovalKind.VOID,),
    Status.GRID_HANDLING: (),
    Status.TRIAGE: (ApprovalKind.VOID,),
    Status.ASSIGNED: (),
    Status.HANDLING: (ApprovalKind.EXTENSION, ApprovalKind.SUSPENSION),
    Status.RETURN_REVIEW: (ApprovalKind.RETURN,),
    Status.SUSPENDED: (),
    Status.VERIFY: (),
    Status.REVISIT: (ApprovalKind.REVIEW,),
}
DECIDED_BY = {
    ApprovalKind.SUSPENSION: Decider.LEADER,
    ApprovalKind.REVIEW: Decider.LEADER,
    ApprovalKind.VOID: Decider.SECOND_PERSON,
}


def subsets(kinds: tuple[ApprovalKind, ...]) -> list[tuple[ApprovalKind, ...]]:
    found: list[tuple[ApprovalKind, ...]] = [()]
    for kind in kinds:
        found += [(*rest, kind) for rest in found]
    return found


def possible(facts: Facts, *, owed: bool = False) -> set[tuple[Role, Action]]:
    """What a person may do in which role; with ``owed``, only what the case waits for."""
    return {
        (role, action)
        for action, rule in rules_from(facts.state).items()
        if rule.owed or not owed
        for role in rule.roles
        if is_open(rule, replace(facts, actor_role=role))
    }


def is_open(rule: Rule, facts: Facts) -> bool:
    return not any(condition(facts) for condition in (*rule.needs, *rule.conditions))


def moves(state: State, action: Action) -> bool:
    return action != Action.MERGE and RULES[state, action].to != (state,)


# --- whose turn it is, in the lists ---

Moment = Callable[[Cast], Issue]


def reported(cast: Cast) -> Issue:
    return cast.report(at=at("2025-03-03"))


# Who of the cast has the case in their list. 冯刚 has two postings: he verifies and handles.
WAITING: list[tuple[Moment, set[str]]] = [
    (reported, {"wang_fang", "zhao_min"}),
    (moments.in_town_triage, {"chen_jing", "zhou_wei"}),
    (moments.assigned, {"wu_yang", "feng_gang"}),
    (moments.with_the_unit, {"wu_yang", "zheng_hua", "feng_gang"}),
    (moments.with_return_requested, {"chen_jing"}),
    (
        moments.with_extension_requested,
        {"chen_jing", "wu_yang", "zheng_hua", "feng_gang"},
    ),
    (
        moments.with_suspension_requested,
        {"zhou_wei", "wu_yang", "zheng_hua", "feng_gang"},
    ),
    (moments.suspended, set()),
    (moments.submitted, {"wang_fang", "zhao_min", "shen_lan"}),
    (moments.in_revisit, {"han_mei"}),
    (moments.in_district_triage, {"sun_li", "qian_jin"}),
    (moments.with_two_departments, {"he_jun", "gao_feng"}),
    (moments.with_the_departments, {"he_jun", "luo_bin", "gao_feng"}),
    (moments.waiting_for_the_meeting, set()),
    (moments.closed, set()),
]


@pytest.mark.parametrize(("moment", "names"), WAITING)
def test_the_case_is_in_the_lists_of_those_whose_turn_it_is(
    cast: Cast, time_machine, moment: Moment, names: set[str]
) -> None:
    time_machine.move_to(at("2025-03-03", "16:00"), tick=False)  # before anything is due
    issue = moment(cast)
    waiting = {
        name
        for name, person in cast.people.items()
        if Issue.objects.waiting_for(again(person)).filter(pk=issue.pk).exists()
    }
    assert waiting == names


def test_what_nobody_owes_a_step_on_the_platform_takes_up_again(cast: Cast) -> None:
    for issue in (moments.suspended(cast), moments.waiting_for_the_meeting(cast)):
        assert issue.review_at is not None
        assert sweeps.resume_suspended(issue.review_at) == 1
        issue.refresh_from_db()
        assert issue.status in (Status.HANDLING, Status.TRIAGE)
