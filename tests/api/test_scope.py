"""Who gets what from every endpoint, written out by hand for the whole cast.

The case stands with two departments of the district (住建局 leads, 水务局 helps). It was reported
in 龙西一格 of 长桥, with a photo.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction
from django.urls import get_resolver

from issues.choices import Action
from issues.models import Issue
from issues.workflow import TAKEN_ELSEWHERE
from tests.api.phone import API, Phone, report_body
from tests.cast import Cast

# anonymous, other town, own grid, own town, department involved, not involved, district, auditor
NAMES = [None, "li_qiang", "wang_fang", "chen_jing", "he_jun", "lin_tao", "sun_li", "bai_jie"]


@pytest.fixture
def issue(cast: Cast) -> Issue:
    phone = Phone(cast.wang_fang)
    body = report_body(cast, photos=[phone.photo()], source="resident", contact_phone="12012345678")
    made = phone.send("/issues", body)
    issue = Issue.objects.get(pk=made.data["id"])
    cast.step(issue, Action.ESCALATE_TOWN, cast.wang_fang, reason="several_units", text="提级。")
    cast.step(issue, Action.CONSULT, cast.chen_jing, units=[cast.changqiao_works], text="会诊。")
    cast.step(issue, Action.ESCALATE_DISTRICT, cast.zhou_wei, reason="several_units", text="提请。")
    cast.step(issue, Action.CONSULT, cast.sun_li, units=[cast.housing, cast.water], text="联诊。")
    return cast.step(
        issue,
        Action.ASSIGN,
        cast.sun_li,
        lead_unit=cast.housing,
        co_units=[{"unit": cast.water, "task": "疏通", "reply_required": True}],
        text="整改。",
    )


def codes(cast: Cast, ask: Callable[[Phone], int]) -> dict[str | None, int]:
    """What each of NAMES is answered; what one of them did is undone before the next."""
    answers: dict[str | None, int] = {}
    for name in NAMES:
        with transaction.atomic():
            answers[name] = ask(Phone(cast.people[name]) if name else Phone())
            transaction.set_rollback(True)
    return answers


def expect(*answers: int) -> dict[str | None, int]:
    """One code for each of NAMES, in their order."""
    return dict(zip(NAMES, answers, strict=True))


READINGS = [
    ("", expect(401, 404, 200, 200, 200, 404, 200, 404)),
    ("/timeline", expect(401, 404, 200, 200, 200, 404, 200, 404)),
    ("/photos/{photo}", expect(401, 404, 200, 200, 200, 404, 200, 404)),
    ("/duplicates", expect(401, 404, 200, 200, 200, 404, 200, 404)),
    ("/colleagues", expect(401, 404, 200, 200, 200, 404, 200, 404)),
]


@pytest.mark.parametrize(("path", "expected"), READINGS)
def test_reading_a_case(
    cast: Cast, issue: Issue, path: str, expected: dict[str | None, int]
) -> None:
    photo = issue.photos.get().attachment_id
    address = f"{API}/issues/{issue.pk}{path.format(photo=photo)}"

    def ask(phone: Phone) -> int:
        response = phone.get(address)
        if response.streaming:
            b"".join(response.streaming_content)
        return response.status_code

    assert codes(cast, ask) == expected


STEPS = [
    ("acknowledge", {}, expect(401, 404, 403, 403, 200, 404, 403, 404)),
    ("co_reply", {"text": "已办。"}, expect(401, 404, 403, 403, 403, 404, 403, 404)),
    ("first_handle", {"text": "我来。"}, expect(401, 404, 422, 422, 422, 404, 422, 404)),
    ("urge", {"text": "请抓紧。"}, expect(401, 404, 403, 200, 403, 404, 200, 404)),
    (
        "progress",
        {"visibility": "public", "text": "?"},
        expect(401, 404, 422, 422, 422, 404, 422, 404),
    ),
    ("supervise", {"grade": "key", "text": "?"}, expect(401, 404, 403, 403, 403, 404, 403, 404)),
    ("void", {"reason": "test", "text": "?"}, expect(401, 404, 422, 422, 422, 404, 422, 404)),
    ("correct", {"title": "新标题", "text": "?"}, expect(401, 404, 403, 200, 403, 404, 200, 404)),
    (
        "contact",
        {"how": "phone", "contact": "reached"},
        expect(401, 404, 403, 403, 200, 404, 200, 404),
    ),
    ("auto_resume", {}, expect(401, 404, 404, 404, 404, 404, 404, 404)),
    ("no_such_action", {}, expect(401, 404, 404, 404, 404, 404, 404, 404)),
]


@pytest.mark.parametrize(("action", "body", "expected"), STEPS)
def test_acting_on_a_case(
    cast: Cast, issue: Issue, action: str, body: dict[str, str], expected: dict[str | None, int]
) -> None:
    assert codes(cast, lambda phone: phone.step(issue, action, **body).status_code) == expected


def test_looking_up_who_complained(cast: Cast, issue: Issue) -> None:
    """The unit at work and the desk of the level; not the grid and the town that sent it up."""
    path = f"/issues/{issue.pk}/contact"
    expected = expect(401, 404, 403, 403, 200, 404, 200, 404)
    ask = lambda phone: phone.send(path, {"reason": "check_facts"}).status_code  # noqa: E731
    assert codes(cast, ask) == expected


def test_reporting_in_the_grid_of_longxi(cast: Cast) -> None:
    expected = expect(401, 403, 201, 201, 403, 403, 201, 403)
    ask = lambda phone: phone.send("/issues", report_body(cast)).status_code  # noqa: E731
    assert codes(cast, ask) == expected


def test_asking_for_the_units_of_a_case(cast: Cast, issue: Issue) -> None:
    expected = expect(401, 404, 200, 200, 200, 404, 200, 404)
    assert codes(cast, lambda phone: phone.read("/units", issue=issue.pk).status_code) == expected


@pytest.mark.parametrize(
    "path", ["/me", "/tokens", "/inbox", "/issues", "/sync", "/categories", "/places", "/areas"]
)
def test_lists_open_for_everybody_who_signed_in(cast: Cast, path: str) -> None:
    expected = expect(401, 200, 200, 200, 200, 200, 200, 200)
    assert codes(cast, lambda phone: phone.read(path).status_code) == expected


SEES = {"wang_fang", "chen_jing", "he_jun", "sun_li"}


@pytest.mark.parametrize("path", ["/issues", "/sync"])
def test_lists_hold_the_case_for_those_alone_who_may_see_it(
    cast: Cast, issue: Issue, path: str
) -> None:
    found = {
        name
        for name in NAMES
        if name
        and any(
            row["id"] == issue.pk
            for key in ("results", "changed")
            for row in Phone(cast.people[name]).read(path).data.get(key, [])
        )
    }
    assert found == SEES


def test_administrators_see_no_business_rows(cast: Cast, issue: Issue) -> None:
    for user in (cast.ma_chao, cast.ding_yi, cast.bai_jie):
        phone = Phone(user)
        assert phone.read("/issues").data["results"] == []
        assert phone.read("/sync").data["changed"] == []
        assert phone.read("/places").data == []
        assert phone.read("/areas").data == []


@pytest.mark.parametrize("path", ["/schema/", "/docs/"])
def test_the_document_is_open_to_whoever_writes_a_client(cast: Cast, path: str) -> None:
    assert set(codes(cast, lambda phone: phone.read(path).status_code).values()) == {200}


def test_no_endpoint_is_missing_from_this_matrix() -> None:
    asked = {"api-me", "api-tokens", "api-inbox", "api-issues", "api-sync", "api-categories"}
    asked |= {"api-places", "api-areas", "api-units", "api-issue", "api-issue-timeline"}
    asked |= {"api-issue-photo", "api-issue-reveal", "api-schema", "api-docs"}
    asked |= {"api-issue-duplicates", "api-issue-colleagues"}
    asked |= {f"api-issue-{action.value}" for action in Action} | {"api-issue-unknown-action"}
    # Only of one's own: who has none gets nothing (test_tokens, test_inbox, test_reports,
    # test_batch).
    own = {"api-token", "api-token-current", "api-inbox-read", "api-uploads", "api-issue-batch"}
    there_are = {name for name in get_resolver().reverse_dict if str(name).startswith("api-")}
    assert there_are <= asked | own
    systems = {"create", "auto_acknowledge", "auto_resume", "absorb", "release", "recalculate"}
    systems |= TAKEN_ELSEWHERE.keys()  # with the project or the meeting, on a page of theirs
    assert (asked | own) - there_are == {f"api-issue-{action}" for action in systems}
