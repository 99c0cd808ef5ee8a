"""Signing in and out on the pages, the lockout, and what the audit trail keeps of it."""

import pytest

from core.models import AuditEntry
from people.trail import Trail
from tests.cast import PASSWORD

NEW_PASSWORD = "Taihu-lake-7!"


def sign_in(client, username="wang_fang", password=PASSWORD, **data):
    return client.post("/login/", {"username": username, "password": password, **data})


def entries(action):
    return list(AuditEntry.objects.filter(action=action))


def test_the_sign_in_page_is_chinese_and_open_to_everybody(client, db):
    page = client.get("/login/")
    assert page.status_code == 200
    assert "用户名" in page.text
    assert "密码" in page.text


def test_the_right_password_leads_home_and_is_on_record(client, cast):
    answer = sign_in(client)
    assert answer.status_code == 302
    assert answer.url == "/"
    (entry,) = entries(Trail.SIGNED_IN)
    assert entry.actor == cast.wang_fang


def test_a_wrong_password_is_refused_in_chinese_and_is_on_record(client, cast):
    answer = sign_in(client, password="something else")
    assert answer.status_code == 200
    assert "用户名或密码不正确" in answer.text
    (entry,) = entries(Trail.SIGN_IN_FAILED)
    assert entry.actor is None
    assert entry.target_id == str(cast.wang_fang.pk)


def test_what_a_stranger_typed_as_username_is_kept_nowhere_in_the_trail(client, db):
    sign_in(client, username="12800001111", password="x")
    (entry,) = entries(Trail.SIGN_IN_FAILED)
    assert (entry.target_id, entry.detail) == ("", {})


def test_a_deactivated_account_is_refused_like_a_wrong_password(client, cast):
    cast.wang_fang.is_active = False
    cast.wang_fang.save()
    assert "用户名或密码不正确" in sign_in(client).text


def test_five_failures_lock_the_account_out_even_with_the_right_password(client, cast):
    answers = [sign_in(client, password=f"wrong-{n}").status_code for n in range(5)]
    assert answers == [200, 200, 200, 200, 429]
    locked = sign_in(client)
    assert locked.status_code == 429
    assert "15 分钟" in locked.text
    assert len(entries(Trail.LOCKED_OUT)) >= 1
    assert entries(Trail.SIGNED_IN) == []


def test_the_lockout_is_for_one_account_and_address_and_ends_after_fifteen_minutes(
    client, cast, time_machine
):
    time_machine.move_to("2025-03-03T09:00:00+08:00", tick=False)
    for n in range(5):
        sign_in(client, password=f"wrong-{n}")
    assert sign_in(client, username="ma_li").status_code == 302
    client.logout()
    assert sign_in(client, username="wang_fang").status_code == 429
    elsewhere = client.post(
        "/login/", {"username": "wang_fang", "password": PASSWORD}, REMOTE_ADDR="10.0.0.9"
    )
    assert elsewhere.status_code == 302
    client.logout()
    time_machine.move_to("2025-03-03T09:16:00+08:00", tick=False)
    assert sign_in(client).status_code == 302


def test_a_visitor_cannot_make_up_an_address_to_go_on_guessing(client, cast):
    answers = [
        client.post(
            "/login/",
            {"username": "wang_fang", "password": f"wrong-{n}"},
            headers={"X-Forwarded-For": f"10.0.0.{n}"},
        ).status_code
        for n in range(5)
    ]
    assert answers[-1] == 429


def test_behind_the_reverse_proxy_the_lockout_goes_by_the_address_that_it_wrote(
    client, cast, settings
):
    settings.BEHIND_PROXY = True
    guess = {"username": "wang_fang", "password": "wrong"}
    for n in range(5):
        made_up_and_real = {"X-Forwarded-For": f"192.0.2.{n}, 10.0.0.1"}
        last = client.post("/login/", guess, headers=made_up_and_real)
    assert last.status_code == 429
    mine = {"username": "wang_fang", "password": PASSWORD}
    elsewhere = client.post("/login/", mine, headers={"X-Forwarded-For": "10.0.0.2"})
    assert elsewhere.status_code == 302


def test_after_sign_in_one_goes_on_to_the_page_that_was_asked_for(client, cast):
    assert sign_in(client, next="/inbox/?unread=1").url == "/inbox/?unread=1"


@pytest.mark.parametrize(
    "elsewhere", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)"]
)
def test_a_sign_in_never_leads_to_another_site(client, cast, elsewhere):
    assert sign_in(client, next=elsewhere).url == "/"


def test_who_is_signed_in_is_led_from_the_sign_in_page_to_the_home_page(client, cast):
    client.force_login(cast.wang_fang)
    assert client.get("/login/").url == "/"


def test_signing_out_takes_a_post_and_is_on_record(client, cast):
    client.force_login(cast.wang_fang)
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/inbox/").url == "/login/?next=/inbox/"
    (entry,) = entries(Trail.SIGNED_OUT)
    assert entry.actor == cast.wang_fang


def change(client, old=PASSWORD, new=NEW_PASSWORD, again=NEW_PASSWORD):
    return client.post(
        "/password/", {"old_password": old, "new_password1": new, "new_password2": again}
    )


def test_one_changes_the_own_password_and_stays_signed_in(client, cast):
    client.force_login(cast.wang_fang)
    assert change(client).url == "/password/done/"
    assert client.get("/password/done/").status_code == 200
    assert len(entries(Trail.PASSWORD_CHANGED)) == 1
    client.logout()
    assert sign_in(client).status_code == 200
    assert sign_in(client, password=NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again", "message"),
    [
        ("wrong", NEW_PASSWORD, NEW_PASSWORD, "旧密码"),
        (PASSWORD, NEW_PASSWORD, "another", "密码"),
        (PASSWORD, "short1!", "short1!", "密码太短"),
        (PASSWORD, "1234567890", "1234567890", "常见"),
        (PASSWORD, "wang_fang-1!", "wang_fang-1!", "用户名"),
        (PASSWORD, PASSWORD, PASSWORD, "不能与原密码相同"),
    ],
)
def test_a_weak_or_wrong_new_password_is_refused_in_chinese(client, cast, old, new, again, message):
    client.force_login(cast.wang_fang)
    answer = change(client, old, new, again)
    assert answer.status_code == 200
    assert message in answer.text
    assert "This password" not in answer.text
    assert entries(Trail.PASSWORD_CHANGED) == []


def test_who_has_a_temporary_password_sets_an_own_one_before_anything_else(client, cast):
    cast.wang_fang.password_is_temporary = True
    cast.wang_fang.save()
    sign_in(client)
    assert client.get("/inbox/").url == "/password/"
    assert client.get("/password/").status_code == 200
    change(client)
    assert client.get("/inbox/").status_code == 200
