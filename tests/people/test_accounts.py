"""Accounts are the system administrator's, and no road leads from one of the three to another."""

from datetime import date

import pytest

from core.errors import NotAllowed, Refused
from core.models import AuditEntry
from people import actions
from people.models import DeviceToken, User
from people.trail import Trail
from tests.cast import PASSWORD, again

TEMPORARY = "Linshi-2025!"
NEW_ACCOUNT = {"username": "gu.yan", "full_name": "顾燕", "password": TEMPORARY}


def trail():
    return [(entry.action, entry.actor_id) for entry in AuditEntry.objects.order_by("id")]


def test_a_new_account_has_a_temporary_password_and_no_powers(cast):
    user = actions.create_account(by=cast.ma_chao, **NEW_ACCOUNT)
    assert user.password_is_temporary
    assert user.check_password(TEMPORARY)
    assert user.current_postings == []
    assert trail() == [(Trail.CREATED, cast.ma_chao.pk)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"username": "wang_fang"}, "username"),
        ({"username": "顾 燕"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a" * 41}, "username"),
        ({"full_name": ""}, "full_name"),
        ({"full_name": "顾" * 31}, "full_name"),
        ({"password": "123456"}, "password"),
    ],
)
def test_a_malformed_account_is_refused_and_leaves_nothing(cast, changes, field):
    before = User.objects.count()
    with pytest.raises(Refused) as refused:
        actions.create_account(by=cast.ma_chao, **{**NEW_ACCOUNT, **changes})
    assert field in refused.value.fields
    assert User.objects.count() == before
    assert trail() == []


@pytest.mark.parametrize("name", ["wang_fang", "sun_li", "qian_jin", "ding_yi", "bai_jie"])
def test_only_the_system_administrator_keeps_accounts(cast, name):
    by, user = cast.people[name], cast.ma_li
    attempts = [
        lambda: actions.create_account(by=by, **NEW_ACCOUNT),
        lambda: actions.rename_account(by=by, user=user, full_name="马莉"),
        lambda: actions.reset_password(by=by, user=user, password=TEMPORARY),
        lambda: actions.deactivate_account(by=by, user=user),
        lambda: actions.activate_account(by=by, user=user),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed):
            attempt()
    assert trail() == []


def test_a_reset_password_is_temporary_and_signs_out_every_device(cast):
    DeviceToken.objects.create(user=cast.wang_fang, device_name="手机")
    actions.reset_password(by=cast.ma_chao, user=cast.wang_fang, password=TEMPORARY)
    user = again(cast.wang_fang)
    assert user.password_is_temporary
    assert user.check_password(TEMPORARY)
    assert not user.auth_token_set.exists()
    assert trail() == [(Trail.PASSWORD_RESET, cast.ma_chao.pk)]


@pytest.mark.parametrize("name", ["ma_chao", "ding_yi", "bai_jie"])
def test_the_system_administrator_neither_resets_nor_closes_one_of_the_three(cast, name):
    with pytest.raises(NotAllowed):
        actions.reset_password(by=cast.ma_chao, user=cast.people[name], password=TEMPORARY)
    with pytest.raises(NotAllowed):
        actions.deactivate_account(by=cast.ma_chao, user=cast.people[name])
    assert again(cast.people[name]).check_password(PASSWORD)
    assert again(cast.people[name]).is_active


def test_an_administrator_whose_posting_is_over_can_be_deactivated(cast):
    cast.bai_jie.postings.update(ends_on=date(2024, 12, 31))
    actions.deactivate_account(by=cast.ma_chao, user=cast.bai_jie)
    assert not again(cast.bai_jie).is_active


def test_a_deactivated_account_loses_its_session_and_its_devices_at_once(cast, client):
    DeviceToken.objects.create(user=cast.wang_fang, device_name="手机")
    client.force_login(cast.wang_fang)
    actions.deactivate_account(by=cast.ma_chao, user=cast.wang_fang)
    assert client.get("/inbox/").status_code == 302
    assert not cast.wang_fang.auth_token_set.exists()
    actions.activate_account(by=cast.ma_chao, user=again(cast.wang_fang))
    assert trail()[-2:] == [
        (Trail.DEACTIVATED, cast.ma_chao.pk),
        (Trail.ACTIVATED, cast.ma_chao.pk),
    ]


def test_without_its_audit_entry_no_account_is_changed(cast, monkeypatch):
    def fail(**_):
        raise RuntimeError

    monkeypatch.setattr(actions.audit, "record", fail)
    with pytest.raises(RuntimeError):
        actions.reset_password(by=cast.ma_chao, user=cast.wang_fang, password=TEMPORARY)
    assert again(cast.wang_fang).check_password(PASSWORD)
