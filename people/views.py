"""Signing in and out, and one's own password. The lockout is django-axes'; see settings."""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpResponse, HttpResponseRedirect

from core.errors import Refused
from people import actions
from people.forms import OwnPasswordForm, SignInForm
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
