"""What drawn cells say in a file."""

from __future__ import annotations

from typing import Any

from core.templatetags.kit import LAMPS


def lamp(row: Any) -> str:
    """The word of the lamp of a thing that has ``lamp()``."""
    colour = row.lamp()
    return LAMPS[colour] if colour else ""
