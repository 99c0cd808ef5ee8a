"""What can't go on for now stands still until a review date: suspension, joint meeting, project."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import NotAllowed
from issues import sweeps
from issues.choices import Action, ClockKind, Lamp, Level, Outcome, Status, Verdict
from issues.models import ClockPause, Issue
from tests.cast import Cast
from tests.issues.moments import (
    at,
    co_clock,
    in_district_triage,
    overall_clock,
    own_clock,
    refused,
    suspended,
    told,
    urgent,
    waiting_for_the_meeting,
    with_suspension_requested,
    with_the_departments,
    with_the_unit,
)


def resolve(
    cast: Cast, issue: Issue, until: date, day: str = "2025-04-24", **more: object
) -> Issue:
    return cast.step(
        issue,
        Action.APPLY_RESOLUTION,
        cast.cao_xue,
        at(day),
        lead_unit=cast.housing,
        until=until,
        text="议定由住建局牵头。",
        **more,
    )


# --- asking and granting ---


def test_asking_for_a_suspension_stops_nothing_and_reaches_the_leader(cast: Cast) -> None:
    issue = with_suspension_requested(cast)
    assert (issue.status, issue.due_at) == (Status.HANDLING, at("2025-03-12", "17:30"))
    assert told(issue) == ["zhou_wei"]


@pytest.mark.parametrize(
    ("kind", "until", "why"),
    [
        ("season", date(2025, 3, 6), "须在今天之后"),
        ("season", date(2025, 6, 5), "须在 90 天之内"),
        ("meeting", date(2025, 5, 6), "须在 60 天之内"),
        ("season", date(9999, 12, 31), "须在 90 天之内"),
    ],
)
def test_the_review_date_is_to_come_and_not_far(
    cast: Cast, kind: str, until: date, why: str
) -> None:
    issue = with_the_unit(cast)
    with refused(issue, why, field="until"):
        cast.step(
            issue,
            Action.REQUEST_SUSPENSION,
            cast.zheng_hua,
            at("2025-03-06"),
            kind=kind,
            until=until,
            text="挂起。",
        )


@pytest.mark.parametrize(
    ("kind", "until"), [("season", date(2025, 6, 4)), ("meeting", date(2025, 5, 5))]
)
def test_the_last_review_date_that_may_be_asked_for(cast: Cast, kind: str, until: date) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-06"),
        kind=kind,
        until=until,
        text="挂起。",
    )
    assert issue.approvals.get().until == until


def test_a_suspended_case_is_grey_and_none_of_its_clocks_runs(cast: Cast) -> None:
    issue = suspended(cast)

    assert (issue.status, issue.review_at) == (Status.SUSPENDED, at("2025-04-07", "09:00"))
    assert (issue.due_at, issue.overall_due_at) == (None, None)
    assert issue.lamp(at("2025-03-20")) == Lamp.GREY
    assert Issue.objects.with_lamp(at("2025-03-20")).get(pk=issue.pk).lamp_now == Lamp.GREY
    for clock in (own_clock(issue), overall_clock(issue)):
        assert (clock.paused_at, clock.next_reminder_at) == (at("2025-03-07"), None)
    assert told(issue) == ["chen_jing", "wang_fang", "wu_yang", "zheng_hua"]


def test_the_dispatcher_does_not_suspend_in_the_leaders_place(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.step(
            with_suspension_requested(cast),
            Action.SUSPEND,
            cast.chen_jing,
            at("2025-03-07"),
            text="同意。",
        )


def test_a_refused_suspension_leaves_the_unit_its_limit(cast: Cast) -> None:
    issue = cast.step(
        with_suspension_requested(cast),
        Action.REFUSE_SUSPENSION,
        cast.zhou_wei,
        at("2025-03-07"),
        text="请按期办理。",
    )
    assert (issue.status, issue.due_at) == (Status.HANDLING, at("2025-03-12", "17:30"))
    assert told(issue) == ["wu_yang", "zheng_hua"]


def test_what_would_have_to_be_reviewed_already_is_not_suspended_any_more(cast: Cast) -> None:
    issue = with_suspension_requested(cast)  # until 7 April
    with refused(issue, "复核日期已过"):
        cast.step(issue, Action.SUSPEND, cast.zhou_wei, at("2025-04-07"), text="同意。")


def test_a_suspension_that_is_pending_lapses_when_the_unit_submits(cast: Cast) -> None:
    issue = cast.step(
        with_suspension_requested(cast),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-07"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    assert issue.approvals.get().decision == "lapsed"


# --- taking it up again ---


def test_resumed_early_the_case_has_the_time_that_it_had_left(cast: Cast) -> None:
    issue = cast.step(
        suspended(cast), Action.RESUME, cast.zhou_wei, at("2025-03-17"), text="条件已具备。"
    )

    assert (issue.status, issue.review_at) == (Status.HANDLING, None)
    # From Friday the 7th to Monday the 17th there are six working days.
    assert issue.due_at == at("2025-03-20", "17:30")
    assert issue.overall_due_at == at("2025-03-25", "17:30")
    ledger = ClockPause.objects.filter(clock__issue=issue).order_by("id")
    assert {(p.kind, p.started_at, p.ended_at) for p in ledger} == {
        ("suspension", at("2025-03-07"), at("2025-03-17"))
    }
    assert ledger.count() == 2
    assert told(issue) == ["chen_jing", "wu_yang", "zheng_hua"]


def test_on_the_review_date_the_platform_takes_it_up_again(cast: Cast) -> None:
    issue = suspended(cast)
    assert sweeps.resume_suspended(at("2025-04-07", "08:59")) == 0
    assert sweeps.resume_suspended(at("2025-04-07", "09:00")) == 1
    assert sweeps.resume_suspended(at("2025-04-07", "09:05")) == 0

    issue.refresh_from_db()
    assert issue.status == Status.HANDLING
    # Twenty working days, Qingming on 4 April not among them.
    assert issue.due_at == at("2025-04-10", "17:30")
    assert issue.overall_due_at == at("2025-04-15", "17:30")
    event = issue.events.latest("seq")
    assert (event.action, event.actor, event.at) == (
        Action.AUTO_RESUME,
        None,
        at("2025-04-07", "09:00"),
    )
    assert told(issue) == ["chen_jing", "wu_yang", "zheng_hua", "zhou_wei"]


def test_co_units_stand_still_and_go_on_with_the_case(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),  # both until Wednesday the 26th
        Action.REQUEST_SUSPENSION,
        cast.luo_bin,
        at("2025-03-06"),
        kind="funding",
        until=date(2025, 4, 7),
        text="待资金到位。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.qian_jin, at("2025-03-07"), text="同意。")
    assert co_clock(issue).paused_at == at("2025-03-07")
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin", "sun_li", "wang_fang"]
    with refused(issue, "不能协办回复"):
        cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-10"), text="已疏通。")

    issue = cast.step(issue, Action.RESUME, cast.qian_jin, at("2025-03-17"), text="恢复。")
    assert issue.due_at == at("2025-04-03", "17:30")  # six working days later
    assert co_clock(issue).due_at == at("2025-04-03", "17:30")
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin", "sun_li"]


def test_a_co_unit_that_has_replied_has_no_clock_to_stop(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.CO_REPLY,
        cast.gao_feng,
        at("2025-03-06"),
        text="已疏通。",
    )
    issue = cast.step(
        issue,
        Action.REQUEST_SUSPENSION,
        cast.luo_bin,
        at("2025-03-06"),
        kind="funding",
        until=date(2025, 4, 7),
        text="待资金到位。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.qian_jin, at("2025-03-07"), text="同意。")
    assert (co_clock(issue).verdict, co_clock(issue).paused_at) == (Verdict.ON_TIME, None)


def test_an_urgent_case_gets_back_the_hours_for_which_it_stood_still(cast: Cast) -> None:
    issue = cast.step(urgent(cast), Action.ACKNOWLEDGE, cast.wu_yang, at("2025-03-03", "11:45"))
    issue = cast.step(
        issue,
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-03", "12:00"),
        kind="third_party",
        until=date(2025, 3, 10),
        text="燃气公司抢修中。",
    )
    issue = cast.step(
        issue, Action.SUSPEND, cast.zhou_wei, at("2025-03-03", "12:30"), text="同意。"
    )
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2025-03-05", "12:30"), text="恢复。")
    assert issue.due_at == at("2025-03-06", "11:30")  # 48 hours later, a night or not
    assert issue.yellow_at == at("2025-03-06", "03:30")
    assert issue.overall_due_at == at("2025-03-07", "11:00")


def test_what_was_late_when_it_was_suspended_stays_late(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-13"),  # due on the 12th
        kind="season",
        until=date(2025, 4, 7),
        text="雨季。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.zhou_wei, at("2025-03-13"), text="同意。")
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2025-03-17"), text="恢复。")
    assert issue.due_at == at("2025-03-14", "17:30")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-17", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    assert issue.clocks.get(step="handling").verdict == Verdict.LATE


# --- the joint meeting ---


def test_a_matter_for_the_meeting_waits_for_it_at_the_table(cast: Cast) -> None:
    issue = waiting_for_the_meeting(cast)
    assert (issue.level, issue.status) == (Level.DISTRICT, Status.SUSPENDED)
    assert told(issue) == ["cao_xue", "chen_jing", "qian_jin"]

    sweeps.resume_suspended(at("2025-04-24", "09:00"))

    issue.refresh_from_db()
    assert issue.status == Status.TRIAGE
    # Two of three days were left; Sunday 27 April is worked.
    assert issue.due_at == at("2025-04-27", "17:30")
    assert told(issue) == ["qian_jin", "sun_li"]


@pytest.mark.parametrize(
    ("until", "why"),
    [(date(2025, 3, 5), "须在今天之后"), (date(2025, 5, 5), "须在 60 天之内")],
)
def test_a_meeting_is_waited_for_sixty_days_at_most(cast: Cast, until: date, why: str) -> None:
    issue = in_district_triage(cast)
    with refused(issue, why, field="until"):
        cast.step(
            issue, Action.TO_MEETING, cast.sun_li, at("2025-03-05"), until=until, text="提请议定。"
        )


def test_a_resolution_gives_the_case_to_units_until_the_very_day(cast: Cast) -> None:
    issue = resolve(
        cast,
        waiting_for_the_meeting(cast),
        date(2025, 5, 31),  # a Saturday and the Dragon Boat festival
        co_units=[{"unit": cast.water}],
    )

    assert (issue.status, issue.lead_unit, issue.review_at) == (
        Status.ASSIGNED,
        cast.housing,
        None,
    )
    assert issue.due_at == at("2025-05-31", "17:30")
    assert co_clock(issue).due_at == at("2025-05-31", "17:30")
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin", "sun_li"]


def test_the_overall_limit_lasts_as_long_as_the_meeting_gave(cast: Cast) -> None:
    """Left to itself it would end on 23 May: 1 April, and 35 working days of waiting."""
    issue = resolve(cast, waiting_for_the_meeting(cast), date(2025, 6, 30))
    assert issue.overall_due_at == at("2025-06-30", "17:30")


def test_a_resolution_with_an_earlier_day_leaves_the_overall_limit(cast: Cast) -> None:
    issue = resolve(cast, waiting_for_the_meeting(cast), date(2025, 5, 16))
    assert issue.due_at == at("2025-05-16", "17:30")
    assert issue.overall_due_at == at("2025-05-23", "17:30")
    pause = overall_clock(issue).pauses.get()
    assert (pause.started_at, pause.ended_at) == (at("2025-03-05"), at("2025-04-24"))


def test_what_a_meeting_decided_is_acknowledged_but_not_returned(cast: Cast) -> None:
    issue = resolve(cast, waiting_for_the_meeting(cast), date(2025, 5, 16))
    with refused(issue, "议定"):
        cast.step(
            issue,
            Action.REQUEST_RETURN,
            cast.luo_bin,
            at("2025-04-24", "11:00"),
            reason="not_our_duty",
            text="依据。",
        )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-04-24", "11:00"))
    assert issue.status == Status.HANDLING


def test_a_resolution_may_take_the_case_from_the_unit_that_waited_for_the_meeting(
    cast: Cast,
) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.REQUEST_SUSPENSION,
        cast.luo_bin,
        at("2025-03-06"),
        kind="meeting",
        until=date(2025, 4, 24),
        text="需联席会议议定。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.qian_jin, at("2025-03-07"), text="同意。")
    issue = cast.step(
        issue,
        Action.APPLY_RESOLUTION,
        cast.cao_xue,
        at("2025-04-10"),
        lead_unit=cast.water,
        until=date(2025, 5, 30),
        text="议定由水务局牵头。",
    )
    assert issue.lead_unit == cast.water
    verdicts = issue.clocks.filter(kind__in=[ClockKind.STEP, ClockKind.CO_UNIT], step="handling")
    assert sorted(verdicts.values_list("verdict", flat=True)) == ["", "cancelled", "cancelled"]
    ended = ClockPause.objects.filter(clock__issue=issue, ended_at=at("2025-04-10"))
    assert ended.count() == 3  # overall, the unit's, the co-unit's
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin", "sun_li"]


def test_a_case_that_waits_for_something_else_is_not_the_meetings(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.REQUEST_SUSPENSION,
        cast.luo_bin,
        at("2025-03-06"),
        kind="funding",
        until=date(2025, 4, 24),
        text="待资金到位。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.qian_jin, at("2025-03-07"), text="同意。")
    with refused(issue, "不是因待联席会议议定而挂起"):
        resolve(cast, issue, date(2025, 5, 16), "2025-04-10")


def test_a_resolution_of_a_day_that_can_not_be_meant_is_refused(cast: Cast) -> None:
    issue = waiting_for_the_meeting(cast)
    with refused(issue, "完成时限太远", field="until"):
        resolve(cast, issue, date(9999, 12, 31))


# --- a project ---


def test_what_becomes_a_project_is_closed_without_a_verdict_on_its_time(cast: Cast) -> None:
    issue = cast.step(
        suspended(cast),
        Action.CONVERT_TO_PROJECT,
        cast.qian_jin,
        at("2025-03-14"),
        text="列为攻坚项目。",
    )

    assert (issue.status, issue.outcome) == (Status.CLOSED, Outcome.TO_PROJECT)
    assert (issue.review_at, issue.closed_at) == (None, at("2025-03-14"))
    ends = [(own_clock(issue)), overall_clock(issue)]
    assert [clock.verdict for clock in ends] == [Verdict.CANCELLED, Verdict.CANCELLED]
    for clock in ends:
        pause = clock.pauses.get()
        assert (pause.started_at, pause.ended_at) == (at("2025-03-07"), at("2025-03-14"))
    assert told(issue) == ["chen_jing", "wang_fang", "wu_yang", "zheng_hua"]


def test_what_became_a_project_is_followed_there_and_not_reopened(cast: Cast) -> None:
    issue = cast.step(
        suspended(cast),
        Action.CONVERT_TO_PROJECT,
        cast.qian_jin,
        at("2025-03-14"),
        text="列为攻坚项目。",
    )
    with refused(issue, "转为攻坚项目"):
        cast.step(
            issue, Action.REOPEN, cast.xu_ning, at("2025-03-17"), reason="not_solved", text="重开。"
        )


def test_only_what_stands_still_becomes_a_project(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不能转为攻坚项目"):
        cast.step(
            issue, Action.CONVERT_TO_PROJECT, cast.qian_jin, at("2025-03-14"), text="列为项目。"
        )
