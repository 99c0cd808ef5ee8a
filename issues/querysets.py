"""Which issues a person may see, what their lists need, and lamps in SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Q, Value, When
from django.utils import timezone

from core.branches import Repeated, one_of
from issues import waiting
from issues.choices import Lamp, Status, Visibility
from issues.orders import COLUMNS, OPEN

if TYPE_CHECKING:
    from issues.models import Assignment, Clock, Issue, Photo


class IssueQuerySet(models.QuerySet["Issue"]):
    def visible_to(self, user: Any) -> IssueQuerySet:
        """Issues in the person's territory, of their units (present or past), and own reports.

        A union, one branch for each index that serves it (core.branches).
        """
        if not user.is_authenticated:
            return self.none()
        scope = user.scope
        conditions: list[Q | Repeated] = [
            Q(**{place.lineage_column: place.pk}) for place in scope.territories
        ]
        if scope.is_whole_district:
            return one_of(self, conditions)  # which holds all the rest
        conditions.append(Q(reporter=user))
        for unit_id in scope.organisation_ids:
            conditions.append(Q(lead_unit=unit_id))
            involved = waiting.records(self.model, "involvements").filter(unit=unit_id)
            conditions.append(Repeated(involved, "issue", frozenset(COLUMNS)))
        return one_of(self, conditions)

    def waiting_for(self, user: Any, queue: str = "") -> IssueQuerySet:
        """Issues on which ``user`` has a step to take now, by the transition table; of one queue of
        the desk alone, if it is named. A union.
        """
        conditions = waiting.conditions(self.model, user, timezone.now(), queue)
        return one_of(self.open(), conditions)

    def open(self) -> IssueQuerySet:
        """What has not ended."""
        return self.filter(OPEN)

    def overdue(self, now: datetime) -> IssueQuerySet:
        """Issues whose running step is past its limit at ``now``."""
        return self.filter(due_at__lte=now)

    def with_lamp(self, now: datetime) -> IssueQuerySet:
        """Annotate ``lamp_now`` by the same comparison as ``Issue.lamp``."""
        return self.annotate(
            lamp_now=Case(
                When(status=Status.SUSPENDED, then=Value(Lamp.GREY)),
                When(due_at__isnull=True, then=Value(None)),
                When(due_at__lte=now, then=Value(Lamp.RED)),
                When(yellow_at__lte=now, then=Value(Lamp.YELLOW)),
                default=Value(Lamp.GREEN),
                output_field=models.CharField(),
            )
        )

    def for_rows(self) -> IssueQuerySet:
        """What a row of a list shows, but for its places, category and unit, which are in memory
        (``with_reference_data``): six joins take longer to plan than the page to read.
        """
        return self.select_related("area").defer("description", "contact_name", "contact_phone")

    def with_detail_data(self) -> IssueQuerySet:
        """What the page of a case names, all from the database."""
        return self.select_related(
            "category",
            "district",
            "town",
            "community",
            "grid",
            "place",
            "area",
            "lead_unit",
            "reporter",
            "handler",
        )


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> ClockQuerySet:
        return self.filter(ended_at__isnull=True)


def reads_internal_notes(
    issue: Issue, user: Any, assignments: Iterable[Assignment] | None = None
) -> bool:
    """Whether ``user`` has more to do with the case than having reported it.

    ``assignments`` are the case's, where they have been read already.
    """
    if issue.reporter_id != user.pk or user.scope.covers(issue.lineage()):
        return True
    return bool(_own(issue, user, assignments))


def visible_photos(
    issue: Issue, user: Any, assignments: Iterable[Assignment] | None = None
) -> models.QuerySet[Photo]:
    """The photos of the steps that ``user`` may read. ``assignments`` as above."""
    photos = issue.photos.filter(seq__lte=last_visible_seq(issue, user, assignments))
    if reads_internal_notes(issue, user, assignments):
        return photos
    internal = issue.events.filter(data__visibility=Visibility.INTERNAL)
    return photos.exclude(seq__in=internal.order_by().values("seq"))


def last_visible_seq(
    issue: Issue, user: Any, assignments: Iterable[Assignment] | None = None
) -> int:
    """The last event of ``issue`` that ``user`` may read.

    A unit that has left the case reads it up to the event at which it left; everybody else who sees
    the case reads all of it.
    """
    if issue.reporter_id == user.pk or user.scope.covers(issue.lineage()):
        return issue.event_count
    left = [row.left_seq for row in _own(issue, user, assignments)]
    return issue.event_count if None in left else max(filter(None, left), default=0)


def _own(issue: Issue, user: Any, assignments: Iterable[Assignment] | None) -> list[Assignment]:
    """The orders on this case to units in which the person serves."""
    rows = issue.assignments.all() if assignments is None else assignments
    return [row for row in rows if row.unit_id in user.scope.organisation_ids]
