"""A page beside two big exports: how much slower one person's list becomes while two others take
the whole list away.

Both files come from the processes of ``make up``: a CSV from the web server that also serves the
page, an Excel file from the exporter.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from benchmarks import people
from benchmarks.throughput import Load
from benchmarks.timing import Client, Unexpected, percentile
from core.choices import ExportStatus
from core.models import ExportFile

READER = "town"
EXPORTERS = ("district", "leader")
PAGE, ASK = "/issues/", "/exports/new/"
# Seconds in which the page is asked for, again and again.
SECONDS = 10.0


def loads(address: str) -> Iterator[Load]:
    """The page alone, beside two streams, beside two Excel files, and alone again."""
    reader = Client(address, people.session_of(people.user(READER)))
    _read(reader, "", seconds=1.0)  # warm
    yield _read(reader, "列表页，没有导出")
    with _exports(address, "csv"):
        yield _read(reader, "列表页，同时导出两个 CSV")
    with _exports(address, "xlsx"):
        yield _read(reader, "列表页，同时导出两个 Excel")
        _until(lambda: not ExportFile.objects.filter(status__in=ExportFile.UNFINISHED).exists())
    if ExportFile.objects.filter(status=ExportStatus.FAILED).exists():
        raise Unexpected("an export failed")
    reader.close()


def _read(reader: Client, label: str, *, seconds: float = SECONDS) -> Load:
    times: list[float] = []
    errors = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        before = time.perf_counter()
        errors += reader.get(PAGE).status != 200
        times.append((time.perf_counter() - before) * 1000)
    return Load(
        label=label,
        concurrency=1,
        requests=len(times),
        seconds=time.monotonic() - started,
        errors=errors,
        p50=percentile(times, 0.5),
        p95=percentile(times, 0.95),
        by_kind={},
    )


@contextmanager
def _exports(address: str, kind: str) -> Iterator[None]:
    """Two people have asked for all that is open. What has not come by the end is broken off."""
    clients = [Client(address, people.session_of(people.user(name))) for name in EXPORTERS]
    threads = [threading.Thread(target=_ask, args=(client, kind)) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(1)  # both are under way
    yield
    for client in clients:
        if client.connection.sock is not None:
            client.connection.sock.shutdown(2)
    for thread in threads:
        thread.join()


def _ask(client: Client, kind: str) -> None:
    with suppress(http.client.IncompleteRead, OSError):  # broken off
        client.submit(ASK, {"list": "issues", "query": "", "format": kind})


def _until(done: Callable[[], bool], *, patience: float = 120) -> None:
    deadline = time.monotonic() + patience
    while not done():
        if time.monotonic() > deadline:
            raise Unexpected("the exports do not come to an end")
        time.sleep(0.5)
