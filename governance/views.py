"""The pages that span every app: home, inbox, audit."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from core import outbox
from core.errors import NotAllowed
from core.models import AuditEntry, Message
from core.pages import business_page
from governance import figures
from governance.audit import AUDIT
from governance.home import home_of
from governance.inbox import INBOX
from governance.search import SearchForm, case_numbered
from governance.search import groups as search_groups
from people.choices import Role
from people.requests import signed_in


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    if not user.sees_business:
        return render(request, "governance/office.html")
    now = timezone.now()
    return render(request, "governance/home.html", {"home": home_of(user, now), "now": now})


@require_safe
@business_page
def figure(request: HttpRequest, code: str) -> HttpResponse:
    """The issues behind a figure of the whole district, for those who see the whole district."""
    user = signed_in(request)
    if not user.scope.is_whole_district:
        raise NotAllowed("全区数据只对区级人员开放。")
    return figures.respond(request, user, code, timezone.localdate())


@require_safe
@business_page
def search(request: HttpRequest) -> HttpResponse:
    """The search over everything. The whole number of a case leads to the case."""
    user, form = signed_in(request), SearchForm(request.GET)
    if not form.is_valid():
        return render(request, "search/page.html", {"form": form}, status=400)
    text = form.cleaned_data["q"]
    if issue := case_numbered(text, by=user):
        return redirect(issue)
    groups = search_groups(text, by=user) if text else []
    return render(request, "search/page.html", {"form": form, "text": text, "groups": groups})


# --- inbox ---


@require_safe
@login_required
def inbox(request: HttpRequest) -> HttpResponse:
    return INBOX.respond(request, Message.objects.inbox_of(signed_in(request)))


@require_safe
@login_required
def inbox_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark one's own message as read and go where it leads."""
    message = get_object_or_404(Message.objects.inbox_of(signed_in(request)), pk=pk)
    outbox.mark_read(by=signed_in(request), message_ids=[message.pk])
    if message.url and url_has_allowed_host_and_scheme(message.url, allowed_hosts=None):
        return redirect(message.url)
    return redirect("inbox")


@require_POST
@login_required
def inbox_read(request: HttpRequest, pk: int) -> HttpResponse:
    message = get_object_or_404(Message.objects.inbox_of(signed_in(request)), pk=pk)
    outbox.mark_read(by=signed_in(request), message_ids=[message.pk])
    return redirect("inbox")


@require_POST
@login_required
def inbox_read_all(request: HttpRequest) -> HttpResponse:
    count = outbox.mark_read(by=signed_in(request))
    messages.success(request, f"已把 {count} 条消息标为已读。")
    return redirect("inbox")


# --- audit ---


@require_safe
@login_required
def audit(request: HttpRequest) -> HttpResponse:
    """The audit administrator's page, and nobody else's."""
    if not signed_in(request).has_role(Role.AUDIT_ADMIN):
        raise NotAllowed("只有审计管理员可以查看审计记录。")
    return AUDIT.respond(request, AuditEntry.objects.select_related("actor"))
