"""What a step needs to know beyond the case: the calendar, the limits, and who works where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from core.errors import Refused
from core.kept import Kept
from core.workdays import Calendar, calendar
from issues.choices import LimitUnit, Urgency
from issues.models import Category, Issue, TimeLimit
from people.directory import Directory


@dataclass(frozen=True)
class Limit:
    """A length: ``value`` working days, or ``value`` hours around the clock."""

    value: int
    unit: str = LimitUnit.DAYS

    def third(self) -> Limit:
        """The limit of a rework: a third of this one, rounded up, at least one."""
        return Limit(max(1, -(-self.value // 3)), self.unit)


class Limits:
    """All time limits, chosen by step, level, urgency, category and day."""

    def __init__(self, rows: Iterable[TimeLimit]) -> None:
        self._rows: dict[tuple[str, str, str, int | None], list[tuple[date, Limit]]] = {}
        for row in rows:
            key = (row.step, row.level, row.urgency, row.category_id)
            self._rows.setdefault(key, []).append((row.effective_from, Limit(row.value, row.unit)))
        for versions in self._rows.values():
            versions.sort(key=lambda version: version[0], reverse=True)

    @classmethod
    def load(cls) -> Limits:
        """The limits as they stand in the database, kept in memory."""
        return _kept_limits.get()

    def find(self, step: str, level: str, urgency: str, category: Category, day: date) -> Limit:
        """The limit in force on ``day``: the narrowest category first, then the urgency's own.

        An urgency without a row of its own uses that of normal cases. Raises Refused without any.
        """
        for wanted_urgency in dict.fromkeys((urgency, Urgency.NORMAL)):
            for category_id in (category.pk, category.parent_id, None):
                for effective_from, limit in self._rows.get(
                    (step, level, wanted_urgency, category_id), ()
                ):
                    if effective_from <= day:
                        return limit
        raise Refused("没有设置这一环节的办理时限，请联系区级专班。", code="limit_missing")


_kept_limits = Kept(lambda: Limits(TimeLimit.objects.all()), TimeLimit)


@dataclass(frozen=True)
class Office:
    calendar: Calendar
    limits: Limits
    directory: Directory

    @classmethod
    def for_cases(
        cls,
        issues: Iterable[Issue],
        organisation_ids: Iterable[int] = (),
        place_ids: Iterable[int | None] = (),
    ) -> Office:
        """For a few cases: the people at their places and other given ones, and in given units."""
        places = {pk for issue in issues for pk in issue.lineage().values()} | set(place_ids)
        return cls(calendar(), Limits.load(), Directory.around(places, list(organisation_ids)))

    @classmethod
    def whole(cls) -> Office:
        """For work on many cases at once: everybody in memory."""
        return cls(calendar(), Limits.load(), Directory.everyone())
