"""Steps by API: the same rules as everywhere, safe to send again, never on a stale case."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from core.models import IdempotencyKey, Message
from issues.choices import Action, Level, Status
from issues.models import Issue, IssueEvent
from tests.api.phone import Phone
from tests.cast import Cast, again, assemble
from tests.issues.moments import at, in_town_triage, submitted, with_two_departments


def current(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


def test_a_case_goes_its_whole_way_by_api(cast: Cast) -> None:
    grid, town, unit = Phone(cast.wang_fang), Phone(cast.chen_jing), Phone(cast.wu_yang)
    issue = cast.report(source="resident", contact_phone="12012345678", contact_name="赵某")

    steps: list[tuple[Phone, str, dict[str, Any]]] = [
        (grid, "first_handle", {"text": "先设围挡。"}),
        (grid, "escalate_town", {"reason": "beyond_power", "text": "须更换井盖。"}),
        (town, "consult", {"units": [cast.changqiao_works.pk], "text": "城建办主办。"}),
        (
            town,
            "assign",
            {
                "lead_unit": cast.changqiao_works.pk,
                "co_units": [{"unit": cast.changqiao_patrol.pk, "task": "维持秩序"}],
                "text": "三日内更换。",
            },
        ),
        (unit, "acknowledge", {}),
        (Phone(cast.xu_lei), "co_reply", {"text": "已维持。"}),
        (
            unit,
            "submit_completion",
            {"outcome": "resolved", "text": "已更换。", "photos": [unit.photo()]},
        ),
        (Phone(cast.shen_lan), "pass_verification", {"photos": [Phone(cast.shen_lan).photo()]}),
        (
            Phone(cast.han_mei),
            "record_revisit",
            {"contact": "reached", "is_solved": True, "satisfaction": 5, "text": "很满意。"},
        ),
    ]
    for phone, action, body in steps:
        answer = phone.step(current(issue), action, **body)
        assert answer.status_code == 200, (action, answer.data)

    issue = current(issue)
    assert (issue.status, issue.outcome, issue.version) == (Status.CLOSED, "resolved", 10)
    assert answer.data == {
        "id": issue.pk,
        "number": issue.number,
        "client_id": str(issue.client_id),
        "level": "town",
        "status": "closed",
        "version": 10,
    }
    assert issue.photos.count() == 2


def test_a_district_department_works_by_api_too(cast: Cast) -> None:
    issue = with_two_departments(cast)
    assert Phone(cast.gao_feng).step(issue, "co_reply", text="已疏通。").status_code == 200
    assert Phone(cast.he_jun).step(current(issue), "acknowledge").status_code == 200
    assert current(issue).status == Status.HANDLING


# --- who and when ---


def test_a_stale_version_is_refused(cast: Cast) -> None:
    seen = cast.report()
    cast.step(seen, Action.FIRST_HANDLE, cast.wang_fang, text="先看看。")

    response = Phone(cast.wang_fang).step(seen, "escalate_town", reason="money", text="需要钱。")

    assert (response.status_code, response.data["code"]) == (409, "stale")
    assert current(seen).level == Level.GRID


def test_an_invisible_case_is_not_found_and_a_visible_one_not_allowed(cast: Cast) -> None:
    issue = cast.report()
    elsewhere = Phone(cast.li_qiang).step(issue, "first_handle", text="我来。")
    onlooker = Phone(cast.cao_xue).step(issue, "first_handle", text="我来。")
    assert (elsewhere.status_code, elsewhere.data["code"]) == (404, "not_found")
    assert (onlooker.status_code, onlooker.data["code"]) == (403, "not_allowed")
    assert current(issue).version == 1


def test_what_the_state_does_not_allow_is_said_in_words(cast: Cast) -> None:
    response = Phone(cast.wang_fang).step(
        cast.report(), "submit_completion", outcome="resolved", text="好了。"
    )
    assert (response.status_code, response.data["code"]) == (422, "wrong_state")
    assert response.data["message"] == "问题现为“待首诊”，不能办结申请。"


def test_who_handled_it_does_not_verify_it(cast: Cast) -> None:
    cast.feng_gang.postings.filter(role="verifier").update(starts_on="2024-01-01")
    response = Phone(cast.feng_gang).step(submitted(cast), "pass_verification", text="合格")
    assert (response.status_code, response.data["code"]) == (422, "refused")


def test_units_outside_the_own_territory_cannot_be_chosen(cast: Cast) -> None:
    issue = in_town_triage(cast)
    for unit in (cast.mudu_works, cast.housing, cast.bus_company):
        response = Phone(cast.chen_jing).step(issue, "assign", lead_unit=unit.pk, text="办。")
        assert response.status_code == 400
        assert set(response.data["fields"]) == {"lead_unit"}
    assert current(issue).status == Status.TRIAGE


@pytest.mark.parametrize(
    "action", ["create", "auto_acknowledge", "absorb", "ASSIGN", "delete", "%00", "表决"]
)
def test_there_are_no_other_actions(cast: Cast, action: str) -> None:
    issue = cast.report()
    response = Phone(cast.wang_fang).step(issue, action, text="?")
    assert (response.status_code, response.data["code"]) == (404, "unknown_action")
    assert current(issue).version == 1


# --- sent again ---


def test_a_step_needs_an_idempotency_key(cast: Cast) -> None:
    issue = cast.report()
    for key, code in [("", "idempotency_key_required"), ("short", "idempotency_key_invalid")]:
        response = Phone(cast.wang_fang).step(issue, "first_handle", key=key, text="办。")
        assert (response.status_code, response.data["code"]) == (400, code)
    assert current(issue).version == 1


def test_a_retry_gets_the_first_answer_not_a_conflict_with_itself(cast: Cast) -> None:
    issue, phone, key = cast.report(), Phone(cast.wang_fang), str(uuid.uuid4())

    first = phone.step(issue, "first_handle", key=key, text="先看看。")
    cast.step(issue, Action.ESCALATE_TOWN, cast.wang_fang, reason="money", text="需要钱。")
    retry = phone.step(issue, "first_handle", key=key, text="先看看。")

    assert (first.status_code, retry.status_code) == (200, 200)
    assert retry.data == first.data
    assert (retry.data["version"], retry["Idempotency-Replayed"]) == (2, "true")
    assert current(issue).version == 3


def test_a_retry_with_a_photo_that_is_in_use_by_now_is_a_retry(cast: Cast) -> None:
    issue, phone, key = cast.report(), Phone(cast.wang_fang), str(uuid.uuid4())
    body = {"outcome": "resolved", "photos": [phone.photo()]}
    first = phone.step(issue, "resolve_on_spot", key=key, **body)
    retry = phone.step(issue, "resolve_on_spot", key=key, **body)
    assert (first.status_code, retry.status_code) == (200, 200)
    assert retry.data == first.data


def test_a_key_belongs_to_one_request(cast: Cast) -> None:
    issue, other, key = cast.report(), cast.report(), str(uuid.uuid4())
    phone = Phone(cast.wang_fang)
    phone.step(issue, "first_handle", key=key, text="先看看。")

    for response in (
        phone.step(issue, "first_handle", key=key, text="另一句。"),
        phone.step(other, "first_handle", key=key, text="先看看。"),
    ):
        assert (response.status_code, response.data["code"]) == (422, "key_reused")
    assert current(other).version == 1


def test_a_refusal_is_not_kept(cast: Cast) -> None:
    issue, phone, key = cast.report(), Phone(cast.wang_fang), str(uuid.uuid4())
    assert phone.step(issue, "first_handle", key=key).status_code == 400
    assert phone.step(issue, "first_handle", key=key, text="现在写了。").status_code == 200


def test_a_kept_answer_holds_no_words(cast: Cast) -> None:
    Phone(cast.wang_fang).step(cast.report(), "first_handle", text="居民赵大妈家门口。")
    assert "赵大妈" not in IdempotencyKey.objects.get().response


def test_two_equal_steps_at_once_are_one_step(committed_db: str) -> None:
    cast = assemble()
    issue = cast.report(at=at("2025-03-03"))
    key = str(uuid.uuid4())
    answers = both_at_once(
        cast, lambda phone: phone.step(issue, "first_handle", key=key, text="先看看。")
    )
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].data == answers[1].data
    assert IssueEvent.objects.filter(issue=issue).count() == 2


def test_of_two_different_steps_at_once_one_is_stale(committed_db: str) -> None:
    cast = assemble()
    issue = cast.report(at=at("2025-03-03"))
    answers = both_at_once(
        cast, lambda phone: phone.step(issue, "escalate_town", reason="money", text="需要钱。")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert IssueEvent.objects.filter(issue=issue).count() == 2
    keys = Message.objects.filter(key__startswith=f"issue:{issue.pk}:2:").values_list("recipient")
    assert len(keys) == len(set(keys)) > 0


def both_at_once(cast: Cast, act: Any) -> list[Any]:
    phones = [Phone(again(cast.wang_fang)) for _ in range(2)]
    together = threading.Barrier(2)

    def send(phone: Phone) -> Any:
        try:
            together.wait(20)
            return act(phone)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        return list(threads.map(send, phones))
