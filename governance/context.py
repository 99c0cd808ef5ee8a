"""The frame around every page: who is here, where they may go, what is unread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from core import outbox
from issues.roles import READERS_OF_THE_RULES
from people.choices import MANAGERS_OF_DEPUTIES, Role
from people.requests import signed_in


@dataclass(frozen=True)
class NavItem:
    url: str
    label: str
    icon: str
    active: bool


def frame(request: HttpRequest) -> dict[str, Any]:
    user = request.user
    if not user.is_authenticated:
        return {"frame": None}
    return {
        "frame": {
            "nav": _navigation(request),
            "unread": outbox.unread_count(user),
            "postings": user.current_postings,
        }
    }


def _navigation(request: HttpRequest) -> list[NavItem]:
    entries = [("home", "首页", "house")]
    user = signed_in(request)
    if user.sees_business:
        entries += [
            ("issues:desk", "工作台", "layout-text-sidebar"),
            ("areas:list", "复杂区域", "map"),
            ("issues:list", "问题", "clipboard-check"),
            ("projects:list", "攻坚项目", "bullseye"),
            ("meetings:list", "联席会议", "people"),
        ]
    if user.has_role(*MANAGERS_OF_DEPUTIES):
        entries.append(("deputies", "AB岗", "arrow-left-right"))
    if user.has_role(*READERS_OF_THE_RULES):
        entries.append(("issues:rules", "办理规则", "signpost-split"))
    if user.has_role(Role.AUDIT_ADMIN):
        entries.append(("audit", "审计", "shield-check"))
    entries.append(("inbox", "消息", "bell"))
    if user.is_staff:
        entries.append(("admin:index", "管理", "gear"))
    items = [(reverse(name), label, icon) for name, label, icon in entries]
    here = _nearest(request.path, [url for url, _, _ in items])
    return [NavItem(url, label, icon, active=url == here) for url, label, icon in items]


def _nearest(path: str, urls: list[str]) -> str:
    """The entry under which a page lies: of two that fit, the longer one."""
    fitting = [url for url in urls if path == url or (url != "/" and path.startswith(url))]
    return max(fitting, key=len, default="")
