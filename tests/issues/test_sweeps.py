"""What happens because time passes: each reminder once, in office hours, to the right people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Message
from issues import sweeps
from issues.choices import Action, MessageKind, Outcome, Status, Urgency
from issues.models import Assignment, Issue, IssueEvent
from tests.cast import Cast
from tests.issues.copies import copies_of
from tests.issues.moments import (
    assigned,
    at,
    closed,
    in_town_triage,
    submitted,
    suspended,
    told,
    waiting_for_the_meeting,
    with_return_requested,
    with_the_unit,
    with_two_departments,
)


def reminded(kind: MessageKind) -> set[str]:
    return set(
        Message.objects.filter(kind=kind, key__startswith="clock:").values_list(
            "recipient__username", flat=True
        )
    )


def test_a_reminder_is_written_once_however_often_the_sweep_runs(cast: Cast) -> None:
    with_the_unit(cast)  # yellow from 09:00 of the 11th, due on the 12th

    for time in ("09:00", "09:00", "09:05", "15:00"):
        sweeps.remind_of_deadlines(at("2025-03-11", time))

    reminder = Message.objects.get(key__startswith="clock:")
    assert (reminder.kind, reminder.recipient) == (MessageKind.NEAR_DUE, cast.wu_yang)
    assert "03月12日 17:30" in reminder.body


def test_a_second_sweep_looks_at_nothing(cast: Cast) -> None:
    with_the_unit(cast)
    assert sweeps.remind_of_deadlines(at("2025-03-11", "09:00")) == 1
    assert sweeps.remind_of_deadlines(at("2025-03-11", "09:00")) == 0


def test_each_stage_of_a_deadline_reminds_those_whom_it_concerns(cast: Cast) -> None:
    with_the_unit(cast)

    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang"}
    sweeps.remind_of_deadlines(at("2025-03-12", "09:00"))
    assert reminded(MessageKind.DUE) == {"wu_yang"}
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))
    assert reminded(MessageKind.OVERDUE) == {"wu_yang", "zheng_hua", "chen_jing"}
    sweeps.remind_of_deadlines(at("2025-03-17", "09:00"))
    assert Message.objects.filter(kind=MessageKind.OVERDUE).count() == 6
    assert sweeps.remind_of_deadlines(at("2025-03-20", "09:00")) == 0


def test_before_acknowledgement_all_handlers_of_the_unit_are_reminded(cast: Cast) -> None:
    assigned(cast)
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang", "feng_gang"}


def test_nobody_is_reminded_outside_office_hours(cast: Cast) -> None:
    with_the_unit(cast)
    for day, time in [("2025-03-11", "08:29"), ("2025-03-11", "18:00"), ("2025-03-15", "10:00")]:
        sweeps.remind_of_deadlines(at(day, time))
    assert not Message.objects.filter(key__startswith="clock:").exists()


def test_a_reminder_that_is_overtaken_is_never_written(cast: Cast) -> None:
    with_the_unit(cast)
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))  # the first sweep in days
    assert not reminded(MessageKind.NEAR_DUE)
    assert not reminded(MessageKind.DUE)
    assert reminded(MessageKind.OVERDUE)


def test_a_step_that_was_finished_reminds_nobody(cast: Cast) -> None:
    issue = with_the_unit(cast)
    cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-10"),
        outcome=Outcome.RESOLVED,
        text="井盖已更换。",
    )
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert "wu_yang" not in reminded(MessageKind.NEAR_DUE)


def test_urgent_safety_reminds_at_night_too(cast: Cast) -> None:
    cast.report(at=at("2025-03-03", "22:00"), urgency=Urgency.SAFETY)  # two hours for diagnosis
    sweeps.remind_of_deadlines(at("2025-03-03", "23:30"))
    assert reminded(MessageKind.NEAR_DUE) == {"wang_fang"}


def test_a_co_unit_is_reminded_of_its_own_limit(cast: Cast) -> None:
    with_two_departments(cast)  # fifteen working days from 5 March: due on the 26th
    sweeps.remind_of_deadlines(at("2025-03-26", "09:00"))
    assert reminded(MessageKind.DUE) == {"he_jun", "gao_feng"}


def test_what_lies_unacknowledged_past_its_limit_is_deemed_acknowledged(cast: Cast) -> None:
    issue = assigned(cast)
    assert sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:29")) == 0

    assert sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:30")) == 1

    issue.refresh_from_db()
    lead = Assignment.objects.get(issue=issue, is_lead=True)
    event = IssueEvent.objects.get(issue=issue, action=Action.AUTO_ACKNOWLEDGE)
    assert issue.status == Status.HANDLING
    assert lead.deemed_acknowledged
    assert event.actor is None
    assert sweeps.acknowledge_overdue_assignments(at("2025-03-05")) == 0


def test_deemed_acknowledgement_gives_the_unit_no_extra_time(cast: Cast) -> None:
    issue = assigned(cast)
    before = issue.due_at
    sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:30"))
    issue.refresh_from_db()
    assert issue.due_at == before


def test_lamps_are_the_same_in_sql_and_in_python(cast: Cast) -> None:
    issue = with_the_unit(cast)
    seen = {}
    for moment in (
        at("2025-03-11", "08:59"),
        at("2025-03-11", "09:00"),
        at("2025-03-12", "17:29"),
        at("2025-03-12", "17:30"),
    ):
        in_sql = Issue.objects.with_lamp(moment).get(pk=issue.pk).lamp_now
        assert in_sql == issue.lamp(moment)
        seen[moment] = in_sql
    assert list(seen.values()) == ["green", "yellow", "yellow", "red"]


# --- resumption ---


def test_nothing_is_resumed_before_its_review_date(cast: Cast) -> None:
    waiting_for_the_meeting(cast)
    assert sweeps.resume_suspended(at("2025-04-23", "23:59")) == 0


# --- supervision ---


def causes(issue: Issue) -> list[str]:
    return list(issue.supervisions.order_by("id").values_list("cause", flat=True))


def test_a_case_overdue_for_three_working_days_gets_an_order_once(cast: Cast) -> None:
    issue = with_the_unit(cast)  # due on Wednesday the 12th
    assert sweeps.supervise_neglected(at("2025-03-17", "08:50")) == 0  # the third day has begun
    assert sweeps.supervise_neglected(at("2025-03-18", "08:50")) == 1
    assert sweeps.supervise_neglected(at("2025-03-19", "08:50")) == 0

    order = issue.supervisions.get()
    assert (order.cause, order.grade, order.number) == ("overdue", "general", "督〔2025〕第1号")
    assert order.clock.due_at == at("2025-03-21", "17:30")
    event = IssueEvent.objects.get(issue=issue, action=Action.SUPERVISE)
    assert (event.actor, event.data["cause"]) == (None, "overdue")
    assert "超期三个工作日以上" in event.text.body
    assert told(issue, event.seq) == ["chen_jing", "wu_yang", "zheng_hua", "zhou_wei"]


def test_nobody_is_supervised_on_a_rest_day(cast: Cast) -> None:
    with_the_unit(cast)
    assert sweeps.supervise_neglected(at("2025-03-22", "08:50")) == 0  # a Saturday
    assert sweeps.supervise_neglected(at("2025-03-24", "08:50")) == 1


def test_an_order_that_was_struck_off_is_not_sent_again_for_the_same_date(cast: Cast) -> None:
    issue = with_the_unit(cast)
    sweeps.supervise_neglected(at("2025-03-18"))
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.wu_yang, at("2025-03-19"), text="周五完成。"
    )
    cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-20"), text="销号。")
    assert sweeps.supervise_neglected(at("2025-03-21")) == 0


def test_another_date_that_is_overrun_is_another_cause(cast: Cast) -> None:
    """Transferred after the first order was struck off: the next unit is as late."""
    issue = with_the_unit(cast)
    sweeps.supervise_neglected(at("2025-03-18"))
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.wu_yang, at("2025-03-18"), text="非我单位能解决。"
    )
    issue = cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-18"), text="销号。")
    issue = cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-19"),
        lead_unit=cast.changqiao_patrol,
        limit_days=2,
        text="转执法局。",
    )  # due on Friday the 21st
    assert sweeps.supervise_neglected(at("2025-03-26")) == 0
    assert sweeps.supervise_neglected(at("2025-03-27")) == 1
    assert causes(issue) == ["overdue", "overdue"]


def test_a_case_with_an_open_order_for_the_cause_gets_no_second_one(cast: Cast) -> None:
    issue = with_the_unit(cast)
    sweeps.supervise_neglected(at("2025-03-18"))
    cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-19"),
        lead_unit=cast.changqiao_patrol,
        limit_days=2,
        text="转执法局。",
    )
    assert sweeps.supervise_neglected(at("2025-03-27")) == 0


def test_what_was_reworked_twice_gets_an_order_once(cast: Cast) -> None:
    issue = submitted(cast)
    for day in ("2025-03-07", "2025-03-10"):
        assert sweeps.supervise_neglected(at(day, "08:50")) == 0
        issue = cast.step(
            issue,
            Action.FAIL_VERIFICATION,
            cast.shen_lan,
            at(day),
            reason="not_done",
            text="未完成。",
        )
        if day == "2025-03-07":
            issue = cast.step(
                issue,
                Action.SUBMIT_COMPLETION,
                cast.wu_yang,
                at(day, "15:00"),
                outcome=Outcome.RESOLVED,
                text="已完成。",
            )
    assert sweeps.supervise_neglected(at("2025-03-11", "08:50")) == 1
    assert sweeps.supervise_neglected(at("2025-03-12", "08:50")) == 0
    assert causes(issue) == ["rework"]


def test_what_was_deemed_acknowledged_twice_gets_an_order(cast: Cast) -> None:
    issue = assigned(cast)
    sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:30"))
    cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-05"),
        lead_unit=cast.changqiao_patrol,
        text="转执法局。",
    )
    assert sweeps.supervise_neglected(at("2025-03-06", "08:50")) == 0
    sweeps.acknowledge_overdue_assignments(at("2025-03-06", "17:30"))
    assert sweeps.supervise_neglected(at("2025-03-07", "08:50")) == 1
    assert causes(issue) == ["not_acknowledged"]


def test_several_causes_are_several_orders(cast: Cast) -> None:
    issue = submitted(cast)
    Issue.objects.filter(pk=issue.pk).update(rework_count=1)
    issue = cast.step(
        issue,
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2025-03-07"),
        reason="not_done",
        text="x",
    )  # three days: due on the 12th
    assert sweeps.supervise_neglected(at("2025-03-18", "08:50")) == 2
    assert causes(issue) == ["overdue", "rework"]


@pytest.mark.parametrize("moment", [suspended, closed, submitted, in_town_triage])
def test_only_what_a_unit_works_on_is_supervised_by_the_platform(
    cast: Cast, moment: Callable[[Cast], Issue]
) -> None:
    moment(cast)
    assert sweeps.supervise_neglected(at("2025-04-03", "08:50")) == 0


# --- verification and co-units ---


def test_who_worked_on_a_case_is_not_reminded_to_verify_it(cast: Cast) -> None:
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.zhao_min,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wang_fang,
        at("2025-03-03", "15:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )  # to be verified by Wednesday the 5th
    sweeps.remind_of_deadlines(at("2025-03-05", "09:00"))
    assert reminded(MessageKind.DUE) == {"shen_lan", "feng_gang"}


def test_a_return_left_lying_reminds_the_dispatcher_then_the_leader_too(cast: Cast) -> None:
    with_return_requested(cast)  # to be decided by Tuesday the 4th
    sweeps.remind_of_deadlines(at("2025-03-04", "09:00"))
    assert reminded(MessageKind.DUE) == {"chen_jing"}
    sweeps.remind_of_deadlines(at("2025-03-05", "09:00"))
    assert reminded(MessageKind.OVERDUE) == {"chen_jing", "zhou_wei"}


def test_what_stands_still_reminds_nobody_and_reminds_again_when_it_goes_on(cast: Cast) -> None:
    suspended(cast)
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))
    assert not Message.objects.filter(key__startswith="clock:").exists()
    sweeps.resume_suspended(at("2025-04-07", "09:00"))  # due on Thursday the 10th
    sweeps.remind_of_deadlines(at("2025-04-09", "09:00"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang"}


# --- how they read ---


@pytest.mark.parametrize(
    ("sweep", "index"),
    [
        (sweeps.remind_of_deadlines, "clock_reminders"),
        (sweeps.acknowledge_overdue_assignments, "assignment_unacknowledged"),
        (sweeps.resume_suspended, "issue_to_review"),
        (sweeps.supervise_neglected, "Index Scan using issue_"),
    ],
)
def test_a_sweep_reads_by_an_index(
    cast: Cast, sweep: Callable[[datetime], int], index: str
) -> None:
    """A thousand cases that have ended, and one that is open: what a district looks like."""
    suspended(cast)
    with_the_unit(cast)
    assigned(cast)
    ended = closed(cast)
    copies_of(ended, 1000)
    with connection.cursor() as cursor:
        with CaptureQueriesContext(connection) as captured:
            sweep(at("2025-02-28", "10:00"))  # nothing is due yet: it only looks
        looks = [row["sql"] for row in captured if row["sql"].lstrip().startswith("SELECT")]
        plans = []
        for sql in looks:
            cursor.execute("EXPLAIN " + sql)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))
    assert any(index in plan for plan in plans), plans
    whole = ("issues_issue", "issues_clock", "issues_assignment", "issues_issueevent")
    assert not [plan for plan in plans if any(f"Seq Scan on {name} " in plan for name in whole)]


def test_each_sweep_has_its_place_in_the_beat() -> None:
    scheduled = {row["task"] for row in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {
        f"issues.tasks.{name}"
        for name in (
            "remind_of_deadlines",
            "acknowledge_overdue_assignments",
            "resume_suspended",
            "supervise_neglected",
        )
    } <= scheduled
