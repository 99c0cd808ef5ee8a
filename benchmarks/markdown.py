"""Results as Markdown, as they stand in docs/performance.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from benchmarks.servers import BASE_DIR

DOCUMENT = BASE_DIR / "docs" / "performance.md"
COLUMN = 48  # characters of the left one of two profiles


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
