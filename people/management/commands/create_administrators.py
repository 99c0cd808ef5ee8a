"""``manage.py create_administrators``: the three first accounts of a production platform."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from core.errors import Refused
from people import actions
from people.choices import ADMINISTRATORS, Role
from people.models import Posting

# role: (option, username proposed, environment variable of the password)
THREE = {
    Role.SYSTEM_ADMIN: ("system", "sysadmin", "SYSTEM_ADMIN_PASSWORD"),
    Role.SECURITY_ADMIN: ("security", "secadmin", "SECURITY_ADMIN_PASSWORD"),
    Role.AUDIT_ADMIN: ("audit", "auditadmin", "AUDIT_ADMIN_PASSWORD"),
}


class Command(BaseCommand):
    help = (
        "创建系统、安全、审计三个管理员账号。密码从环境变量读取，没有时在终端输入；"
        "都是临时密码，本人首次登录后须修改。已有管理员时拒绝执行。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        for role, (option, username, variable) in THREE.items():
            parser.add_argument(
                f"--{option}", default=username, metavar="用户名", help=f"{role.label}的用户名"
            )
            parser.add_argument(
                f"--{option}-name",
                default=role.label,
                metavar="姓名",
                help=f"{role.label}的姓名；密码的环境变量是 {variable}",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        if Posting.objects.filter(role__in=ADMINISTRATORS).exists():
            raise CommandError("已有管理员账号，没有创建任何账号。")
        passwords = {role: self._password(role) for role in THREE}
        if len(set(passwords.values())) < len(passwords):
            raise CommandError("三个密码不能相同，没有创建任何账号。")
        with transaction.atomic():
            for role, (option, _, _) in THREE.items():
                try:
                    self._create(role, options[option], options[f"{option}_name"], passwords[role])
                except Refused as refused:
                    reasons = [text for texts in refused.fields.values() for text in texts]
                    raise CommandError(
                        f"{role.label}：{' '.join(reasons) or refused.message} 没有创建任何账号。"
                    ) from refused
        self.stdout.write("已创建三个管理员账号，请交给三个人，并各自登录后修改密码。")

    def _create(self, role: Role, username: str, full_name: str, password: str) -> None:
        user = actions.create_account(
            by=None, username=username, full_name=full_name, password=password
        )
        actions.appoint(by=None, user=user, role=role, starts_on=timezone.localdate())
        self.stdout.write(f"{role.label}：{username}")

    def _password(self, role: Role) -> str:
        variable = THREE[role][2]
        if password := os.environ.get(variable):
            return password
        if not sys.stdin.isatty():
            raise CommandError(f"请在环境变量 {variable} 中给出{role.label}的密码。")
        password = getpass(f"{role.label}的密码：")
        if password != getpass("再次输入："):
            raise CommandError("两次输入的密码不一致，没有创建任何账号。")
        return password
