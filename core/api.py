"""What every API answer has in common: errors in one shape.

An error is ``{"code": stable word, "message": Chinese sentence, "fields": {name: [sentences]}}``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from django.core import exceptions as django_exceptions
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response

from core.errors import Malformed, Refused, TooLarge

API_PREFIX = "/api/"

_INVALID = "填写的内容有误，请按提示修改。"
_TOO_BIG = (
    django_exceptions.RequestDataTooBig,
    django_exceptions.TooManyFieldsSent,
    django_exceptions.TooManyFilesSent,
)
_BROKEN = (
    django_exceptions.BadRequest,
    django_exceptions.SuspiciousOperation,
    MultiPartParserError,
)

# DRF's code → ours and the message.
_KNOWN = {
    "not_authenticated": ("not_authenticated", "请先登录。"),
    "authentication_failed": ("not_authenticated", "登录已失效，请重新登录。"),
    "permission_denied": ("not_allowed", "您没有权限进行这项操作。"),
    "not_found": ("not_found", "没有找到请求的内容，或您无权查看。"),
    "method_not_allowed": ("method_not_allowed", "这个地址不支持这种请求方法。"),
    "not_acceptable": ("not_acceptable", "无法按所要求的格式答复。"),
    "unsupported_media_type": ("unsupported_media_type", "不支持这种内容类型的请求。"),
    "throttled": ("throttled", "请求过于频繁，请稍后再试。"),
    "parse_error": ("malformed", "提交的内容格式不正确，无法解析。"),
}


def problem(
    code: str, message: str, fields: Mapping[str, list[str]] | None = None
) -> dict[str, Any]:
    """The one shape of an error."""
    return {"code": code, "message": message, "fields": dict(fields or {})}


# --- inside DRF views ---


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Turn any expected exception into an error answer; None for a bug, which becomes a 500."""
    error = _as_known(error)
    if isinstance(error, Refused):
        data = problem(error.code, error.message, error.fields)
        return Response(data, status=error.http_status)
    if not isinstance(error, exceptions.APIException):
        return None
    headers = {}
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_flattened(error.detail))
        general = fields.pop("", [])
        data = problem("invalid", general[0] if general else _INVALID, fields)
    elif wait := getattr(error, "wait", None):
        seconds = math.ceil(wait)
        headers["Retry-After"] = str(seconds)
        data = problem("throttled", f"请求过于频繁，请 {seconds} 秒后再试。")
    else:
        data = problem(*_KNOWN.get(error.default_code, ("refused", "请求未被接受。")))
    return Response(data, status=error.status_code, headers=headers)


def _as_known(error: Exception) -> Exception:
    """What Django raises, as what we or DRF would raise in its place."""
    if isinstance(error, _TOO_BIG):
        return TooLarge()
    if isinstance(error, _BROKEN):
        return Malformed()
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, django_exceptions.PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, django_exceptions.ValidationError):
        by_field = hasattr(error, "error_dict")
        return exceptions.ValidationError(error.message_dict if by_field else error.messages)
    return error


def _flattened(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """``{"photos": [{}, {"caption": [..]}]}`` → ``("photos.1.caption", [..])``; "" is the whole."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _flattened(inner, ".".join(part for part in (path, step) if part))
    elif isinstance(detail, list) and any(isinstance(inner, (Mapping, list)) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _flattened(inner, f"{path}.{index}" if path else str(index))
    elif isinstance(detail, list):
        if detail:
            yield path, [str(message) for message in detail]
    else:
        yield path, [str(detail)]


# --- outside DRF views: unknown routes, broken requests, bugs ---


def _for_api(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIX)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    error = _as_known(exception)
    status = error.http_status if isinstance(error, TooLarge) else 400
    if not _for_api(request):
        response = defaults.bad_request(request, exception)
        response.status_code = status
        return response
    known = error if isinstance(error, Refused) else Malformed()
    return JsonResponse(problem(known.code, known.message), status=status)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _for_api(request):
        return defaults.permission_denied(request, exception)
    return JsonResponse(problem(*_KNOWN["permission_denied"]), status=403)


def handler404(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not _for_api(request):
        return defaults.page_not_found(request, exception)
    return JsonResponse(problem(*_KNOWN["not_found"]), status=404)


def handler500(request: HttpRequest) -> HttpResponse:
    if not _for_api(request):
        return defaults.server_error(request)
    return JsonResponse(problem("server_error", "服务器内部错误，请稍后再试。"), status=500)
