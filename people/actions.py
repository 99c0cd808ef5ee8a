"""Every write to accounts and postings, each with its audit entry in the same transaction.

``by`` is who acts: the system administrator on accounts, the security administrator on postings.
``by=None`` is the platform itself: its commands and the reference loader.
"""

from __future__ import annotations

from datetime import date

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core import audit
from core.errors import NotAllowed, Refused
from people.choices import ADMINISTRATORS, LEVELS, ORGANISATIONAL, OrganisationKind, Role
from people.models import Organisation, Posting, User
from people.trail import Trail

# --- accounts ---


@transaction.atomic
def create_account(
    *, by: User | None, username: str, full_name: str, password: str, phone: str = ""
) -> User:
    """Create an account with a temporary password, which its owner replaces at the first sign-in.

    Without a posting it may do nothing yet. Raises Refused, with ``fields``, for a name that is
    taken or malformed and for a weak password.
    """
    _require(by, Role.SYSTEM_ADMIN)
    user = User(username=username, full_name=full_name, phone=phone, password_is_temporary=True)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise Refused("账号信息有误。", fields=error.message_dict) from error
    _set_password(user, password)
    user.save()
    audit.record(by=by, action=Trail.CREATED, target=user)
    return user


@transaction.atomic
def rename_account(*, by: User, user: User, full_name: str) -> None:
    _require(by, Role.SYSTEM_ADMIN)
    full_name = full_name.strip()
    if not full_name:
        raise Refused("请填写姓名。", fields={"full_name": ["请填写姓名。"]})
    user.full_name = full_name
    user.save(update_fields=["full_name"])
    audit.record(by=by, action=Trail.RENAMED, target=user)


@transaction.atomic
def reset_password(*, by: User, user: User, password: str) -> None:
    """Give an account a temporary password and sign out its devices.

    Who knows a password can act as its owner, so nobody resets the password of an administrator:
    that would join two of the three in one hand. Raises NotAllowed, Refused.
    """
    _require(by, Role.SYSTEM_ADMIN)
    _refuse_administrator(user, "三员的密码只能由本人修改；遗忘时由运维人员在服务器上重置。")
    _set_password(user, password)
    user.password_is_temporary = True
    user.save(update_fields=["password", "password_is_temporary"])
    _sign_out_devices(user)
    audit.record(by=by, action=Trail.PASSWORD_RESET, target=user)


@transaction.atomic
def change_password(*, by: User, password: str) -> None:
    """Set one's own password; it is temporary no longer. Devices have to sign in again."""
    if by.check_password(password):
        raise Refused("新密码不能与原密码相同。", fields={"password": ["新密码不能与原密码相同。"]})
    _set_password(by, password)
    by.password_is_temporary = False
    by.save(update_fields=["password", "password_is_temporary"])
    _sign_out_devices(by)
    audit.record(by=by, action=Trail.PASSWORD_CHANGED, target=by)


@transaction.atomic
def deactivate_account(*, by: User, user: User) -> None:
    """Close an account at once: its sessions and devices stop working. Its history stays."""
    _require(by, Role.SYSTEM_ADMIN)
    _refuse_administrator(user, "请先由安全管理员结束这名管理员的任职，再停用账号。")
    user.is_active = False
    user.save(update_fields=["is_active"])
    _sign_out_devices(user)
    audit.record(by=by, action=Trail.DEACTIVATED, target=user)


@transaction.atomic
def activate_account(*, by: User, user: User) -> None:
    _require(by, Role.SYSTEM_ADMIN)
    user.is_active = True
    user.save(update_fields=["is_active"])
    audit.record(by=by, action=Trail.ACTIVATED, target=user)


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise Refused("密码不符合要求。", fields={"password": error.messages}) from error
    user.set_password(password)


def _sign_out_devices(user: User) -> None:
    user.auth_token_set.all().delete()


def _refuse_administrator(user: User, message: str) -> None:
    administers = user.postings.in_force(timezone.localdate()).filter(role__in=ADMINISTRATORS)
    if administers.exists():
        raise NotAllowed(message)


def _require(by: User | None, role: Role) -> None:
    if by is not None and not by.has_role(role):
        raise NotAllowed()


# --- postings ---


@transaction.atomic
def appoint(
    *,
    by: User | None,
    user: User,
    role: str,
    starts_on: date,
    place: Place | None = None,
    organisation: Organisation | None = None,
    ends_on: date | None = None,
) -> Posting:
    """Post a person to a role from a day on. Raises Refused where ``check_posting`` does."""
    _require(by, Role.SECURITY_ADMIN)
    # The row lock keeps two appointments of one person from passing each other's checks.
    user = User.objects.select_for_update().get(pk=user.pk)
    posting = Posting(
        user=user,
        role=role,
        place=place,
        organisation=organisation,
        starts_on=starts_on,
        ends_on=ends_on,
    )
    check_posting(posting, by=by)
    posting.save()
    audit.record(by=by, action=Trail.APPOINTED, target=posting, detail=_facts(posting))
    return posting


@transaction.atomic
def end_posting(*, by: User | None, posting_id: int, ends_on: date) -> Posting:
    """End a posting with the day ``ends_on``, which still belongs to it. See ``check_end``."""
    _require(by, Role.SECURITY_ADMIN)
    posting = Posting.objects.select_for_update().get(pk=posting_id)
    check_end(posting, ends_on, by=by)
    posting.ends_on = ends_on
    posting.save(update_fields=["ends_on"])
    audit.record(by=by, action=Trail.POSTING_ENDED, target=posting, detail=_facts(posting))
    return posting


def check_end(posting: Posting, ends_on: date, *, by: User | None) -> None:
    """Refuse an end before today: what was done under the posting stays done by its holder."""
    today = timezone.localdate()
    if by is not None and posting.user_id == by.pk:
        raise Refused("不能结束自己的任职。")
    if posting.ends_on is not None and posting.ends_on < today:
        raise Refused("这项任职已经结束。")
    if ends_on < posting.starts_on:
        _refuse("ends_on", "结束日期不能早于开始日期。")
    if ends_on < today:
        _refuse("ends_on", "结束日期不能早于今天；须立即停止的，请系统管理员停用账号。")


def check_posting(posting: Posting, *, by: User | None) -> None:
    """Refuse, with ``fields``, a new posting that breaks a rule of appointments."""
    if by is not None and posting.user_id == by.pk:
        _refuse("user", "不能任命自己。")
    if not posting.user.is_active:
        _refuse("user", "这个账号已停用。")
    _check_scope(posting)
    if posting.ends_on is not None and posting.ends_on < posting.starts_on:
        _refuse("ends_on", "结束日期不能早于开始日期。")
    _check_separation(posting)
    if _repeats_another(posting):
        _refuse("user", "这段时间内已有同样的任职。")


def _check_scope(posting: Posting) -> None:
    """Whether the role is posted where it can be: at a place of its level, or in a body of ours."""
    role = Role(posting.role)
    if role in ORGANISATIONAL:
        if posting.place is not None:
            _refuse("place", f"{role.label}按组织任职，不选地区。")
        if posting.organisation is None:
            _refuse("organisation", f"请选择{role.label}所在的组织。")
        elif posting.organisation.kind == OrganisationKind.EXTERNAL:
            _refuse("organisation", "区外单位在平台上没有账号。")
        elif not posting.organisation.is_active:
            _refuse("organisation", "这个组织已停用。")
        return
    if posting.organisation is not None:
        _refuse("organisation", f"{role.label}不按组织任职，不选组织。")
    if role in ADMINISTRATORS:
        if posting.place is not None:
            _refuse("place", f"{role.label}不选地区。")
        return
    if posting.place is None:
        _refuse("place", f"请选择{role.label}任职的地区。")
    elif posting.place.level not in LEVELS[role]:
        levels = "、".join(level.label for level in PlaceLevel if level in LEVELS[role])
        _refuse("place", f"{role.label}只能任职于{levels}一级。")
    elif posting.place.valid_to is not None and posting.place.valid_to < posting.starts_on:
        _refuse("place", "这个地区届时已撤销。")


def _check_separation(posting: Posting) -> None:
    """An administrator's account is for that alone, for good."""
    held = set(posting.user.postings.values_list("role", flat=True))
    if posting.role not in ADMINISTRATORS:
        if held & ADMINISTRATORS:
            _refuse("role", "三员使用专用账号，不能兼任业务角色。")
    elif held - ADMINISTRATORS:
        _refuse("role", "三员使用专用账号，这个账号已有业务角色。")
    elif posting.role in held:
        _refuse("role", "这个账号已担任过这一管理员，不能重复任命。")
    elif held:
        _refuse("role", "三员不能由同一账号兼任。")


def _repeats_another(posting: Posting) -> bool:
    same = posting.user.postings.filter(
        role=posting.role, place=posting.place, organisation=posting.organisation
    ).exclude(ends_on__lt=posting.starts_on)
    if posting.ends_on is not None:
        same = same.filter(starts_on__lte=posting.ends_on)
    return same.exists()


def _refuse(field: str, message: str) -> None:
    raise Refused(message, fields={field: [message]})


def _facts(posting: Posting) -> dict[str, object]:
    return {
        "user": posting.user_id,
        "role": posting.role,
        "place": posting.place_id,
        "organisation": posting.organisation_id,
        "starts_on": posting.starts_on,
        "ends_on": posting.ends_on,
    }
