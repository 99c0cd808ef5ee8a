"""Which places and areas a person may see, and what their lists need."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from areas.choices import PlaceLevel

if TYPE_CHECKING:
    from areas.models import ComplexArea, Place


class PlaceQuerySet(models.QuerySet["Place"]):
    def under(self, *places: Place) -> PlaceQuerySet:
        """These places and everything below them."""
        inside = Q(pk__in=[place.pk for place in places])
        for place in places:
            if place.level != PlaceLevel.GRID:  # nothing lies below a grid
                inside |= Q(**{place.lineage_column: place.pk})
        return self.filter(inside)


class AreaQuerySet(models.QuerySet["ComplexArea"]):
    def active(self, day: date) -> AreaQuerySet:
        """Areas registered on or before ``day`` and not yet retired then."""
        return self.filter(
            Q(retired_on__isnull=True) | Q(retired_on__gt=day), registered_on__lte=day
        )

    def visible_to(self, user: Any) -> AreaQuerySet:
        """Areas of which at least one community lies in the person's territory.

        A union of id sets, one per place, never an OR across the join.
        """
        places = [*user.scope.places, *user.scope.organisation_places]
        through = self.model.communities.through.objects
        sets = [
            through.filter(
                **{
                    "place_id"
                    if place.level == "community"
                    else f"place__{place.lineage_column}": place.pk
                }
            )
            if place.level != "grid"
            else through.filter(place_id=place.community_id)
            for place in places
        ]
        if not sets:
            return self.none()
        ids = [rows.values("complexarea_id") for rows in sets]
        return self.filter(pk__in=ids[0].union(*ids[1:]) if len(ids) > 1 else ids[0])

    def with_list_data(self) -> AreaQuerySet:
        return self.select_related("lead_community__town").prefetch_related("communities")
