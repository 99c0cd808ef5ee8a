"""Whatever is wrong with a request gets a 4xx with a clear Chinese message and changes nothing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from issues.choices import Action
from issues.models import Issue
from tests.api.phone import API, Phone, report_body
from tests.api.unchanged import nothing_changes, refused
from tests.cast import Cast
from tests.issues.moments import in_town_triage, with_the_unit

NOBODY = 2**63 - 1  # the largest id that a column holds
Cases = list[tuple[str, list[Any]]]


# --- reports ---

WRONG_REFERENCES: Cases = [
    (field, [None, True, [], {}, [1], {"a": 1}, 1.5, 0, -1, NOBODY, "x", "9" * 400, ""])
    for field in ("place", "category", "urgency", "source")
] + [
    ("area", [True, [], {}, [1], 1.5, -1, NOBODY, "x"]),
    ("photos", [None, True, {}, 1, "x", [True], ["不是编号"], [[str(uuid.UUID(int=1))]]]),
    ("client_id", [None, True, [], {}, 5, "x", "", "0" * 32, f"{{{uuid.UUID(int=1)}}}"]),
    ("client_id", [f"{uuid.UUID(int=1)}\n", f"urn:uuid:{uuid.UUID(int=1)}"]),
]

WRONG_VALUES: Cases = [
    ("text", [None, True, [], {}, "", "   ", "长" * 1001]),
    ("title", ["题" * 61, [], True]),
    ("address", ["址" * 121, {}]),
    ("contact_name", ["名" * 31]),
    ("contact_phone", ["打给我", "1" * 40, "１２０１２３４５６７８", 12012345678.5]),
    ("longitude", [181, True, "东", [120], 120.6]),  # the last one stands alone
    ("latitude", [-91, True, "北", {}]),
    ("urgency", ["最急"]),
    ("source", ["import"]),
    ("captured_at", ["昨天", "2025-03-03", "2025-13-45T00:00:00+08:00", 20250303, True, []]),
    ("captured_at", ["1900-01-01T00:00:00+08:00", "2999-01-01T00:00:00+08:00"]),
    ("captured_at", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-12:00"]),
]


@pytest.mark.parametrize(("field", "values"), [*WRONG_REFERENCES, *WRONG_VALUES])
def test_a_report_with_a_wrong_value(
    cast: Cast, phone: Phone, subtests: pytest.Subtests, field: str, values: list[Any]
) -> None:
    for value in values:
        with subtests.test(value=repr(value)[:60]), nothing_changes():
            response = phone.send("/issues", report_body(cast, **{field: value}))
            refused(response, 400, "invalid")
            named = {name.split(".")[0] for name in response.data["fields"]}
            assert named <= {field, "longitude"}
            assert named


def test_a_place_or_area_that_does_not_fit(cast: Cast, phone: Phone) -> None:
    town = report_body(cast, place=cast.changqiao.pk)
    other_area = report_body(cast, place=cast.jinshan_grid_1.pk, area=cast.lijiajiao.pk)
    other_grid = report_body(cast, place=cast.jinshan_grid_1.pk)
    with nothing_changes():
        refused(phone.send("/issues", town), 400, "invalid", "place")
        refused(phone.send("/issues", other_area), 400, "invalid", "area")
        refused(phone.send("/issues", other_grid), 403, "not_allowed")


def test_what_only_the_platform_writes_cannot_be_sent(cast: Cast, phone: Phone) -> None:
    forged = {"status": "closed", "level": "district", "number": "1", "version": 9, "due_at": None}
    response = phone.send("/issues", report_body(cast, id=1, reporter=cast.ma_li.pk, **forged))

    assert response.status_code == 201
    issue = Issue.objects.get()
    assert (issue.status, issue.level, issue.version) == ("pending_first", "grid", 1)
    assert issue.reporter == cast.wang_fang


# --- other people's things ---


def test_a_photo_of_somebody_else_or_of_nobody_is_not_mine_to_use(cast: Cast, phone: Phone) -> None:
    hers = Phone(cast.ma_li).photo()
    with nothing_changes():
        for photo in (hers, str(uuid.uuid4())):
            response = phone.send("/issues", report_body(cast, photos=[photo]))
            refused(response, 400, "invalid", "photos")


def test_a_photo_is_used_once(cast: Cast, phone: Phone) -> None:
    photo = phone.photo()
    phone.send("/issues", report_body(cast, photos=[photo]))
    with nothing_changes():
        response = phone.send("/issues", report_body(cast, photos=[photo]))
        refused(response, 400, "invalid", "photos")


def test_more_photos_than_allowed(cast: Cast, phone: Phone) -> None:
    many = [str(uuid.uuid4()) for _ in range(10)]
    with nothing_changes():
        response = phone.send("/issues", report_body(cast, photos=many))
        refused(response, 400, "invalid", "photos")


def test_an_id_that_nobody_has(cast: Cast, phone: Phone, subtests: pytest.Subtests) -> None:
    for pk in (0, 999_999, 2**31, 2**63, 10**30):
        for path in ("", "/timeline", f"/photos/{uuid.uuid4()}"):
            with subtests.test(pk=pk, path=path), nothing_changes():
                refused(phone.read(f"/issues/{pk}{path}"), 404, "not_found")


def test_a_case_of_another_town_looks_as_if_it_did_not_exist(cast: Cast, phone: Phone) -> None:
    theirs = cast.report(by=cast.li_qiang, place=cast.jinshan_grid_1)
    none = phone.read("/issues/999999")
    with nothing_changes():
        for response in (
            phone.read(f"/issues/{theirs.pk}"),
            phone.read(f"/issues/{theirs.pk}/timeline"),
            phone.read("/units", issue=theirs.pk),
            phone.step(theirs, "first_handle", text="我来。"),
            phone.step(theirs, "no_such_action"),
            phone.send(f"/issues/{theirs.pk}/contact", {"reason": "check_facts"}),
        ):
            refused(response, 404, "not_found")
            assert response.data == none.data


def test_an_address_that_there_is_not(phone: Phone) -> None:
    for path in ("/issues/x", "/issues/-1", "/issues/1e3", "/issues/１", "/issues/", "/nowhere"):
        refused(phone.read(path), 404, "not_found")


# --- steps ---


def test_a_version_of_the_wrong_type(cast: Cast, phone: Phone, subtests: pytest.Subtests) -> None:
    issue = cast.report()
    for version in (None, True, "x", -1, 1.5, [1], {}, ""):
        with subtests.test(version=version), nothing_changes():
            response = phone.step(issue, "first_handle", version=version, text="办。")
            refused(response, 400, "invalid", "version")
    with nothing_changes():
        refused(phone.step(issue, "first_handle", version=2**70, text="办。"), 400, "malformed")


def test_a_version_that_is_missing_old_or_of_the_future(cast: Cast, phone: Phone) -> None:
    issue = cast.report()
    issue = cast.step(issue, Action.FIRST_HANDLE, cast.wang_fang, text="先看看。")
    path = f"/issues/{issue.pk}/actions/submit_completion"
    body = {"outcome": "resolved", "text": "好了。"}
    with nothing_changes():
        refused(phone.send(path, body), 400, "invalid", "version")
        for version in (0, issue.version - 1, issue.version + 1, 2**31, NOBODY):
            refused(phone.send(path, {**body, "version": version}), 409, "stale")


WRONG_ORDERS: Cases = [
    ("lead_unit", [True, None, "城建办", "１", -1, 1.5, NOBODY, {"id": 1}]),
    ("limit_days", [0, 61, True, "三", NOBODY]),
    ("co_units", [{}, [None], [{"unit": True}], [{"unit": NOBODY}], [{}] * 9, [[[[[]]]]]]),
    ("co_units", [[{"unit": 1, "reply_required": "也许"}]]),
    ("text", ["", "长" * 1001, {"zh": "办"}]),
]


@pytest.mark.parametrize(("field", "values"), WRONG_ORDERS)
def test_an_order_with_a_wrong_value(
    cast: Cast, subtests: pytest.Subtests, field: str, values: list[Any]
) -> None:
    issue, phone = in_town_triage(cast), Phone(cast.chen_jing)
    order = {"lead_unit": cast.changqiao_works.pk, "text": "更换。"}
    for value in values:
        with subtests.test(value=repr(value)[:60]), nothing_changes():
            refused(phone.step(issue, "assign", **{**order, field: value}), 400, "invalid")


def test_an_order_to_one_unit_twice_or_to_several_without_a_consultation(cast: Cast) -> None:
    issue, phone = in_town_triage(cast), Phone(cast.chen_jing)
    lead, other = cast.changqiao_works.pk, cast.changqiao_patrol.pk
    for co_units in ([lead], [other, other], [other]):
        with nothing_changes():
            body = {"lead_unit": lead, "text": "办。", "co_units": [{"unit": u} for u in co_units]}
            refused(phone.step(issue, "assign", **body), 422, "refused")


def test_a_revisit_that_contradicts_itself(cast: Cast, subtests: pytest.Subtests) -> None:
    issue = cast.report(by=cast.zhao_min, source="resident", contact_phone="12012345678")
    issue = cast.step(issue, Action.FIRST_HANDLE, cast.wang_fang, text="办。")
    issue = cast.step(
        issue, Action.SUBMIT_COMPLETION, cast.wang_fang, outcome="resolved", text="好了。"
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.shen_lan, text="属实。")
    phone = Phone(cast.han_mei)
    for body in (
        {"contact": "reached"},
        {"contact": "reached", "is_solved": "maybe"},
        {"contact": "not_reached", "satisfaction": 5},
        {"contact": "reached", "is_solved": True, "satisfaction": 6},
        {"contact": "reached", "is_solved": True, "satisfaction": True},
        {"contact": "吵了一架"},
    ):
        with subtests.test(body=body), nothing_changes():
            refused(phone.step(issue, "record_revisit", **body), 400, "invalid")


# --- bodies ---

BODIES = {
    "empty": b"",
    "cut off": b'{"text": "',
    "not JSON": b"text=hello",
    "a list": b"[]",
    "a text": b'"hello"',
    "a number": b"7",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"text": NaN}',
    "a huge number": b'{"place": ' + b"9" * 30 + b"}",
    "an endless number": b'{"place": ' + b"9" * 200_000 + b"}",
    "deep nesting": b'{"text": ' + b"[" * 60 + b"]" * 60 + b"}",
    "very deep nesting": b"[" * 200_000,
    "NUL": b'{"text": "a\\u0000b"}',
    "NUL in a name": b'{"te\\u0000xt": "a"}',
    "half a pair": b'{"text": "\\ud83d"}',
    "not UTF-8": '{"text": "井盖"}'.encode("gbk"),
    "UTF-16": '{"text": "井盖"}'.encode("utf-16"),
}


@pytest.mark.parametrize(
    "path", ["/issues", "/issues/{pk}/actions/assign", "/inbox/read", "/tokens"]
)
def test_a_body_that_cannot_be_read(
    cast: Cast, phone: Phone, subtests: pytest.Subtests, path: str
) -> None:
    address = f"{API}{path.format(pk=in_town_triage(cast).pk)}"
    for name, body in BODIES.items():
        with subtests.test(name), nothing_changes():
            response = phone.post(
                address,
                body,
                content_type="application/json",
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
            assert response.status_code == 400
            refused(response, 400, response.data["code"])


def test_ten_megabytes_of_text(cast: Cast, phone: Phone) -> None:
    much = {"text": "字" * (10 * 1024 * 1024 // 3)}
    issue = cast.report()
    for path in ("/issues", f"/issues/{issue.pk}/actions/first_handle", "/tokens", "/inbox/read"):
        with nothing_changes():
            refused(phone.send(path, much), 413, "too_large")


def test_a_body_of_another_kind(phone: Phone) -> None:
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded"):
        with nothing_changes():
            response = phone.post(f"{API}/issues", "a=1", content_type=kind)
            refused(response, 415, "unsupported_media_type")


def test_a_method_that_is_not_served(phone: Phone, subtests: pytest.Subtests) -> None:
    for path in ("/issues", "/issues/1", "/sync", "/me", "/uploads", "/inbox"):
        for method in ("put", "patch", "delete"):
            with subtests.test(path, method=method), nothing_changes():
                response = getattr(phone, method)(f"{API}{path}", {}, format="json")
                refused(response, 405, "method_not_allowed")


# --- questions ---

WRONG_QUESTIONS: dict[str, list[dict[str, Any]]] = {
    "/issues": [
        {"status": "sleeping"},
        {"level": "province"},
        {"lamp": "blue"},
        {"sort": "colour"},
        {"category": "x"},
        {"category": 10**30},
        {"category": "\x00"},
        {"received_from": "2025-02-30"},
        {"received_from": "0001-01-01"},
        {"received_to": "9999-12-31"},
        {"received_to": "\x00"},
        {"limit": 0},
        {"limit": 201},
        {"limit": "x"},
        {"limit": 10**30},
        {"cursor": "c" * 301},
        {"cursor": "\x00"},
    ],
    "/sync": [{"limit": 0}, {"limit": 501}, {"cursor": "c" * 8001}, {"cursor": "\x00"}],
    "/inbox": [{"limit": "many"}, {"cursor": "\x00"}],
    "/units": [{}, {"issue": "x"}, {"issue": "\x00"}, {"issue": 0}],
}


@pytest.mark.parametrize("path", WRONG_QUESTIONS)
def test_a_question_that_makes_no_sense(phone: Phone, subtests: pytest.Subtests, path: str) -> None:
    for query in WRONG_QUESTIONS[path]:
        with subtests.test(query=repr(query)[:60]):
            refused(phone.read(path, **query), 400, "invalid")


@pytest.mark.parametrize("path", ["/issues", "/inbox", "/sync"])
def test_a_cursor_that_we_did_not_write(phone: Phone, path: str) -> None:
    for cursor in ("x", "WzEsMl0", "WzEsMl0:sig", "é", "::::", "😀"):
        refused(phone.read(path, cursor=cursor), 400, "bad_cursor")


def test_the_cursor_of_another_list_is_not_one_of_this(cast: Cast, phone: Phone) -> None:
    for _ in range(3):
        cast.report()
    by_due = phone.read("/issues", sort="due", limit=1).data["next"]
    refused(phone.read("/issues", cursor=by_due), 400, "bad_cursor")


# --- signing in and the inbox ---


@pytest.mark.parametrize("field", ["username", "password", "device_name"])
def test_a_sign_in_of_the_wrong_shape(cast: Cast, field: str) -> None:
    for value in (None, True, [], {}, "", "长" * 200):
        body = {"username": "wang_fang", "password": "x", "device_name": "手机", field: value}
        with nothing_changes():
            refused(Phone().send("/tokens", body, key=""), 400, "invalid", field)


def test_messages_to_read_of_the_wrong_shape(cast: Cast, subtests: pytest.Subtests) -> None:
    with_the_unit(cast)
    phone = Phone(cast.wu_yang)
    for ids in (None, True, "1", [], {}, [0], [True], ["x"], [NOBODY] * 201):
        with subtests.test(ids=repr(ids)[:60]), nothing_changes():
            refused(phone.send("/inbox/read", {"ids": ids}), 400, "invalid")
    for body in ({}, {"all": False}, {"ids": [1], "all": True}):
        with subtests.test(body=body), nothing_changes():
            refused(phone.send("/inbox/read", body), 400, "invalid", "ids")
