"""The bodies that hold postings and receive work."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from areas.models import Place
from core.models import marks_its_edition
from people.choices import OrganisationKind
from people.querysets import OrganisationQuerySet


class Organisation(models.Model):
    """A body that holds postings and receives work. ``place`` is the territory that it serves."""

    name = models.CharField("名称", max_length=60, unique=True)
    short_name = models.CharField("简称", max_length=20)
    kind = models.CharField("性质", max_length=20, choices=OrganisationKind)
    place = models.ForeignKey(
        Place, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="服务地区"
    )
    is_active = models.BooleanField("启用", default=True)

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = "组织"
        verbose_name_plural = "组织"
        ordering = ["id"]
        triggers = [marks_its_edition()]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind=OrganisationKind.EXTERNAL) | Q(place__isnull=False),
                name="organisation_of_the_district_serves_a_place",
                violation_error_message="区内组织须选择服务地区。",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def serves_below(self, place: Place) -> bool:
        """Whether this body works for ``place`` or for a part of it."""
        return self.place is not None and self.place.lineage()[place.lineage_column] == place.pk
