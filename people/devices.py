"""The devices of a person: each has a token of its own, and each can be signed out alone."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from knox.settings import knox_settings

from core import audit
from core.errors import NotAllowed, NotFoundHere
from people.models import DeviceToken, User
from people.trail import Trail

DEVICE_ID_LENGTH = 16


@transaction.atomic
def add_device(*, by: User, device_name: str) -> tuple[DeviceToken, str]:
    """Give a device of ``by`` a token; return its row and the key, which is stored nowhere.

    A person has REST_KNOX["TOKEN_LIMIT_PER_USER"] devices at most: one more signs out the oldest,
    so that a phone which was lost or set up anew locks nobody out. Raises NotAllowed while the
    password is a temporary one.
    """
    if by.password_is_temporary:
        raise NotAllowed(
            "您的密码是初始密码，请先在网页上登录并修改密码。", code="password_is_temporary"
        )
    # The row lock keeps two sign-ins at once from passing the limit together.
    user = User.objects.select_for_update().get(pk=by.pk)
    user.auth_token_set.filter(expiry__lt=timezone.now()).delete()
    limit = knox_settings.TOKEN_LIMIT_PER_USER
    for oldest in user.auth_token_set.order_by("-created")[limit - 1 :]:
        _remove(oldest, by=by)
    token, key = DeviceToken.objects.create(user=user, device_name=device_name)
    audit.record(by=by, action=Trail.DEVICE_ADDED, target=user, detail={"device": device_id(token)})
    return token, key


@transaction.atomic
def remove_device(*, by: User, device: str) -> None:
    """Sign out one of the own devices, by ``device_id``. Raises NotFoundHere."""
    token = by.auth_token_set.filter(digest__startswith=device).first()
    if token is None:
        raise NotFoundHere("没有找到这台设备，可能已经注销。")
    _remove(token, by=by)


def device_id(token: DeviceToken) -> str:
    """What a device is called in addresses: the start of the key's hash; it gives nothing away."""
    return token.digest[:DEVICE_ID_LENGTH]


def _remove(token: DeviceToken, *, by: User) -> None:
    audit.record(
        by=by, action=Trail.DEVICE_REMOVED, target=token.user, detail={"device": device_id(token)}
    )
    token.delete()
