"""What happened to resolutions because time passed. A sweep may run twice, or die half-way."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from core.errors import Refused
from meetings import following
from meetings.models import Resolution


def supervise_overdue_resolutions(now: datetime | None = None) -> int:
    """Issue a supervision order on the case of each overdue resolution, once; return how many.

    Each is a transaction of its own, so that one that is refused stops no other.
    """
    now = now or timezone.now()
    overdue = Resolution.objects.overdue_on_open_case(timezone.localdate(now)).order_by(
        "due_date", "id"
    )
    issued = 0
    for resolution_id in list(overdue.values_list("pk", flat=True)):
        try:
            order = following.supervise_overdue(resolution_id, at=now)
        except Refused:
            continue  # the case has moved on meanwhile
        issued += order is not None
    return issued
