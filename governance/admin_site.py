"""The admin pages: reference data and accounts, opened by our roles instead of superusers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


class RoleAdminSite(admin.AdminSite):
    """Signing in and out, and passwords, are those of the platform's own pages."""

    site_header = "复杂区域治理平台 · 管理"
    site_title = "复杂区域治理平台"
    index_title = "基础数据与账号"
    site_url = "/"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        """Open to active people whose postings make them staff; each page asks for its own role."""
        return request.user.is_active and getattr(request.user, "is_staff", False)

    def admin_view(  # type: ignore[override]  # the stubs name a private type
        self, view: Callable[..., Any], cacheable: bool = False
    ) -> Callable[..., Any]:
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if self.has_permission(request):
                return inner(request, *args, **kwargs)
            if request.user.is_authenticated:
                raise PermissionDenied
            return redirect_to_login(request.get_full_path())

        return guarded

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return redirect("login")

    def password_change(  # type: ignore[override]  # leads to our own page instead of showing one
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        return redirect("password_change")
