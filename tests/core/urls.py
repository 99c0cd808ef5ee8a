"""Endpoints for the tests of what every API answer has in common."""

from collections.abc import Callable
from typing import Any, NoReturn, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.http import Http404, HttpRequest
from django.urls import include, path
from rest_framework import serializers
from rest_framework.decorators import api_view, parser_classes, permission_classes
from rest_framework.exceptions import Throttled
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from core import errors
from core.audit import record
from core.idempotency import once
from core.models import AuditEntry
from core.parsers import SafeJSONParser

RAISED: dict[str, Callable[[], Exception]] = {
    "refused": lambda: errors.Refused("已结案的问题不能再交办。"),
    "refused-fields": lambda: errors.Refused("不行。", "co_unit_missing", {"co_units": ["未回复"]}),
    "not-allowed": errors.NotAllowed,
    "stale": errors.Stale,
    "not-found-here": errors.NotFoundHere,
    "too-large": errors.TooLarge,
    "404": Http404,
    "403": PermissionDenied,
    "suspicious": lambda: SuspiciousOperation("Invalid HTTP_HOST header: 'x'."),
    "validation": lambda: ValidationError({"title": "标题太短。"}),
    "throttled": lambda: Throttled(wait=17),
    "bug": lambda: RuntimeError("a secret detail"),
}


class Photo(serializers.Serializer):
    caption = serializers.CharField(max_length=5)


class Input(serializers.Serializer):
    title = serializers.CharField(max_length=10)
    count = serializers.IntegerField(required=False)
    photos = Photo(many=True, required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if data["title"] == "禁":
            raise serializers.ValidationError("这个标题不能用。")
        return data


@api_view(["POST"])
@permission_classes([AllowAny])
@parser_classes([SafeJSONParser])
def echo(request: Request) -> Response:
    given = Input(data=request.data)
    given.is_valid(raise_exception=True)
    return Response(given.validated_data)


@api_view(["GET"])
@permission_classes([AllowAny])
def fail(request: Request, what: str) -> Response:
    raise RAISED[what]()


@api_view(["GET"])
def private(request: Request) -> Response:
    return Response({})


@api_view(["POST"])
@parser_classes([SafeJSONParser, MultiPartParser])
def write(request: Request) -> Response:
    """Appends an audit entry, once per key; refuses where the body says so."""

    body = cast(dict[str, Any], request.data)

    def work() -> Response:
        by = cast(AbstractBaseUser, request.user)
        entry = record(by=by, action="test.written", target=None)
        if body.get("refuse"):
            raise errors.Refused("不行。")
        return Response({"zebra": entry.pk, "apple": entry.at}, status=201)

    return once(request, work, forever=bool(body.get("forever")))


@api_view(["POST"])
@parser_classes([SafeJSONParser])
def write_elsewhere(request: Request) -> Response:
    return once(request, lambda: Response({"count": AuditEntry.objects.count()}))


def plain_fail(request: HttpRequest, what: str) -> NoReturn:
    raise RAISED[what]()


urlpatterns = [
    path("api/echo", echo),
    path("api/fail/<what>", fail),
    path("api/private", private),
    path("api/write", write),
    path("api/write-elsewhere", write_elsewhere),
    path("api/plain/<what>", plain_fail),
    path("page/<what>", plain_fail),
    path("", include("governance.urls")),  # the frame of an error page links to the real pages
]
handler400 = "core.api.handler400"
handler403 = "core.api.handler403"
handler404 = "core.api.handler404"
handler500 = "core.api.handler500"
