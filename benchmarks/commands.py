"""The commands of the bench, as ``python -m benchmarks`` takes them."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import servers

SIZES = "10000,100000,1000000"


def say(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    servers.use_environment()
    COMMANDS[options.command](options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="seed, measure, report")
    run.add_argument("--sizes", default=os.environ.get("SIZES") or SIZES)
    run.add_argument("--out", type=Path, default=None, help="the result file")
    run.add_argument("--rounds", type=int, default=40, help="at most, of each measure")
    run.add_argument("--seconds", type=float, default=15, help="of each level of concurrency")
    run.add_argument("--keep", action="store_true", default=bool(os.environ.get("KEEP")))
    compare = commands.add_parser("compare", help="two result files; exit code 1 if slower")
    compare.add_argument("old", type=Path)
    compare.add_argument("new", type=Path, nargs="?", default=None)
    web = commands.add_parser("web", help="web servers and ways to keep connections, compared")
    web.add_argument("--size", type=int, default=10_000)
    web.add_argument("--rounds", type=int, default=3, help="of all servers, one after the other")
    web.add_argument("--seconds", type=float, default=3, help="of each level of concurrency")
    web.add_argument("--only", default="", help="parts of names, with commas between them")
    web.add_argument("--out", type=Path, default=None, help="the result file")
    web.add_argument("--keep", action="store_true", default=bool(os.environ.get("KEEP")))
    web.add_argument("--docs", action="store_true", help="write the table into the documentation")
    docs = commands.add_parser("docs", help="write a result file into the documentation")
    docs.add_argument("file", type=Path, nargs="?", default=None, help="the newest if none")
    profile = commands.add_parser("profile", help="where the time of a hot path goes, or of all")
    profile.add_argument("measure", nargs="?", default="")
    profile.add_argument("--size", type=int, default=10_000)
    profile.add_argument("--lines", type=int, default=30, help="of one path")
    profile.add_argument("--docs", action="store_true", help="write all into the documentation")
    step = commands.add_parser("step", help="one step of a run, on EMBEDDED_DATABASE")
    step.add_argument("name")
    step.add_argument("arguments", nargs="*")
    return parser


# What reads Django's settings is imported by the command that needs it, after the environment says
# which database is meant.


def _run(options: Any) -> None:
    sizes = [int(size) for size in options.sizes.replace("_", "").split(",")]
    whole = importlib.import_module("benchmarks.whole")
    whole.run(
        sizes,
        out=options.out,
        rounds=options.rounds,
        seconds=options.seconds,
        keep=options.keep,
    )


def _docs(options: Any) -> None:
    whole = importlib.import_module("benchmarks.whole")
    report, markdown = (importlib.import_module(f"benchmarks.{m}") for m in ("report", "markdown"))
    found = report.read(options.file or whole.latest())
    markdown.put_into_docs("results", list(markdown.results(found)))


def _compare(options: Any) -> None:
    whole = importlib.import_module("benchmarks.whole")
    report, compare = (importlib.import_module(f"benchmarks.{m}") for m in ("report", "compare"))
    old, new = report.read(options.old), report.read(options.new or whole.latest())
    for line in compare.lines(old, new):
        say(line)
    if compare.is_worse(old, new):
        raise SystemExit(1)
    say("没有变慢。")


def _web(options: Any) -> None:
    importlib.import_module("benchmarks.web").run(
        options.size,
        rounds=options.rounds,
        seconds=options.seconds,
        only=[part for part in options.only.split(",") if part],
        out=options.out,
        keep=options.keep,
        docs=options.docs,
    )


def _profile(options: Any) -> None:
    whole = importlib.import_module("benchmarks.whole")
    if options.measure:
        whole.profile(options.measure, size=options.size, lines=options.lines)
    else:
        whole.profiles(size=options.size, docs=options.docs)


def _step(options: Any) -> None:
    importlib.import_module("django").setup()
    importlib.import_module("benchmarks.steps").STEPS[options.name](*options.arguments)


COMMANDS = {
    "run": _run,
    "compare": _compare,
    "docs": _docs,
    "web": _web,
    "profile": _profile,
    "step": _step,
}
