"""The form of a step: shown, taken, or given back with its words and what is wrong with them.

The case's own page and the desk share it. ``context`` names what differs: ``desk_url`` (where the
form is sent from the desk) and ``back_url`` (where 取消 leads).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core.errors import Malformed, NotAllowed, Refused, Stale
from core.pages import wants_part
from issues import actions, forms, offers, options
from issues.case import Case
from issues.case_page import visible, where
from issues.choices import Action
from issues.input_fields import Input
from issues.inputs import INPUTS
from issues.models import Issue, IssueEvent
from issues.office import Office
from people.requests import signed_in

MISSED = 5  # steps that others took meanwhile, shown beside a form that came too late

Done = Callable[[IssueEvent], HttpResponse]


def show(request: HttpRequest, issue: Issue, action: Action, **context: Any) -> HttpResponse:
    """The empty form. Raises NotAllowed when this person has no such step here."""
    offer = _offer(request, issue, action)
    if offer is None:
        raise _not_offered(issue, action)
    form = forms.InputForm(
        INPUTS[action](context=_context(request, issue)),
        choices=options.choices(action, issue, signed_in(request)),
        initial=options.suggestions(action, issue),
    )
    return _page(request, issue, offer, form, **context)


def take(
    request: HttpRequest, issue: Issue, action: Action, *, done: Done, **context: Any
) -> HttpResponse:
    """Take the step and answer with ``done``, or with the form as it was filled in and why not."""
    version = _version(request)
    given = INPUTS[action](data=forms.entered(request.POST), context=_context(request, issue))
    try:
        with transaction.atomic():
            _check_offered(request, issue, action, version)
            data = forms.read(given, request.FILES.getlist("photos"))
            event = actions.perform(
                issue.pk, action, by=signed_in(request), data=data, expected_version=version
            )
    except Refused as error:
        return _refused(request, issue.pk, action, given, error, seen=version, **context)
    return done(event)


def said(event: IssueEvent) -> str:
    """What is told of a step that was taken."""
    return f"已{Action(event.action).label}，现为“{event.issue.state_label}”。"


def _offer(request: HttpRequest, issue: Issue, action: Action) -> offers.Offer | None:
    case, at = Case.load(issue), timezone.now()
    office = Office.for_cases([issue], actions.unit_ids(case, {}))
    available = case.available(signed_in(request).current_postings, office, at)
    if action not in available:
        return None
    return offers.offer(case, action, available[action], office, at)


def _version(request: HttpRequest) -> int:
    version = request.POST.get("expected_version", "")
    if not version.isascii() or not version.isdigit() or len(version) > 9:
        raise Malformed("缺少版本号，请重新打开这一页。")
    return int(version)


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
    request: HttpRequest,
    pk: int,
    action: Action,
    given: Input,
    error: Refused,
    *,
    seen: int,
    **context: Any,
) -> HttpResponse:
    """The form again with its words kept; of a case that moved on, as it stands now."""
    issue = visible(request, pk)
    offer = _offer(request, issue, action)
    if offer is None and not isinstance(error, Stale):
        raise error
    form = forms.InputForm(
        given,
        errors=error.fields,
        choices=options.choices(action, issue, signed_in(request)),
    )
    return _page(request, issue, offer, form, error=error, action=action, seen=seen, **context)


def _page(
    request: HttpRequest,
    issue: Issue,
    offer: offers.Offer | None,
    form: forms.InputForm,
    *,
    error: Refused | None = None,
    action: Action | None = None,
    seen: int = 0,
    **context: Any,
) -> HttpResponse:
    is_stale = isinstance(error, Stale)
    context = {
        "issue": issue,
        "where": where(issue),
        "action": offer.action if offer else action,
        "offer": offer,
        "form": form,
        "error": error,
        "is_stale": is_stale,
        "missed": _missed(issue, seen) if is_stale else [],
        "hints": options.hints(action or (offer.action if offer else None), issue),
        "had_photos": bool(request.FILES),
        "is_part": wants_part(request),
        "back_url": issue.get_absolute_url(),
        **context,
    }
    template = "issues/_step.html" if context["is_part"] else "issues/act.html"
    return render(request, template, context, status=error.http_status if error else 200)


def _missed(issue: Issue, seen: int) -> list[IssueEvent]:
    """The steps taken since the form's version; each step is one version."""
    events = issue.events.select_related("actor", "posting__place", "posting__organisation")
    return list(events.filter(seq__gt=seen).order_by("-seq")[:MISSED])[::-1]


def _context(request: HttpRequest, issue: Issue) -> dict[str, Any]:
    return {"user": signed_in(request), "place": issue.dispatch_place, "issue": issue}
