"""Categories and time limits, for the district's task force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from core.admin import ReferenceDataAdmin
from core.errors import Refused
from issues import reference
from issues.models import Category, TimeLimit
from people.requests import signed_in


def check_by_rule(form: forms.ModelForm[Any], check: Callable[[Any], None]) -> None:
    """Put what the rule refuses beside the fields at fault."""
    try:
        check(form.instance)
    except Refused as refused:
        for name, messages in refused.fields.items() or [("", [refused.message])]:
            form.add_error(name if name in form.fields else None, messages)


class CategoryForm(forms.ModelForm):
    class Meta:
        model = Category
        fields = [
            "name",
            "parent",
            "external_code",
            "usual_complexity",
            "usual_urgency",
            "needs_verification",
            "is_active",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["parent"].queryset = Category.objects.filter(  # type: ignore[attr-defined]
            parent=None
        ).exclude(pk=self.instance.pk)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            check_by_rule(self, reference.check_category)


@admin.register(Category)
class CategoryAdmin(ReferenceDataAdmin):
    form = CategoryForm
    list_display = [
        "name",
        "parent",
        "usual_complexity",
        "usual_urgency",
        "needs_verification",
        "is_active",
        "external_code",
    ]
    list_filter = ["is_active", "needs_verification"]
    list_select_related = ["parent"]
    search_fields = ["name", "external_code"]
    ordering = ["id"]

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> list[str]:
        return []

    def save_model(
        self, request: HttpRequest, obj: Category, form: forms.ModelForm[Any], change: bool
    ) -> None:
        reference.save_category(obj, by=signed_in(request))


class TimeLimitForm(forms.ModelForm):
    class Meta:
        model = TimeLimit
        fields = ["step", "level", "urgency", "category", "value", "unit", "effective_from"]
        help_texts = {"effective_from": "须在今天之后；已经开始的计时不变。"}

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            check_by_rule(self, reference.check_limit)


@admin.register(TimeLimit)
class TimeLimitAdmin(ReferenceDataAdmin):
    """A limit in force is shown, not edited; a new row with a later day takes its place."""

    form = TimeLimitForm
    list_display = ["step", "level", "urgency", "category", "length", "effective_from", "state"]
    list_filter = ["level", "step", "urgency"]
    list_select_related = ["category"]
    ordering = ["level", "step", "urgency", "-effective_from"]

    @admin.display(description="时限", ordering="value")
    def length(self, limit: TimeLimit) -> str:
        return f"{limit.value} {limit.get_unit_display()}"

    @admin.display(description="状态")
    def state(self, limit: TimeLimit) -> str:
        return "已生效" if reference.is_in_force(limit, timezone.localdate()) else "未生效"

    def get_readonly_fields(self, request: HttpRequest, obj: TimeLimit | None = None) -> list[str]:
        return []

    def has_change_permission(self, request: HttpRequest, obj: TimeLimit | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (
            obj and reference.is_in_force(obj, timezone.localdate())
        )

    def save_model(
        self, request: HttpRequest, obj: TimeLimit, form: forms.ModelForm[Any], change: bool
    ) -> None:
        reference.save_limit(obj, by=signed_in(request))
