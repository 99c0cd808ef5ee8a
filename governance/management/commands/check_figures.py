"""``manage.py check_figures``: the article's figures, and what the database says about them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.metrics import Figure
from governance.acceptance import ACCEPTANCE, LATER
from governance.console import aligned

AS_OF = date(2025, 12, 31)  # the end of the counted history
HEADINGS = ("指标", "报道值", "计算值", "分子", "分母", "结论")
NUMBERS = (3, 4)  # columns


class Command(BaseCommand):
    help = "逐项核对报道中的数字：报道值、计算值、分子、分母、是否一致。有一项不一致即以 1 退出。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--as-of", type=_day, default=AS_OF, metavar="YYYY-MM-DD", help=f"统计日，默认 {AS_OF}"
        )

    def handle(self, *, as_of: date, **options: Any) -> None:
        figures = [metric.figure(as_of) for metric in ACCEPTANCE]
        rows = [HEADINGS, *(_row(figure) for figure in figures)]
        rows += [(later.name, later.article, "", "", "", "后续版本") for later in LATER]
        self.stdout.write(f"统计日 {as_of}")
        for line in aligned(rows, right=NUMBERS):
            self.stdout.write(line)
        failed = [figure.metric.name for figure in figures if not figure.passes]
        if failed:
            raise CommandError(f"{len(failed)} 项不一致：{'、'.join(failed)}。")
        self.stdout.write(f"{len(figures)} 项全部一致，{len(LATER)} 项待后续版本。")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"应为 YYYY-MM-DD 形式的日期，而不是“{text}”") from None


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.metric.name,
        figure.metric.article,
        figure.display(),
        str(figure.numerator),
        "" if figure.denominator is None else str(figure.denominator),
        "一致" if figure.passes else "不一致",
    )
