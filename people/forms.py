"""Forms of the sign-in pages and of the accounts in the admin pages. Rules are in actions."""

from datetime import date
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from core.errors import Refused
from people import actions
from people.choices import Role
from people.models import Posting, User

STRENGTH_HINT = "至少 10 个字符，须有小写字母、数字和符号（如 ! @ # %），不能与用户名相近。"


def show_refusal(form: forms.BaseForm, refused: Refused) -> None:
    """Put the messages of a rule beside the fields that they name, the others above the form."""
    if not refused.fields:
        form.add_error(None, refused.message)
    for name, messages in refused.fields.items():
        field = name if name in form.fields else None
        for message in messages:
            form.add_error(field, message)


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "用户名或密码不正确，请重新输入。",
        "inactive": "用户名或密码不正确，请重新输入。",  # whether an account exists is not said
    }


class OwnPasswordForm(PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "原密码"
        self.fields["new_password1"].help_text = STRENGTH_HINT
        self.fields["new_password2"].label = "再次输入新密码"
        self.fields["new_password2"].help_text = ""


def _password_field(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class TemporaryPasswordForm(forms.Form):
    """A password that somebody else sets; its owner replaces it at the next sign-in."""

    password = _password_field("临时密码", STRENGTH_HINT)
    password_again = _password_field("再次输入")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        first, second = cleaned.get("password"), cleaned.get("password_again")
        if first and second and first != second:
            self.add_error("password_again", "两次输入的密码不一致。")
        return cleaned


class NewAccountForm(TemporaryPasswordForm, forms.ModelForm):
    class Meta:
        model = User
        fields = ["username", "full_name"]

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        # Now the instance has its names, which the password must not resemble.
        if password := self.cleaned_data.get("password"):
            try:
                validate_password(password, self.instance)
            except forms.ValidationError as error:
                self.add_error("password", error)


class AccountForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["full_name", "is_active"]


class AppointmentForm(forms.ModelForm):
    """A new posting. ``by`` is set by the admin page."""

    by: User

    class Meta:
        model = Posting
        fields = ["user", "role", "place", "organisation", "starts_on", "ends_on"]
        help_texts = {
            "role": "网格员选网格，村社干部选村（社区），镇街角色选镇（街道），区级角色选区；"
            "承办角色选组织；三员两者都不选。",
            "ends_on": "留空表示长期。",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_on"].initial = timezone.localdate
        self.fields["role"].choices = [("", "——"), *Role.choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                actions.check_posting(Posting(**cleaned), by=self.by)
            except Refused as refused:
                show_refusal(self, refused)
        return cleaned


class PostingEndForm(forms.ModelForm):
    """The last day of a posting; nothing else of it changes. ``by`` is set by the admin page."""

    by: User

    class Meta:
        model = Posting
        fields = ["ends_on"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "ends_on" in self.fields:  # not on the page of a posting that is over
            self.fields["ends_on"].required = True
            self.fields["ends_on"].help_text = "任职的最后一天，不能早于今天。"

    def clean_ends_on(self) -> date:
        ends_on: date = self.cleaned_data["ends_on"]
        try:
            actions.check_end(Posting.objects.get(pk=self.instance.pk), ends_on, by=self.by)
        except Refused as refused:
            raise forms.ValidationError(refused.message) from refused
        return ends_on
