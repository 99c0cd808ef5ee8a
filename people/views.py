"""Signing in and out, one's own password, and the deputies of those whom one leads.

The lockout is django-axes'; see settings.
"""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from core.errors import NotAllowed, NotFoundHere, Refused
from core.pages import business_page
from people import actions, deputies
from people.choices import MANAGERS_OF_DEPUTIES
from people.departures import LOOK_BACK
from people.forms import OwnPasswordForm, SignInForm
from people.models import Posting
from people.querysets import PostingQuerySet
from people.requests import signed_in


class SignInView(LoginView):
    authentication_form = SignInForm
    redirect_authenticated_user = True


class OwnPasswordView(PasswordChangeView):
    form_class = OwnPasswordForm

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        user = signed_in(self.request)
        try:
            actions.change_password(by=user, password=form.cleaned_data["new_password1"])
        except Refused as refused:
            form.add_error("new_password1", refused.message)
            return self.form_invalid(form)
        update_session_auth_hash(self.request, user)
        return HttpResponseRedirect(self.get_success_url())


# --- deputies ---


@business_page
@require_safe
def deputy_list(request: HttpRequest) -> HttpResponse:
    """Those whom one leads, each with the deputies of now and to come; and who left lately."""
    today = timezone.localdate()
    own = _managed(request).in_own_right().with_scope_data().select_related("user")
    current = Posting.objects.not_over(today).select_related("user").order_by("starts_on", "id")
    at_work = own.not_over(today).filter(user__is_active=True)
    gone = own.filter(
        Q(ends_on__lt=today) & Q(ends_on__gte=today - LOOK_BACK) | Q(user__is_active=False)
    )
    context = {
        "postings": at_work.order_by("role", "place__code", "organisation", "id").prefetch_related(
            Prefetch("deputies", current, "current_deputies")
        ),
        "gone": gone.order_by("-ends_on", "id"),
        "today": today,
    }
    return render(request, "people/deputies.html", context)


@business_page
@require_http_methods(["GET", "POST"])
def deputy_appoint(request: HttpRequest, pk: int) -> HttpResponse:
    return deputies.appoint(request, _one_managed(request, pk), _setting())


@business_page
@require_http_methods(["GET", "POST"])
def deputy_end(request: HttpRequest, pk: int) -> HttpResponse:
    deputy = _one_managed(request, pk)
    if deputy.deputises_for is None or deputy.is_over(timezone.localdate()):
        raise NotFoundHere()
    return deputies.end(request, deputy, _setting())


@business_page
@require_http_methods(["GET", "POST"])
def deputy_hand_over(request: HttpRequest, pk: int) -> HttpResponse:
    return deputies.hand_over(request, _one_managed(request, pk), _setting())


def _setting() -> deputies.Setting:
    return deputies.Setting(back=reverse("deputies"))


def _managed(request: HttpRequest) -> PostingQuerySet:
    user = signed_in(request)
    if not user.has_role(*MANAGERS_OF_DEPUTIES):
        raise NotAllowed("AB岗由承办负责人和村社干部安排。")
    return Posting.objects.managed_by(user)


def _one_managed(request: HttpRequest, pk: int) -> Posting:
    posting = _managed(request).with_scope_data().select_related("user").filter(pk=pk).first()
    if posting is None:
        raise NotFoundHere()
    return posting
