"""Quarters of the calendar year, in which the district's joint meetings and reports are counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from core.metrics import Period

MONTHS = 3
NUMERALS = "一二三四"


@dataclass(frozen=True, order=True)
class Quarter:
    """``Quarter(2025, 4)``, written ``2025Q4``."""

    year: int
    number: int

    @classmethod
    def of(cls, day: date) -> Quarter:
        return cls(day.year, (day.month - 1) // MONTHS + 1)

    @classmethod
    def parse(cls, code: str) -> Quarter:
        """Raises ValueError for what is not a quarter of the years 2000 to 2099."""
        match = re.fullmatch(r"(20\d\d)Q([1-4])", code, re.ASCII)
        if match is None:
            raise ValueError(f"not a quarter: {code!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def label(self) -> str:
        return f"{self.year}年第{NUMERALS[self.number - 1]}季度"

    @property
    def first(self) -> date:
        return date(self.year, (self.number - 1) * MONTHS + 1, 1)

    @property
    def last(self) -> date:
        return self.next.first - timedelta(days=1)

    @property
    def period(self) -> Period:
        return Period(self.first, self.last)

    @property
    def next(self) -> Quarter:
        return Quarter(self.year + self.number // 4, self.number % 4 + 1)

    @property
    def previous(self) -> Quarter:
        return Quarter.of(self.first - timedelta(days=1))

    def week_of(self, day: date) -> int:
        """1 for the quarter's first seven days."""
        return (day - self.first).days // 7 + 1


def quarters_between(first: date, last: date) -> list[Quarter]:
    """The quarters that ``first`` and ``last`` lie in, and those between, in order."""
    found = [Quarter.of(first)]
    while found[-1] < Quarter.of(last):
        found.append(found[-1].next)
    return found
