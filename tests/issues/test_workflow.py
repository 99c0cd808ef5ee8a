"""The transition table as policy: who may do what in which state, written out by hand."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import pytest
from django.conf import settings

from issues import diagram
from issues.choices import Action, Level, Status
from issues.inputs import INPUTS
from issues.workflow import PENDING_FIRST, RULES, State, rules_from
from people.choices import Role

GRID_WORKER, COMMUNITY = {Role.GRID_WORKER}, {Role.COMMUNITY_OFFICER}
GRID_OR_COMMUNITY = GRID_WORKER | COMMUNITY
TOWN_DISPATCHER, TOWN_LEADER = {Role.TOWN_DISPATCHER}, {Role.TOWN_LEADER}
DISTRICT_DISPATCHER, DISTRICT_LEADER = {Role.DISTRICT_DISPATCHER}, {Role.DISTRICT_LEADER}
HANDLER, HEAD = {Role.UNIT_HANDLER}, {Role.UNIT_HEAD}
CHECKERS = GRID_OR_COMMUNITY | {Role.VERIFIER}
CALLER = {Role.REVISITOR}
NOBODY: set[Role] = set()

# Every state of a case, with every action that leaves it and every role that may take it.
# What does not stand here is forbidden.
EXPECTED: dict[tuple[str, str], dict[Action, set[Role]]] = {
    ("grid", "pending_first"): {
        Action.FIRST_HANDLE: GRID_OR_COMMUNITY,
        Action.RESOLVE_ON_SPOT: GRID_WORKER,
        Action.ESCALATE_TOWN: GRID_OR_COMMUNITY,
    },
    ("grid", "grid_handling"): {
        Action.RESOLVE_ON_SPOT: GRID_WORKER,
        Action.SUBMIT_COMPLETION: GRID_OR_COMMUNITY,
        Action.ESCALATE_TOWN: GRID_OR_COMMUNITY,
    },
    ("town", "triage"): {
        Action.CONSULT: TOWN_DISPATCHER | TOWN_LEADER,
        Action.ASSIGN: TOWN_DISPATCHER,
        Action.ESCALATE_DISTRICT: TOWN_LEADER,
        Action.SEND_DOWN: TOWN_DISPATCHER,
    },
    ("district", "triage"): {
        Action.CONSULT: DISTRICT_DISPATCHER | DISTRICT_LEADER,
        Action.ASSIGN: DISTRICT_DISPATCHER | DISTRICT_LEADER,
        Action.SEND_DOWN: DISTRICT_DISPATCHER,
    },
    **{
        (level, "assigned"): {
            Action.ACKNOWLEDGE: HANDLER,
            Action.AUTO_ACKNOWLEDGE: NOBODY,  # the platform itself
            Action.CO_REPLY: HANDLER | HEAD,
        }
        for level in ("town", "district")
    },
    **{
        (level, "handling"): {
            Action.CO_REPLY: HANDLER | HEAD,
            Action.SUBMIT_COMPLETION: HANDLER | HEAD,
        }
        for level in ("town", "district")
    },
    **{
        (level, "verify"): {
            Action.PASS_VERIFICATION: CHECKERS,
            Action.FAIL_VERIFICATION: CHECKERS,
        }
        for level in ("grid", "town", "district")
    },
    **{
        (level, "revisit"): {Action.RECORD_REVISIT: CALLER, Action.REDO: CALLER}
        for level in ("grid", "town", "district")
    },
    **{(level, "closed"): {} for level in ("grid", "town", "district")},
}

# Where each action may lead.
TARGETS: dict[tuple[str, str, Action], set[tuple[str, str]]] = {
    ("grid", "pending_first", Action.FIRST_HANDLE): {("grid", "grid_handling")},
    ("grid", "pending_first", Action.RESOLVE_ON_SPOT): {("grid", "verify"), ("grid", "closed")},
    ("grid", "pending_first", Action.ESCALATE_TOWN): {("town", "triage")},
    ("grid", "grid_handling", Action.RESOLVE_ON_SPOT): {("grid", "verify"), ("grid", "closed")},
    ("grid", "grid_handling", Action.SUBMIT_COMPLETION): {("grid", "verify")},
    ("grid", "grid_handling", Action.ESCALATE_TOWN): {("town", "triage")},
    ("town", "triage", Action.CONSULT): {("town", "triage")},
    ("town", "triage", Action.ASSIGN): {("town", "assigned")},
    ("town", "triage", Action.ESCALATE_DISTRICT): {("district", "triage")},
    ("town", "triage", Action.SEND_DOWN): {("grid", "pending_first")},
    ("district", "triage", Action.CONSULT): {("district", "triage")},
    ("district", "triage", Action.ASSIGN): {("district", "assigned")},
    ("district", "triage", Action.SEND_DOWN): {("town", "triage")},
    ("town", "assigned", Action.ACKNOWLEDGE): {("town", "handling")},
    ("town", "assigned", Action.AUTO_ACKNOWLEDGE): {("town", "handling")},
    ("town", "assigned", Action.CO_REPLY): {("town", "assigned")},
    ("district", "assigned", Action.ACKNOWLEDGE): {("district", "handling")},
    ("district", "assigned", Action.AUTO_ACKNOWLEDGE): {("district", "handling")},
    ("district", "assigned", Action.CO_REPLY): {("district", "assigned")},
    ("town", "handling", Action.CO_REPLY): {("town", "handling")},
    ("town", "handling", Action.SUBMIT_COMPLETION): {("town", "verify")},
    ("district", "handling", Action.CO_REPLY): {("district", "handling")},
    ("district", "handling", Action.SUBMIT_COMPLETION): {("district", "verify")},
    ("grid", "verify", Action.PASS_VERIFICATION): {("grid", "revisit"), ("grid", "closed")},
    ("town", "verify", Action.PASS_VERIFICATION): {("town", "revisit"), ("town", "closed")},
    ("district", "verify", Action.PASS_VERIFICATION): {
        ("district", "revisit"),
        ("district", "closed"),
    },
    ("grid", "verify", Action.FAIL_VERIFICATION): {("grid", "grid_handling")},
    ("town", "verify", Action.FAIL_VERIFICATION): {("town", "handling")},
    ("district", "verify", Action.FAIL_VERIFICATION): {("district", "handling")},
    ("grid", "revisit", Action.RECORD_REVISIT): {("grid", "closed"), ("grid", "revisit")},
    ("town", "revisit", Action.RECORD_REVISIT): {("town", "closed"), ("town", "revisit")},
    ("district", "revisit", Action.RECORD_REVISIT): {
        ("district", "closed"),
        ("district", "revisit"),
    },
    ("grid", "revisit", Action.REDO): {("grid", "grid_handling")},
    ("town", "revisit", Action.REDO): {("town", "handling")},
    ("district", "revisit", Action.REDO): {("district", "handling")},
}


@pytest.mark.parametrize("level", Level)
@pytest.mark.parametrize("status", Status)
def test_each_role_may_take_exactly_these_actions(level: Level, status: Status) -> None:
    allowed = {action: set(rule.roles) for action, rule in rules_from(State(level, status)).items()}
    assert allowed == EXPECTED.get((level, status), {})


def test_each_action_leads_exactly_there() -> None:
    found = {
        (state.level, state.status, action): {(to.level, to.status) for to in rule.to}
        for (state, action), rule in RULES.items()
        if state is not None
    }
    assert found == TARGETS


def test_reports_come_from_the_field_and_the_dispatchers() -> None:
    assert RULES[None, Action.CREATE].roles == {
        Role.GRID_WORKER,
        Role.COMMUNITY_OFFICER,
        Role.TOWN_DISPATCHER,
        Role.DISTRICT_DISPATCHER,
    }


def test_a_rule_with_several_targets_has_one_function_that_chooses() -> None:
    for (state, action), rule in RULES.items():
        assert (len(rule.to) > 1) == (rule.choose is not None), (state, action)


def test_only_the_platform_takes_steps_that_no_role_may_take() -> None:
    for (state, action), rule in RULES.items():
        assert rule.system == (not rule.roles), (state, action)


def test_every_reachable_state_leads_to_an_end_and_somebody_may_act_in_it() -> None:
    reachable, queue = {PENDING_FIRST}, deque([PENDING_FIRST])
    while queue:
        state = queue.popleft()
        if state.status == Status.CLOSED:
            continue
        rules = rules_from(state)
        assert any(rule.roles for rule in rules.values()), f"nobody may act in {state}"
        for rule in rules.values():
            queue.extend(to for to in rule.to if to not in reachable)
            reachable.update(rule.to)
    ends = {state for state in reachable if state.status == Status.CLOSED}
    while True:
        more = {
            state
            for state in reachable - ends
            if any(ends & set(rule.to) for rule in rules_from(state).values())
        }
        if not more:
            break
        ends |= more
    assert ends == reachable


def test_every_action_that_a_person_may_take_has_one_input() -> None:
    by_people = {action for (_, action), rule in RULES.items() if rule.roles}
    assert set(INPUTS) == by_people


def test_the_docs_show_the_table_as_it_is() -> None:
    page = Path(settings.BASE_DIR, "docs", "workflow.md").read_text(encoding="utf-8")
    assert diagram.markdown() in page
