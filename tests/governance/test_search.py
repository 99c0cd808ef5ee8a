"""The search page: what it shows of what was found, and to whom."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.html import strip_tags

from areas.models import ComplexArea
from core import keyset, search
from core.search import TOO_SHORT, highlighted, passage
from issues.models import Issue
from people.models import User
from tests.cast import Cast
from tests.projects import stages


def page(user: User, text: str, status: int = 200) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get("/search/", {"q": text})
    assert answer.status_code == status
    return answer.text


def groups(text: str) -> list[str]:
    """``问题 3 件`` and so on."""
    heads = text.split('class="card-title"')[1:]
    return [" ".join(strip_tags("<h2" + head.split("</h2>")[0]).split()) for head in heads]


# --- what is shown ---


def test_cases_areas_and_projects_are_found_by_one_word(cast: Cast) -> None:
    for _ in range(7):
        cast.report(text="李家角村口停车位不足，车辆乱停。")
    stages.published(cast)
    shown = page(cast.chen_jing, "李家角")
    assert groups(shown) == ["问题 7 件", "复杂区域 1 个", "攻坚项目 1 个"]
    assert shown.count('class="list-group-item search-hit"') == 5 + 1 + 1
    assert "/issues/?q=%E6%9D%8E%E5%AE%B6%E8%A7%92&amp;status=all" in shown
    assert groups(page(cast.chen_jing, "停车")) == ["问题 7 件", "攻坚项目 1 个"]
    assert groups(page(cast.chen_jing, "长桥街道 城中村")) == ["复杂区域 1 个"]


def test_the_newest_case_comes_first(cast: Cast) -> None:
    older, newer = cast.report(), cast.report()
    shown = page(cast.chen_jing, "污水井盖")
    assert shown.index(newer.get_absolute_url()) < shown.index(older.get_absolute_url())


def test_the_whole_number_of_a_case_leads_to_the_case(cast: Cast) -> None:
    issue = cast.report()
    client = Client()
    client.force_login(cast.chen_jing)
    answer = client.get("/search/", {"q": f" {issue.number} "})
    assert (answer.status_code, answer.headers["Location"]) == (302, issue.get_absolute_url())
    assert groups(page(cast.chen_jing, issue.number[:8])) == ["问题 1 件"]
    assert "没有找到" in page(cast.tang_jie, issue.number)


def test_each_sees_what_lists_show_them(cast: Cast) -> None:
    cast.report(text="李家角村口停车位不足。")
    stages.drafted(cast)
    assert groups(page(cast.wang_fang, "李家角")) == ["问题 1 件", "复杂区域 1 个"]
    assert groups(page(cast.sun_li, "李家角")) == ["问题 1 件", "复杂区域 1 个", "攻坚项目 1 个"]
    assert "没有找到" in page(cast.tang_jie, "李家角")
    for administrator in (cast.ma_chao, cast.ding_yi, cast.bai_jie):
        assert "不查看业务数据" in page(administrator, "李家角", status=403)


def test_how_many_there_are_is_counted_now_however_common_the_word_was(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MANY", 1)
    cases = [cast.report() for _ in range(3)]
    assert groups(page(cast.chen_jing, "污水井盖")) == ["问题 3 件"]
    Issue.objects.filter(pk=cases[0].pk).update(title="路灯不亮", description="一排路灯不亮。")
    assert groups(page(cast.chen_jing, "污水井盖")) == ["问题 2 件"]


@pytest.mark.parametrize("many", [0, 9])
def test_a_number_stops_where_nobody_counts_any_further(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(search, "MANY", many)
    monkeypatch.setattr(keyset, "COUNT_LIMIT", 2)
    for _ in range(3):
        cast.report()
    assert groups(page(cast.chen_jing, "污水井盖")) == ["问题 2+ 件"]


def test_a_retired_area_is_not_found(cast: Cast) -> None:
    ComplexArea.objects.update(retired_on="2025-01-01")
    assert "没有找到" in page(cast.sun_li, "李家角城中村")


def test_what_an_area_or_a_project_is_called_later_is_what_finds_it(cast: Cast) -> None:
    project = stages.published(cast)
    cast.lijiajiao.name = "新家角城中村"
    cast.lijiajiao.save()
    cast.lijiajiao.communities.add(cast.jinshan)
    type(project).objects.filter(pk=project.pk).update(name="充电桩建设")
    assert groups(page(cast.sun_li, "新家角")) == ["复杂区域 1 个"]
    assert groups(page(cast.tang_jie, "金山社区")) == ["复杂区域 1 个"]
    assert groups(page(cast.sun_li, "充电桩")) == ["攻坚项目 1 个"]
    assert "没有找到" in page(cast.sun_li, "泊位挖潜")
    cast.jinshan.name = "狮山社区"
    cast.jinshan.save()
    cast.longxi.name = "龙南社区"
    cast.longxi.save()
    assert groups(page(cast.sun_li, "狮山社区")) == ["复杂区域 1 个"]
    assert groups(page(cast.sun_li, "龙南社区")) == ["复杂区域 1 个", "攻坚项目 1 个"]


@pytest.mark.parametrize("text", ["井", "%", "- -", "a", "井 盖"])
def test_what_no_index_can_find_is_said_to_be_too_short(cast: Cast, text: str) -> None:
    assert TOO_SHORT in page(cast.chen_jing, text, status=400)


def test_an_empty_box_is_answered_with_what_can_be_searched(cast: Cast) -> None:
    assert "输入要找的文字" in page(cast.chen_jing, "")


def test_a_text_that_is_too_long_or_broken_is_refused(cast: Cast) -> None:
    assert "不能超过 60 个字" in page(cast.chen_jing, "井盖" * 31, status=400)
    page(cast.chen_jing, "井盖\x00", status=400)


def test_the_box_is_on_the_pages_of_those_who_see_business(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.wang_fang)
    assert 'id="search-box"' in client.get("/").text
    client.force_login(cast.bai_jie)
    assert 'id="search-box"' not in client.get("/").text


# --- what a hit shows ---


def test_what_was_looked_for_is_marked_and_everything_is_escaped(cast: Cast) -> None:
    cast.report(text="<script>alert('x')</script>窨井盖&松动。")
    shown = page(cast.chen_jing, "窨井")
    assert "<mark>窨井</mark>盖&amp;松动" in shown
    assert "&lt;script&gt;alert(" in shown
    assert "<script>alert(" not in shown
    assert "<mark>&lt;script</mark>&gt;" in page(cast.chen_jing, "<script")


def test_a_hit_shows_no_telephone_number_that_the_page_of_the_case_masks(cast: Cast) -> None:
    cast.report(text="窨井盖松动，请联系12012345678。", address="3号楼，12012345678")
    shown = page(cast.chen_jing, "窨井")
    assert "120****5678" in shown
    assert "12012345678" not in shown


def test_a_hit_shows_no_telephone_number_of_an_area_or_a_project(cast: Cast) -> None:
    project = stages.published(cast)
    numbered = "停车泊位挖潜，请联系12012345678"
    type(project).objects.filter(pk=project.pk).update(name=numbered, content=numbered)
    ComplexArea.objects.update(name=numbered, summary=numbered)
    shown = page(cast.sun_li, "停车泊位")
    assert groups(shown) == ["复杂区域 1 个", "攻坚项目 1 个"]
    assert shown.count("120****5678") == 4
    assert "12012345678" not in shown


@pytest.mark.parametrize(
    ("text", "words", "marked"),
    [
        ("３号楼北侧", ["3号楼"], "<mark>３号楼</mark>北侧"),
        ("LED 屏", ["led"], "<mark>LED</mark> 屏"),
        ("停车停车", ["停车", "车停"], "<mark>停车停车</mark>"),
        ("㎡数", ["m2"], "<mark>㎡</mark>数"),
        ("井盖", ["路灯"], "井盖"),
        ("<b>", ["b"], "&lt;<mark>b</mark>&gt;"),
    ],
)
def test_words_are_marked_as_they_stand_in_the_text(
    text: str, words: list[str], marked: str
) -> None:
    assert highlighted(text, words) == marked


def test_the_sentence_around_the_hit_is_shown() -> None:
    text = f"开头一句。{'很' * 40}长的一句说窨井盖松动，{'又' * 80}长。结尾。"
    shown = passage(text, ["窨井盖"])
    assert shown.startswith("…很")
    assert shown.endswith("又…")
    assert "<mark>窨井盖</mark>松动" in shown
    assert passage("第一句。窨井盖松动。", ["窨井"]) == "…<mark>窨井</mark>盖松动。"
    assert passage("只在标题里有。", ["窨井"]) == "只在标题里有。"
    assert passage("", ["窨井"]) == ""
