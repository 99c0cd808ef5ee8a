"""What a phone reads: lists, details, histories, photos, and what its forms need."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from core import outbox
from issues.choices import Action
from issues.models import Category, Issue
from tests.api.phone import API, Phone, report_body
from tests.cast import Cast
from tests.issues.moments import (
    assigned,
    at,
    in_town_triage,
    merged,
    with_the_unit,
    with_two_departments,
)
from tests.queries import queries_of


def ids(response: Any) -> list[int]:
    return [row["id"] for row in response.data["results"]]


# --- the list ---


def test_the_list_shows_what_one_may_see_newest_first(cast: Cast) -> None:
    older = cast.report(at=at("2025-03-03"))
    newer = cast.report(at=at("2025-03-04"))
    cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1)

    response = Phone(cast.wang_fang).read("/issues")

    assert ids(response) == [newer.pk, older.pk]
    row = response.data["results"][0]
    assert (row["number"], row["version"]) == (newer.number, 1)
    assert (row["level"], row["level_label"]) == ("grid", "网格")
    assert (row["status"], row["state_label"]) == ("pending_first", "待首诊")
    assert row["lamp"] == "red"
    assert row["place"] == {"id": cast.longxi_grid_1.pk, "name": "龙西一格"}


def test_pages_by_cursor_miss_nothing_while_others_report(cast: Cast) -> None:
    moment = at("2025-03-03")
    # Several arrive in the same instant, so that the id has to tell them apart.
    issues = [cast.report(at=moment + timedelta(hours=n // 3)) for n in range(7)]
    phone = Phone(cast.wang_fang)

    first = phone.read("/issues", limit=3)
    cast.report(at=moment + timedelta(hours=9))
    second = phone.read("/issues", limit=3, cursor=first.data["next"])
    third = phone.read("/issues", limit=3, cursor=second.data["next"])

    assert ids(first) + ids(second) + ids(third) == [issue.pk for issue in reversed(issues)]
    assert third.data["next"] is None


def test_what_waits_for_me_is_listed_by_what_is_due_first(cast: Cast) -> None:
    later = cast.report(at=at("2025-03-04"))
    sooner = cast.report(at=at("2025-03-03"))
    in_town_triage(cast)  # now waits for the town

    response = Phone(cast.wang_fang).read("/issues", waiting="true", sort="due")

    assert ids(response) == [sooner.pk, later.pk]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"status": "pending_first"}, {"fresh", "tomorrow"}),
        ({"status": "triage", "level": "town"}, {"triage"}),
        ({"open": "false"}, {"closed"}),
        ({"open": "true"}, {"fresh", "tomorrow", "triage"}),
        ({"lamp": "red"}, {"triage", "fresh"}),
        ({"lamp": "yellow"}, {"tomorrow"}),
        ({"received_from": "2025-03-04"}, {"tomorrow"}),
        ({"received_to": "2025-03-03"}, {"fresh", "triage", "closed"}),
        ({"urgency": "urgent"}, set()),
    ],
)
def test_the_list_is_narrowed(cast: Cast, query: dict[str, str], expected: set[str]) -> None:
    issues = {
        "fresh": cast.report(at=at("2025-03-03")),
        "tomorrow": cast.report(at=at("2025-03-05")),
        "triage": in_town_triage(cast),
        "closed": closed(cast),
    }
    with time_machine.travel(at("2025-03-06", "09:30"), tick=False):
        response = Phone(cast.wang_fang).read("/issues", **query)
    assert {name for name, issue in issues.items() if issue.pk in ids(response)} == expected


def closed(cast: Cast) -> Issue:
    Category.objects.filter(pk=cast.sewage.pk).update(needs_verification=False)
    cast.sewage.refresh_from_db()
    issue = cast.report(at=at("2025-03-03"))
    return cast.step(
        issue,
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome="resolved",
        text="已扶正。",
    )


# --- one issue ---


def test_the_detail_tells_where_it_stands_and_what_i_may_do(cast: Cast) -> None:
    issue = with_two_departments(cast)

    detail = Phone(cast.he_jun).read(f"/issues/{issue.pk}").data

    assert (detail["version"], detail["state_label"]) == (issue.version, "待签收")
    assert [unit["unit"]["name"] for unit in detail["units"]] == ["吴中区住建局", "吴中区水务局"]
    assert [clock["step"] for clock in detail["clocks"] if not clock["ended_at"]] == [
        "overall",
        "handling",
        "handling",
    ]
    assert detail["actions"] == [
        {"action": "acknowledge", "label": "签收", "owed": True, "reason": None}
    ]
    assert Phone(cast.cao_xue).read(f"/issues/{issue.pk}").data["actions"] == []


def test_a_blocked_action_comes_with_its_reason(cast: Cast) -> None:
    issue = with_two_departments(cast)
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "11:00"))

    detail = Phone(cast.he_jun).read(f"/issues/{issue.pk}").data

    assert detail["actions"] == [
        {
            "action": "submit_completion",
            "label": "办结申请",
            "owed": True,
            "reason": "还有 1 个协办单位未回复，不能申请办结。",
        },
        {"action": "progress", "label": "阶段反馈", "owed": False, "reason": None},
    ]


def test_a_case_tells_what_was_asked_ordered_and_instructed(cast: Cast) -> None:
    issue = with_the_unit(cast)
    day = at("2025-03-05")
    cast.step(
        issue, Action.REQUEST_EXTENSION, cast.zheng_hua, day, until=date(2025, 3, 19), text="待料。"
    )
    cast.step(issue, Action.SUPERVISE, cast.xu_ning, day, grade="key", text="抓紧。")
    cast.step(
        issue,
        Action.INSTRUCT,
        cast.zhou_wei,
        day,
        leader_name="周伟",
        until=date(2025, 3, 7),
        text="请速办。",
    )

    detail = Phone(cast.wu_yang).read(f"/issues/{issue.pk}").data

    (approval,) = detail["approvals"]
    assert (approval["kind_label"], approval["until"], approval["decision"]) == (
        "延期",
        "2025-03-19",
        "",
    )
    (order,) = detail["supervisions"]
    assert (order["number"], order["grade_label"]) == ("督〔2025〕第1号", "重点督办")
    (instruction,) = detail["instructions"]
    assert (instruction["leader_name"], instruction["answered_at"]) == ("周伟", None)


def test_a_merged_case_names_its_master(cast: Cast) -> None:
    duplicate, master = merged(cast)
    phone = Phone(cast.chen_jing)
    assert phone.read(f"/issues/{duplicate.pk}").data["master"] == master.number
    assert phone.read(f"/issues/{master.pk}").data["master"] is None


def test_a_likely_duplicate_is_found_within_fifty_metres_and_thirty_days(cast: Cast) -> None:
    here = {"longitude": 120.6200, "latitude": 31.2600}
    issue = cast.report(at=at("2025-03-10"), **here)
    near = cast.report(at=at("2025-03-03"), longitude=120.6203, latitude=31.2600)
    cast.report(at=at("2025-03-03"), longitude=120.6210, latitude=31.2600)  # 95 m away
    cast.report(at=at("2025-02-06"), **here)  # 32 days before
    cast.report(at=at("2025-03-03"), category=cast.parking, **here)
    cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1, at=at("2025-03-03"), **here)

    found = Phone(cast.wang_fang).read(f"/issues/{issue.pk}/duplicates").data

    assert [(row["issue"]["id"], row["metres"]) for row in found] == [(near.pk, 29)]


def test_who_may_take_over_a_case(cast: Cast) -> None:
    issue = with_the_unit(cast)
    people = Phone(cast.zheng_hua).read(f"/issues/{issue.pk}/colleagues").data
    assert [person["full_name"] for person in people] == ["冯刚", "吴洋"]


def test_personal_data_is_masked_in_every_answer(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(
        cast,
        source="resident",
        title="回电 12012345678",
        text="居民赵某来电，请回电 12012345678。",
        contact_name="赵大妈",
        contact_phone="12012345678",
    )
    made = phone.send("/issues", body)
    issue = Issue.objects.get()
    stepped = phone.step(issue, "first_handle", text="已回电 12012345678。")
    answers = [
        made,
        stepped,
        phone.read("/issues"),
        phone.read(f"/issues/{issue.pk}"),
        phone.read(f"/issues/{issue.pk}/timeline"),
        phone.read("/sync"),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200]
    for answer in answers:
        content = answer.content.decode()
        assert "12012345678" not in content
        assert "大妈" not in content
    detail = phone.read(f"/issues/{issue.pk}").data
    assert detail["contact"] == {"name": "赵*", "phone": "120****5678"}
    assert detail["description"] == "居民赵某来电，请回电 120****5678。"


def test_who_works_on_a_case_may_look_up_the_contact_and_the_look_is_kept(cast: Cast) -> None:
    issue = cast.report(contact_name="赵大妈", contact_phone="12012345678", source="resident")

    shown = Phone(cast.wang_fang).send(f"/issues/{issue.pk}/contact", {"reason": "check_facts"})
    refused = Phone(cast.cao_xue).send(f"/issues/{issue.pk}/contact", {"reason": "check_facts"})
    without = Phone(cast.wang_fang).send(f"/issues/{issue.pk}/contact")

    assert shown.data == {"name": "赵大妈", "phone": "12012345678"}
    assert (refused.status_code, without.status_code) == (403, 400)


# --- the history ---


def test_the_timeline_tells_every_step_in_words(cast: Cast) -> None:
    issue = with_the_unit(cast)

    entries = Phone(cast.wang_fang).read(f"/issues/{issue.pk}/timeline").data

    assert [(e["seq"], e["action"], e["action_label"]) for e in entries] == [
        (1, "create", "登记上报"),
        (2, "escalate_town", "提级会诊"),
        (3, "assign", "交办"),
        (4, "acknowledge", "签收"),
    ]
    assert "王芳" in entries[1]["by"]
    assert "龙西一格 网格员" in entries[1]["by"]
    assert entries[1]["text"] == "已现场围挡，需更换井盖。"
    assert entries[1]["facts"] == [{"label": "提级原因", "value": "超出本级职权"}]
    assert entries[2]["facts"] == [{"label": "主办单位", "value": "长桥街道城建办"}]
    assert entries[3]["state"] == "办理中"


def test_a_unit_that_left_reads_up_to_where_it_left(cast: Cast) -> None:
    phone = Phone(cast.he_jun)
    issue = with_two_departments(cast)
    left_at = issue.event_count
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-05", "15:00"), text="好。")
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "16:00"))
    late_photo = after_photo(cast, issue, phone)
    issue.assignments.filter(unit=cast.housing).update(left_seq=left_at)

    entries = phone.read(f"/issues/{issue.pk}/timeline").data
    detail = phone.read(f"/issues/{issue.pk}").data

    assert [entry["seq"] for entry in entries] == list(range(1, left_at + 1))
    assert detail["photos"] == []
    assert phone.read(f"/issues/{issue.pk}/photos/{late_photo}").status_code == 404
    assert Phone(cast.sun_li).bytes_of(f"{API}/issues/{issue.pk}/photos/{late_photo}")


def after_photo(cast: Cast, issue: Issue, phone: Phone) -> str:
    photo = phone.photo()
    answer = phone.step(
        issue, "submit_completion", outcome="resolved", text="已更换。", photos=[photo]
    )
    assert answer.status_code == 200
    return photo


# --- photos ---


def test_a_photo_is_given_to_who_may_see_its_issue(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    photo = phone.photo()
    made = phone.send("/issues", report_body(cast, photos=[photo])).data
    listed = phone.read(f"/issues/{made['id']}").data["photos"][0]

    response = phone.get(listed["url"])

    assert listed["id"] == photo
    assert response["Content-Type"] == "image/jpeg"
    assert b"".join(response.streaming_content).startswith(b"\xff\xd8\xff")
    assert phone.get(listed["url"], headers={"If-None-Match": response["ETag"]}).status_code == 304
    assert Phone(cast.li_qiang).get(listed["url"]).status_code == 404
    assert Phone().get(listed["url"]).status_code == 401


def test_a_photo_belongs_to_its_own_issue_alone(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    photo = phone.photo()
    phone.send("/issues", report_body(cast, photos=[photo]))
    other = cast.report()
    assert phone.read(f"/issues/{other.pk}/photos/{photo}").status_code == 404
    assert phone.read(f"/issues/{other.pk}/photos/{uuid.uuid4()}").status_code == 404


# --- what forms need ---


def test_a_form_finds_its_categories_places_areas_and_units(cast: Cast) -> None:
    issue = in_town_triage(cast)
    phone = Phone(cast.chen_jing)

    categories = phone.read("/categories").data
    assert cast.sewage.pk in [row["id"] for row in categories]
    assert [place["name"] for place in phone.read("/places").data] == [
        "龙西社区",
        "龙西一格",
        "龙西二格",
        "新家社区",
    ]
    assert [place["name"] for place in Phone(cast.wang_fang).read("/places").data] == ["龙西一格"]
    areas = Phone(cast.wang_fang).read("/areas").data
    assert [(a["name"], a["community_ids"]) for a in areas] == [("李家角城中村", [cast.longxi.pk])]
    assert Phone(cast.li_qiang).read("/areas").data == []
    assert {unit["name"] for unit in phone.read("/units", issue=issue.pk).data} == {
        "长桥街道城建办",
        "长桥街道执法局",
    }


def test_the_district_chooses_among_all_units_of_the_district(cast: Cast) -> None:
    issue = with_two_departments(cast)
    units = Phone(cast.sun_li).read("/units", issue=issue.pk).data
    names = {unit["name"] for unit in units}
    assert {"吴中区住建局", "木渎镇城建办"} <= names
    assert "市公交公司" not in names


# --- query counts ---


# The statements of each, with those for the account and its postings.
LISTS = {
    "/issues": 4,
    "/issues?waiting=true&sort=due": 4,
    "/sync": 6,
    "/inbox": 2,
    "/places": 4,
    "/areas": 5,
}


def test_a_list_takes_a_few_statements_however_long_it_is(cast: Cast) -> None:
    phone = Phone(cast.zhao_min)

    def counts() -> dict[str, int]:
        outbox.deliver_all()
        return {path: statements(phone, path) for path in LISTS}

    for _ in range(3):
        assigned(cast)
    assert counts() == LISTS
    for _ in range(27):
        assigned(cast)
    assert Issue.objects.count() == 30
    assert counts() == LISTS


@pytest.mark.parametrize(("path", "expected"), [("", 7), ("/timeline", 7)])
def test_one_case_takes_a_few_statements_however_long_its_history(
    cast: Cast, path: str, expected: int
) -> None:
    phone = Phone(cast.he_jun)
    short, long = with_two_departments(cast), with_two_departments(cast)
    long = cast.step(long, Action.CO_REPLY, cast.gao_feng, at("2025-03-05", "15:00"), text="好。")
    long = cast.step(long, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "16:00"))
    for day in range(6, 12):
        long = cast.step(
            long,
            Action.SUBMIT_COMPLETION,
            cast.he_jun,
            at(f"2025-03-{day:02}"),
            outcome="resolved",
            text="完成。",
        )
        long = cast.step(
            long,
            Action.FAIL_VERIFICATION,
            cast.wang_fang,
            at(f"2025-03-{day:02}", "16:00"),
            reason="not_done",
            text="未完成。",
        )
    assert statements(phone, f"/issues/{short.pk}{path}") == expected
    assert statements(phone, f"/issues/{long.pk}{path}") == expected


def statements(phone: Phone, path: str) -> int:
    assert phone.read(path).status_code == 200
    return queries_of(lambda: phone.read(path))
