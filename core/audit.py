"""The audit trail of what is not a step of a case: sign-ins, unmaskings, exports, settings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone

from core.models import AuditEntry

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def record(
    *,
    by: AbstractBaseUser | None,
    action: str,
    target: models.Model | None,
    detail: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEntry:
    """Append an entry; ``by=None`` means the system. Call it in the transaction of the change.

    ``detail`` is for codes, dates and counts: no name, telephone number or free text.
    """
    return AuditEntry.objects.create(
        at=at or timezone.now(),
        actor_id=by.pk if by else None,
        action=action,
        target_type=target._meta.label_lower if target else "",
        target_id=str(target.pk) if target else "",
        detail=dict(detail or {}),
    )
