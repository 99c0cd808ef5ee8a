"""What is done against one database, in a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks import (
    beside,
    bulk,
    district,
    measures,
    people,
    profiling,
    seed,
    servers,
    tasks,
    throughput,
)
from benchmarks.commands import say
from benchmarks.measures import Bench
from benchmarks.running import Result, run_all, show
from benchmarks.timing import Client, Turn, alternate

# Of a comparison of web servers: visitors at once, at first to warm it up; reads of the floor view.
LEVELS, WARM_UP = (1, 8, 32), 8
VIEWS = 200


def base() -> None:
    district.build_base()


def templates(at_most: str) -> None:
    district.build_templates(district.templates_path(), at_most=int(at_most))


def cases(size: str, kind: str = "all") -> None:
    started = time.monotonic()
    now = seed.now()
    found = district.load_templates(district.templates_path())
    planning = seed.plan if kind == "all" else seed.plan_open
    planned = planning(found, int(size), now=now)
    with bulk.bare(_database()):
        seed.write(planned, now=now)
        say(f"  written after {time.monotonic() - started:.0f} s")
    say(f"  indexed after {time.monotonic() - started:.0f} s")
    bulk.vacuum()
    say(f"  vacuumed after {time.monotonic() - started:.0f} s")


def measure(address: str, rounds: str, out: str) -> None:
    """What people do, over HTTP; before that, as long as nobody has written, what the worker does
    with the whole.
    """
    own = servers.connect(_database())
    found = _collect(run_all(tasks.on_the_whole(own), view=None, rounds=int(rounds)))
    bench = Bench(address, own)
    view = measures.view_floor(bench.phones["grid"])
    found += _collect(run_all(measures.over_http(bench), view=view, rounds=int(rounds)))
    bench.close()
    _write(out, found)


def sweep(rounds: str, out: str) -> None:
    """What happens because time passes, where every case is open."""
    own = servers.connect(_database())
    _write(out, _collect(run_all(tasks.on_open_cases(own), view=None, rounds=int(rounds))))


def load(address: str, seconds: str, out: str) -> None:
    """Many at once."""
    _dump(out, list(_loads(address, throughput.CONCURRENCY, float(seconds))))


def beside_exports(address: str, out: str) -> None:
    """One at a list, while others take lists away."""
    found = []
    for load in beside.loads(address):
        say(f"  {load.label}：{load.p50:.1f} 毫秒，95% 在 {load.p95:.1f} 毫秒内")
        found.append({**asdict(load), "per_second": load.per_second})
    _dump(out, found)


def web(address: str, seconds: str, out: str) -> None:
    """A web server that has just started: warmed up, then at the floor view, then at each level."""
    throughput.run(address, WARM_UP, seconds=float(seconds))
    phone = Client(address, people.token_of(people.busiest_grid_worker()))
    view = Turn("view", measures.view_floor(phone))
    floor = alternate([view], repeat=VIEWS)["view"].p50
    phone.close()
    loads = list(_loads(address, LEVELS, float(seconds)))
    say(f"  空视图 {floor:.1f} 毫秒")
    _dump(out, [{"floor": floor, "loads": loads}])


def _loads(address: str, levels: Sequence[int], seconds: float) -> Iterator[dict[str, Any]]:
    for concurrency in levels:
        done = throughput.run(address, concurrency, seconds=seconds)
        say(f"  {done.label}：{done.per_second:.1f} 次/秒，出错 {done.errors}")
        yield {**asdict(done), "per_second": done.per_second}


def profile(name: str, lines: str) -> None:
    profiling.profile(name, int(lines))


def profiles(out: str) -> None:
    _dump(out, list(profiling.hot_paths()))


def _collect(results: Iterator[Result]) -> list[Result]:
    found = []
    for result in results:
        show(result)
        found.append(result)
    return found


def _write(out: str, results: list[Result]) -> None:
    _dump(out, [result.as_dict() for result in results])


def _dump(out: str, found: list[dict[str, Any]]) -> None:
    Path(out).write_text(json.dumps(found, ensure_ascii=False), "utf-8")


def _database() -> str:
    return str(connection.settings_dict["NAME"])


STEPS = {
    "base": base,
    "users": district.add_two_postings,
    "templates": templates,
    "cases": cases,
    "measure": measure,
    "sweep": sweep,
    "load": load,
    "beside": beside_exports,
    "web": web,
    "profile": profile,
    "profiles": profiles,
}
