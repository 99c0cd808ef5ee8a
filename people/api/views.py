"""Signing in and out with a device, who I am, and what was sent to me."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.authentication import BaseAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import outbox
from core.api import problem
from core.errors import Malformed, Refused
from core.keyset import Sort
from core.models import Message, MessageQuerySet
from core.openapi import answers
from core.pagination import Keyset, Order
from people import devices
from people.api.serializers import (
    DeviceOutput,
    MeOutput,
    MessageOutput,
    NewDeviceOutput,
    ReadInput,
    ReadOutput,
    SignInInput,
)
from people.models import DeviceToken, User
from people.requests import signed_in

DELIVERED = Order(Sort("时间", ("delivered_at", "id"), always_set=True), descending=True)


class SignInFailed(Refused):
    """Name and password do not belong together. HTTP 401."""

    http_status = 401
    default_code = "sign_in_failed"
    default_message = "用户名或密码不正确。"


class TokensView(APIView):
    @property
    def signs_in(self) -> bool:
        # The API document looks at the view without a request.
        return self.request is not None and self.request.method == "POST"

    @property
    def throttle_scope(self) -> str | None:
        return "sign_in" if self.signs_in else None

    def get_authenticators(self) -> list[BaseAuthentication]:
        # Who signs in anew may still send a token that has died.
        return [] if self.signs_in else super().get_authenticators()

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.signs_in else IsAuthenticated()]

    @extend_schema(
        operation_id="sign_in",
        summary="登录（为本机领取令牌）",
        description="连续输错 5 次，账号锁定 15 分钟（429 locked_out）。每人最多 5 台设备，"
        "超出时最早登录的一台自动注销。初始密码须先在网页上修改（403 password_is_temporary）。",
        tags=["登录"],
        auth=[],
        request=SignInInput,
        responses=answers(NewDeviceOutput, 400, 401, 403, status=201),
    )
    def post(self, request: Request) -> Response:
        data = _validated(SignInInput, request)
        # On the Request of the framework, not Django's: there the lockout would become a page.
        user = authenticate(request, username=data["username"], password=data["password"])
        if getattr(request, "axes_locked_out", False):
            return _locked_out()
        if not isinstance(user, User):
            raise SignInFailed()
        token, key = devices.add_device(by=user, device_name=data["device_name"])
        user_logged_in.send(sender=User, request=request, user=user)
        output = NewDeviceOutput(token, context={"current": token, "key": key})
        return Response(output.data, status=201)

    @extend_schema(
        operation_id="list_devices",
        summary="我的设备",
        tags=["登录"],
        responses=answers(DeviceOutput(many=True), 401),
    )
    def get(self, request: Request) -> Response:
        tokens = signed_in(request).auth_token_set.order_by("-created")
        output = DeviceOutput(tokens, many=True, context={"current": request.auth})
        return Response(output.data)


class TokenView(APIView):
    @extend_schema(
        operation_id="sign_out_device",
        summary="注销一台设备",
        tags=["登录"],
        request=None,
        responses=answers(None, 401, 404, status=204),
    )
    def delete(self, request: Request, device: str) -> Response:
        devices.remove_device(by=signed_in(request), device=device)
        return Response(status=204)


class CurrentTokenView(APIView):
    @extend_schema(
        operation_id="sign_out",
        summary="退出登录（注销本机）",
        tags=["登录"],
        request=None,
        responses=answers(None, 400, 401, status=204),
    )
    def delete(self, request: Request) -> Response:
        if not isinstance(request.auth, DeviceToken):
            raise Malformed("本次请求不是用设备令牌发出的。", code="no_device")
        devices.remove_device(by=signed_in(request), device=devices.device_id(request.auth))
        return Response(status=204)


class MeView(APIView):
    @extend_schema(
        operation_id="me",
        summary="我是谁：姓名、角色、任职",
        tags=["登录"],
        responses=answers(MeOutput, 401),
    )
    def get(self, request: Request) -> Response:
        return Response(MeOutput(signed_in(request)).data)


class MessageFilter(filters.FilterSet):
    unread = filters.BooleanFilter(
        field_name="read_at", lookup_expr="isnull", label="只看未读（true）或已读（false）"
    )

    class Meta:
        model = Message
        fields: list[str] = []


@extend_schema_view(
    get=extend_schema(
        operation_id="inbox",
        summary="消息",
        description="按送达时间，新的在前。",
        tags=["消息"],
        responses=answers(MessageOutput(many=True), 400, 401),
    )
)
class InboxView(ListAPIView[Message]):
    queryset = Message.objects.none()  # for the API document
    serializer_class = MessageOutput
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = MessageFilter
    pagination_class = Keyset

    def get_page_order(self) -> Order:
        return DELIVERED

    def get_queryset(self) -> MessageQuerySet:
        return Message.objects.inbox_of(signed_in(self.request))


class InboxReadView(APIView):
    @extend_schema(
        operation_id="mark_read",
        summary="标为已读",
        description="重发无害，不需要幂等键。他人的消息编号不起作用。",
        tags=["消息"],
        request=ReadInput,
        responses=answers(ReadOutput, 400, 401),
    )
    def post(self, request: Request) -> Response:
        data = _validated(ReadInput, request)
        marked = outbox.mark_read(by=signed_in(request), message_ids=data.get("ids"))
        output = ReadOutput({"marked": marked, "unread": outbox.unread_count(signed_in(request))})
        return Response(output.data)


def _validated(shape: Any, request: Request) -> dict[str, Any]:
    data = shape(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _locked_out() -> Response:
    wait = settings.AXES_COOLOFF_TIME
    message = f"连续输错密码，账号已锁定，请 {int(wait.total_seconds() // 60)} 分钟后再试。"
    headers = {"Retry-After": str(int(wait.total_seconds()))}
    return Response(problem("locked_out", message), status=429, headers=headers)
