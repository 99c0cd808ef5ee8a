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
from core import attachments
from core.errors import Malformed, NotAllowed, Refused, Stale
from core.pages import business_page, wants_part
from core.privacy import mask_name, mask_phone
from core.registers import Column, Register, Sort
from core.workdays import calendar
from issues import actions, forms, offers, places, story
from issues.choices import Action, ClockKind, RevealReason, Source
from issues.filters import IssueFilter
from issues.inputs import INPUTS, Input, ReportInput
from issues.models import Issue
from issues.querysets import last_visible_seq
from people.choices import Role
from people.requests import signed_in

ISSUES = Register(
    title="问题",
    unit="件",
    columns=(
        Column("number", "编号", link=True),
        Column("title", "标题", template="issues/cells/title.html", wrap=True),
        Column("category", "类别", "category.name", hide=True),
        Column("where", "地点", lambda issue: where(issue)),
        Column("status", "状态", template="issues/cells/status.html"),
        Column("lead_unit", "主办", "lead_unit.short_name"),
        Column("due", "时限", "due_at", template="issues/cells/due.html"),
        Column("received", "受理", "received_at", template="issues/cells/received.html", hide=True),
    ),
    sorts={
        # issue_town_due, issue_district_due: the open cases are few beside the closed ones
        "due": Sort("时限", ("due_at", "id")),
        # issue_town_received and its like, one for each level of territory
        "received": Sort("受理时间", ("received_at", "id")),
    },
    default_sort="-received",
    filterset=IssueFilter,
    search="q",
    template="issues/list.html",
    empty="没有符合条件的问题",
)
ISSUES_BY_DUE = replace(ISSUES, default_sort="due")
LATEST = 10  # an area's issues shown on its page


def where(issue: Issue) -> str:
    """``长桥街道 龙西社区``: as far down as the case's place is known."""
    return " ".join(place.name for place in (issue.town, issue.community) if place)


def visible(request: HttpRequest, pk: int) -> Issue:
    """The issue, if this person may see it; else 404."""
    return get_object_or_404(Issue.objects.visible_to(signed_in(request)).with_detail_data(), pk=pk)


# --- the list ---


@business_page
@require_safe
def issue_list(request: HttpRequest) -> HttpResponse:
    dispatches = signed_in(request).has_role(Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER)
    register = ISSUES_BY_DUE if dispatches else ISSUES
    return register.respond(
        request,
        Issue.objects.visible_to(signed_in(request)).with_list_data(),
        may_report=places.may_report(signed_in(request)),
    )


@business_page
@require_safe
def issues_of_area(request: HttpRequest, pk: int) -> HttpResponse:
    """The latest issues of a complex area, as a part for the area's own page."""
    rows = Issue.objects.visible_to(signed_in(request)).filter(area_id=pk).with_list_data()
    return render(
        request,
        "issues/_of_area.html",
        {"issues": rows.order_by("-received_at", "-id")[:LATEST]},
    )


# --- one case ---


@business_page
@require_safe
def issue_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, visible(request, pk))


def _detail(
    request: HttpRequest, issue: Issue, *, contact: tuple[str, str] | None = None
) -> HttpResponse:
    """The page of a case. ``contact`` is shown unmasked, this once."""
    now, days = timezone.now(), calendar()
    upto = last_visible_seq(issue, signed_in(request))
    entries = story.history(issue, upto=upto, calendar=days)
    # Who left the case sees of its clocks and units, too, only what was there by then.
    until = entries[-1].at if entries and upto < issue.event_count else None
    clocks = list(
        issue.clocks.select_related("assignment__unit").prefetch_related("pauses").order_by("id")
    )
    lines = story.clock_lines(clocks, calendar=days, now=now, until=until)
    running = {line.clock.kind: line for line in lines if line.lamp}
    available = actions.available(issue, by=signed_in(request))
    context = {
        "issue": issue,
        "where": where(issue),
        "entries": entries,
        "clocks": lines,
        "ended_clocks": sum(line.lamp is None for line in lines),
        "units": story.unit_lines(
            list(issue.assignments.select_related("unit")), clocks, until=until
        ),
        "has_left": until is not None,
        "step_clock": running.get(ClockKind.STEP),
        "overall_clock": running.get(ClockKind.OVERALL),
        "report_photos": entries[0].photos if entries else [],
        "offers": offers.offers(issue, available),
        "can_act": None in available.values(),
        "contact": contact,
        "contact_masked": (mask_name(issue.contact_name), mask_phone(issue.contact_phone)),
        "reveal_reasons": RevealReason.choices if available else [],
    }
    return render(request, "issues/detail.html", context)


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
    shown = issue.photos.filter(seq__lte=last_visible_seq(issue, signed_in(request)))
    row = get_object_or_404(shown.select_related("attachment"), attachment_id=attachment_id)
    return attachments.respond(row.attachment, request)


# --- taking a step ---


@business_page
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, action: Action) -> HttpResponse:
    issue = visible(request, pk)
    if request.method == "POST":
        return _take(request, issue, action)
    available = actions.available(issue, by=signed_in(request))
    if action not in available:
        raise _not_offered(issue, action)
    form = forms.InputForm(INPUTS[action](context=_context(request, issue)))
    return _step_page(request, issue, offers.offer(issue, action, available[action]), form)


def _take(request: HttpRequest, issue: Issue, action: Action) -> HttpResponse:
    """Take the step, or answer with the form as it was filled in and what is wrong with it."""
    version = request.POST.get("expected_version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise Malformed("缺少版本号，请重新打开这一页。")
    given = INPUTS[action](data=forms.entered(request.POST), context=_context(request, issue))
    try:
        with transaction.atomic():
            _check_offered(request, issue, action, int(version))
            data = forms.read(given, request.FILES.getlist("photos"))
            event = actions.perform(
                issue.pk, action, by=signed_in(request), data=data, expected_version=int(version)
            )
    except Refused as error:
        return _refused(request, issue.pk, action, given, error)
    messages.success(request, f"已{action.label}，现为“{event.issue.state_label}”。")
    return redirect(event.issue)


def _check_offered(request: HttpRequest, issue: Issue, action: Action, version: int) -> None:
    """Spare those who could not take the step anyway from filling in the form rightly first."""
    if version != issue.version:
        raise Stale()
    available = actions.available(issue, by=signed_in(request))
    if action not in available:
        raise _not_offered(issue, action)
    if refusal := available[action]:
        raise Refused(refusal)


def _not_offered(issue: Issue, action: Action) -> NotAllowed:
    return NotAllowed(f"问题现为“{issue.state_label}”，您不能{action.label}。")


def _refused(
    request: HttpRequest, pk: int, action: Action, given: Input, error: Refused
) -> HttpResponse:
    """The form again with its words kept; of a case that moved on, as it stands now."""
    issue = visible(request, pk)
    available = actions.available(issue, by=signed_in(request))
    if action not in available and not isinstance(error, Stale):
        raise error
    form = forms.InputForm(given, errors=error.fields)
    offer = offers.offer(issue, action, available[action]) if action in available else None
    return _step_page(request, issue, offer, form, error=error, action=action)


def _step_page(
    request: HttpRequest,
    issue: Issue,
    offer: offers.Offer | None,
    form: forms.InputForm,
    *,
    error: Refused | None = None,
    action: Action | None = None,
) -> HttpResponse:
    context = {
        "issue": issue,
        "where": where(issue),
        "action": offer.action if offer else action,
        "offer": offer,
        "form": form,
        "error": error,
        "is_stale": isinstance(error, Stale),
        "latest": issue.events.select_related("actor").order_by("seq").last()
        if isinstance(error, Stale)
        else None,
        "had_photos": bool(request.FILES),
        "is_part": wants_part(request),
    }
    template = "issues/_step.html" if context["is_part"] else "issues/act.html"
    return render(request, template, context, status=error.http_status if error else 200)


def _context(request: HttpRequest, issue: Issue) -> dict[str, Any]:
    return {"user": signed_in(request), "place": issue.dispatch_place}


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
