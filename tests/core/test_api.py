"""Every refusal has one shape, a stable code and a Chinese sentence."""

import json
from io import BytesIO

import pytest
from pytest_django import Settings
from rest_framework.response import Response
from rest_framework.test import APIClient

from core.errors import TooLarge
from core.parsers import SafeJSONParser

pytestmark = [pytest.mark.urls("tests.core.urls"), pytest.mark.django_db]


@pytest.fixture
def client() -> APIClient:
    return APIClient(raise_request_exception=False)


def post(client: APIClient, body: str | bytes, content_type: str = "application/json") -> Response:
    return client.post("/api/echo", body, content_type=content_type)


def error(response: Response) -> tuple[int, str, dict[str, list[str]]]:
    data = json.loads(response.content)
    assert set(data) == {"code", "message", "fields"}
    assert any("\u4e00" <= character <= "\u9fff" for character in data["message"])
    return response.status_code, data["code"], data["fields"]


# --- the one shape ---


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("refused", (422, "refused", {})),
        ("refused-fields", (422, "co_unit_missing", {"co_units": ["未回复"]})),
        ("not-allowed", (403, "not_allowed", {})),
        ("stale", (409, "stale", {})),
        ("not-found-here", (404, "not_found", {})),
        ("too-large", (413, "too_large", {})),
        ("404", (404, "not_found", {})),
        ("403", (403, "not_allowed", {})),
        ("suspicious", (400, "malformed", {})),
        ("validation", (400, "invalid", {"title": ["标题太短。"]})),
        ("throttled", (429, "throttled", {})),
        ("bug", (500, "server_error", {})),
    ],
)
def test_every_refusal_has_its_status_and_its_code(
    client: APIClient, what: str, expected: tuple[int, str, dict[str, list[str]]]
) -> None:
    assert error(client.get(f"/api/fail/{what}")) == expected


def test_a_refusal_says_what_the_rule_says(client: APIClient) -> None:
    assert client.get("/api/fail/refused").data["message"] == "已结案的问题不能再交办。"


def test_a_throttled_client_is_told_how_long_to_wait(client: APIClient) -> None:
    response = client.get("/api/fail/throttled")
    assert response["Retry-After"] == "17"
    assert "17 秒" in response.data["message"]


def test_a_bug_gives_away_nothing(client: APIClient) -> None:
    assert b"secret" not in client.get("/api/fail/bug").content


def test_a_visitor_without_account_is_told_to_sign_in(client: APIClient) -> None:
    response = client.get("/api/private")
    assert error(response) == (401, "not_authenticated", {})
    assert response["WWW-Authenticate"] == "Token"


def test_a_bad_token_is_told_to_sign_in_again(client: APIClient) -> None:
    response = client.get("/api/private", headers={"Authorization": "Token " + "0" * 64})
    assert error(response) == (401, "not_authenticated", {})
    assert "重新登录" in response.data["message"]


def test_a_method_and_a_content_type_that_are_not_served_are_named(client: APIClient) -> None:
    assert error(client.get("/api/echo")) == (405, "method_not_allowed", {})
    assert error(post(client, "x", "text/plain")) == (415, "unsupported_media_type", {})


def test_field_errors_are_named_by_path_and_those_of_the_whole_become_the_message(
    client: APIClient,
) -> None:
    response = post(
        client, json.dumps({"photos": [{"caption": "好"}, {"caption": "太长了太长" * 2}]})
    )
    status, code, fields = error(response)
    assert (status, code, set(fields)) == (400, "invalid", {"title", "photos.1.caption"})
    response = post(client, json.dumps({"title": "禁"}))
    assert error(response) == (400, "invalid", {})
    assert response.data["message"] == "这个标题不能用。"


# --- outside DRF views ---


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/no-such-route", (404, "not_found", {})),
        ("/api/plain/403", (403, "not_allowed", {})),
        ("/api/plain/suspicious", (400, "malformed", {})),
        ("/api/plain/bug", (500, "server_error", {})),
    ],
)
def test_below_api_an_error_outside_the_views_has_the_same_shape(
    client: APIClient, path: str, expected: tuple[int, str, dict[str, list[str]]]
) -> None:
    assert error(client.get(path)) == expected


@pytest.mark.parametrize(
    ("path", "status"),
    [("/no-such-page", 404), ("/page/403", 403), ("/page/suspicious", 400), ("/page/bug", 500)],
)
def test_elsewhere_an_error_is_a_page(client: APIClient, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")


# --- JSON ---


def test_sound_json_passes_with_emoji_and_rare_characters(client: APIClient) -> None:
    response = post(
        client, '\ufeff{"title": "窨井盖😀\\ud83d\\ude00𠮷", "count": 9223372036854775807}'
    )
    assert response.status_code == 200
    assert response.data == {"title": "窨井盖😀😀𠮷", "count": 2**63 - 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"1",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b'{"title": "\xd6\xd0"}',  # GBK
        b'{"title": NaN}',
        b'{"title": -Infinity}',
        b'{"count": 1e999}',
        b'{"count": 9223372036854775808}',
        b'{"count": -9223372036854775809}',
        b'{"count": ' + b"9" * 100_000 + b"}",
        b'{"title": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"title": "a\\u0000b"}',
        b'{"extra": [{"deep": "\\u0000"}]}',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)
def test_json_that_cannot_be_read_or_stored_is_malformed(
    client: APIClient, body: str | bytes
) -> None:
    status, code, _ = error(post(client, body))
    assert (status, code) == (400, "malformed")


def test_a_body_is_told_which_of_its_values_cannot_be_stored(client: APIClient) -> None:
    body = '{"photos": [{}, {"caption": "a\\u0000b"}]}'
    response = post(client, body)
    assert error(response)[2] == {"photos.1.caption": ["文字中含有不允许的字符。"]}
    assert response.data["message"] == "photos.1.caption：文字中含有不允许的字符。"


def test_a_body_above_the_limit_is_too_large(client: APIClient) -> None:
    body = json.dumps({"title": "字" * 1_000_000})
    assert error(post(client, body)) == (413, "too_large", {})


def test_a_body_above_the_limit_is_read_to_its_end_so_that_the_sender_hears_the_answer(
    settings: Settings,
) -> None:
    stream = BytesIO(b" " * (5 * settings.DATA_UPLOAD_MAX_MEMORY_SIZE))
    with pytest.raises(TooLarge):
        SafeJSONParser().parse(stream)
    assert stream.read() == b""


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"title": {}}', '{"title": [1]}'])
def test_json_of_the_wrong_type_is_invalid(client: APIClient, body: str | bytes) -> None:
    status, code, _ = error(post(client, body))
    assert (status, code) == (400, "invalid")
