"""Each device has a token of its own; wrong passwords lock the account for a while."""

from __future__ import annotations

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.throttling import ScopedRateThrottle

from core.models import AuditEntry
from people.models import DeviceToken, User
from tests.api.phone import API, Phone
from tests.cast import PASSWORD, Cast


def sign_in(username: str, password: str = PASSWORD, device: str = "王芳的手机") -> object:
    body = {"username": username, "password": password, "device_name": device}
    return Phone().send("/tokens", body, key="")


def with_token(token: str) -> Phone:
    phone = Phone()
    phone.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return phone


def test_a_phone_signs_in_and_is_known_from_then_on(cast: Cast) -> None:
    response = sign_in("wang_fang")

    assert response.status_code == 201
    assert response.data["device_name"] == "王芳的手机"
    me = with_token(response.data["token"]).read("/me").data
    assert (me["username"], me["full_name"], me["roles"]) == ("wang_fang", "王芳", ["grid_worker"])
    assert me["postings"][0]["role_label"] == "网格员"
    assert me["postings"][0]["place"]["name"] == "龙西一格"


def test_the_key_itself_is_stored_nowhere_and_never_shown_again(cast: Cast) -> None:
    token = sign_in("wang_fang").data["token"]

    stored = DeviceToken.objects.values().get()
    assert all(token not in str(value) for value in stored.values())
    assert token not in with_token(token).read("/tokens").content.decode()


def test_wrong_password_and_unknown_name_get_the_same_answer(cast: Cast) -> None:
    wrong, unknown = sign_in("wang_fang", "guess"), sign_in("nobody")

    assert (wrong.status_code, wrong.data["code"]) == (401, "sign_in_failed")
    assert wrong.data == unknown.data
    assert not DeviceToken.objects.exists()


def test_five_wrong_passwords_lock_the_account_even_for_the_right_one(cast: Cast) -> None:
    answers = [sign_in("wang_fang", f"guess-{n}") for n in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 429]

    locked = sign_in("wang_fang")
    assert (locked.status_code, locked.data["code"]) == (429, "locked_out")
    assert locked.headers["Retry-After"] == "900"
    assert "15 分钟" in locked.data["message"]
    assert sign_in("ma_li").status_code == 201
    assert AuditEntry.objects.filter(action="account.locked_out", target_id=cast.wang_fang.pk)


def test_a_right_password_forgives_the_wrong_ones_before_it(cast: Cast) -> None:
    for _ in range(2):
        for n in range(4):
            assert sign_in("wang_fang", f"guess-{n}").status_code == 401
        assert sign_in("wang_fang").status_code == 201


def test_signing_in_is_throttled(cast: Cast) -> None:
    with mock.patch.dict(ScopedRateThrottle.THROTTLE_RATES, {"sign_in": "2/min"}):
        answers = [sign_in("wang_fang") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert answers[-1].data["code"] == "throttled"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60


def test_a_dead_token_does_not_stand_in_the_way_of_signing_in(cast: Cast) -> None:
    phone = with_token("0" * 64)
    body = {"username": "wang_fang", "password": PASSWORD, "device_name": "手机"}
    assert phone.send("/tokens", body, key="").status_code == 201


def test_who_still_has_a_temporary_password_gets_no_token(cast: Cast) -> None:
    User.objects.filter(pk=cast.wang_fang.pk).update(password_is_temporary=True)

    response = sign_in("wang_fang")

    assert (response.status_code, response.data["code"]) == (403, "password_is_temporary")
    assert not DeviceToken.objects.exists()


# --- devices ---


def test_a_person_sees_the_own_devices_alone(cast: Cast) -> None:
    phone = with_token(sign_in("wang_fang", device="工作手机").data["token"])
    sign_in("wang_fang", device="平板")
    sign_in("ma_li", device="马丽的手机")

    devices = phone.read("/tokens").data
    assert [(d["device_name"], d["is_current"]) for d in devices] == [
        ("平板", False),
        ("工作手机", True),
    ]
    assert set(devices[0]) == {"id", "device_name", "created_at", "expires_at", "is_current"}


def test_one_device_is_signed_out_and_the_others_stay(cast: Cast) -> None:
    phone = with_token(sign_in("wang_fang").data["token"])
    lost = sign_in("wang_fang", device="丢失的手机").data

    response = phone.delete(f"{API}/tokens/{lost['id']}")

    assert response.status_code == 204
    assert with_token(lost["token"]).read("/me").status_code == 401
    assert phone.read("/me").status_code == 200
    assert AuditEntry.objects.filter(action="device.removed", actor=cast.wang_fang).count() == 1


def test_signing_out_ends_this_device(cast: Cast) -> None:
    phone = with_token(sign_in("wang_fang").data["token"])
    assert phone.delete(f"{API}/tokens/current").status_code == 204
    assert phone.read("/me").status_code == 401


def test_a_browser_session_has_no_device_to_sign_out(cast: Cast) -> None:
    browser = Phone()
    browser.force_login(cast.wang_fang)
    response = browser.delete(f"{API}/tokens/current")
    assert (response.status_code, response.data["code"]) == (400, "no_device")


def test_nobody_signs_out_somebody_elses_device(cast: Cast) -> None:
    hers = sign_in("ma_li").data

    response = Phone(cast.wang_fang).delete(f"{API}/tokens/{hers['id']}")

    assert (response.status_code, response.data["code"]) == (404, "not_found")
    assert with_token(hers["token"]).read("/me").status_code == 200


@pytest.mark.parametrize("forged", ["0", "f" * 15, "f" * 17, "x" * 16, "current/x"])
def test_a_part_of_a_device_id_names_no_device(cast: Cast, forged: str) -> None:
    phone = Phone(cast.wang_fang)
    assert phone.delete(f"{API}/tokens/{forged}").status_code == 404
    assert phone.read("/me").status_code == 200


def test_a_sixth_device_signs_out_the_oldest(cast: Cast) -> None:
    tokens = [sign_in("wang_fang", device=f"手机{n}").data["token"] for n in range(6)]

    assert [with_token(token).read("/me").status_code for token in tokens] == [401, *[200] * 5]


def test_a_token_dies_with_its_time_and_with_its_account(cast: Cast) -> None:
    phone = with_token(sign_in("wang_fang").data["token"])
    cast.wang_fang.is_active = False
    cast.wang_fang.save()
    assert phone.read("/me").status_code == 401

    other = with_token(sign_in("ma_li").data["token"])
    DeviceToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert other.read("/me").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token a b",
        "Token \xff\xfe",
        "Token 令牌",
        "Token ' OR 1=1 --",
        "Bearer x",
    ],
)
def test_a_strange_authorization_header_is_no_sign_in(cast: Cast, header: str) -> None:
    phone = Phone()
    phone.credentials(HTTP_AUTHORIZATION=header.encode().decode("latin-1"))
    response = phone.read("/me")
    assert (response.status_code, response.data["code"]) == (401, "not_authenticated")


def test_a_browser_session_writes_only_with_the_token_of_its_page(cast: Cast) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(cast.wang_fang)
    assert browser.get(f"{API}/me").status_code == 200
    response = browser.post(f"{API}/inbox/read", {"all": True}, format="json")
    assert (response.status_code, response.data["code"]) == (403, "not_allowed")
