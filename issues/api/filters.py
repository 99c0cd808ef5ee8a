"""Filters of the API's issue list. Unlike the page, it lists closed issues too by itself."""

from __future__ import annotations

from datetime import date, time

import django_filters
from django.utils import timezone
from django_filters import rest_framework as filters

from core.search import SearchFilter
from core.workdays import moment
from issues.choices import TERMINAL, Lamp, Level, Status, Urgency
from issues.filters import DayFilter
from issues.models import Category, Issue
from issues.querysets import IssueQuerySet
from issues.search import found


class IssueFilter(filters.FilterSet):
    q = SearchFilter(
        label="搜索：编号（可只写前几位），或标题、内容、地址、地名中的文字，至少两个字"
    )
    waiting = filters.BooleanFilter(label="true：只看待我办理的", method="waiting_for_me")
    open = filters.BooleanFilter(label="true：只看在办；false：只看已了结", method="are_open")
    status = django_filters.ChoiceFilter(label="状态", choices=Status.choices)
    level = django_filters.ChoiceFilter(label="层级", choices=Level.choices)
    urgency = django_filters.ChoiceFilter(label="紧急程度", choices=Urgency.choices)
    lamp = django_filters.ChoiceFilter(label="环节灯", choices=Lamp.choices, method="with_lamp")
    category = django_filters.ModelChoiceFilter(label="类别", queryset=Category.objects.all())
    received_from = DayFilter(label="受理日期从（含当日）", method="received_since")
    received_to = DayFilter(label="受理日期到（含当日）", method="received_until")

    sort = django_filters.ChoiceFilter(
        label="排序",
        choices=[("received", "新受理的在前"), ("due", "只列计时中的，先到期的在前")],
        method="fit_for_sorting",
    )

    class Meta:
        model = Issue
        fields: list[str] = []

    def search(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return found(rows, value, by=self.request.user)

    def fit_for_sorting(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        """What has ended or stands still is not due; the order itself is the view's."""
        return rows.filter(due_at__isnull=False) if value == "due" else rows

    def waiting_for_me(self, rows: IssueQuerySet, name: str, value: bool) -> IssueQuerySet:
        return rows.waiting_for(self.request.user) if value else rows

    def are_open(self, rows: IssueQuerySet, name: str, value: bool) -> IssueQuerySet:
        return rows.open() if value else rows.filter(status__in=TERMINAL)

    def with_lamp(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return rows.with_lamp(timezone.now()).filter(lamp_now=value)  # type: ignore[misc]

    def received_since(self, rows: IssueQuerySet, name: str, value: date) -> IssueQuerySet:
        return rows.filter(received_at__gte=moment(value, time.min))

    def received_until(self, rows: IssueQuerySet, name: str, value: date) -> IssueQuerySet:
        return rows.filter(received_at__lte=moment(value, time.max))
