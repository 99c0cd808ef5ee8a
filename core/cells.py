"""Cells that registers of several apps have: drawn on a page, and as text in a file."""

from __future__ import annotations

from typing import Any

from django.utils.safestring import SafeString

from core.templatetags import kit


def draw_lamp(row: Any) -> SafeString | str:
    """The lamp of a thing that has ``lamp()``."""
    colour = row.lamp()
    return kit.lamp(colour) if colour else kit.NONE


def lamp_text(row: Any) -> str:
    colour = row.lamp()
    return kit.LAMPS[colour] if colour else ""
