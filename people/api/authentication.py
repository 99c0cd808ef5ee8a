"""The token of a device, as the API reads it from the Authorization header."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework import exceptions


class DeviceTokenAuthentication(TokenAuthentication):
    def authenticate_credentials(self, token: bytes) -> Any:
        # Knox decodes the header and fails on bytes that are not UTF-8. Our keys are hexadecimal.
        if not token.isalnum():
            raise exceptions.AuthenticationFailed()
        return super().authenticate_credentials(token)


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
