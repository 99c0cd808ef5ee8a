"""What the lists of meetings and resolutions can be filtered by."""

from __future__ import annotations

import django_filters
from django.db.models import Q
from django.utils import timezone

from areas.filters import TownFilterSet, town_filter
from issues.filters import DayFilter
from meetings.choices import MeetingLevel, MeetingStatus
from meetings.models import Meeting, Resolution
from meetings.querysets import ResolutionQuerySet

ANY = "不限"


class MeetingFilter(TownFilterSet):
    q = django_filters.CharFilter(
        label="搜索",
        field_name="title",
        lookup_expr="icontains",  # a district has some hundreds of meetings
        max_length=60,
        help_text="会议名称",
    )
    level = django_filters.ChoiceFilter(label="层级", choices=MeetingLevel.choices, empty_label=ANY)
    status = django_filters.ChoiceFilter(
        label="状态", choices=MeetingStatus.choices, empty_label=ANY
    )
    town = town_filter()
    day_from = DayFilter(label="日期从", field_name="planned_on", lookup_expr="gte")
    day_to = DayFilter(label="日期到", field_name="planned_on", lookup_expr="lte")

    class Meta:
        model = Meeting
        fields: list[str] = []


class ResolutionFilter(TownFilterSet):
    q = django_filters.CharFilter(
        label="搜索", method="search", max_length=60, help_text="编号或内容"
    )
    status = django_filters.ChoiceFilter(
        label="状态",
        method="in_status",
        choices=[("running", "落实中"), ("late", "逾期"), ("solved", "已销号")],
        empty_label=ANY,
    )
    cross = django_filters.ChoiceFilter(
        label="跨部门",
        method="across",
        choices=[("yes", "是"), ("no", "否")],
        empty_label=ANY,
    )
    level = django_filters.ChoiceFilter(
        field_name="meeting__level", label="层级", choices=MeetingLevel.choices, empty_label=ANY
    )
    town = town_filter(field_name="meeting__town")

    class Meta:
        model = Resolution
        fields: list[str] = []

    def search(self, rows: ResolutionQuerySet, name: str, value: str) -> ResolutionQuerySet:
        return rows.filter(Q(number__icontains=value) | Q(text__icontains=value))

    def in_status(self, rows: ResolutionQuerySet, name: str, value: str) -> ResolutionQuerySet:
        if value == "late":
            return rows.running().filter(due_date__lt=timezone.localdate())
        return rows.filter(status=value)

    def across(self, rows: ResolutionQuerySet, name: str, value: str) -> ResolutionQuerySet:
        return rows.filter(is_cross_department=value == "yes")
