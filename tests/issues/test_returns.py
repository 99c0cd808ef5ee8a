"""A unit returns what it holds not to be its duty; somebody decides, and the ruling is kept."""

from __future__ import annotations

import pytest

from core.errors import NotAllowed, Refused
from issues.choices import Action, ClockKind, Decision, Level, Status, Step, Verdict
from issues.models import Clock, Issue, Ruling
from issues.querysets import last_visible_seq
from people.choices import Role
from people.models import User
from tests.cast import Cast, again, person
from tests.issues.moments import (
    assigned,
    at,
    co_clock,
    overall_clock,
    own_clock,
    refused,
    returned,
    told,
    urgent,
    with_return_requested,
    with_the_unit,
    with_two_departments,
)


@pytest.fixture
def patrol_head(cast: Cast) -> User:
    return person("hua_jie", "华杰", Role.UNIT_HEAD, cast.changqiao_patrol)


def handling_clock(issue: Issue) -> Clock:
    return issue.clocks.filter(kind=ClockKind.STEP, step=Step.HANDLING).latest("id")


def second_return(cast: Cast, head: User) -> Issue:
    """长桥执法局 got it on Tuesday at 14:00 and returns it at 15:00, as 城建办 did before."""
    issue = cast.step(
        returned(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-04", "14:00"),
        lead_unit=cast.changqiao_patrol,
        text="请核处。",
    )
    return cast.step(
        issue,
        Action.REQUEST_RETURN,
        head,
        at("2025-03-04", "15:00"),
        reason="another_leads",
        text="依据职责清单第 8 条。",
    )


# --- asking ---


def test_a_return_stops_the_units_clock_and_leaves_the_overall_clock_running(cast: Cast) -> None:
    issue = with_return_requested(cast)

    assert (issue.level, issue.status) == (Level.TOWN, Status.RETURN_REVIEW)
    paused = handling_clock(issue)
    assert (paused.paused_at, paused.pause_kind) == (at("2025-03-03", "15:00"), "return")
    assert paused.next_reminder_at is None
    assert issue.due_at == at("2025-03-04", "17:30")  # one working day to decide
    assert issue.overall_due_at == at("2025-03-17", "17:30")


def test_of_a_first_return_only_the_dispatcher_hears(cast: Cast) -> None:
    assert told(with_return_requested(cast)) == ["chen_jing"]


def test_only_the_head_of_the_lead_unit_returns_a_case(cast: Cast) -> None:
    issue = assigned(cast)
    for other in (cast.wu_yang, cast.chen_jing):
        with pytest.raises(NotAllowed):
            cast.step(
                issue, Action.REQUEST_RETURN, other, at("2025-03-03", "15:00"), reason="x", text="x"
            )


def test_a_return_is_too_late_after_the_limit_for_acknowledgement(cast: Cast) -> None:
    issue = assigned(cast)  # to be acknowledged by Tuesday, 17:30
    with refused(issue, "已过签收期限"):
        cast.step(
            issue,
            Action.REQUEST_RETURN,
            cast.zheng_hua,
            at("2025-03-04", "17:31"),
            reason="not_our_duty",
            text="依据。",
        )


def test_a_return_is_in_time_at_the_last_minute(cast: Cast) -> None:
    issue = cast.step(
        assigned(cast),
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-03-04", "17:30"),
        reason="not_our_duty",
        text="依据。",
    )
    assert issue.status == Status.RETURN_REVIEW


def test_what_was_acknowledged_is_not_returned(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不能退回"):
        cast.step(
            issue,
            Action.REQUEST_RETURN,
            cast.zheng_hua,
            at("2025-03-04", "11:00"),
            reason="not_our_duty",
            text="依据。",
        )


# --- the dispatcher decides ---


def test_a_refused_return_gives_back_the_working_days_that_it_took(cast: Cast) -> None:
    issue = cast.step(
        with_return_requested(cast),
        Action.REFUSE_RETURN,
        cast.chen_jing,
        at("2025-03-04", "11:00"),
        text="属你单位职责。",
    )

    assert issue.status == Status.HANDLING
    assert issue.due_at == at("2025-03-13", "17:30")  # Wednesday the 12th, and one day
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    pause = handling_clock(issue).pauses.get()
    assert (pause.kind, pause.started_at, pause.ended_at) == (
        "return",
        at("2025-03-03", "15:00"),
        at("2025-03-04", "11:00"),
    )
    assert issue.assignments.get().acknowledged_at == at("2025-03-04", "11:00")
    assert told(issue) == ["feng_gang", "wu_yang", "zheng_hua"]


def test_a_return_that_is_refused_on_the_same_day_moves_nothing(cast: Cast) -> None:
    issue = cast.step(
        with_return_requested(cast),
        Action.REFUSE_RETURN,
        cast.chen_jing,
        at("2025-03-03", "17:00"),
        text="属你单位职责。",
    )
    assert issue.due_at == at("2025-03-12", "17:30")


def test_a_holiday_in_between_counts_for_nobody(cast: Cast) -> None:
    """Qingming: Friday the 4th of April is off, so Thursday is followed by Monday."""
    issue = cast.report(at=at("2025-04-03"))
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-04-03", "11:00"),
        reason="money",
        text="需经费。",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-04-03", "14:00"),
        lead_unit=cast.changqiao_works,
        text="请办理。",
    )
    assert issue.due_at == at("2025-04-15", "17:30")
    issue = cast.step(
        issue,
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-04-03", "15:00"),
        reason="not_our_duty",
        text="依据。",
    )
    assert issue.due_at == at("2025-04-07", "17:30")
    issue = cast.step(
        issue, Action.REFUSE_RETURN, cast.chen_jing, at("2025-04-07", "10:00"), text="属你单位。"
    )
    assert issue.due_at == at("2025-04-16", "17:30")


def test_an_urgent_case_gets_back_the_hours_that_its_return_took(cast: Cast) -> None:
    issue = urgent(cast)  # 24 hours from 11:30
    assert issue.due_at == at("2025-03-04", "11:30")
    issue = cast.step(
        issue,
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-03-03", "12:00"),
        reason="not_our_duty",
        text="依据。",
    )
    assert issue.due_at == at("2025-03-03", "14:00")  # two hours to decide
    issue = cast.step(
        issue, Action.REFUSE_RETURN, cast.chen_jing, at("2025-03-03", "13:00"), text="属你单位。"
    )
    assert issue.due_at == at("2025-03-04", "12:30")
    assert issue.yellow_at == at("2025-03-04", "04:30")  # the last eight hours
    assert issue.overall_due_at == at("2025-03-05", "11:00")  # 48 hours from the escalation


def test_an_approved_return_brings_the_case_back_to_the_table(cast: Cast) -> None:
    issue = returned(cast)

    assert (issue.level, issue.status, issue.lead_unit) == (Level.TOWN, Status.TRIAGE, None)
    assert issue.due_at == at("2025-03-05", "17:30")
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    given_up = handling_clock(issue)
    assert (given_up.verdict, given_up.ended_at) == (Verdict.CANCELLED, at("2025-03-04", "11:00"))
    assert given_up.pauses.get().ended_at == at("2025-03-04", "11:00")
    ruling_clock = issue.clocks.get(step=Step.RULING)
    assert (ruling_clock.verdict, ruling_clock.ended_at) == (
        Verdict.ON_TIME,
        at("2025-03-04", "11:00"),
    )
    assert told(issue) == ["feng_gang", "wu_yang", "zheng_hua"]


def test_a_unit_that_was_let_go_reads_up_to_the_decision(cast: Cast) -> None:
    issue = returned(cast)
    decision = issue.event_count
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-04", "14:00"),
        lead_unit=cast.changqiao_patrol,
        text="请核处。",
    )
    assert Issue.objects.visible_to(again(cast.zheng_hua)).filter(pk=issue.pk).exists()
    assert last_visible_seq(issue, again(cast.zheng_hua)) == decision
    assert last_visible_seq(issue, again(cast.xu_lei)) == issue.event_count


def test_a_unit_to_which_the_case_comes_back_reads_all_of_it_and_can_not_return_it_again(
    cast: Cast,
) -> None:
    issue = cast.step(
        returned(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-04", "14:00"),
        lead_unit=cast.changqiao_works,
        text="经核实仍由你单位办理。",
    )
    assert last_visible_seq(issue, again(cast.zheng_hua)) == issue.event_count
    assert issue.assignments.filter(unit=cast.changqiao_works).count() == 2
    with refused(issue, "已退回过一次"):
        cast.step(
            issue,
            Action.REQUEST_RETURN,
            cast.zheng_hua,
            at("2025-03-04", "15:00"),
            reason="not_our_duty",
            text="依据。",
        )


def test_the_dispatchers_decision_is_kept_for_like_cases(cast: Cast) -> None:
    issue = returned(cast)
    ruling = Ruling.objects.get()
    assert (ruling.issue, ruling.seq, ruling.kind) == (issue, issue.event_count, "approve_return")
    assert (ruling.category, ruling.town, ruling.level) == (cast.sewage, cast.changqiao, Level.TOWN)
    assert (ruling.from_unit, ruling.unit) == (cast.changqiao_works, None)


# --- the leader rules ---


def test_a_second_return_is_the_leaders_to_rule_on(cast: Cast, patrol_head: User) -> None:
    issue = second_return(cast, patrol_head)

    assert told(issue) == ["zhou_wei"]
    for action in (Action.APPROVE_RETURN, Action.REFUSE_RETURN):
        with refused(issue, "第二次退回，须由分管领导裁定"):
            cast.step(issue, action, cast.chen_jing, at("2025-03-04", "16:00"), text="同意。")


def test_a_first_return_in_time_is_not_the_leaders(cast: Cast) -> None:
    issue = with_return_requested(cast)
    with refused(issue, "先由派单员处理"):
        cast.step(
            issue,
            Action.ARBITRATE,
            cast.zhou_wei,
            at("2025-03-04", "10:00"),
            lead_unit=cast.changqiao_works,
            text="裁定。",
        )


def test_a_first_return_that_lies_too_long_becomes_the_leaders(cast: Cast) -> None:
    issue = with_return_requested(cast)  # to be decided by Tuesday, 17:30
    with refused(issue, "超过裁定时限"):
        cast.step(issue, Action.APPROVE_RETURN, cast.chen_jing, at("2025-03-05"), text="同意。")
    issue = cast.step(
        issue,
        Action.ARBITRATE,
        cast.zhou_wei,
        at("2025-03-05"),
        lead_unit=cast.changqiao_patrol,
        text="裁定由执法局办理。",
    )
    assert (issue.status, issue.lead_unit) == (Status.HANDLING, cast.changqiao_patrol)
    assert issue.clocks.get(step=Step.RULING).verdict == Verdict.LATE


def test_a_ruling_gives_a_new_limit_and_binds(cast: Cast, patrol_head: User) -> None:
    issue = cast.step(
        second_return(cast, patrol_head),
        Action.ARBITRATE,
        cast.zhou_wei,
        at("2025-03-05"),
        lead_unit=cast.changqiao_works,
        limit_days=5,
        text="由城建办主办。",
    )

    assert (issue.status, issue.lead_unit) == (Status.HANDLING, cast.changqiao_works)
    assert issue.due_at == at("2025-03-12", "17:30")  # five working days from the 5th
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    lead = issue.assignments.get(is_lead=True, left_seq=None)
    assert (lead.is_binding, lead.acknowledged_at) == (True, at("2025-03-05"))
    assert not lead.deemed_acknowledged
    ruling = Ruling.objects.get(kind="arbitrate")
    assert (ruling.from_unit, ruling.unit) == (cast.changqiao_patrol, cast.changqiao_works)
    assert issue.approvals.latest("id").decision == Decision.APPROVED
    assert told(issue) == ["chen_jing", "feng_gang", "hua_jie", "wu_yang", "xu_lei", "zheng_hua"]


def test_what_was_ruled_on_is_neither_returned_nor_transferred(
    cast: Cast, patrol_head: User
) -> None:
    issue = cast.step(
        second_return(cast, patrol_head),
        Action.ARBITRATE,
        cast.zhou_wei,
        at("2025-03-05"),
        lead_unit=cast.changqiao_works,
        text="由城建办主办。",
    )
    with refused(issue, "裁定"):
        cast.step(
            issue,
            Action.TRANSFER,
            cast.chen_jing,
            at("2025-03-06"),
            lead_unit=cast.changqiao_patrol,
            text="改由执法局办理。",
        )
    with refused(issue, "不能退回"):
        cast.step(
            issue,
            Action.REQUEST_RETURN,
            cast.zheng_hua,
            at("2025-03-06"),
            reason="not_our_duty",
            text="依据。",
        )


def test_a_ruling_that_leaves_the_case_where_it_is_binds_that_unit(
    cast: Cast, patrol_head: User
) -> None:
    issue = cast.step(
        second_return(cast, patrol_head),
        Action.ARBITRATE,
        cast.zhou_wei,
        at("2025-03-05"),
        lead_unit=cast.changqiao_patrol,
        text="仍由执法局办理。",
    )
    assert issue.approvals.latest("id").decision == Decision.REFUSED
    lead = issue.assignments.get(left_seq=None)
    assert (lead.unit, lead.is_binding) == (cast.changqiao_patrol, True)
    assert issue.due_at == at("2025-03-14", "17:30")  # seven working days, anew
    assert [c.verdict for c in issue.clocks.filter(step=Step.HANDLING).order_by("id")] == [
        Verdict.CANCELLED,
        Verdict.CANCELLED,
        "",
    ]
    assert told(issue) == ["chen_jing", "hua_jie", "xu_lei"]


def test_a_ruling_may_make_a_co_unit_the_lead_unit(cast: Cast) -> None:
    issue = cast.step(
        with_two_departments(cast),
        Action.REQUEST_RETURN,
        cast.luo_bin,
        at("2025-03-05", "15:00"),
        reason="another_leads",
        text="应由水务局牵头。",
    )
    co = co_clock(issue)
    assert (co.ended_at, co.paused_at) == (None, None)  # its own work is not in dispute
    issue = cast.step(
        issue,
        Action.ARBITRATE,
        cast.qian_jin,
        at("2025-03-07"),  # 孙丽 had until Thursday evening
        lead_unit=cast.water,
        text="由水务局主办。",
    )

    assert issue.lead_unit == cast.water
    assert issue.due_at == at("2025-03-28", "17:30")  # fifteen working days from the 7th
    assert co_clock(issue).verdict == Verdict.CANCELLED
    present = issue.assignments.filter(left_seq=None)
    assert [(row.unit, row.is_lead) for row in present] == [(cast.water, True)]
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.gao_feng,
        at("2025-03-20"),
        outcome="resolved",
        text="已办结。",
    )
    assert issue.status == Status.VERIFY


def test_a_ruling_outside_the_leaders_territory_is_refused(cast: Cast, patrol_head: User) -> None:
    issue = second_return(cast, patrol_head)
    with refused(issue, "不在您的派单范围内"):
        cast.step(
            issue,
            Action.ARBITRATE,
            cast.zhou_wei,
            at("2025-03-05"),
            lead_unit=cast.mudu_works,
            text="裁定。",
        )


def test_a_co_unit_goes_on_while_the_lead_is_in_dispute(cast: Cast) -> None:
    issue = cast.step(
        with_two_departments(cast),
        Action.REQUEST_RETURN,
        cast.luo_bin,
        at("2025-03-05", "15:00"),
        reason="another_leads",
        text="应由水务局牵头。",
    )
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-06"), text="已疏通。")
    assert issue.status == Status.RETURN_REVIEW
    assert co_clock(issue).verdict == Verdict.ON_TIME


def test_with_an_approved_return_the_co_units_go_too(cast: Cast) -> None:
    issue = cast.step(
        with_two_departments(cast),
        Action.REQUEST_RETURN,
        cast.luo_bin,
        at("2025-03-05", "15:00"),
        reason="another_leads",
        text="应由水务局牵头。",
    )
    issue = cast.step(
        issue, Action.APPROVE_RETURN, cast.sun_li, at("2025-03-06"), text="同意，重新研判。"
    )
    assert not issue.assignments.filter(left_seq=None).exists()
    assert co_clock(issue).verdict == Verdict.CANCELLED
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin"]
    assert issue.consulted_at is not None  # what was said at the table still holds
    assert issue.due_at == at("2025-03-11", "17:30")  # three working days at the district


def test_one_return_is_decided_once(cast: Cast) -> None:
    issue = returned(cast)
    with pytest.raises(Refused, match="不能同意退回"):
        cast.step(issue, Action.APPROVE_RETURN, cast.chen_jing, at("2025-03-04", "12:00"), text="x")
    assert own_clock(issue).step == Step.TRIAGE
    assert overall_clock(issue).verdict == ""


def test_where_a_town_has_no_leader_the_districts_hears_of_a_second_return(
    cast: Cast, patrol_head: User
) -> None:
    cast.zhou_wei.postings.update(ends_on="2025-03-01")
    assert told(second_return(cast, patrol_head)) == ["qian_jin"]
