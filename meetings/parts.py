"""The parts of every write to a meeting: the locked row, its audit entry, who hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from core import audit, outbox
from core.errors import NotFoundHere, Refused, Stale
from core.models import Message
from meetings.choices import MeetingStatus, MessageKind
from meetings.managers import manager
from meetings.models import Meeting, MeetingSeries, Resolution
from meetings.trail import Trail
from people.choices import Role
from people.directory import Directory
from people.models import Posting, User


def lock(meeting_id: int, *, by: User, expected_version: int | None) -> tuple[Meeting, Posting]:
    """The locked row and the posting that acts. Raises NotFoundHere, NotAllowed, Stale."""
    meeting = (
        Meeting.objects.visible_to(by)
        .select_related("series__place", "place")
        .select_for_update(of=("self",))
        .filter(pk=meeting_id)
        .first()
    )
    if meeting is None:
        raise NotFoundHere()
    posting = manager(by, meeting.place)
    if expected_version is not None and meeting.version != expected_version:
        raise Stale()
    return meeting, posting


def lock_resolution(resolution_id: int, *, by: User, expected_version: int) -> Resolution:
    """The locked row, if ``by`` may see it. Raises NotFoundHere, Stale."""
    resolution = (
        Resolution.objects.visible_to(by)
        .select_related("meeting__place", "lead_unit", "agenda_item__issue")
        .select_for_update(of=("self",))
        .filter(pk=resolution_id)
        .first()
    )
    if resolution is None:
        raise NotFoundHere()
    if resolution.version != expected_version:
        raise Stale()
    return resolution


def require(meeting: Meeting, status: MeetingStatus, message: str) -> None:
    if meeting.status != status:
        raise Refused(message, code="wrong_state")


def save(meeting: Meeting) -> None:
    meeting.version += 1
    meeting.save()


def record(
    action: Trail,
    target: MeetingSeries | Meeting | Resolution,
    *,
    by: User | None,
    posting: Posting | None,
    at: datetime | None,
    **facts: Any,
) -> None:
    audit.record(
        by=by,
        action=action,
        target=target,
        detail={"posting": posting.pk if posting else None, **facts},
        at=at,
    )


def unit_people(unit_ids: Sequence[int], at: datetime) -> list[int]:
    directory = Directory.around([], unit_ids)
    day = timezone.localdate(at)
    return [
        posting.user_id
        for unit_id in unit_ids
        for role in (Role.UNIT_HEAD, Role.UNIT_HANDLER)
        for posting in directory.in_organisation(role, unit_id, day)
    ]


def tell(
    meeting: Meeting,
    user_ids: Iterable[int],
    *,
    key: str,
    title: str,
    body: str,
    by: User,
    at: datetime,
) -> None:
    """One message a person, never to the one who acted."""
    outbox.post(
        Message(
            key=f"{key}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.MEETING,
            title=title,
            body=body,
            url=meeting.get_absolute_url(),
            created_at=at,
        )
        for user_id in dict.fromkeys(user_ids)
        if user_id != by.pk
    )
