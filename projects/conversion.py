"""The page on which a suspended case becomes a project, and what the case's page shows of it.

The page of a meeting's resolution shares the form (``conversion_page``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from core.errors import NotAllowed, NotFoundHere, Refused
from core.pages import business_page
from issues import actions as issue_actions
from issues.choices import Action
from issues.models import Issue
from people.models import Organisation
from people.requests import signed_in
from projects import actions
from projects.forms import ConversionForm
from projects.models import Project, ProjectOrigin
from projects.pages import expected_version, refused_by


@business_page
@require_http_methods(["GET", "POST"])
def convert(request: HttpRequest, pk: int) -> HttpResponse:
    """The form by which a suspended case is turned into a project."""
    issue = visible_issue(request, pk)
    require_conversion(request, issue)

    def act(data: dict[str, Any], text: str, version: int) -> Project:
        return actions.convert_issue(
            by=signed_in(request), issue_id=pk, expected_version=version, data=data, text=text
        )

    return conversion_page(request, issue, act, version=issue.version)


def visible_issue(request: HttpRequest, pk: int) -> Issue:
    issue = (
        Issue.objects.visible_to(signed_in(request))
        .with_detail_data()
        .select_related("lead_unit", "area")
        .filter(pk=pk)
        .first()
    )
    if issue is None:
        raise NotFoundHere()
    return issue


def require_conversion(request: HttpRequest, issue: Issue) -> None:
    """Raises Refused with what forbids it now, or NotAllowed."""
    found = issue_actions.available(issue, by=signed_in(request))
    if Action.CONVERT_TO_PROJECT not in found:
        raise NotAllowed("挂起的问题，由区级分管（联席会议召集人）转为攻坚项目。")
    if why := found[Action.CONVERT_TO_PROJECT]:
        raise Refused(why)


def conversion_page(
    request: HttpRequest,
    issue: Issue,
    act: Callable[[dict[str, Any], str, int], Project],
    *,
    version: int,
    unit: Organisation | None = None,
    **context: Any,
) -> HttpResponse:
    """The form of a conversion, or the project that ``act`` made of what was filled in.

    ``version`` is that of the row which ``act`` checks; ``context`` may give ``initial`` (what is
    known beyond the case), ``decided`` (what a meeting decided) and ``back_url``.
    """
    form = ConversionForm(
        request.POST or None,
        user=signed_in(request),
        issue=issue,
        initial={**ConversionForm.known_of(issue, unit), **context.pop("initial", {})},
    )
    status = 200
    if request.method == "POST":
        status, version = 400, expected_version(request)
        if form.is_valid():
            data = {**form.cleaned_data}
            text, opened = data.pop("text"), []
            refused = refused_by(form, lambda: opened.append(act(data, text, version)))
            if refused is None:
                messages.success(request, "已转为攻坚项目并发布，原问题已结案。")
                return redirect(opened[0])
            status = refused.http_status
    context = {"form": form, "issue": issue, "version": version, **context}
    return render(request, "projects/convert.html", context, status=status)


@business_page
@require_GET
def project_of_issue(request: HttpRequest, pk: int) -> HttpResponse:
    """The project that a case was turned into, as a part for the case's own page."""
    issue = visible_issue(request, pk)
    origin = (
        ProjectOrigin.objects.filter(issue=issue)
        .select_related("project__responsible_unit", "project__project_owner")
        .first()
    )
    is_open = (
        origin is not None
        and Project.objects.visible_to(signed_in(request)).filter(pk=origin.project_id).exists()
    )
    return render(request, "projects/_of_issue.html", {"origin": origin, "is_open": is_open})
