"""Working-day arithmetic on the real calendar agrees with one that walks day by day, 2024–2027."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.workdays import Calendar, official_days
from tests.slow_calendar import (
    DAY,
    FIRST,
    LAST,
    PUBLISHED,
    SlowCalendar,
    at,
    days,
    instants,
    limits,
)

SLOW = SlowCalendar()
CALENDAR = Calendar(
    {day: works for year in PUBLISHED for day, works, _ in official_days(year) or []}, PUBLISHED
)
zones = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York"]).map(ZoneInfo)
three_in_order = st.lists(instants, min_size=3, max_size=3).map(sorted)


def test_every_single_day_is_worked_or_not_as_the_notices_say() -> None:
    day = FIRST
    while day <= LAST:
        assert CALENDAR.is_working(day) is SLOW.works(day), day
        day += DAY


# --- counting ---


@given(days, st.integers(-60, 60).filter(bool))
def test_adding_working_days_walks_as_far_as_the_slow_calendar(day: date, n: int) -> None:
    assert CALENDAR.add_working_days(day, n) == SLOW.step(day, n)


@given(days)
def test_adding_no_working_day_leads_to_the_day_itself_or_the_next_one_worked(day: date) -> None:
    expected = day if SLOW.works(day) else SLOW.step(day, 1)
    assert CALENDAR.add_working_days(day, 0) == expected


@given(days, days)
def test_working_days_between_are_those_that_one_walks_over(one: date, other: date) -> None:
    start, end = sorted([one, other])
    counted = SLOW.count(start, end)
    assert CALENDAR.working_days_between(start, end) == counted
    assert CALENDAR.working_days_between(end, start) == -counted


@given(days, st.integers(1, 60))
def test_adding_and_counting_undo_each_other(day: date, n: int) -> None:
    assert CALENDAR.working_days_between(day, CALENDAR.add_working_days(day, n)) == n
    assert CALENDAR.working_days_between(CALENDAR.add_working_days(day, -n), day) in (
        n,
        n - (not SLOW.works(day)),  # a rest day is not counted itself
    )


# --- limits ---


@given(instants, limits, zones)
def test_a_limit_ends_where_one_arrives_day_by_day(start: datetime, n: int, zone: ZoneInfo) -> None:
    deadline = CALENDAR.deadline(start.astimezone(zone), n)
    assert deadline.at == SLOW.due(start, n)
    assert deadline.provisional is SLOW.is_provisional(start.date(), deadline.at.date())


@given(instants, instants, limits, limits)
def test_who_starts_later_or_has_longer_is_never_due_earlier(
    one: datetime, other: datetime, short: int, long: int
) -> None:
    early, late = sorted([one, other])
    short, long = sorted([short, long])
    assert CALENDAR.deadline(early, short).at <= CALENDAR.deadline(late, short).at
    assert CALENDAR.deadline(early, short).at <= CALENDAR.deadline(early, long).at


@given(instants, limits)
def test_a_limit_of_working_days_leaves_that_many_whole_days(start: datetime, n: int) -> None:
    due = CALENDAR.deadline(start, n).at
    assert SLOW.works(due.date())
    assert due.time() == time(17, 30)
    assert SLOW.count(SLOW.starting_day(start), due.date()) == n


@given(instants, st.integers(1, 200), zones)
def test_hours_elapse_around_the_clock(start: datetime, hours: int, zone: ZoneInfo) -> None:
    deadline = CALENDAR.hours_deadline(start.astimezone(zone), hours)
    assert deadline.at - start == timedelta(hours=hours)
    assert not deadline.provisional
    assert deadline.at - CALENDAR.yellow_hours(deadline.at, hours) == timedelta(hours=hours) / 3


@given(instants, limits)
def test_yellow_is_a_third_of_the_limit_before_the_end(start: datetime, n: int) -> None:
    due = CALENDAR.deadline(start, n).at
    yellow = CALENDAR.yellow(start, due, n)
    assert yellow == SLOW.yellow(start, due, n)
    assert start <= yellow < due


# --- pauses ---


@given(instants, limits, instants, instants)
def test_a_pause_moves_a_due_date_by_the_working_days_one_walks_over(
    start: datetime, n: int, one: datetime, other: datetime
) -> None:
    paused, resumed = sorted([one, other])
    due = CALENDAR.deadline(start, n).at
    moved = CALENDAR.shift(due, paused, resumed)
    assert moved.at == SLOW.shift(due, paused, resumed)
    days_that_count = [due.date(), moved.at.date()]
    if paused.date() != resumed.date():
        days_that_count += [paused.date(), resumed.date()]
    assert moved.provisional is SLOW.is_provisional(*days_that_count)


@given(instants, limits, days, st.times(), st.times())
def test_a_pause_within_one_day_moves_nothing(
    start: datetime, n: int, day: date, one: time, other: time
) -> None:
    due = CALENDAR.deadline(start, n).at
    assert CALENDAR.shift(due, at(day, min(one, other)), at(day, max(one, other))).at == due


@given(instants, limits, three_in_order)
def test_two_pauses_that_meet_are_as_long_as_one(
    start: datetime, n: int, moments: list[datetime]
) -> None:
    first, second, third = moments
    due = CALENDAR.deadline(start, n).at
    in_two = CALENDAR.shift(CALENDAR.shift(due, first, second).at, second, third).at
    assert in_two == CALENDAR.shift(due, first, third).at


@given(instants, limits, three_in_order, three_in_order)
def test_the_order_of_pauses_makes_no_difference(
    start: datetime, n: int, some: list[datetime], others: list[datetime]
) -> None:
    due = CALENDAR.deadline(start, n).at
    there = CALENDAR.shift(CALENDAR.shift(due, some[0], some[2]).at, others[0], others[2]).at
    back = CALENDAR.shift(CALENDAR.shift(due, others[0], others[2]).at, some[0], some[2]).at
    assert there == back


@given(instants, limits, instants, instants)
def test_the_working_days_left_are_as_many_after_a_pause_as_before(
    start: datetime, n: int, one: datetime, other: datetime
) -> None:
    paused, resumed = sorted([one, other])
    due = CALENDAR.deadline(start, n).at
    assume(paused < due)
    moved = CALENDAR.shift(due, paused, resumed).at
    left_before = SLOW.count(paused.date(), due.date())
    assert SLOW.count(resumed.date(), moved.date()) == left_before


def test_a_pause_that_ran_through_an_unpublished_year_leaves_a_provisional_date() -> None:
    overdue = at(date(2026, 10, 12), time(17, 30))
    moved = CALENDAR.shift(
        overdue, at(date(2026, 12, 24), time(10)), at(date(2027, 1, 8), time(10))
    )
    assert moved.at.year == 2026
    assert moved.provisional


# --- office hours ---


@given(instants)
def test_the_next_office_time_is_the_first_minute_at_which_the_office_is_open(
    now: datetime,
) -> None:
    found = CALENDAR.next_office_time(now)
    assert found >= now
    assert CALENDAR.is_office_time(found)
    assert SLOW.works(found.date())
    if found != now:
        assert found.time() == time(8, 30)
        assert not CALENDAR.is_office_time(now)
        day = now.date() if now.time() < time(8, 30) else now.date() + DAY
        while day < found.date():
            assert not SLOW.works(day)
            day += DAY


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_years_with_a_notice_are_published(year: int) -> None:
    assert CALENDAR.is_published(year)
    assert not CALENDAR.is_published(2027)
