"""The working-day calendar, edited by those who keep the reference data."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from core import workdays
from core.models import CalendarYear, WorkDay


def _editor(request: HttpRequest) -> AbstractBaseUser:
    """Who is signed in: the permissions below let no anonymous visitor come this far."""
    return cast(AbstractBaseUser, request.user)


class ReferenceDataAdmin(admin.ModelAdmin):
    """Open to people whose account says ``may_edit_reference_data``; nothing is deleted here."""

    def _may_edit(self, request: HttpRequest) -> bool:
        # An anonymous visitor has no such attribute.
        return getattr(request.user, "may_edit_reference_data", False)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._may_edit(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_edit(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        # The primary key of a row that exists: editing it would make a second row.
        return [self.model._meta.pk.name] if obj else []


@admin.register(WorkDay)
class WorkDayAdmin(ReferenceDataAdmin):
    list_display = ["date", "is_working", "name"]
    list_editable = ["is_working", "name"]
    list_filter = ["is_working"]
    date_hierarchy = "date"
    ordering = ["date"]

    def save_model(
        self, request: HttpRequest, obj: WorkDay, form: ModelForm[Any], change: bool
    ) -> None:
        workdays.save_day(
            by=_editor(request), day=obj.date, is_working=obj.is_working, name=obj.name
        )


@admin.register(CalendarYear)
class CalendarYearAdmin(ReferenceDataAdmin):
    list_display = ["year", "published", "notice"]
    ordering = ["year"]
    actions = ["fill"]

    def save_model(
        self, request: HttpRequest, obj: CalendarYear, form: ModelForm[Any], change: bool
    ) -> None:
        workdays.save_year(
            by=_editor(request), year=obj.year, published=obj.published, notice=obj.notice
        )

    @admin.action(description="生成全年日历（已知节假日的按通知，其余按周一至周五）")
    def fill(self, request: HttpRequest, queryset: QuerySet[CalendarYear]) -> None:
        workdays.fill_calendar([row.year for row in queryset], by=_editor(request))
        self.message_user(request, "已生成全年日历。", messages.SUCCESS)
