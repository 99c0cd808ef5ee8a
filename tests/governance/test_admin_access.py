"""Which role opens which admin page. The table is written by hand."""

import pytest
from django.contrib import admin
from django.urls import reverse

from people.choices import Role

# page: who may look at it, and who may write there
PAGES = {
    "people_user": ({"ma_chao", "ding_yi"}, {"ma_chao"}),
    "people_posting": ({"ding_yi"}, {"ding_yi"}),
    "people_organisation": ({"ding_yi"}, set()),
    "areas_place": ({"ding_yi"}, set()),
    "core_workday": ({"sun_li"}, {"sun_li"}),
    "core_calendaryear": ({"sun_li"}, {"sun_li"}),
    "issues_category": ({"sun_li"}, {"sun_li"}),
    "issues_timelimit": ({"sun_li"}, {"sun_li"}),
}
STAFF = {"ma_chao", "ding_yi", "sun_li"}
# One person per role.
EVERYBODY = [
    *("wang_fang", "zhao_min", "chen_jing", "zhou_wei", "he_jun", "luo_bin", "sun_li", "qian_jin"),
    *("xu_ning", "shen_lan", "han_mei", "cao_xue", "ma_chao", "ding_yi", "bai_jie"),
]


def test_the_table_has_a_person_of_every_role(cast):
    assert {role for name in EVERYBODY for role in cast.people[name].roles} == set(Role)


@pytest.mark.parametrize("name", EVERYBODY)
def test_an_admin_page_opens_to_its_roles_alone(client, cast, name):
    client.force_login(cast.people[name])
    expected = {"admin:index": 200 if name in STAFF else 403}
    for page, (viewers, editors) in PAGES.items():
        expected[f"admin:{page}_changelist"] = 200 if name in viewers else 403
        expected[f"admin:{page}_add"] = 200 if name in editors else 403
    assert {page: client.get(reverse(page)).status_code for page in expected} == expected


@pytest.mark.parametrize("name", EVERYBODY)
def test_only_the_system_administrator_opens_the_password_reset(client, cast, name):
    client.force_login(cast.people[name])
    url = reverse("admin:people_user_password", args=[cast.ma_li.pk])
    expected = 200 if name == "ma_chao" else 403
    assert client.get(url).status_code == expected


def test_who_is_not_signed_in_is_led_to_the_sign_in_page(client, db):
    for page in ["admin:index", *(f"admin:{page}_changelist" for page in PAGES)]:
        url = reverse(page)
        assert client.get(url).url == f"/login/?next={url}"


@pytest.mark.parametrize("name", sorted(STAFF))
def test_admin_pages_of_installed_packages_are_open_to_nobody(client, cast, name):
    client.force_login(cast.people[name])
    foreign = [model for model in admin.site._registry if not is_ours(model)]
    assert foreign
    for model in foreign:
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert client.get(url).status_code == 403


def test_every_admin_page_of_ours_stands_in_the_table():
    ours = {m._meta.label_lower.replace(".", "_") for m in admin.site._registry if is_ours(m)}
    assert ours == set(PAGES)


def is_ours(model):
    ours = {"core", "areas", "people", "issues", "projects", "meetings"}
    return model._meta.app_label in ours


@pytest.mark.parametrize("name", sorted(STAFF))
def test_nothing_is_deleted_in_the_admin(client, cast, name):
    client.force_login(cast.people[name])
    for page, url in {
        "people_user": reverse("admin:people_user_delete", args=[cast.ma_li.pk]),
        "people_posting": reverse("admin:people_posting_delete", args=[1]),
        "issues_category": reverse("admin:issues_category_delete", args=[cast.sewage.pk]),
        "core_calendaryear": reverse("admin:core_calendaryear_delete", args=[2025]),
    }.items():
        assert client.post(url, {"post": "yes"}).status_code in (302, 403, 404), page
    assert type(cast.ma_li).objects.filter(pk=cast.ma_li.pk).exists()
    assert type(cast.sewage).objects.filter(pk=cast.sewage.pk).exists()


def test_the_admin_has_no_sign_in_and_no_password_page_of_its_own(client, cast):
    assert client.get("/admin/login/").url == "/login/"
    client.force_login(cast.sun_li)
    assert client.get("/admin/password_change/").url == "/password/"
