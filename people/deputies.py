"""The three forms about deputies and handing over, as they are answered on the page of those who
lead (people.views) and in the admin pages (people.admin). Who may open them, the caller has asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone

from core.errors import NotAllowed, NotFoundHere, Refused
from people import actions, duties
from people.forms import DeputyEndForm, DeputyForm, HandOverForm, show_refusal
from people.models import Posting
from people.requests import signed_in
from people.stand_ins import possible_deputies, successors_at_hand


@dataclass(frozen=True)
class Setting:
    """Where a form stands: the page it goes back to, and how the admin pages differ."""

    back: str
    template: str = "people/deputy_form.html"
    picker: forms.Widget | None = None  # for a choice among the people of the whole district
    context: Mapping[str, Any] = field(default_factory=dict)


def appoint(request: HttpRequest, posting: Posting, setting: Setting) -> HttpResponse:
    by = signed_in(request)
    people = possible_deputies(posting, by=by)
    return _answer(
        request,
        setting,
        DeputyForm(_sent(request), people=people, picker=setting.picker),
        lambda data: actions.appoint_deputy(by=by, posting=posting, **data),
        posting=posting,
        title=f"任命代理人：{posting.user}",
        hint="代理期间，代理人可以查看和办理这项任职的全部工作，办理记录注明由谁代理；"
        "期满后，代理人名下未办结的工作自动移交回本人。",
        nobody="" if people.exists() else "没有可以选择的同事，请联系安全管理员任命。",
        submit="任命",
        done="已任命代理人，并通知双方。",
    )


def end(request: HttpRequest, deputy: Posting, setting: Setting) -> HttpResponse:
    """End a deputy's time early, or withdraw the deputy before it begins."""
    by = signed_in(request)
    if deputy.starts_on > timezone.localdate():
        return _answer(
            request,
            setting,
            forms.Form(_sent(request)),
            lambda data: actions.withdraw_deputy(by=by, posting_id=deputy.pk),
            posting=deputy,
            title=f"撤回代理人：{deputy.user}",
            hint="代理尚未开始，撤回后不再生效。",
            submit="撤回",
            done="已撤回代理人。",
        )
    return _answer(
        request,
        setting,
        DeputyEndForm(_sent(request)),
        lambda data: actions.end_posting(by=by, posting_id=deputy.pk, **data),
        posting=deputy,
        title=f"提前结束代理：{deputy.user}",
        hint="代理人名下未办结的工作移交回本人：当天结束的立即移交，以后结束的到期移交。",
        submit="结束代理",
        done="已安排结束代理。",
    )


def hand_over(request: HttpRequest, posting: Posting, setting: Setting) -> HttpResponse:
    by = signed_in(request)
    held = duties.of_the_person(duties.held_by([posting], timezone.localdate()))
    people = successors_at_hand(posting)
    role = posting.get_role_display()
    return _answer(
        request,
        setting,
        HandOverForm(_sent(request), people=people),
        lambda data: actions.hand_over_work(by=by, posting_id=posting.pk, **data),
        posting=posting,
        title=f"移交工作：{posting.user}",
        hint=f"现有 {duties.in_words(held)}。移交后由接手人继续办理，时限不变。"
        if held
        else "名下没有未办结的工作。",
        nobody="" if people.exists() else f"这里没有其他{role}可以接手，请先由安全管理员任命。",
        nothing_to_do=not held,
        submit="全部移交",
        done="已移交，并通知接手人。",
    )


def _sent(request: HttpRequest) -> QueryDict | None:
    """What was sent, also when that is nothing: a form without fields is sent empty."""
    return request.POST if request.method == "POST" else None


def _answer(
    request: HttpRequest,
    setting: Setting,
    form: forms.Form,
    act: Callable[[dict[str, Any]], object],
    *,
    done: str,
    **context: Any,
) -> HttpResponse:
    """Do what a valid form asks and go back; else the form once more, with what was refused."""
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                act(form.cleaned_data)
            except (NotAllowed, NotFoundHere):
                raise
            except Refused as refused:
                show_refusal(form, refused)
                status = refused.http_status
            else:
                messages.success(request, done)
                return redirect(setting.back)
    context = {**setting.context, **context, "form": form, "back": setting.back}
    return render(request, setting.template, context, status=status)
