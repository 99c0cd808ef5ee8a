"""Results as a file that machines read, and as tables that people read."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from benchmarks.commands import say
from benchmarks.servers import BASE_DIR
from benchmarks.targets import TARGETS, Target

Line = dict[str, Any]  # a running.Result, as it stands in the file

FORMAT = 1
LABEL_WIDTH = 34
MISSED = "✗"


# --- the file ---


def header() -> Line:
    """What was measured, where and when."""
    return {
        "format": FORMAT,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD"),
        "changed": bool(_git("status", "--porcelain")),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
            "python": platform.python_version(),
            "load_before": os.getloadavg()[0],
        },
    }


def write(path: Path, found: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


def read(path: Path) -> Line:
    found: Line = json.loads(path.read_text("utf-8"))
    if found.get("format") != FORMAT:
        raise SystemExit(f"{path} 不是本工具写的结果文件。")
    return found


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )
    return result.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


# --- ratios ---


def to_view(line: Line) -> float | None:
    return _ratio(line.get("p50"), line.get("view_p50"))


def to_sql(line: Line) -> float | None:
    return _ratio(line.get("p50"), line.get("sql_p50"))


def _ratio(over: float | None, under: float | None) -> float | None:
    return over / under if over and under else None


def misses(line: Line) -> list[str]:
    """What of its target a measure misses, the growth apart."""
    target = TARGETS.get(line["name"], Target())
    found = []
    for value, limit, text in (
        (to_view(line), target.to_view, "空视图"),
        (to_sql(line), target.to_sql, "SQL"),
        (line.get("statements"), target.statements, "语句"),
    ):
        if value is not None and limit is not None and value > limit:
            found.append(f"{text} ≤ {limit:g}")
    return found


def growth(first: Line, last: Line) -> float | None:
    """How much longer it takes at the larger size: of what it takes in floor views, so that a
    machine that was slower in the meantime does not show.
    """
    before, after = to_view(first), to_view(last)
    if before is None or after is None:
        before, after = first.get("p50"), last.get("p50")
    return _ratio(after, before)


# --- tables ---


def table(lines: Sequence[Line]) -> Iterator[str]:
    yield _row("", "p50", "p95", "SQL", "字节", "/空视图", "/裸SQL", "未达标")
    for line in lines:
        if line.get("p50") is None:
            yield f"{_padded(line['name'])}  {line['note'][:80]}"
            continue
        yield _row(
            line["label"],
            _ms(line["p50"]),
            _ms(line["p95"]),
            _whole(line["statements"]),
            _whole(line["bytes"]),
            _times(to_view(line)),
            _times(to_sql(line)),
            " ".join(f"{MISSED} {miss}" for miss in misses(line)),
        )


def growth_table(sizes: Mapping[str, Any]) -> Iterator[str]:
    """The medians of every size beside each other, and how the largest compares."""
    names = sorted(sizes, key=int)
    by_name = {size: {line["name"]: line for line in sizes[size]["lines"]} for size in names}
    yield _row("", *(f"{int(size):,}" for size in names), "增长", "")
    for name, last in by_name[names[-1]].items():
        lines = [by_name[size].get(name, {}) for size in names]
        grown = growth(lines[0], lines[-1])
        limit = TARGETS.get(name, Target()).growth
        missed = grown is not None and limit is not None and grown > limit
        yield _row(
            last["label"] if last.get("label") else name,
            *(_ms(line.get("p50")) for line in lines),
            f"{grown:.2f}" if grown else "–",
            f"{MISSED} ≤ {limit:g}" if missed else "",
        )


def throughput_table(lines: Sequence[Line]) -> Iterator[str]:
    yield _row("", "请求/秒", "p50", "p95", "出错", "", "", "")
    for line in lines:
        yield _row(
            line["label"],
            f"{line['per_second']:.1f}",
            _ms(line["p50"]),
            _ms(line["p95"]),
            str(line["errors"]),
            "",
            "",
            "",
        )


def show(found: Mapping[str, Any]) -> None:
    for size, one in sorted(found["sizes"].items(), key=lambda item: int(item[0])):
        say(f"\n=== {int(size):,} 件 ===")
        say(f"造数 {one['seconds']:.0f} 秒，数据库 {one['bytes'] / 2**20:,.0f} MB。毫秒，倍数。\n")
        for text in table(one["lines"]):
            say(text)
    if len(found["sizes"]) > 1:
        say("\n=== 随件数增长（毫秒；增长以空视图为尺）===\n")
        for text in growth_table(found["sizes"]):
            say(text)
    if found.get("throughput"):
        say("\n=== 并发（读写混合）===\n")
        for text in throughput_table(found["throughput"]):
            say(text)


def _row(label: str, *cells: str) -> str:
    *numbers, last = cells
    return f"{_padded(label)}{''.join(_right(cell, 10) for cell in numbers)}  {last}".rstrip()


def _padded(text: str) -> str:
    return text + " " * max(0, LABEL_WIDTH - _width(text))


def _right(text: str, width: int) -> str:
    return " " * max(0, width - _width(text)) + text


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _whole(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _times(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}×"
