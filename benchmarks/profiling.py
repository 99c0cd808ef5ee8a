"""Where the time of a hot path goes: the same requests in this process, under cProfile."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.db import connection
from django.test import Client as Browser

from benchmarks import measures, servers
from benchmarks.commands import say
from benchmarks.measures import Bench, Measure
from benchmarks.timing import Answer, Client, Unexpected

WARM_UP, ROUNDS = 5, 40


class InProcess(Client):
    """Answers without a server: the platform's whole stack below the socket, in this process."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        super().__init__(address, headers)
        self.browser = Browser(raise_request_exception=True)

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): v for name, v in headers.items()}}
        content_type = sent.pop("Content-Type", "application/octet-stream")
        cookies = sent.pop("Cookie", "")
        if cookies:
            self.browser.cookies.load(cookies)
        response: Any = self.browser.generic(
            method, path, body or b"", content_type=content_type, headers=sent
        )
        found = {name.lower(): value for name, value in response.headers.items()}
        content = b"".join(response.streaming_content) if response.streaming else response.content
        return Answer(response.status_code, content, found)


@dataclass(frozen=True)
class Entry:
    """One function: its share of the whole time, in per cent, and its calls in one round."""

    file: str
    line: int
    function: str
    is_own: bool
    calls: float
    alone: float
    with_callees: float

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


@dataclass(frozen=True)
class Profile:
    """Where the time of a measure goes; milliseconds of one round, taken without the profiler."""

    measure: Measure
    answer: Answer | None
    ms: float
    cpu_ms: float
    entries: list[Entry]


def take(measure: Measure) -> Profile:
    for _ in range(WARM_UP):
        _ready(measure)
        measure.run()
    cpu = wall = 0.0
    for _ in range(ROUNDS):
        _ready(measure)
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        measure.run()
        wall += time.perf_counter() - wall_start
        cpu += time.process_time() - cpu_start
    profiler = cProfile.Profile()
    for _ in range(ROUNDS):
        _ready(measure)
        profiler.runcall(measure.run)
    answer = measure.counted() if measure.counted else None
    each = 1000 / ROUNDS
    return Profile(measure, answer, wall * each, cpu * each, _entries(profiler))


def _ready(measure: Measure) -> None:
    if measure.before_run:
        measure.before_run()


def profile(name: str, lines: int) -> None:
    """Print statements, milliseconds, and the functions in which the time is spent."""
    found = take(_find(_bench(), name))
    statements = found.answer.statements if found.answer else None
    say(f"{found.measure.label}：{statements} 条语句，{found.ms:.1f} 毫秒，")
    say(f"其中本进程 CPU {found.cpu_ms:.1f} 毫秒。\n")
    say("占全部时间 %，本平台的函数，连同所调用的（含等待数据库）：")
    own = [one for one in found.entries if one.is_own]
    for one in sorted(own, key=lambda one: -one.with_callees)[:lines]:
        say(f"  {one.with_callees:5.1f}  {one.calls:7.1f} 次  {one.name}")
    say("\n占全部时间 %，全部函数，只算自身：")
    for one in sorted(found.entries, key=lambda one: -one.alone)[: lines // 2]:
        say(f"  {one.alone:5.1f}  {one.calls:7.1f} 次  {one.name}")


# --- all hot paths, in short ---

HOT_PATHS = (
    "create",
    "action",
    "list.api.town",
    "list.html.town",
    "detail.api",
    "detail.html",
    "desk.html",
    "search.common",
    "sync",
)
# What takes nearly the whole says nothing of where it goes: middleware, the view itself.
FRAME = 90.0  # per cent
SHARES = 10  # lines of a path
# Functions of libraries that stand for what they do.
LANDMARKS = {
    ("django/db/models/sql/compiler.py", "execute_sql"): "django compiler.execute_sql",
    ("django/db/models/sql/compiler.py", "as_sql"): "django compiler.as_sql (building SQL)",
    ("django/db/models/query.py", "_fetch_all"): "django queryset iteration",
    ("django/template/base.py", "render"): "templates",
    ("psycopg/connection.py", "wait"): "psycopg wait (the database)",
    ("rest_framework/serializers.py", "to_representation"): "serializers",
}


def hot_paths() -> Iterator[dict[str, Any]]:
    """Each hot path: statements, time, bytes, and its largest shares as lines of text."""
    bench = _bench()
    for name in HOT_PATHS:
        say(f"  {name} …")
        found = take(_find(bench, name))
        if found.answer is None:
            raise Unexpected(f"{name} is not a request")
        yield {
            "name": name,
            "statements": found.answer.statements,
            "bytes": len(found.answer.body),
            "ms": found.ms,
            "cpu_ms": found.cpu_ms,
            "shares": _shares(found.entries),
        }


def _shares(entries: Sequence[Entry]) -> list[str]:
    """The largest shares of the platform's functions and of the landmarks.

    Of functions that do little but call the next one, only the last is named.
    """
    named = [(one, f"{one.file} {one.function}") for one in entries if one.is_own]
    for (file, function), name in LANDMARKS.items():
        here = [one for one in entries if (one.file, one.function) == (file, function)]
        if here:  # methods of one name, of which the outermost calls the others
            named.append((max(here, key=lambda one: one.with_callees), name))
    named.sort(key=lambda pair: (-pair[0].with_callees, pair[0].is_own))
    kept = [
        (one, name)
        for (one, name), (after, _) in pairwise(named)
        if one.with_callees < FRAME
        and not (one.is_own and after.is_own and one.with_callees - after.with_callees < 0.5)
    ]
    return [
        f"{one.with_callees:5.1f}  {name}{f' ×{one.calls:.0f}' if one.calls > 1 else ''}"
        for one, name in kept[:SHARES]
    ]


# --- the functions of a profile ---


def _entries(profiler: cProfile.Profile) -> list[Entry]:
    found = pstats.Stats(profiler)
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]]
    stats = found.stats  # type: ignore[attr-defined]
    whole = found.total_tt / 100  # type: ignore[attr-defined]
    return [
        Entry(
            file=_short(file),
            line=line,
            function=function,
            is_own=_is_own(file),
            calls=calls / ROUNDS,
            alone=alone / whole,
            with_callees=with_callees / whole,
        )
        for (file, line, function), (_, calls, alone, with_callees, _) in stats.items()
    ]


def _is_own(file: str) -> bool:
    inside = Path(file).is_relative_to(servers.BASE_DIR)
    return inside and not any(part in file for part in ("/.venv/", "/benchmarks/"))


def _short(file: str) -> str:
    if _is_own(file):
        return str(Path(file).relative_to(servers.BASE_DIR))
    return file.split("site-packages/")[-1].split("/lib/python")[-1]


def _bench() -> Bench:
    own = servers.connect(str(connection.settings_dict["NAME"]))
    return Bench("in-process", own, client=InProcess)


def _find(bench: Bench, name: str) -> Measure:
    known: list[str] = []
    for group, measures_of in measures.over_http(bench):
        known.append(group)
        if name.startswith(group):
            for measure in measures_of():
                known.append(measure.name)
                if measure.name == name:
                    return measure
    raise SystemExit(f"没有 {name} 这一项，有：{'、'.join(known)}")
