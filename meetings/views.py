"""The pages of the joint meetings: list, series, one meeting with agenda and resolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core import cells
from core.errors import NotAllowed, NotFoundHere
from core.keyset import Sort
from core.pages import business_page
from core.registers import Column, Register
from issues.models import Issue
from meetings import actions, agenda, cases, overview
from meetings.choices import Step
from meetings.filters import MeetingFilter, ResolutionFilter
from meetings.forms import (
    CountersignForm,
    HoldForm,
    ItemForm,
    ScheduleForm,
    SeriesForm,
    today_as_initial,
)
from meetings.managers import managed_places
from meetings.models import AgendaItem, Meeting, Resolution
from meetings.querysets import reads_reports
from meetings.resolution_cards import card
from people.requests import signed_in
from projects.models import Project
from projects.pages import expected_version, refused_by

MEETINGS = Register(
    title="联席会议",
    unit="次",
    columns=(
        Column("title", "会议名称", link=True),
        Column("level", "层级", lambda meeting: meeting.get_level_display()),
        Column("place", "地区", "place.name"),
        Column("day", "日期", lambda meeting: f"{meeting.day:%Y-%m-%d}", text="day"),
        Column("status", "状态", lambda meeting: meeting.get_status_display()),
        Column("items", "议题", "item_count"),
        Column("resolutions", "议定事项", "resolution_count"),
    ),
    sorts={"day": Sort("计划日期", ("planned_on", "id"))},  # index meeting_by_day
    default_sort="-day",
    filterset=MeetingFilter,
    search="q",
    template="meetings/list.html",
    empty="没有符合条件的会议",
    export="meetings",
)
RESOLUTIONS = Register(
    title="议定事项",
    unit="项",
    columns=(
        Column("number", "编号", link=True),
        Column("text", "议定事项", wrap=True),
        Column("lamp", "灯", lambda row: row.lamp(), draw=cells.draw_lamp, text=cells.lamp_text),
        Column("meeting", "会议", "meeting.title", hide=True),
        Column("lead_unit", "牵头单位", "lead_unit.short_name"),
        Column("cross", "跨部门", "is_cross_department", hide=True),
        Column("due", "完成时限", lambda row: f"{row.due_date:%Y-%m-%d}", text="due_date"),
        Column("status", "状态", lambda row: row.get_status_display()),
    ),
    sorts={"due": Sort("完成时限", ("due_date", "id"))},  # index resolution_due
    default_sort="-due",
    filterset=ResolutionFilter,
    search="q",
    template="meetings/resolutions.html",
    empty="没有符合条件的议定事项",
    export="resolutions",
)


@business_page
@require_GET
def meeting_list(request: HttpRequest) -> HttpResponse:
    return MEETINGS.respond(
        request,
        Meeting.objects.visible_to(signed_in(request)).with_list_data(),
        may_schedule=bool(managed_places(signed_in(request))),
        reads_reports=reads_reports(signed_in(request)),
    )


@business_page
@require_GET
def resolution_list(request: HttpRequest) -> HttpResponse:
    rows = Resolution.objects.visible_to(signed_in(request)).with_list_data()
    return RESOLUTIONS.respond(request, rows, reads_reports=reads_reports(signed_in(request)))


# --- series ---


@business_page
@require_GET
def series_overview(request: HttpRequest) -> HttpResponse:
    """The series a person sees, with the quarters in which they met and in which they did not."""
    today = timezone.localdate()
    context = {
        "quarters": overview.last_quarters(today),
        "rows": overview.rows(signed_in(request), today),
        "may_create": bool(managed_places(signed_in(request))),
        "reads_reports": reads_reports(signed_in(request)),
    }
    return render(request, "meetings/series.html", context)


@business_page
@require_http_methods(["GET", "POST"])
def series_create(request: HttpRequest) -> HttpResponse:
    _require_manager(request)
    form = SeriesForm(request.POST or None, user=signed_in(request))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            refused = refused_by(
                form, lambda: actions.create_series(by=signed_in(request), **form.cleaned_data)
            )
            if refused is None:
                messages.success(request, "联席会议制度已建立。")
                return redirect("meetings:series")
            status = refused.http_status
    context = {"form": form, "title": "建立联席会议制度", "back": "meetings:series"}
    return render(request, "meetings/form.html", context, status=status)


@business_page
@require_http_methods(["GET", "POST"])
def meeting_schedule(request: HttpRequest) -> HttpResponse:
    _require_manager(request)
    form = ScheduleForm(
        request.POST or None,
        user=signed_in(request),
        initial={"series": request.GET.get("series", "")},
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            planned: list[Meeting] = []
            refused = refused_by(
                form,
                lambda: planned.append(
                    actions.schedule_meeting(by=signed_in(request), **form.cleaned_data)
                ),
            )
            if refused is None:
                messages.success(request, "会议已安排，可以汇集议题。")
                return redirect(planned[0])
            status = refused.http_status
    context = {"form": form, "title": "安排会议", "back": "meetings:list"}
    return render(request, "meetings/form.html", context, status=status)


def _require_manager(request: HttpRequest) -> None:
    if not managed_places(signed_in(request)):
        raise NotAllowed("会议由本级会议秘书、派单员（专班）或召集人办理。")


# --- one meeting ---


@business_page
@require_GET
def meeting_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return page(request, visible(request, pk))


@business_page
@require_POST
def meeting_assemble(request: HttpRequest, pk: int) -> HttpResponse:
    meeting = visible(request, pk)
    added = actions.assemble_agenda(pk, by=signed_in(request))
    if added:
        messages.success(request, f"已汇集 {len(added)} 项新议题。")
    else:
        messages.info(request, "没有新的议题，原有议题保持不变。")
    return redirect(meeting)


@business_page
@require_POST
def meeting_add_item(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.ADD_ITEM,
        lambda data, version: actions.add_item(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "议题已增加。",
    )


@business_page
@require_POST
def meeting_remove_item(request: HttpRequest, pk: int, item: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.REMOVE_ITEM,
        lambda data, version: actions.remove_item(
            pk, item, by=signed_in(request), expected_version=version
        ),
        "议题已移出。",
    )


@business_page
@require_POST
def meeting_hold(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.HOLD,
        lambda data, version: actions.hold_meeting(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "已登记会议召开，可以登记议定事项。",
    )


@business_page
@require_POST
def meeting_countersign(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.COUNTERSIGN,
        lambda data, version: actions.countersign_minutes(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "纪要会签已登记，可以把议定事项落实到问题。",
    )


@business_page
@require_POST
def meeting_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.CANCEL,
        lambda data, version: actions.cancel_meeting(
            pk, by=signed_in(request), expected_version=version
        ),
        "会议已取消。",
    )


def visible(request: HttpRequest, pk: int) -> Meeting:
    meeting = (
        Meeting.objects.visible_to(signed_in(request))
        .select_related("series", "place", "town")
        .filter(pk=pk)
        .first()
    )
    if meeting is None:
        raise NotFoundHere()
    return meeting


def _form(step: Step, meeting: Meeting, data: Any = None) -> forms.Form:
    match step:
        case Step.ADD_ITEM:
            return ItemForm(data)
        case Step.COUNTERSIGN:
            return CountersignForm(data, initial=today_as_initial("countersigned_on"))
        case Step.HOLD:
            return HoldForm(data, meeting=meeting, initial=today_as_initial("held_on"))
    return forms.Form(data)


# The steps that have a card of their own at the side: where they post to, and what they say.
CARDS: dict[Step, tuple[str, str]] = {
    Step.ADD_ITEM: ("meetings:add_item", ""),
    Step.HOLD: ("meetings:hold", "登记后议题固定，可以登记议定事项。"),
    Step.COUNTERSIGN: (
        "meetings:countersign",
        "出席单位会签后纪要定稿：议定事项不再增加，可以落实到问题。",
    ),
    Step.CANCEL: ("meetings:cancel", "取消后不计入召开次数，不能恢复。"),
}


def _act(
    request: HttpRequest,
    pk: int,
    step: Step,
    act: Callable[[dict[str, Any], int], Any],
    done: str,
) -> HttpResponse:
    """Take one step and go back to the page; a refusal shows the page with the form as it was."""
    meeting = visible(request, pk)
    version = expected_version(request)
    form = _form(step, meeting, request.POST)
    status = 400
    if form.is_valid():
        refused = refused_by(form, lambda: act(form.cleaned_data, version))
        if refused is None:
            messages.success(request, done)
            return redirect(meeting)
        status = refused.http_status
    return page(request, visible(request, pk), {step: form}, status=status)


def page(
    request: HttpRequest,
    meeting: Meeting,
    bound: dict[Step, forms.Form] | None = None,
    on_resolution: Mapping[tuple[int, Step], forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of a meeting. Forms that were filled in wrongly are given back: those of the meeting
    by step, those on a resolution by its id and step."""
    bound, on_resolution = bound or {}, on_resolution or {}
    steps = actions.available(meeting, by=signed_in(request))
    items = list(meeting.items.select_related("issue", "project", "resolution"))
    resolutions = list(meeting.resolutions.with_list_data().with_case())
    readable = set(
        Issue.objects.visible_to(signed_in(request))
        .filter(pk__in=[row.case.pk for row in resolutions if row.case])
        .values_list("pk", flat=True)
    )
    awaiting = cases.awaiting_meeting([row.case for row in resolutions if row.case])
    context = {
        "meeting": meeting,
        "items": _readable(request, items),
        "resolutions": [
            card(request, row, awaiting, on_resolution, may_solve=Step.SOLVE in steps)
            for row in resolutions
        ],
        "readable": readable,
        "attendees": meeting.attendees.order_by("id"),
        "cards": [
            {
                "name": step.label,
                "url_name": url_name,
                "hint": hint,
                "form": bound.get(step) or _form(step, meeting),
                "danger": step == Step.CANCEL,
            }
            for step, (url_name, hint) in CARDS.items()
            if step in steps
        ],
        "removal_errors": bound[Step.REMOVE_ITEM].non_field_errors()
        if Step.REMOVE_ITEM in bound
        else [],
        "may_assemble": Step.ASSEMBLE in steps,
        "may_remove": Step.REMOVE_ITEM in steps,
        "may_resolve": Step.ADD_RESOLUTION in steps,
    }
    return render(request, "meetings/detail.html", context, status=status)


def _readable(request: HttpRequest, items: Sequence[AgendaItem]) -> list[dict[str, Any]]:
    """The agenda as this person may read it: of what lies outside their scope, only the kind.

    An agenda is read by all who take part, but it opens no case to somebody who may not see it.
    """
    issue_ids, project_ids = agenda.subjects(items)
    open_issues = set(
        Issue.objects.visible_to(signed_in(request))
        .filter(pk__in=issue_ids)
        .values_list("pk", flat=True)
    )
    open_projects = set(
        Project.objects.visible_to(signed_in(request))
        .filter(pk__in=project_ids)
        .values_list("pk", flat=True)
    )
    briefs = cases.briefs(
        [item.issue for item in items if item.issue_id in open_issues and item.issue],
        signed_in(request),
    )
    return [
        {
            "row": item,
            "brief": briefs.get(item.issue_id) if item.issue_id else None,
            "is_open": (item.issue_id is None or item.issue_id in open_issues)
            and (item.project_id is None or item.project_id in open_projects),
            "url": item.subject.get_absolute_url() if item.subject else "",
        }
        for item in items
    ]
