"""Believable instants: people report around the clock and work in office hours of working days."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from random import Random

from core.workdays import SHANGHAI, Calendar, moment

MORNING = time(8, 50)
LAST = time(17, 15)
OFFICE_SECONDS = 8 * 3600 + 20 * 60


class Pace:
    """How long things take, drawn from one stream of chance."""

    def __init__(self, calendar: Calendar, rng: Random) -> None:
        self.calendar = calendar
        self.rng = rng

    def report(self, day: date) -> datetime:
        """Some time between 07:40 and 18:40 of ``day``, a rest day or not."""
        return moment(day, time(7, 40)) + timedelta(seconds=self.rng.randrange(11 * 3600))

    def office(self, day: date) -> datetime:
        """Some time in the office hours of the first working day from ``day`` on."""
        working = self.calendar.add_working_days(day, 0)
        return moment(working, MORNING) + timedelta(seconds=self.rng.randrange(OFFICE_SECONDS))

    def soon(self, at: datetime, minutes: int) -> datetime:
        """Up to ``minutes`` after ``at``, around the clock."""
        return at + timedelta(seconds=self.rng.randint(300, max(301, minutes * 60)))

    def at_work(self, at: datetime, minutes: int) -> datetime:
        """``soon`` if that is still in office hours, else the next morning in the office."""
        later = self.soon(at, minutes)
        local = later.astimezone(SHANGHAI)
        if local.time() < MORNING:
            local = moment(local.date(), MORNING) + (later - at) % timedelta(minutes=50)
        if local.time() <= LAST and self.calendar.is_working(local.date()):
            return local
        next_day = self.calendar.add_working_days(local.date(), 1)
        return moment(next_day, MORNING) + timedelta(seconds=self.rng.randrange(3600))

    def days(self, at: datetime, low: int, high: int) -> datetime:
        """In office hours, ``low`` to ``high`` working days after ``at``; none: the same day."""
        days = self.rng.randint(low, high)
        if days == 0:
            return self.at_work(at, 180)
        return self.office(self.calendar.add_working_days(at.astimezone(SHANGHAI).date(), days))
