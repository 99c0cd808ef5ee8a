"""The rules of working days, told a second time and slowly: one day after the other.

Nothing here is shared with ``core.workdays``. The days of 2024 to 2026 are those of the State
Council's notices, written out; 2027 has no notice yet.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = timedelta(days=1)
FIRST, LAST = date(2024, 1, 1), date(2027, 12, 31)
PUBLISHED = (2024, 2025, 2026)


def _days(year: int, words: str) -> set[date]:
    return {date.fromisoformat(f"{year}-{word}") for word in words.split()}


HOLIDAYS = (  # Mondays to Fridays on which nobody works
    _days(2024, "01-01 02-12 02-13 02-14 02-15 02-16 04-04 04-05 05-01 05-02 05-03 06-10 09-16")
    | _days(2024, "09-17 10-01 10-02 10-03 10-04 10-07")
    | _days(2025, "01-01 01-28 01-29 01-30 01-31 02-03 02-04 04-04 05-01 05-02 05-05 06-02 10-01")
    | _days(2025, "10-02 10-03 10-06 10-07 10-08")
    | _days(2026, "01-01 01-02 02-16 02-17 02-18 02-19 02-20 02-23 04-06 05-01 05-04 05-05 06-19")
    | _days(2026, "09-25 10-01 10-02 10-05 10-06 10-07")
)
WORKED_WEEKENDS = (
    _days(2024, "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12")
    | _days(2025, "01-26 02-08 04-27 09-28 10-11")
    | _days(2026, "01-04 02-14 02-28 05-09 09-20 10-10")
)

# What a notice for 2027 might say: invented, as there is none.
HOLIDAYS_2027 = _days(2027, "01-01 02-05 02-08 02-09 02-10 02-11 04-05 05-03 05-04 10-01 10-04")
WORKED_WEEKENDS_2027 = _days(2027, "01-03 01-30 02-20 10-09")


class SlowCalendar:
    def __init__(
        self,
        holidays: set[date] = HOLIDAYS,
        worked_weekends: set[date] = WORKED_WEEKENDS,
        published: tuple[int, ...] = PUBLISHED,
    ) -> None:
        self.holidays, self.worked_weekends = holidays, worked_weekends
        self.published = published

    def works(self, day: date) -> bool:
        if day in self.worked_weekends:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def step(self, day: date, n: int) -> date:
        """The n-th working day after ``day``, or before it if ``n`` is negative."""
        while n:
            day += DAY if n > 0 else -DAY
            if self.works(day):
                n -= 1 if n > 0 else -1
        return day

    def count(self, after: date, through: date) -> int:
        """How many working days lie after one day, up to and including another not before it."""
        passed = 0
        while after < through:
            after += DAY
            passed += self.works(after)
        return passed

    def is_provisional(self, *days: date) -> bool:
        """Whether any day from the earliest to the latest has no published calendar."""
        day, last = min(days), max(days)
        while day <= last:
            if day.year not in self.published:
                return True
            day += DAY
        return False

    def starting_day(self, start: datetime) -> date:
        day = start.date()
        if self.works(day) and start.time() <= time(17, 30):
            return day
        return self.step(day, 1)

    def due(self, start: datetime, days: int) -> datetime:
        return at(self.step(self.starting_day(start), days), time(17, 30))

    def yellow(self, start: datetime, due: datetime, days: int) -> datetime:
        day = due.date()
        while not self.works(day):
            day -= DAY
        back = max(1, days // 3) - 1
        return max(start, at(self.step(day, -back) if back else day, time(9)))

    def shift(self, due: datetime, paused: datetime, resumed: datetime) -> datetime:
        moved = self.count(paused.date(), resumed.date())
        return at(self.step(due.date(), moved), due.time()) if moved else due


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI)


# --- what the properties are tried on ---

# Where mistakes hide: around holidays and worked weekends, at the turn of years, at office hours.
_edges = sorted(
    {
        day + n * DAY
        for day in HOLIDAYS | WORKED_WEEKENDS | {date(y, 12, 31) for y in range(2024, 2027)}
        for n in (-1, 0, 1)
    }
)
days = st.sampled_from(_edges) | st.dates(FIRST, LAST)
times = st.sampled_from(
    [time(0), time(8, 59, 59), time(9), time(17, 30), time(17, 30, 0, 1), time(23, 59, 59)]
) | st.times(time(8), time(18))
instants = st.builds(at, days, times)
limits = st.sampled_from([1, 2, 3, 7, 10, 15, 20]) | st.integers(1, 60)
