"""Where a person may report, as choices of the report form."""

from __future__ import annotations

from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from areas.querysets import PlaceQuerySet
from issues.choices import Action
from issues.forms import Groups
from issues.models import Category
from issues.workflow import RULES
from people.models import User

REPORTERS = RULES[None, Action.CREATE].roles


def territory(user: User) -> list[Place]:
    """The places of the postings under which ``user`` may report."""
    return [
        posting.place
        for posting in user.current_postings
        if posting.role in REPORTERS and posting.place is not None
    ]


def may_report(user: User) -> bool:
    return bool(territory(user))


def towns(user: User) -> PlaceQuerySet:
    """The towns of a district in which ``user`` reports; none if the territory is smaller."""
    districts = [place.pk for place in territory(user) if place.level == PlaceLevel.DISTRICT]
    return Place.objects.filter(
        level=PlaceLevel.TOWN, district_id__in=districts, valid_to__isnull=True
    )


def to_report_at(user: User, town: Place | None) -> Groups:
    """Grids and communities under their communities; of a whole district, those of one town."""
    whole = [town] if town else []
    inside = [
        part
        for place in territory(user)
        for part in (whole if place.level == PlaceLevel.DISTRICT else [place])
    ]
    rows = (
        Place.objects.under(*inside)
        .filter(level__in=[PlaceLevel.COMMUNITY, PlaceLevel.GRID], valid_to__isnull=True)
        .select_related("community", "town")
        .order_by("code")
    )
    groups: dict[str, list[tuple[int, str]]] = {}
    # The grids first: a report belongs to one wherever it can.
    for place in sorted(rows, key=lambda place: place.level == PlaceLevel.COMMUNITY):
        community = place.community or place
        label = place.name if place.community else f"{place.name}（不确定网格）"
        groups.setdefault(f"{place.town} {community.name}", []).append((place.pk, label))
    return list(groups.items())


def only(groups: Groups) -> int | None:
    """The one choice, where there is only one."""
    options = [key for _, options in groups for key, _ in options]
    return options[0] if len(options) == 1 else None


def areas(user: User, town: Place | None) -> Groups:
    """The complex areas in which the reported place may lie."""
    rows = ComplexArea.objects.visible_to(user).active(timezone.localdate())
    if town:
        rows = rows.filter(
            pk__in=ComplexArea.objects.filter(communities__town=town).order_by().values("pk")
        )
    return [("", [(area.pk, area.name) for area in rows.order_by("name", "id")])]


def categories() -> Groups:
    """The categories in use, under those of the first level."""
    rows = Category.objects.filter(is_active=True).select_related("parent").order_by("id")
    groups: dict[str, list[tuple[int, str]]] = {}
    for category in rows:
        if category.parent:
            groups.setdefault(category.parent.name, []).append((category.pk, category.name))
    return list(groups.items())
