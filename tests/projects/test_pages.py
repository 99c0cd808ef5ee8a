"""The project pages: each role's answer, bad input, and a query count that does not grow."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from projects.choices import Status
from projects.models import Project, ProjectAspect
from tests.cast import Cast
from tests.issues.moments import at
from tests.projects.stages import completed, data, drafted, published
from tests.queries import queries_of

SOON = date(2099, 1, 1)


@pytest.fixture
def signed_in(client: Client):
    def sign_in(user) -> Client:
        client.force_login(user)
        return client

    return sign_in


def posted(cast: Cast, **changes: Any) -> dict[str, Any]:
    """A draft as a browser sends it."""
    values = data(cast, due_date=SOON, **changes)
    return {
        name: getattr(value, "pk", value) if value is not None else ""
        for name, value in values.items()
    }


def page(client: Client, step: str, project: Project | None = None, /, **sent: Any):
    url = reverse(f"projects:{step}", args=[project.pk] if project else [])
    return client.post(url, sent) if sent else client.get(url)


def test_the_list_shows_what_its_reader_may_see(cast: Cast, signed_in) -> None:
    published(cast)
    published(cast, name="木渎公交线路优化", place=cast.mudu, area=None)

    answer = page(signed_in(cast.tang_jie), "list")

    assert answer.status_code == 200
    assert "木渎公交线路优化" in answer.text
    assert "李家角停车泊位挖潜" not in answer.text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"泊位", "街巷", "公交"}),
        ("status=all", {"泊位", "街巷", "公交", "完工"}),
        ("status=done", {"完工"}),
        ("year=2025", {"泊位", "街巷", "完工"}),
        ("category=environment", {"泊位", "街巷"}),
        ("status=draft", {"街巷"}),
        ("lamp=red", {"泊位"}),
        ("year=2026", {"公交"}),
        ("q=道闸", {"泊位", "街巷", "公交", "完工"}),
        ("town={mudu}", {"公交"}),
        ("lead_department={water}", {"公交"}),
    ],
)
def test_the_list_can_be_filtered(cast: Cast, signed_in, query: str, expected: set[str]) -> None:
    published(cast, name="泊位")
    drafted(cast, name="街巷")
    completed(cast, "2025-06-20", name="完工")
    published(
        cast,
        name="公交",
        aspect=ProjectAspect.objects.get(name="公交线路优化"),
        year=2026,
        place=cast.mudu,
        area=None,
        lead_department=cast.water,
        due_date=SOON,
    )
    query = query.format(mudu=cast.mudu.pk, water=cast.water.pk)

    answer = signed_in(cast.sun_li).get(f"{reverse('projects:list')}?{query}")

    assert {row.name for row in answer.context["page"].rows} == expected


@pytest.mark.parametrize("query", ["status=gone", "year=abc", "year=1e9", "town=999999", "sort=x"])
def test_a_filter_of_the_wrong_form_is_answered_with_400(cast: Cast, signed_in, query: str) -> None:
    answer = signed_in(cast.sun_li).get(f"{reverse('projects:list')}?{query}")

    assert answer.status_code == 400


def test_the_five_elements_stand_on_the_page_one_by_one(cast: Cast, signed_in) -> None:
    answer = page(signed_in(cast.sun_li), "detail", drafted(cast, project_owner=None))

    elements = {entry["name"]: entry["value"] for entry in answer.context["elements"]}
    assert list(elements) == ["项目内容", "牵头部门", "责任单位", "项目负责人", "完成时限"]
    assert elements["项目负责人"] is None
    assert "五要素还缺：项目负责人" in answer.text


def test_a_project_outside_ones_scope_is_not_found(cast: Cast, signed_in) -> None:
    assert page(signed_in(cast.tang_jie), "detail", published(cast)).status_code == 404


@pytest.mark.parametrize("who", ["ma_chao", "ding_yi", "bai_jie"])
def test_administrators_see_no_projects(cast: Cast, signed_in, who: str) -> None:
    client = signed_in(cast.people[who])

    assert page(client, "list").status_code == 403
    assert page(client, "detail", published(cast)).status_code == 403


def test_without_signing_in_one_is_sent_to_the_sign_in(cast: Cast, client: Client) -> None:
    assert page(client, "list").status_code == 302


def test_a_draft_is_written_edited_and_published_on_its_pages(cast: Cast, signed_in) -> None:
    client = signed_in(cast.sun_li)

    answer = page(client, "create", **posted(cast, project_owner=None))
    project = Project.objects.get()
    assert answer.url == project.get_absolute_url()

    refused = page(client, "publish", project, expected_version=1)
    assert refused.status_code == 422
    assert "还缺：项目负责人" in refused.text

    edited = page(client, "edit", project, expected_version=1, **posted(cast))
    assert edited.status_code == 302

    page(client, "publish", project, expected_version=2)
    project.refresh_from_db()
    assert project.status == Status.PUBLISHED


def test_progress_and_acceptance_are_given_on_the_page(cast: Cast, signed_in) -> None:
    project = published(cast)
    client = signed_in(cast.zhou_wei)

    page(client, "progress", project, expected_version=2, percent=40, text="地面已硬化。")
    assert "地面已硬化。" in page(client, "detail", project).text

    client = signed_in(cast.sun_li)
    page(client, "complete", project, expected_version=3, completed_on="2025-06-20", text="合格")
    project.refresh_from_db()
    assert project.completed_on == date(2025, 6, 20)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"name": "长" * 81},
        {"aspect": "999999"},
        {"aspect": "x"},
        {"year": "1e3"},
        {"year": "99999"},
        {"place": "99999999999999999999"},
        {"due_date": "2025-02-30"},
        {"due_date": "9999-12-31"},
        {"due_date": "0001-01-01"},
        {"content": "长" * 2001},
        {"target": "\x00"},
        {"lead_department": "-1"},
        {"project_owner": "0"},
    ],
)
def test_bad_input_is_said_and_writes_nothing(
    cast: Cast, signed_in, changes: dict[str, str]
) -> None:
    answer = page(signed_in(cast.sun_li), "create", **{**posted(cast), **changes})

    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == changes.keys()
    assert not Project.objects.exists()


def test_a_grid_worker_or_an_administrator_cannot_be_the_owner(cast: Cast, signed_in) -> None:
    client = signed_in(cast.sun_li)
    for user in (cast.wang_fang, cast.bai_jie):
        answer = page(client, "create", **{**posted(cast), "project_owner": user.pk})
        assert "project_owner" in answer.context["form"].errors


@pytest.mark.parametrize("version", ["", "x", "-1", "1e3", "9" * 30])
def test_a_step_without_a_proper_version_is_malformed(cast: Cast, signed_in, version: str) -> None:
    project = published(cast)

    answer = page(
        signed_in(cast.zhou_wei),
        "progress",
        project,
        expected_version=version,
        percent=40,
        text="好",
    )

    assert answer.status_code == 400
    assert not project.progress.exists()


@pytest.mark.parametrize("percent", ["101", "-1", "x", "40.5", ""])
def test_a_percent_that_is_none_is_refused(cast: Cast, signed_in, percent: str) -> None:
    project = published(cast)
    client = signed_in(cast.zhou_wei)

    answer = page(client, "progress", project, expected_version=2, percent=percent, text="好")

    assert answer.status_code == 400
    assert not project.progress.exists()


def test_a_stale_page_is_told_so(cast: Cast, signed_in) -> None:
    project = published(cast)

    answer = page(
        signed_in(cast.zhou_wei), "progress", project, expected_version=1, percent=40, text="好"
    )

    assert answer.status_code == 409
    assert "刷新" in answer.text


@pytest.mark.parametrize(
    ("who", "create", "detail", "publish", "progress"),
    [
        ("sun_li", 200, 200, 422, 403),
        ("chen_jing", 200, 200, 422, 403),
        ("qian_jin", 403, 200, 403, 403),
        ("zhou_wei", 403, 200, 403, 302),
        ("he_jun", 403, 200, 403, 302),
        ("wang_fang", 403, 404, 404, 404),
        ("tang_jie", 200, 404, 404, 404),
        ("lin_tao", 403, 404, 404, 404),
        ("bai_jie", 403, 403, 403, 403),
    ],
)
def test_each_role_gets_its_answer(
    cast: Cast, signed_in, who: str, create: int, detail: int, publish: int, progress: int
) -> None:
    project = published(cast)
    client = signed_in(cast.people[who])

    assert page(client, "create").status_code == create
    assert page(client, "detail", project).status_code == detail
    assert page(client, "publish", project, expected_version=2).status_code == publish
    sent = {"expected_version": 2, "percent": 10, "text": "开工"}
    assert page(client, "progress", project, **sent).status_code == progress


def test_words_of_any_script_survive(cast: Cast, signed_in) -> None:
    project = published(cast)
    words = "完工🎉𠮷 <script>alert(1)</script>"
    client = signed_in(cast.zhou_wei)

    page(client, "progress", project, expected_version=2, percent=40, text=words)

    assert project.progress.get().text == words
    assert "<script>alert" not in page(client, "detail", project).text


def test_the_list_costs_the_same_for_many_projects(cast: Cast, signed_in) -> None:
    client = signed_in(cast.sun_li)
    published(cast)
    few = queries_of(lambda: page(client, "list"))
    for n in range(12):
        published(cast, name=f"项目{n}")

    assert queries_of(lambda: page(client, "list")) == few


def test_the_page_of_a_project_costs_the_same_after_many_reports(cast: Cast, signed_in) -> None:
    client = signed_in(cast.zhou_wei)
    project = published(cast)
    project.progress.create(by=cast.zhou_wei, percent=1, text="一", at=at("2025-03-10"))
    few = queries_of(lambda: page(client, "detail", project))
    for n in range(12):
        moment = at("2025-03-11") + timedelta(n)
        project.progress.create(by=cast.zhou_wei, percent=n, text="二", at=moment)

    assert queries_of(lambda: page(client, "detail", project)) == few
