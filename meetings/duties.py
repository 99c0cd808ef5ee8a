"""What of the joint meetings a posting holds: the matters that its holder answers for by name."""

from __future__ import annotations

from datetime import date

from django.db.models import Q

from meetings import actions
from meetings.choices import ResolutionStatus
from meetings.models import Resolution
from meetings.querysets import ResolutionQuerySet
from people.duties import Duty, leaves_service, leaves_unit, register
from people.models import Posting, User


def owned(posting: Posting, until: date) -> ResolutionQuerySet:
    """Resolutions still running whose responsible person would be no longer at work, or no longer
    in one of the resolution's units, if the posting ended with ``until``."""
    resolutions = Resolution.objects.filter(
        responsible_person=posting.user_id, status=ResolutionStatus.RUNNING
    )
    if leaves_service(posting, until):
        return resolutions
    if leaves_unit(posting, until):
        unit = posting.organisation_id
        led_or_joined = Resolution.objects.filter(Q(lead_unit=unit) | Q(units=unit))
        return resolutions.filter(pk__in=led_or_joined.values("pk"))
    return resolutions.none()


def hand_over(posting: Posting, successor: User, *, by: User | None, until: date) -> int:
    ids = list(owned(posting, until).order_by("pk").values_list("pk", flat=True))
    for resolution_id in ids:
        actions.change_responsible_person(resolution_id, by=by, person=successor)
    return len(ids)


register(
    Duty(code="owned_resolutions", label="议定事项", measure="项", held=owned, hand_over=hand_over)
)
