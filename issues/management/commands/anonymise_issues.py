"""``manage.py anonymise_issues``: ended cases whose time is over, or one at a person's request."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import date, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import Refused
from core.workdays import moment
from issues.anonymise import Reason, anonymise, not_yet
from issues.models import Issue
from people.models import User


class Command(BaseCommand):
    help = (
        "将已办结的问题匿名化：清除标题、内容、地址、照片、办理文字和诉求人信息，不可恢复。"
        "办理过程保留，verify_chain 仍可查验。"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument(
            "--closed-before", type=_day, metavar="YYYY-MM-DD", help="在这一天之前办结的全部问题"
        )
        which.add_argument("--issue", metavar="编号", help="一件问题，应诉求人的要求")
        parser.add_argument(
            "--by", required=True, metavar="用户名", help="决定匿名化的区级派单员（专班）"
        )
        parser.add_argument("--dry-run", action="store_true", help="只统计件数，不作更改")

    def handle(
        self,
        *,
        closed_before: date | None,
        issue: str | None,
        by: str,
        dry_run: bool,
        **options: Any,
    ) -> None:
        user = User.objects.filter(username=by).first()
        if user is None:
            raise CommandError(f"没有用户名为 {by} 的账号。")
        if closed_before:
            before = moment(closed_before, time.min)
            issues = not_yet(Issue.objects.visible_to(user)).filter(closed_at__lt=before)
            reason = Reason.RETENTION
        else:
            issues = Issue.objects.visible_to(user).filter(number=issue)
            reason = Reason.REQUEST
            if not issues.exists():
                raise CommandError(f"没有编号为 {issue} 的问题，或 {by} 无权查看。")
        if dry_run:
            self.stdout.write(f"将匿名化 {issues.count():,} 件问题。")
            return
        done = 0
        # Ids first: each case is a transaction of its own, and an interrupted run can be repeated.
        for pk in list(issues.order_by("pk").values_list("pk", flat=True)):
            try:
                anonymise(Issue(pk=pk), by=user, reason=reason)
            except Refused as refused:
                raise CommandError(f"{refused.message}已匿名化 {done:,} 件。") from refused
            done += 1
        self.stdout.write(f"已匿名化 {done:,} 件问题。")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"应为 YYYY-MM-DD 形式的日期，而不是“{text}”") from None
