"""The desk: a queue at the left, one case of it at the right, and its steps taken in place.

Everything that is shown stands in the URL: ``queue``, the filters, the position in the list and
``case``. htmx asks the same URL for one of its parts and names it as the target of the swap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from core import keyset
from core.branches import narrowed
from core.errors import Malformed
from core.keyset import Total
from core.pages import business_page, wants_part
from core.registers import Register
from core.workdays import Calendar, calendar
from issues import step_page, waits
from issues.case import Case
from issues.case_page import case_context, visible
from issues.choices import Action
from issues.desk.queues import Queue, Queues, counts, queues_of, rows_of
from issues.filters import DeskFilter
from issues.models import Issue, IssueEvent, SavedView
from issues.orders import BY_RECEIVED, OPEN_BY_DUE
from issues.querysets import IssueQuerySet
from issues.reference import with_reference_data
from issues.workflow import RULES
from people.models import User
from people.requests import signed_in

DESK = Register(
    title="工作台",
    unit="件",
    columns=(),
    sorts={"due": OPEN_BY_DUE},
    default_sort="due",
    filterset=DeskFilter,
    search="q",
    page_size=40,
    data=with_reference_data,
)
NO_CASE = Malformed("没有这一件。")


@dataclass(frozen=True)
class Row:
    """One case in the list. ``can_dispatch``: it may be ticked for a dispatch in bulk."""

    issue: Issue
    url: str
    standing: str
    is_open: bool
    can_dispatch: bool


@dataclass(frozen=True)
class Chip:
    queue: Queue
    count: Total
    url: str
    active: bool


# --- the page and its parts ---


@business_page
@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    part = request.headers.get("HX-Target", "") if wants_part(request) else ""
    if part == "desk-pane":
        response = render(request, "issues/desk/_pane.html", _pane(request))
    elif part == "desk-list":
        listed = _list(request, _queues(request))
        response = render(request, "issues/desk/_list.html", listed, status=_status(listed))
    else:
        response = _whole(request)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _whole(request: HttpRequest) -> HttpResponse:
    queues = _queues(request)
    number = counts(signed_in(request), queues)
    context = {
        **_list(request, queues, number),
        **_chips(request, queues, number),
        **_pane(request),
        "views": saved_views(request),
        "view_query": kept_query(request),
    }
    return render(request, "issues/desk/desk.html", context, status=_status(context))


@business_page
@require_safe
def refresh_counts(request: HttpRequest) -> HttpResponse:
    """The numbers on the chips, each to be put in its place by itself.

    Asked for by a timer, it is no sign of a person: it does not put off the idle sign-out.
    """
    queues = _queues(request)
    chips = _chips(request, queues, counts(signed_in(request), queues))
    response = render(request, "issues/desk/_counts.html", chips)
    del request.session  # what the session middleware saves and prolongs after each answer
    return response


def _queues(request: HttpRequest) -> Queues:
    return queues_of(signed_in(request), timezone.now())


def _status(context: dict[str, Any]) -> int:
    return Malformed.http_status if context["filter_errors"] else 200


# --- the queues and the list ---


def _chips(request: HttpRequest, queues: Queues, number: Mapping[str, Total]) -> dict[str, Any]:
    chosen = queues.chosen(request.GET.get("queue", ""))

    def chip(queue: Queue) -> Chip:
        query = "" if queue == queues.default else f"?queue={queue.key}"
        return Chip(queue, number[queue.key], reverse("issues:desk") + query, queue == chosen)

    return {
        "mine": [chip(queue) for queue in queues.mine],
        "watched": [chip(queue) for queue in queues.watched],
    }


def _list(
    request: HttpRequest, queues: Queues, number: Mapping[str, Total] | None = None
) -> dict[str, Any]:
    """The chosen queue. ``number``: how many each queue holds, where that has been counted."""
    user, days, now = signed_in(request), calendar(), timezone.now()
    queue = queues.chosen(request.GET.get("queue", ""))
    total = number[queue.key] if number is not None else None
    context = DESK.context(request, rows_of(user, queue), total=total)
    case, base = _case_id(request), base_query(request)
    rows = [_row(issue, user, days, now, case, base) for issue in context["page"].rows]
    return {
        **context,
        "queue": queue,
        "rows": rows,
        "shows_state": queue.is_mixed,
        "may_dispatch": any(row.can_dispatch for row in rows),
        "base": base,
        "all_url": f"{reverse('issues:list')}?{_only_search(request)}",
    }


def _row(
    issue: Issue, user: User, days: Calendar, now: datetime, case: int | None, base: str
) -> Row:
    return Row(
        issue=issue,
        url=with_case(base, issue.pk),
        standing=waits.days_left(days, issue.due_at, now) if issue.due_at else "停表",
        is_open=issue.pk == case,
        can_dispatch=may_dispatch(issue, user),
    )


def may_dispatch(issue: Issue, user: User) -> bool:
    """Whether a posting of the person gives out orders on this case where it stands. No query."""
    case = Case(issue=issue)
    rule = RULES.get((case.state, Action.ASSIGN))
    return rule is not None and any(
        case.may(posting, Action.ASSIGN, rule) for posting in user.current_postings
    )


def saved_views(request: HttpRequest) -> list[dict[str, Any]]:
    """The person's views, each with its address and whether the page shows it."""
    kept = kept_query(request)
    return [
        {
            "view": view,
            "url": f"{reverse('issues:desk')}?{view.query}",
            "active": view.query == kept,
        }
        for view in SavedView.objects.filter(user=signed_in(request))
    ]


# --- what stands in the URL ---


def base_query(request: HttpRequest) -> str:
    """Queue, filters and position, without the case."""
    return _query(request.GET, without=("case",))


def kept_query(request: HttpRequest) -> str:
    """Queue and filters: what a saved view keeps. In a fixed order, so that it can be compared."""
    return _query(request.GET, without=("case", "after", "before"), in_order=True)


def _query(given: QueryDict, *, without: tuple[str, ...], in_order: bool = False) -> str:
    known = {"queue", "sort", "after", "before", *DeskFilter.base_filters}
    kept = QueryDict(mutable=True)
    for name in sorted(given) if in_order else given:
        value = given.get(name, "")
        if name in known and name not in without and value:
            kept[name] = value
    return kept.urlencode()


def with_case(base: str, pk: int) -> str:
    return f"{reverse('issues:desk')}?{base}{'&' if base else ''}case={pk}"


def _only_search(request: HttpRequest) -> str:
    kept = QueryDict(mutable=True)
    kept["q"] = request.GET.get("q", "")
    return kept.urlencode()


def _case_id(request: HttpRequest) -> int | None:
    text = request.GET.get("case", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise NO_CASE
    return int(text)


# --- the case ---


def _pane(request: HttpRequest) -> dict[str, Any]:
    """The case in the URL, or nothing. 404 when the person may not see it."""
    pk = _case_id(request)
    base = base_query(request)
    shown = case_context(request, visible(request, pk)) if pk is not None else {"issue": None}
    return {**shown, "base": base, "back_url": _desk_url(base)}


def _desk_url(base: str) -> str:
    return f"{reverse('issues:desk')}?{base}" if base else reverse("issues:desk")


@business_page
@require_http_methods(["GET", "HEAD", "POST"])
def act(request: HttpRequest, pk: int, action: Action) -> HttpResponse:
    """A step's form in the pane. Once it is taken the desk goes on to the next case."""
    issue = visible(request, pk)
    base = base_query(request)
    place = {"desk_url": request.get_full_path(), "back_url": with_case(base, pk)}
    if request.method != "POST":
        return step_page.show(request, issue, action, **place)

    def done(event: IssueEvent) -> HttpResponse:
        return _go_on(request, issue, event)

    return step_page.take(request, issue, action, done=done, **place)


def _go_on(request: HttpRequest, before: Issue, event: IssueEvent) -> HttpResponse:
    """To the case itself while it stays in the queue, else to the one that comes after it."""
    base, queues = base_query(request), _queues(request)
    upcoming = _next(request, queues, before)
    url = with_case(base, upcoming) if upcoming else _desk_url(base)
    if not wants_part(request):
        messages.success(request, step_page.said(event))
        return redirect(url)
    # The parts are drawn as the new URL would draw them.
    request.GET = QueryDict(urlsplit(url).query)
    number = counts(signed_in(request), queues)
    context = {
        **_list(request, queues, number),
        **_chips(request, queues, number),
        **_pane(request),
        "said": f"{before.number} {step_page.said(event)}",
    }
    response = render(request, "issues/desk/_moved_on.html", context)
    response.headers["HX-Retarget"] = "#desk-pane"
    response.headers["HX-Reswap"] = "innerHTML"
    response.headers["HX-Replace-Url"] = url
    return response


def _next(request: HttpRequest, queues: Queues, before: Issue) -> int | None:
    """The case to show after a step on ``before``, which is as it was before the step."""
    queue = queues.chosen(request.GET.get("queue", ""))
    rows = rows_of(signed_in(request), queue)
    filters = DeskFilter(request.GET, rows, request=request)
    if not filters.errors:
        rows = filters.qs
    if rows.filter(pk=before.pk).exists():
        return before.pk
    return next((issue.pk for part in _after(rows, before) for issue in part), None)


def _after(rows: IssueQuerySet, before: Issue) -> Iterator[IssueQuerySet]:
    """What comes after a case in the order of the list: what is due later, then what has no date.
    Where nothing does, the last of the list.
    """
    if before.due_at:
        position = (before.due_at, before.received_at, before.pk)
        yield keyset.following(rows, OPEN_BY_DUE, position, 1)
        yield keyset.following(rows.filter(due_at__isnull=True), BY_RECEIVED, None, 1)
    yield keyset.ordered(narrowed(rows), OPEN_BY_DUE).reverse()[:1]
