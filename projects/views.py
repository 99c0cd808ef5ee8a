"""The pages of the key projects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core import cells
from core.branches import narrowed
from core.errors import NotAllowed, NotFoundHere
from core.keyset import Sort
from core.pages import business_page
from core.registers import Column, Register
from issues.models import Issue
from people.requests import signed_in
from projects import actions
from projects.choices import FIVE_ELEMENTS, Status, Step
from projects.filters import ProjectFilter
from projects.forms import CompletionForm, ProgressForm, ProjectForm
from projects.models import Project
from projects.pages import expected_version, refused_by
from projects.reference import with_reference_data

PROJECTS = Register(
    title="攻坚项目",
    unit="个",
    columns=(
        Column("number", "编号", link=True),
        Column("name", "项目名称", wrap=True),
        Column(
            "lamp", "灯", lambda project: project.lamp(), draw=cells.draw_lamp, text=cells.lamp_text
        ),
        Column("category", "类别", "category_label"),
        Column("town", "镇街", lambda project: project.town or project.place),
        Column("lead_department", "牵头部门", "lead_department.short_name"),
        Column("responsible_unit", "责任单位", "responsible_unit.short_name", hide=True),
        Column("project_owner", "负责人", "project_owner.full_name"),
        Column("percent", "完成率", lambda project: f"{project.percent}%"),
        Column("due", "完成时限", lambda project: _day(project.due_date), text="due_date"),
        Column("status", "状态", lambda project: project.get_status_display()),
    ),
    sorts={
        # index project_due; project_district_due and project_town_due within a territory
        "due": Sort("完成时限", ("due_date", "id")),
        "number": Sort("编号", ("number",)),  # unique index of number
    },
    default_sort="due",
    filterset=ProjectFilter,
    search="q",
    template="projects/list.html",
    data=with_reference_data,
    export="projects",
)


def _day(day: Any) -> str:
    return f"{day:%Y-%m-%d}" if day else ""


@business_page
@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    projects = Project.objects.visible_to(signed_in(request)).with_list_data()
    return PROJECTS.respond(request, projects, may_draft=actions.may_draft(signed_in(request)))


@business_page
@require_GET
def project_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _visible(request, pk))


@business_page
@require_http_methods(["GET", "POST"])
def project_create(request: HttpRequest) -> HttpResponse:
    if not actions.may_draft(signed_in(request)):
        raise NotAllowed("只有区级专班和镇街派单员可以起草项目。")
    form = ProjectForm(
        request.POST or None,
        user=signed_in(request),
        initial={"year": timezone.localdate().year},
    )
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            created: list[Project] = []
            refused = refused_by(
                form,
                lambda: created.append(
                    actions.create_draft(by=signed_in(request), data=form.cleaned_data)
                ),
            )
            if refused is None:
                messages.success(request, "草稿已保存，五要素齐全后即可发布。")
                return redirect(created[0])
            status = refused.http_status
    return render(request, "projects/form.html", {"form": form}, status=status)


@business_page
@require_http_methods(["GET", "POST"])
def project_edit(request: HttpRequest, pk: int) -> HttpResponse:
    project = _visible(request, pk)
    if Step.EDIT not in actions.available(project, by=signed_in(request)):
        raise NotAllowed("只有草稿可以修改，由区级专班或项目所在镇街的派单员办理。")
    form = ProjectForm(
        request.POST or None, user=signed_in(request), initial=ProjectForm.initial_of(project)
    )
    status, version = 200, project.version
    if request.method == "POST":
        status, version = 400, expected_version(request)
        if form.is_valid():
            refused = refused_by(
                form,
                lambda: actions.update_draft(
                    pk, by=signed_in(request), data=form.cleaned_data, expected_version=version
                ),
            )
            if refused is None:
                messages.success(request, "草稿已保存。")
                return redirect(project)
            status = refused.http_status
    context = {"form": form, "project": project, "version": version}
    return render(request, "projects/form.html", context, status=status)


@business_page
@require_POST
def project_publish(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.PUBLISH,
        lambda data, version: actions.publish(pk, by=signed_in(request), expected_version=version),
        "项目已发布，已通知项目负责人和有关单位。",
    )


@business_page
@require_POST
def project_progress(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.REPORT_PROGRESS,
        lambda data, version: actions.report_progress(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "进展已填报。",
    )


@business_page
@require_POST
def project_complete(request: HttpRequest, pk: int) -> HttpResponse:
    return _act(
        request,
        pk,
        Step.COMPLETE,
        lambda data, version: actions.complete(
            pk, by=signed_in(request), expected_version=version, **data
        ),
        "项目已验收完成。",
    )


FORMS: dict[Step, type[forms.Form]] = {
    Step.PUBLISH: forms.Form,
    Step.REPORT_PROGRESS: ProgressForm,
    Step.COMPLETE: CompletionForm,
}
URLS = {
    Step.PUBLISH: "projects:publish",
    Step.REPORT_PROGRESS: "projects:progress",
    Step.COMPLETE: "projects:complete",
}


def _visible(request: HttpRequest, pk: int) -> Project:
    projects = Project.objects.visible_to(signed_in(request)).with_detail_data().filter(pk=pk)
    for project in with_reference_data(projects):
        return project
    raise NotFoundHere()


def _act(
    request: HttpRequest,
    pk: int,
    step: Step,
    act: Callable[[dict[str, Any], int], Any],
    done: str,
) -> HttpResponse:
    """Take one step and go back to the page; a refusal shows the page with the form as it was."""
    project = _visible(request, pk)
    version = expected_version(request)
    form = FORMS[step](request.POST)
    status = 400
    if form.is_valid():
        refused = refused_by(form, lambda: act(form.cleaned_data, version))
        if refused is None:
            messages.success(request, done)
            return redirect(project)
        status = refused.http_status
    return _detail(request, _visible(request, pk), {step: form}, status=status)


def _detail(
    request: HttpRequest,
    project: Project,
    bound: dict[Step, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    steps = actions.available(project, by=signed_in(request))
    missing = project.missing_elements()
    cards = [
        {
            "name": step.label,
            "url_name": URLS[step],
            "form": (bound or {}).get(step) or FORMS[step](initial=_initial(step, project)),
            "open": step in (Step.PUBLISH, Step.REPORT_PROGRESS),
            "hint": _hint(step, missing),
        }
        for step in steps
        if step in FORMS
    ]
    context = {
        "project": project,
        "elements": _elements(project),
        "missing": missing,
        "missing_text": f"缺 {len(missing)} 项",
        "lamp": project.lamp(),
        "progress": _timeline(project),
        "cards": cards,
        "origins": _origins(request, project),
        "may_edit": Step.EDIT in steps,
        "is_draft": project.status == Status.DRAFT,
    }
    return render(request, "projects/detail.html", context, status=status)


def _origins(request: HttpRequest, project: Project) -> list[dict[str, Any]]:
    """The cases it came from; those outside the reader's scope by their number alone."""
    origins = list(project.origins.select_related("issue", "event"))
    ids = [origin.issue_id for origin in origins]
    readable = set(
        narrowed(Issue.objects.visible_to(signed_in(request)).filter(pk__in=ids)).values_list(
            "pk", flat=True
        )
    )
    return [{"row": origin, "is_open": origin.issue_id in readable} for origin in origins]


def _hint(step: Step, missing: list[str]) -> str:
    if step != Step.PUBLISH:
        return ""
    if missing:
        return f"五要素还缺：{'、'.join(missing)}。补齐后才能发布。"
    return "五要素齐全。发布后开始计时，并通知项目负责人和有关单位。"


def _initial(step: Step, project: Project) -> dict[str, Any]:
    if step == Step.REPORT_PROGRESS:
        return {"percent": project.percent}
    return {"completed_on": timezone.localdate()} if step == Step.COMPLETE else {}


def _elements(project: Project) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": getattr(project, field) or None}
        for field, name in FIVE_ELEMENTS.items()
    ]


def _timeline(project: Project) -> list[dict[str, Any]]:
    return [
        {
            "at": row.at,
            "title": f"完成率 {row.percent}%",
            "by": row.by.full_name,
            "text": row.text,
            "icon": "check-circle" if row.percent == 100 else "graph-up",
            "tone": "green" if row.percent == 100 else "blue",
        }
        for row in project.progress.select_related("by").order_by("-at", "-id")
    ]
