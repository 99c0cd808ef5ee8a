"""Results as Markdown, as they stand in docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from benchmarks import report
from benchmarks.servers import BASE_DIR
from benchmarks.targets import TARGETS, Target

DOCUMENT = BASE_DIR / "docs" / "performance.md"
COLUMN = 54  # characters of the left one of two profiles


def where(found: Mapping[str, Any]) -> str:
    """The machine and the commit of a result file."""
    machine = found["machine"]
    changed = ", changed" if found["changed"] else ""
    memory = machine["memory_mb"] / 1024
    return f"{machine['cores']} cores, {memory:.0f} GB, commit {found['commit']}{changed}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def profiles(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Statements, time and bytes of each path, and where its time goes, two beside each other."""
    yield from table(
        ["Path", "SQL", "ms", "of which CPU", "bytes"],
        [
            [
                f"`{one['name']}`",
                str(one["statements"]),
                f"{one['ms']:.1f}",
                f"{one['cpu_ms']:.1f}",
                f"{one['bytes']:,}",
            ]
            for one in found
        ],
    )
    yield from ("", "```")
    for start in range(0, len(found), 2):
        if start:
            yield ""
        columns = [[one["name"], *one["shares"]] for one in found[start : start + 2]]
        for line in zip_longest(*columns, fillvalue=""):
            yield "".join(cell.ljust(COLUMN) for cell in line).rstrip()
    yield "```"


def results(found: Mapping[str, Any]) -> Iterator[str]:
    """A whole run: every measure at every size, what the databases took, and the load."""
    sizes = sorted(found["sizes"], key=int)
    by_size = [
        {line["name"]: line for line in found["sizes"][size]["lines"] if line.get("p50")}
        for size in sizes
    ]
    counts = [f"{int(size):,}" for size in sizes]
    minutes = found["seconds"] / 60
    yield f"{where(found)}, {found['date'][:10]}; {minutes:.0f} minutes for the whole."
    yield ""
    yield from table(
        [
            "Measure",
            "SQL",
            "bytes",
            *(f"ms {count}" for count in counts),
            *(f"/view {count}" for count in counts),
            *(f"/SQL {count}" for count in counts),
            "growth",
        ],
        [list(_measure(name, by_size)) for name in by_size[-1]],
    )
    yield ""
    yield from table(
        ["Cases", "seeded in", "database", "all open: seeded in", "database"],
        [
            [
                count,
                f"{one['seconds']:.0f} s",
                f"{one['bytes'] / 2**20:,.0f} MB",
                f"{one['open_seconds']:.0f} s",
                f"{one['open_bytes'] / 2**20:,.0f} MB",
            ]
            for count, one in zip(counts, (found["sizes"][size] for size in sizes), strict=True)
        ],
    )
    yield ""
    yield from table(
        [f"At {counts[-1]} cases", "requests/s", "p50", "p95", "errors"],
        [
            [
                load["label"],
                f"{load['per_second']:.1f}",
                f"{load['p50']:.0f}",
                f"{load['p95']:.0f}",
                str(load["errors"]),
            ]
            for load in found["throughput"]
        ],
    )


def _measure(name: str, by_size: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The cells of a row. What misses its target is bold."""
    target = TARGETS.get(name, Target())
    lines = [lines.get(name, {}) for lines in by_size]
    last = lines[-1]
    yield f"`{name}`"
    yield _number(last["statements"], "d", target.statements)
    yield _number(last["bytes"] or None, ",d")
    yield from (_number(line.get("p50"), ",.1f") for line in lines)
    yield from (_number(report.to_view(line), ".1f", target.to_view) for line in lines)
    yield from (_number(report.to_sql(line), ".1f", target.to_sql) for line in lines)
    yield _number(report.growth(lines[0], last), ".2f", target.growth)


def _number(value: float | None, form: str, limit: float | None = None) -> str:
    if value is None:
        return ""
    text = format(value, form)
    return f"**{text}**" if limit is not None and value > limit else text


def put_into_docs(name: str, lines: Sequence[str]) -> None:
    """Write the lines into docs/performance.md, between the marks of this name."""
    DOCUMENT.write_text(between(DOCUMENT.read_text("utf-8"), name, lines), "utf-8")


def between(text: str, name: str, lines: Sequence[str]) -> str:
    """``text`` with the lines in place of what stands between the marks."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{DOCUMENT} 中没有 {begin.strip()} 和 {end.strip()}。")
    return "".join([before, begin, *(f"{line}\n" for line in lines), end, after])
