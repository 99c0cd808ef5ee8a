"""Timing: a client with one persistent connection, and taking turns with the floors."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from benchmarks.floor_view import ANSWER, ASKED

TIMEOUT = 120  # seconds that one answer may take


class Unexpected(Exception):
    """An answer that a measure cannot use: the platform does not have this yet, or it failed."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def statements(self) -> int | None:
        count = self.headers.get(ANSWER.lower())
        return int(count) if count else None


class Client:
    """One connection that is kept open, as a browser's or a phone's. Not for several threads."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self.address = address
        self.headers = dict(headers)
        self.connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
        self.opened = 0  # connections, so that a server that closes them shows

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, headers)

    def post(self, path: str, data: Any, **headers: str) -> Answer:
        body = json.dumps(data).encode()
        return self.send("POST", path, body, {"Content-Type": "application/json", **headers})

    def submit(self, path: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """Send a form, as a browser does."""
        body = urlencode(fields).encode()
        headers["Content_Type"] = "application/x-www-form-urlencoded"
        return self.send("POST", path, body, headers)

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        sent = {**self.headers, **{name.replace("_", "-"): v for name, v in headers.items()}}
        try:
            return self._exchange(method, path, body, sent)
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # An idle connection was closed meanwhile; nothing of the request was answered.
            self.connection.close()
            return self._exchange(method, path, body, sent)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        if self.connection.sock is None:
            self.opened += 1
        self.connection.request(method, path, body, dict(headers))
        response = self.connection.getresponse()
        content = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, content, found)

    def counted(self, path: str, data: Any = None, **headers: str) -> Answer:
        """The same request once more, with the number of its statements."""
        headers = {**headers, ASKED: "1"}
        return self.get(path, **headers) if data is None else self.post(path, data, **headers)

    def close(self) -> None:
        self.connection.close()


Run = Callable[[], Any]


@dataclass
class Series:
    """Times of one thing, in milliseconds."""

    times: list[float] = field(default_factory=list)

    def time(self, run: Run) -> Any:
        started = time.perf_counter()
        result = run()
        self.times.append((time.perf_counter() - started) * 1000)
        return result

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        return percentile(self.times, 0.95)


def percentile(times: Sequence[float], share: float) -> float:
    """The smallest of the times that is not exceeded by ``share`` of them."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True)
class Turn:
    """One side of a comparison, and what it needs before, outside the time."""

    name: str
    run: Run
    before: Run | None = None


def alternate(turns: Sequence[Turn], *, repeat: int) -> dict[str, Series]:
    """Run each in turn, ``repeat`` times around, so that what disturbs the machine hits all."""
    series = {turn.name: Series() for turn in turns}
    for _ in range(repeat):
        for turn in turns:
            if turn.before:
                turn.before()
            series[turn.name].time(turn.run)
    return series
