"""One account per role with which the embedded platform can be tried. All share one password."""

from __future__ import annotations

from datetime import date, time, timedelta

from core import outbox
from core.models import Message
from core.workdays import moment
from people.choices import Role
from people.models import User

PASSWORD = "Wuzhong-2025!"  # noqa: S105 - printed for everybody, and only where EMBEDDED is set

# username: (role, name of the place or short name of the organisation)
ACCOUNTS = {
    "grid": (Role.GRID_WORKER, "龙西第1网格"),
    "community": (Role.COMMUNITY_OFFICER, "龙西社区"),
    "town": (Role.TOWN_DISPATCHER, "长桥街道"),
    "townlead": (Role.TOWN_LEADER, "长桥街道"),
    "handler": (Role.UNIT_HANDLER, "区住建局"),
    "head": (Role.UNIT_HEAD, "区住建局"),
    "district": (Role.DISTRICT_DISPATCHER, "吴中区"),
    "leader": (Role.DISTRICT_LEADER, "吴中区"),
    "supervisor": (Role.SUPERVISOR, "吴中区"),
    "verifier": (Role.VERIFIER, "长桥街道"),
    "revisitor": (Role.REVISITOR, "长桥街道"),
    "secretary": (Role.SECRETARY, "吴中区"),
    "sysadmin": (Role.SYSTEM_ADMIN, ""),
    "secadmin": (Role.SECURITY_ADMIN, ""),
    "auditor": (Role.AUDIT_ADMIN, ""),
}

# Where the town's verifier is told of work to verify, because no grid worker is there.
GRID_WITHOUT_WORKER = "龙西第5网格"


def welcome(today: date) -> None:
    """A first message for every demo account: those whose work sends none find one too."""
    yesterday = moment(today - timedelta(days=1), time(17))
    outbox.post(
        Message(
            key=f"reference:welcome:{user.username}",
            recipient=user,
            kind="通知",
            title="欢迎试用复杂区域治理平台",
            body=(
                f"您的角色是{ACCOUNTS[user.username][0].label}。这里的人员、事项都是虚构的；"
                "统计数字截至 2025 年 12 月 31 日，在办事项以今天早晨为准。"
            ),
            url="/",
            created_at=yesterday,
            delivered_at=yesterday,
        )
        for user in User.objects.filter(username__in=ACCOUNTS)
    )
