"""Saved views of the desk: kept from its menu, renamed and deleted on a page of their own."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from core.errors import Refused
from core.pages import business_page
from issues import saved_views
from issues.desk.page import kept_query
from issues.models import SavedView
from people.requests import signed_in


@business_page
@require_safe
def manage(request: HttpRequest) -> HttpResponse:
    return _page(request)


@business_page
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Keep the queue and the filters that stand in the query string of this very request."""
    query = kept_query(request)
    try:
        view = saved_views.save(
            by=signed_in(request), name=request.POST.get("name", ""), query=query
        )
    except Refused as error:
        return _page(request, error=error, query=query)
    messages.success(request, f"已存为视图“{view.name}”。")
    return redirect(f"{reverse('issues:desk')}?{query}")


@business_page
@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        view = saved_views.rename(pk, by=signed_in(request), name=request.POST.get("name", ""))
    except Refused as error:
        if error.http_status != Refused.http_status:
            raise
        return _page(request, error=error, wrong=pk)
    messages.success(request, f"已改名为“{view.name}”。")
    return redirect("issues:views")


@business_page
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    saved_views.delete(pk, by=signed_in(request))
    messages.success(request, "视图已删除。")
    return redirect("issues:views")


def _page(
    request: HttpRequest,
    *,
    error: Refused | None = None,
    query: str | None = None,
    wrong: int | None = None,
) -> HttpResponse:
    """The views; after a refusal with what was typed: a new one's ``query``, or the ``wrong`` one's
    name."""
    context = {
        "views": SavedView.objects.filter(user=signed_in(request)),
        "most": saved_views.MOST,
        "error": error,
        "query": query,
        "wrong": wrong,
        "typed": request.POST.get("name", ""),
    }
    status = error.http_status if error else 200
    return render(request, "issues/desk/views.html", context, status=status)
