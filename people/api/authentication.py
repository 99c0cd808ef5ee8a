"""The token of a device, as the API reads it from the Authorization header."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework import exceptions

from people.models import DeviceToken


class DeviceTokenAuthentication(TokenAuthentication):
    def authenticate_credentials(self, token: bytes) -> Any:
        # Knox decodes the header and fails on bytes that are not UTF-8. Our keys are hexadecimal.
        if not token.isalnum():
            raise exceptions.AuthenticationFailed()
        return super().authenticate_credentials(token)

    def _cleanup_token(self, auth_token: DeviceToken) -> bool:
        """Forget the token if it is over. Those of other devices, at which Knox looks too with each
        request, are forgotten when a device is added (people.devices)."""
        is_over = auth_token.expiry is not None and auth_token.expiry < timezone.now()
        if is_over:
            auth_token.delete()
        return is_over


class DeviceTokenScheme(OpenApiAuthenticationExtension):
    target_class = DeviceTokenAuthentication
    name = "device_token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "每台设备一个令牌，由 POST /api/v1/tokens 取得。"
            "请求头写作 Authorization: Token <令牌>。",
        }
