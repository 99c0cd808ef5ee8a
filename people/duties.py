"""What open work a posting holds. The rooms above register it; ending a posting asks here.

Work of the person (a case with their name on it) is handed to a successor. Work of the role (what
waits for whoever is the grid worker there) stays where it is and needs another holder of the role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Protocol

from django.db.models import QuerySet

from people.models import Posting, User
from people.querysets import PostingQuerySet
from people.stand_ins import has_other_holders


class HandOver(Protocol):
    """Make everything that ``posting`` holds the successor's; return how many rows."""

    def __call__(self, posting: Posting, successor: User, *, by: User | None, until: date) -> int:
        pass


@dataclass(frozen=True)
class Duty:
    """One kind of open work. ``code`` names it in the audit trail, ``label`` on pages.

    ``held(posting, until)`` gives the rows that nobody would look after if the posting ended with
    the day ``until``. Work of the person has a ``hand_over``, work of the role has none.
    """

    code: str
    label: str
    measure: str
    held: Callable[[Posting, date], QuerySet[Any]]
    hand_over: HandOver | None = None

    @property
    def needs_successor_holder(self) -> bool:
        return self.hand_over is None


@dataclass(frozen=True)
class Held:
    duty: Duty
    count: int

    def __str__(self) -> str:
        return f"{self.count} {self.duty.measure}{self.duty.label}"


_duties: dict[str, Duty] = {}


def register(*duties: Duty) -> None:
    """Called once by each room, when its app is ready."""
    _duties.update({duty.code: duty for duty in duties})


def registered() -> list[Duty]:
    return list(_duties.values())


def held_by(postings: Iterable[Posting], until: date) -> list[Held]:
    """The open work that would be left behind if all these postings ended with ``until``.

    ``postings`` are one posting and what deputies of it end with it.
    """
    counts: dict[str, int] = {}
    for posting in postings:
        for duty in registered():
            if duty.needs_successor_holder and not _is_last_holder(posting, until):
                continue
            counts[duty.code] = counts.get(duty.code, 0) + duty.held(posting, until).count()
    return counted(counts)


def hand_over(
    postings: Iterable[Posting], successor: User, *, by: User | None, until: date
) -> dict[str, int]:
    """Hand the persons' work of these postings to the successor; return how many of what."""
    done: dict[str, int] = {}
    for posting in postings:
        for duty in registered():
            if duty.hand_over is not None:
                count = duty.hand_over(posting, successor, by=by, until=until)
                done[duty.code] = done.get(duty.code, 0) + count
    return {code: count for code, count in done.items() if count}


def counted(counts: Mapping[str, int]) -> list[Held]:
    """Counts by code, as ``hand_over`` gives them, with what they count."""
    return [Held(_duties[code], count) for code, count in counts.items() if count]


def of_the_person(held: Iterable[Held]) -> list[Held]:
    """What of it can be handed to somebody."""
    return [part for part in held if not part.duty.needs_successor_holder]


def in_words(held: Iterable[Held]) -> str:
    """“3 件经办的问题、1 个攻坚项目”"""
    return "、".join(str(part) for part in held)


# --- for the rooms: what of a person's work goes with a posting ---


def remaining_postings(posting: Posting, until: date) -> PostingQuerySet:
    """The other postings that its holder still works under on the day after ``until``."""
    others = Posting.objects.filter(user=posting.user_id, user__is_active=True)
    return others.in_force(until + timedelta(days=1)).exclude(pk=posting.pk)


def leaves_service(posting: Posting, until: date) -> bool:
    """Whether its holder works here no longer. A deputy's posting is not what one serves by."""
    return posting.deputises_for_id is None and not remaining_postings(posting, until).exists()


def leaves_unit(posting: Posting, until: date) -> bool:
    """Whether its holder still works here, and in this organisation no longer."""
    if posting.deputises_for_id is not None or posting.organisation_id is None:
        return False
    remaining = remaining_postings(posting, until)
    return not remaining.filter(organisation=posting.organisation_id).exists()


def _is_last_holder(posting: Posting, until: date) -> bool:
    """What a deputy leaves of the role's work is its principal's anyway."""
    return posting.deputises_for is None and not has_other_holders(posting, until)
