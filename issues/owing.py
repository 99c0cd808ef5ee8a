"""Who owes what: the units with open cases, and how their cases stand with them.

A number and the rows behind it are one condition, ``OWES``: the page counts by it, the issue list
filters by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Q

from core.branches import narrowed
from issues.choices import Owed, Status
from issues.querysets import IssueQuerySet
from people.models import Organisation
from people.reference import organisations

WITH_UNIT = Q(status__in=[Status.ASSIGNED, Status.HANDLING])
IN_HAND = Q(
    status__in=[Status.ASSIGNED, Status.HANDLING, Status.RETURN_REVIEW, Status.SUSPENDED],
    lead_unit__isnull=False,
)

OWES: Mapping[Owed, Callable[[datetime], Q]] = {
    Owed.ANYTHING: lambda now: Q(),
    Owed.ACKNOWLEDGEMENT: lambda now: Q(status=Status.ASSIGNED),
    Owed.NEAR_DUE: lambda now: WITH_UNIT & Q(yellow_at__lte=now, due_at__gt=now),
    Owed.OVERDUE: lambda now: WITH_UNIT & Q(due_at__lte=now),
    Owed.RETURNED: lambda now: Q(status=Status.RETURN_REVIEW),
    Owed.SUSPENDED: lambda now: Q(status=Status.SUSPENDED),
}


@dataclass(frozen=True)
class Number:
    owed: str
    label: str
    count: int
    url: str


@dataclass(frozen=True)
class Line:
    """A unit and its numbers, in the order of ``OWES``. ``unit`` is None in the sum."""

    unit: Organisation | None
    numbers: list[Number]


def lines(issues: IssueQuerySet, now: datetime, town: int | None = None) -> list[Line]:
    """A line for each lead unit among ``issues``, the most overdue first. One query."""
    counts: dict[str, Any] = {
        owed: Count("pk", filter=condition(now)) for owed, condition in OWES.items()
    }
    in_hand = narrowed(issues.open().filter(IN_HAND)).order_by()
    rows: list[Any] = list(in_hand.values("lead_unit").annotate(**counts))
    units = organisations()
    rows.sort(key=lambda row: (-row[Owed.OVERDUE], -row[Owed.NEAR_DUE], row["lead_unit"]))
    return [_line(units[row["lead_unit"]], row, town) for row in rows]


def together(found: list[Line], town: int | None = None) -> Line:
    """The sum of all lines."""
    row: dict[str, Any] = {
        owed: sum(line.numbers[n].count for line in found) for n, owed in enumerate(OWES)
    }
    return _line(None, row, town)


def _line(unit: Organisation | None, row: Mapping[str, Any], town: int | None) -> Line:
    return Line(unit, [_number(owed, row[owed], unit, town) for owed in OWES])


def _number(owed: Owed, count: int, unit: Organisation | None, town: int | None) -> Number:
    query = {"owes": owed.value, "unit": unit.pk if unit else "", "town": town, "sort": "due"}
    url = "/issues/?" + urlencode({key: value for key, value in query.items() if value})
    return Number(owed.value, owed.label, count, url)


def owing(rows: IssueQuerySet, owed: str, now: datetime) -> IssueQuerySet:
    """Those of ``rows`` that a number of the page counts."""
    return rows.open().filter(IN_HAND, OWES[Owed(owed)](now))
