from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from areas.models import Place
from people.choices import OrganisationKind

if TYPE_CHECKING:
    from people.models import Organisation, Posting


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def assignable_in(self, place: Place) -> OrganisationQuerySet:
        """Active bodies that work below ``place``; those outside the district have no account."""
        return self.filter(
            Q(place=place) | Q(**{f"place__{place.lineage_column}": place.pk}), is_active=True
        ).exclude(kind=OrganisationKind.EXTERNAL)


class PostingQuerySet(models.QuerySet["Posting"]):
    def in_force(self, day: date) -> PostingQuerySet:
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day), starts_on__lte=day)

    def with_scope_data(self) -> PostingQuerySet:
        return self.select_related("place", "organisation__place")
