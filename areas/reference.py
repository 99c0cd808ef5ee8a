"""The tree of places, kept in memory."""

from __future__ import annotations

from areas.models import Place
from core.kept import Kept


def _load() -> dict[int, Place]:
    """Every place by its id, in the order of codes; its ancestors are in it as the same rows."""
    found = {place.pk: place for place in Place.objects.order_by("code")}
    for place in found.values():
        for name in ("parent", "district", "town", "community"):
            above = getattr(place, f"{name}_id")
            if above is not None:
                setattr(place, name, found[above])
    return found


_kept = Kept(_load, Place)


def places() -> dict[int, Place]:
    """All places by id, in the order of their codes, each with its ancestors. Read-only."""
    return _kept.get()
