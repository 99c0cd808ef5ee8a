"""Working-day arithmetic: by hand around real holidays, at random against an oracle."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.workdays import SHANGHAI, Calendar, official_days


def official_calendar(*years: int) -> Calendar:
    days = {day: works for year in years for day, works, _ in official_days(year) or []}
    return Calendar(days, years)


CALENDAR = official_calendar(2024, 2025, 2026)


def at(text: str) -> datetime:
    """``2025-09-26 10:00`` in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


# --- the calendar itself ---


@pytest.mark.parametrize(("year", "count"), [(2024, 8), (2025, 5), (2026, 6)])
def test_the_package_knows_the_make_up_workdays(year: int, count: int) -> None:
    make_up = [day for day, works, _ in official_days(year) or [] if works and day.weekday() >= 5]
    assert len(make_up) == count


def test_the_package_has_no_calendar_for_an_unpublished_year() -> None:
    assert official_days(2027) is None


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2025, 1, 26), True),  # Sunday, make-up for Spring Festival
        (date(2025, 1, 28), False),  # Tuesday, New Year's Eve
        (date(2025, 2, 8), True),  # Saturday, make-up
        (date(2025, 9, 28), True),  # Sunday, make-up for National Day
        (date(2025, 10, 8), False),  # Wednesday, last day of the holiday
        (date(2025, 10, 11), True),  # Saturday, make-up
        (date(2025, 10, 12), False),  # an ordinary Sunday
        (date(2027, 1, 1), True),  # a Friday nobody has decided on
        (date(2027, 1, 2), False),  # a Saturday
        (date(2023, 12, 29), True),  # a Friday before the first known day
        (date(2023, 12, 31), False),  # a Sunday before it
    ],
)
def test_a_day_is_worked_by_the_notice_and_else_from_monday_to_friday(
    day: date, works: bool
) -> None:
    assert CALENDAR.is_working(day) is works


# --- limits in working days ---


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        # Friday before the National Day of 2025; Sunday the 28th is worked.
        ("2025-09-26 10:00", 1, "2025-09-28"),
        ("2025-09-26 10:00", 3, "2025-09-30"),
        ("2025-09-26 10:00", 4, "2025-10-09"),
        ("2025-09-26 10:00", 6, "2025-10-11"),  # the Saturday that is worked
        ("2025-09-26 10:00", 7, "2025-10-13"),
        # On the make-up Sunday itself.
        ("2025-09-28 10:00", 1, "2025-09-29"),
        # A rest day: the next working day is the starting day.
        ("2025-09-27 10:00", 1, "2025-09-29"),
        ("2025-10-02 10:00", 1, "2025-10-10"),
        # The end of a day.
        ("2025-09-30 17:30", 1, "2025-10-09"),
        ("2025-09-30 17:31", 1, "2025-10-10"),
        # Before nine.
        ("2025-09-29 07:00", 1, "2025-09-30"),
        ("2025-09-29 00:00", 1, "2025-09-30"),
        # Spring Festival of 2025: worked on Sunday the 26th and on Saturday the 8th.
        ("2025-01-24 10:00", 1, "2025-01-26"),
        ("2025-01-24 10:00", 2, "2025-01-27"),
        ("2025-01-24 10:00", 3, "2025-02-05"),
        ("2025-01-24 10:00", 6, "2025-02-08"),
        ("2025-01-24 10:00", 7, "2025-02-10"),
        ("2025-01-26 18:00", 1, "2025-02-05"),
    ],
)
def test_a_limit_ends_at_half_past_five_of_the_nth_working_day_after_the_starting_day(
    start: str, days: int, due: str
) -> None:
    deadline = CALENDAR.deadline(at(start), days)
    assert deadline.at == at(f"{due} 17:30")
    assert not deadline.provisional


def test_the_day_is_that_of_shanghai_whatever_zone_the_start_comes_in() -> None:
    saturday_in_shanghai = datetime(2025, 9, 26, 16, 30, tzinfo=UTC)
    assert CALENDAR.deadline(saturday_in_shanghai, 1).at == at("2025-09-29 17:30")


def test_a_limit_without_days_and_a_start_without_zone_are_errors() -> None:
    with pytest.raises(ValueError, match="working day"):
        CALENDAR.deadline(at("2025-09-26 10:00"), 0)
    with pytest.raises(ValueError, match="time zone"):
        CALENDAR.deadline(at("2025-09-26 10:00").replace(tzinfo=None), 1)


@pytest.mark.parametrize(
    ("start", "days", "due", "provisional"),
    [
        ("2026-12-28 10:00", 3, "2026-12-31", False),
        ("2026-12-28 10:00", 4, "2027-01-01", True),
        ("2026-12-31 18:00", 1, "2027-01-04", True),
        ("2027-06-01 10:00", 5, "2027-06-08", True),
        ("2023-12-28 10:00", 1, "2023-12-29", True),
        ("2023-12-29 10:00", 1, "2024-01-02", True),
    ],
)
def test_a_deadline_that_touches_a_year_without_calendar_is_provisional(
    start: str, days: int, due: str, provisional: bool
) -> None:
    deadline = CALENDAR.deadline(at(start), days)
    assert (deadline.at, deadline.provisional) == (at(f"{due} 17:30"), provisional)


# --- limits in hours ---


def test_hours_run_through_nights_and_holidays() -> None:
    deadline = CALENDAR.hours_deadline(at("2025-10-01 23:00"), 24)
    assert deadline.at == at("2025-10-02 23:00")
    assert not deadline.provisional
    with pytest.raises(ValueError, match="hour"):
        CALENDAR.hours_deadline(at("2025-10-01 23:00"), 0)


def test_a_limit_in_hours_turns_yellow_for_its_last_third() -> None:
    assert CALENDAR.yellow_hours(at("2025-10-02 10:00"), 24) == at("2025-10-02 02:00")


# --- lamps ---


@pytest.mark.parametrize(
    ("due", "days", "yellow"),
    [
        ("2025-09-30", 1, "2025-09-30"),
        ("2025-09-30", 3, "2025-09-30"),
        ("2025-09-30", 7, "2025-09-29"),
        ("2025-09-30", 15, "2025-09-25"),  # 30, 29, Sunday 28, 26, 25
        ("2025-10-10", 10, "2025-09-30"),  # back over the holiday: 10, 9, 30
    ],
)
def test_the_lamp_turns_yellow_a_third_of_the_limit_before_the_end_counting_the_due_day(
    due: str, days: int, yellow: str
) -> None:
    long_ago = at("2025-08-01 10:00")
    assert CALENDAR.yellow(long_ago, at(f"{due} 17:30"), days) == at(f"{yellow} 09:00")


def test_the_lamp_is_never_yellow_before_the_clock_starts() -> None:
    start = at("2025-09-29 16:00")
    assert CALENDAR.yellow(start, at("2025-09-30 17:30"), 7) == start


# --- pauses ---


@pytest.mark.parametrize(
    ("paused", "resumed", "due"),
    [
        ("2025-09-26 10:00", "2025-09-26 16:00", "2025-09-30"),  # within one day
        ("2025-09-26 10:00", "2025-09-27 16:00", "2025-09-30"),  # into a rest day
        ("2025-09-26 10:00", "2025-09-28 15:00", "2025-10-09"),  # into the worked Sunday
        ("2025-09-26 10:00", "2025-09-29 09:00", "2025-10-10"),
        ("2025-09-26 10:00", "2025-10-08 12:00", "2025-10-11"),
        ("2025-10-02 10:00", "2025-10-07 10:00", "2025-09-30"),  # a holiday pauses nothing
    ],
)
def test_a_pause_moves_the_due_date_by_the_working_days_it_took(
    paused: str, resumed: str, due: str
) -> None:
    deadline = CALENDAR.shift(at("2025-09-30 17:30"), at(paused), at(resumed))
    assert deadline.at == at(f"{due} 17:30")
    assert not deadline.provisional


def test_a_due_date_moved_into_a_year_without_calendar_is_provisional() -> None:
    moved = CALENDAR.shift(at("2026-12-31 17:30"), at("2026-12-28 10:00"), at("2026-12-29 10:00"))
    assert (moved.at, moved.provisional) == (at("2027-01-01 17:30"), True)


def test_a_pause_cannot_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="pause"):
        CALENDAR.shift(at("2025-09-30 17:30"), at("2025-09-29 10:00"), at("2025-09-29 09:59"))


# --- office hours ---


@pytest.mark.parametrize(
    ("now", "goes_out_at"),
    [
        ("2025-09-28 08:30", "2025-09-28 08:30"),  # the Sunday that is worked
        ("2025-09-28 17:59", "2025-09-28 17:59"),
        ("2025-09-29 08:29", "2025-09-29 08:30"),
        ("2025-09-27 12:00", "2025-09-28 08:30"),
        ("2025-09-27 07:00", "2025-09-28 08:30"),
        ("2025-09-30 18:00", "2025-10-09 08:30"),
    ],
)
def test_reminders_wait_for_the_office_to_open(now: str, goes_out_at: str) -> None:
    assert CALENDAR.next_office_time(at(now)) == at(goes_out_at)
    assert CALENDAR.is_office_time(at(now)) is (now == goes_out_at)


# --- counting ---


def test_working_days_are_added_and_counted_both_ways() -> None:
    friday, saturday, sunday = date(2025, 9, 26), date(2025, 9, 27), date(2025, 9, 28)
    assert CALENDAR.add_working_days(friday, 1) == sunday
    assert CALENDAR.add_working_days(saturday, 1) == sunday
    assert CALENDAR.add_working_days(saturday, 0) == sunday
    assert CALENDAR.add_working_days(saturday, -1) == friday
    assert CALENDAR.add_working_days(sunday, -1) == friday
    assert CALENDAR.add_working_days(friday, 0) == friday
    assert CALENDAR.working_days_between(friday, date(2025, 10, 9)) == 4
    assert CALENDAR.working_days_between(date(2025, 10, 9), friday) == -4


# --- against an oracle that walks day by day ---

FIRST, LAST = date(2025, 1, 1), date(2025, 12, 31)
around = st.dates(FIRST - timedelta(60), LAST + timedelta(60))
moments = st.builds(
    lambda day, clock: datetime.combine(day, clock, SHANGHAI),
    st.dates(date(2024, 11, 15), date(2026, 2, 15)),
    st.times(),
)
exceptions = st.sets(st.dates(FIRST, LAST), max_size=60)


def with_exceptions(flipped: set[date]) -> tuple[Calendar, dict[date, bool]]:
    """A year in which the days in ``flipped`` are the opposite of Monday to Friday."""
    days = {}
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(n)
        days[day] = (day.weekday() < 5) != (day in flipped)
    return Calendar(days, [2025]), days


class Oracle:
    """The rules as the domain page says them, one day at a time."""

    def __init__(self, days: dict[date, bool]) -> None:
        self.days = days

    def works(self, day: date) -> bool:
        return self.days.get(day, day.weekday() < 5)

    def step(self, day: date, n: int) -> date:
        """The n-th working day after (n > 0) or before (n < 0) ``day``."""
        direction = 1 if n > 0 else -1
        while n:
            day += timedelta(direction)
            if self.works(day):
                n -= direction
        return day

    def due(self, start: datetime, days: int) -> datetime:
        day = start.date()
        if not self.works(day) or start.time() > time(17, 30):
            day = self.step(day, 1)
        return datetime.combine(self.step(day, days), time(17, 30), SHANGHAI)


@given(exceptions, around)
def test_a_day_is_worked_as_the_oracle_says(flipped: set[date], day: date) -> None:
    calendar, days = with_exceptions(flipped)
    assert calendar.is_working(day) is Oracle(days).works(day)


@given(exceptions, moments, st.integers(1, 40))
def test_a_deadline_is_where_the_oracle_arrives(
    flipped: set[date], start: datetime, days: int
) -> None:
    calendar, known = with_exceptions(flipped)
    deadline = calendar.deadline(start, days)
    assert deadline.at == Oracle(known).due(start, days)
    assert deadline.provisional is (start.year != 2025 or deadline.at.year != 2025)


@given(exceptions, around, st.integers(-40, 40).filter(bool))
def test_adding_working_days_steps_as_the_oracle_does(
    flipped: set[date], day: date, n: int
) -> None:
    calendar, days = with_exceptions(flipped)
    assert calendar.add_working_days(day, n) == Oracle(days).step(day, n)


@given(exceptions, around, around)
def test_working_days_between_are_those_that_the_oracle_counts(
    flipped: set[date], start: date, end: date
) -> None:
    start, end = min(start, end), max(start, end)
    calendar, days = with_exceptions(flipped)
    oracle = Oracle(days)
    passed = [start + timedelta(n) for n in range(1, (end - start).days + 1)]
    assert calendar.working_days_between(start, end) == sum(map(oracle.works, passed))


@given(exceptions, moments, st.integers(1, 30), moments, moments)
def test_a_pause_moves_a_due_date_as_far_as_the_oracle_steps(
    flipped: set[date], start: datetime, days: int, one: datetime, other: datetime
) -> None:
    paused, resumed = min(one, other), max(one, other)
    calendar, known = with_exceptions(flipped)
    oracle = Oracle(known)
    due = calendar.deadline(start, days).at
    lost = calendar.working_days_between(paused.date(), resumed.date())
    expected = oracle.step(due.date(), lost) if lost else due.date()
    moved = calendar.shift(due, paused, resumed).at
    assert moved == datetime.combine(expected, time(17, 30), SHANGHAI)


@given(exceptions, moments, st.integers(1, 40))
def test_yellow_lies_on_a_working_day_before_the_end_and_after_the_start(
    flipped: set[date], start: datetime, days: int
) -> None:
    calendar, known = with_exceptions(flipped)
    oracle = Oracle(known)
    due = calendar.deadline(start, days).at
    yellow = calendar.yellow(start, due, days)
    assert start <= yellow < due
    back = max(1, days // 3) - 1
    expected = oracle.step(due.date(), -back) if back else due.date()
    assert yellow == max(datetime.combine(expected, time(9), SHANGHAI), start)
