"""More time, asked for before the limit and granted by somebody else; the old date is kept."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import NotAllowed
from core.models import Message
from issues import sweeps
from issues.choices import Action, Decision, MessageKind, Outcome, Status, Verdict
from issues.models import Issue
from people.models import User
from tests.cast import Cast
from tests.issues.moments import (
    at,
    in_town_triage,
    overall_clock,
    own_clock,
    refused,
    told,
    urgent,
    with_extension_requested,
    with_suspension_requested,
    with_the_unit,
)


def ask(
    cast: Cast, issue: Issue, until: date, day: str = "2025-03-06", time: str = "10:00"
) -> Issue:
    return cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at(day, time),
        until=until,
        text="等待配件。",
    )


def approve(cast: Cast, issue: Issue, by: User, day: str) -> Issue:
    return cast.step(issue, Action.APPROVE_EXTENSION, by, at(day), text="同意。")


# --- asking ---


def test_asking_moves_no_clock_and_reaches_the_dispatcher(cast: Cast) -> None:
    issue = with_extension_requested(cast)

    assert issue.status == Status.HANDLING
    assert issue.due_at == at("2025-03-12", "17:30")
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    assert told(issue) == ["chen_jing"]
    approval = issue.approvals.get()
    assert (approval.asked_of, approval.nth, approval.until) == (
        "dispatcher",
        1,
        date(2025, 3, 14),
    )


@pytest.mark.parametrize(
    ("until", "why"),
    [
        (date(2025, 3, 12), "须晚于现在的到期日 2025-03-12"),
        (date(2025, 3, 7), "须晚于现在的到期日 2025-03-12"),
        (date(2025, 3, 15), "须是工作日"),
        (date(2025, 3, 27), "最多延期 10 个工作日，至 2025-03-26"),
        (date(9999, 12, 31), "最多延期 10 个工作日，至 2025-03-26"),
    ],
)
def test_an_extension_asks_for_a_working_day_within_ten(cast: Cast, until: date, why: str) -> None:
    issue = with_the_unit(cast)
    with refused(issue, why, field="until"):
        ask(cast, issue, until)


def test_ten_working_days_reach_over_the_holiday_in_may(cast: Cast) -> None:
    """Sunday 27 April is worked; 1 to 5 May are off."""
    issue = cast.report(at=at("2025-04-21"))
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-04-21", "11:00"),
        reason="money",
        text="需经费。",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-04-21", "14:00"),
        lead_unit=cast.changqiao_works,
        text="请办理。",
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.wu_yang, at("2025-04-22"))
    assert issue.due_at == at("2025-04-29", "17:30")
    with refused(issue, "至 2025-05-16", field="until"):
        ask(cast, issue, date(2025, 5, 19), "2025-04-23")
    issue = ask(cast, issue, date(2025, 5, 16), "2025-04-23")
    issue = approve(cast, issue, cast.chen_jing, "2025-04-24")
    assert issue.due_at == at("2025-05-16", "17:30")
    # Wednesday 7 May, ten working days after 21 April, and ten more.
    assert issue.overall_due_at == at("2025-05-21", "17:30")


def test_a_limit_that_has_passed_is_not_extended(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "办理时限已过"):
        ask(cast, issue, date(2025, 3, 14), "2025-03-12", "17:30")


def test_one_extension_at_a_time_is_asked_for(cast: Cast) -> None:
    issue = with_extension_requested(cast)
    with refused(issue, "已有延期申请等待审批"):
        ask(cast, issue, date(2025, 3, 17))


def test_the_handler_does_not_ask_in_the_heads_place(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.step(
            with_the_unit(cast),
            Action.REQUEST_EXTENSION,
            cast.wu_yang,
            at("2025-03-06"),
            until=date(2025, 3, 14),
            text="等待配件。",
        )


# --- deciding ---


def test_both_clocks_move_by_the_same_working_days_and_the_old_dates_are_kept(cast: Cast) -> None:
    issue = approve(cast, with_extension_requested(cast), cast.chen_jing, "2025-03-07")

    assert issue.due_at == at("2025-03-14", "17:30")
    assert issue.overall_due_at == at("2025-03-19", "17:30")
    assert issue.yellow_at == at("2025-03-13", "09:00")
    approval = issue.approvals.get()
    assert approval.decision == Decision.APPROVED
    assert (approval.old_due_at, approval.new_due_at) == (
        at("2025-03-12", "17:30"),
        at("2025-03-14", "17:30"),
    )
    assert (approval.old_overall_due_at, approval.new_overall_due_at) == (
        at("2025-03-17", "17:30"),
        at("2025-03-19", "17:30"),
    )
    assert own_clock(issue).limit_value == 7
    assert told(issue) == ["wang_fang", "wu_yang", "zheng_hua"]


def test_a_refused_extension_moves_nothing(cast: Cast) -> None:
    issue = cast.step(
        with_extension_requested(cast),
        Action.REFUSE_EXTENSION,
        cast.chen_jing,
        at("2025-03-07"),
        text="请按期办结。",
    )
    assert issue.due_at == at("2025-03-12", "17:30")
    assert issue.approvals.get().new_due_at is None
    assert told(issue) == ["wu_yang", "zheng_hua"]


def test_the_second_extension_is_the_leaders_and_there_is_no_third(cast: Cast) -> None:
    issue = approve(cast, with_extension_requested(cast), cast.chen_jing, "2025-03-07")
    issue = ask(cast, issue, date(2025, 3, 20), "2025-03-10")
    assert told(issue) == ["zhou_wei"]
    with refused(issue, "由分管领导审批"):
        approve(cast, issue, cast.chen_jing, "2025-03-10")
    issue = approve(cast, issue, cast.zhou_wei, "2025-03-11")
    assert issue.due_at == at("2025-03-20", "17:30")
    assert issue.overall_due_at == at("2025-03-25", "17:30")  # the 19th and four days
    with refused(issue, "最多延期 2 次"):
        ask(cast, issue, date(2025, 3, 24), "2025-03-12")


def test_what_was_refused_does_not_count(cast: Cast) -> None:
    issue = with_the_unit(cast)
    for day in ("2025-03-06", "2025-03-07", "2025-03-10"):
        issue = ask(cast, issue, date(2025, 3, 14), day)
        issue = cast.step(issue, Action.REFUSE_EXTENSION, cast.chen_jing, at(day), text="不同意。")
    issue = ask(cast, issue, date(2025, 3, 14), "2025-03-11")
    latest = issue.approvals.latest("id")
    assert (latest.asked_of, latest.nth) == ("dispatcher", 4)


def test_the_first_extension_is_not_the_leaders(cast: Cast) -> None:
    issue = with_extension_requested(cast)
    with refused(issue, "由派单员审批"):
        approve(cast, issue, cast.zhou_wei, "2025-03-07")


def test_an_extension_asked_for_in_time_and_approved_late_still_counts(cast: Cast) -> None:
    issue = ask(cast, with_the_unit(cast), date(2025, 3, 14), "2025-03-12")
    issue = approve(cast, issue, cast.chen_jing, "2025-03-13")
    assert issue.due_at == at("2025-03-14", "17:30")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-14"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    assert issue.clocks.get(step="handling").verdict == Verdict.ON_TIME


def test_an_urgent_case_is_extended_to_the_same_hour(cast: Cast) -> None:
    issue = cast.step(urgent(cast), Action.ACKNOWLEDGE, cast.wu_yang, at("2025-03-03", "12:00"))
    issue = ask(cast, issue, date(2025, 3, 5), "2025-03-03", "14:00")
    issue = cast.step(
        issue, Action.APPROVE_EXTENSION, cast.chen_jing, at("2025-03-03", "15:00"), text="同意。"
    )
    assert issue.due_at == at("2025-03-05", "11:30")
    assert issue.overall_due_at == at("2025-03-06", "11:00")


# --- together with other steps ---


def test_an_extension_that_is_pending_lapses_when_the_unit_submits(cast: Cast) -> None:
    issue = cast.step(
        with_extension_requested(cast),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-07"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    approval = issue.approvals.get()
    assert (approval.decision, approval.decided_at, approval.new_due_at) == (
        Decision.LAPSED,
        at("2025-03-07"),
        None,
    )
    with refused(issue, "不能批准延期"):
        approve(cast, issue, cast.chen_jing, "2025-03-07")
    issue = cast.step(
        issue,
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2025-03-10"),
        reason="not_done",
        text="未完成。",
    )
    assert issue.due_at == at("2025-03-13", "17:30")  # a third of seven days, rounded up
    issue = ask(cast, issue, date(2025, 3, 17), "2025-03-11")
    assert issue.approvals.latest("id").asked_of == "dispatcher"


def test_a_suspension_makes_a_pending_extension_lapse(cast: Cast) -> None:
    issue = ask(cast, with_suspension_requested(cast), date(2025, 3, 14), "2025-03-06", "11:00")
    issue = cast.step(issue, Action.SUSPEND, cast.zhou_wei, at("2025-03-07"), text="同意。")
    decisions = dict(issue.approvals.values_list("kind", "decision"))
    assert decisions == {"suspension": Decision.APPROVED, "extension": Decision.LAPSED}


def test_an_extension_that_is_granted_leaves_a_pending_suspension_pending(cast: Cast) -> None:
    issue = ask(cast, with_suspension_requested(cast), date(2025, 3, 14), "2025-03-06", "11:00")
    issue = approve(cast, issue, cast.chen_jing, "2025-03-06")
    assert issue.approvals.get(kind="suspension").is_pending
    issue = cast.step(issue, Action.SUSPEND, cast.zhou_wei, at("2025-03-07"), text="同意。")
    assert own_clock(issue).due_at == at("2025-03-14", "17:30")  # stands still from here on
    assert overall_clock(issue).due_at == at("2025-03-19", "17:30")


def test_an_extension_arms_the_reminders_anew(cast: Cast) -> None:
    approve(cast, with_extension_requested(cast), cast.chen_jing, "2025-03-07")
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))  # yellow before the extension
    assert not Message.objects.filter(kind=MessageKind.NEAR_DUE).exists()
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))
    assert Message.objects.get(kind=MessageKind.NEAR_DUE).recipient == cast.wu_yang


def test_who_was_reminded_before_is_reminded_of_the_new_date_too(cast: Cast) -> None:
    issue = with_the_unit(cast)
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    issue = ask(cast, issue, date(2025, 3, 20), "2025-03-11", "10:00")
    approve(cast, issue, cast.chen_jing, "2025-03-12")
    sweeps.remind_of_deadlines(at("2025-03-19", "09:00"))
    bodies = Message.objects.filter(kind=MessageKind.NEAR_DUE, recipient=cast.wu_yang)
    assert sorted(message.body.split("将于")[1][:6] for message in bodies) == [
        "03月12日",
        "03月20日",
    ]


def test_only_a_unit_that_works_asks_for_time(cast: Cast) -> None:
    issue = in_town_triage(cast)
    with refused(issue, "不能延期申请"):
        cast.step(
            issue,
            Action.REQUEST_EXTENSION,
            cast.chen_jing,
            at("2025-03-04"),
            until=date(2025, 3, 6),
            text="延期。",
        )
