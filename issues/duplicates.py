"""Which other cases may be the same matter: like cases nearby, a few weeks apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import asin, cos, radians, sin, sqrt

from django.db.models import Q

from core.branches import narrowed
from issues.choices import Level
from issues.models import Issue, Photo
from issues.reference import with_reference_data
from people.models import User

WITHIN = 50  # metres
WITHIN_DAYS = 30
MOST = 8
EARTH_RADIUS = 6_371_000  # metres
METRES_PER_DEGREE = (
    111_000  # of latitude; a little less than there are, so the box is not too small
)


@dataclass(frozen=True)
class Candidate:
    """A case that may be the same matter. ``metres`` is None where a position is missing."""

    issue: Issue
    metres: int | None
    photo: Photo | None


def candidates(issue: Issue, *, by: User) -> list[Candidate]:
    """Open cases of the same category within 50 m and 30 days into which this one may be merged.

    Where one of the two has no position, the same address in the same grid counts as near. Only
    cases that ``by`` may see, of this level or a higher one; the nearest first. Two queries.
    """
    levels = list(Level)
    rows = narrowed(
        Issue.objects.visible_to(by)
        .open()
        .filter(
            _near(issue),
            category=issue.category_id,
            town=issue.town_id,
            level__in=levels[levels.index(Level(issue.level)) :],
            received_at__range=(
                issue.received_at - timedelta(days=WITHIN_DAYS),
                issue.received_at + timedelta(days=WITHIN_DAYS),
            ),
        )
        .exclude(pk=issue.pk)
    )
    newest = with_reference_data(rows.order_by("-received_at", "-id")[: 10 * MOST])
    measured = [(row, _metres(issue, row)) for row in newest]
    near = [(row, metres) for row, metres in measured if metres is None or metres <= WITHIN]
    near.sort(key=lambda pair: WITHIN if pair[1] is None else pair[1])
    photos: dict[int, Photo] = {}
    shown = [row.pk for row, _ in near[:MOST]]
    for photo in Photo.objects.filter(issue__in=shown).select_related("attachment").order_by("id"):
        photos.setdefault(photo.issue_id, photo)
    return [Candidate(row, metres, photos.get(row.pk)) for row, metres in near[:MOST]]


def _near(issue: Issue) -> Q:
    """What an index can find; the exact distance is measured afterwards."""
    same_address = Q(pk__in=[])
    if issue.address:
        same_address = Q(grid=issue.grid_id, address=issue.address)
    if issue.latitude is None or issue.longitude is None:
        return same_address
    north = WITHIN / METRES_PER_DEGREE
    east = north / max(cos(radians(issue.latitude)), 0.01)
    box = Q(
        latitude__range=(issue.latitude - north, issue.latitude + north),
        longitude__range=(issue.longitude - east, issue.longitude + east),
    )
    return box | (same_address & Q(latitude__isnull=True))


def _position(issue: Issue) -> tuple[float, float] | None:
    """Latitude and longitude in radians."""
    if issue.latitude is None or issue.longitude is None:
        return None
    return radians(issue.latitude), radians(issue.longitude)


def _metres(one: Issue, other: Issue) -> int | None:
    """The distance on the sphere, rounded to metres."""
    here, there = _position(one), _position(other)
    if here is None or there is None:
        return None
    (lat1, lon1), (lat2, lon2) = here, there
    half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return round(2 * EARTH_RADIUS * asin(sqrt(half)))
