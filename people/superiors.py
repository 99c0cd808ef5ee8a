"""Who is to see to it when the work of a posting has nobody: those above it, the nearest first."""

from __future__ import annotations

from datetime import date

from people.choices import LEVELS, Role
from people.models import Posting
from people.querysets import PostingQuerySet

# Above each role, in the order in which they are asked for; the first that somebody holds answers.
ABOVE: dict[Role, tuple[Role, ...]] = {
    Role.GRID_WORKER: (Role.COMMUNITY_OFFICER, Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.COMMUNITY_OFFICER: (Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.TOWN_DISPATCHER: (Role.TOWN_LEADER, Role.DISTRICT_DISPATCHER),
    Role.TOWN_LEADER: (Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER),
    Role.UNIT_HANDLER: (Role.UNIT_HEAD, Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.UNIT_HEAD: (Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.DISTRICT_DISPATCHER: (Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER),
    Role.DISTRICT_LEADER: (Role.DISTRICT_LEADER, Role.DISTRICT_DISPATCHER),
    Role.SUPERVISOR: (Role.TOWN_LEADER, Role.DISTRICT_DISPATCHER),
    Role.VERIFIER: (Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.REVISITOR: (Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
    Role.SECRETARY: (Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER),
}


def above(posting: Posting, day: date) -> list[Posting]:
    """The postings that answer for the work of this one on ``day``; none where nobody does."""
    for role in ABOVE[Role(posting.role)]:
        if found := list(_holders(role, posting, day)):
            return found
    return []


def security_administrators(day: date) -> PostingQuerySet:
    return _at_work(day).filter(role=Role.SECURITY_ADMIN)


def _holders(role: Role, posting: Posting, day: date) -> PostingQuerySet:
    others = _at_work(day).filter(role=role).exclude(user=posting.user_id)
    if role == Role.UNIT_HEAD:
        return others.filter(organisation=posting.organisation_id)
    place = posting.organisation.place if posting.organisation else posting.place
    if place is None:
        return others.none()
    (level,) = LEVELS[role]
    return others.filter(place=place.lineage()[f"{level}_id"])


def _at_work(day: date) -> PostingQuerySet:
    return Posting.objects.in_force(day).filter(user__is_active=True).order_by("id")
