"""Supervision orders with number, answer and end; leaders' instructions with their answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import transaction

from core.errors import NotAllowed, Refused
from core.models import Message
from issues import actions, sweeps
from issues.choices import (
    Action,
    ClockKind,
    Grade,
    MessageKind,
    Outcome,
    Status,
    SupervisionCause,
    Urgency,
    Verdict,
)
from issues.models import Clock, Instruction, Issue, Supervision
from tests.cast import Cast, again, assemble
from tests.issues.moments import (
    at,
    closed,
    in_district_triage,
    in_town_triage,
    instructed,
    ordered,
    refused,
    suspended,
    told,
    with_the_unit,
)
from tests.issues.test_concurrency import at_once


def supervise(cast: Cast, issue: Issue, day: str = "2025-03-06", **more: object) -> Issue:
    data = {"grade": Grade.GENERAL, "text": "请说明进度。", **more}
    return cast.step(issue, Action.SUPERVISE, cast.xu_ning, at(day), **data)


def answer(cast: Cast, issue: Issue, day: str = "2025-03-10") -> Issue:
    return cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.wu_yang, at(day), text="管材已到，周三完成。"
    )


def instruct(cast: Cast, issue: Issue, until: date, time: str = "10:00", **more: object) -> Issue:
    return cast.step(
        issue,
        Action.INSTRUCT,
        cast.zhou_wei,
        at("2025-03-06", time),
        **{"leader_name": "周伟", "until": until, "text": "请抓紧办理。", **more},
    )


def submit(cast: Cast, issue: Issue, day: str = "2025-03-07") -> Issue:
    return cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at(day),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )


def close(cast: Cast, issue: Issue, day: str = "2025-03-07") -> Issue:
    return cast.step(
        submit(cast, issue, day), Action.PASS_VERIFICATION, cast.shen_lan, at(day, "15:00")
    )


def order_clock(issue: Issue) -> Clock:
    return issue.clocks.filter(kind=ClockKind.ORDER).latest("id")


# --- orders ---


def test_an_order_has_a_number_and_a_limit_of_its_own(cast: Cast) -> None:
    issue = ordered(cast)

    order = issue.supervisions.get()
    assert (order.number, order.grade, order.cause) == ("督〔2025〕第1号", Grade.KEY, "by_hand")
    assert order.clock.due_at == at("2025-03-11", "17:30")  # three working days from the 6th
    assert (issue.status, issue.due_at) == (Status.HANDLING, at("2025-03-12", "17:30"))
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    assert told(issue) == ["chen_jing", "wu_yang", "zheng_hua", "zhou_wei"]


def test_an_order_on_an_urgent_case_is_answered_within_a_day(cast: Cast) -> None:
    issue = supervise(cast, cast.report(at=at("2025-03-06", "09:00"), urgency=Urgency.SAFETY))
    assert order_clock(issue).due_at == at("2025-03-07", "10:00")


def test_an_order_may_be_sent_with_another_limit(cast: Cast) -> None:
    issue = supervise(cast, with_the_unit(cast), limit_days=1)
    assert order_clock(issue).due_at == at("2025-03-07", "17:30")


def test_the_unit_answers_and_the_supervisor_hears(cast: Cast) -> None:
    issue = answer(cast, ordered(cast))
    order = issue.supervisions.get()
    assert (order.answered_at, order.answered_seq) == (at("2025-03-10"), issue.event_count)
    assert (order.clock.ended_at, order.clock.verdict) == (at("2025-03-10"), Verdict.ON_TIME)
    assert order.is_open
    assert told(issue) == ["xu_ning", "zhou_wei"]


def test_an_answer_after_the_limit_is_late(cast: Cast) -> None:
    issue = answer(cast, ordered(cast), "2025-03-12")
    assert order_clock(issue).verdict == Verdict.LATE


def test_an_answer_answers_every_order_that_waits_for_one(cast: Cast) -> None:
    issue = supervise(cast, ordered(cast), "2025-03-07")
    issue = answer(cast, issue)
    assert set(issue.supervisions.values_list("answered_at", flat=True)) == {at("2025-03-10")}
    with refused(issue, "没有待反馈的督办单"):
        answer(cast, issue, "2025-03-11")


def test_the_dispatcher_may_answer_for_the_unit_but_nobody_else(cast: Cast) -> None:
    issue = ordered(cast)
    for other in (cast.wang_fang, cast.zhou_wei, cast.shen_lan):
        with pytest.raises(NotAllowed):
            cast.step(issue, Action.ANSWER_SUPERVISION, other, at("2025-03-10"), text="x")
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.chen_jing, at("2025-03-10"), text="已督促。"
    )
    assert issue.supervisions.get().answered_seq == issue.event_count


def test_the_grid_answers_an_order_on_its_own_case(cast: Cast) -> None:
    issue = supervise(cast, cast.report(at=at("2025-03-06", "09:00")))
    assert told(issue) == ["wang_fang", "zhao_min"]
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.wang_fang, at("2025-03-06", "11:00"), text="马上去。"
    )
    assert issue.supervisions.get().answered_at == at("2025-03-06", "11:00")


def test_an_order_is_struck_off_after_its_answer(cast: Cast) -> None:
    issue = ordered(cast)
    with refused(issue, "没有已反馈、待销号的督办单"):
        cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-07"), text="销号。")
    issue = cast.step(
        answer(cast, issue), Action.STRIKE_OFF, cast.xu_ning, at("2025-03-11"), text="同意销号。"
    )
    order = issue.supervisions.get()
    assert (order.struck_off_at, order.is_automatic_end) == (at("2025-03-11"), False)
    assert (issue.status, issue.due_at) == (Status.HANDLING, at("2025-03-12", "17:30"))
    assert told(issue) == ["wu_yang", "zheng_hua"]


def test_the_unit_does_not_strike_off_its_own_order(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.step(
            answer(cast, ordered(cast)),
            Action.STRIKE_OFF,
            cast.zheng_hua,
            at("2025-03-11"),
            text="销号。",
        )


def test_an_unanswered_order_stays_when_an_answered_one_is_struck_off(cast: Cast) -> None:
    issue = supervise(cast, answer(cast, ordered(cast)), "2025-03-11")
    issue = cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-12"), text="销号。")
    first, second = issue.supervisions.order_by("id")
    assert (first.is_open, second.is_open) == (False, True)


@pytest.mark.parametrize("is_answered", [True, False])
def test_with_the_case_its_orders_end_and_remind_nobody_any_more(
    cast: Cast, is_answered: bool
) -> None:
    issue = ordered(cast)
    if is_answered:
        issue = answer(cast, issue, "2025-03-06")
    issue = close(cast, issue)

    order = issue.supervisions.get()
    assert (order.struck_off_at, order.struck_off_seq) == (
        at("2025-03-07", "15:00"),
        issue.event_count,
    )
    assert order.is_automatic_end
    assert order.clock.verdict == (Verdict.ON_TIME if is_answered else Verdict.CANCELLED)
    sweeps.remind_of_deadlines(at("2025-03-12", "09:00"))
    assert not Message.objects.filter(kind=MessageKind.OVERDUE).exists()


def test_an_order_that_ended_with_the_case_stays_ended_when_it_is_reopened(cast: Cast) -> None:
    issue = close(cast, ordered(cast))
    issue = cast.step(
        issue, Action.REOPEN, cast.xu_ning, at("2025-03-10"), reason="relapse", text="回潮。"
    )
    assert not issue.supervisions.get().is_open
    with refused(issue, "没有待反馈的督办单"):
        answer(cast, issue, "2025-03-11")


def test_a_case_that_has_ended_gets_no_order(cast: Cast) -> None:
    issue = closed(cast)
    with refused(issue, "不能督办"):
        supervise(cast, issue, "2025-03-10")


def test_a_suspended_case_can_be_ordered_and_the_order_runs(cast: Cast) -> None:
    issue = supervise(cast, suspended(cast), "2025-03-10")
    assert order_clock(issue).due_at == at("2025-03-13", "17:30")
    assert issue.status == Status.SUSPENDED
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2025-03-11"), text="恢复。")
    assert order_clock(issue).due_at == at("2025-03-13", "17:30")


def test_while_the_case_is_verified_its_order_is_still_the_units(cast: Cast) -> None:
    issue = submit(cast, ordered(cast))
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    order = Message.objects.filter(key__startswith=f"clock:{order_clock(issue).pk}:due")
    assert [message.recipient for message in order] == [cast.wu_yang]
    issue = answer(cast, issue, "2025-03-11")
    assert issue.status == Status.VERIFY


def test_the_platform_sends_one_order_for_one_cause(cast: Cast) -> None:
    issue = with_the_unit(cast)
    data = {"grade": Grade.GENERAL, "cause": SupervisionCause.OVERDUE, "text": "请说明原因。"}
    issue = cast.step(issue, Action.SUPERVISE, None, at("2025-03-18"), **data)
    assert issue.events.latest("seq").actor is None
    with refused(issue, "同一事由已有未销号的督办单"):
        cast.step(issue, Action.SUPERVISE, None, at("2025-03-19"), **data)
    issue = supervise(cast, issue, "2025-03-19")  # by hand there may be another
    assert issue.supervisions.count() == 2


def test_an_order_that_nobody_answers_comes_back_to_the_supervisor(cast: Cast) -> None:
    issue = ordered(cast)  # to be answered by Tuesday the 11th
    sweeps.remind_of_deadlines(at("2025-03-12", "09:00"))
    key = f"clock:{order_clock(issue).pk}:overdue1"
    overdue = Message.objects.filter(key__startswith=key)
    assert sorted(message.recipient.username for message in overdue) == [
        "chen_jing",
        "wu_yang",
        "xu_ning",
        "zheng_hua",
        "zhou_wei",
    ]


# --- numbers ---


def test_numbers_go_on_within_a_year_and_start_again_with_the_next(cast: Cast) -> None:
    for day in ("2025-12-30", "2025-12-31", "2026-01-04"):
        supervise(cast, cast.report(at=at("2025-12-29")), day)
    numbers = [order.number for order in Supervision.objects.order_by("id")]
    assert numbers == ["督〔2025〕第1号", "督〔2025〕第2号", "督〔2026〕第1号"]


def test_the_year_is_that_of_the_clocks_on_the_wall(cast: Cast) -> None:
    """At 07:00 on New Year's day it is still the old year in UTC."""
    issue = cast.report(at=at("2025-12-29"))
    issue = cast.step(
        issue,
        Action.SUPERVISE,
        cast.xu_ning,
        at("2026-01-01", "07:00"),
        grade=Grade.KEY,
        text="请说明。",
    )
    assert issue.supervisions.get().number == "督〔2026〕第1号"


def test_an_order_that_comes_to_nothing_leaves_no_gap(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with transaction.atomic():
        supervise(cast, issue)
        transaction.set_rollback(True)
    supervise(cast, issue)
    assert [order.serial for order in Supervision.objects.all()] == [1]


def test_orders_at_the_same_moment_have_numbers_without_gaps(committed_db: str) -> None:
    cast = assemble()
    issues = [cast.report(at=at("2025-03-03")) for _ in range(8)]

    def order(issue: Issue) -> Callable[[], object]:
        return lambda: actions.perform(
            issue.pk,
            Action.SUPERVISE,
            by=again(cast.xu_ning),
            data={"grade": Grade.KEY, "text": "请说明。"},
            expected_version=None,
            at=at("2025-03-04"),
        )

    assert at_once([order(issue) for issue in issues]) == ["done"] * 8
    assert sorted(Supervision.objects.values_list("serial", flat=True)) == list(range(1, 9))


# --- instructions ---


def test_an_instruction_runs_until_the_evening_of_its_day(cast: Cast) -> None:
    issue = instructed(cast)
    row = issue.instructions.get()
    assert (row.leader_name, row.respondent, row.answered_at) == ("周伟", "lead_unit", None)
    assert row.clock.due_at == at("2025-03-10", "17:30")
    assert (issue.due_at, issue.overall_due_at) == (
        at("2025-03-12", "17:30"),
        at("2025-03-17", "17:30"),
    )
    assert told(issue) == ["chen_jing", "wu_yang", "zheng_hua"]
    assert "周伟" not in str(issue.events.latest("seq").data)


@pytest.mark.parametrize(
    ("until", "time", "due"),
    [
        (date(2025, 3, 6), "10:00", ("2025-03-06", "17:30")),
        (date(2025, 3, 8), "10:00", ("2025-03-08", "17:30")),  # a Saturday, if that was meant
        (date(2025, 3, 10), "18:00", ("2025-03-10", "17:30")),  # written in the evening
        (date(2025, 3, 6), "18:00", ("2025-03-10", "17:30")),  # a working day at least
    ],
)
def test_an_instruction_is_due_on_the_very_day(
    cast: Cast, until: date, time: str, due: tuple[str, str]
) -> None:
    issue = instruct(cast, with_the_unit(cast), until, time)
    assert order_clock(issue).due_at == at(*due)


@pytest.mark.parametrize(
    ("until", "why"),
    [(date(2025, 3, 5), "不能早于今天"), (date(9999, 12, 31), "请检查年份")],
)
def test_an_instruction_for_a_day_that_can_not_be_meant_is_refused(
    cast: Cast, until: date, why: str
) -> None:
    issue = with_the_unit(cast)
    with refused(issue, why, field="until"):
        instruct(cast, issue, until)


def test_an_instruction_is_answered_once(cast: Cast) -> None:
    issue = cast.step(
        instructed(cast), Action.ANSWER_INSTRUCTION, cast.wu_yang, at("2025-03-07"), text="已安排。"
    )
    row = issue.instructions.get()
    assert (row.answered_at, row.answered_seq) == (at("2025-03-07"), issue.event_count)
    assert row.clock.verdict == Verdict.ON_TIME
    assert told(issue) == ["chen_jing", "zhou_wei"]
    with refused(issue, "没有待反馈的领导批示"):
        cast.step(
            issue, Action.ANSWER_INSTRUCTION, cast.wu_yang, at("2025-03-07"), text="再次反馈。"
        )


def test_a_late_answer_is_late(cast: Cast) -> None:
    issue = cast.step(
        instructed(cast), Action.ANSWER_INSTRUCTION, cast.wu_yang, at("2025-03-11"), text="已安排。"
    )
    assert issue.instructions.get().clock.verdict == Verdict.LATE


def test_the_dispatcher_writes_it_down_on_the_leaders_behalf(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.INSTRUCT,
        cast.chen_jing,
        at("2025-03-06"),
        leader_name="周伟",
        until=date(2025, 3, 10),
        text="请抓紧办理。",
    )
    assert told(issue) == ["wu_yang", "zheng_hua"]
    with pytest.raises(NotAllowed):
        cast.step(
            issue,
            Action.INSTRUCT,
            cast.zheng_hua,
            at("2025-03-06"),
            leader_name="周伟",
            until=date(2025, 3, 10),
            text="请抓紧办理。",
        )


def test_who_is_to_answer_is_reminded(cast: Cast) -> None:
    to_unit = instruct(cast, with_the_unit(cast), date(2025, 3, 10))
    to_desk = instruct(cast, with_the_unit(cast), date(2025, 3, 10), respondent="dispatcher")
    sweeps.remind_of_deadlines(at("2025-03-10", "09:00"))
    for issue, name in ((to_unit, "wu_yang"), (to_desk, "chen_jing")):
        key = f"clock:{order_clock(issue).pk}:due"
        reminders = Message.objects.filter(key__startswith=key)
        assert [message.recipient.username for message in reminders] == [name]
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    key = f"clock:{order_clock(to_unit).pk}:overdue1"
    overdue = Message.objects.filter(key__startswith=key)
    assert sorted(message.recipient.username for message in overdue) == [
        "chen_jing",
        "wu_yang",
        "zheng_hua",
        "zhou_wei",
    ]


@pytest.mark.parametrize(
    ("moment", "name"), [(in_town_triage, "chen_jing"), (in_district_triage, "sun_li")]
)
def test_where_no_unit_has_the_case_the_desk_is_reminded(
    cast: Cast, moment: Callable[[Cast], Issue], name: str
) -> None:
    issue = moment(cast)
    issue = cast.step(
        issue,
        Action.INSTRUCT,
        cast.qian_jin,
        at("2025-03-06"),
        leader_name="钱进",
        until=date(2025, 3, 10),
        text="请抓紧办理。",
    )
    sweeps.remind_of_deadlines(at("2025-03-10", "09:00"))
    reminders = Message.objects.filter(key__startswith=f"clock:{order_clock(issue).pk}:due")
    assert [message.recipient.username for message in reminders] == [name]


def test_what_nobody_answered_before_the_end_is_reminded_of_no_more(cast: Cast) -> None:
    issue = close(cast, instructed(cast))
    assert order_clock(issue).verdict == Verdict.CANCELLED
    assert Instruction.objects.get().answered_at is None
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert not Message.objects.filter(kind=MessageKind.OVERDUE).exists()


def test_an_order_and_an_instruction_do_not_answer_each_other(cast: Cast) -> None:
    issue = instruct(cast, ordered(cast), date(2025, 3, 10))
    issue = answer(cast, issue, "2025-03-07")
    assert issue.instructions.get().answered_at is None
    assert set(issue.clocks.filter(kind=ClockKind.ORDER).values_list("step", "verdict")) == {
        ("supervision", Verdict.ON_TIME),
        ("instruction", ""),
    }


def test_an_instruction_on_what_has_ended_is_refused(cast: Cast) -> None:
    issue = closed(cast)
    with pytest.raises(Refused, match="不能领导批示"):
        instruct(cast, issue, date(2025, 3, 10))
