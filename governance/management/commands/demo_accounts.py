"""``manage.py demo_accounts``: with which accounts the embedded platform can be tried."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from governance.console import aligned
from governance.reference import demo
from people.choices import Role
from people.models import Posting, User

HEADINGS = ("用户名", "密码", "角色", "地区或单位", "姓名")


class Command(BaseCommand):
    help = "列出演示账号。只用于内置数据库；生产环境没有演示账号。"

    def handle(self, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("演示账号只存在于内置数据库中；生产环境请用 create_administrators。")
        users = {
            user.username: user
            for user in User.objects.filter(username__in=demo.ACCOUNTS).prefetch_related(
                "postings__place", "postings__organisation"
            )
        }
        if not users:
            raise CommandError("还没有演示账号：请先运行 manage.py load_reference。")
        rows = [HEADINGS]
        for username in demo.ACCOUNTS:
            if user := users.get(username):
                posting = user.postings.all()[0]
                rows.append(
                    (
                        username,
                        demo.PASSWORD,
                        Role(posting.role).label,
                        _where(posting),
                        user.full_name,
                    )
                )
        for line in aligned(rows):
            self.stdout.write(line)


def _where(posting: Posting) -> str:
    if posting.organisation:
        return posting.organisation.name
    if posting.place is None:
        return "—"
    place = posting.place
    above = [ancestor.name for ancestor in (place.town, place.community) if ancestor]
    return " ".join([*above, place.name])
