"""Two result files: what has become slower than noise, faster, or needs more statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.report import to_sql, to_view

# By how much a median may differ between two runs of the same code, measured on a quiet machine of
# two cores; and a difference below so many milliseconds is never worth a word.
NOISE = 0.20
SMALLEST = 0.5


@dataclass(frozen=True)
class Change:
    """One measure in two files; ratios are new to old, of what each took in its own floors."""

    size: str
    name: str
    label: str
    old: float
    new: float
    ratio: float
    statements: tuple[int | None, int | None]

    @property
    def is_slower(self) -> bool:
        return self.ratio > 1 + NOISE and self.new - self.old * self.scale > SMALLEST

    @property
    def is_faster(self) -> bool:
        return self.ratio < 1 / (1 + NOISE)

    @property
    def scale(self) -> float:
        """How much slower the whole machine was in the second run, by the floors."""
        return self.new / self.old / self.ratio

    @property
    def needs_more(self) -> bool:
        old, new = self.statements
        return old is not None and new is not None and new > old


def changes(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    """The measures that both files have a number for."""
    for size, one in new["sizes"].items():
        before = {line["name"]: line for line in old["sizes"].get(size, {}).get("lines", ())}
        for line in one["lines"]:
            other = before.get(line["name"])
            if other and other.get("p50") and line.get("p50"):
                yield Change(
                    size=size,
                    name=line["name"],
                    label=line["label"],
                    old=other["p50"],
                    new=line["p50"],
                    ratio=_ratio(other, line),
                    statements=(other.get("statements"), line.get("statements")),
                )


def _ratio(old: dict[str, Any], new: dict[str, Any]) -> float:
    """In units of a floor that was taken in the same minutes: the view, else the bare SQL, else
    milliseconds.
    """
    for in_floors in (to_view, to_sql):
        before, after = in_floors(old), in_floors(new)
        if before and after:
            return after / before
    return float(new["p50"] / old["p50"])


def lost(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What the old file has a number for and the new one has not, at the sizes of both."""
    names = []
    for size, one in new["sizes"].items():
        after = {line["name"] for line in one["lines"] if line.get("p50")}
        before = old["sizes"].get(size, {}).get("lines", ())
        names += [
            f"{int(size):,} {line['label']}"
            for line in before
            if line.get("p50") and line["name"] not in after
        ]
    return names


def lines(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """What has changed, in words; nothing where nothing has."""
    for change in changes(old, new):
        if change.is_slower or change.is_faster:
            word = "慢了" if change.is_slower else "快了"
            yield (
                f"{word} {int(change.size):>9,}  {change.label}："
                f"{change.old:.1f} → {change.new:.1f} 毫秒，按基准折算 {change.ratio:.2f} 倍"
            )
        if change.needs_more:
            before, after = change.statements
            yield f"语句多了 {int(change.size):>9,}  {change.label}：{before} → {after}"
    for name in lost(old, new):
        yield f"没有了 {name}"


def is_worse(old: dict[str, Any], new: dict[str, Any]) -> bool:
    found = any(change.is_slower or change.needs_more for change in changes(old, new))
    return found or bool(lost(old, new))
