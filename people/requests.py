"""Who asks, and from where."""

from typing import cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from people.models import User


def signed_in(request: HttpRequest | Request) -> User:
    """The account behind a request, of a page or the API, whose sign-in has been checked."""
    return cast(User, request.user)


def client_address(request: HttpRequest) -> str | None:
    """The address of the visitor; behind the reverse proxy, what that wrote last as such.

    None where there is no visitor: a session made by a program.
    """
    if settings.BEHIND_PROXY and (forwarded := request.headers.get("X-Forwarded-For")):
        return forwarded.rpartition(",")[2].strip()
    return request.META.get("REMOTE_ADDR")
