"""What the OpenAPI document says of every endpoint: the shape of errors, the header of retries."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from core.idempotency import HEADER


class Problem(serializers.Serializer[Any]):
    """The one shape of an error; see ``core.api``."""

    code = serializers.CharField(help_text="固定的错误代码，供程序判断。")
    message = serializers.CharField(help_text="中文说明，可以直接显示。")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        help_text="有误的字段（photos.1 这样的路径）及其说明；与字段无关时为空。",
    )


class Named(serializers.Serializer[Any]):
    """Something that another row refers to: its id and how people call it."""

    id = serializers.IntegerField()
    name = serializers.CharField()


ERRORS = {
    400: "请求有误：invalid（字段有误）、malformed（无法解析）、bad_cursor（游标无效）、"
    "idempotency_key_required、idempotency_key_invalid。",
    401: "not_authenticated：未登录，或令牌已失效。",
    403: "not_allowed：无权进行这项操作。",
    404: "not_found：没有这条记录，或无权查看；两者不作区分。",
    409: "stale：记录已被他人更新，请重新读取后再操作。",
    410: "cursor_expired：游标过旧，请清空本机数据，不带游标重新同步。",
    413: "too_large：提交的内容、文件或图片像素过大。",
    415: "unsupported_media_type：不支持这种内容类型。",
    422: "refused、wrong_state 等：业务规则不允许，原因见 message；"
    "key_reused：同一幂等键用于了不同的请求。",
    429: "throttled：请求过于频繁，等待 Retry-After 秒后再试。",
}


def answers(success: Any, *errors: int, status: int = 200, media_type: str = "") -> dict[Any, Any]:
    """The ``responses`` of one endpoint: its success and its errors; 429 is in every one."""
    key = (status, media_type) if media_type else status
    responses: dict[Any, Any] = {key: OpenApiResponse(success, description="")}
    for error in sorted({*errors, 429}):
        responses[error] = OpenApiResponse(Problem, description=ERRORS[error])
    return responses


IDEMPOTENCY_KEY = OpenApiParameter(
    HEADER,
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=True,
    description="本次写入的唯一键（8–200 个 ASCII 字符，建议用 UUID）。未收到答复时用同一键、"
    "同一内容重发，得到第一次的答复，并带 Idempotency-Replayed: true；不会重复写入。保留 30 天。",
)
