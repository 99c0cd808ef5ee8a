"""The staff pages of the issues: who sees what, what each step's form takes and what it refuses."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image

from core.models import AuditEntry
from issues import actions
from issues.case import Case
from issues.choices import (
    Action,
    ApprovalKind,
    Decider,
    Decision,
    Level,
    Outcome,
    Source,
    Status,
    SuspensionKind,
)
from issues.models import Approval, Issue
from issues.offers import offer
from issues.office import Office
from issues.states import State
from issues.trail import Trail
from issues.workflow import RULES
from tests.cast import Cast, again
from tests.issues.moments import (
    assigned,
    at,
    in_district_triage,
    in_town_triage,
    submitted,
    with_the_unit,
    with_two_departments,
)

PHONE = "12012345678"


def reported(cast: Cast) -> Issue:
    return cast.report(at=at("2025-03-03"))


def closed(cast: Cast) -> Issue:
    """Found on patrol, so that it closes on verification."""
    return cast.step(
        submitted(cast), Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-07"), text="属实。"
    )


def complained(cast: Cast) -> Issue:
    """A resident's report, with somebody to call."""
    return cast.report(source=Source.RESIDENT, contact_name="顾阿姨", contact_phone=PHONE)


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


def post_step(client: Client, issue: Issue, action: str, **data: Any) -> Any:
    version = data.pop("version", issue.version)
    url = f"{issue.get_absolute_url()}{action}/"
    return client.post(url, {"expected_version": version, **data})


def picture(name: str = "现场.jpg") -> SimpleUploadedFile:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "grey").save(buffer, "JPEG")
    return SimpleUploadedFile(name, buffer.getvalue(), "image/jpeg")


def unchanged(issue: Issue) -> bool:
    now = Issue.objects.get(pk=issue.pk)
    return (now.version, now.status, now.event_count) == (
        issue.version,
        issue.status,
        issue.event_count,
    )


# --- who sees what ---

EVERYBODY = {
    "wang_fang": 200,  # the grid
    "zhao_min": 200,
    "chen_jing": 200,
    "zhou_wei": 200,
    "shen_lan": 200,
    "han_mei": 200,
    "feng_gang": 200,
    "he_jun": 200,  # lead unit
    "luo_bin": 200,
    "gao_feng": 200,  # co-unit
    "sun_li": 200,
    "qian_jin": 200,
    "xu_ning": 200,
    "cao_xue": 200,
    "ma_li": 404,  # the grid beside
    "wu_yang": 404,  # an office of the town which is not in the case
    "zheng_hua": 404,
    "xu_lei": 404,
    "lin_tao": 404,  # a department which is not in the case
    "tang_jie": 404,  # the other town
    "li_qiang": 404,
    "ma_chao": 403,
    "ding_yi": 403,
    "bai_jie": 403,
}


@pytest.mark.parametrize(("name", "expected"), EVERYBODY.items())
def test_list_and_page_of_a_case_are_open_to_its_territory_and_units_alone(
    sign_in: Callable[[str], Client], cast: Cast, name: str, expected: int
) -> None:
    issue = with_two_departments(cast)
    client = sign_in(name)
    assert client.get(issue.get_absolute_url()).status_code == expected
    listed = client.get("/issues/")
    assert listed.status_code == (403 if expected == 403 else 200)
    assert (issue.number in listed.content.decode()) == (expected == 200)


def test_a_visitor_is_asked_to_sign_in(client: Client, cast: Cast) -> None:
    issue = reported(cast)
    page = issue.get_absolute_url()
    for url in ("/issues/", "/issues/report/", page, f"{page}first_handle/"):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")
    assert client.post(f"{page}first_handle/").status_code == 302
    assert client.post(f"{page}reveal/").status_code == 302


@pytest.mark.parametrize(
    "url",
    [
        "/issues/99999999/",
        "/issues/99999999999999999999999/",
        "/issues/99999999/assign/",
        "/issues/99999999/reveal/",
    ],
)
def test_a_case_that_does_not_exist_is_not_found(
    sign_in: Callable[[str], Client], cast: Cast, url: str
) -> None:
    client = sign_in("sun_li")
    response = client.post(url) if "reveal" in url else client.get(url)
    assert response.status_code == 404


def test_a_unit_that_left_reads_the_page_up_to_the_event_at_which_it_left(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = with_two_departments(cast)
    issue.assignments.filter(unit=cast.water).update(left_seq=issue.event_count)
    cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "11:00"))

    page = html(sign_in("gao_feng").get(issue.get_absolute_url()))
    assert "贵单位已退出本件" in page
    assert "交办" in page
    assert "何军 · " not in page
    assert "何军 · " in html(sign_in("luo_bin").get(issue.get_absolute_url()))


# --- what waits for whom ---

WAITS_FOR = [
    (reported, {"wang_fang", "zhao_min", "chen_jing"}),  # long overdue: the town may escalate it
    (in_town_triage, {"chen_jing", "zhou_wei"}),
    (assigned, {"wu_yang", "feng_gang"}),
    (with_the_unit, {"wu_yang", "zheng_hua", "feng_gang"}),
    # 冯刚 verifies for the town and handles for the unit, so this one is not his to verify.
    (submitted, {"wang_fang", "zhao_min", "shen_lan"}),
    (in_district_triage, {"sun_li", "qian_jin"}),
    (with_two_departments, {"he_jun", "gao_feng"}),
    (closed, set()),
]


@pytest.mark.parametrize(("bring", "expected"), WAITS_FOR)
def test_a_case_waits_for_those_who_have_a_step_on_it(
    cast: Cast, bring: Callable[[Cast], Issue], expected: set[str]
) -> None:
    issue = bring(cast)
    waits_for = {
        name
        for name, user in cast.people.items()
        if Issue.objects.waiting_for(again(user)).filter(pk=issue.pk).exists()
    }
    assert waits_for == expected


def test_what_the_grid_handled_waits_for_the_community_and_not_for_the_grid(cast: Cast) -> None:
    cast.step(
        reported(cast),
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已归位。",
    )
    waits_for = {
        name
        for name, user in cast.people.items()
        if Issue.objects.waiting_for(again(user)).exists()
    }
    assert waits_for == {"zhao_min", "shen_lan", "feng_gang"}


def test_a_co_unit_that_has_replied_has_nothing_waiting(cast: Cast) -> None:
    issue = with_two_departments(cast)
    cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-06"), text="已疏通。")
    assert not Issue.objects.waiting_for(again(cast.gao_feng)).exists()


# --- the list ---


def test_the_list_shows_what_is_open_and_the_rest_on_demand(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    done, open_one = closed(cast), with_the_unit(cast)
    client = sign_in("chen_jing")
    for query, shown in {
        "": {open_one},
        "?status=closed": {done},
        "?status=all": {done, open_one},
        "?status=handling": {open_one},
        f"?q={done.number}": {done},  # a number finds its case whatever its status
        f"?q={done.number.replace('-', '')}": {done},
        "?q=井盖": {open_one},
        "?q=没有这样的文字": set(),
        "?level=town": {open_one},
        "?level=district": set(),
        "?lamp=red": {open_one},  # due in March 2025
        "?lamp=green": set(),
        "?lamp=yellow": set(),
        "?overall=red": {open_one},
        f"?category={cast.sewage.pk}": {open_one},
        f"?category={cast.sewage.parent_id}": {open_one},
        f"?category={cast.parking.pk}": set(),
        "?urgency=safety": set(),
        "?received_from=2025-03-03&received_to=2025-03-03": {open_one},
        "?received_from=2025-03-04": set(),
        "?received_to=2025-03-02": set(),
        "?mine=1": set(),
    }.items():
        response = client.get(f"/issues/{query}")
        assert {row.pk for row in response.context["page"].rows} == {i.pk for i in shown}, query


def test_a_dispatcher_begins_with_what_is_due_next(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    later, sooner = with_the_unit(cast), in_town_triage(cast)
    for name, expected in {"chen_jing": [sooner, later], "zhou_wei": [sooner, later]}.items():
        rows = sign_in(name).get("/issues/?sort=due").context["page"].rows
        assert [row.pk for row in rows] == [issue.pk for issue in expected]
    rows = sign_in("chen_jing").get("/issues/").context["page"].rows
    assert [row.pk for row in rows] == [sooner.pk, later.pk]


@pytest.mark.parametrize(
    "query",
    [
        "status=bogus",
        "level=1",
        "category=x",
        "area=0",
        "received_from=gestern",
        "received_from=0001-01-01",
        "received_to=9999-12-31",
        "q=%00",
        "sort=title",
        "after=x",
    ],
)
def test_a_wrong_filter_is_answered_with_a_sentence(
    sign_in: Callable[[str], Client], cast: Cast, query: str
) -> None:
    assert sign_in("sun_li").get(f"/issues/?{query}").status_code == 400


def test_the_issues_of_an_area_are_those_one_may_see(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = cast.report(area=cast.lijiajiao)
    url = f"/issues/of-area/{cast.lijiajiao.pk}/"
    assert issue.get_absolute_url() in html(sign_in("zhao_min").get(url))
    assert issue.get_absolute_url() not in html(sign_in("tang_jie").get(url))


def test_thirty_issues_take_as_many_queries_as_three(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    client = sign_in("chen_jing")
    counts = []
    for number in (3, 27):
        for _ in range(number):
            cast.report(area=cast.lijiajiao)
        client.get("/issues/")  # what is kept in memory is read
        with CaptureQueriesContext(connection) as queries:
            rows = client.get("/issues/").context["page"].rows
        counts.append((len(rows), len(queries)))
    assert [rows for rows, _ in counts] == [3, 30]
    assert counts[0][1] == counts[1][1] <= 6


def test_a_long_history_takes_as_many_queries_as_a_short_one(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    client = sign_in("chen_jing")
    issue = in_town_triage(cast)
    counts = []
    for number in (2, 20):
        for _ in range(number):
            issue = cast.step(
                issue,
                Action.CONSULT,
                cast.chen_jing,
                at("2025-03-04"),
                units=[cast.changqiao_works, cast.changqiao_patrol],
                text="会诊意见。",
            )
        client.get(issue.get_absolute_url())  # what is kept in memory is read
        with CaptureQueriesContext(connection) as queries:
            html(client.get(issue.get_absolute_url()))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


# --- one case ---


def test_the_history_reads_from_the_report_to_the_last_step(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = submitted(cast)
    entries = sign_in("chen_jing").get(issue.get_absolute_url()).context["entries"]
    assert [(e.title, e.state) for e in entries] == [
        ("登记上报", "待首诊"),
        ("提级会诊", "待会诊"),
        ("交办", "待签收"),
        ("签收", "办理中"),
        ("办结申请", "待核查"),
    ]
    assert entries[1].facts == [("提级原因", "超出本级职权")]
    assert entries[2].facts == [("主办单位", "长桥街道城建办")]
    assert entries[4].facts == [("办理结果", "已解决")]
    assert entries[0].by == "王芳 · 龙西一格 网格员"


def test_a_deemed_acknowledgement_is_the_platforms(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = cast.step(assigned(cast), Action.AUTO_ACKNOWLEDGE, None, at("2025-03-05"))
    entries = sign_in("chen_jing").get(issue.get_absolute_url()).context["entries"]
    assert (entries[-1].title, entries[-1].by) == ("视同签收", "平台")


def test_the_page_offers_the_steps_that_this_person_has_now(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    for name, expected in {
        "chen_jing": {"send_down", "consult", "assign"},
        "zhou_wei": {"consult"},
        "wang_fang": set(),
        "sun_li": set(),
        "xu_ning": set(),
    }.items():
        offered = sign_in(name).get(issue.get_absolute_url()).context["offers"]
        assert {offer.action for offer in offered.owed} == expected, name


def test_a_step_that_is_still_forbidden_is_shown_with_the_reason(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    page = html(sign_in("zhou_wei").get(issue.get_absolute_url()))
    assert "提级联诊前须先记录镇街会诊意见" in page
    assert f"{issue.get_absolute_url()}escalate_district/" not in page


def test_every_row_of_the_table_says_what_it_does_to_the_clocks_and_who_hears_of_it(
    cast: Cast,
) -> None:
    office, now = Office.whole(), at("2025-03-03", "15:00")
    case = Case.load(with_the_unit(cast))
    # What a suspended and a merged case have beside them.
    case.approvals.append(
        Approval(
            kind=ApprovalKind.SUSPENSION,
            reason=SuspensionKind.MEETING,
            asked_of=Decider.LEADER,
            decision=Decision.APPROVED,
        )
    )
    case.before_merge = State(Level.TOWN, Status.TRIAGE)
    for (state, action), rule in RULES.items():
        if state is None or not rule.roles:
            continue
        case.issue.level, case.issue.status = state.level, state.status
        told = offer(case, action, None, office, now)
        assert len(told.clocks) > 0
        assert len(told.hears) > 0 or not rule.notify
        assert bool(told.goes_to) == (rule.to != (state,))


def test_words_of_a_report_are_never_taken_for_markup_and_hide_telephone_numbers(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = cast.report(text=f"<script>alert(1)</script>请回电{PHONE}。")
    client = sign_in("zhao_min")
    for url in ("/issues/", issue.get_absolute_url()):
        page = html(client.get(url))
        assert "<script>alert(1)" not in page
        assert PHONE not in page


# --- the contact ---


def test_the_contact_is_masked_until_somebody_in_charge_asks_with_a_reason(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = complained(cast)
    client = sign_in("wang_fang")
    page = html(client.get(issue.get_absolute_url()))
    assert PHONE not in page
    assert "120****5678" in page
    assert "顾阿姨" not in page

    response = client.post(f"{issue.get_absolute_url()}reveal/", {"reason": "on_site"})

    shown = html(response)
    assert PHONE in shown
    assert "顾阿姨" in shown
    assert "no-store" in response["Cache-Control"]
    entry = AuditEntry.objects.get(action=Trail.CONTACT_REVEALED)
    assert (entry.actor, entry.target_id) == (cast.wang_fang, str(issue.pk))
    assert entry.detail == {"reason": "on_site"}
    assert PHONE not in html(client.get(issue.get_absolute_url()))


@pytest.mark.parametrize(
    ("name", "reason", "expected"),
    [
        ("wang_fang", "", 400),
        ("wang_fang", "curious", 400),
        ("xu_ning", "on_site", 403),  # sees the case, has no step on it
        ("ma_li", "on_site", 404),
        ("bai_jie", "on_site", 403),
    ],
)
def test_the_contact_stays_masked_without_a_reason_or_a_part_in_the_case(
    sign_in: Callable[[str], Client], cast: Cast, name: str, reason: str, expected: int
) -> None:
    issue = complained(cast)
    client = sign_in(name)
    response = client.post(f"{issue.get_absolute_url()}reveal/", {"reason": reason})
    assert PHONE not in html(response, expected)
    assert not AuditEntry.objects.filter(action=Trail.CONTACT_REVEALED).exists()


def test_the_contact_is_never_shown_to_a_plain_link(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = complained(cast)
    url = f"{issue.get_absolute_url()}reveal/?reason=on_site"
    assert sign_in("wang_fang").get(url).status_code == 405


# --- taking a step ---


def test_a_step_is_taken_by_its_form(sign_in: Callable[[str], Client], cast: Cast) -> None:
    issue = in_town_triage(cast)
    client = sign_in("chen_jing")
    form = html(client.get(f"{issue.get_absolute_url()}assign/"))
    assert "长桥街道城建办" in form
    assert "吴中区住建局" not in form  # the town orders its own offices

    response = post_step(
        client, issue, "assign", lead_unit=cast.changqiao_works.pk, text="更换井盖。"
    )

    assert response.status_code == 302
    assert response["Location"] == issue.get_absolute_url()
    issue.refresh_from_db()
    assert (issue.status, issue.lead_unit) == (Status.ASSIGNED, cast.changqiao_works)
    assert "已交办，现为“待签收”" in html(client.get(issue.get_absolute_url()))


def test_co_units_are_taken_from_the_rows_that_were_filled_in(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = cast.step(
        in_district_triage(cast),
        Action.CONSULT,
        cast.sun_li,
        units=[cast.housing, cast.water],
        text="住建局主办。",
    )
    data = {
        "lead_unit": cast.housing.pk,
        "text": "限期整改。",
        "limit_days": "",
        "co_units[0]unit": "",
        "co_units[0]reply_required": ["false", "true"],
        "co_units[1]unit": cast.water.pk,
        "co_units[1]task": "疏通管网",
        "co_units[1]limit_days": "5",
        "co_units[1]reply_required": ["false", "true"],
        "co_units[2]unit": cast.police.pk,
        "co_units[2]reply_required": "false",
        "co_units[3]reply_required": "true",
    }
    assert post_step(sign_in("sun_li"), issue, "assign", **data).status_code == 302
    rows = issue.assignments.filter(is_lead=False).order_by("pk")
    assert [(row.unit, row.task, row.reply_required) for row in rows] == [
        (cast.water, "疏通管网", True),
        (cast.police, "", False),
    ]


def test_a_step_without_input_needs_a_button_only(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = assigned(cast)
    assert post_step(sign_in("wu_yang"), issue, "acknowledge").status_code == 302
    issue.refresh_from_db()
    assert (issue.status, issue.handler) == (Status.HANDLING, cast.wu_yang)


def test_photos_of_a_step_are_seen_by_those_who_see_the_case(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = with_the_unit(cast)
    response = post_step(
        sign_in("wu_yang"),
        issue,
        "submit_completion",
        outcome="resolved",
        text="已更换。",
        photos=[picture(), picture("近照.jpg")],
    )
    assert response.status_code == 302
    photos = list(issue.photos.all())
    assert len(photos) == 2
    last = sign_in("zhao_min").get(issue.get_absolute_url()).context["entries"][-1]
    assert last.facts == [("办理结果", "已解决")]
    assert last.photos == photos

    url = f"{issue.get_absolute_url()}photos/{photos[0].attachment_id}/"
    assert url in html(sign_in("zhao_min").get(issue.get_absolute_url()))
    for name, expected in {
        "zhao_min": 200,
        "wu_yang": 200,
        "tang_jie": 404,
        "bai_jie": 403,
    }.items():
        response = sign_in(name).get(url)
        assert response.status_code == expected, name
        assert response.getvalue()  # read to its end, which closes the file
    other = reported(cast)
    forged = f"{other.get_absolute_url()}photos/{photos[0].attachment_id}/"
    assert sign_in("zhao_min").get(forged).status_code == 404


@pytest.mark.parametrize(
    ("files", "status", "message"),
    [
        ([SimpleUploadedFile("x.jpg", b"<html>not a picture", "image/jpeg")], 422, "只接受"),
        ([SimpleUploadedFile("x.pdf", b"%PDF-1.7 x", "image/jpeg")], 422, "只能上传照片"),
        ([picture() for _ in range(10)], 422, "最多上传 9 张"),
    ],
)
def test_a_wrong_photo_changes_nothing_and_loses_no_words(
    sign_in: Callable[[str], Client],
    cast: Cast,
    files: list[SimpleUploadedFile],
    status: int,
    message: str,
) -> None:
    issue = with_the_unit(cast)
    response = post_step(
        sign_in("wu_yang"),
        issue,
        "submit_completion",
        outcome="partly",
        text="写了很久的办理情况",
        photos=files,
    )
    page = html(response, status)
    assert message in page
    assert "写了很久的办理情况" in page
    assert "照片须重新选择" in page
    assert unchanged(issue)
    assert not issue.photos.exists()


WRONG_INPUT: list[tuple[dict[str, Any], str]] = [
    ({}, "lead_unit"),
    ({"lead_unit": ""}, "lead_unit"),
    ({"lead_unit": "abc"}, "lead_unit"),
    ({"lead_unit": "99999999999999999999"}, "lead_unit"),
    ({"limit_days": "0"}, "limit_days"),
    ({"limit_days": "61"}, "limit_days"),
    ({"limit_days": "soon"}, "limit_days"),
    ({"text": "字" * 1001}, "text"),
    ({"text": "   "}, "text"),
    ({"text": "a\x00b"}, "text"),
    ({"co_units[0]task": "没有选单位"}, "co_units_0_unit"),
    ({"co_units[0]unit": "abc"}, "co_units_0_unit"),
]


@pytest.mark.parametrize(("wrong", "field"), WRONG_INPUT)
def test_wrong_input_is_named_at_its_field_and_changes_nothing(
    sign_in: Callable[[str], Client], cast: Cast, wrong: dict[str, Any], field: str
) -> None:
    issue = in_town_triage(cast)
    right = {"lead_unit": cast.changqiao_works.pk, "text": "限期整改到位"} if wrong else {}
    response = post_step(sign_in("chen_jing"), issue, "assign", **{**right, **wrong})
    page = html(response, 422)
    assert f'id="id_{field}_error"' in page
    if "text" not in wrong and wrong:
        assert "限期整改到位" in page
    assert unchanged(issue)


def test_emoji_and_rare_characters_are_kept(sign_in: Callable[[str], Client], cast: Cast) -> None:
    issue = reported(cast)
    words = "已联系𠮷田先生👍🏽"
    assert post_step(sign_in("wang_fang"), issue, "first_handle", text=words).status_code == 302
    assert words in html(sign_in("wang_fang").get(issue.get_absolute_url()))


def test_a_unit_outside_the_own_town_cannot_be_ordered_by_a_forged_form(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    for unit in (cast.mudu_works, cast.housing, cast.bus_company):
        response = post_step(sign_in("chen_jing"), issue, "assign", lead_unit=unit.pk, text="办。")
        assert "不在可选范围内" in html(response, 422)
    assert unchanged(issue)


def test_a_rule_that_refuses_is_shown_beside_the_words_already_written(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    data = {
        "lead_unit": cast.changqiao_works.pk,
        "text": "写好的要求",
        "co_units[0]unit": cast.changqiao_patrol.pk,
        "co_units[0]task": "写好的任务",
    }
    page = html(post_step(sign_in("chen_jing"), issue, "assign", **data), 422)
    assert "须先记录会诊意见再交办" in page
    assert "写好的要求" in page
    assert "写好的任务" in page
    assert unchanged(issue)


def test_a_stale_form_says_what_happened_meanwhile_and_keeps_the_words(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    seen = issue.version
    issue = cast.step(
        issue, Action.CONSULT, cast.zhou_wei, units=[cast.changqiao_works], text="意见。"
    )
    client = sign_in("chen_jing")
    data = {"lead_unit": cast.changqiao_works.pk, "text": "写好的要求"}

    page = html(post_step(client, issue, "assign", version=seen, **data), 409)

    assert "周伟" in page
    assert "会诊" in page
    assert "写好的要求" in page
    assert unchanged(issue)
    # The form now stands on what it has just told, so it can be sent again.
    assert f'name="expected_version" value="{issue.version}"' in page
    assert post_step(client, issue, "assign", **data).status_code == 302


def test_a_stale_form_of_a_step_that_is_gone_offers_no_button(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = in_town_triage(cast)
    seen = issue.version
    issue = cast.step(
        issue, Action.ASSIGN, cast.chen_jing, lead_unit=cast.changqiao_works, text="办。"
    )
    page = html(
        post_step(sign_in("chen_jing"), issue, "send_down", version=seen, text="写好的说明"), 409
    )
    assert "这一步已不能办理" in page
    assert "写好的说明" in page
    assert 'type="submit" class="btn btn-primary"' not in page


@pytest.mark.parametrize("version", ["", "x", "-1", "1" * 40, "１"])
def test_a_form_without_a_version_is_refused(
    sign_in: Callable[[str], Client], cast: Cast, version: str
) -> None:
    issue = assigned(cast)
    response = post_step(sign_in("wu_yang"), issue, "acknowledge", version=version)
    assert response.status_code == 400
    assert unchanged(issue)


@pytest.mark.parametrize(
    ("name", "action", "expected"),
    [
        ("sun_li", "assign", 403),  # the district, on a case of the town
        ("wang_fang", "assign", 403),
        ("xu_ning", "assign", 403),
        ("chen_jing", "escalate_district", 403),  # the leader's
        ("chen_jing", "acknowledge", 403),  # not from this state
        ("tang_jie", "assign", 404),
        ("lin_tao", "assign", 404),
        ("bai_jie", "assign", 403),
        ("chen_jing", "create", 404),
        ("chen_jing", "auto_acknowledge", 404),
        ("chen_jing", "delete", 404),
    ],
)
def test_a_step_that_is_not_ones_own_is_refused_as_page_and_as_post(
    sign_in: Callable[[str], Client], cast: Cast, name: str, action: str, expected: int
) -> None:
    issue = in_town_triage(cast)
    client = sign_in(name)
    assert client.get(f"{issue.get_absolute_url()}{action}/").status_code == expected
    data = {"lead_unit": cast.changqiao_works.pk, "text": "办。"}
    assert post_step(client, issue, action, **data).status_code == expected
    assert unchanged(issue)


def test_completion_is_refused_while_a_reply_is_missing(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = cast.step(
        with_two_departments(cast), Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "11:00")
    )
    client = sign_in("he_jun")
    assert "还有 1 个协办单位未回复" in html(client.get(issue.get_absolute_url()))
    response = post_step(client, issue, "submit_completion", outcome="resolved", text="好了。")
    assert "还有 1 个协办单位未回复" in html(response, 422)
    assert unchanged(issue)


def test_htmx_gets_the_form_alone(sign_in: Callable[[str], Client], cast: Cast) -> None:
    issue = in_town_triage(cast)
    url = f"{issue.get_absolute_url()}assign/"
    part = html(sign_in("chen_jing").get(url, headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert 'name="expected_version"' in part


# --- reporting ---


def report_form(cast: Cast, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": str(uuid.uuid4()),
        "place": cast.longxi_grid_1.pk,
        "category": cast.sewage.pk,
        "urgency": "normal",
        "source": "resident",
        "title": "",
        "text": "雨后积水，无法通行。",
        **changes,
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wang_fang", 200),
        ("zhao_min", 200),
        ("chen_jing", 200),
        ("sun_li", 200),
        ("zhou_wei", 403),
        ("he_jun", 403),
        ("shen_lan", 403),
        ("bai_jie", 403),
    ],
)
def test_the_report_form_is_for_those_who_may_report(
    sign_in: Callable[[str], Client], cast: Cast, name: str, expected: int
) -> None:
    assert sign_in(name).get("/issues/report/").status_code == expected
    link = 'href="/issues/report/"' in sign_in(name).get("/issues/").content.decode()
    assert link == (expected == 200)


def test_a_report_with_photos_becomes_a_case(sign_in: Callable[[str], Client], cast: Cast) -> None:
    client = sign_in("wang_fang")
    response = client.post("/issues/report/", report_form(cast, photos=[picture()]))
    issue = Issue.objects.get()
    assert response["Location"] == issue.get_absolute_url()
    assert (issue.reporter, issue.title) == (cast.wang_fang, "雨后积水，无法通行")
    assert issue.photos.count() == 1


def test_the_same_form_sent_twice_makes_one_case(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    client, form = sign_in("wang_fang"), report_form(cast)
    first, second = (client.post("/issues/report/", form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Issue.objects.count() == 1


def test_one_is_offered_the_places_of_the_own_territory(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    def offered(name: str, query: str = "") -> set[str]:
        form = sign_in(name).get(f"/issues/report/{query}").context["form"]
        (place,) = [field for field in form.fields if field.name == "place"]
        return {option.label for group in place.groups for option in group.options}

    assert offered("wang_fang") == {"龙西一格"}
    assert offered("zhao_min") == {"龙西一格", "龙西二格", "龙西社区（不确定网格）"}
    assert offered("chen_jing") == {
        "龙西一格",
        "龙西二格",
        "龙西社区（不确定网格）",
        "新家社区（不确定网格）",
    }
    assert offered("sun_li") == set()  # a town first
    assert offered("sun_li", f"?town={cast.mudu.pk}") == {"金山一格", "金山社区（不确定网格）"}
    assert offered("sun_li", "?town=x") == set()
    assert offered("chen_jing", f"?town={cast.mudu.pk}") == offered("chen_jing")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "字" * 1001}, 422),
        ({"category": "0"}, 422),
        ({"category": "x"}, 422),
        ({"urgency": "panic"}, 422),
        ({"place": "999999"}, 422),
        ({"contact_phone": "call me"}, 422),
        ({"client_id": ""}, 400),
        ({"client_id": "1"}, 400),
    ],
)
def test_a_wrong_report_is_refused_with_its_words_kept(
    sign_in: Callable[[str], Client], cast: Cast, changes: dict[str, Any], status: int
) -> None:
    form = report_form(cast, address="李家角 12 号", **changes)
    response = sign_in("wang_fang").post("/issues/report/", form)
    page = html(response, status)
    if status == 422:
        assert "李家角 12 号" in page
    assert not Issue.objects.exists()


@pytest.mark.parametrize("name", ["wang_fang", "tang_jie"])
def test_nobody_reports_at_a_place_of_others(
    sign_in: Callable[[str], Client], cast: Cast, name: str
) -> None:
    form = report_form(cast, place=cast.longxi_grid_2.pk)
    response = sign_in(name).post("/issues/report/", form)
    assert "不能在这个地点上报" in html(response, 403)
    assert not Issue.objects.exists()


def test_the_page_and_the_action_agree_on_what_one_may_do(cast: Cast) -> None:
    """What waits for somebody is what the action lets them do, or bring on."""
    for bring, expected in WAITS_FOR:
        issue = bring(cast)
        able = {
            name
            for name, user in cast.people.items()
            if Issue.objects.visible_to(again(user)).filter(pk=issue.pk).exists()
            and _can_bring_on(issue, again(user))
        }
        assert able == expected


def _can_bring_on(issue: Issue, user: Any) -> bool:
    state = State(Level(issue.level), Status(issue.status))
    return any(
        why is None and RULES[state, action].owed
        for action, why in actions.available(issue, by=user).items()
    )
