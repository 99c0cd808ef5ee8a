"""The desk: what each person's queues hold, the case beside them, steps in place, bulk dispatch."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from issues import actions
from issues.case import Case
from issues.choices import Action, ClockKind, Outcome, Status
from issues.desk import dispatch
from issues.desk import page as desk_page
from issues.desk.queues import counts, queues_of, rows_of
from issues.models import Issue, IssueEvent
from issues.offers import offers
from issues.office import Office
from people.models import Organisation, User
from tests.cast import Cast, again
from tests.issues.moments import (
    assigned,
    at,
    in_district_triage,
    in_town_triage,
    submitted,
    suspended,
    with_the_unit,
)

DESK = "/issues/desk/"
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _on_tuesday_morning(time_machine) -> None:  # type: ignore[no-untyped-def]
    time_machine.move_to("2025-03-04T09:30:00+08:00", tick=False)


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


def listed(response: Any) -> list[int]:
    assert response.status_code == 200
    return [row.issue.pk for row in response.context["rows"]]


def triage(cast: Cast, hour: str = "11:00", day: str = "2025-03-03", **changes: Any) -> Issue:
    """A case that the town has to consult on; due on the working day after ``day``."""
    issue = cast.report(at=at(day, "09:00"), **changes)
    return cast.step(
        issue, Action.ESCALATE_TOWN, cast.wang_fang, at(day, hour), reason="money", text="需资金。"
    )


def unchanged(issue: Issue) -> bool:
    now = Issue.objects.get(pk=issue.pk)
    return (now.version, now.status) == (issue.version, issue.status)


# --- queues ---

QUEUES = {
    "wang_fang": ["等我办理", "待首诊", "网格速办中", "待核查", "临期", "超期", "全部在办"],
    "chen_jing": ["等我办理", "待会诊", "退回待裁定", "临期", "超期", "督办中", "全部在办"],
    "zhou_wei": ["等我办理", "待会诊", "退回待裁定", "临期", "超期", "督办中", "全部在办"],
    "wu_yang": ["等我办理", "待签收", "办理中", "临期", "超期", "全部在办"],
    "shen_lan": ["等我办理", "临期", "超期", "全部在办"],
    "han_mei": ["等我办理", "临期", "超期", "全部在办"],
    "sun_li": ["等我办理", "待联诊", "退回待裁定", "临期", "超期", "督办中", "全部在办"],
    "xu_ning": ["等我办理", "临期", "超期", "督办中", "全部在办"],
    "cao_xue": ["临期", "超期", "全部在办"],
}
RARE = {
    "wang_fang": {"督办待反馈", "批示待反馈"},
    "chen_jing": {"待批延期", "待复核作废", "督办待反馈", "批示待反馈"},
    "zhou_wei": {"待批延期", "待批挂起", "待复核作废", "待二次审核", "督办待销号"},
    "wu_yang": {"督办待反馈", "批示待反馈", "待协办回复"},
    "xu_ning": {"督办待销号"},
    "shen_lan": set(),
}


@pytest.mark.parametrize(("name", "expected"), QUEUES.items())
def test_everybody_has_the_queues_of_their_role(cast: Cast, name: str, expected: list[str]) -> None:
    queues = queues_of(again(cast.people[name]), timezone.now()).all
    assert [queue.label for queue in queues if not queue.is_rare] == expected


@pytest.mark.parametrize(("name", "expected"), RARE.items())
def test_what_is_rarely_asked_has_a_queue_that_shows_itself_when_needed(
    cast: Cast, name: str, expected: set[str]
) -> None:
    queues = queues_of(again(cast.people[name]), timezone.now()).all
    assert {queue.label for queue in queues if queue.is_rare} == expected


def test_a_supervisor_begins_with_what_is_supervised_and_others_with_their_own(cast: Cast) -> None:
    begins = {
        name: queues_of(again(cast.people[name]), timezone.now()).default.label
        for name in ("chen_jing", "wu_yang", "xu_ning", "cao_xue")
    }
    assert begins == {
        "chen_jing": "等我办理",
        "wu_yang": "等我办理",
        "xu_ning": "督办中",
        "cao_xue": "全部在办",
    }


def test_every_number_is_the_number_of_rows_behind_it(cast: Cast) -> None:
    in_town_triage(cast), with_the_unit(cast), submitted(cast), in_district_triage(cast)
    for name, user in cast.people.items():
        person = again(user)
        if not person.sees_business:
            continue
        queues = queues_of(person, timezone.now())
        number = counts(person, queues)
        for queue in queues.all:
            assert number[queue.key].number == rows_of(person, queue).count(), (name, queue.label)


def test_a_pending_extension_is_in_the_queue_of_who_decides_on_it(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = with_the_unit(cast)
    other = with_the_unit(cast)
    cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-04", "11:00"),
        until=at("2025-03-17").date(),
        text="等待管材。",
    )
    response = sign_in("chen_jing").get(f"{DESK}?queue=approve_extension")
    assert listed(response) == [issue.pk]
    assert other.pk not in listed(sign_in("chen_jing").get(DESK))


def test_the_numbers_of_all_queues_take_one_query(cast: Cast) -> None:
    person = again(cast.chen_jing)
    queues = queues_of(person, timezone.now())
    with CaptureQueriesContext(connection) as queries:
        counts(person, queues)
    assert len(queries) == 1


# --- the list ---


def test_the_queue_begins_with_what_is_due_next(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    late = triage(cast, day="2025-02-27")
    soon = triage(cast, day="2025-02-28")
    later = triage(cast, day="2025-03-03")
    assert listed(sign_in("chen_jing").get(DESK)) == [late.pk, soon.pk, later.pk]


def test_filters_narrow_the_queue_and_stay_in_every_link(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    wanted = triage(cast, urgency="urgent")
    triage(cast)
    response = sign_in("chen_jing").get(f"{DESK}?queue=triage&urgency=urgent&junk=1")
    assert listed(response) == [wanted.pk]
    (row,) = response.context["rows"]
    assert row.url == f"{DESK}?queue=triage&urgency=urgent&case={wanted.pk}"


def test_pages_of_a_queue_follow_one_another(
    sign_in: Callable[[str], Client], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = [triage(cast, hour=f"1{number}:00") for number in range(5)]
    monkeypatch.setattr(desk_page, "DESK", replace(desk_page.DESK, page_size=2))
    client = sign_in("chen_jing")
    seen, url = [], DESK
    while True:
        response = client.get(url)
        seen += listed(response)
        if not response.context["page"].next_url:
            break
        url = f"{DESK}{response.context['page'].next_url}"
    assert sorted(seen) == sorted(issue.pk for issue in issues)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    "query",
    [
        "queue=nowhere",
        "queue=approve_extension",  # not one of this person's
        "case=x",
        "case=-1",
        "case=１",
        "case=9999999999999999999999",
        "sort=title",
        "after=x",
        "status=closed",
        "received_from=gestern",
        "q=%00",
    ],
)
def test_a_wrong_address_is_answered_with_a_sentence(
    sign_in: Callable[[str], Client], cast: Cast, query: str
) -> None:
    client = sign_in("shen_lan")
    page = html(client.get(f"{DESK}?{query}"), 400)
    assert re.search("[\u4e00-\u9fff]", page)
    assert client.get(
        f"{DESK}?{query}", headers={**HTMX, "HX-Target": "desk-list"}
    ).status_code in (
        200,  # a part that does not look at the case
        400,
    )


def test_thirty_cases_take_as_many_queries_as_three(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    client = sign_in("chen_jing")
    taken = []
    for number in (3, 27):
        for _ in range(number):
            triage(cast, area=cast.lijiajiao)
        client.get(DESK)  # what is kept in memory is read
        with CaptureQueriesContext(connection) as queries:
            rows = listed(client.get(DESK))
        taken.append((len(rows), len(queries)))
    assert [rows for rows, _ in taken] == [3, 30]
    assert taken[0][1] == taken[1][1] <= 10


# --- the case beside it ---


def test_the_case_in_the_address_is_shown_again_after_a_reload(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    first, second = triage(cast, hour="10:00"), triage(cast)
    page = html(sign_in("chen_jing").get(f"{DESK}?queue=triage&case={second.pk}"))
    assert f'data-case="{second.pk}" aria-labelledby' in page
    assert page.count('aria-current="true"') == 1
    assert first.number not in page.split('id="desk-pane"')[1]


def test_a_case_that_one_may_not_see_is_not_found(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    client = sign_in("tang_jie")
    assert client.get(f"{DESK}?case={issue.pk}").status_code == 404
    assert client.get(f"{DESK}{issue.pk}/assign/").status_code == 404


def test_htmx_gets_the_part_that_it_swaps(sign_in: Callable[[str], Client], cast: Cast) -> None:
    issue = triage(cast)
    client = sign_in("chen_jing")
    url = f"{DESK}?case={issue.pk}"
    pane = html(client.get(url, headers={**HTMX, "HX-Target": "desk-pane"}))
    rows = html(client.get(url, headers={**HTMX, "HX-Target": "desk-list"}))
    assert "<html" not in pane + rows
    assert "办理过程" in pane
    assert "desk-row" not in pane
    assert "desk-row" in rows
    assert "办理过程" not in rows


def test_what_must_be_done_comes_before_what_may_be_done(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    shown = sign_in("zhou_wei").get(f"{DESK}?case={issue.pk}").context["offers"]
    assert [offer.label for offer in shown.owed] == ["会诊"]
    assert "催办" in [offer.label for offer in shown.others]
    assert ("提级联诊", "提级联诊前须先记录镇街会诊意见。") in [
        (offer.label, offer.refusal) for offer in shown.blocked
    ]


# --- steps in place ---


def act(client: Client, issue: Issue, action: str, query: str = "", **data: Any) -> Any:
    version = data.pop("version", issue.version)
    headers = data.pop("headers", {**HTMX, "HX-Target": "step"})
    url = f"{DESK}{issue.pk}/{action}/{query}"
    return client.post(url, {"expected_version": version, **data}, headers=headers)


def test_after_a_step_the_desk_goes_on_to_the_next_case_of_the_queue(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    before, done, after = (triage(cast, day=f"2025-02-{day}") for day in (26, 27, 28))
    client = sign_in("chen_jing")
    response = act(client, done, "send_down", "?queue=triage", reason="needs_facts", text="补充。")
    part = html(response)
    assert response.headers["HX-Retarget"] == "#desk-pane"
    assert response.headers["HX-Replace-Url"] == f"{DESK}?queue=triage&case={after.pk}"
    assert response.context["issue"] == after
    assert [row.issue.pk for row in response.context["rows"]] == [before.pk, after.pk]
    assert f"{done.number} 已下沉，现为“待首诊”。" in part
    assert 'id="count-triage" data-count="2" hx-swap-oob="true"' in part


def test_after_the_last_case_the_desk_goes_to_the_one_before_and_then_to_none(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    first, last = (triage(cast, day=f"2025-02-{day}") for day in (27, 28))
    client = sign_in("chen_jing")
    response = act(client, last, "send_down", reason="needs_facts", text="补充。")
    assert response.context["issue"] == first
    response = act(client, first, "send_down", reason="needs_facts", text="补充。")
    assert response.context["issue"] is None
    assert response.headers["HX-Replace-Url"] == DESK
    assert "里没有问题" in html(response)


def test_after_what_is_due_last_comes_what_has_no_date(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    undated = suspended(cast)
    first, middle, last = (triage(cast, day=f"2025-02-{day}") for day in (26, 27, 28))
    client = sign_in("chen_jing")
    for done, upcoming in ((middle, last), (last, undated)):
        response = act(client, done, "merge", "?queue=all", master=first.pk)
        assert response.context["issue"] == upcoming


def test_a_case_that_still_waits_for_me_stays_open(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue, _ = triage(cast, day="2025-02-27"), triage(cast)
    response = act(
        sign_in("chen_jing"), issue, "consult", units=[cast.changqiao_works.pk], text="同意。"
    )
    assert response.context["issue"] == issue
    assert response.headers["HX-Replace-Url"] == f"{DESK}?case={issue.pk}"


def test_without_scripts_the_next_case_is_one_redirect_away(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    done, after = triage(cast, day="2025-02-27"), triage(cast)
    client = sign_in("chen_jing")
    response = act(
        client, done, "send_down", "?q=", headers={}, reason="needs_facts", text="补充。"
    )
    assert (response.status_code, response["Location"]) == (302, f"{DESK}?case={after.pk}")
    assert "已下沉" in html(client.get(response["Location"]))


def test_a_refused_step_keeps_the_words_in_the_pane(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    response = act(sign_in("chen_jing"), issue, "send_down", "?queue=triage", text="写了很久的说明")
    part = html(response, 422)
    assert "HX-Retarget" not in response.headers
    assert "写了很久的说明" in part
    assert 'id="id_reason_error"' in part
    assert f'hx-post="{DESK}{issue.pk}/send_down/?queue=triage"' in part
    assert unchanged(issue)


def test_a_form_that_came_too_late_tells_every_step_it_missed(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    seen = issue.version
    for _ in range(2):
        issue = cast.step(
            issue, Action.CONSULT, cast.zhou_wei, units=[cast.changqiao_works], text="意见。"
        )
    response = act(
        sign_in("chen_jing"), issue, "send_down", version=seen, reason="needs_facts", text="写好的"
    )
    part = html(response, 409)
    assert part.count("周伟（长桥街道 镇街分管领导） 会诊") == 2
    assert "写好的" in part
    assert unchanged(issue)


@pytest.mark.parametrize(
    ("name", "action", "expected"),
    [
        ("wang_fang", "assign", 403),
        ("sun_li", "assign", 403),
        ("tang_jie", "assign", 404),
        ("bai_jie", "assign", 403),
        ("chen_jing", "auto_acknowledge", 404),
    ],
)
def test_the_desk_takes_no_step_that_is_not_ones_own(
    sign_in: Callable[[str], Client], cast: Cast, name: str, action: str, expected: int
) -> None:
    issue = triage(cast)
    data = {"lead_unit": cast.changqiao_works.pk, "text": "办。"}
    assert act(sign_in(name), issue, action, **data).status_code == expected
    assert unchanged(issue)


# --- numbers that refresh ---


def test_refreshing_the_numbers_does_not_put_off_the_idle_sign_out(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    triage(cast)
    client = sign_in("chen_jing")
    client.get(DESK)
    before = client.session.get_expiry_date()
    stored = client.session.model.objects.get().expire_date
    response = client.get(f"{DESK}counts/", headers=HTMX)
    assert 'id="count-mine" data-count="1" hx-swap-oob="true">1</span>' in html(response)
    assert "sessionid" not in response.cookies
    assert client.session.model.objects.get().expire_date == stored
    assert client.session.get_expiry_date() == before
    assert client.get(DESK).status_code == 200  # and does not sign out either


# --- the story ---


def waited(response: Any) -> list[tuple[str, str, str] | None]:
    return [
        (entry.wait.length, entry.wait.limit, entry.wait.standing) if entry.wait else None
        for entry in response.context["entries"]
    ]


def test_the_story_tells_how_long_the_case_waited_and_which_limit_ran(
    sign_in: Callable[[str], Client], cast: Cast, time_machine: Any
) -> None:
    time_machine.move_to("2025-03-10T10:00:00+08:00", tick=False)
    issue = submitted(cast)
    response = sign_in("chen_jing").get(issue.get_absolute_url())
    assert waited(response) == [
        None,
        ("1 小时", "首诊判断时限 1 个工作日", "按期"),
        ("3 小时", "会诊研判时限 1 个工作日", "按期"),
        ("1 个工作日", "办理时限 7 个工作日", "还有 6 个工作日"),
        ("2 个工作日", "办理时限 7 个工作日", "按期"),
    ]
    present = response.context["present_wait"]
    assert (present.length, present.limit, present.standing, present.is_late) == (
        "2 个工作日",
        "核查时限 2 个工作日",
        "今天到期",
        False,
    )


def test_a_limit_that_was_missed_is_told_as_late(
    sign_in: Callable[[str], Client], cast: Cast, time_machine: Any
) -> None:
    time_machine.move_to("2025-03-10T10:00:00+08:00", tick=False)
    issue = cast.step(
        in_town_triage(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-07"),
        lead_unit=cast.changqiao_works,
        text="办。",
    )
    last = sign_in("chen_jing").get(issue.get_absolute_url()).context["entries"][-1]
    assert (last.wait.length, last.wait.limit) == ("4 个工作日", "会诊研判时限 1 个工作日")
    assert (last.wait.standing, last.wait.is_late) == ("超期 3 个工作日", True)


def test_an_extension_does_not_change_what_was_seen_before_it(
    sign_in: Callable[[str], Client], cast: Cast, time_machine: Any
) -> None:
    time_machine.move_to("2025-03-20T10:00:00+08:00", tick=False)
    issue = with_the_unit(cast)  # due on the 12th
    day = at("2025-03-14").date()
    for action, by, when, data in [
        (Action.PROGRESS, cast.wu_yang, "2025-03-06", {"visibility": "internal"}),
        (Action.REQUEST_EXTENSION, cast.zheng_hua, "2025-03-07", {"until": day}),
        (Action.APPROVE_EXTENSION, cast.chen_jing, "2025-03-10", {}),
        (Action.PROGRESS, cast.wu_yang, "2025-03-11", {"visibility": "internal"}),
    ]:
        issue = cast.step(issue, action, by, at(when), text="说明。", **data)
    response = sign_in("chen_jing").get(issue.get_absolute_url())
    assert [wait[2] for wait in waited(response)[-4:] if wait] == [
        "还有 4 个工作日",
        "还有 3 个工作日",
        "还有 2 个工作日",
        "还有 3 个工作日",
    ]
    approved = response.context["entries"][-2]
    assert ("办理到期", "2025-03-12 17:30 → 2025-03-14 17:30") in approved.facts


def test_a_closed_case_waits_for_nothing(sign_in: Callable[[str], Client], cast: Cast) -> None:
    issue = cast.step(
        submitted(cast), Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-07"), text="属实。"
    )
    assert sign_in("chen_jing").get(issue.get_absolute_url()).context["present_wait"] is None


# --- what a step will do, said in dates ---


def promised(issue: Issue, by: User, action: Action, now: datetime) -> tuple[str, ...]:
    case = Case.load(issue)
    office = Office.for_cases([issue])
    available = case.available(again(by).current_postings, office, now)
    (offer,) = (
        one for one in offers(case, available, office, now).possible if one.action == action
    )
    return offer.clocks


def test_an_order_says_when_it_will_be_due(cast: Cast) -> None:
    issue = in_town_triage(cast)
    assert promised(issue, cast.chen_jing, Action.ASSIGN, timezone.now()) == (
        "会诊研判时限就此停止，按期",
        "办理时限 7 个工作日，从现在起算，到 3月13日 17:30",
    )
    assert promised(issue, cast.chen_jing, Action.ASSIGN, at("2025-03-06"))[0] == (
        "会诊研判时限就此停止，已超期 2 个工作日"
    )


def test_what_cannot_be_known_yet_is_said_in_words(cast: Cast) -> None:
    issue = with_the_unit(cast)
    cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-04", "11:00"),
        until=at("2025-03-17").date(),
        text="等待管材。",
    )
    issue = Issue.objects.select_related("category").get(pk=issue.pk)
    assert promised(issue, cast.chen_jing, Action.APPROVE_EXTENSION, timezone.now()) == (
        "办理时限和总时限顺延，原到期日留存",
    )


def test_looking_at_what_a_step_would_do_changes_nothing(cast: Cast) -> None:
    issue = with_the_unit(cast)
    case = Case.load(issue)
    before = [(clock.due_at, clock.ended_at, clock.paused_at) for clock in case.clocks]
    for user in (cast.wu_yang, cast.zheng_hua, cast.chen_jing, cast.zhou_wei):
        office = Office.for_cases([issue])
        offers(
            case,
            case.available(again(user).current_postings, office, timezone.now()),
            office,
            timezone.now(),
        )
    assert [(clock.due_at, clock.ended_at, clock.paused_at) for clock in case.clocks] == before
    assert (case.issue.status, case.supervisions) == (Status.HANDLING, [])
    assert unchanged(issue)


STEPS: list[tuple[Callable[[Cast], Issue], Action, str, dict[str, Any]]] = [
    (lambda cast: cast.report(), Action.FIRST_HANDLE, "wang_fang", {"text": "先行处理。"}),
    (
        lambda cast: cast.report(),
        Action.ESCALATE_TOWN,
        "wang_fang",
        {"reason": "money", "text": "需资金。"},
    ),
    (
        in_town_triage,
        Action.SEND_DOWN,
        "chen_jing",
        {"reason": "needs_facts", "text": "补充。"},
    ),
    (
        with_the_unit,
        Action.SUBMIT_COMPLETION,
        "wu_yang",
        {"outcome": Outcome.RESOLVED, "text": "好了。"},
    ),
    (submitted, Action.FAIL_VERIFICATION, "zhao_min", {"reason": "not_done", "text": "未做。"}),
]


@pytest.mark.parametrize(("bring", "action", "name", "data"), STEPS)
def test_what_was_promised_is_what_happens(
    cast: Cast,
    time_machine: Any,
    bring: Callable[[Cast], Issue],
    action: Action,
    name: str,
    data: dict[str, Any],
) -> None:
    time_machine.move_to("2025-03-07T10:00:00+08:00", tick=False)
    issue = bring(cast)
    words = promised(issue, cast.people[name], action, timezone.now())
    issue = cast.step(issue, action, cast.people[name], **data)
    running = issue.clocks.filter(ended_at__isnull=True, kind__in=[ClockKind.STEP])
    for clock in running:
        local = timezone.localtime(clock.due_at)
        assert any(f"到 {local.month}月{local.day}日 {local:%H:%M}" in line for line in words)


# --- dispatch in bulk ---


def order(cast: Cast, *issues: Issue, **changes: Any) -> dict[str, Any]:
    return {
        "id": [issue.pk for issue in issues],
        "lead_unit": cast.changqiao_works.pk,
        "limit_days": "",
        "text": "限期整改。",
        **changes,
    }


def confirmation(response: Any) -> dict[str, Any]:
    """The fields of the preview as a browser would send them."""
    page = html(response)
    fields: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page):
        fields.setdefault(name, []).append(value)
    words = re.search(r'<textarea name="text" hidden>\n(.*?)</textarea>', page, re.S)
    assert words
    return {**fields, "text": words[1]}


def test_the_preview_says_for_each_case_what_will_happen_or_why_not(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    ready, urgent = triage(cast), triage(cast, urgency="urgent")
    gone = assigned(cast)
    foreign = cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1)
    client = sign_in("chen_jing")
    page = html(client.get(f"{DESK}dispatch/?id={ready.pk}&id={gone.pk}&id={foreign.pk}"))
    assert "要交办的 1 件" in page
    assert gone.number not in page.split("要交办的")[0]
    assert foreign.title not in page.replace(ready.title, "")

    response = client.post(f"{DESK}dispatch/preview/", order(cast, ready, urgent, gone))

    page = html(response)
    assert "将交办 2 件" in page
    due = {row.issue.pk: row.due_at for row in response.context["prospects"]}
    assert due[ready.pk] == at("2025-03-13", "17:30")
    assert due[urgent.pk] is not None
    assert "现为“待签收”，不在您的交办环节" in page
    assert unchanged(ready)
    assert not IssueEvent.objects.filter(issue=ready, action=Action.ASSIGN).exists()


def test_a_rule_that_refuses_the_order_is_named_in_the_preview(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    Organisation.objects.create(
        name="长桥街道新设办", short_name="新设办", kind="town_office", place=cast.changqiao
    )
    empty = Organisation.objects.get(short_name="新设办")
    issue = triage(cast)
    response = sign_in("chen_jing").post(
        f"{DESK}dispatch/preview/", order(cast, issue, lead_unit=empty.pk)
    )
    page = html(response)
    assert "新设办没有在职的承办经办" in page
    assert "确认交办" not in page


def test_each_case_is_dispatched_as_it_was_seen_and_one_that_moved_on_is_left_alone(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    one, two, moved = (triage(cast) for _ in range(3))
    client = sign_in("chen_jing")
    form = confirmation(
        client.post(f"{DESK}dispatch/preview/", order(cast, one, two, moved, limit_days="5"))
    )
    moved = cast.step(moved, Action.SEND_DOWN, cast.chen_jing, reason="needs_facts", text="补充。")

    response = client.post(f"{DESK}dispatch/confirm/", form)

    assert (response.status_code, response["Location"]) == (302, f"{DESK}dispatch/result/")
    page = html(client.get(response["Location"]))
    assert "已交办 2 件，1 件没有办成" in page
    assert "这条记录刚被他人更新" in page
    for issue in (one, two):
        issue.refresh_from_db()
        assert (issue.status, issue.lead_unit) == (Status.ASSIGNED, cast.changqiao_works)
        assert issue.due_at == at("2025-03-11", "17:30")
        assert issue.assignments.get().task == "限期整改。"
    assert unchanged(moved)


def test_sending_the_confirmation_twice_dispatches_nothing_twice(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    client = sign_in("chen_jing")
    form = confirmation(client.post(f"{DESK}dispatch/preview/", order(cast, issue)))
    for _ in range(2):
        assert client.post(f"{DESK}dispatch/confirm/", form).status_code == 302
    assert IssueEvent.objects.filter(issue=issue, action=Action.ASSIGN).count() == 1


def test_a_case_that_is_refused_stops_no_other_and_is_not_half_done(cast: Cast) -> None:
    good, bad = triage(cast), triage(cast)
    data = {"lead_unit": cast.changqiao_works, "text": "办。"}
    results = dispatch.dispatch(
        [(bad.pk, bad.version + 1), (good.pk, good.version)], by=again(cast.chen_jing), data=data
    )
    assert [(row.issue_id, bool(row.refusal)) for row in results] == [
        (bad.pk, True),
        (good.pk, False),
    ]
    assert unchanged(bad)
    assert not bad.assignments.exists()


def test_the_order_can_be_changed_after_the_preview(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    client = sign_in("chen_jing")
    form = confirmation(client.post(f"{DESK}dispatch/preview/", order(cast, issue)))
    page = html(client.post(f"{DESK}dispatch/preview/", {**form, "edit": "1"}))
    assert "限期整改。" in page
    assert f'<option value="{cast.changqiao_works.pk}" selected>' in page


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lead_unit": ""}, "lead_unit"),
        ({"lead_unit": "abc"}, "lead_unit"),
        ({"limit_days": "0"}, "limit_days"),
        ({"limit_days": "61"}, "limit_days"),
        ({"text": "  "}, "text"),
        ({"text": "字" * 1001}, "text"),
    ],
)
def test_a_wrong_order_is_named_at_its_field_and_keeps_the_rest(
    sign_in: Callable[[str], Client], cast: Cast, changes: dict[str, str], field: str
) -> None:
    issue = triage(cast)
    client = sign_in("chen_jing")
    page = html(client.post(f"{DESK}dispatch/preview/", order(cast, issue, **changes)), 422)
    assert f'id="id_{field}_error"' in page
    assert f'name="id" value="{issue.pk}"' in page
    confirmed = {**order(cast, issue, **changes), "case": f"{issue.pk}:{issue.version}"}
    assert client.post(f"{DESK}dispatch/confirm/", confirmed).status_code == 422
    assert unchanged(issue)


def test_a_unit_outside_the_own_town_cannot_be_ordered_in_bulk_either(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    issue = triage(cast)
    form = {
        **order(cast, issue, lead_unit=cast.mudu_works.pk),
        "case": f"{issue.pk}:{issue.version}",
    }
    client = sign_in("chen_jing")
    for step in ("preview", "confirm"):
        assert "不在可选范围内" in html(client.post(f"{DESK}dispatch/{step}/", form), 422)
    assert unchanged(issue)


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 422, "请先在工作台勾选"),
        ("id=x", 400, "请从工作台重新勾选"),
        ("&".join(f"id={number}" for number in range(51)), 422, "一次最多交办 50 件"),
    ],
)
def test_too_few_too_many_or_no_cases_are_refused(
    sign_in: Callable[[str], Client], cast: Cast, query: str, status: int, words: str
) -> None:
    assert words in html(sign_in("chen_jing").get(f"{DESK}dispatch/?{query}"), status)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("wang_fang", 403), ("zhou_wei", 403), ("wu_yang", 403), ("bai_jie", 403), ("tang_jie", 200)],
)
def test_only_a_dispatcher_dispatches_and_only_the_own_cases(
    sign_in: Callable[[str], Client], cast: Cast, name: str, expected: int
) -> None:
    issue = triage(cast)
    client = sign_in(name)
    response = client.get(f"{DESK}dispatch/?id={issue.pk}")
    assert response.status_code == expected
    if expected == 200:
        assert issue.number not in html(response)
        form = {**order(cast, issue), "case": f"{issue.pk}:{issue.version}"}
        client.post(f"{DESK}dispatch/confirm/", form)
    assert unchanged(issue)


def test_ticks_are_offered_where_an_order_is_possible(
    sign_in: Callable[[str], Client], cast: Cast
) -> None:
    mine, theirs = triage(cast), in_district_triage(cast)
    rows = sign_in("chen_jing").get(f"{DESK}?queue=all").context["rows"]
    assert {row.issue.pk: row.can_dispatch for row in rows} == {mine.pk: True, theirs.pk: False}
    rows = sign_in("sun_li").get(f"{DESK}?queue=all").context["rows"]
    assert {row.issue.pk: row.can_dispatch for row in rows} == {mine.pk: False, theirs.pk: True}


def test_the_preview_agrees_with_what_the_action_then_does(cast: Cast) -> None:
    issue = triage(cast)
    person, now = again(cast.chen_jing), timezone.now()
    data = {"lead_unit": cast.changqiao_works, "limit_days": 3, "text": "办。"}
    (seen,) = dispatch.preview([issue], by=person, data=data, at=now)
    event = actions.perform(
        issue.pk, Action.ASSIGN, by=person, data=data, expected_version=issue.version, at=now
    )
    assert (seen.due_at, seen.overall_due_at) == (event.issue.due_at, event.issue.overall_due_at)
