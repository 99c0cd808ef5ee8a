"""Working-day arithmetic with make-up workdays (调休), over an editable calendar.

All datetimes are aware, in and out; days and hours are those of Asia/Shanghai. ``provisional`` on a
deadline means that it reaches into a year whose official calendar is not known yet, where Monday to
Friday counts as working.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import chinese_calendar
from django.db import transaction

from core import audit
from core.errors import Refused
from core.kept import Kept
from core.models import CalendarYear, WorkDay

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

SHANGHAI = ZoneInfo("Asia/Shanghai")

DAY_STARTS = time(9, 0)
DAY_ENDS = time(17, 30)
OFFICE_OPENS = time(8, 30)  # reminders go out between these two
OFFICE_CLOSES = time(18, 0)


@dataclass(frozen=True, slots=True)
class Deadline:
    at: datetime
    provisional: bool


def moment(day: date, at: time) -> datetime:
    """The aware datetime of a wall-clock time in Shanghai."""
    return datetime.combine(day, at, SHANGHAI)


def _local(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError("a datetime without a time zone has no working day")
    return at.astimezone(SHANGHAI)


def _weekdays_through(ordinal: int) -> int:
    """How many Mondays to Fridays there are from ordinal 1 (a Monday) to ``ordinal``."""
    weeks, days = divmod(ordinal, 7)
    return weeks * 5 + min(days, 5)


def _nth_weekday(n: int) -> int:
    """The ordinal of the n-th Monday-to-Friday day; the inverse of ``_weekdays_through``."""
    weeks, days = divmod(n - 1, 5)
    return weeks * 7 + days + 1


class Calendar:
    """An immutable calendar in memory. A question costs a binary search or two.

    Working days are numbered from the year 1: W(d) (``working_days_through``) is the number of the
    last one up to and including d, so every rule below is a subtraction. Inside the known days they
    stand in a sorted list; before and after, Mondays to Fridays are counted by formula.
    """

    def __init__(self, days: Mapping[date, bool], published_years: Iterable[int]) -> None:
        """``days`` says whether a day is worked; a day missing in it follows Monday to Friday."""
        self._published = frozenset(published_years)
        known = {day.toordinal(): is_working for day, is_working in days.items()}
        self._first = min(known, default=1)
        self._last = max(known, default=0)
        self._working = [
            ordinal
            for ordinal in range(self._first, self._last + 1)
            if known.get(ordinal, (ordinal - 1) % 7 < 5)
        ]
        self._before = _weekdays_through(self._first - 1)

    # --- days ---

    def working_days_through(self, day: date) -> int:
        """W(d): how many working days there are up to and including ``day``."""
        ordinal = day.toordinal()
        if ordinal < self._first:
            return _weekdays_through(ordinal)
        count = self._before + bisect_right(self._working, ordinal)
        if ordinal > self._last:
            count += _weekdays_through(ordinal) - _weekdays_through(self._last)
        return count

    def _nth(self, n: int) -> date:
        """The day d with W(d) = n that is itself a working day."""
        if n <= self._before:
            return date.fromordinal(_nth_weekday(n))
        index = n - self._before - 1
        if index < len(self._working):
            return date.fromordinal(self._working[index])
        beyond = index - len(self._working) + 1
        return date.fromordinal(_nth_weekday(_weekdays_through(self._last) + beyond))

    def is_working(self, day: date) -> bool:
        return self._nth(self.working_days_through(day)) == day

    def add_working_days(self, day: date, n: int) -> date:
        """The n-th working day after ``day``, or before it if n is negative.

        With n = 0: ``day`` itself, or the next working day if it is a rest day.
        """
        through = self.working_days_through(day)
        if self._nth(through) == day:
            return self._nth(through + n)
        return self._nth(through + n if n > 0 else through + n + 1)

    def working_days_between(self, start: date, end: date) -> int:
        """How many working days lie after ``start``, up to and including ``end``."""
        return self.working_days_through(end) - self.working_days_through(start)

    def is_published(self, year: int) -> bool:
        return year in self._published

    def _provisional(self, start: date, end: date) -> bool:
        return any(year not in self._published for year in range(start.year, end.year + 1))

    # --- deadlines ---

    def deadline(self, start: datetime, days: int) -> Deadline:
        """17:30 on the n-th working day after the starting day.

        A start after 17:30 or on a rest day counts as 09:00 of the next working day, which is then
        the starting day. Raises ValueError if ``days`` is less than 1 or ``start`` is naive.
        """
        if days < 1:
            raise ValueError("a limit has at least one working day")
        local = _local(start)
        through = self.working_days_through(local.date())
        if local.time() > DAY_ENDS or self._nth(through) != local.date():
            through += 1
        due = self._nth(through + days)
        return Deadline(moment(due, DAY_ENDS), self._provisional(local.date(), due))

    def hours_deadline(self, start: datetime, hours: int) -> Deadline:
        """Elapsed hours around the clock, for urgent safety; never provisional."""
        if hours < 1:
            raise ValueError("a limit has at least one hour")
        return Deadline(_local(start) + timedelta(hours=hours), provisional=False)

    def yellow(self, start: datetime, due: datetime, days: int) -> datetime:
        """When the lamp turns yellow on a limit of ``days`` working days.

        09:00 of the working day max(1, days // 3) back, counting the due day itself; not before
        ``start``.
        """
        back = max(1, days // 3) - 1
        day = self._nth(self.working_days_through(_local(due).date()) - back)
        return max(moment(day, DAY_STARTS), _local(start))

    def yellow_hours(self, due: datetime, hours: int) -> datetime:
        """The beginning of the last third of a limit of ``hours``.

        It is told from the limit, not from the start: what a pause has moved is no part of it.
        """
        return _local(due) - timedelta(hours=hours) / 3

    def shift(self, due: datetime, paused_at: datetime, resumed_at: datetime) -> Deadline:
        """``due`` after a pause: W(resume) − W(pause) working days later, at the same time of day.

        A pause within one day moves nothing. Provisional when the new instant, the way to it or
        the days that were counted for it lie in a year whose calendar is not known. Raises
        ValueError if the pause ends before it begins.
        """
        if resumed_at < paused_at:
            raise ValueError("a pause ends after it begins")
        local, paused, resumed = _local(due), _local(paused_at).date(), _local(resumed_at).date()
        if paused == resumed:
            return Deadline(local, self._provisional(local.date(), local.date()))
        moved = self.working_days_between(paused, resumed)
        through = self.working_days_through(local.date())
        day = self._nth(through + moved) if moved else local.date()
        days = (local.date(), day, paused, resumed)
        return Deadline(moment(day, local.time()), self._provisional(min(days), max(days)))

    # --- office hours ---

    def is_office_time(self, at: datetime) -> bool:
        """Whether a reminder may go out: from 08:30 to before 18:00 of a working day."""
        local = _local(at)
        return OFFICE_OPENS <= local.time() < OFFICE_CLOSES and self.is_working(local.date())

    def next_office_time(self, at: datetime) -> datetime:
        """``at`` itself in office time, else the next 08:30 of a working day."""
        local = _local(at)
        if self.is_office_time(local):
            return local
        if local.time() < OFFICE_OPENS and self.is_working(local.date()):
            return moment(local.date(), OFFICE_OPENS)
        return moment(self.add_working_days(local.date(), 1), OFFICE_OPENS)


# --- the calendar of the database ---


def _load() -> Calendar:
    days = dict(WorkDay.objects.values_list("date", "is_working"))
    published = CalendarYear.objects.filter(published=True).values_list("year", flat=True)
    return Calendar(days, published)


_kept = Kept(_load, CalendarYear, WorkDay)


def calendar() -> Calendar:
    """The calendar as it stands in the database, kept in memory."""
    return _kept.get()


def official_days(year: int) -> list[tuple[date, bool, str]] | None:
    """(day, is it worked, holiday in Chinese or "") for the whole year, from the holiday package.

    None if the package has no State Council notice for that year yet.
    """
    day, days = date(year, 1, 1), []
    while day.year == year:
        try:
            _, holiday = chinese_calendar.get_holiday_detail(day)
        except NotImplementedError:
            return None
        name = chinese_calendar.Holiday(holiday).chinese if holiday else ""
        days.append((day, chinese_calendar.is_workday(day), name))
        day += timedelta(days=1)
    return days


@transaction.atomic
def fill_calendar(years: Iterable[int], *, by: AbstractBaseUser | None) -> None:
    """Write every day of the years: by the official notice where the package knows it, else Monday
    to Friday as a draft to be edited and then published. A published year is left as it is, and so
    are the days of a draft until the package knows better.
    """
    for year in years:
        row, _ = CalendarYear.objects.select_for_update().get_or_create(year=year)
        if row.published:
            continue
        official = official_days(year)
        if official:
            WorkDay.objects.filter(date__year=year).delete()
        days = official or [(day, day.weekday() < 5, "") for day in row.days()]
        WorkDay.objects.bulk_create(
            [WorkDay(date=day, is_working=works, name=name) for day, works, name in days],
            ignore_conflicts=True,  # a draft that was edited by hand keeps its days
        )
        row.published = official is not None
        row.save()
        audit.record(
            by=by, action="calendar.filled", target=row, detail={"published": row.published}
        )


@transaction.atomic
def save_day(*, by: AbstractBaseUser, day: date, is_working: bool, name: str = "") -> WorkDay:
    """Say whether a day is worked. Its year is made if it is new."""
    row, _ = WorkDay.objects.update_or_create(
        date=day, defaults={"is_working": is_working, "name": name}
    )
    CalendarYear.objects.get_or_create(year=day.year)
    audit.record(
        by=by, action="calendar.day_changed", target=row, detail={"is_working": is_working}
    )
    return row


@transaction.atomic
def save_year(
    *, by: AbstractBaseUser, year: int, published: bool, notice: str = ""
) -> CalendarYear:
    """Say whether a year's notice is in the calendar. Refused while days of it are missing."""
    row, _ = CalendarYear.objects.update_or_create(
        year=year, defaults={"published": published, "notice": notice}
    )
    if published and (missing := row.missing_days()):
        raise Refused(f"{year} 年日历还缺 {missing} 天，补齐后才能标为已录入。")
    audit.record(by=by, action="calendar.year_changed", target=row, detail={"published": published})
    return row
