"""What the API takes and gives about people, their devices and their messages."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.models import Message
from core.openapi import Named
from people.choices import Role
from people.devices import device_id
from people.models import DeviceToken, Posting, User

MAX_READ_AT_ONCE = 200


class SignInInput(serializers.Serializer[Any]):
    username = serializers.CharField(label="用户名", max_length=40)
    password = serializers.CharField(label="密码", max_length=128, trim_whitespace=False)
    device_name = serializers.CharField(
        label="设备名称", max_length=60, help_text="便于本人辨认，例如“小米 14”。"
    )


class DeviceOutput(serializers.ModelSerializer[DeviceToken]):
    id = serializers.SerializerMethodField(help_text="设备编号，不是令牌。")
    created_at = serializers.DateTimeField(source="created", help_text="登录时间。")
    expires_at = serializers.DateTimeField(source="expiry", help_text="令牌到期时间。")
    is_current = serializers.SerializerMethodField(help_text="是否为发出本次请求的设备。")

    class Meta:
        model = DeviceToken
        fields = ["id", "device_name", "created_at", "expires_at", "is_current"]

    def get_id(self, token: DeviceToken) -> str:
        return device_id(token)

    def get_is_current(self, token: DeviceToken) -> bool:
        return bool(token == self.context["current"])


class NewDeviceOutput(DeviceOutput):
    token = serializers.SerializerMethodField(help_text="令牌，只在此时给出一次，请妥善保存。")

    class Meta(DeviceOutput.Meta):
        fields = [*DeviceOutput.Meta.fields, "token"]

    def get_token(self, token: DeviceToken) -> str:
        return str(self.context["key"])


class PostingOutput(serializers.ModelSerializer[Posting]):
    role_label = serializers.CharField(source="get_role_display")
    place = Named(allow_null=True, help_text="属地角色的任职地区。")
    organisation = Named(allow_null=True, help_text="承办角色的所在单位。")
    deputises_for = serializers.CharField(
        source="deputises_for.user.full_name",
        allow_null=True,
        help_text="代理（AB岗）时，被代理人的姓名；本职为空。",
    )

    class Meta:
        model = Posting
        fields = [
            *("id", "role", "role_label", "place", "organisation", "deputises_for"),
            *("starts_on", "ends_on"),
        ]


class MeOutput(serializers.ModelSerializer[User]):
    roles = serializers.SerializerMethodField()
    postings = PostingOutput(source="current_postings", many=True, help_text="今日有效的任职。")

    class Meta:
        model = User
        fields = ["id", "username", "full_name", "roles", "postings"]

    def get_roles(self, user: User) -> list[Role]:
        return sorted(Role(role) for role in user.roles)


class MessageOutput(serializers.ModelSerializer[Message]):
    class Meta:
        model = Message
        fields = ["id", "kind", "title", "body", "url", "urgent", "delivered_at", "read_at"]


class ReadInput(serializers.Serializer[Any]):
    ids = serializers.ListField(
        label="消息编号",
        child=serializers.IntegerField(min_value=1),
        required=False,
        allow_empty=False,
        max_length=MAX_READ_AT_ONCE,
    )
    all = serializers.BooleanField(
        label="全部", default=False, help_text="true：全部标为已读，不填 ids。"
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["all"] == ("ids" in attrs):
            raise serializers.ValidationError({"ids": "请填写 ids，或以 all 为 true，二者取一。"})
        return attrs


class ReadOutput(serializers.Serializer[Any]):
    marked = serializers.IntegerField(help_text="本次标为已读的条数。")
    unread = serializers.IntegerField(help_text="尚未阅读的条数。")
