"""Figures that can be defended: every number knows its definition, its rows and its rounding.

An app lists its ``Metric``s in its own ``metrics.py``::

    Metric(
        code="joint_meetings_held",
        name="区镇两级联席会议",
        article="30余场",
        definition="区级、镇街级已召开的联席会议，不含村社级",
        period_kind=PeriodKind.SINCE_LAST_YEAR,
        numerator=lambda period: Meeting.objects.held().filter(period.dates("held_on")),
        display=and_more(10, "场"),
    )

and ``metric.figure(as_of)`` computes it. Numerator and denominator are querysets (their rows are
counted and can be linked to) or whole numbers (sums of headcounts and the like).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Q, QuerySet

from core.choices import PeriodKind
from core.workdays import SHANGHAI

NONE = "—"  # what is shown where there is nothing to divide by


@dataclass(frozen=True)
class Period:
    """``first`` (None: since ever) to ``last``, both days included, in Asia/Shanghai."""

    first: date | None
    last: date

    def times(self, field: str) -> Q:
        """The filter for a DateTimeField."""
        until = datetime.combine(self.last + timedelta(days=1), time(), SHANGHAI)
        if self.first is None:
            return Q(**{f"{field}__lt": until})
        since = datetime.combine(self.first, time(), SHANGHAI)
        return Q(**{f"{field}__gte": since, f"{field}__lt": until})

    def dates(self, field: str) -> Q:
        """The filter for a DateField."""
        if self.first is None:
            return Q(**{f"{field}__lte": self.last})
        return Q(**{f"{field}__gte": self.first, f"{field}__lte": self.last})


def quarter_start(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def period_of(kind: PeriodKind, as_of: date) -> Period:
    """The stretch of time that a period word means on the day ``as_of``."""
    first = {
        PeriodKind.AS_OF: None,
        PeriodKind.ALL_TIME: None,
        PeriodKind.SINCE_LAST_YEAR: date(as_of.year - 1, 1, 1),
        PeriodKind.THIS_YEAR: date(as_of.year, 1, 1),
        PeriodKind.THIS_QUARTER: quarter_start(as_of),
    }[kind]
    return Period(first, as_of)


# --- how a figure is written: (numerator, denominator or None) → text ---

Display = Callable[[int, int | None], str]


def exact(unit: str = "") -> Display:
    """``2793个``."""
    return lambda numerator, denominator: f"{numerator}{unit}"


def and_more(step: int, unit: str = "") -> Display:
    """Floor to ``step``: 5936 by 100 → ``5900余``. No remainder, or less than a step: as is."""

    def text(numerator: int, denominator: int | None) -> str:
        floor = numerator // step * step
        return f"{floor}余{unit}" if 0 < floor < numerator else f"{numerator}{unit}"

    return text


def percent(numerator: int, denominator: int | None) -> str:
    """To one tenth, halves up: ``78.5%``."""
    if not denominator:
        return NONE
    return f"{_rounded(Decimal(numerator * 100) / denominator)}%"


def over(threshold: int) -> Display:
    """``超70%`` only if strictly more; otherwise the percentage itself."""

    def text(numerator: int, denominator: int | None) -> str:
        if denominator and numerator * 100 > denominator * threshold:
            return f"超{threshold}%"
        return percent(numerator, denominator)

    return text


def fraction(numerator: int, denominator: int | None) -> str:
    """``26/26``."""
    return f"{numerator}/{denominator}" if denominator else NONE


def ten_thousands(unit: str = "") -> Display:
    """To one tenth of 万, halves up: 98004 → ``9.8万``."""
    return lambda numerator, denominator: f"{_rounded(Decimal(numerator) / 10_000)}万{unit}"


def tenths(numerator: int, denominator: int) -> str:
    """A quotient to one tenth, halves up: ``3.5``."""
    return str(_rounded(Decimal(numerator) / denominator))


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.1"), ROUND_HALF_UP)


# --- metrics ---

Rows = QuerySet[Any] | int


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number with its meaning. ``article`` is what the article prints for it, if it does."""

    code: str
    name: str
    definition: str
    period_kind: PeriodKind
    numerator: Callable[[Period], Rows]
    denominator: Callable[[Period], Rows] | None = None
    display: Display = field(default_factory=exact)
    article: str = ""
    rows_url: Callable[[Period], str] | None = None

    def figure(self, as_of: date) -> Figure:
        return self.figure_in(period_of(self.period_kind, as_of))

    def figure_in(self, period: Period) -> Figure:
        """The same measure over another stretch of time, such as a quarter in a report."""
        return Figure(
            metric=self,
            period=period,
            numerator=_size(self.numerator(period)),
            denominator=_size(self.denominator(period)) if self.denominator else None,
            url=self.rows_url(period) if self.rows_url else "",
        )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A metric computed over a period. ``url`` leads to the very rows that were counted."""

    metric: Metric
    period: Period
    numerator: int
    denominator: int | None
    url: str = ""

    @property
    def value(self) -> Decimal | None:
        """The number itself, unrounded; None where the denominator is zero."""
        if self.denominator is None:
            return Decimal(self.numerator)
        return Decimal(self.numerator) / self.denominator if self.denominator else None

    def display(self) -> str:
        return self.metric.display(self.numerator, self.denominator)

    @property
    def passes(self) -> bool | None:
        """Whether this prints what the article prints; None if the article has no such figure."""
        return self.display() == self.metric.article if self.metric.article else None


def _size(rows: Rows) -> int:
    return rows if isinstance(rows, int) else rows.count()
