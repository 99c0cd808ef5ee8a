"""Which projects a person may see, what their lists need, and lamps in SQL."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Q, Value, When

from core.branches import one_of
from issues.choices import Lamp
from people.choices import Role
from projects.choices import FIVE_ELEMENTS, Status

if TYPE_CHECKING:
    from projects.models import Project

# Who prepares projects, and so sees drafts of the own territory.
DRAFTERS = frozenset({Role.DISTRICT_DISPATCHER, Role.TOWN_DISPATCHER})


class ProjectQuerySet(models.QuerySet["Project"]):
    def visible_to(self, user: Any) -> ProjectQuerySet:
        """Projects in the person's territory, of their organisations, and those they are owner of.

        A draft is seen by those alone who may edit it. A union (core.branches).
        """
        if not user.is_authenticated:
            return self.none()
        public = ~Q(status=Status.DRAFT)
        conditions = [public & Q(project_owner=user)]
        for posting in user.current_postings:
            if posting.place is not None:
                here = Q(**{posting.place.lineage_column: posting.place_id})
                conditions.append(here if posting.role in DRAFTERS else public & here)
            elif posting.organisation_id is not None:
                conditions.append(public & Q(lead_department=posting.organisation_id))
                conditions.append(public & Q(responsible_unit=posting.organisation_id))
        return one_of(self, conditions)

    def running(self) -> ProjectQuerySet:
        return self.filter(status=Status.PUBLISHED)

    def published_by(self, day: date) -> ProjectQuerySet:
        """Projects that had been published on ``day``, whatever became of them since."""
        return self.filter(published_on__lte=day)

    def running_on(self, day: date) -> ProjectQuerySet:
        """Projects that had been published and not yet completed at the end of ``day``."""
        return self.published_by(day).filter(Q(completed_on__isnull=True) | Q(completed_on__gt=day))

    def late_on(self, day: date) -> ProjectQuerySet:
        """Projects that ran past their due date on ``day``: those with a red lamp."""
        return self.running_on(day).filter(due_date__lt=day)

    def with_five_elements(self) -> ProjectQuerySet:
        return self.exclude(content="").filter(
            **{f"{name}__isnull": False for name in FIVE_ELEMENTS if name != "content"}
        )

    def with_lamp(self, day: date) -> ProjectQuerySet:
        """Annotate ``lamp_on_day`` by the same comparison as ``Project.lamp``."""
        return self.annotate(
            lamp_on_day=Case(
                When(published_on__isnull=True, then=Value(None)),
                When(published_on__gt=day, then=Value(None)),
                When(completed_on__lte=day, then=Value(None)),
                When(due_date__lt=day, then=Value(Lamp.RED)),
                When(yellow_on__lte=day, then=Value(Lamp.YELLOW)),
                default=Value(Lamp.GREEN),
                output_field=models.CharField(),
            )
        )

    def with_list_data(self) -> ProjectQuerySet:
        """What a row of a list shows, but for its places and units, which are in memory
        (``projects.reference``): so many joins take longer to plan than the page to read.
        """
        return self.select_related("aspect", "project_owner")

    def with_detail_data(self) -> ProjectQuerySet:
        return self.with_list_data().select_related("area")
