"""Every write to accounts and postings, each with its audit entry in the same transaction.

``by`` is who acts: the system administrator on accounts, the security administrator on postings,
heads and community officers on deputies. ``by=None`` is the platform itself: its commands, its
sweeps and the reference loader.
"""

from __future__ import annotations

import logging
from datetime import date, timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from areas.models import Place
from core import audit
from core.errors import NotAllowed, NotFoundHere, Refused
from people import departures, rules
from people.choices import ADMINISTRATORS, Role
from people.models import Organisation, Posting, User
from people.stand_ins import heir_of, successors_at_hand
from people.trail import Trail

logger = logging.getLogger(__name__)

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
def deactivate_account(*, by: User, user: User, successor: User | None = None) -> None:
    """Close an account at once: its sessions and devices stop working. Its history stays.

    Somebody may have to go this minute, so open work does not stop it: it goes to the
    ``successor`` where they hold the same posting, and of the rest the people above are told.
    """
    _require(by, Role.SYSTEM_ADMIN)
    _refuse_administrator(user, "请先由安全管理员结束这名管理员的任职，再停用账号。")
    today = timezone.localdate()
    postings = list(user.postings.in_force(today).order_by("id"))
    taken_over = {
        posting.pk for posting in postings if successor and successor in successors_at_hand(posting)
    }
    if successor and not taken_over:
        message = "接手人须与被停用的人员在同一地区（组织）担任同一角色。"
        raise Refused(message, fields={"successor": [message]})
    user.is_active = False
    user.save(update_fields=["is_active"])
    _sign_out_devices(user)
    audit.record(by=by, action=Trail.DEACTIVATED, target=user)
    # What is handed over first is not reported as left behind under another posting.
    for posting in sorted(postings, key=lambda posting: posting.pk not in taken_over):
        heir = successor if posting.pk in taken_over else None
        settle(by=by, posting_id=posting.pk, until=today, successor=heir)


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
    """Post a person to a role from a day on. Raises Refused where ``rules.check_posting`` does."""
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
    rules.check_posting(posting, by=by)
    posting.save()
    audit.record(by=by, action=Trail.APPOINTED, target=posting, detail=_facts(posting))
    return posting


@transaction.atomic
def appoint_deputy(
    *, by: User | None, posting: Posting, user: User, starts_on: date, ends_on: date
) -> Posting:
    """Let ``user`` stand in for the holder of ``posting`` from a day to a day (both included).

    By the security administrator; by heads for the handlers of their unit, by community officers
    for the grid workers of their community, who choose among colleagues. Raises NotAllowed, and
    Refused where ``rules.check_deputy`` does.
    """
    held = _lock_posting(posting.pk)
    _require_manager(by, held)
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    deputy = Posting(
        user=user,
        role=held.role,
        place=held.place,
        organisation=held.organisation,
        starts_on=starts_on,
        ends_on=ends_on,
        deputises_for=held,
    )
    rules.check_deputy(deputy, by=by)
    deputy.save()
    audit.record(by=by, action=Trail.DEPUTY_APPOINTED, target=deputy, detail=_facts(deputy))
    departures.tell(
        [user.pk, held.user_id],
        key=f"posting:{deputy.pk}:deputy",
        title=f"AB岗：{user}代{held.user}",
        body=f"{held}，{starts_on} 至 {ends_on}。",
        by=by,
    )
    return deputy


@transaction.atomic
def withdraw_deputy(*, by: User | None, posting_id: int) -> None:
    """Take back a deputy who has not begun: nothing was done under the posting, so it goes away."""
    posting = _lock_posting(posting_id)
    _require_manager(by, posting)
    if posting.deputises_for is None or posting.starts_on <= timezone.localdate():
        raise Refused("代理已经开始，可以提前结束，不能撤回。")
    _withdraw(posting, by=by)


@transaction.atomic
def end_posting(
    *, by: User | None, posting_id: int, ends_on: date, successor: User | None = None
) -> Posting:
    """End a posting with the day ``ends_on``, which still belongs to it.

    Open work goes to the ``successor`` in the same step; without one the end is refused
    (``rules.check_departure``). What turns up until the end follows when it has come, and so does
    everything if the successor begins only then. A deputy's work goes back to the one it stood in
    for. Deputies of the posting end with it at the latest.

    By the security administrator; a deputy's also by those who may appoint one.
    """
    posting = _lock_posting(posting_id)
    if posting.deputises_for is None:
        _require(by, Role.SECURITY_ADMIN)
    else:
        _require_manager(by, posting)
    rules.check_end(posting, ends_on, by=by)
    heir = rules.check_departure(posting, ends_on, successor)
    deputies = rules.cut_short(posting, ends_on)
    handed_over: dict[str, int] = {}
    at_once = successor is not None or ends_on == timezone.localdate()
    if heir and at_once and heir in successors_at_hand(posting):
        leaving = [posting, *deputies]
        handed_over = departures.hand_over(leaving, heir, by=by, until=ends_on)
    for deputy in deputies:
        _cut_short(deputy, ends_on, by=by)
    posting.ends_on = ends_on
    posting.successor = successor or posting.successor
    posting.save(update_fields=["ends_on", "successor"])
    detail = {**_facts(posting), **handed_over}
    audit.record(by=by, action=Trail.POSTING_ENDED, target=posting, detail=detail)
    return posting


@transaction.atomic
def hand_over_work(*, by: User | None, posting_id: int, successor: User) -> dict[str, int]:
    """Hand the open work of a posting to somebody who holds the same one; it may go on, or be over.

    For a long leave, and for what was left behind. By those who may appoint a deputy. Returns how
    many of what, by the codes of ``people.duties``.
    """
    posting = _lock_posting(posting_id)
    _require_manager(by, posting)
    today = timezone.localdate()
    rules.check_successor(posting, successor)
    handed_over = departures.hand_over([posting], successor, by=by, until=today)
    if not handed_over:
        raise Refused(f"{posting.user}没有需要移交的工作。")
    detail = {"successor": successor.pk, **handed_over}
    audit.record(by=by, action=Trail.WORK_HANDED_OVER, target=posting, detail=detail)
    return handed_over


@transaction.atomic
def settle(
    *, by: User | None, posting_id: int, until: date, successor: User | None = None
) -> dict[str, int]:
    """See to what a posting left behind which ended with ``until``, or whose account was closed.

    It goes to the ``successor``, or to who takes over anyway; whatever is left then, the people
    above are told of. Safe to run twice. Returns how many of what were handed over.
    """
    posting = _lock_posting(posting_id)
    today = timezone.localdate()
    heir = successor or heir_of(posting, today)
    handed_over: dict[str, int] = {}
    if heir and heir in successors_at_hand(posting):
        handed_over = departures.hand_over([posting], heir, by=by, until=today)
    if heir and handed_over:
        detail = {"successor": heir.pk, **handed_over}
        audit.record(by=by, action=Trail.WORK_HANDED_OVER, target=posting, detail=detail)
    departures.tell_of_what_is_left(posting, until=until, today=today)
    return handed_over


def settle_ended_postings() -> int:
    """Settle the postings that came to their end lately; return how many were looked at.

    Each is a transaction of its own, so that one that is refused stops no other.
    """
    today = timezone.localdate()
    lately = (today - departures.LOOK_BACK, today - timedelta(days=1))
    ended = Posting.objects.filter(ends_on__range=lately).order_by("ends_on", "id")
    for posting in ended:
        try:
            settle(by=None, posting_id=posting.pk, until=posting.ends_on or today)
        except Refused as refused:
            logger.error("posting %s could not be settled: %s", posting.pk, refused.message)
    return len(ended)


def _cut_short(deputy: Posting, ends_on: date, *, by: User | None) -> None:
    if deputy.starts_on > ends_on:
        _withdraw(deputy, by=by)
        return
    deputy.ends_on = ends_on
    deputy.save(update_fields=["ends_on"])
    audit.record(by=by, action=Trail.POSTING_ENDED, target=deputy, detail=_facts(deputy))


def _withdraw(deputy: Posting, *, by: User | None) -> None:
    audit.record(by=by, action=Trail.DEPUTY_WITHDRAWN, target=deputy, detail=_facts(deputy))
    deputy.delete()


def _lock_posting(posting_id: int) -> Posting:
    """The posting under a row lock, in the order in which everybody locks: it, then its deputies.

    Raises NotFoundHere.
    """
    posting = (
        Posting.objects.with_scope_data()
        .select_related("user")
        .select_for_update(of=("self",))
        .filter(pk=posting_id)
        .first()
    )
    if posting is None:
        raise NotFoundHere()
    return posting


def _require_manager(by: User | None, posting: Posting) -> None:
    """The security administrator, or who sees to the deputies of this posting."""
    if by is None or by.has_role(Role.SECURITY_ADMIN):
        return
    if not Posting.objects.managed_by(by).filter(pk=posting.pk).exists():
        raise NotAllowed("只能为本单位的经办、本村（社区）的网格员安排代理和移交。")


def _facts(posting: Posting) -> dict[str, object]:
    return {
        "user": posting.user_id,
        "role": posting.role,
        "place": posting.place_id,
        "organisation": posting.organisation_id,
        "starts_on": posting.starts_on,
        "ends_on": posting.ends_on,
        "deputises_for": posting.deputises_for_id,
        "successor": posting.successor_id,
    }
