"""Drawn cells that registers of several apps have."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString

from core.templatetags import kit


def lamp(row: Any) -> SafeString | str:
    """The lamp of a thing that has ``lamp()``."""
    colour = row.lamp()
    return kit.lamp(colour) if colour else kit.NONE
