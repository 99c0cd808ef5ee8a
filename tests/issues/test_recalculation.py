"""A year's calendar that is published late: exactly the provisional dates are counted anew."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from core import workdays
from core.errors import Refused
from core.models import Message
from core.workdays import Calendar
from issues import chain, recalculation, steps, sweeps
from issues.case import Case
from issues.choices import Action, ApprovalKind, ClockKind, Step, Urgency
from issues.models import Clock, ClockPause, Issue, IssueEvent
from issues.office import Office
from issues.recalculation import recalculate_provisional
from tests.cast import Cast, assemble
from tests.issues.copies import copies_of
from tests.issues.moments import at
from tests.issues.test_concurrency import at_once
from tests.issues.walking import Choice, draws_from, next_step, town_in_memory
from tests.slow_calendar import (
    HOLIDAYS,
    HOLIDAYS_2027,
    WORKED_WEEKENDS,
    WORKED_WEEKENDS_2027,
    SlowCalendar,
)

# With the invented notice: 1 January is a holiday, Sunday the 3rd is worked instead.
SLOW = SlowCalendar(
    HOLIDAYS | HOLIDAYS_2027, WORKED_WEEKENDS | WORKED_WEEKENDS_2027, (2024, 2025, 2026, 2027)
)
LATER = at("2027-01-04", "08:00")


def publish_2027(cast: Cast) -> None:
    workdays.fill_calendar([2027], by=cast.sun_li)
    for day in HOLIDAYS_2027:
        workdays.save_day(by=cast.sun_li, day=day, is_working=False, name="假日")
    for day in WORKED_WEEKENDS_2027:
        workdays.save_day(by=cast.sun_li, day=day, is_working=True)
    workdays.save_year(by=cast.sun_li, year=2027, published=True, notice="放假通知")


def assigned_on(cast: Cast, day: str, *, limit_days: int | None = None, **report: Any) -> Issue:
    """With 长桥城建办 from ten o'clock of that day."""
    issue = cast.step(
        cast.report(at=at(day, "09:00"), **report),
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at(day, "09:30"),
        reason="beyond_power",
        text="须更换井盖。",
    )
    return cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at(day, "10:00"),
        lead_unit=cast.changqiao_works,
        limit_days=limit_days,
        text="更换井盖。",
    )


def handled_from(cast: Cast, day: str, **more: Any) -> Issue:
    """And acknowledged within the hour."""
    issue = assigned_on(cast, day, **more)
    return cast.step(issue, Action.ACKNOWLEDGE, cast.wu_yang, at(day, "11:00"))


def again(issue: Issue) -> Issue:
    return Issue.objects.select_related("category").get(pk=issue.pk)


def rows(issue: Issue) -> list[tuple[Any, ...]]:
    """Everything of the case's clocks."""
    return list(Clock.objects.filter(issue=issue).order_by("id").values_list())


def running(issue: Issue, kind: ClockKind = ClockKind.STEP) -> Clock:
    return issue.clocks.filter(kind=kind, ended_at=None).get()


# --- exactly the provisional ones ---


def test_a_provisional_date_moves_to_where_the_published_calendar_puts_it(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-29")
    assert issue.due_at == at("2027-01-07", "17:30")  # 30, 31, 1, 4, 5, 6, 7
    assert running(issue).is_provisional
    publish_2027(cast)

    assert recalculate_provisional(LATER) == 1

    issue = again(issue)
    own, overall = running(issue), running(issue, ClockKind.OVERALL)
    for clock in (own, overall):
        assert clock.due_at == SLOW.due(timezone.localtime(clock.started_at), clock.limit_value)
        assert not clock.is_provisional
    assert own.due_at == issue.due_at == at("2027-01-07", "17:30")
    assert own.yellow_at == issue.yellow_at == at("2027-01-06", "09:00")
    assert overall.due_at == issue.overall_due_at == at("2027-01-12", "17:30")


@pytest.fixture
def moved(cast: Cast) -> Issue:
    """Due on Friday 1 January by the draft, on Sunday the 3rd by the notice."""
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    assert issue.due_at == at("2027-01-01", "17:30")
    publish_2027(cast)
    recalculate_provisional(LATER)
    return again(issue)


def test_what_moves_does_so_by_an_event_that_says_from_where_to_where(moved: Issue) -> None:
    assert moved.due_at == at("2027-01-03", "17:30")
    event = moved.events.last()
    assert (event.action, event.actor, event.at) == (Action.RECALCULATE, None, LATER)
    own = running(moved)
    assert event.data["clocks"] == [
        {
            "clock": own.pk,
            "field": "due_at",
            "old": "2027-01-01T09:30:00+00:00",
            "new": "2027-01-03T17:30:00+08:00",
        }
    ]
    assert "镇街办理时限到期：2027-01-01 17:30 → 2027-01-03 17:30" in event.text.body
    assert moved.version == moved.event_count == event.seq
    assert [*chain.verify_cases(chain.Tally())] == []


def test_who_works_on_the_case_is_told_once(cast: Cast, moved: Issue) -> None:
    recalculate_provisional(LATER)
    event = moved.events.last()
    notices = Message.objects.filter(key__startswith=f"issue:{moved.pk}:{event.seq}:")
    assert [row.recipient for row in notices] == [cast.wu_yang]
    assert notices[0].title.startswith("时限重算")


def test_counting_twice_changes_nothing_more(moved: Issue) -> None:
    before = rows(moved), moved.version
    assert recalculate_provisional(LATER) == 0
    assert (rows(moved), again(moved).version) == before


def test_dates_that_are_not_provisional_are_left_alone(cast: Cast) -> None:
    """Also when a day of a published year is edited: who was told a date keeps it."""
    sure = handled_from(cast, "2026-12-01")
    provisional = handled_from(cast, "2026-12-30", limit_days=2)
    before = rows(sure), sure.version
    workdays.save_day(by=cast.sun_li, day=date(2026, 12, 8), is_working=False)
    publish_2027(cast)

    assert recalculate_provisional(LATER) == 1

    assert (rows(sure), again(sure).version) == before
    assert again(provisional).due_at == at("2027-01-03", "17:30")


def test_a_date_that_comes_out_the_same_loses_its_mark_without_an_event(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=5)
    assert issue.due_at == at("2027-01-06", "17:30")
    Clock.objects.filter(issue=issue, kind=ClockKind.OVERALL).update(is_provisional=False)
    publish_2027(cast)

    assert recalculate_provisional(LATER) == 1

    assert again(issue).version == issue.version
    assert (running(issue).due_at, running(issue).is_provisional) == (issue.due_at, False)
    assert recalculate_provisional(LATER) == 0


def test_a_draft_moves_nothing_until_it_is_published(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    before = rows(issue)
    workdays.fill_calendar([2027], by=cast.sun_li)
    workdays.save_day(by=cast.sun_li, day=date(2027, 1, 1), is_working=False)
    assert recalculate_provisional(LATER) == 0
    assert rows(issue) == before


def test_a_date_that_reaches_into_the_year_after_stays_provisional(cast: Cast) -> None:
    publish_2027(cast)
    issue = handled_from(cast, "2027-12-29", limit_days=20)
    before = rows(issue)
    assert running(issue).is_provisional
    assert recalculate_provisional(at("2027-12-30")) == 0
    assert rows(issue) == before


def test_what_has_stopped_keeps_its_date_and_verdict(cast: Cast) -> None:
    issue = cast.step(
        handled_from(cast, "2026-12-30", limit_days=2),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2026-12-31"),
        outcome="resolved",
        text="已更换。",
    )
    stopped = Clock.objects.filter(issue=issue, ended_at__isnull=False).order_by("id")
    before = list(stopped.values_list())
    publish_2027(cast)
    recalculate_provisional(LATER)
    assert list(stopped.values_list()) == before


def test_a_yellow_lamp_that_comes_at_another_time_is_said_too(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-24", limit_days=9)
    assert issue.due_at == at("2027-01-06", "17:30")
    assert issue.yellow_at == at("2027-01-04", "09:00")  # 6, 5, 4
    workdays.fill_calendar([2027], by=cast.sun_li)
    workdays.save_day(by=cast.sun_li, day=date(2027, 1, 2), is_working=True)
    workdays.save_day(by=cast.sun_li, day=date(2027, 1, 4), is_working=False)
    workdays.save_year(by=cast.sun_li, year=2027, published=True)

    recalculate_provisional(at("2027-01-02"))

    issue = again(issue)
    assert issue.due_at == at("2027-01-06", "17:30")
    assert issue.yellow_at == running(issue).yellow_at == at("2027-01-02", "09:00")
    assert "镇街办理时限临期：2027-01-04 09:00 → 2027-01-02 09:00" in issue.events.last().text.body


# --- pauses ---


def suspended_on(cast: Cast, issue: Issue, day: str, until: date) -> Issue:
    issue = cast.step(
        issue,
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at(day, "14:00"),
        kind="engineering",
        until=until,
        text="等待材料，已围挡。",
    )
    return cast.step(issue, Action.SUSPEND, cast.zhou_wei, at(day, "15:00"), text="同意。")


def test_a_clock_that_stands_still_is_counted_without_its_open_pause(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    issue = suspended_on(cast, issue, "2026-12-31", date(2027, 2, 1))
    publish_2027(cast)

    assert recalculate_provisional(LATER) == 1

    own = issue.clocks.get(kind=ClockKind.STEP, ended_at=None)
    assert own.due_at == at("2027-01-03", "17:30")
    assert own.paused_at == at("2026-12-31", "15:00")
    assert own.next_reminder_at is None
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2027-01-06"), text="材料已到。")
    # Paused from the 31st to the 6th: four working days, the Sunday among them.
    assert issue.due_at == at("2027-01-07", "17:30")
    assert not running(issue).is_provisional


def test_a_pause_that_ended_by_the_draft_is_counted_anew_too(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    issue = suspended_on(cast, issue, "2026-12-31", date(2027, 2, 1))
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2027-01-06"), text="材料已到。")
    ledger = list(ClockPause.objects.order_by("id").values_list())
    publish_2027(cast)

    recalculate_provisional(at("2027-01-06", "11:00"))

    assert again(issue).due_at == at("2027-01-07", "17:30")
    assert list(ClockPause.objects.order_by("id").values_list()) == ledger


def test_a_step_between_publication_and_recalculation_hides_nothing(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    issue = suspended_on(cast, issue, "2026-12-31", date(2027, 2, 1))
    publish_2027(cast)
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, at("2027-01-06"), text="材料已到。")
    assert running(issue).is_provisional

    recalculate_provisional(at("2027-01-06", "11:00"))

    assert again(issue).due_at == at("2027-01-07", "17:30")
    assert not running(issue).is_provisional


def test_a_stop_that_is_annulled_later_is_counted_anew_then(cast: Cast) -> None:
    issue = cast.step(
        handled_from(cast, "2026-12-30"),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2026-12-31"),
        outcome="resolved",
        text="已更换。",
    )
    publish_2027(cast)
    recalculate_provisional(LATER)
    issue = cast.step(
        issue,
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2027-01-05"),
        reason="not_done",
        text="现场未完成。",
    )
    assert running(issue, ClockKind.OVERALL).is_provisional

    recalculate_provisional(at("2027-01-05", "11:00"))

    overall = running(issue, ClockKind.OVERALL)
    due = SLOW.due(at("2026-12-30", "09:30"), overall.limit_value)
    assert overall.due_at == SLOW.shift(due, at("2026-12-31"), at("2027-01-05"))
    assert not overall.is_provisional


# --- days that somebody named ---


def extended(cast: Cast, issue: Issue, day: str, until: date) -> Issue:
    issue = cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at(day, "14:00"),
        until=until,
        text="需加长管道。",
    )
    return cast.step(
        issue, Action.APPROVE_EXTENSION, cast.chen_jing, at(day, "15:00"), text="同意。"
    )


def test_a_granted_extension_reaches_to_its_day_and_stays_on_record(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)  # 1 January
    issue = extended(cast, issue, "2026-12-30", date(2027, 1, 8))  # five working days by the draft
    overall = running(issue, ClockKind.OVERALL).due_at
    assert overall == at("2027-01-20", "17:30")  # the 13th and five
    approval = issue.approvals.get(kind=ApprovalKind.EXTENSION)
    publish_2027(cast)

    recalculate_provisional(LATER)

    issue = again(issue)
    assert issue.due_at == at("2027-01-08", "17:30")
    # By the notice the unit was due on the 3rd: to the 8th it is five working days again.
    assert issue.overall_due_at == at("2027-01-20", "17:30")
    unchanged = issue.approvals.get(kind=ApprovalKind.EXTENSION)
    assert (unchanged.old_due_at, unchanged.new_due_at) == (
        approval.old_due_at,
        approval.new_due_at,
    )


def test_an_extension_that_was_asked_for_by_the_draft_cannot_shorten_a_limit(cast: Cast) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=25)
    assert issue.due_at == at("2027-02-03", "17:30")
    issue = cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2027-01-04"),
        until=date(2027, 2, 4),
        text="需加长管道。",
    )
    workdays.fill_calendar([2027], by=cast.sun_li)
    for day in (date(2027, 1, 21), date(2027, 1, 22)):
        workdays.save_day(by=cast.sun_li, day=day, is_working=False)
    workdays.save_year(by=cast.sun_li, year=2027, published=True)
    recalculate_provisional(at("2027-01-05"))
    issue = again(issue)
    assert issue.due_at == at("2027-02-05", "17:30")

    with pytest.raises(Refused, match="已不早于申请的日期"):
        cast.step(issue, Action.APPROVE_EXTENSION, cast.chen_jing, at("2027-01-06"), text="同意。")
    refused = cast.step(
        issue, Action.REFUSE_EXTENSION, cast.chen_jing, at("2027-01-06"), text="无需延期。"
    )
    assert refused.due_at == at("2027-02-05", "17:30")


def test_the_clocks_of_co_units_and_orders_are_counted_too_and_a_named_day_stays(
    cast: Cast,
) -> None:
    issue = handled_from(cast, "2026-12-30", limit_days=2)
    issue = cast.step(
        issue,
        Action.ADD_CO,
        cast.chen_jing,
        at("2026-12-30", "13:00"),
        co_units=[{"unit": cast.changqiao_patrol, "limit_days": 2}],
    )
    issue = cast.step(
        issue,
        Action.SUPERVISE,
        cast.xu_ning,
        at("2026-12-30", "14:00"),
        grade="general",
        limit_days=2,
        text="抓紧办理。",
    )
    issue = cast.step(
        issue,
        Action.INSTRUCT,
        cast.zhou_wei,
        at("2026-12-30", "15:00"),
        leader_name="周伟",
        until=date(2027, 1, 5),
        text="请尽快。",
    )
    publish_2027(cast)

    recalculate_provisional(LATER)

    moved_to = at("2027-01-03", "17:30")
    assert running(issue, ClockKind.CO_UNIT).due_at == moved_to
    orders = issue.clocks.filter(kind=ClockKind.ORDER)
    assert orders.get(step=Step.SUPERVISION).due_at == moved_to
    assert orders.get(step=Step.INSTRUCTION).due_at == at("2027-01-05", "17:30")
    assert not issue.clocks.filter(is_provisional=True, ended_at=None).exists()


# --- dates without a clock ---


def test_the_acknowledgement_and_the_first_contact_wait_for_the_holiday_to_pass(
    cast: Cast,
) -> None:
    issue = assigned_on(
        cast, "2026-12-31", source="resident", contact_phone="12012345678", limit_days=3
    )
    lead = issue.assignments.get()
    assert lead.acknowledge_due_at == issue.contact_due_at == at("2027-01-01", "17:30")
    publish_2027(cast)

    recalculate_provisional(at("2027-01-01", "08:00"))

    lead.refresh_from_db()
    issue = again(issue)
    assert lead.acknowledge_due_at == issue.contact_due_at == at("2027-01-03", "17:30")
    assert sweeps.acknowledge_overdue_assignments(at("2027-01-02")) == 0
    assert sweeps.acknowledge_overdue_assignments(at("2027-01-04")) == 1
    said = issue.events.get(action=Action.RECALCULATE)
    fields = {row["field"] for row in said.data["clocks"] if row["clock"] is None}
    assert fields == {"acknowledge_due_at", "contact_due_at"}
    assert "签收期限：2027-01-01 17:30 → 2027-01-03 17:30" in said.text.body


def test_what_was_done_already_has_no_date_to_move(cast: Cast) -> None:
    issue = handled_from(
        cast, "2026-12-31", source="resident", contact_phone="12012345678", limit_days=3
    )
    issue = cast.step(
        issue,
        Action.CONTACT,
        cast.wu_yang,
        at("2026-12-31", "15:00"),
        how="phone",
        contact="reached",
    )
    publish_2027(cast)
    recalculate_provisional(LATER)
    assert issue.assignments.get().acknowledge_due_at == at("2027-01-01", "17:30")
    assert again(issue).contact_due_at == at("2027-01-01", "17:30")


# --- at the same time ---


def test_two_sweeps_at_once_make_one_recalculation(committed_db: str) -> None:
    cast = assemble()
    issues = [handled_from(cast, "2026-12-30", limit_days=2) for _ in range(4)]
    publish_2027(cast)
    connection.close()

    at_once([lambda: recalculate_provisional(LATER)] * 4)

    assert IssueEvent.objects.filter(action=Action.RECALCULATE).count() == len(issues)
    assert [*chain.verify_cases(chain.Tally())] == []


# --- whole cases ---

DRAFT_TOWN = town_in_memory()
DRAFT = DRAFT_TOWN.office.calendar
PUBLISHED = Calendar(
    {
        **{
            day: works
            for year in (2024, 2025, 2026)
            for day, works, _ in workdays.official_days(year) or []
        },
        **dict.fromkeys(HOLIDAYS_2027, False),
        **dict.fromkeys(WORKED_WEEKENDS_2027, True),
    },
    (2024, 2025, 2026, 2027),
)
KNOWN = Office(PUBLISHED, DRAFT_TOWN.office.limits, DRAFT_TOWN.office.directory)


def opened(start: datetime, urgency: Urgency, office: Office) -> Case:
    grid = DRAFT_TOWN.grids[0]
    issue = Issue(
        pk=1,
        number="20261201-00001",
        source="resident",
        contact_phone="12012345678",
        title="井盖松动",
        category=DRAFT_TOWN.category,
        urgency=urgency,
        place=grid,
        grid=grid,
        community=grid.community,
        town=grid.town,
        district=grid.district,
        received_at=start,
    )
    return steps.open_case(
        issue, by=DRAFT_TOWN.reporter, data={"text": "井盖松动。"}, at=start, office=office
    )


@settings(
    max_examples=200,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(
    st.dates(date(2026, 12, 10), date(2027, 1, 31)),
    st.times(time(7), time(19)),
    st.sampled_from([Urgency.NORMAL, Urgency.NORMAL, Urgency.SAFETY]),
    st.integers(0, 2**32),
    st.integers(3, 25),
)
def test_counted_anew_a_case_has_the_dates_it_would_have_had_by_the_calendar(
    day: date, clock: time, urgency: Urgency, seed: int, length: int
) -> None:
    """The same steps at the same times: once with the draft and a recount, once with the notice."""
    start = workdays.moment(day, clock)
    drafted, known = opened(start, urgency, DRAFT_TOWN.office), opened(start, urgency, KNOWN)
    now, taken = start, Counter[Any]()
    for draw in draws_from(seed, length):
        now += draw.wait
        choice = next_step(drafted, DRAFT_TOWN, draw, now, taken)
        if choice is not None:
            take_in_both(drafted, known, choice, now)

    record = recalculation.Record(drafted.clocks, drafted.pauses, drafted.approvals, drafted.events)
    for mine, its in zip(drafted.clocks, known.clocks, strict=True):
        if mine.ended_at is None:
            expected = its.due_at
            assert recalculation.due_of(mine, record, PUBLISHED).at == expected
            if not mine.is_provisional:
                assert mine.due_at == expected


def take_in_both(drafted: Case, known: Case, choice: Choice, now: datetime) -> None:
    by = [choice.by] if choice.by else None
    try:
        steps.take(
            drafted, choice.action, by=by, data=choice.data, at=now, office=DRAFT_TOWN.office
        )
        steps.take(known, choice.action, by=by, data=choice.data, at=now, office=KNOWN)
    except Refused:
        assume(False)  # what depends on a date may be possible in one of them only


def test_the_number_of_statements_does_not_grow_with_the_cases_of_a_batch(cast: Cast) -> None:
    def statements(copies: int) -> int:
        with transaction.atomic():
            copies_of(issue, copies)
            publish_2027(cast)
            with CaptureQueriesContext(connection) as captured:
                assert recalculate_provisional(LATER) == copies + 1
            transaction.set_rollback(True)
        return len(captured)

    issue = handled_from(cast, "2026-12-30", limit_days=2)
    statements(3)  # reads what is kept in memory from then on
    assert statements(30) == statements(300)


def test_a_case_that_refuses_is_left_provisional_and_stops_no_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (handled_from(cast, "2026-12-30", limit_days=2) for _ in range(2))
    publish_2027(cast)
    take = steps.take

    def refuse_one(case: Case, *args: Any, **kwargs: Any) -> IssueEvent:
        if case.issue == one:
            raise Refused("别人正在办理。")
        return take(case, *args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(steps, "take", refuse_one)
        assert recalculate_provisional(LATER) == 1
    assert running(one).is_provisional
    assert not running(other).is_provisional
    assert recalculate_provisional(LATER) == 1
    assert not running(one).is_provisional
