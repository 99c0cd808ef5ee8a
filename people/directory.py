"""Who holds which role where, kept in memory so that a case can ask without a query each time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import date

from django.db.models import Q

from people.choices import ORGANISATIONAL, Role
from people.models import Posting


class Directory:
    """Postings of active accounts, found by (role, place) and by (role, organisation)."""

    def __init__(self, postings: Iterable[Posting] = ()) -> None:
        self._at_place: defaultdict[tuple[str, int], list[Posting]] = defaultdict(list)
        self._in_organisation: defaultdict[tuple[str, int], list[Posting]] = defaultdict(list)
        self._places: set[int] = set()
        self._organisations: set[int] = set()
        self._add(postings)

    def _add(self, postings: Iterable[Posting]) -> None:
        for posting in postings:
            if posting.place_id is not None:
                self._at_place[posting.role, posting.place_id].append(posting)
            elif posting.organisation_id is not None:
                self._in_organisation[posting.role, posting.organisation_id].append(posting)

    @classmethod
    def around(
        cls, place_ids: Collection[int | None], organisation_ids: Collection[int | None]
    ) -> Directory:
        """The postings that matter to one case: at its places and in its units. One query."""
        directory = cls()
        directory.widen(place_ids, organisation_ids)
        return directory

    def widen(
        self, place_ids: Collection[int | None], organisation_ids: Collection[int | None]
    ) -> None:
        """Read the postings at these, too, but for what is known already. One query."""
        places = {pk for pk in place_ids if pk} - self._places
        organisations = {pk for pk in organisation_ids if pk} - self._organisations
        if not places and not organisations:
            return
        self._places |= places
        self._organisations |= organisations
        self._add(
            self._postings().filter(Q(place_id__in=places) | Q(organisation_id__in=organisations))
        )

    @classmethod
    def everyone(cls) -> Directory:
        return cls(cls._postings().all())

    @staticmethod
    def _postings():  # type: ignore[no-untyped-def]
        return Posting.objects.filter(user__is_active=True).order_by("id")

    def at_place(self, role: str, place_id: int | None, day: date) -> list[Posting]:
        if place_id is None:
            return []
        return [p for p in self._at_place[role, place_id] if p.is_in_force(day)]

    def in_organisation(self, role: str, organisation_id: int | None, day: date) -> list[Posting]:
        if organisation_id is None:
            return []
        return [p for p in self._in_organisation[role, organisation_id] if p.is_in_force(day)]

    def is_member(self, user_id: int, organisation_id: int, day: date) -> bool:
        return any(
            posting.user_id == user_id
            for role in ORGANISATIONAL
            for posting in self.in_organisation(role, organisation_id, day)
        )

    def is_handler(self, user_id: int, organisation_id: int, day: date) -> bool:
        return any(
            posting.user_id == user_id
            for posting in self.in_organisation(Role.UNIT_HANDLER, organisation_id, day)
        )

    def works_at(self, user_id: int, place_ids: Iterable[int | None], day: date) -> bool:
        """Whether the person is a grid worker or a community officer at one of the places."""
        return any(
            posting.user_id == user_id
            for place_id in place_ids
            for role in (Role.GRID_WORKER, Role.COMMUNITY_OFFICER)
            for posting in self.at_place(role, place_id, day)
        )

    def has_handlers(self, organisation_id: int, day: date) -> bool:
        return bool(self.in_organisation(Role.UNIT_HANDLER, organisation_id, day))
