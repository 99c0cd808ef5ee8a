"""Filters of the area list."""

from __future__ import annotations

from typing import Any

import django_filters

from areas.choices import AreaType, Phase, PlaceLevel
from areas.models import ComplexArea, Place, SearchEntry
from areas.querysets import AreaQuerySet
from areas.reference import places
from core.search import SearchFilter, found
from core.selects import RowFilter


def spans_towns(user: Any) -> bool:
    """Whether the person's rows may lie in several towns, so that a list offers them the choice."""
    places = [*user.scope.places, *user.scope.organisation_places]
    return any(place.level == PlaceLevel.DISTRICT for place in places)


class TownFilterSet(django_filters.FilterSet):
    """Filters that offer ``town`` only to those whose rows span towns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not spans_towns(self.request.user):
            del self.filters["town"]


def towns() -> dict[int, Place]:
    """The towns of today, by id."""
    return {
        place.pk: place
        for place in places().values()
        if place.level == PlaceLevel.TOWN and place.valid_to is None
    }


def town_filter(**kwargs: Any) -> RowFilter:
    return RowFilter(label="镇街", rows=towns, empty_label="全区", **kwargs)


class AreaFilter(TownFilterSet):
    q = SearchFilter(help_text="编号，或名称、概况、村社中的文字")
    type = django_filters.ChoiceFilter(label="类型", choices=AreaType.choices, empty_label="不限")
    phase = django_filters.ChoiceFilter(label="阶段", choices=Phase.choices, empty_label="不限")
    pilot = django_filters.ChoiceFilter(
        label="试点",
        method="among_pilots",
        choices=[("all", "试点"), ("named", "首批试点")],
        empty_label="不限",
    )
    town = town_filter(method="in_town")

    class Meta:
        model = ComplexArea
        fields: list[str] = []

    def search(self, rows: AreaQuerySet, name: str, value: str) -> AreaQuerySet:
        return found(rows, SearchEntry, value)

    def among_pilots(self, rows: AreaQuerySet, name: str, value: str) -> AreaQuerySet:
        return rows.filter(**{"is_named_pilot" if value == "named" else "is_pilot": True})

    def in_town(self, rows: AreaQuerySet, name: str, value: Place) -> AreaQuerySet:
        """Areas with a community in the town; as ids, because an area may have several there."""
        inside = ComplexArea.objects.filter(communities__town=value)
        return rows.filter(pk__in=inside.order_by().values("pk"))
