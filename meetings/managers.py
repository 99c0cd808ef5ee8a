"""Who runs the joint meetings of a place: its secretary, its dispatchers, its convener."""

from __future__ import annotations

from datetime import date

from areas.models import Place
from core.errors import NotAllowed
from meetings.choices import MANAGERS
from people.directory import Directory
from people.models import Posting, User


def managed_places(user: User) -> list[Place]:
    """The places whose meetings a person runs."""
    return [
        posting.place
        for posting in user.current_postings
        if posting.place is not None and posting.role in MANAGERS.get(posting.place.level, ())
    ]


def is_manager(user: User, place: Place) -> bool:
    return place in managed_places(user)


def manager(by: User, place: Place) -> Posting:
    """The posting under which ``by`` runs the meetings of a place. Raises NotAllowed."""
    for posting in by.current_postings:
        if posting.place_id == place.pk and posting.role in MANAGERS.get(place.level, ()):
            return posting
    raise NotAllowed("会议由本级会议秘书、派单员（专班）或召集人办理。")


def managers_of(place: Place, day: date) -> list[int]:
    """The user ids of those who run the meetings of a place, in a stable order."""
    directory = Directory.around([place.pk], [])
    return [
        posting.user_id
        for role in sorted(MANAGERS.get(place.level, ()))
        for posting in directory.at_place(role, place.pk, day)
    ]
