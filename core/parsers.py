"""JSON that is safe to store. In a module of its own, because DRF's views read it as they load."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.parsers import JSONParser

from core.errors import Malformed, TooLarge

_DEPTH_LIMIT = 32
_DRAINED = 64 * 1024 * 1024  # bytes; who sends more than this is cut off after all
_CHUNK = 64 * 1024
_INTEGER_LIMIT = 2**63  # what a bigint column holds
# PostgreSQL stores neither NUL nor half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class SafeJSONParser(JSONParser):
    """JSON whose every value can be stored and echoed; anything else is refused as 400 or 413.

    DRF's own parser reads past DATA_UPLOAD_MAX_MEMORY_SIZE, takes integers no column holds, lone
    surrogates and NUL, and dies of deep nesting.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            _drain(stream)
            raise TooLarge(f"提交的内容过大，不能超过 {limit // (1024 * 1024)} MB。")
        try:
            data = json.loads(
                raw.decode("utf-8-sig"),
                parse_int=_integer,
                parse_float=_finite,
                parse_constant=_not_a_number,
            )
        except (ValueError, RecursionError) as error:
            raise Malformed("提交的内容不是合法的 JSON。") from error
        if not isinstance(data, (dict, list)):
            raise Malformed("提交的内容应是一个 JSON 对象。")
        _check_storable(data)
        return data


def _drain(stream: IO[Any]) -> None:
    """Read on and forget: whoever is cut off while sending never sees the answer."""
    for _ in range(_DRAINED // _CHUNK):
        if not stream.read(_CHUNK):
            return


def _integer(text: str) -> int:
    # The length first: turning a million digits into a number takes seconds.
    if len(text) > 20 or not -_INTEGER_LIMIT <= (number := int(text)) < _INTEGER_LIMIT:
        raise Malformed("数字超出允许的范围。")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise Malformed("数字超出允许的范围。")
    return number


def _not_a_number(text: str) -> NoReturn:
    raise Malformed("数字不能是 NaN 或 Infinity。")


def _check_storable(data: Any) -> None:
    """Raise Malformed for text that cannot be stored and for nesting deeper than our inputs."""
    level = [data]
    for _ in range(_DEPTH_LIMIT):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if _UNSTORABLE.search(value):
                    raise Malformed("文字中含有不允许的字符。")
            elif isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = inner
    if level:
        raise Malformed("提交的内容嵌套过深。")
