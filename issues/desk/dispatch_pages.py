"""Dispatch in bulk as pages: choose the order, look at what it will do, confirm, see the result.

Nothing needs a script. From the preview on the cases travel as ``case=<id>:<version>``, so that
each is dispatched only as it was seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from areas.models import Place
from core.branches import narrowed
from core.errors import Malformed, NotAllowed, Refused
from core.pages import business_page
from issues import forms
from issues.choices import Action
from issues.desk import dispatch as bulk
from issues.desk.page import may_dispatch
from issues.inputs import AssignInput
from issues.models import Issue
from issues.reference import with_reference_data
from issues.workflow import RULES
from people.requests import signed_in

RESULT = "desk.dispatched"  # in the session: the last result, for the page after the redirect


@dataclass(frozen=True)
class Selection:
    """The cases ticked, in the order of the desk: those that may be dispatched, and the others."""

    ready: list[Issue]
    others: list[Issue]
    place: Place | None  # from which units may be chosen


@business_page
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The order: unit, limit, requirement. ``?id=`` once per case."""
    chosen = _selection(request, _ids(request.GET.getlist("id")))
    return _order_page(request, chosen, AssignInput(context=_context(request, chosen)))


@business_page
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """What the order will do to each case; ``edit`` leads back to the order as it was filled in."""
    chosen = _selection(request, _ids(request.POST.getlist("id")))
    given = _given(request, chosen)
    if "edit" in request.POST:
        return _order_page(request, chosen, given)
    try:
        data = forms.read(given, [])
    except Refused as error:
        return _order_page(request, chosen, given, error=error)
    prospects = bulk.preview(chosen.ready, by=signed_in(request), data=data, at=timezone.now())
    context = {
        "order": data,
        "entered": given.initial_data,
        "prospects": prospects,
        "others": chosen.others,
        "ready": [row for row in prospects if not row.refusal],
    }
    return render(request, "issues/desk/dispatch_preview.html", context)


@business_page
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Give the order on every case of the preview, then tell of each what became of it."""
    versions = [_version(text) for text in request.POST.getlist("case")]
    chosen = _selection(request, [pk for pk, _ in versions])
    given = _given(request, chosen)
    try:
        data = forms.read(given, [])
    except Refused as error:
        return _order_page(request, chosen, given, error=error)
    results = bulk.dispatch(versions, by=signed_in(request), data=data)
    request.session[RESULT] = {
        "unit": data["lead_unit"].name,
        "results": [
            [row.issue_id, row.due_at.isoformat() if row.due_at else "", row.refusal]
            for row in results
        ],
    }
    return redirect("issues:dispatch_result")


@business_page
@require_safe
def result(request: HttpRequest) -> HttpResponse:
    """What became of the last dispatch of this session."""
    kept = request.session.get(RESULT)
    if kept is None:
        return redirect("issues:desk")
    issues = {issue.pk: issue for issue in _rows(request, [pk for pk, _, _ in kept["results"]])}
    rows = [
        {"issue": issues[pk], "due_at": parse_datetime(due) if due else None, "refusal": why}
        for pk, due, why in kept["results"]
        if pk in issues
    ]
    context = {
        "unit": kept["unit"],
        "done": [row for row in rows if not row["refusal"]],
        "refused": [row for row in rows if row["refusal"]],
    }
    return render(request, "issues/desk/dispatch_result.html", context)


# --- what was ticked ---


def _rows(request: HttpRequest, ids: list[int]) -> list[Issue]:
    """The cases of these ids that the person may see, what is due first on top."""
    rows = narrowed(Issue.objects.visible_to(signed_in(request)).filter(pk__in=ids))
    return with_reference_data(rows.order_by("due_at", "pk"))


def _selection(request: HttpRequest, ids: list[int]) -> Selection:
    """The cases of these ids that the person may see. Raises Refused, Malformed, NotAllowed."""
    user = signed_in(request)
    if not any(
        user.has_role(*rule.roles) for (_, action), rule in RULES.items() if action == Action.ASSIGN
    ):
        raise NotAllowed("您的岗位不交办问题。")
    if not ids:
        raise Refused("请先在工作台勾选要交办的问题。")
    if len(ids) > bulk.MOST:
        raise Refused(f"一次最多交办 {bulk.MOST} 件，您勾选了 {len(ids)} 件。")
    rows = _rows(request, ids)
    ready = [issue for issue in rows if may_dispatch(issue, user)]
    places = {issue.dispatch_place for issue in ready}
    if len(places) > 1:
        raise Refused("所选问题分属不同的派单范围，请分开交办。")
    return Selection(
        ready,
        [issue for issue in rows if issue not in ready],
        next(iter(places), None),
    )


def _ids(texts: list[str]) -> list[int]:
    return list(dict.fromkeys(_number(text) for text in texts))


def _version(text: str) -> tuple[int, int]:
    pk, _, version = text.partition(":")
    return _number(pk), _number(version)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Malformed("请从工作台重新勾选要交办的问题。")
    return int(text)


# --- the order ---


def _context(request: HttpRequest, chosen: Selection) -> dict[str, Any]:
    return {"user": signed_in(request), "place": chosen.place}


def _given(request: HttpRequest, chosen: Selection) -> AssignInput:
    """The order as it was filled in. Co-units belong to a single case: they are not read here."""
    kept = QueryDict(mutable=True)
    for name in ("lead_unit", "limit_days", "text"):
        kept[name] = request.POST.get(name, "")
    return AssignInput(data=forms.entered(kept), context=_context(request, chosen))


def _order_page(
    request: HttpRequest, chosen: Selection, given: AssignInput, error: Refused | None = None
) -> HttpResponse:
    form = forms.InputForm(given, errors=error.fields if error else None, without=["co_units"])
    context = {"form": form, "chosen": chosen, "error": error}
    return render(
        request,
        "issues/desk/dispatch.html",
        context,
        status=error.http_status if error else 200,
    )
