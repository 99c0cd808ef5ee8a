"""Which meetings, resolutions and reports a person may see, and what their lists need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce

from areas.choices import PlaceLevel
from issues.choices import OPEN_STATUSES
from meetings.choices import REPORT_READERS, MeetingStatus, ResolutionStatus

if TYPE_CHECKING:
    from meetings.models import Meeting, MeetingSeries, QuarterlyReport, Resolution


class SeriesQuerySet(models.QuerySet["MeetingSeries"]):
    def visible_to(self, user: Any) -> SeriesQuerySet:
        """The series in the person's territory, and those of the place directly above it."""
        if not user.is_authenticated:
            return self.none()
        series = self.model._default_manager.order_by()
        sets = []
        for place in user.scope.places:
            sets.append(series.filter(place_id__in=[place.pk, place.parent_id]))
            if place.level != PlaceLevel.GRID:
                sets.append(series.filter(**{f"place__{place.lineage_column}": place.pk}))
        return _among(self, sets)


class MeetingQuerySet(models.QuerySet["Meeting"]):
    def visible_to(self, user: Any) -> MeetingQuerySet:
        """Meetings at which the person's place or organisation sits.

        - Territorial roles: the meetings of their territory, and those of the place directly above
          their posting, because a joint meeting is attended from one level below: a town sees the
          district's meetings, a community its town's, a grid its community's.
        - Organisational roles: meetings that their organisation attended, or at which it was given
          a resolution.
        - Anybody: meetings at which they were named responsible for a resolution.

        A union of id sets, never an OR across a join.
        """
        if not user.is_authenticated:
            return self.none()
        meetings = self.model._default_manager.order_by()
        sets = [meetings.filter(resolutions__responsible_person=user)]
        for place in user.scope.places:
            sets.append(meetings.filter(**{place.lineage_column: place.pk}))
            if place.parent_id:
                sets.append(meetings.filter(place_id=place.parent_id))
        for unit_id in user.scope.organisation_ids:
            sets.append(meetings.filter(attendances__organisation_id=unit_id))
            sets.append(meetings.filter(resolutions__lead_unit_id=unit_id))
            sets.append(meetings.filter(resolutions__resolution_units__organisation_id=unit_id))
        return _among(self, sets)

    def held(self) -> MeetingQuerySet:
        return self.filter(status=MeetingStatus.HELD)

    def with_list_data(self) -> MeetingQuerySet:
        return self.select_related("series", "place", "town").annotate(
            item_count=_count_of(self.model, "items"),
            resolution_count=_count_of(self.model, "resolutions"),
        )


class ResolutionQuerySet(models.QuerySet["Resolution"]):
    def visible_to(self, user: Any) -> ResolutionQuerySet:
        """The resolutions of the meetings that the person sees: minutes go to all who took part."""
        meetings: Any = self.model._meta.get_field("meeting").related_model
        return self.filter(meeting__in=meetings.objects.visible_to(user))

    def running(self) -> ResolutionQuerySet:
        return self.filter(status=ResolutionStatus.RUNNING)

    def running_on(self, day: date) -> ResolutionQuerySet:
        """Decided and not yet solved at the end of ``day``."""
        return self.filter(meeting__held_on__lte=day).exclude(solved_on__lte=day)

    def late_on(self, day: date) -> ResolutionQuerySet:
        """Past their due date on ``day`` and not yet solved; the SQL twin of ``is_late``."""
        return self.running_on(day).filter(due_date__lt=day)

    def overdue_on_open_case(self, day: date) -> ResolutionQuerySet:
        """Late ones whose case is still open and on which no order was issued for it yet."""
        return self.late_on(day).filter(
            supervision__isnull=True, agenda_item__issue__status__in=OPEN_STATUSES
        )

    def with_list_data(self) -> ResolutionQuerySet:
        return self.select_related("meeting", "lead_unit", "responsible_person").prefetch_related(
            "units"
        )

    def with_case(self) -> ResolutionQuerySet:
        """What a page needs to show the case of each, and which step it took."""
        return self.select_related("agenda_item__issue", "event", "supervision")


class QuarterlyReportQuerySet(models.QuerySet["QuarterlyReport"]):
    def visible_to(self, user: Any) -> QuarterlyReportQuerySet:
        """All reports for the district's leader, task force, secretary and supervisors."""
        return self if reads_reports(user) else self.none()


def reads_reports(user: Any) -> bool:
    return any(
        posting.role in REPORT_READERS and posting.place.level == PlaceLevel.DISTRICT
        for posting in user.current_postings
        if posting.place is not None
    )


def _among(rows: Any, sets: Sequence[models.QuerySet[Any]]) -> Any:
    if not sets:
        return rows.none()
    first, *others = (found.values("pk") for found in sets)
    return rows.filter(pk__in=first.union(*others) if others else first)


def _count_of(meeting: type[Meeting], relation: str) -> Coalesce:
    """How many rows of a relation a meeting has; a subquery, so that two counts don't multiply."""
    related: Any = meeting._meta.get_field(relation).related_model
    rows = related.objects.order_by().filter(meeting=OuterRef("pk")).values("meeting")
    return Coalesce(Subquery(rows.annotate(size=Count("*")).values("size")), 0)
