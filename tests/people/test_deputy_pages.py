"""The pages of deputies and handing over: of those who lead, and of the administrators."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from people import actions
from people.choices import Role
from people.models import Posting, User
from projects.models import Project
from tests.api.unchanged import nothing_changes
from tests.cast import again, person
from tests.governance.test_admin_access import EVERYBODY
from tests.projects import stages as project_stages

PERIOD = {"starts_on": "2025-03-10", "ends_on": "2025-03-14"}


@pytest.fixture(autouse=True)
def _monday(time_machine):
    time_machine.move_to("2025-03-03T09:00:00+08:00")


@pytest.fixture
def head(client, cast):
    """郑华, who heads 城建办 with 吴洋 and 冯刚 as handlers."""
    client.force_login(cast.zheng_hua)
    return client


@pytest.fixture
def officer(client, cast):
    """赵敏, in whose community 王芳 and 马丽 work."""
    client.force_login(cast.zhao_min)
    return client


@pytest.fixture
def security(client, cast):
    client.force_login(cast.ding_yi)
    return client


def held(user, role=None):
    postings = user.postings.filter(deputises_for=None)
    return postings.get(role=role) if role else postings.get()


def deputy_of(cast, **changes):
    period = {"starts_on": date(2025, 3, 10), "ends_on": date(2025, 3, 14), **changes}
    return actions.appoint_deputy(
        by=again(cast.zhao_min), posting=held(cast.wang_fang), user=cast.ma_li, **period
    )


# --- whose pages they are ---


@pytest.mark.parametrize("name", EVERYBODY)
def test_the_page_is_for_heads_and_community_officers(client, cast, name):
    client.force_login(cast.people[name])
    expected = 200 if name in ("zhao_min", "luo_bin") else 403
    assert client.get("/deputies/").status_code == expected
    assert ("AB岗" in client.get("/inbox/").text) is (expected == 200)


def test_it_lists_those_whom_one_leads(head, cast):
    page = head.get("/deputies/")
    assert {posting.user for posting in page.context["postings"]} == {cast.wu_yang, cast.feng_gang}


def test_it_shows_the_deputies_of_now_and_to_come_and_no_former_ones(officer, cast, time_machine):
    deputy_of(cast, starts_on=date(2025, 3, 3), ends_on=date(2025, 3, 4))
    time_machine.move_to("2025-03-05T09:00:00+08:00")
    officer.force_login(cast.zhao_min)
    deputy_of(cast, starts_on=date(2025, 3, 5), ends_on=date(2025, 3, 6))
    deputy_of(cast)
    page = officer.get("/deputies/").text
    assert "2025-03-04" not in page
    assert "代理中" in page
    assert "未开始" in page


def test_it_lists_who_left_lately_and_whose_account_is_closed(officer, cast):
    cast.wang_fang.postings.update(ends_on=date(2025, 3, 1))
    User.objects.filter(pk=cast.ma_li.pk).update(is_active=False)
    page = officer.get("/deputies/")
    assert {posting.user for posting in page.context["gone"]} == {cast.wang_fang, cast.ma_li}
    assert not page.context["postings"]


def test_the_number_of_queries_does_not_grow_with_the_people(officer, cast):
    def queries():
        officer.get("/deputies/")  # what is kept in memory is read
        with CaptureQueriesContext(connection) as captured:
            assert officer.get("/deputies/").status_code == 200
        return len(captured)

    def more(number):
        for _ in range(number):
            count = User.objects.count()
            worker, deputy = (
                person(f"{name}_{count}", "组员", Role.GRID_WORKER, cast.longxi_grid_2)
                for name in ("worker", "deputy")
            )
            deputy.postings.update(place=cast.jinshan_grid_1)
            actions.appoint_deputy(
                by=cast.ding_yi,
                posting=held(worker),
                user=deputy,
                starts_on=date(2025, 3, 3),
                ends_on=date(2025, 3, 4),
            )

    more(3)
    before = queries()
    more(27)
    assert queries() == before


@pytest.mark.parametrize("page", ["appoint", "hand-over"])
def test_the_people_of_others_are_not_found(head, cast, page):
    for name in ("wang_fang", "xu_lei", "zheng_hua"):
        assert head.get(f"/deputies/{held(cast.people[name]).pk}/{page}/").status_code == 404


# --- appointing ---


def test_a_head_appoints_a_deputy_from_the_towns_units(head, cast):
    url = reverse("deputy_appoint", args=[held(cast.wu_yang).pk])
    page = head.get(url)
    assert list(page.context["form"].fields["user"].queryset) == [cast.xu_lei]
    answer = head.post(url, {"user": cast.xu_lei.pk, **PERIOD})
    assert (answer.status_code, answer.url) == (302, "/deputies/")
    deputy = Posting.objects.get(deputises_for=held(cast.wu_yang))
    assert (deputy.user, deputy.ends_on) == (cast.xu_lei, date(2025, 3, 14))
    assert "徐磊" in head.get("/deputies/").text


@pytest.mark.parametrize(
    ("changes", "message", "status"),
    [
        ({"starts_on": "2025-03-02"}, "不能早于今天", 422),
        ({"ends_on": "2025-03-09"}, "结束日期不能早于开始日期", 422),
        ({"ends_on": ""}, "必填", 400),
        ({"user": ""}, "必填", 400),
        ({"user": "he_jun"}, "不在可用的选项中", 400),
    ],
)
def test_a_bad_appointment_is_shown_again_with_the_reason(head, cast, changes, message, status):
    data = {"user": cast.xu_lei.pk, **PERIOD, **changes}
    if data["user"] == "he_jun":
        data["user"] = cast.he_jun.pk
    url = reverse("deputy_appoint", args=[held(cast.wu_yang).pk])
    with nothing_changes():
        answer = head.post(url, data)
    assert answer.status_code == status
    assert message in answer.text


def test_where_there_is_nobody_to_choose_the_page_says_who_can_help(client, cast):
    client.force_login(cast.luo_bin)
    page = client.get(reverse("deputy_appoint", args=[held(cast.he_jun).pk]))
    assert "请联系安全管理员" in page.text


# --- ending ---


def test_a_deputy_ends_early_on_the_page(officer, cast, time_machine):
    deputy = deputy_of(cast)
    time_machine.move_to("2025-03-11T09:00:00+08:00")
    officer.force_login(cast.zhao_min)
    url = reverse("deputy_end", args=[deputy.pk])
    assert "提前结束" in officer.get(url).text
    assert officer.post(url, {"ends_on": "2025-03-10"}).status_code == 422
    assert officer.post(url, {"ends_on": "2025-03-12"}).status_code == 302
    deputy.refresh_from_db()
    assert deputy.ends_on == date(2025, 3, 12)


def test_a_deputy_who_has_not_begun_is_withdrawn_on_the_page(officer, cast):
    deputy = deputy_of(cast)
    url = reverse("deputy_end", args=[deputy.pk])
    assert "撤回" in officer.get(url).text
    assert officer.post(url).status_code == 302
    assert not Posting.objects.filter(pk=deputy.pk).exists()


def test_only_what_is_a_deputy_and_not_over_is_ended_there(officer, cast, time_machine):
    deputy = deputy_of(cast)
    time_machine.move_to("2025-03-15T09:00:00+08:00")
    officer.force_login(cast.zhao_min)
    for posting in (deputy, held(cast.wang_fang)):
        assert officer.post(reverse("deputy_end", args=[posting.pk])).status_code == 404


# --- handing over ---


def test_a_head_hands_over_on_the_page(head, cast):
    url = reverse("deputy_hand_over", args=[held(cast.wu_yang).pk])
    assert "没有未办结的工作" in head.get(url).text
    project = project_stages.published(cast, project_owner=cast.wu_yang)
    assert "现有 1 个攻坚项目" in head.get(url).text
    assert head.post(url, {"successor": cast.xu_lei.pk}).status_code == 400
    assert head.post(url, {"successor": cast.feng_gang.pk}).status_code == 302
    assert Project.objects.get(pk=project.pk).project_owner == cast.feng_gang
    assert head.post(url, {"successor": cast.feng_gang.pk}).status_code == 422


# --- the administrators ---


def test_the_security_administrator_ends_a_posting_and_hands_over_in_one_step(security, cast):
    gu_yan = person("gu_yan", "顾燕", Role.TOWN_LEADER, cast.changqiao)
    project = project_stages.published(cast)
    url = reverse("admin:people_posting_change", args=[held(cast.zhou_wei).pk])
    page = security.get(url).text
    assert "1 个攻坚项目" in page
    refused = security.post(url, {"ends_on": "2025-03-31"})
    assert "周伟还有 1 个攻坚项目，请选择接手人" in refused.text
    assert held(cast.zhou_wei).ends_on is None
    answer = security.post(url, {"ends_on": "2025-03-31", "successor": gu_yan.pk})
    assert answer.status_code == 302
    assert Project.objects.get(pk=project.pk).project_owner == gu_yan
    assert held(cast.zhou_wei).ends_on == date(2025, 3, 31)


def test_the_security_administrator_appoints_a_deputy_for_anybody(security, cast):
    posting = held(cast.sun_li)
    url = reverse("admin:people_posting_deputy", args=[posting.pk])
    assert url in security.get(reverse("admin:people_posting_change", args=[posting.pk])).text
    assert security.post(url, {"user": cast.chen_jing.pk, **PERIOD}).status_code == 302
    deputy = Posting.objects.get(deputises_for=posting)
    assert deputy.user == cast.chen_jing
    page = security.get(reverse("admin:people_posting_change", args=[posting.pk])).text
    assert "陈静" in page
    assert "代孙丽" in security.get(reverse("admin:people_posting_changelist")).text
    assert "代孙丽" in security.get(reverse("admin:people_posting_change", args=[deputy.pk])).text


def test_the_list_of_postings_tells_deputies_apart(security, cast):
    deputy = deputy_of(cast)
    url = reverse("admin:people_posting_changelist")
    shown = security.get(f"{url}?deputy=yes").context["cl"].queryset
    assert list(shown) == [deputy]
    assert deputy not in security.get(f"{url}?deputy=no").context["cl"].queryset


def test_an_administrator_is_offered_no_deputy(security, cast):
    posting = held(cast.bai_jie)
    page = security.get(reverse("admin:people_posting_change", args=[posting.pk])).text
    assert "任命代理人" not in page
    url = reverse("admin:people_posting_deputy", args=[posting.pk])
    assert security.post(url, {"user": cast.chen_jing.pk, **PERIOD}).status_code == 422


def test_the_security_administrator_hands_over_what_somebody_left(security, cast):
    gu_yan = person("gu_yan", "顾燕", Role.TOWN_LEADER, cast.changqiao)
    project = project_stages.published(cast)
    cast.zhou_wei.postings.update(ends_on=date(2025, 3, 2))
    change = reverse("admin:people_posting_change", args=[held(cast.zhou_wei).pk])
    url = reverse("admin:people_posting_hand_over", args=[held(cast.zhou_wei).pk])
    assert url in security.get(change).text
    assert security.post(url, {"successor": gu_yan.pk}).status_code == 302
    assert Project.objects.get(pk=project.pk).project_owner == gu_yan


@pytest.mark.parametrize("name", EVERYBODY)
def test_only_the_security_administrator_opens_the_forms_of_a_posting(client, cast, name):
    client.force_login(cast.people[name])
    expected = 200 if name == "ding_yi" else 403
    for page in ("deputy", "hand_over"):
        url = reverse(f"admin:people_posting_{page}", args=[held(cast.wang_fang).pk])
        assert client.get(url).status_code == expected


def test_the_system_administrator_closes_an_account_with_a_successor(client, cast):
    gu_yan = person("gu_yan", "顾燕", Role.TOWN_LEADER, cast.changqiao)
    project = project_stages.published(cast)
    client.force_login(cast.ma_chao)
    url = reverse("admin:people_user_change", args=[cast.zhou_wei.pk])
    page = client.get(url)
    assert "长桥街道 镇街分管领导：1 个攻坚项目" in page.text
    assert client.post(url, {"full_name": "周伟", "successor": gu_yan.pk}).status_code == 302
    assert not again(cast.zhou_wei).is_active
    assert Project.objects.get(pk=project.pk).project_owner == gu_yan
