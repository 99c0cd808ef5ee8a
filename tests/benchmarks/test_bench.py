"""The bench itself: that it measures everything, on a seed that holds together, and can compare."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare, markdown, report, web
from benchmarks.targets import TARGETS

BASE_DIR = Path(__file__).resolve().parents[2]
SIZE = "300"

# Two minutes on a quiet machine: migrations, seeds, eight starts of a web server.
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
        if line["name"].startswith(("list", "desk", "detail", "create", "action")):
            assert line["statements"], line["name"]
            assert line["view_p50"], line["name"]
            assert line["sql_p50"], line["name"]


def test_the_load_runs_without_errors(measured: dict[str, Any]) -> None:
    assert [load["concurrency"] for load in measured["throughput"]] == [8, 32]
    assert [load["errors"] for load in measured["throughput"]] == [0, 0]


def test_the_documentation_gets_a_row_for_each_measure_with_what_misses_in_bold(
    measured: dict[str, Any],
) -> None:
    slow = json.loads(json.dumps(measured))
    [one] = slow["sizes"].values()
    create = next(line for line in one["lines"] if line["name"] == "create")
    create["p50"] = create["view_p50"] * 7
    lines = list(markdown.results(slow))
    names = {line["name"] for line in one["lines"]}
    assert names == {line.split("`")[1] for line in lines if line.startswith("| `")}
    [row] = [line for line in lines if line.startswith("| `create`")]
    assert "| **7.0** |" in row


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


# --- web servers ---


@pytest.fixture(scope="module")
def compared(folder: Path) -> dict[str, Any]:
    """The result file of a comparison of three servers, in short."""
    out = folder / "web.json"
    options = ("--size", SIZE, "--rounds", "1", "--seconds", "0.5", "--keep", "--out", str(out))
    done = bench(folder / "var", "web", *options, "--only", "granian 2x2,no connection,pool")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def test_every_chosen_server_answers_at_each_level(compared: dict[str, Any]) -> None:
    names = ["granian 2x2", "make up, no connection kept", "make up, pool of 4"]
    assert list(compared["web"]) == names
    for (one,) in compared["web"].values():
        assert one["floor"] > 0
        assert [load["concurrency"] for load in one["loads"]] == [1, 8, 32]
        assert [load["errors"] for load in one["loads"]] == [0, 0, 0]


def test_a_server_keeps_the_connections_that_it_is_told_to(compared: dict[str, Any]) -> None:
    held = {name: one["connections"] for name, (one,) in compared["web"].items()}
    assert held["granian 2x2"] in range(1, 5)  # one for each thread that has served
    assert held["make up, no connection kept"] == 0
    assert held["make up, pool of 4"] in (4, 8)  # in one process or both


def test_the_memory_of_all_processes_of_a_server_counts(compared: dict[str, Any]) -> None:
    for (one,) in compared["web"].values():
        assert 80 << 20 < one["memory"] < 2 << 30


def test_the_table_of_servers_tells_medians_and_how_far_rounds_lie_apart() -> None:
    def one(floor: float, rate: float, errors: int) -> dict[str, Any]:
        load = {"concurrency": 8, "per_second": rate, "p50": 100, "p95": 400, "errors": errors}
        return {"floor": floor, "loads": [load], "memory": 200 << 20, "connections": 8}

    found = {
        "machine": {"cores": 2, "memory_mb": 8192},
        "commit": "abc",
        "changed": False,
        "size": 300,
        "rounds": 3,
        "load_seconds": 2.0,
        "web": {"a server": [one(3.0, 50.0, 0), one(9.0, 40.0, 1), one(4.0, 60.0, 0)]},
    }
    first, _, heads, _, row = web.document(found)
    assert first.startswith("2 cores, 8 GB, commit abc; 300 cases, the median of 3 rounds of 2 s")
    assert "| 8: requests/s |" in heads
    assert row == "| a server | 4.0 | 50.0 | 100 / 400 | 200 | 8 | 1 | 40% |"


def test_an_unknown_server_is_refused_with_the_names_of_the_known(tmp_path: Path) -> None:
    done = bench(tmp_path, "web", "--only", "nothing")
    assert done.returncode == 1
    assert "granian 2x4" in done.stderr


def test_a_comparison_with_an_earlier_run_takes_no_result_of_web_servers(
    measured: dict[str, Any], compared: dict[str, Any], tmp_path: Path
) -> None:
    whole_run = tmp_path / "results" / "20260101-000000-abc.json"
    report.write(whole_run, measured)
    report.write(tmp_path / "results" / "web-20260102-000000.json", compared)
    done = bench(tmp_path, "compare", str(whole_run))
    assert done.returncode == 0, done.stderr


# --- profiles ---


def test_every_hot_path_is_profiled_with_its_largest_shares(folder: Path) -> None:
    done = bench(folder / "var", "profile", "--size", SIZE)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    _, table, shares, _ = re.split(r"\n\n(?=\| Path)|\n```\n?", done.stdout)
    paths = [
        "create",
        "action",
        "list.api.town",
        "list.html.town",
        *("detail.api", "detail.html", "desk.html", "search.common", "sync"),
    ]
    assert re.findall(r"^\| `(\S+)` \| \d+ \|", table, re.MULTILINE) == paths
    heads = [block.strip().splitlines()[0].split() for block in shares.split("\n\n")]
    assert [name for head in heads for name in head] == paths
    assert "core/idempotency.py" in shares
    assert "psycopg wait (the database)" in shares


# --- the documentation ---


def test_lines_take_the_place_of_what_stood_between_the_marks() -> None:
    text = "one\n<!-- web: begin -->\nold\n<!-- web: end -->\ntwo\n"
    new = "one\n<!-- web: begin -->\nnew\nlines\n<!-- web: end -->\ntwo\n"
    assert markdown.between(text, "web", ["new", "lines"]) == new
    with pytest.raises(SystemExit, match="profiles: begin"):
        markdown.between(text, "profiles", ["new"])


@pytest.mark.parametrize("name", ["web", "profiles"])
def test_the_documentation_has_a_place_for_the_results(name: str) -> None:
    assert "\nnew\n" in markdown.between(markdown.DOCUMENT.read_text("utf-8"), name, ["new"])
