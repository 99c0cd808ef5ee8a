"""What a search for cases finds: kept true by the database, whoever writes; by scope, whatever is
asked.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from areas.models import Place
from core import keyset, search
from core.keyset import Total
from issues.anonymise import Reason, anonymise
from issues.choices import Action
from issues.models import Issue, SearchEntry
from issues.orders import BY_RECEIVED
from issues.search import found
from people.models import User
from tests.cast import Cast, again
from tests.issues.moments import assigned, at, in_town_triage, submitted, with_two_departments


def hits(user: User, text: str) -> list[Issue]:
    reader = again(user)
    return list(found(Issue.objects.visible_to(reader), text, by=reader).order_by("id"))


@pytest.fixture
def manhole(cast: Cast) -> Issue:
    return cast.report(text="李家角３号楼北侧窨井盖松动，夜间易绊倒。", address="长蠡路8弄")


# --- what is found ---


@pytest.mark.parametrize(
    "text",
    [
        "窨井",
        "窨井盖松动",
        "长蠡路",
        "龙西一格",
        "龙西社区",
        "长桥街道",
        "长桥街道龙西社区",
        "3号楼",
        "３号楼",
        "窨井 绊倒",
        "  绊倒　窨井  ",
    ],
)
def test_words_of_text_address_and_places_find_the_case(
    cast: Cast, manhole: Issue, text: str
) -> None:
    assert hits(cast.chen_jing, text) == [manhole]


@pytest.mark.parametrize("text", ["井窨", "窨井塌陷", "窨井 塌陷", "木渎镇", "楼北3号"])
def test_all_words_must_occur_as_they_are_written(cast: Cast, manhole: Issue, text: str) -> None:
    assert hits(cast.chen_jing, text) == []


def test_capitals_and_full_width_letters_make_no_difference(cast: Cast) -> None:
    issue = cast.report(text="Ａ座 LED 显示屏损坏，影响通行。")
    assert hits(cast.chen_jing, "a座") == hits(cast.chen_jing, "Led") == [issue]


def test_percent_and_underscore_are_letters_like_others(cast: Cast) -> None:
    issue = cast.report(text="坡度达 15% 的路面_结冰，车辆打滑。")
    assert hits(cast.chen_jing, "15%") == hits(cast.chen_jing, "面_结冰") == [issue]
    assert hits(cast.chen_jing, "坡度%路面") == []
    assert hits(cast.chen_jing, "路面__结冰") == []


def test_a_number_finds_its_case_and_its_beginning_those_of_the_day(cast: Cast) -> None:
    first, second = cast.report(at=at("2025-03-03")), cast.report(at=at("2025-03-03"))
    later = cast.report(at=at("2025-03-04"))
    for issue, number in ((first, "0303-91142"), (second, "0303-91151"), (later, "0304-91143")):
        issue.number = f"2025{number}"
        issue.save(update_fields=["number"])
    assert hits(cast.chen_jing, first.number) == [first]
    assert hits(cast.chen_jing, first.number.replace("-", "")) == [first]
    assert hits(cast.chen_jing, "20250303") == [first, second]
    assert hits(cast.chen_jing, "202503") == [first, second, later]
    assert hits(cast.tang_jie, first.number) == []
    assert hits(cast.chen_jing, "2025") == [first, second, later]
    assert hits(cast.chen_jing, "20250303-9114") == [first]
    for none in ("202413", "20250230", "20250305"):
        assert hits(cast.chen_jing, none) == []


@pytest.mark.parametrize(
    ("beginning", "minute"),
    [("202503", "2025-03-01 00:00"), ("2025033", "2025-03-31 23:59"), ("2024", "2024-12-31 23:59")],
)
def test_a_number_begins_with_its_day_from_midnight_to_midnight(
    cast: Cast, beginning: str, minute: str
) -> None:
    issue = cast.report(at=at(*minute.split()))
    cast.report(at=at("2025-04-01", "00:00"))
    cast.report(at=at("2025-01-01", "00:00"))
    assert hits(cast.chen_jing, beginning) == [issue]


def test_a_case_that_took_in_an_earlier_report_is_found_by_the_beginning_of_its_number(
    cast: Cast,
) -> None:
    master = cast.report(at=at("2025-04-01"))
    Issue.objects.filter(pk=master.pk).update(received_at=at("2025-03-28"))  # as merging leaves it
    assert hits(cast.chen_jing, "202504") == [master]
    assert hits(cast.chen_jing, "202503") == []


def test_a_search_by_the_beginning_of_a_number_enters_each_list_at_its_day(cast: Cast) -> None:
    rows = found(Issue.objects.visible_to(cast.sun_li), "202503", by=cast.sun_li)
    assert '"received_at" < 2025-04-01 00:00:00+08:00' in str(rows.query)


def test_nobody_finds_a_case_by_a_telephone_number_that_its_page_masks(cast: Cast) -> None:
    issue = cast.report(text="请联系12012345678，窨井盖松动。")
    assert hits(cast.chen_jing, "窨井") == [issue]
    assert hits(cast.chen_jing, "12012345678") == hits(cast.chen_jing, "2345") == []


# --- who finds it ---


def test_a_case_of_another_town_is_not_found(cast: Cast, manhole: Issue) -> None:
    assert hits(cast.tang_jie, "窨井") == hits(cast.li_qiang, "窨井") == []
    assert hits(cast.ma_li, "窨井") == []  # another grid
    assert hits(cast.bai_jie, "窨井") == []
    assert hits(cast.sun_li, "窨井") == hits(cast.wang_fang, "窨井") == [manhole]


def test_the_own_report_is_found_outside_the_own_territory(cast: Cast) -> None:
    issue = cast.report(text="窨井盖松动。")
    cast.wang_fang.postings.update(place=cast.jinshan_grid_1)
    assert hits(cast.wang_fang, "窨井") == [issue]


def test_a_department_finds_the_cases_it_was_in_and_no_others(cast: Cast) -> None:
    issue = with_two_departments(cast)
    issue.assignments.filter(unit=cast.water).update(left_seq=issue.event_count)
    cast.report()
    assert hits(cast.he_jun, "污水井盖") == hits(cast.gao_feng, "污水井盖") == [issue]
    assert hits(cast.lin_tao, "污水井盖") == []


def test_two_postings_find_what_either_sees(cast: Cast, manhole: Issue) -> None:
    elsewhere = assigned(cast)
    Issue.objects.filter(pk=elsewhere.pk).update(town=cast.mudu, community=None, grid=None)
    cast.report(text="污水井盖松动。", place=cast.jinshan_grid_1, by=cast.li_qiang)
    assert hits(cast.feng_gang, "井盖") == sorted([manhole, elsewhere], key=lambda row: row.pk)


def test_a_word_with_many_hits_finds_the_same_as_a_rare_one(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(cast)
    for _ in range(4):
        cast.report()
    people = [cast.sun_li, cast.chen_jing, cast.wang_fang, cast.wu_yang, cast.feng_gang]
    before = [hits(person, "井盖") for person in people]
    assert [len(found_by_one) for found_by_one in before] == [5, 5, 5, 1, 5]
    client = Client()
    client.force_login(cast.chen_jing)
    page = client.get("/issues/", {"q": "井盖"}).text

    monkeypatch.setattr(search, "MANY", 0)
    assert [hits(person, "井盖") for person in people] == before
    assert hits(cast.tang_jie, "井盖") == hits(cast.sun_li, "路灯") == []
    again_page = client.get("/issues/", {"q": "井盖"}).text
    assert "共 <strong>5</strong> 件" in page
    assert "共 <strong>5</strong> 件" in again_page


def test_a_count_asks_all_that_the_page_asks(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    both = submitted(cast)
    cast.report(text="窨井盖松动，夜间易绊倒。")
    cast.report(text="污水外溢。")
    cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1)
    monkeypatch.setattr(search, "MANY", 0)
    for person in (cast.chen_jing, cast.wu_yang, cast.feng_gang):
        reader = again(person)
        rows = Issue.objects.visible_to(reader)
        for word in ("污水", "井盖"):
            rows = found(rows, word, by=reader)
        page = keyset.cut(rows, BY_RECEIVED, size=9, salt="t", with_total=True)
        assert page.rows == [both]
        assert page.total == keyset.count(rows) == Total(1)

    waiting, dispatcher = in_town_triage(cast), again(cast.chen_jing)
    rows = Issue.objects.visible_to(dispatcher).waiting_for(dispatcher)
    rows = found(rows, "井盖", by=dispatcher)
    assert list(rows) == [waiting]
    assert keyset.count(rows) == Total(1)


def test_a_word_that_is_common_in_the_district_may_be_rare_in_a_town(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MANY", 1)
    for _ in range(2):
        cast.report()
    cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1)

    def is_listed(user: User) -> bool:
        rows = found(Issue.objects.visible_to(user), "井盖", by=user)
        return "unnest" in str(rows.query)

    assert not is_listed(cast.sun_li)
    assert is_listed(cast.tang_jie)
    assert not is_listed(cast.chen_jing)


# --- how the entries stay true ---


def test_a_corrected_text_is_found_by_its_new_words_alone(cast: Cast) -> None:
    issue = assigned(cast)
    cast.step(
        issue,
        Action.CORRECT,
        cast.chen_jing,
        at("2025-03-05"),
        title="路灯不亮",
        description="一排路灯连续多天不亮。",
        text="录入有误。",
    )
    assert hits(cast.chen_jing, "路灯") == [issue]
    assert hits(cast.chen_jing, "污水井盖") == []


def test_an_anonymised_case_is_not_found_by_its_former_words(cast: Cast) -> None:
    issue = cast.step(
        submitted(cast), Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-07"), text="属实。"
    )
    assert hits(cast.sun_li, "污水井盖") == [issue]
    anonymise(issue, by=cast.sun_li, reason=Reason.RETENTION)
    assert hits(cast.sun_li, "污水井盖") == []
    assert "污水" not in SearchEntry.objects.get(issue=issue).body
    assert hits(cast.sun_li, "龙西一格") == [issue]


def test_a_renamed_place_is_found_by_its_new_name_alone(cast: Cast, manhole: Issue) -> None:
    Place.objects.filter(pk=cast.longxi.pk).update(name="新龙社区")
    assert hits(cast.chen_jing, "新龙社区") == [manhole]
    assert hits(cast.chen_jing, "龙西社区") == []


def test_a_case_that_moved_is_found_where_it_lies_now(cast: Cast, manhole: Issue) -> None:
    there = cast.jinshan_grid_1
    Issue.objects.filter(pk=manhole.pk).update(place=there, **there.lineage())
    assert hits(cast.tang_jie, "窨井") == hits(cast.tang_jie, "金山一格") == [manhole]
    assert hits(cast.chen_jing, "窨井") == hits(cast.sun_li, "龙西一格") == []


def test_a_step_leaves_the_entry_alone(cast: Cast, manhole: Issue) -> None:
    def version() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT xmin, ctid FROM issues_searchentry WHERE issue_id = %s", [manhole.pk]
            )
            return cursor.fetchone()

    before = version()
    cast.step(manhole, Action.ESCALATE_TOWN, cast.wang_fang, reason="beyond_power", text="提级。")
    Issue.objects.get(pk=manhole.pk).save()
    assert version() == before


def test_what_the_loader_writes_is_found(reference_db: None) -> None:
    assert SearchEntry.objects.count() == Issue.objects.count()
    issue = Issue.objects.latest("id")
    reader = User.objects.get(username="district")
    rows = found(Issue.objects.visible_to(reader), issue.title, by=reader)
    assert issue in rows


# --- lists and the API ---


@pytest.mark.parametrize("path", ["/issues/", "/issues/desk/", "/areas/", "/projects/"])
def test_a_list_says_that_one_character_is_too_short(cast: Cast, path: str) -> None:
    client = Client()
    client.force_login(cast.chen_jing)
    answer = client.get(path, {"q": "井"})
    assert answer.status_code == 400
    assert search.TOO_SHORT in answer.text


def test_the_api_searches_the_cases_of_the_caller(cast: Cast, manhole: Issue) -> None:
    cast.report()
    client = Client()
    client.force_login(cast.wang_fang)
    answer = client.get("/api/v1/issues", {"q": "窨井"})
    assert [row["id"] for row in answer.json()["results"]] == [manhole.pk]
    client.force_login(cast.li_qiang)
    assert client.get("/api/v1/issues", {"q": "窨井"}).json()["results"] == []
    refused = client.get("/api/v1/issues", {"q": "井"})
    assert refused.status_code == 400
    assert refused.json()["fields"]["q"] == [search.TOO_SHORT]


@pytest.mark.parametrize("path", ["/issues/", "/api/v1/issues", "/search/"])
def test_statements_of_a_search_do_not_grow_with_its_hits(cast: Cast, path: str) -> None:
    client = Client()
    client.force_login(cast.chen_jing)

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(path, {"q": "污水井盖"}).status_code == 200
        return len(captured)

    for _ in range(3):
        cast.report()
    statements()  # what is kept in memory is read once
    few = statements()
    for _ in range(27):
        cast.report()
    assert statements() == few


def test_a_rare_word_is_looked_up_by_its_index(cast: Cast) -> None:
    """By its shape: neither a walk through the list's order nor over all entries."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        ids = search._found_by_index(SearchEntry, "窨井", None)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {ids.sql} LIMIT 10", ids.params)
        (plan,) = cursor.fetchone()
    assert "issues_search_keys" in json.dumps(plan)
