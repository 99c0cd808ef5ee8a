"""The bench itself: that it measures everything, on a seed that holds together, and can compare."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, report
from benchmarks.targets import TARGETS

BASE_DIR = Path(__file__).resolve().parents[2]
SIZE = "300"

# Half a minute on a quiet machine: migrations, seeds, three starts of the web server.
pytestmark = pytest.mark.timeout(900)


def bench(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("EMBEDDED_DATABASE", "EMBEDDED_REDIS_DB", "DJANGO_SETTINGS_MODULE", "SIZES")
    }
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=BASE_DIR,
        env=environment | {"BENCH_VAR_DIR": str(var)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """As in ``tests.plugin``: where the servers' user may pass when root runs this."""
    path = Path(tempfile.mkdtemp(prefix="governance-bench-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, Any]:
    """The result file of a run with few cases and few rounds."""
    out = folder / "result.json"
    size = ("--sizes", SIZE, "--rounds", "2", "--seconds", "1", "--out", str(out))
    done = bench(folder / "var", "run", *size)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def test_every_measure_gives_a_number_and_none_is_missing(measured: dict[str, Any]) -> None:
    lines = {line["name"]: line for line in measured["sizes"][SIZE]["lines"]}
    assert {name: line["note"] for name, line in lines.items() if line["p50"] is None} == {}
    assert TARGETS.keys() <= lines.keys()


def test_the_chains_of_the_seed_verify(measured: dict[str, Any]) -> None:
    # A finding would stand in place of the time.
    (chain,) = [line for line in measured["sizes"][SIZE]["lines"] if line["name"] == "chain"]
    assert chain["p50"]
    assert chain["note"] == ""


def test_requests_tell_their_statements_and_both_floors(measured: dict[str, Any]) -> None:
    for line in measured["sizes"][SIZE]["lines"]:
        if line["name"].startswith(("list", "detail", "create", "action")):
            assert line["statements"], line["name"]
            assert line["view_p50"], line["name"]
            assert line["sql_p50"], line["name"]


def test_the_load_runs_without_errors(measured: dict[str, Any]) -> None:
    assert [load["concurrency"] for load in measured["throughput"]] == [8, 32]
    assert [load["errors"] for load in measured["throughput"]] == [0, 0]


def test_the_same_results_compare_as_unchanged(measured: dict[str, Any]) -> None:
    assert list(compare.lines(measured, measured)) == []
    assert not compare.is_worse(measured, measured)


def test_what_has_become_slower_than_its_floors_is_found(
    measured: dict[str, Any], tmp_path: Path
) -> None:
    slower = copy.deepcopy(measured)
    (line,) = [line for line in slower["sizes"][SIZE]["lines"] if line["name"] == "create"]
    line["p50"] *= 2
    (told,) = compare.lines(measured, slower)
    assert told.startswith("慢了")
    assert line["label"] in told
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    report.write(old, measured)
    report.write(new, slower)
    assert bench(tmp_path, "compare", str(old), str(new)).returncode == 1
    assert bench(tmp_path, "compare", str(new), str(old)).returncode == 0


def test_a_machine_that_is_slower_altogether_does_not_count(measured: dict[str, Any]) -> None:
    slower = copy.deepcopy(measured)
    for line in slower["sizes"][SIZE]["lines"]:
        for name in ("p50", "p95", "view_p50", "sql_p50"):
            if line[name]:
                line[name] *= 2
    by_floors = [change for change in compare.changes(measured, slower) if change.is_slower]
    assert all(change.name == "reminders.again" for change in by_floors)  # it has no floor


def test_one_more_statement_is_worse(measured: dict[str, Any]) -> None:
    more = copy.deepcopy(measured)
    (line,) = [line for line in more["sizes"][SIZE]["lines"] if line["name"] == "detail.html"]
    line["statements"] += 1
    assert compare.is_worse(measured, more)
