"""What a story is made of: the matter it is about, the turn it takes, and its lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from areas.models import ComplexArea, Place
from core.workdays import SHANGHAI, moment
from governance.reference.words import Trouble
from issues.choices import Action, Level, Outcome, Source, Urgency
from issues.models import Category
from issues.states import State
from people.models import Organisation, User

Point = tuple[float, float]  # longitude and latitude, WGS84


class Twist(StrEnum):
    """A side path that a story takes. Most stories take none."""

    RETURNED = "returned"  # the first unit was the wrong one, and its return is approved
    RETURN_REFUSED = "return refused"
    RULED = "ruled"  # a second return, on which the leader rules
    RULED_LATE = "ruled late"  # a first return left lying until it is the leader's
    TRANSFERRED = "transferred"
    EXTENDED = "extended"
    EXTENSION_REFUSED = "extension refused"
    EXTENDED_TWICE = "extended twice"
    SUSPENDED = "suspended"
    SUSPENSION_REFUSED = "suspension refused"
    TO_MEETING = "to the joint meeting"
    FAILED = "failed verification"
    REDONE = "redone"  # who complained is not content
    SECOND_REVIEW = "second review"
    REVIEW_REDONE = "second review, redone"
    REOPENED = "reopened"
    REOPENED_TWICE = "reopened twice"  # the second time one level up
    VOIDED = "voided"
    DECLINED = "declined"
    VOID_REFUSED = "void refused"
    MERGED = "merged"
    UNMERGED = "unmerged"  # merged by mistake


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What a case is about, and which way it will go.

    ``master`` is the client_id of the report into which a duplicate is merged; ``point`` and
    ``trouble`` are left to chance where they are not given.
    """

    category: Category
    place: Place
    area: ComplexArea | None
    source: Source
    urgency: Urgency
    level: Level  # where it is dealt with in the end
    outcome: Outcome
    lead: Organisation | None = None  # None: the grid itself deals with it
    co_units: Sequence[Organisation] = ()
    twist: Twist | None = None
    master: Any = None
    point: Point | None = None
    trouble: Trouble | None = None


@dataclass(frozen=True)
class Line:
    """One step of a script. ``by`` None is the platform; ``to`` is where the case then stands.

    ``data`` has the shape of the action's input, but names another case by its client_id.
    """

    action: Action
    by: User | None
    at: datetime
    data: dict[str, Any]
    to: State


Script = list[Line]


def midnight(day: date) -> datetime:
    return moment(day, datetime.min.time())


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
