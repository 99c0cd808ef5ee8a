from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from areas.models import Place
from people.choices import OrganisationKind, Role

if TYPE_CHECKING:
    from people.models import Organisation, Posting, User


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def assignable_in(self, place: Place) -> OrganisationQuerySet:
        """Active bodies that work below ``place``; those outside the district have no account."""
        return self.filter(
            Q(place=place) | Q(**{f"place__{place.lineage_column}": place.pk}), is_active=True
        ).exclude(kind=OrganisationKind.EXTERNAL)


class PostingQuerySet(models.QuerySet["Posting"]):
    def in_force(self, day: date) -> PostingQuerySet:
        return self.not_over(day).filter(starts_on__lte=day)

    def not_over(self, day: date) -> PostingQuerySet:
        """In force on ``day``, or to come."""
        return self.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=day))

    def in_own_right(self) -> PostingQuerySet:
        """Without those that stand in for another one."""
        return self.filter(deputises_for__isnull=True)

    def of_same_post(self, posting: Posting) -> PostingQuerySet:
        """Those of the same role at the same place or in the same organisation, itself included."""
        return self.filter(
            role=posting.role, place=posting.place_id, organisation=posting.organisation_id
        )

    def managed_by(self, user: User) -> PostingQuerySet:
        """Postings whose deputies ``user`` sees to: the handlers of the units that they head, the
        grid workers of their community."""
        postings = user.current_postings
        units = [p.organisation_id for p in postings if p.role == Role.UNIT_HEAD]
        communities = [p.place_id for p in postings if p.role == Role.COMMUNITY_OFFICER]
        return self.filter(
            Q(role=Role.UNIT_HANDLER, organisation_id__in=units)
            | Q(role=Role.GRID_WORKER, place__community_id__in=communities)
        )

    def with_scope_data(self) -> PostingQuerySet:
        return self.select_related("place", "organisation__place", "deputises_for__user")
