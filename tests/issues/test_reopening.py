"""What was closed is opened again: the first time to who handled it, then one level up."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import NotAllowed
from issues.choices import Action, ClockKind, Contact, Level, Outcome, Status, Verdict
from issues.models import Issue
from issues.querysets import last_visible_seq
from people.models import User
from tests.cast import Cast, again
from tests.issues.moments import (
    at,
    closed,
    closed_by_the_grid,
    closed_in_the_district,
    in_revisit,
    overall_clock,
    own_clock,
    refused,
    told,
)


def reopen(cast: Cast, issue: Issue, day: str, by: User | None = None) -> Issue:
    return cast.step(
        issue, Action.REOPEN, by or cast.xu_ning, at(day), reason="relapse", text="现场又有松动。"
    )


def handled_again(cast: Cast, issue: Issue, by: User, day: str, verifier: User) -> Issue:
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        by,
        at(day),
        outcome=Outcome.RESOLVED,
        text="已重新处理。",
    )
    return cast.step(issue, Action.PASS_VERIFICATION, verifier, at(day, "15:00"))


# --- the first time ---


def test_the_first_time_the_same_unit_has_it_again_with_new_limits(cast: Cast) -> None:
    issue = reopen(cast, closed(cast), "2025-03-10")

    assert (issue.level, issue.status, issue.round) == (Level.TOWN, Status.HANDLING, 2)
    assert (issue.lead_unit, issue.handler) == (cast.changqiao_works, cast.wu_yang)
    assert (issue.outcome, issue.submitted_at, issue.closed_at) == ("", None, None)
    assert issue.due_at == at("2025-03-19", "17:30")  # seven working days from the 10th
    assert issue.overall_due_at == at("2025-03-24", "17:30")  # ten
    assert issue.received_at == at("2025-03-03")
    rounds = issue.clocks.filter(kind=ClockKind.OVERALL, level=Level.TOWN).order_by("id")
    assert [(clock.round, clock.verdict) for clock in rounds] == [(1, Verdict.ON_TIME), (2, "")]
    assert told(issue) == ["chen_jing", "wang_fang", "wu_yang", "zheng_hua", "zhou_wei"]


def test_a_grids_case_goes_back_to_the_grid(cast: Cast) -> None:
    issue = reopen(cast, closed_by_the_grid(cast), "2025-03-05")
    assert (issue.level, issue.status) == (Level.GRID, Status.GRID_HANDLING)
    assert issue.handler == cast.wang_fang
    assert issue.due_at == at("2025-03-10", "17:30")
    assert issue.overall_due_at == at("2025-03-12", "17:30")
    assert told(issue) == ["wang_fang", "zhao_min"]


def test_a_grid_worker_who_has_left_since_has_nothing_to_do_with_it(cast: Cast) -> None:
    issue = closed_by_the_grid(cast)
    cast.wang_fang.postings.update(ends_on=date(2025, 3, 4))
    issue = reopen(cast, issue, "2025-03-05")
    assert (issue.status, issue.handler) == (Status.GRID_HANDLING, None)
    assert told(issue) == ["wang_fang", "zhao_min"]  # 王芳 as who reported it, 赵敏 to act


def test_a_handler_who_has_left_since_leaves_the_case_to_the_unit(cast: Cast) -> None:
    issue = closed(cast)
    cast.wu_yang.postings.update(ends_on=date(2025, 3, 7))
    issue = reopen(cast, issue, "2025-03-10")
    assert (issue.status, issue.handler) == (Status.HANDLING, None)
    assert told(issue) == ["chen_jing", "feng_gang", "wang_fang", "zheng_hua", "zhou_wei"]


def test_a_unit_in_which_nobody_handles_cases_any_more_does_not_get_it_back(cast: Cast) -> None:
    issue = closed(cast)
    cast.wu_yang.postings.update(ends_on=date(2025, 3, 7))
    cast.feng_gang.postings.filter(role="unit_handler").update(ends_on=date(2025, 3, 7))
    issue = reopen(cast, issue, "2025-03-10")

    assert (issue.level, issue.status, issue.lead_unit) == (Level.TOWN, Status.TRIAGE, None)
    assert issue.due_at == at("2025-03-11", "17:30")
    assert told(issue) == ["chen_jing", "wang_fang", "zheng_hua", "zhou_wei"]
    assert last_visible_seq(issue, again(cast.zheng_hua)) == issue.event_count


def test_the_co_units_are_in_it_again_and_have_replied_already(cast: Cast) -> None:
    issue = reopen(cast, closed_in_the_district(cast), "2025-03-17")
    assert (issue.level, issue.status, issue.lead_unit) == (
        Level.DISTRICT,
        Status.HANDLING,
        cast.housing,
    )
    assert issue.due_at == at("2025-04-08", "17:30")  # fifteen, Qingming not counted
    issue = handled_again(cast, issue, cast.he_jun, "2025-03-20", cast.shen_lan)
    assert issue.status == Status.CLOSED


# --- from the second time on ---


def test_the_second_time_it_goes_one_level_up(cast: Cast) -> None:
    issue = reopen(cast, closed(cast), "2025-03-10")
    issue = handled_again(cast, issue, cast.wu_yang, "2025-03-11", cast.shen_lan)
    issue = reopen(cast, issue, "2025-03-13")

    assert (issue.level, issue.status, issue.round) == (Level.DISTRICT, Status.TRIAGE, 3)
    assert (issue.lead_unit, issue.handler, issue.consulted_at) == (None, None, None)
    assert issue.due_at == at("2025-03-18", "17:30")
    assert issue.overall_due_at == at("2025-04-11", "17:30")  # twenty, Qingming not counted
    assert overall_clock(issue).level == Level.DISTRICT
    # Those who had it hear that it was taken from them, and read up to this.
    assert told(issue) == [
        "feng_gang",
        "qian_jin",
        "sun_li",
        "wang_fang",
        "wu_yang",
        "zheng_hua",
    ]
    left = issue.event_count
    issue = cast.step(
        issue,
        Action.CONSULT,
        cast.sun_li,
        at("2025-03-14"),
        units=[cast.housing],
        text="住建局主办。",
    )
    assert last_visible_seq(issue, again(cast.wu_yang)) == left


def test_a_grids_case_reopened_twice_comes_before_the_town(cast: Cast) -> None:
    issue = reopen(cast, closed_by_the_grid(cast), "2025-03-05")
    issue = handled_again(cast, issue, cast.wang_fang, "2025-03-06", cast.zhao_min)
    issue = reopen(cast, issue, "2025-03-07")
    assert (issue.level, issue.status, issue.handler) == (Level.TOWN, Status.TRIAGE, None)
    assert issue.due_at == at("2025-03-10", "17:30")
    assert issue.overall_due_at == at("2025-03-21", "17:30")
    assert told(issue) == ["chen_jing", "wang_fang", "zhou_wei"]


def test_at_the_district_there_is_no_level_above_but_a_new_consultation(cast: Cast) -> None:
    issue = reopen(cast, closed_in_the_district(cast), "2025-03-17")
    issue = handled_again(cast, issue, cast.he_jun, "2025-03-20", cast.shen_lan)
    issue = reopen(cast, issue, "2025-03-24")

    assert (issue.level, issue.status, issue.round) == (Level.DISTRICT, Status.TRIAGE, 3)
    assert not issue.assignments.filter(left_seq=None).exists()
    with refused(issue, "须先记录会诊意见"):
        cast.step(
            issue,
            Action.ASSIGN,
            cast.sun_li,
            at("2025-03-25"),
            lead_unit=cast.housing,
            co_units=[{"unit": cast.water}],
            text="再次整改。",
        )
    issue = cast.step(
        issue, Action.ASSIGN, cast.sun_li, at("2025-03-25"), lead_unit=cast.housing, text="再整改。"
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-26"))
    issue = handled_again(cast, issue, cast.he_jun, "2025-03-28", cast.shen_lan)
    issue = reopen(cast, issue, "2025-03-31")
    assert (issue.level, issue.status, issue.round) == (Level.DISTRICT, Status.TRIAGE, 4)


def test_each_round_has_its_own_rework_and_extensions(cast: Cast) -> None:
    issue = reopen(cast, closed(cast), "2025-03-10")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-11"),
        outcome=Outcome.RESOLVED,
        text="已处理。",
    )
    issue = cast.step(
        issue,
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2025-03-12"),
        reason="not_done",
        text="未完成。",
    )
    assert own_clock(issue).round == 2
    assert issue.due_at == at("2025-03-17", "17:30")  # a third of seven days
    assert issue.overall_due_at == at("2025-03-25", "17:30")  # the 24th, and the day of verifying


# --- who, and when ---


@pytest.mark.parametrize("day", ["2025-03-10", "2025-03-22"])
def test_the_revisitor_reopens_within_fifteen_days(cast: Cast, day: str) -> None:
    issue = reopen(cast, closed(cast), day, cast.han_mei)  # closed on the 7th
    assert issue.status == Status.HANDLING


def test_after_fifteen_days_the_revisitor_registers_it_anew(cast: Cast) -> None:
    issue = closed(cast)
    with refused(issue, "结案已超过 15 天"):
        reopen(cast, issue, "2025-03-23", cast.han_mei)
    issue = reopen(cast, issue, "2025-06-23", cast.shen_lan)  # who finds it relapsed on the spot
    assert issue.status == Status.HANDLING


def test_neither_the_unit_nor_the_grid_reopens_a_case(cast: Cast) -> None:
    issue = closed(cast)
    for other in (cast.wu_yang, cast.wang_fang, cast.chen_jing):
        with pytest.raises(NotAllowed):
            reopen(cast, issue, "2025-03-10", other)


def test_a_case_that_is_open_is_not_reopened(cast: Cast) -> None:
    issue = reopen(cast, closed(cast), "2025-03-10")
    with refused(issue, "不能重开"):
        reopen(cast, issue, "2025-03-11")


def test_in_a_new_round_who_complained_is_called_anew(cast: Cast) -> None:
    issue = in_revisit(cast)
    for day in ("2025-03-05", "2025-03-06", "2025-03-07"):
        issue = cast.step(
            issue, Action.RECORD_REVISIT, cast.han_mei, at(day), contact=Contact.NOT_REACHED
        )
    assert issue.status == Status.CLOSED
    issue = reopen(cast, issue, "2025-03-10")
    issue = handled_again(cast, issue, cast.wang_fang, "2025-03-11", cast.zhao_min)
    issue = cast.step(
        issue, Action.RECORD_REVISIT, cast.han_mei, at("2025-03-12"), contact=Contact.NOT_REACHED
    )
    assert issue.status == Status.REVISIT
