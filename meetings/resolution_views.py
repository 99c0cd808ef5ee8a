"""The pages of the resolutions: recorded, struck off, and carried out on their case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.errors import NotAllowed, NotFoundHere, Refused
from core.pages import business_page, wants_part
from meetings import actions, cases, following, views
from meetings.choices import Step
from meetings.forms import ResolutionForm, SolveForm
from meetings.models import AgendaItem, Meeting, Resolution
from meetings.resolution_cards import RESOLUTION_FORMS, card
from people.requests import signed_in
from projects.conversion import conversion_page, require_conversion, visible_issue
from projects.models import Project
from projects.pages import expected_version, refused_by


@business_page
@require_http_methods(["GET", "POST"])
def resolution_create(request: HttpRequest, pk: int) -> HttpResponse:
    meeting = views.visible(request, pk)
    if Step.ADD_RESOLUTION not in actions.available(meeting, by=signed_in(request)):
        raise NotAllowed("会议召开后，由本级会议秘书、派单员（专班）或召集人登记议定事项。")
    form = ResolutionForm(request.POST or None, meeting=meeting)
    status, version = 200, meeting.version
    if request.method == "POST":
        status, version = 400, expected_version(request)
        if form.is_valid():
            refused = refused_by(
                form,
                lambda: actions.add_resolution(
                    pk, by=signed_in(request), expected_version=version, **form.cleaned_data
                ),
            )
            if refused is None:
                messages.success(request, "议定事项已登记，已通知有关单位。")
                return redirect(meeting)
            status = refused.http_status
    context = {"form": form, "meeting": meeting, "version": version, "title": "登记议定事项"}
    return render(request, "meetings/form.html", context, status=status)


@business_page
@require_POST
def resolution_solve(request: HttpRequest, pk: int) -> HttpResponse:
    resolution = _visible_resolution(request, pk)
    version = expected_version(request)
    form = SolveForm(request.POST)
    status = 400
    if form.is_valid():
        refused = refused_by(
            form,
            lambda: actions.solve_resolution(
                pk, by=signed_in(request), expected_version=version, **form.cleaned_data
            ),
        )
        if refused is None:
            messages.success(request, "议定事项已销号。")
            return redirect(resolution)
        status = refused.http_status
    meeting = views.visible(request, resolution.meeting_id)
    return views.page(request, meeting, on_resolution={(pk, Step.SOLVE): form}, status=status)


# --- a resolution and the case that it decides on ---


@business_page
@require_POST
def resolution_apply(request: HttpRequest, pk: int) -> HttpResponse:
    return _follow(
        request,
        pk,
        Step.APPLY,
        lambda data, version: following.apply_resolution(
            pk, by=signed_in(request), expected_version=version
        ),
        "已落实到问题，问题已交牵头单位办理。",
    )


@business_page
@require_POST
def resolution_resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _follow(
        request,
        pk,
        Step.RESUME,
        lambda data, version: following.resume_by_resolution(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "问题已恢复办理。",
    )


@business_page
@require_http_methods(["GET", "POST"])
def resolution_convert(request: HttpRequest, pk: int) -> HttpResponse:
    """The form by which the case of a resolution is turned into a project, as decided."""
    resolution = _visible_resolution(request, pk)
    if resolution.case is None:
        raise Refused("这项议定事项没有对应的问题。")
    if why := resolution.not_yet_to_follow():
        raise Refused(why)
    issue = visible_issue(request, resolution.case.pk)
    require_conversion(request, issue)

    def act(data: dict[str, Any], text: str, version: int) -> Project:
        return following.convert_by_resolution(
            pk, by=signed_in(request), data=data, text=text, expected_version=version
        )

    return conversion_page(
        request,
        issue,
        act,
        version=resolution.version,
        unit=resolution.lead_unit,
        initial={
            "project_owner": resolution.responsible_person,
            "due_date": resolution.due_date,
        },
        decided=resolution,
        back_url=resolution.get_absolute_url(),
    )


@business_page
@require_GET
def meetings_of_issue(request: HttpRequest, pk: int) -> HttpResponse:
    """What meetings have to do with a case: a page, and a part for the case's own page."""
    issue = visible_issue(request, pk)
    user = signed_in(request)
    items = (
        AgendaItem.objects.filter(issue=issue, meeting__in=Meeting.objects.visible_to(user))
        .select_related("meeting")
        .order_by("meeting__planned_on", "pk")
    )
    resolutions = list(
        Resolution.objects.visible_to(user)
        .filter(agenda_item__issue=issue)
        .with_list_data()
        .with_case()
        .order_by("pk")
    )
    awaiting = cases.awaiting_meeting([issue])
    part = wants_part(request)
    context = {
        "issue": issue,
        "items": items,
        "resolutions": [card(request, row, awaiting, {}, may_solve=False) for row in resolutions],
        "is_awaiting": issue.pk in awaiting,
        "readable": {issue.pk},
        "is_part": part,
    }
    name = "meetings/_of_issue.html" if part else "meetings/of_issue.html"
    return render(request, name, context)


def _follow(
    request: HttpRequest,
    pk: int,
    step: Step,
    act: Callable[[dict[str, Any], int], Any],
    done: str,
) -> HttpResponse:
    """Carry a resolution out on its case and go back to it; a refusal stands at its form."""
    resolution = _visible_resolution(request, pk)
    version = expected_version(request)
    form = RESOLUTION_FORMS[step](request.POST)
    status = 400
    if form.is_valid():
        refused = refused_by(form, lambda: act(form.cleaned_data, version))
        if refused is None:
            messages.success(request, done)
            return redirect(resolution)
        status = refused.http_status
    meeting = views.visible(request, resolution.meeting_id)
    return views.page(request, meeting, on_resolution={(pk, step): form}, status=status)


def _visible_resolution(request: HttpRequest, pk: int) -> Resolution:
    resolution = (
        Resolution.objects.visible_to(signed_in(request))
        .select_related("meeting", "lead_unit", "responsible_person")
        .with_case()
        .filter(pk=pk)
        .first()
    )
    if resolution is None:
        raise NotFoundHere()
    return resolution
