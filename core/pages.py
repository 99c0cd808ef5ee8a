"""What every page shares: how a refusal looks, and whether htmx asks for a part only."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from core.errors import NotAllowed, Refused

TITLES = {
    400: "无法理解这个请求",
    403: "没有权限",
    404: "没有找到",
    409: "内容已被更新",
    413: "内容过大",
    429: "请稍后再试",
}


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks, and so gets the part that changes instead of the whole page."""
    return request.headers.get("HX-Request") == "true"


def refusal(request: HttpRequest, error: Refused, *, back_url: str = "") -> HttpResponse:
    """Answer a refusal with its message and its HTTP status, as a page or, for htmx, a part."""
    status = error.http_status
    return render(
        request,
        "core/_message.html" if wants_part(request) else "core/message.html",
        {
            "title": TITLES.get(status, "没有办成"),
            "message": error.message,
            "back_url": back_url or "/",
        },
        status=status,
    )


def business_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Ask for a sign-in, and for an account that areas, issues and what follows concern at all.

    The three administrators' accounts see none of it: they get 403, not an empty list.
    """

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user: Any = request.user  # what an account is, people says, a floor above
        if not user.sees_business:
            raise NotAllowed("您的账号不查看业务数据。")
        return view(request, *args, **kwargs)

    return login_required(checked)


class RefusalMiddleware:
    """Turn a refusal which no view caught into its page; the API's views catch theirs before."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return refusal(request, error) if isinstance(error, Refused) else None
