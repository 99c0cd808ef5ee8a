"""``manage.py load_reference``: the synthetic district, small for tests or full for trying out."""

from __future__ import annotations

from datetime import date
from time import monotonic
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from core.errors import Refused
from governance.reference.history import Size
from governance.reference.loading import is_loaded, load


class Command(BaseCommand):
    help = "把参考数据（虚构的吴中区）装入空的数据库。中断不留下任何数据，可以重新运行。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--size",
            choices=[size.value for size in Size],
            default=Size.FULL.value,
            help="small：480 个问题，供测试；full：9600 个问题",
        )
        parser.add_argument(
            "--today",
            metavar="YYYY-MM-DD",
            help="在办问题和近期会议以这一天的早晨为准，默认今天",
        )
        parser.add_argument("--if-empty", action="store_true", help="数据库里已有数据时什么也不做")

    def handle(self, *, size: str, today: str | None, if_empty: bool, **options: Any) -> None:
        if if_empty and is_loaded():
            self.stdout.write("已有数据，不再装入参考数据。")
            return
        started = monotonic()
        try:
            load(size=Size(size), today=_day(today), say=self.stdout.write)
        except Refused as refused:
            raise CommandError(refused.message) from None
        self.stdout.write(f"参考数据已装入，用时 {monotonic() - started:.0f} 秒。")


def _day(text: str | None) -> date:
    if text is None:
        return timezone.localdate()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"--today 应为 YYYY-MM-DD 形式的日期，而不是“{text}”。") from None
