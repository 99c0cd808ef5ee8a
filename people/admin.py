"""Accounts for the system administrator, postings for the security administrator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Q, QuerySet
from django.forms import ModelForm, Widget
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from areas.models import Place
from core.errors import NotAllowed, Refused
from people import actions, deputies, duties
from people.choices import ADMINISTRATORS, Role
from people.forms import (
    AccountForm,
    AppointmentForm,
    NewAccountForm,
    PostingEndForm,
    TemporaryPasswordForm,
    show_refusal,
)
from people.models import Organisation, Posting, User
from people.requests import signed_in


class RoleAdmin(admin.ModelAdmin):
    """Open to the roles in ``viewers``, writable for those in ``editors``; nothing is deleted."""

    viewers: frozenset[Role] = frozenset()
    editors: frozenset[Role] = frozenset()

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).has_role(*self.viewers, *self.editors)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return signed_in(request).has_role(*self.editors)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return signed_in(request).has_role(*self.editors)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(RoleAdmin):
    """Accounts without their telephone numbers, which are no business of an administrator."""

    viewers = frozenset({Role.SECURITY_ADMIN})
    editors = frozenset({Role.SYSTEM_ADMIN})
    list_display = ["username", "full_name", "is_active", "password_is_temporary", "last_login"]
    list_filter = ["is_active", "password_is_temporary"]
    search_fields = ["username", "full_name"]
    ordering = ["username"]

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[Any]:
        if obj is None:
            return ["username", "full_name", "password", "password_again"]
        fields = ["username", "full_name", "is_active", "password_state", "last_login"]
        if self.has_change_permission(request, obj):
            fields[3:3] = ["held_work", "successor"]
        return [*fields, "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        shown = ["username", "held_work", "password_state", "last_login", "created_at"]
        return shown if obj else []

    @admin.display(description="未办结的工作")
    def held_work(self, user: User) -> SafeString | str:
        today = timezone.localdate()
        postings = user.postings.in_force(today).with_scope_data().order_by("id")
        return _lines(
            f"{posting}：{duties.in_words(held)}"
            for posting in postings
            if (held := duties.held_by([posting], today))
        )

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[User]]:
        kwargs["form"] = AccountForm if obj else NewAccountForm
        return super().get_form(request, obj, change, **kwargs)

    @admin.display(description="密码")
    def password_state(self, user: User) -> SafeString:
        return format_html(
            '{} <a href="{}">重置密码</a>',
            "临时密码，登录后须修改。" if user.password_is_temporary else "已由本人设置。",
            reverse("admin:people_user_password", args=[user.pk]),
        )

    def save_model(
        self, request: HttpRequest, obj: User, form: ModelForm[Any], change: bool
    ) -> None:
        by = signed_in(request)
        if not change:
            given = form.cleaned_data
            created = actions.create_account(
                by=by,
                username=given["username"],
                full_name=given["full_name"],
                password=given["password"],
            )
            obj.pk = created.pk
            return
        if "full_name" in form.changed_data:
            actions.rename_account(by=by, user=obj, full_name=obj.full_name)
        if "is_active" in form.changed_data and obj.is_active:
            actions.activate_account(by=by, user=obj)
        elif "is_active" in form.changed_data:
            successor = form.cleaned_data["successor"]
            actions.deactivate_account(by=by, user=obj, successor=successor)

    def get_urls(self) -> list[URLPattern]:
        reset = self.admin_site.admin_view(self.reset_password)
        own = path("<int:pk>/password/", reset, name="people_user_password")
        return [own, *super().get_urls()]

    def reset_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.has_change_permission(request):
            raise NotAllowed()
        user = get_object_or_404(User, pk=pk)
        form = TemporaryPasswordForm(request.POST or None)
        if form.is_valid():
            try:
                actions.reset_password(
                    by=signed_in(request), user=user, password=form.cleaned_data["password"]
                )
            except Refused as refused:
                show_refusal(form, refused)
            else:
                self.message_user(request, f"已重置 {user.username} 的密码。", messages.SUCCESS)
                return redirect("admin:people_user_change", user.pk)
        context = {"form": form, "account": user}
        status = 422 if form.errors else 200
        return render(request, "people/reset_password.html", context, status=status)


class InForceFilter(admin.SimpleListFilter):
    title = "状态"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "在任"), ("no", "未到任或已结束")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = timezone.localdate()
        in_force = Q(starts_on__lte=today) & (Q(ends_on__isnull=True) | Q(ends_on__gte=today))
        if self.value() == "yes":
            return queryset.filter(in_force)
        if self.value() == "no":
            return queryset.exclude(in_force)
        return queryset


class DeputyFilter(admin.SimpleListFilter):
    title = "代理"
    parameter_name = "deputy"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "代理（AB岗）"), ("no", "本职")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() in ("yes", "no"):
            return queryset.filter(deputises_for__isnull=self.value() == "no")
        return queryset


@admin.register(Posting)
class PostingAdmin(RoleAdmin):
    """Adding a row appoints; changing one sets its last day and hands its work over.

    A deputy is appointed on a page of its own, from the posting that it stands in for.
    """

    editors = frozenset({Role.SECURITY_ADMIN})
    list_display = [
        *("user", "username", "role", "place", "organisation", "stands_in_for"),
        *("starts_on", "ends_on"),
    ]
    list_filter = [InForceFilter, DeputyFilter, "role"]
    list_select_related = ["user", "place", "organisation", "deputises_for__user"]
    search_fields = ["user__username", "user__full_name", "place__name", "organisation__name"]
    autocomplete_fields = ["user", "place", "organisation"]
    ordering = ["-id"]

    @admin.display(description="用户名", ordering="user__username")
    def username(self, posting: Posting) -> str:
        return posting.user.username

    @admin.display(description="代理")
    def stands_in_for(self, posting: Posting) -> str:
        return f"代{posting.deputises_for.user}" if posting.deputises_for else ""

    @admin.display(description="AB岗")
    def deputies_shown(self, posting: Posting) -> SafeString | str:
        rows = posting.deputies.select_related("user").order_by("starts_on", "id")
        lines = format_html_join(
            "",
            '<a href="{}">{}</a> {} 至 {}<br>',
            (
                (
                    reverse("admin:people_posting_change", args=[deputy.pk]),
                    deputy.user,
                    deputy.starts_on,
                    deputy.ends_on,
                )
                for deputy in rows
            ),
        )
        if posting.role in ADMINISTRATORS or posting.is_over(timezone.localdate()):
            return lines or "—"
        return format_html(
            '{}<a href="{}">任命代理人</a>',
            lines,
            reverse("admin:people_posting_deputy", args=[posting.pk]),
        )

    @admin.display(description="未办结的工作")
    def held_work(self, posting: Posting) -> SafeString | str:
        held = duties.held_by([posting], timezone.localdate())
        if not duties.of_the_person(held):
            return f"{duties.in_words(held)}。" if held else "没有。"
        return format_html(
            '{} <a href="{}">移交</a>',
            duties.in_words(held),
            reverse("admin:people_posting_hand_over", args=[posting.pk]),
        )

    def has_change_permission(self, request: HttpRequest, obj: Posting | None = None) -> bool:
        is_over = obj is not None and obj.is_over(timezone.localdate())
        return super().has_change_permission(request, obj) and not is_over

    def get_fields(self, request: HttpRequest, obj: Posting | None = None) -> list[Any]:
        where = ["user", "role", "place", "organisation"]
        if obj is None:
            return [*where, "starts_on", "ends_on"]
        if obj.deputises_for_id is not None:
            return [*where, "stands_in_for", "starts_on", "held_work", "ends_on"]
        return [*where, "starts_on", "deputies_shown", "held_work", "ends_on", "successor"]

    def get_readonly_fields(self, request: HttpRequest, obj: Posting | None = None) -> list[str]:
        if obj is None:
            return []
        shown = ["user", "role", "place", "organisation", "starts_on"]
        return [*shown, "stands_in_for", "deputies_shown", "held_work"]

    def get_form(
        self, request: HttpRequest, obj: Posting | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Posting]]:
        kwargs["form"] = PostingEndForm if obj else AppointmentForm
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.by = signed_in(request)  # the class was made for this request alone
        return form

    def save_model(
        self, request: HttpRequest, obj: Posting, form: ModelForm[Any], change: bool
    ) -> None:
        if change:
            actions.end_posting(
                by=signed_in(request),
                posting_id=obj.pk,
                ends_on=form.cleaned_data["ends_on"],
                successor=form.cleaned_data.get("successor"),
            )
            return
        posting = actions.appoint(
            by=signed_in(request),
            user=obj.user,
            role=obj.role,
            place=obj.place,
            organisation=obj.organisation,
            starts_on=obj.starts_on,
            ends_on=obj.ends_on,
        )
        obj.pk = posting.pk

    # --- deputies and handing over: pages of their own ---

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("<int:pk>/deputy/", guarded(self.deputy), name="people_posting_deputy"),
            path("<int:pk>/hand-over/", guarded(self.hand_over), name="people_posting_hand_over"),
            *super().get_urls(),
        ]

    def deputy(self, request: HttpRequest, pk: int) -> HttpResponse:
        posting = self._posting(request, pk)
        picker = AutocompleteSelect(Posting._meta.get_field("user"), self.admin_site)
        return deputies.appoint(request, posting, self._setting(request, pk, picker))

    def hand_over(self, request: HttpRequest, pk: int) -> HttpResponse:
        posting = self._posting(request, pk)
        return deputies.hand_over(request, posting, self._setting(request, pk))

    def _setting(
        self, request: HttpRequest, pk: int, picker: Widget | None = None
    ) -> deputies.Setting:
        return deputies.Setting(
            back=reverse("admin:people_posting_change", args=[pk]),
            template="people/admin_deputy_form.html",
            picker=picker,
            context=self.admin_site.each_context(request),
        )

    def _posting(self, request: HttpRequest, pk: int) -> Posting:
        if not self.has_change_permission(request):
            raise NotAllowed()
        return get_object_or_404(Posting.objects.with_scope_data().select_related("user"), pk=pk)


def _lines(texts: Iterable[str]) -> SafeString | str:
    return format_html_join("", "{}<br>", ((text,) for text in texts)) or "没有。"


class PickerAdmin(RoleAdmin):
    """Only answers the search boxes of the appointment form."""

    viewers = frozenset({Role.SECURITY_ADMIN})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(Place)
class PlaceAdmin(PickerAdmin):
    list_display = ["name", "level", "code"]
    search_fields = ["name", "code"]
    ordering = ["code"]


@admin.register(Organisation)
class OrganisationAdmin(PickerAdmin):
    list_display = ["name", "kind", "place"]
    list_select_related = ["place"]
    search_fields = ["name", "short_name"]
    ordering = ["id"]
