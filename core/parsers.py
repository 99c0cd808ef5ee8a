"""JSON that is safe to store. In a module of its own, because DRF's views read it as they load."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NamedTuple

from django.conf import settings
from rest_framework.parsers import JSONParser

from core.errors import Malformed, TooLarge

_DEPTH_LIMIT = 32
_DRAINED = 64 * 1024 * 1024  # bytes; who sends more than this is cut off after all
_CHUNK = 64 * 1024
_INTEGER_LIMIT = 2**63  # what a bigint column holds
_LONGEST_INTEGER = len(str(-_INTEGER_LIMIT))
_NO_NUMBER = "数字超出允许的范围，或者是 NaN、Infinity。"
# PostgreSQL stores neither NUL nor half a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class RawJSONParser(JSONParser):
    """JSON as it was sent: the view has yet to ``check_storable`` what it stores or echoes of it.

    DRF's own parser reads past DATA_UPLOAD_MAX_MEMORY_SIZE and dies of deep nesting.
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
            data = json.loads(raw.decode("utf-8-sig"), parse_int=_integer)
        except (ValueError, RecursionError) as error:
            raise Malformed("提交的内容不是合法的 JSON。") from error
        if not isinstance(data, (dict, list)):
            raise Malformed("提交的内容应是一个 JSON 对象。")
        return data


class SafeJSONParser(RawJSONParser):
    """JSON whose every value can be stored and echoed; anything else is refused as 400 or 413."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        data = super().parse(stream, media_type, parser_context)
        check_storable(data)
        return data


def check_storable(data: Any) -> None:
    """Raise Malformed, which names the field, for a value that no column holds.

    Such are integers beyond 64 bits, NaN and infinity, lone surrogates, NUL; also what is nested
    deeper than our inputs.
    """
    if fault := _fault(data, _DEPTH_LIMIT):
        path = ".".join(fault.path)
        if not path:
            raise Malformed(fault.sentence)
        raise Malformed(f"{path}：{fault.sentence}", fields={path: [fault.sentence]})


def _drain(stream: IO[Any]) -> None:
    """Read on and forget: whoever is cut off while sending never sees the answer."""
    for _ in range(_DRAINED // _CHUNK):
        if not stream.read(_CHUNK):
            return


def _integer(text: str) -> float:
    # The length first: turning a million digits into a number takes seconds.
    return int(text) if len(text) <= _LONGEST_INTEGER else math.inf


class _Fault(NamedTuple):
    sentence: str
    path: tuple[str, ...] = ()


def _fault(value: Any, levels: int) -> _Fault | None:
    """The first thing wrong with a value, and where in it; ``levels`` may be nested in it."""
    if isinstance(value, str):
        return _Fault("文字中含有不允许的字符。") if _UNSTORABLE.search(value) else None
    if isinstance(value, float):
        return None if math.isfinite(value) else _Fault(_NO_NUMBER)
    if isinstance(value, int):
        return None if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else _Fault(_NO_NUMBER)
    inner: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        if any(_UNSTORABLE.search(name) for name in value):
            return _Fault("字段名中含有不允许的字符。")
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for name, one in inner:
        if not levels:
            return _Fault("内容嵌套过深。")
        if fault := _fault(one, levels - 1):
            return fault._replace(path=(str(name), *fault.path))
    return None
