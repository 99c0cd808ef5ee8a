"""Where the time of a hot path goes: the same requests in this process, under cProfile."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Mapping
from dataclasses import dataclass
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


def profile(name: str, lines: int) -> None:
    """Print statements, milliseconds, and the functions in which the time is spent."""
    measure = _find(name)
    for _ in range(WARM_UP):
        _once(measure)
    cpu = wall = 0.0
    for _ in range(ROUNDS):
        if measure.before_run:
            measure.before_run()
        wall_start, cpu_start = time.perf_counter(), time.process_time()
        measure.run()
        wall += time.perf_counter() - wall_start
        cpu += time.process_time() - cpu_start
    profiler = cProfile.Profile()
    for _ in range(ROUNDS):
        if measure.before_run:
            measure.before_run()
        profiler.runcall(measure.run)
    answer = measure.counted() if measure.counted else None
    statements = answer.statements if answer else None
    say(f"{measure.label}：{statements} 条语句，{wall / ROUNDS * 1000:.1f} 毫秒，")
    say(f"其中本进程 CPU {cpu / ROUNDS * 1000:.1f} 毫秒。\n")
    entries = _entries(profiler)
    say("占全部时间 %，本平台的函数，连同所调用的（含等待数据库）：")
    own = [one for one in entries if one.is_own]
    for one in sorted(own, key=lambda one: -one.with_callees)[:lines]:
        say(f"  {one.with_callees:5.1f}  {one.calls:7.1f} 次  {one.name}")
    say("\n占全部时间 %，全部函数，只算自身：")
    for one in sorted(entries, key=lambda one: -one.alone)[: lines // 2]:
        say(f"  {one.alone:5.1f}  {one.calls:7.1f} 次  {one.name}")


@dataclass(frozen=True)
class Entry:
    """One function: its share of the whole time, in per cent, and its calls in one round."""

    name: str
    is_own: bool
    calls: float
    alone: float
    with_callees: float


def _entries(profiler: cProfile.Profile) -> list[Entry]:
    found = pstats.Stats(profiler)
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]]
    stats = found.stats  # type: ignore[attr-defined]
    whole = found.total_tt / 100  # type: ignore[attr-defined]
    return [
        Entry(
            name=f"{_short(file)}:{line} {function}",
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


def _once(measure: Measure) -> Any:
    if measure.before_run:
        measure.before_run()
    return measure.run()


def _find(name: str) -> Measure:
    own = servers.connect(str(connection.settings_dict["NAME"]))
    bench = Bench("in-process", own, client=InProcess)
    known: list[str] = []
    for _, group in measures.over_http(bench):
        try:
            found = group()
        except (Unexpected, LookupError):
            continue
        for measure in found:
            if measure.name == name:
                return measure
            known.append(measure.name)
    raise SystemExit(f"没有 {name} 这一项，有：{'、'.join(known)}")
