"""The list of one's delivered messages."""

from __future__ import annotations

import django_filters
from django.urls import reverse

from core.choices import MessageKind as CoreKind
from core.keyset import Sort
from core.models import MessageQuerySet
from core.registers import Column, Register
from issues.choices import MessageKind as IssueKind
from meetings.choices import MessageKind as MeetingKind
from people.choices import MessageKind as PeopleKind
from projects.choices import MessageKind as ProjectKind

KINDS: dict[str, str] = {
    **dict(IssueKind.choices),
    **dict(ProjectKind.choices),
    **dict(MeetingKind.choices),
    **dict(PeopleKind.choices),
    **dict(CoreKind.choices),
}


class MessageFilter(django_filters.FilterSet):
    unread = django_filters.ChoiceFilter(
        label="阅读", method="only_unread", choices=[("1", "未读")], empty_label="全部"
    )
    kind = django_filters.ChoiceFilter(
        label="类别", choices=list(KINDS.items()), empty_label="全部"
    )

    def only_unread(self, rows: MessageQuerySet, name: str, value: str) -> MessageQuerySet:
        return rows.unread()


INBOX = Register(
    title="消息",
    columns=(
        Column("state", "状态", "read_at", template="governance/cells/message_state.html"),
        Column("title", "标题", link=True),
        Column("body", "内容", wrap=True),
        Column("kind", "类别", lambda row: KINDS.get(row.kind, row.kind), hide=True),
        Column("delivered", "时间", "delivered_at"),
    ),
    sorts={
        # message_inbox, and message_unread where only unread ones are listed
        "delivered": Sort("时间", ("delivered_at", "id"), always_set=True),
    },
    default_sort="-delivered",
    filterset=MessageFilter,
    page_size=20,
    template="governance/inbox.html",
    empty="没有消息",
    row_url=lambda message: reverse("inbox_open", args=[message.pk]),
)
