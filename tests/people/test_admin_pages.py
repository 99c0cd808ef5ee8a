"""The admin pages of accounts and postings, as the administrators use them."""

from datetime import date

import pytest
from django.urls import reverse

from core.models import AuditEntry
from people.choices import Role
from people.models import Posting, User
from people.trail import Trail
from tests.cast import again

TEMPORARY = "Linshi-2025!"


@pytest.fixture
def system(client, cast):
    client.force_login(cast.ma_chao)
    return client


@pytest.fixture
def security(client, cast):
    client.force_login(cast.ding_yi)
    return client


def new_account(client, **changes):
    data = {
        "username": "gu.yan",
        "full_name": "顾燕",
        "password": TEMPORARY,
        "password_again": TEMPORARY,
    }
    return client.post(reverse("admin:people_user_add"), {**data, **changes})


def test_the_system_administrator_creates_an_account(system, cast):
    answer = new_account(system)
    user = User.objects.get(username="gu.yan")
    assert answer.status_code == 302
    assert user.check_password(TEMPORARY)
    assert user.password_is_temporary
    assert AuditEntry.objects.get(action=Trail.CREATED).actor == cast.ma_chao


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"username": "wang_fang"}, "已被使用"),
        ({"password": "short", "password_again": "short"}, "密码太短"),
        ({"password_again": "Another-2025!"}, "不一致"),
        ({"full_name": ""}, "必填"),
    ],
)
def test_a_bad_account_is_shown_again_with_the_reason(system, changes, message):
    answer = new_account(system, **changes)
    assert message in answer.text
    assert not User.objects.filter(username="gu.yan").exists()


def test_the_system_administrator_renames_deactivates_and_activates(system, cast):
    url = reverse("admin:people_user_change", args=[cast.wang_fang.pk])
    system.post(url, {"full_name": "王芬"})  # the box "active" is left empty
    assert again(cast.wang_fang).full_name == "王芬"
    assert not again(cast.wang_fang).is_active
    system.post(url, {"full_name": "王芬", "is_active": "on"})
    assert again(cast.wang_fang).is_active
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {Trail.RENAMED, Trail.DEACTIVATED, Trail.ACTIVATED} <= actions


def test_an_administrator_is_not_deactivated_there(system, cast):
    url = reverse("admin:people_user_change", args=[cast.bai_jie.pk])
    answer = system.post(url, {"full_name": "白洁"})
    assert answer.status_code == 403
    assert "安全管理员" in answer.text
    assert again(cast.bai_jie).is_active


def test_the_system_administrator_resets_a_password(system, cast):
    url = reverse("admin:people_user_password", args=[cast.wang_fang.pk])
    assert system.get(url).status_code == 200
    answer = system.post(url, {"password": TEMPORARY, "password_again": TEMPORARY})
    assert answer.status_code == 302
    assert again(cast.wang_fang).check_password(TEMPORARY)


@pytest.mark.parametrize(
    ("name", "password", "password_again", "message"),
    [
        ("wang_fang", "short", "short", "密码太短"),
        ("wang_fang", TEMPORARY, "Another-2025!", "不一致"),
        ("bai_jie", TEMPORARY, TEMPORARY, "本人"),
    ],
)
def test_a_bad_reset_changes_nothing(system, cast, name, password, password_again, message):
    user = cast.people[name]
    url = reverse("admin:people_user_password", args=[user.pk])
    answer = system.post(url, {"password": password, "password_again": password_again})
    assert answer.status_code == 422
    assert message in answer.text
    assert again(user).password == user.password


def test_no_page_of_accounts_shows_a_telephone_number(system, cast):
    cast.wang_fang.phone = "12800001111"
    cast.wang_fang.save()
    for url in (
        reverse("admin:people_user_changelist"),
        reverse("admin:people_user_change", args=[cast.wang_fang.pk]),
    ):
        page = system.get(url).text
        assert "王芳" in page
        assert "12800001111" not in page


def appoint(client, user, role, **where):
    data = {"user": user.pk, "role": role, "starts_on": "2025-01-01"}
    return client.post(reverse("admin:people_posting_add"), {**data, **where})


def test_the_security_administrator_appoints(security, cast):
    user = User.objects.create(username="gu.yan", full_name="顾燕")
    answer = appoint(security, user, Role.GRID_WORKER, place=cast.longxi_grid_1.pk)
    assert answer.status_code == 302
    assert user.postings.get().starts_on == date(2025, 1, 1)
    assert AuditEntry.objects.get(action=Trail.APPOINTED).actor == cast.ding_yi


@pytest.mark.parametrize(
    ("name", "role", "message"),
    [
        ("ma_li", Role.TOWN_DISPATCHER, "只能任职于镇（街道）一级"),
        ("bai_jie", Role.GRID_WORKER, "三员使用专用账号"),
        ("ding_yi", Role.GRID_WORKER, "不能任命自己"),
    ],
)
def test_an_appointment_against_the_rules_is_shown_again_with_the_reason(
    security, cast, name, role, message
):
    before = Posting.objects.count()
    answer = appoint(security, cast.people[name], role, place=cast.longxi_grid_1.pk)
    assert message in answer.text
    assert Posting.objects.count() == before


def test_the_security_administrator_ends_a_posting_and_changes_nothing_else(
    security, cast, time_machine
):
    time_machine.move_to("2025-03-03T09:00:00+08:00")
    posting = cast.wang_fang.postings.get()
    url = reverse("admin:people_posting_change", args=[posting.pk])
    assert security.get(url).status_code == 200
    too_early = security.post(url, {"ends_on": "2025-03-02"})
    assert "不能早于今天" in too_early.text
    answer = security.post(url, {"ends_on": "2025-03-31", "role": Role.TOWN_LEADER})
    assert answer.status_code == 302
    posting.refresh_from_db()
    assert posting.ends_on == date(2025, 3, 31)
    assert posting.role == Role.GRID_WORKER


def test_a_posting_that_is_over_is_shown_and_not_changed(security, cast):
    cast.wang_fang.postings.update(ends_on=date(2024, 12, 31))
    url = reverse("admin:people_posting_change", args=[cast.wang_fang.postings.get().pk])
    assert security.get(url).status_code == 200
    assert security.post(url, {"ends_on": "2030-01-01"}).status_code == 403


def test_the_pickers_find_people_places_and_organisations(security, cast):
    for field, term, found in (
        ("user", "王芳", "王芳"),
        ("place", "龙西一", "龙西一格"),
        ("organisation", "住建", "吴中区住建局"),
    ):
        answer = security.get(
            reverse("admin:autocomplete"),
            {"app_label": "people", "model_name": "posting", "field_name": field, "term": term},
        )
        assert [row["text"] for row in answer.json()["results"]] == [found]
