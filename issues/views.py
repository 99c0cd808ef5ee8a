"""The pages of the issues: the list, a case with its history, its steps, and the report."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from areas.models import Place
from core import attachments, keyset
from core.errors import Malformed, NotAllowed, Refused
from core.pages import business_page, wants_part
from core.registers import Column, Register
from issues import actions, cells, forms, owing, places, step_page
from issues.case_page import case_context, visible, where
from issues.choices import Action, RevealReason, Source
from issues.filters import IssueFilter, OwingFilter
from issues.models import Issue, IssueEvent
from issues.orders import BY_DUE, BY_RECEIVED
from issues.querysets import visible_photos
from issues.reference import with_reference_data
from issues.report_input import ReportInput
from issues.templatetags.cases import state, status
from people.choices import Role
from people.requests import signed_in

ISSUES = Register(
    title="问题",
    unit="件",
    columns=(
        Column("number", "编号", link=True),
        Column("title", "标题", draw=cells.draw_title, wrap=True, text=cells.title_text),
        Column("category", "类别", "category.name", hide=True),
        Column("where", "地点", where),
        Column("status", "状态", draw=status, text=state),
        Column("lead_unit", "主办", "lead_unit.short_name"),
        Column("due", "时限", "due_at", draw=cells.draw_due, text=cells.due_text),
        Column(
            "received",
            "受理",
            "received_at",
            draw=cells.draw_received,
            hide=True,
            text="received_at",
        ),
    ),
    sorts={
        "due": BY_DUE,
        "received": BY_RECEIVED,
    },
    default_sort="-received",
    filterset=IssueFilter,
    search="q",
    template="issues/list.html",
    empty="没有符合条件的问题",
    export="issues",
    data=with_reference_data,
)
ISSUES_BY_DUE = replace(ISSUES, default_sort="due")
LATEST = 10  # an area's issues shown on its page


# --- the list ---


@business_page
@require_safe
def issue_list(request: HttpRequest) -> HttpResponse:
    dispatches = signed_in(request).has_role(Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER)
    register = ISSUES_BY_DUE if dispatches else ISSUES
    return register.respond(
        request,
        Issue.objects.visible_to(signed_in(request)),
        may_report=places.may_report(signed_in(request)),
    )


@business_page
@require_safe
def who_owes_what(request: HttpRequest) -> HttpResponse:
    """The units and what they owe, of the cases that this person sees."""
    visible_issues = Issue.objects.visible_to(signed_in(request))
    chosen = OwingFilter(request.GET, visible_issues, request=request)
    town = chosen.form.cleaned_data.get("town") if chosen.is_valid() else None
    found = owing.lines(chosen.qs, timezone.now(), town.pk if town else None)
    context = {
        "lines": found,
        "sum": owing.together(found, town.pk if town else None),
        "heads": list(owing.OWES),
        "towns": chosen.form["town"] if "town" in chosen.form.fields else None,
    }
    return render(request, "issues/owing.html", context)


@business_page
@require_safe
def issues_of_area(request: HttpRequest, pk: int) -> HttpResponse:
    """The latest issues of a complex area, as a part for the area's own page."""
    rows = Issue.objects.visible_to(signed_in(request)).filter(area_id=pk).for_rows()
    latest = keyset.cut(rows, BY_RECEIVED, size=LATEST, salt="issues.of_area", descending=True)
    return render(request, "issues/_of_area.html", {"issues": latest.rows})


# --- one case ---


@business_page
@require_safe
def issue_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, visible(request, pk))


def _detail(
    request: HttpRequest, issue: Issue, *, contact: tuple[str, str] | None = None
) -> HttpResponse:
    """The page of a case. ``contact`` is shown unmasked, this once."""
    context = {**case_context(request, issue), "contact": contact}
    # In a page's place only what was asked for is put: the contact, once it is unmasked.
    part = contact is not None and wants_part(request)
    return render(request, "issues/_contact.html" if part else "issues/detail.html", context)


@business_page
@require_POST
@never_cache
def reveal_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the contact once; that somebody looked, and why, is on record."""
    issue = visible(request, pk)
    reason = request.POST.get("reason", "")
    if reason not in RevealReason.values:
        raise Malformed("请选择查看联系方式的原因。")
    contact = actions.reveal_contact(issue, by=signed_in(request), reason=RevealReason(reason))
    return _detail(request, issue, contact=contact)


@business_page
@require_safe
def photo(request: HttpRequest, pk: int, attachment_id: uuid.UUID) -> HttpResponseBase:
    issue = visible(request, pk)
    shown = visible_photos(issue, signed_in(request))
    row = get_object_or_404(shown.select_related("attachment"), attachment_id=attachment_id)
    return attachments.respond(row.attachment, request)


# --- taking a step ---


@business_page
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, action: Action) -> HttpResponse:
    issue = visible(request, pk)
    if request.method != "POST":
        return step_page.show(request, issue, action)

    def done(event: IssueEvent) -> HttpResponse:
        messages.success(request, step_page.said(event))
        return redirect(event.issue)

    return step_page.take(request, issue, action, done=done)


# --- reporting ---


@business_page
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    user = signed_in(request)
    if not places.may_report(user):
        raise NotAllowed("您的岗位不登记问题。")
    if request.method == "POST":
        return _register(request)
    town = _chosen_town(request, request.GET)
    return _report_page(request, ReportInput(context={"user": user}), town)


def _register(request: HttpRequest) -> HttpResponse:
    """Register the report once: the same form sent twice leads to the same case."""
    given = ReportInput(data=forms.entered(request.POST), context={"user": signed_in(request)})
    same = Issue.objects.filter(
        reporter=signed_in(request), client_id=_uuid(request.POST.get("client_id", ""))
    )
    if known := same.first():
        return redirect(known)
    try:
        with transaction.atomic():
            data = forms.read(given, request.FILES.getlist("photos"))
            issue = actions.report(by=signed_in(request), data=data)
    except (IntegrityError, Refused) as error:
        if known := same.first():
            return redirect(known)  # the same form was sent twice at once, and the other one won
        if isinstance(error, IntegrityError):
            raise
        town = _chosen_town(request, request.POST)
        return _report_page(request, given, town, error=error)
    messages.success(request, f"已登记，编号 {issue.number}，现为“{issue.state_label}”。")
    return redirect(issue)


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Malformed("缺少上报编号，请重新打开这一页。") from error


def _chosen_town(request: HttpRequest, given: Any) -> Place | None:
    """The town in whose grids to choose, asked of those whose territory has several."""
    pk = given.get("town", "")
    return places.towns(signed_in(request)).filter(pk=pk).first() if pk.isdecimal() else None


def _report_page(
    request: HttpRequest, given: ReportInput, town: Place | None, error: Refused | None = None
) -> HttpResponse:
    user = signed_in(request)
    choices = {
        "place": places.to_report_at(user, town),
        "category": places.categories(),
        "area": places.areas(user, town),
    }
    by_grid = user.has_role(Role.GRID_WORKER)
    form = forms.InputForm(
        given,
        errors=error.fields if error else None,
        choices=choices,
        initial={
            "client_id": uuid.uuid4(),
            "source": Source.PATROL if by_grid else Source.RESIDENT,
            "place": places.only(choices["place"]),
        },
        without=[
            "longitude",
            "latitude",
            "captured_at",
            *(["area"] if not any(choices["area"]) else []),
        ],
    )
    context = {
        "form": form,
        "error": error,
        "towns": places.towns(user),
        "town": town,
        "had_photos": bool(request.FILES),
    }
    return render(
        request, "issues/report.html", context, status=error.http_status if error else 200
    )
