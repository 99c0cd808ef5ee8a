"""``manage.py verify_chain``: whether the history of every case is what the platform wrote."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from issues import anchors, chain
from issues.chain import Finding, Tally
from issues.models import Anchor, Issue


class Command(BaseCommand):
    help = (
        "查验办理记录：有没有被改动、缺失、调换顺序、截去末尾的，有没有问题整件消失。"
        "逐项列出发现，有发现即以 1 退出。"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--issue", metavar="编号", help="只查一件，例如 20250303-00012")
        parser.add_argument(
            "--anchor",
            type=_noted,
            action="append",
            default=[],
            metavar="存证号:摘要",
            help="与另行记下的存证摘要核对，可以给出多个",
        )

    # One transaction, as a server-side cursor would outlive it only by a copy of all rows.
    @transaction.atomic
    def handle(self, *, issue: str | None, anchor: list[tuple[int, str]], **options: Any) -> None:
        tally = Tally()
        found = 0
        for finding in self._findings(tally, issue, dict(anchor)):
            found += 1
            self.stdout.write(str(finding))
        looked_at = f"查验了 {tally.cases:,} 件问题的 {tally.events:,} 条办理记录"
        if not issue:
            looked_at += f"和 {tally.anchors:,} 个存证"
        if found:
            raise CommandError(f"{looked_at}，发现 {found:,} 处异常。")
        self.stdout.write(f"{looked_at}，没有发现异常。")
        if not issue and (last := Anchor.objects.last()):
            at = timezone.localtime(last.at)
            self.stdout.write(f"最近的存证（{at:%Y-%m-%d %H:%M}）：{last.number}:{last.hash}")

    def _findings(
        self, tally: Tally, number: str | None, noted: dict[int, str]
    ) -> Iterator[Finding]:
        if number is None:
            yield from chain.verify_cases(tally)
            yield from anchors.verify_anchors(tally, noted=noted)
            return
        if noted:
            raise CommandError("--issue 与 --anchor 不能同时使用：存证须与全部问题一起查验。")
        issue = Issue.objects.filter(number=number).first()
        if issue is None:
            raise CommandError(f"没有编号为 {number} 的问题。")
        yield from chain.verify_cases(tally, issue=issue)
        yield from anchors.verify_heads(issue)


def _noted(text: str) -> tuple[int, str]:
    match = re.fullmatch(r"([1-9]\d{0,8}):([0-9a-f]{64})", text)
    if not match:
        raise ArgumentTypeError(f"应为“存证号:64 位摘要”，而不是“{text}”")
    return int(match[1]), match[2]
