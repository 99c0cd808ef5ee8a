"""Filters of the issue list."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import django_filters
from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from areas.filters import TownFilterSet, town_filter
from areas.models import ComplexArea
from areas.querysets import AreaQuerySet
from core.search import SearchFilter
from core.selects import NameFilter, RowFilter
from core.workdays import moment
from issues.choices import OPEN_STATUSES, TERMINAL, Lamp, Level, Owed, Status, Urgency
from issues.models import Category, Issue
from issues.owing import owing
from issues.querysets import IssueQuerySet
from issues.reference import categories
from issues.search import found, number_in
from people.reference import organisations

ANY = "不限"


class DayField(forms.DateField):
    """A day of this platform's time; others could not be turned into an instant."""

    default_validators = [
        MinValueValidator(date(2000, 1, 1), "日期不能早于 2000 年。"),
        MaxValueValidator(date(2100, 1, 1), "日期不能晚于 2100 年。"),
    ]


class DayFilter(django_filters.DateFilter):
    field_class = DayField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), **kwargs
        )


def categories_in_order() -> dict[int, Category]:
    """Each of the first level with those below it, by id."""
    found = sorted(
        categories().values(),
        key=lambda row: (row.parent_id or row.pk, row.parent_id is not None, row.pk),
    )
    return {row.pk: row for row in found}


def indented(category: Category) -> str:
    return f"　{category.name}" if category.parent_id else category.name


def category_filter() -> RowFilter:
    """A filter of a set that says ``in_category`` itself."""
    return RowFilter(
        label="类别",
        method="in_category",
        rows=categories_in_order,
        words=indented,
        empty_label=ANY,
    )


def areas_of(request: HttpRequest) -> AreaQuerySet:
    return ComplexArea.objects.visible_to(request.user).active(timezone.localdate())


class IssueFilter(TownFilterSet):
    """Without a status only what is open is listed; a case number finds it whatever its status."""

    q = SearchFilter(help_text="编号，或标题、内容、地点中的文字")
    mine = django_filters.ChoiceFilter(
        label="办理", method="waiting_for_me", choices=[("1", "待我办理")], empty_label=ANY
    )
    status = django_filters.ChoiceFilter(
        label="状态",
        method="in_status",
        choices=[*Status.choices, ("all", "全部（含已结案）")],
        empty_label="在办",
    )
    level = django_filters.ChoiceFilter(label="层级", choices=Level.choices, empty_label=ANY)
    lamp = django_filters.ChoiceFilter(
        label="环节时限", method="with_lamp", choices=Lamp.choices, empty_label=ANY
    )
    overall = django_filters.ChoiceFilter(
        label="总时限", method="overall_overdue", choices=[("red", "超期")], empty_label=ANY
    )
    owes = django_filters.ChoiceFilter(
        label="单位欠办", method="owed_by_units", choices=Owed.choices, empty_label=ANY
    )
    unit = RowFilter(label="主办单位", field_name="lead_unit", rows=organisations, empty_label=ANY)
    urgency = django_filters.ChoiceFilter(
        label="紧急程度", choices=Urgency.choices, empty_label=ANY
    )
    category = category_filter()
    town = town_filter()
    area = NameFilter(label="复杂区域", queryset=areas_of, empty_label=ANY)
    received_from = DayFilter(label="受理日期从", method="received_since")
    received_to = DayFilter(label="受理日期到", method="received_until")

    class Meta:
        model = Issue
        fields: list[str] = []

    def filter_queryset(self, queryset: IssueQuerySet) -> IssueQuerySet:
        rows = super().filter_queryset(queryset)
        chosen = self.form.cleaned_data
        if chosen["status"] or number_in(chosen["q"]):
            return rows
        return rows.open()

    def search(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return found(rows, value, by=self.request.user)

    def waiting_for_me(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return rows.waiting_for(self.request.user)

    def in_status(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        if value == "all":
            return rows
        rows = rows if value in TERMINAL else rows.open()  # the indexes of open cases ask for it
        return rows.filter(status=value)

    def with_lamp(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        now = timezone.now()
        match value:
            case Lamp.RED:
                return rows.overdue(now)
            case Lamp.YELLOW:
                return rows.filter(yellow_at__lte=now, due_at__gt=now)
        return rows.filter(yellow_at__gt=now)

    def owed_by_units(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return owing(rows, value, timezone.now())

    def overall_overdue(self, rows: IssueQuerySet, name: str, value: str) -> IssueQuerySet:
        return rows.filter(overall_due_at__lte=timezone.now())

    def in_category(self, rows: IssueQuerySet, name: str, value: Category) -> IssueQuerySet:
        """Of the category itself or, if it is one of the first level, of those below it."""
        return rows.filter(Q(category=value) | Q(category__parent=value))

    def received_since(self, rows: IssueQuerySet, name: str, value: date) -> IssueQuerySet:
        return rows.filter(received_at__gte=moment(value, time.min))

    def received_until(self, rows: IssueQuerySet, name: str, value: date) -> IssueQuerySet:
        return rows.filter(received_at__lte=moment(value, time.max))


class OwingFilter(TownFilterSet):
    """The page of who owes what: the town, for those who see several."""

    town = town_filter(widget=forms.Select(attrs={"class": "form-select"}))

    class Meta:
        model = Issue
        fields: list[str] = []


class DeskFilter(IssueFilter):
    """Filters inside a queue of the desk, which holds open cases only."""

    mine = None
    status = django_filters.ChoiceFilter(
        label="状态",
        choices=[(status.value, status.label) for status in OPEN_STATUSES],
        empty_label=ANY,
    )
