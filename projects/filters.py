"""What the list of projects can be filtered by."""

from __future__ import annotations

from typing import Any

import django_filters
from django.utils import timezone

from areas.filters import TownFilterSet, town_filter
from core.search import SearchFilter, found
from issues.choices import Lamp
from people.models import Organisation
from projects.choices import Category, Status
from projects.models import Project, SearchEntry
from projects.querysets import ProjectQuerySet


class ProjectFilter(TownFilterSet):
    """Without a status only what is not done is listed; a search or a year finds all of it."""

    q = SearchFilter(help_text="编号，或名称、内容、地点中的文字")
    category = django_filters.ChoiceFilter(
        field_name="aspect__category", label="类别", choices=Category.choices, empty_label="不限"
    )
    status = django_filters.ChoiceFilter(
        label="状态",
        method="in_status",
        choices=[*Status.choices, ("all", "全部（含已完成）")],
        empty_label="未完成",
    )
    lamp = django_filters.ChoiceFilter(
        label="灯", choices=Lamp.choices, method="by_lamp", empty_label="不限"
    )
    town = town_filter()
    lead_department = django_filters.ModelChoiceFilter(
        label="牵头部门",
        queryset=Organisation.objects.filter(
            pk__in=Project.objects.order_by().values("lead_department_id")
        ),
        empty_label="不限",
    )
    year = django_filters.NumberFilter(
        label="年度", min_value=2000, max_value=2100, decimal_places=0
    )

    class Meta:
        model = Project
        fields: list[str] = []

    def filter_queryset(self, queryset: ProjectQuerySet) -> ProjectQuerySet:
        rows = super().filter_queryset(queryset)
        chosen = self.form.cleaned_data
        if chosen["status"] or chosen["q"] or chosen["year"]:
            return rows
        return rows.exclude(status=Status.DONE)

    def in_status(self, rows: ProjectQuerySet, name: str, value: str) -> ProjectQuerySet:
        return rows if value == "all" else rows.filter(status=value)

    def search(self, rows: ProjectQuerySet, name: str, value: str) -> ProjectQuerySet:
        return found(rows, SearchEntry, value)

    def by_lamp(self, rows: ProjectQuerySet, name: str, value: str) -> ProjectQuerySet:
        lit: Any = rows.with_lamp(timezone.localdate())
        return lit.filter(lamp_on_day=value)
