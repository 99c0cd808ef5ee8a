"""Who can step in for a posting: as its deputy for a time, or as the successor of its holder."""

from __future__ import annotations

from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from people.choices import ADMINISTRATORS, ORGANISATIONAL, Role
from people.models import Posting, User
from people.querysets import PostingQuerySet


def possible_deputies(posting: Posting, *, by: User | None) -> QuerySet[User]:
    """Whom ``by`` may appoint as deputy: the security administrator anybody who works here, others
    their colleagues alone.

    Who has the same posting in their own right is left out: there is nothing to add to it.
    """
    today = timezone.localdate()
    people = User.objects.filter(is_active=True).exclude(pk=posting.user_id)
    holders = Posting.objects.of_same_post(posting).in_force(today).in_own_right()
    people = people.exclude(pk__in=holders.values("user_id"))
    if by is not None:
        people = people.exclude(pk=by.pk)
    if by is None or by.has_role(Role.SECURITY_ADMIN):
        administrators = Posting.objects.filter(role__in=ADMINISTRATORS)
        return people.exclude(pk__in=administrators.values("user_id"))
    colleagues = Posting.objects.filter(_is_near(posting)).in_force(today)
    return people.filter(pk__in=colleagues.values("user_id"))


def _is_near(posting: Posting) -> Q:
    """The postings of the same house.

    Of a community everybody in it. Of a unit its own people, in a town those of the town's other
    units too: they are small, and step in for each other.
    """
    if posting.role in ORGANISATIONAL:
        unit = posting.organisation
        near = Q(organisation=unit)
        if unit and unit.place and unit.place.level != PlaceLevel.DISTRICT:
            near |= Q(organisation__place=unit.place)
        return near
    place = posting.place
    community = place.community_id or place.pk if place else None
    return Q(place=community) | Q(place__community=community)


def possible_successors(posting: Posting, until: date) -> QuerySet[User]:
    """Who can take over when ``posting`` ends with ``until``: who holds the same role there in
    their own right on the next day."""
    return _holders(posting, _held_in_own_right(until))


def holders_to_come(posting: Posting) -> QuerySet[User]:
    """Who will hold the same role there in their own right, from tomorrow on or later."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    return _holders(posting, Posting.objects.not_over(tomorrow).in_own_right())


def successors_at_hand(posting: Posting) -> QuerySet[User]:
    """Who can take work over this minute: who holds the same role there today and tomorrow."""
    today = timezone.localdate()
    held_today = Posting.objects.in_force(today).in_own_right().of_same_post(posting)
    return possible_successors(posting, today).filter(pk__in=held_today.values("user_id"))


def _holders(posting: Posting, postings: PostingQuerySet) -> QuerySet[User]:
    held = postings.of_same_post(posting)
    return (
        User.objects.filter(is_active=True, pk__in=held.values("user_id"))
        .exclude(pk=posting.user_id)
        .order_by("full_name", "pk")
    )


def heir_of(posting: Posting, until: date) -> User | None:
    """Who takes over without being named anew: the successor that was named when the posting was
    ended; for a deputy the one it stood in for, or that one's successor."""
    possible = {user.pk: user for user in possible_successors(posting, until)}
    named = [posting.successor_id]
    if principal := posting.deputises_for:
        named += [principal.user_id, principal.successor_id]
    return next((possible[pk] for pk in named if pk in possible), None)


def has_other_holders(posting: Posting, until: date) -> bool:
    """Whether somebody holds the role on the day after ``until``, there or at a place above."""
    others = _held_in_own_right(until).filter(role=posting.role).exclude(pk=posting.pk)
    if posting.place is not None:
        others = others.filter(place__in=_places_from(posting.place))
    else:
        others = others.filter(organisation=posting.organisation_id)
    return others.filter(user__is_active=True).exists()


def _held_in_own_right(until: date) -> PostingQuerySet:
    return Posting.objects.in_force(until + timedelta(days=1)).in_own_right()


def _places_from(place: Place) -> list[int]:
    """The ids of a place and of those above it."""
    return [pk for pk in place.lineage().values() if pk is not None]
