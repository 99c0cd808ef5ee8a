"""What appointments, deputies and departures must obey. Forms ask before, actions once more.

Each check raises Refused with the ``fields`` at fault.
"""

from __future__ import annotations

from datetime import date
from typing import NoReturn

from django.utils import timezone

from areas.choices import PlaceLevel
from core.errors import Refused
from people import duties
from people.choices import ADMINISTRATORS, LEVELS, ORGANISATIONAL, OrganisationKind, Role
from people.models import Posting, User
from people.stand_ins import (
    heir_of,
    possible_deputies,
    possible_successors,
    successors_at_hand,
)

# --- appointments ---


def check_posting(posting: Posting, *, by: User | None) -> None:
    """Refuse a new posting that breaks a rule of appointments."""
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
    same = posting.user.postings.of_same_post(posting).exclude(ends_on__lt=posting.starts_on)
    if posting.ends_on is not None:
        same = same.filter(starts_on__lte=posting.ends_on)
    return same.exists()


# --- deputies ---


def check_deputy(posting: Posting, *, by: User | None) -> None:
    """Refuse a new posting that deputises for another one and may not."""
    held = posting.deputises_for
    today = timezone.localdate()
    if held is None:
        raise Refused("请选择被代理的任职。")
    if held.role in ADMINISTRATORS:
        raise Refused("三员不设代理人。")
    if held.deputises_for_id is not None:
        raise Refused("代理人的工作不能再由他人代理。")
    if posting.user_id == held.user_id:
        _refuse("user", "不能由本人代理。")
    if by is not None and posting.starts_on < today:
        _refuse("starts_on", "开始日期不能早于今天。")
    check_deputy_period(posting, posting.ends_on)
    check_posting(posting, by=by)
    if by is not None and not possible_deputies(held, by=by).filter(pk=posting.user_id).exists():
        _refuse("user", "只能从本单位、本村（社区）的同事中选择，其他人员请安全管理员任命。")


def check_deputy_period(posting: Posting, ends_on: date | None) -> None:
    """A deputy serves for a period within the time of the posting that it stands in for."""
    held = posting.deputises_for
    if held is None:
        return
    if ends_on is None:
        _refuse("ends_on", "代理须有结束日期。")
    if posting.starts_on < held.starts_on:
        _refuse("starts_on", f"代理不能早于被代理的任职，其开始日期是 {held.starts_on}。")
    if held.ends_on is not None and ends_on > held.ends_on:
        _refuse("ends_on", f"代理不能晚于被代理的任职，其结束日期是 {held.ends_on}。")


# --- departures ---


def check_end(posting: Posting, ends_on: date, *, by: User | None) -> None:
    """Refuse an end before today: what was done under the posting stays done by its holder."""
    today = timezone.localdate()
    if by is not None and posting.user_id == by.pk:
        raise Refused("不能结束自己的任职。")
    if posting.is_over(today):
        raise Refused("这项任职已经结束。")
    if ends_on < posting.starts_on:
        _refuse("ends_on", "结束日期不能早于开始日期。")
    if ends_on < today:
        _refuse("ends_on", "结束日期不能早于今天；须立即停止的，请系统管理员停用账号。")
    check_deputy_period(posting, ends_on)


def cut_short(posting: Posting, ends_on: date) -> list[Posting]:
    """The deputies of a posting whose time goes beyond its new end."""
    later = posting.deputies.filter(ends_on__gt=ends_on)
    return list(later.select_related("user").order_by("id"))


def check_departure(posting: Posting, ends_on: date, successor: User | None) -> User | None:
    """Refuse to end a posting that holds open work unless somebody there takes it over.

    Returns who does: ``successor``, for a deputy also the one it stood in for, or None where
    nothing is left behind.
    """
    if successor is not None:
        if not possible_successors(posting, ends_on).filter(pk=successor.pk).exists():
            _refuse(
                "successor",
                "接手人须在同一地区（组织）担任同一角色，在结束日期以后仍在任，且不是代理。",
            )
        return successor
    if heir := heir_of(posting, ends_on):
        return heir
    ends_sooner = posting.ends_on is None or ends_on < posting.ends_on
    leaving = [posting, *cut_short(posting, ends_on)]
    if ends_sooner and (held := duties.held_by(leaving, ends_on)):
        _refuse("successor", _why_not(posting, ends_on, held))
    return None


def check_successor(posting: Posting, successor: User) -> None:
    """Refuse to hand over now to somebody who does not hold the same posting."""
    if not successors_at_hand(posting).filter(pk=successor.pk).exists():
        _refuse("successor", "接手人须在同一地区（组织）担任同一角色，且不是代理。")


def _why_not(posting: Posting, ends_on: date, held: list[duties.Held]) -> str:
    still = f"{posting.user}还有 {duties.in_words(held)}"
    if possible_successors(posting, ends_on).exists():
        return f"{still}，请选择接手人，移交与结束任职一步完成。"
    return f"{still}，这里没有其他{posting.get_role_display()}可以接手，请先任命接任者。"


def _refuse(field: str, message: str) -> NoReturn:
    raise Refused(message, fields={field: [message]})
