"""Who has a case in the list of what waits for them: the persons, situation by situation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import time_machine

from issues.choices import Action, Contact, Outcome
from issues.models import Issue
from people.choices import Role
from tests.cast import Cast, again, person
from tests.issues.moments import (
    assigned,
    at,
    closed,
    closed_by_the_grid,
    complained,
    in_district_triage,
    in_revisit,
    in_town_triage,
    instructed,
    merged,
    ordered,
    returned,
    submitted,
    suspended,
    waiting_for_the_meeting,
    with_extension_requested,
    with_return_requested,
    with_suspension_requested,
    with_the_departments,
    with_the_unit,
    with_two_departments,
    with_void_proposed,
)

THE_UNIT = ["feng_gang", "wu_yang", "zheng_hua"]


def waits_for(cast: Cast, issue: Issue, day: str, time: str = "10:00") -> list[str]:
    """The accounts in whose list the case stands at that moment."""
    with time_machine.travel(at(day, time), tick=False):
        return sorted(
            user.username
            for user in cast.people.values()
            if Issue.objects.waiting_for(again(user)).filter(pk=issue.pk).exists()
        )


def first_of(two: tuple[Issue, Issue]) -> Issue:
    return two[0]


@pytest.mark.parametrize(
    ("moment", "day", "who"),
    [
        (complained, "2025-03-03", ["wang_fang", "zhao_min"]),
        (in_town_triage, "2025-03-03", ["chen_jing", "zhou_wei"]),
        (assigned, "2025-03-03", ["feng_gang", "wu_yang"]),
        (with_return_requested, "2025-03-03", ["chen_jing"]),
        (returned, "2025-03-04", ["chen_jing", "zhou_wei"]),
        (with_the_unit, "2025-03-05", THE_UNIT),
        (with_extension_requested, "2025-03-06", ["chen_jing", *THE_UNIT]),
        (with_suspension_requested, "2025-03-06", [*THE_UNIT, "zhou_wei"]),
        (suspended, "2025-03-10", []),
        (submitted, "2025-03-06", ["shen_lan", "wang_fang", "zhao_min"]),
        (closed, "2025-03-10", []),
        (closed_by_the_grid, "2025-03-10", []),
        (in_revisit, "2025-03-05", ["han_mei"]),
        (in_district_triage, "2025-03-05", ["qian_jin", "sun_li"]),
        (waiting_for_the_meeting, "2025-03-06", []),
        (with_two_departments, "2025-03-05", ["gao_feng", "he_jun"]),
        (with_the_departments, "2025-03-06", ["gao_feng", "he_jun", "luo_bin"]),
        (with_void_proposed, "2025-03-03", ["chen_jing", "wang_fang", "zhao_min", "zhou_wei"]),
        (lambda cast: first_of(merged(cast)), "2025-03-05", []),
        (ordered, "2025-03-07", THE_UNIT),
        (instructed, "2025-03-07", THE_UNIT),
    ],
)
def test_a_case_waits_for_exactly_these(
    cast: Cast, moment: Callable[[Cast], Issue], day: str, who: list[str]
) -> None:
    assert waits_for(cast, moment(cast), day, "18:00") == who


# --- returns ---


def test_a_return_left_lying_waits_for_the_leaders_and_no_more_for_the_dispatcher(
    cast: Cast,
) -> None:
    issue = with_return_requested(cast)  # to be decided by Tuesday, 17:30
    assert waits_for(cast, issue, "2025-03-04", "17:29") == ["chen_jing"]
    assert waits_for(cast, issue, "2025-03-04", "17:30") == ["qian_jin", "zhou_wei"]


def test_a_second_return_waits_for_the_leader_alone(cast: Cast) -> None:
    head = person("hua_jie", "华杰", Role.UNIT_HEAD, cast.changqiao_patrol)
    issue = cast.step(
        returned(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-04", "14:00"),
        lead_unit=cast.changqiao_patrol,
        text="请核处。",
    )
    issue = cast.step(
        issue,
        Action.REQUEST_RETURN,
        head,
        at("2025-03-04", "15:00"),
        reason="another_leads",
        text="依据。",
    )
    assert waits_for(cast, issue, "2025-03-04", "16:00") == ["zhou_wei"]


def test_a_co_unit_has_its_part_to_do_while_the_lead_is_in_dispute(cast: Cast) -> None:
    issue = cast.step(
        with_two_departments(cast),
        Action.REQUEST_RETURN,
        cast.luo_bin,
        at("2025-03-05", "15:00"),
        reason="another_leads",
        text="依据。",
    )
    assert waits_for(cast, issue, "2025-03-05", "16:00") == ["gao_feng", "sun_li"]


def test_a_co_unit_that_has_replied_is_done(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.CO_REPLY,
        cast.gao_feng,
        at("2025-03-06"),
        text="已疏通。",
    )
    assert waits_for(cast, issue, "2025-03-06", "16:00") == ["he_jun", "luo_bin"]


# --- approvals ---


def test_a_second_extension_waits_for_the_leader(cast: Cast) -> None:
    issue = cast.step(
        with_extension_requested(cast),
        Action.APPROVE_EXTENSION,
        cast.chen_jing,
        at("2025-03-07"),
        text="同意。",
    )
    assert waits_for(cast, issue, "2025-03-07", "11:00") == THE_UNIT
    issue = cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-10"),
        until=date(2025, 3, 18),
        text="再延。",
    )
    assert waits_for(cast, issue, "2025-03-10", "11:00") == [*THE_UNIT, "zhou_wei"]


def test_a_proposal_to_void_waits_for_everybody_but_who_made_it(cast: Cast) -> None:
    """陈静 made an earlier one herself, which was refused: this one is 赵敏's."""
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.VOID,
        cast.chen_jing,
        at("2025-03-03", "11:00"),
        reason="test",
        text="误报。",
    )
    assert waits_for(cast, issue, "2025-03-03", "12:00") == ["wang_fang", "zhao_min", "zhou_wei"]
    issue = cast.step(
        issue, Action.REFUSE_VOID, cast.zhou_wei, at("2025-03-03", "12:00"), text="请核实。"
    )
    issue = cast.step(
        issue,
        Action.VOID,
        cast.zhao_min,
        at("2025-03-03", "13:00"),
        reason="test",
        text="经核实为误报。",
    )
    assert waits_for(cast, issue, "2025-03-03", "14:00") == [
        "chen_jing",
        "wang_fang",
        "zhao_min",
        "zhou_wei",
    ]


def test_under_a_second_review_a_case_waits_for_the_leader_and_not_for_the_caller(
    cast: Cast,
) -> None:
    issue = cast.step(
        in_revisit(cast),
        Action.REQUEST_REVIEW,
        cast.han_mei,
        at("2025-03-05"),
        contact=Contact.REACHED,
        is_solved=False,
        text="诉求不合规。",
    )
    assert waits_for(cast, issue, "2025-03-06") == ["zhou_wei"]
    assert waits_for(cast, issue, "2025-03-10") == ["qian_jin", "zhou_wei"]  # due on the 7th


# --- what lies too long at the grid ---


def test_a_report_that_the_grid_leaves_lying_waits_for_the_town_too(cast: Cast) -> None:
    issue = complained(cast)  # to be diagnosed by Tuesday, 17:30
    assert waits_for(cast, issue, "2025-03-05") == ["chen_jing", "wang_fang", "zhao_min"]


# --- orders and instructions ---


def test_an_answered_order_waits_for_those_who_watch(cast: Cast) -> None:
    issue = cast.step(
        ordered(cast), Action.ANSWER_SUPERVISION, cast.wu_yang, at("2025-03-07"), text="已安排。"
    )
    assert waits_for(cast, issue, "2025-03-07") == [
        "feng_gang",
        "qian_jin",
        "wu_yang",
        "xu_ning",
        "zheng_hua",
        "zhou_wei",
    ]
    issue = cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-10"), text="销号。")
    assert waits_for(cast, issue, "2025-03-10") == THE_UNIT


def test_an_order_waits_for_the_unit_even_while_its_work_is_verified(cast: Cast) -> None:
    issue = cast.step(
        ordered(cast),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-07"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    assert waits_for(cast, issue, "2025-03-07") == [
        "feng_gang",
        "shen_lan",
        "wang_fang",
        "wu_yang",
        "zhao_min",
        "zheng_hua",
    ]


def test_where_no_unit_has_the_case_an_order_waits_for_the_desk(cast: Cast) -> None:
    issue = cast.step(
        waiting_for_the_meeting(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-06"),
        grade="key",
        text="请说明进展。",
    )
    assert waits_for(cast, issue, "2025-03-06") == ["sun_li"]


def test_an_order_on_a_suspended_case_waits_for_its_unit(cast: Cast) -> None:
    issue = cast.step(
        suspended(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-10"),
        grade="key",
        text="请说明进展。",
    )
    assert waits_for(cast, issue, "2025-03-10") == THE_UNIT


def test_an_instruction_waits_for_whom_it_names(cast: Cast) -> None:
    issue = cast.step(
        submitted(cast),
        Action.INSTRUCT,
        cast.zhou_wei,
        at("2025-03-06", "15:00"),
        leader_name="周伟",
        until=date(2025, 3, 10),
        respondent="dispatcher",
        text="请报告进展。",
    )
    verifiers = ["shen_lan", "wang_fang", "zhao_min"]
    assert waits_for(cast, issue, "2025-03-06", "16:00") == ["chen_jing", *verifiers]
    issue = cast.step(
        issue, Action.ANSWER_INSTRUCTION, cast.chen_jing, at("2025-03-07"), text="已报告。"
    )
    assert waits_for(cast, issue, "2025-03-07", "11:00") == verifiers


def test_an_instruction_on_a_grids_case_waits_for_the_grid(cast: Cast) -> None:
    issue = cast.step(
        in_revisit(cast),
        Action.INSTRUCT,
        cast.zhou_wei,
        at("2025-03-04", "15:00"),
        leader_name="周伟",
        until=date(2025, 3, 6),
        text="请报告。",
    )
    assert waits_for(cast, issue, "2025-03-05") == ["han_mei", "wang_fang", "zhao_min"]


# --- again ---


def test_a_reopened_case_waits_for_who_has_it_now(cast: Cast) -> None:
    issue = cast.step(
        closed(cast), Action.REOPEN, cast.xu_ning, at("2025-03-10"), reason="relapse", text="回潮。"
    )
    assert waits_for(cast, issue, "2025-03-11") == THE_UNIT


def test_a_parted_case_waits_for_the_grid_again(cast: Cast) -> None:
    duplicate, _ = merged(cast)
    duplicate = cast.step(
        duplicate, Action.UNMERGE, cast.chen_jing, at("2025-03-05"), text="不是同一处。"
    )
    assert waits_for(cast, duplicate, "2025-03-05") == ["ma_li", "zhao_min"]
