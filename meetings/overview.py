"""Which series met in which quarter: the table of the series page."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from meetings.choices import Frequency, MeetingStatus
from meetings.models import Meeting, MeetingSeries
from meetings.quarters import Quarter, quarters_between
from people.models import User

QUARTERS = 8  # shown side by side, the present one last


@dataclass(frozen=True)
class Cell:
    """One series in one quarter. ``missing``: the quarter is over and should have had a meeting."""

    held: int
    planned: int
    missing: bool

    @property
    def held_text(self) -> str:
        return f"{self.held} 次"


@dataclass(frozen=True)
class Row:
    series: MeetingSeries
    by_quarter: list[tuple[Quarter, Cell]]


def last_quarters(today: date) -> list[Quarter]:
    last = Quarter.of(today)
    first = last
    for _ in range(QUARTERS - 1):
        first = first.previous
    return quarters_between(first.first, today)


def rows(user: User, today: date) -> list[Row]:
    """The series that ``user`` sees, the district's first. Two queries, however many series."""
    quarters = last_quarters(today)
    series = list(
        MeetingSeries.objects.visible_to(user).select_related("place").order_by("place__code")
    )
    held: defaultdict[tuple[int, Quarter], int] = defaultdict(int)
    planned: defaultdict[tuple[int, Quarter], int] = defaultdict(int)
    first = quarters[0].first
    for series_id, status, held_on, planned_on in Meeting.objects.filter(
        Q(held_on__gte=first) | Q(planned_on__gte=first), series__in=series
    ).values_list("series_id", "status", "held_on", "planned_on"):
        if status == MeetingStatus.HELD and held_on:
            held[series_id, Quarter.of(held_on)] += 1
        elif status == MeetingStatus.PLANNED:
            planned[series_id, Quarter.of(planned_on)] += 1
    return [
        Row(
            entry,
            [
                (
                    quarter,
                    Cell(
                        held=held[entry.pk, quarter],
                        planned=planned[entry.pk, quarter],
                        missing=_is_due(entry)
                        and quarter.last < today
                        and not held[entry.pk, quarter],
                    ),
                )
                for quarter in quarters
            ],
        )
        for entry in series
    ]


def _is_due(series: MeetingSeries) -> bool:
    return series.frequency in (Frequency.QUARTERLY, Frequency.MONTHLY)
