"""What the platform promises, in one table. The bench marks what misses it and goes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Limits of one measure; None where nothing is promised.

    ``to_view`` and ``to_sql`` are ratios of medians to floor A and floor B, ``statements`` counts
    all but BEGIN, COMMIT and SAVEPOINT, ``growth`` is the median at the largest size to the one at
    the smallest.
    """

    to_view: float | None = None
    to_sql: float | None = None
    statements: int | None = None
    growth: float | None = None


FLAT = 1.3
WRITE = Target(to_view=6, statements=12, growth=FLAT)
API_LIST = Target(to_view=5, statements=6, growth=FLAT)
HTML_LIST = Target(to_view=12, statements=6, growth=FLAT)

TARGETS: dict[str, Target] = {
    "create": WRITE,
    "action": WRITE,
    **{
        f"list.{form}.{who}": target
        for form, target in (("api", API_LIST), ("html", HTML_LIST))
        for who in ("district", "town", "grid", "fifty", "two")
    },
    "list.api.waiting": API_LIST,
    "desk.html": Target(to_view=12, growth=FLAT),
    "deep.api": API_LIST,
    "deep.html": HTML_LIST,
    "search.rare": Target(growth=FLAT),
    "search.common": Target(to_sql=3),
    "detail.api": Target(to_view=5, growth=FLAT),
    "detail.html": Target(to_view=12, growth=FLAT),
    "sync": Target(growth=FLAT),
    "batch": Target(to_view=60),
    "reminders": Target(to_sql=2),
    "reminders.again": Target(),
}
