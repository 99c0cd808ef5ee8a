"""A whole run: databases of every size, their measures, the load, and the report."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks import markdown, report, servers
from benchmarks.commands import say
from governance import embedded

BASE, TEMPLATES = "bench_base", "bench_templates"
MOST_TEMPLATES = 2400
# Cases, from which on an export of what is open takes so long that a page can be read beside it.
LONG_LISTS = 100_000


def run(sizes: Sequence[int], *, out: Path | None, rounds: int, seconds: float, keep: bool) -> None:
    found: dict[str, Any] = {**report.header(), "sizes": {}, "throughput": []}
    started = time.monotonic()
    with servers.running():
        _prepare(min(sizes), keep=keep)
        for size in sizes:
            found["sizes"][str(size)] = _one_size(size, rounds=rounds, keep=keep)
        if seconds:
            found["throughput"] = _throughput(max(sizes), seconds)
        if not keep:
            for size in sizes:
                servers.drop(_name(size))
    found["seconds"] = time.monotonic() - started
    path = out or results() / f"{datetime.now():%Y%m%d-%H%M%S}-{found['commit']}.json"  # noqa: DTZ005
    report.write(path, found)
    report.show(found)
    say(f"\n共 {found['seconds']:.0f} 秒。结果文件：{path}")


def latest() -> Path:
    """The newest result file of a whole run."""
    found = sorted(results().glob("[0-9]*.json"))
    if not found:
        raise SystemExit("还没有结果文件，请先运行 make bench。")
    return found[-1]


def results() -> Path:
    return embedded.locate(servers.BASE_DIR).var / "results"


def _name(size: int, kind: str = "all") -> str:
    return f"bench_{size}" if kind == "all" else f"bench_{kind}_{size}"


def _prepare(smallest: int, *, keep: bool) -> None:
    """The database that all others begin with, and the templates of the cases."""
    if keep and servers.exists(BASE) and servers.exists(TEMPLATES):
        return
    say("参考数据和样板问题 …")
    with servers.filling():
        servers.create(BASE)
        # As at a release: the tables, and the static files that the pages name.
        servers.run("manage.py", "prepare", database=BASE)
        servers.run("-m", "benchmarks", "step", "base", database=BASE)
        servers.create(TEMPLATES, template=BASE)
        count = str(min(MOST_TEMPLATES, smallest // 3))
        servers.run("-m", "benchmarks", "step", "templates", count, database=TEMPLATES)
        servers.run("-m", "benchmarks", "step", "users", database=BASE)


def _seed(size: int, kind: str, *, keep: bool) -> float:
    """Fill the database of a size; returns the seconds."""
    name = _name(size, kind)
    started = time.monotonic()
    if not (keep and servers.exists(name)):
        with servers.filling():
            servers.create(name, template=BASE)
            try:
                servers.run("-m", "benchmarks", "step", "cases", str(size), kind, database=name)
            except BaseException:
                servers.drop(name)  # else the next run with KEEP would take it for whole
                raise
    return time.monotonic() - started


def _one_size(size: int, *, rounds: int, keep: bool) -> dict[str, Any]:
    say(f"\n{size:,} 件：造数 …")
    seconds = _seed(size, "all", keep=keep)
    name = _name(size)
    say(f"{size:,} 件：测量 …")
    with servers.web(name) as web:
        lines = step(name, "measure", web.address, str(rounds))
    say(f"{size:,} 件全部在办：造数 …")
    opened = _seed(size, "open", keep=keep)
    lines += step(_name(size, "open"), "sweep", str(rounds))
    found = {
        "seconds": seconds,
        "bytes": servers.bytes_of(name),
        "open_seconds": opened,
        "open_bytes": servers.bytes_of(_name(size, "open")),
        "lines": lines,
    }
    if not keep:
        servers.drop(_name(size, "open"))
    return found


def _throughput(size: int, seconds: float) -> list[dict[str, Any]]:
    say(f"\n{size:,} 件：并发 …")
    name = _name(size)
    with servers.web(name) as web, servers.worker(name), servers.worker(name, "exporter"):
        found = step(name, "load", web.address, str(seconds))
        if size >= LONG_LISTS:
            found += step(name, "beside", web.address)
        return found


def step(database: str, *arguments: str) -> list[dict[str, Any]]:
    """Run one step; what it found."""
    with _file() as path:
        servers.run("-m", "benchmarks", "step", *arguments, str(path), database=database)
        found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return found


@contextmanager
def _file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        yield Path(folder) / "found.json"


@contextmanager
def database(size: int, *, keep: bool) -> Iterator[str]:
    """The bench's servers with the database of a size, which goes with the block if not kept."""
    with servers.running():
        _prepare(size, keep=keep)
        say(f"{size:,} 件：造数 …")
        _seed(size, "all", keep=keep)
        yield _name(size)
        if not keep:
            servers.drop(_name(size))


def profile(measure: str, *, size: int, lines: int) -> None:
    """Print where the time of one measure goes, in this size's database, made if it is missing."""
    with database(size, keep=True) as name:
        servers.run("-m", "benchmarks", "step", "profile", measure, str(lines), database=name)


def profiles(*, size: int, docs: bool) -> None:
    """The same of every hot path, in short, as Markdown."""
    header = report.header()
    with database(size, keep=True) as name:
        found = step(name, "profiles")
    lines = [f"{markdown.where(header)}; {size:,} cases:", "", *markdown.profiles(found)]
    say("\n".join(lines))
    if docs:
        markdown.put_into_docs("profiles", lines)
