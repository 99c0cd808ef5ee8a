"""Many people at once: requests a second, and how long each waits, against the processes of
``make up``.

The mix is a district's busy hour. A district of this size takes some thousand reports a day, most
of them between nine and eleven, each of which is looked at many times before it is closed: by the
desks that wait for it, in lists, on its page. Phones ask every few minutes for what has changed.
So about nine of ten requests read, and a tenth writes, half of that reports and half steps.

The load comes from the same machine and takes its share of the cores: a server alone is faster.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks import people
from benchmarks.measures import report_here
from benchmarks.timing import Answer, Client, percentile
from issues.models import Issue
from people.models import User

SECONDS = 15.0
CONCURRENCY = (8, 32)
# Of a hundred requests.
MIX = (
    ("desk", 18),
    ("list", 20),
    ("detail", 30),
    ("api_list", 8),
    ("api_detail", 6),
    ("sync", 8),
    ("report", 5),
    ("act", 5),
)
USERNAMES = ("district", "town", "handler", "community", "verifier", "revisitor")
DETAILS = 500  # cases that are looked at


@dataclass
class Visitor:
    """One person at a desk and one phone, with a connection each; does one thing after another."""

    browser: Client
    phone: Client
    rng: random.Random
    details: Sequence[int]
    report: Callable[[], dict[str, object]]
    cursor: str = ""
    reported: list[int] = field(default_factory=list)

    def do(self, what: str) -> Answer:
        method: Callable[[], Answer] = getattr(self, what)
        return method()

    def desk(self) -> Answer:
        return self.browser.get("/issues/desk/")

    def list(self) -> Answer:
        return self.browser.get("/issues/")

    def detail(self) -> Answer:
        return self.browser.get(f"/issues/{self.rng.choice(self.details)}/")

    def api_list(self) -> Answer:
        return self.phone.get("/api/v1/issues")

    def api_detail(self) -> Answer:
        found = self.reported[-1:]
        return self.phone.get(f"/api/v1/issues/{found[0]}") if found else self.api_list()

    def sync(self) -> Answer:
        answer = self.phone.get(f"/api/v1/sync?cursor={self.cursor}")
        if answer.status == 200:
            self.cursor = answer.json()["cursor"]
        return answer

    def make_report(self) -> Answer:
        answer = self.phone.post("/api/v1/issues", self.report())
        if answer.status == 201:
            self.reported.append(answer.json()["id"])
        return answer

    def act(self) -> Answer:
        if not self.reported:
            return self.make_report()
        pk = self.reported.pop()
        return self.phone.post(
            f"/api/v1/issues/{pk}/actions/first_handle",
            {"version": 1, "text": "已到现场处理。"},
            Idempotency_Key=str(uuid.uuid4()),
        )


@dataclass(frozen=True)
class Load:
    """What came of one level of concurrency; times in milliseconds."""

    label: str
    concurrency: int
    requests: int
    seconds: float
    errors: int
    p50: float
    p95: float
    by_kind: dict[str, float]

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def run(address: str, concurrency: int, *, seconds: float = SECONDS) -> Load:
    """``concurrency`` visitors who never pause, for so long."""
    visitors = _visitors(address, concurrency)
    times: list[tuple[str, float]] = []
    errors: list[str] = []
    end = time.monotonic() + seconds

    def work(visitor: Visitor) -> None:
        names, weights = [name for name, _ in MIX], [weight for _, weight in MIX]
        while time.monotonic() < end:
            what = visitor.rng.choices(names, weights)[0]
            started = time.perf_counter()
            try:
                answer = visitor.do("make_report" if what == "report" else what)
                if answer.status >= 300:  # also a page that sends to the sign-in
                    errors.append(f"{what}: HTTP {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                errors.append(f"{what}: {error}")
            times.append((what, (time.perf_counter() - started) * 1000))

    started = time.monotonic()
    threads = [threading.Thread(target=work, args=[visitor]) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - started
    for visitor in visitors:
        visitor.browser.close()
        visitor.phone.close()
    all_times = [ms for _, ms in times]
    return Load(
        label=f"{concurrency} 人同时",
        concurrency=concurrency,
        requests=len(times),
        seconds=taken,
        errors=len(errors),
        p50=percentile(all_times, 0.5),
        p95=percentile(all_times, 0.95),
        by_kind={
            name: percentile([ms for what, ms in times if what == name] or [0.0], 0.5)
            for name, _ in MIX
        },
    )


def _visitors(address: str, count: int) -> list[Visitor]:
    """Desks of several roles in turn, each with the phone of a grid worker beside it."""
    phone = people.token_of(people.busiest_grid_worker())
    owners = [people.user(name) for name in USERNAMES]
    browsers = [people.session_of(owner) for owner in owners]
    details = [_seen_by(owner) for owner in owners]
    return [
        Visitor(
            browser=Client(address, browsers[number % len(owners)]),
            phone=Client(address, phone),
            rng=random.Random(f"visitor {number}"),  # noqa: S311 - repeatable, not secret
            details=details[number % len(owners)],
            report=report_here(),
        )
        for number in range(count)
    ]


def _seen_by(owner: User) -> list[int]:
    """The newest cases that somebody sees."""
    visible = Issue.objects.visible_to(owner).order_by("-received_at", "-id")
    return list(visible.values_list("pk", flat=True)[:DETAILS])
