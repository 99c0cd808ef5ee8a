"""The audit trail as the audit administrator reads it."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import django_filters
from django.apps import apps
from django.db.models import Model, Q, QuerySet
from django.utils import timezone
from django.utils.html import format_html

from core import exports
from core.keyset import Sort
from core.models import AuditEntry, CalendarYear, ExportFile, WorkDay
from core.registers import Column, Register
from core.templatetags.kit import NONE
from core.trail import Trail as CoreTrail
from core.workdays import moment
from issues.filters import DayFilter
from issues.models import Anchor, Category, Issue, PaperTemplate, TimeLimit
from issues.trail import Trail as IssueTrail
from meetings.models import Meeting, MeetingSeries, QuarterlyReport, Resolution
from meetings.trail import Trail as MeetingTrail
from people.models import Posting, User
from people.trail import Trail as PeopleTrail
from projects.models import Project
from projects.trail import Trail as ProjectTrail

ACTIONS: dict[str, str] = {
    **dict(PeopleTrail.choices),
    **dict(IssueTrail.choices),
    **dict(ProjectTrail.choices),
    **dict(MeetingTrail.choices),
    **dict(CoreTrail.choices),
    "calendar.filled": "生成全年日历",
    "calendar.day_changed": "修改工作日",
    "calendar.year_changed": "修改年度日历",
}

USER = User._meta.label_lower


# What entries are about. Other tables hold parts of these, or what the platform keeps for itself.
TARGETS: tuple[type[Model], ...] = (
    Issue,
    Anchor,
    Category,
    TimeLimit,
    PaperTemplate,
    Project,
    MeetingSeries,
    Meeting,
    Resolution,
    QuarterlyReport,
    User,
    Posting,
    CalendarYear,
    WorkDay,
    ExportFile,
)


def target_types() -> list[tuple[str, str]]:
    return [(model._meta.label_lower, str(model._meta.verbose_name)) for model in TARGETS]


class AuditFilter(django_filters.FilterSet):
    actor = django_filters.CharFilter(
        label="操作人", method="by_actor", max_length=40, help_text="操作人的用户名或姓名"
    )
    action = django_filters.ChoiceFilter(
        label="操作", choices=list(ACTIONS.items()), empty_label="全部"
    )
    target_type = django_filters.ChoiceFilter(
        label="对象", choices=target_types(), empty_label="全部"
    )
    target_id = django_filters.CharFilter(label="对象编号", max_length=60)
    day_from = DayFilter(label="日期从", method="since")
    day_to = DayFilter(label="日期到", method="until")

    def by_actor(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        people = User.objects.filter(Q(username__iexact=value) | Q(full_name=value))
        return rows.filter(actor__in=people.order_by().values("pk"))

    def since(self, rows: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        return rows.filter(at__gte=moment(value, time.min))

    def until(self, rows: QuerySet[Any], name: str, value: date) -> QuerySet[Any]:
        return rows.filter(at__lte=moment(value, time.max))


def _with_accounts(entries: list[AuditEntry]) -> list[AuditEntry]:
    """The entries with the names of the accounts that they are about. One query."""
    about_accounts = [entry for entry in entries if entry.target_type == USER]
    accounts = User.objects.in_bulk([int(entry.target_id) for entry in about_accounts])
    for entry in about_accounts:
        account = accounts.get(int(entry.target_id))
        entry.account_name = f"{account.full_name}（{account.username}）" if account else ""  # type: ignore[attr-defined]
    return entries


def _actor(entry: AuditEntry) -> str:
    return f"{entry.actor.full_name}（{entry.actor.username}）" if entry.actor else "系统"


def _target(entry: AuditEntry) -> str:
    if not entry.target_type:
        return ""
    if name := getattr(entry, "account_name", ""):
        return f"用户 {name}"
    model = apps.get_model(entry.target_type)
    return f"{model._meta.verbose_name} {entry.target_id}"


# What the details of entries are called; a key without a name here is shown as it is.
DETAILS = {
    "added": "新增",
    "category": "类别",
    "completed_on": "完成日期",
    "countersigned_on": "会签日期",
    "deputises_for": "代理的任职",
    "device": "设备",
    "done": "办理动作",
    "effective_from": "生效日期",
    "ends_on": "结束日期",
    "events": "办理记录数",
    "filters": "条件",
    "format": "格式",
    "former_owner": "原负责人",
    "handled_issues": "移交经办的问题",
    "held_on": "召开日期",
    "is_active": "启用",
    "is_working": "工作日",
    "issue": "问题",
    "item": "议题",
    "kind": "来源",
    "level": "层级",
    "list": "列表",
    "order": "督办单",
    "meeting": "会议",
    "needs_verification": "须核查",
    "organisation": "组织",
    "owner": "负责人",
    "owned_projects": "移交攻坚项目",
    "owned_resolutions": "移交议定事项",
    "paper": "文书",
    "parent": "上级",
    "percent": "完成率",
    "place": "地区",
    "planned_on": "计划日期",
    "posting": "任职",
    "project": "项目",
    "published": "已录入",
    "quarter": "季度",
    "reason": "原因",
    "resolution": "议定事项",
    "role": "角色",
    "rows": "行数",
    "seq": "办理记录序号",
    "sha256": "摘要",
    "solved_on": "销号日期",
    "starts_on": "开始日期",
    "step": "环节",
    "successor": "接手人",
    "unit": "单位",
    "urgency": "紧急程度",
    "user": "用户",
    "value": "数值",
    "version": "版本",
}


def _detail(entry: AuditEntry) -> str:
    return "；".join(
        f"{DETAILS.get(key, key)} {exports.title_of(value) if key == 'list' else _said(value)}"
        for key, value in entry.detail.items()
        if value is not None
    )


def _drawn_detail(entry: AuditEntry) -> str:
    words = _detail(entry)
    return format_html('<span class="audit-detail">{}</span>', words) if words else NONE


def _said(value: Any) -> Any:
    return ("是" if value else "否") if isinstance(value, bool) else value


AUDIT = Register(
    title="审计",
    unit="条",
    columns=(
        Column("at", "时间", lambda entry: f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"),
        Column("actor", "操作人", _actor),
        Column("action", "操作", lambda entry: ACTIONS.get(entry.action, entry.action)),
        Column("target", "对象", _target),
        Column("detail", "详情", _detail, draw=_drawn_detail),
    ),
    sorts={"at": Sort("时间", ("at", "id"))},  # audit_newest_first, audit_of_a_person
    default_sort="-at",
    filterset=AuditFilter,
    data=_with_accounts,
    search="actor",
    template="governance/audit.html",
    empty="没有符合条件的记录",
)
