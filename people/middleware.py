"""Who holds a temporary password sets an own one before anything else."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class TemporaryPasswordMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        allowed = {reverse("password_change"), reverse("logout")}
        # An anonymous visitor has no such attribute.
        if getattr(request.user, "password_is_temporary", False) and request.path not in allowed:
            return redirect("password_change")
        return self.get_response(request)
