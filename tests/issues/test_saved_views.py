"""Saved views: one person's names for queues and filters of the desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from core.errors import NotFoundHere, Refused
from issues import saved_views
from issues.models import SavedView
from tests.cast import Cast, again

DESK = "/issues/desk/"


@pytest.fixture
def sign_in(client: Client, cast: Cast) -> Callable[[str], Client]:
    def as_person(name: str) -> Client:
        client.force_login(again(cast.people[name]))
        return client

    return as_person


def html(response: Any, status: int = 200) -> str:
    text = response.content.decode()
    assert response.status_code == status, text
    return text


def test_a_view_keeps_queue_and_filters_and_forgets_case_and_position(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    client = sign_in("sun_li")
    query = f"urgency=urgent&queue=all&case=7&after=x&junk=1&town={cast.mudu.pk}&q="
    response = client.post(f"{DESK}views/save/?{query}", {"name": "  木渎  紧急 "})
    kept = f"queue=all&town={cast.mudu.pk}&urgency=urgent"
    assert (response.status_code, response["Location"]) == (302, f"{DESK}?{kept}")
    view = SavedView.objects.get()
    assert (view.user, view.name, view.query) == (cast.sun_li, "木渎 紧急", kept)
    page = html(client.get(response["Location"]))
    assert "已存为视图“木渎 紧急”" in page
    assert "我的视图：木渎 紧急" in page


def test_views_are_ones_own(sign_in: Callable[[str], Client], cast: Cast) -> None:
    view = saved_views.save(by=cast.sun_li, name="紧急", query="urgency=urgent")
    client = sign_in("chen_jing")
    assert "紧急" not in html(client.get(f"{DESK}views/")).replace("紧急程度", "")
    for step in ("rename", "delete"):
        response = client.post(f"{DESK}views/{view.pk}/{step}/", {"name": "改"})
        assert response.status_code == 404
    assert SavedView.objects.get() == view
    with pytest.raises(NotFoundHere):
        saved_views.rename(view.pk, by=cast.chen_jing, name="改")
    with pytest.raises(NotFoundHere):
        saved_views.delete(view.pk, by=cast.chen_jing)


def test_two_people_may_use_the_same_name_and_one_person_may_not(cast: Cast) -> None:
    saved_views.save(by=cast.sun_li, name="紧急", query="")
    saved_views.save(by=cast.chen_jing, name="紧急", query="")
    with pytest.raises(Refused, match="已有同名视图"):
        saved_views.save(by=cast.sun_li, name=" 紧急 ", query="queue=all")
    assert SavedView.objects.count() == 2


def test_a_view_is_renamed_and_keeps_its_own_name(cast: Cast) -> None:
    first = saved_views.save(by=cast.sun_li, name="甲", query="")
    second = saved_views.save(by=cast.sun_li, name="乙", query="queue=all")
    with pytest.raises(Refused, match="已有同名视图"):
        saved_views.rename(second.pk, by=cast.sun_li, name="甲")
    assert saved_views.rename(second.pk, by=cast.sun_li, name="乙").name == "乙"
    assert saved_views.rename(first.pk, by=cast.sun_li, name="丙").name == "丙"


def test_twenty_views_are_the_most(cast: Cast) -> None:
    for number in range(saved_views.MOST):
        saved_views.save(by=cast.sun_li, name=f"视图 {number}", query="")
    with pytest.raises(Refused, match="最多保存 20 个视图"):
        saved_views.save(by=cast.sun_li, name="多一个", query="")
    saved_views.delete(SavedView.objects.latest("pk").pk, by=cast.sun_li)
    saved_views.save(by=cast.sun_li, name="多一个", query="")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "请填写视图名称"),
        ("　 ", "请填写视图名称"),
        ("字" * 21, "最多 20 个字"),
        ("a\x00b", "不能显示"),
    ],
)
def test_a_wrong_name_is_answered_with_a_sentence_and_the_filters_are_kept(
    sign_in: Callable[[str], Client], cast: Cast, name: str, words: str
) -> None:
    page = html(sign_in("sun_li").post(f"{DESK}views/save/?urgency=urgent", {"name": name}), 422)
    assert words in page
    assert f'action="{DESK}views/save/?urgency=urgent"' in page
    assert not SavedView.objects.exists()


def test_a_wrong_new_name_is_shown_beside_its_view(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    view = saved_views.save(by=cast.sun_li, name="甲", query="")
    saved_views.save(by=cast.sun_li, name="乙", query="")
    page = html(sign_in("sun_li").post(f"{DESK}views/{view.pk}/rename/", {"name": "乙"}), 422)
    assert "已有同名视图" in page
    view.refresh_from_db()
    assert view.name == "甲"


def test_a_deleted_view_is_gone_from_the_menu(sign_in: Callable[[str], Client], cast: Cast) -> None:
    view = saved_views.save(by=cast.sun_li, name="旧视图", query="queue=all")
    client = sign_in("sun_li")
    assert "旧视图" in html(client.get(DESK))
    assert client.post(f"{DESK}views/{view.pk}/delete/").status_code == 302
    client.get(f"{DESK}views/")
    assert "旧视图" not in html(client.get(DESK))


def test_conditions_that_are_too_long_are_refused(cast: Cast) -> None:
    with pytest.raises(Refused, match="条件太多"):
        saved_views.save(by=cast.sun_li, name="长", query="q=" + "x" * 500)
