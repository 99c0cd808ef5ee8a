"""Running the measures of one database, and what comes out of it."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from benchmarks.commands import say
from benchmarks.measures import Group, Measure
from benchmarks.timing import Run, Turn, Unexpected, alternate

ENOUGH = 4.0  # seconds that one measure may take with its floors, roughly
FEWEST, MOST = 5, 40  # rounds
MISSING = "missing"


@dataclass
class Result:
    """One line: milliseconds, statements, bytes, and the medians of the floors taken meanwhile."""

    name: str
    label: str
    p50: float | None = None
    p95: float | None = None
    rounds: int = 0
    statements: int | None = None
    bytes: int | None = None
    view_p50: float | None = None  # floor A
    sql_p50: float | None = None  # floor B
    note: str = ""

    @property
    def to_view(self) -> float | None:
        return self.p50 / self.view_p50 if self.p50 and self.view_p50 else None

    @property
    def to_sql(self) -> float | None:
        return self.p50 / self.sql_p50 if self.p50 and self.sql_p50 else None

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def run_all(groups: Iterable[Group], *, view: Run | None, rounds: int) -> Iterator[Result]:
    """Every measure that the platform can serve; of a group that it cannot, why."""
    for name, group in groups:
        try:
            found = group()
        except Exception as error:
            yield Result(name=name, label="", note=_why(error))
            continue
        for measure in found:
            yield run_one(measure, view if measure.has_view_floor else None, rounds=rounds)


def run_one(measure: Measure, view: Run | None, *, rounds: int) -> Result:
    """Warm up, then the measure and its floors in turn."""
    result = Result(measure.name, measure.label)
    turns = [Turn("itself", measure.run, measure.before_run)]
    if view:
        turns.append(Turn("view", view))
    if measure.floor:
        turns.append(Turn("sql", measure.floor, measure.before_floor))
    try:
        repeat = measure.repeat
        if measure.warm_up:
            warm = alternate(turns, repeat=min(measure.warm_up, rounds))
            seconds = sum(series.times[-1] for series in warm.values()) / 1000
            repeat = repeat or min(MOST, max(FEWEST, int(ENOUGH / max(seconds, 0.001))))
        series = alternate(turns, repeat=max(1, min(repeat, rounds)))
        answer = measure.counted() if measure.counted else None
    except Exception as error:
        result.note = _why(error)
        return result
    itself = series["itself"]
    result.p50, result.p95, result.rounds = itself.p50, itself.p95, len(itself.times)
    result.view_p50 = series["view"].p50 if "view" in series else None
    result.sql_p50 = series["sql"].p50 if "sql" in series else None
    if answer is not None:
        result.statements, result.bytes = answer.statements, len(answer.body) or None
    return result


def _why(error: Exception) -> str:
    """What stands in place of numbers. One measure that fails must not cost half an hour of others;
    what was not foreseen is told with its trace.
    """
    if not isinstance(error, Unexpected):
        traceback.print_exception(error)
    return f"{MISSING}: {error}"


def show(result: Result) -> None:
    if result.p50 is None:
        say(f"{result.name:24} {result.note[:150]}")
        return
    say(
        f"{result.name:24} p50 {result.p50:8.1f} p95 {result.p95 or 0:8.1f}"
        f"  sql {result.statements if result.statements is not None else '-':>4}"
        f"  bytes {result.bytes or 0:>8}  /view {result.to_view or 0:6.1f}"
        f"  /sql {result.to_sql or 0:6.1f}  n {result.rounds}"
    )
