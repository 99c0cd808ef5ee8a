"""Web servers against each other, and ways to keep database connections: ``make bench-web``.

One server after the other on the same database, and the whole row several times around, so that
what disturbs the machine in between does not fall on one of them alone.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import markdown, report, servers, whole
from benchmarks.commands import say

Round = dict[str, Any]  # what steps.web found, with "memory" (bytes) and "connections"


@dataclass(frozen=True)
class Candidate:
    """A server. ``environment`` is what differs from that of ``make up``."""

    name: str
    command: servers.Command
    environment: Mapping[str, str] = field(default_factory=dict)


def _gthread(workers: int, threads: int) -> servers.Command:
    return servers.gunicorn("--workers", str(workers), "--threads", str(threads))


def _sync(workers: int) -> servers.Command:
    """With more than one thread gunicorn would take gthread all the same."""
    return servers.gunicorn("--worker-class", "sync", "--workers", str(workers), "--threads", "1")


def _granian(workers: int, threads: int) -> servers.Command:
    """With what deploy/gunicorn.conf.py asks for, as far as granian has it."""
    return lambda port: [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", servers.HOST, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(threads)),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10", "--access-log"),
        "governance.wsgi:application",
    ]


CANDIDATES = (
    Candidate("gunicorn gthread 2x4 (make up)", servers.gunicorn()),
    Candidate("gunicorn gthread 2x8", _gthread(2, 8)),
    Candidate("gunicorn gthread 1x8", _gthread(1, 8)),
    Candidate("gunicorn gthread 4x2", _gthread(4, 2)),
    Candidate("gunicorn gthread 3x4", _gthread(3, 4)),
    Candidate("gunicorn sync 4", _sync(4)),
    Candidate("granian 2x4", _granian(2, 4)),
    Candidate("granian 2x2", _granian(2, 2)),
    Candidate("make up, no connection kept", servers.gunicorn(), {"CONN_MAX_AGE": "0"}),
    Candidate("make up, pool of 4", servers.gunicorn(), {"BENCH_DATABASE_POOL": "4"}),
)


def run(
    size: int,
    *,
    rounds: int,
    seconds: float,
    only: Sequence[str],
    out: Path | None,
    keep: bool,
    docs: bool,
) -> None:
    """Measure the candidates whose names contain one of ``only``, or all."""
    candidates = [one for one in CANDIDATES if not only or any(part in one.name for part in only)]
    if not candidates:
        raise SystemExit(f"没有这样的网站服务器，有：{'、'.join(one.name for one in CANDIDATES)}")
    found = {**report.header(), "size": size, "rounds": rounds, "load_seconds": seconds}
    started = time.monotonic()
    measured: dict[str, list[Round]] = {one.name: [] for one in candidates}
    with whole.database(size, keep=keep) as database:
        for number in range(1, rounds + 1):
            for candidate in candidates:
                say(f"第 {number}/{rounds} 轮：{candidate.name}")
                measured[candidate.name].append(_measure(candidate, database, seconds))
    found |= {"web": measured, "seconds": time.monotonic() - started}
    path = out or whole.results() / f"web-{datetime.now():%Y%m%d-%H%M%S}.json"  # noqa: DTZ005
    report.write(path, found)
    lines = list(document(found))
    say("\n" + "\n".join(lines))
    say(f"\n共 {found['seconds']:.0f} 秒。结果文件：{path}")
    if docs:
        markdown.put_into_docs("web", lines)


def _measure(candidate: Candidate, database: str, seconds: float) -> Round:
    with servers.web(database, candidate.command, **candidate.environment) as web:
        (found,) = whole.step(database, "web", web.address, str(seconds))
        found["memory"] = servers.memory_of(web.group)
        found["connections"] = servers.connections_to(database)
        return found


# --- the table ---


def document(found: Mapping[str, Any]) -> Iterator[str]:
    """What was measured where, and a line for each server: medians of its rounds."""
    yield (
        f"{markdown.where(found)}; {found['size']:,} cases, the median of {found['rounds']} rounds"
        f" of {found['load_seconds']:g} s at each level:"
    )
    yield ""
    rows = [_row(name, rounds) for name, rounds in found["web"].items()]
    levels = [load["concurrency"] for load in next(iter(found["web"].values()))[0]["loads"]]
    heads = [head for n in levels for head in (f"{n}: requests/s", "p50 / p95")]
    yield from markdown.table(
        ["Server", "floor view", *heads, "MB", "connections", "errors", "spread"], rows
    )


def _row(name: str, rounds: Sequence[Round]) -> list[str]:
    cells = [name, f"{_median(rounds, 'floor'):.1f}"]
    spread = 0.0
    by_level = list(zip(*(one["loads"] for one in rounds), strict=True))
    for loads in by_level:
        rates = [load["per_second"] for load in loads]
        spread = max(spread, (max(rates) - min(rates)) / statistics.median(rates))
        cells.append(f"{statistics.median(rates):.1f}")
        cells.append(f"{_median(loads, 'p50'):.0f} / {_median(loads, 'p95'):.0f}")
    errors = sum(load["errors"] for loads in by_level for load in loads)
    return [
        *cells,
        f"{_median(rounds, 'memory') / 2**20:.0f}",
        f"{_median(rounds, 'connections'):.0f}",
        str(errors),
        f"{spread:.0%}",
    ]


def _median(found: Sequence[Mapping[str, Any]], name: str) -> float:
    return statistics.median(one[name] for one in found)
