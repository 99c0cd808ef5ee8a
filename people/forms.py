"""Forms of the sign-in pages and of the accounts in the admin pages. Rules are in actions."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.password_validation import validate_password
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import Refused
from people import rules
from people.choices import Role
from people.models import Posting, User
from people.stand_ins import holders_to_come, successors_at_hand

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


class PersonField(forms.ModelChoiceField):
    """Two of one name differ by their accounts."""

    def label_from_instance(self, user: User) -> str:
        return f"{user.full_name}（{user.username}）"


class AccountForm(forms.ModelForm):
    successor = PersonField(
        label="接手人",
        queryset=User.objects.none(),
        required=False,
        help_text="仅在停用时选择：与本人在同一地区（组织）担任同一角色的人员，未办结的工作移交给他。"
        "不选时，通知上级指定接手人。",
    )

    class Meta:
        model = User
        fields = ["full_name", "is_active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "successor" in self.fields:  # not on the page for looking only
            today = timezone.localdate()
            people = User.objects.none()
            for posting in self.instance.postings.in_force(today).with_scope_data():
                people |= successors_at_hand(posting)
            self.fields["successor"].queryset = people  # type: ignore[attr-defined]


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
                rules.check_posting(Posting(**cleaned), by=self.by)
            except Refused as refused:
                show_refusal(self, refused)
        return cleaned


class PostingEndForm(forms.ModelForm):
    """The last day of a posting, and who takes its work over; nothing else of it changes.

    ``by`` is set by the admin page.
    """

    by: User

    successor = PersonField(
        label="接手人",
        queryset=User.objects.none(),
        required=False,
        help_text="在同一地区（组织）担任同一角色的人员。未办结的工作在保存时一并移交；"
        "接手人尚未到任的，和结束前新增的，在任职结束后自动移交。",
    )

    class Meta:
        model = Posting
        fields = ["ends_on", "successor"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "ends_on" not in self.fields:  # on the page of a posting that is over
            return
        self.fields["ends_on"].required = True
        self.fields["ends_on"].help_text = "任职的最后一天，不能早于今天。"
        self.fields["successor"].queryset = holders_to_come(self.instance)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors:
            posting = Posting.objects.select_related("user").get(pk=self.instance.pk)
            ends_on = cleaned["ends_on"]
            try:
                rules.check_end(posting, ends_on, by=self.by)
                rules.check_departure(posting, ends_on, cleaned.get("successor"))
            except Refused as refused:
                show_refusal(self, refused)
        return cleaned


# --- deputies and handing over ---

DATE_INPUT = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DeputyForm(forms.Form):
    """Who stands in for whom, from when to when. ``people`` are those who may be chosen, with the
    widget ``picker`` where a plain list would be too long."""

    user = PersonField(label="代理人", queryset=User.objects.none())
    starts_on = forms.DateField(label="开始日期", widget=DATE_INPUT)
    ends_on = forms.DateField(label="结束日期", widget=DATE_INPUT, help_text="含当天。")

    def __init__(
        self,
        *args: Any,
        people: QuerySet[User],
        picker: forms.Widget | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        user: Any = self.fields["user"]
        if picker is not None:
            user.widget = picker
        user.queryset = people.order_by("full_name", "pk")  # also gives the widget its choices
        self.fields["starts_on"].initial = timezone.localdate


class DeputyEndForm(forms.Form):
    ends_on = forms.DateField(label="代理的最后一天", widget=DATE_INPUT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["ends_on"].initial = timezone.localdate


class HandOverForm(forms.Form):
    successor = PersonField(label="接手人", queryset=User.objects.none())

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["successor"].queryset = people  # type: ignore[attr-defined]
