"""Each sign-in, failure, lockout and sign-out leaves an audit entry, on pages and in the API."""

from typing import Any

from axes.signals import user_locked_out
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from core import audit
from people.models import User
from people.trail import Trail


@receiver(user_logged_in)
def record_sign_in(user: User, **_: Any) -> None:
    audit.record(by=user, action=Trail.SIGNED_IN, target=user)


@receiver(user_logged_out)
def record_sign_out(user: User | None, **_: Any) -> None:
    if user is not None:
        audit.record(by=user, action=Trail.SIGNED_OUT, target=user)


@receiver(user_login_failed)
def record_failure(credentials: dict[str, Any], **_: Any) -> None:
    _record_stranger(Trail.SIGN_IN_FAILED, credentials.get("username"))


@receiver(user_locked_out)
def record_lockout(username: str | None, **_: Any) -> None:
    _record_stranger(Trail.LOCKED_OUT, username)


def _record_stranger(action: Trail, username: str | None) -> None:
    """Name the account that was tried, if there is one.

    What was typed is not kept: people type telephone numbers and passwords there.
    """
    account = User.objects.filter(username=username).first() if username else None
    audit.record(by=None, action=action, target=account)
