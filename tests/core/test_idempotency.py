"""A request that is sent again gets its first answer again, and the work is done once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections
from django.utils import timezone
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from core.audit import record
from core.errors import Refused
from core.idempotency import forget_old_keys, once
from core.models import AuditEntry, IdempotencyKey
from people.models import User

pytestmark = pytest.mark.urls("tests.core.urls")

KEY = "a-key-of-a-phone"


@pytest.fixture
def phone(wang: User) -> APIClient:
    return signed_in(wang)


def signed_in(user: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def write(
    phone: APIClient,
    body: dict[str, Any] | None = None,
    key: str | None = KEY,
    path: str = "/api/write",
    **options: Any,
) -> Response:
    headers = {"Idempotency-Key": key} if key is not None else {}
    return phone.post(path, body or {}, format="json", headers=headers, **options)


def test_the_same_request_gets_the_first_answer_again_and_works_once(phone: APIClient) -> None:
    first = write(phone, {"title": "窨井盖"})
    again = write(phone, {"title": "窨井盖"})
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert AuditEntry.objects.count() == 1


def test_the_order_of_fields_makes_no_other_request(phone: APIClient) -> None:
    write(phone, {"a": 1, "b": {"c": 2, "d": 3}})
    assert "Idempotency-Replayed" in write(phone, {"b": {"d": 3, "c": 2}, "a": 1})


def test_another_body_under_the_same_key_is_refused_and_does_nothing(phone: APIClient) -> None:
    write(phone, {"title": "甲"})
    response = write(phone, {"title": "乙"})
    assert (response.status_code, response.data["code"]) == (422, "key_reused")
    assert AuditEntry.objects.count() == 1


@pytest.mark.parametrize("path", ["/api/write-elsewhere", "/api/write?dry=1"])
def test_another_route_under_the_same_key_is_refused(phone: APIClient, path: str) -> None:
    write(phone)
    assert write(phone, path=path).data["code"] == "key_reused"


def test_keys_belong_to_an_account(phone: APIClient, zhou: User) -> None:
    write(phone)
    assert "Idempotency-Replayed" not in write(signed_in(zhou))
    assert AuditEntry.objects.count() == 2


def test_a_refusal_is_not_kept_and_changes_nothing(phone: APIClient) -> None:
    for _ in range(2):
        response = write(phone, {"refuse": True})
        assert (response.status_code, response.data["code"]) == (422, "refused")
    assert not IdempotencyKey.objects.exists()
    assert not AuditEntry.objects.exists()
    assert write(phone, {"refuse": False}).status_code == 201


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, "idempotency_key_required"),
        ("", "idempotency_key_required"),
        ("short", "idempotency_key_invalid"),
        ("with a space", "idempotency_key_invalid"),
        ("窨井盖窨井盖窨井盖", "idempotency_key_invalid"),
        ("x" * 201, "idempotency_key_invalid"),
    ],
)
def test_a_write_needs_a_proper_key(phone: APIClient, key: str | None, code: str) -> None:
    response = write(phone, key=key)
    assert (response.status_code, response.data["code"]) == (400, code)
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("key", ["12345678", "x" * 200, "~!@#$%^&*()"])
def test_any_eight_to_two_hundred_visible_characters_are_a_key(
    phone: APIClient, key: str | None
) -> None:
    assert write(phone, key=key).status_code == 201


def send_photo(phone: APIClient, content: bytes, note: str = "墙体开裂") -> Response:
    photo = SimpleUploadedFile("a.jpg", content)
    headers = {"Idempotency-Key": KEY}
    return phone.post("/api/write", {"photo": photo, "note": note}, "multipart", headers=headers)


def test_an_upload_is_the_same_request_only_with_the_same_bytes(phone: APIClient) -> None:
    assert send_photo(phone, b"one").status_code == 201
    assert send_photo(phone, b"one")["Idempotency-Replayed"] == "true"
    assert send_photo(phone, b"two").data["code"] == "key_reused"
    assert send_photo(phone, b"one", note="别的").data["code"] == "key_reused"


def test_the_work_can_read_an_upload_that_was_hashed_before(wang: User) -> None:
    class View(APIView):
        def post(self, request: Request) -> Response:
            return once(request, lambda: Response({"size": len(request.FILES["photo"].read())}))

    photo = SimpleUploadedFile("a.jpg", b"12345")
    request = APIRequestFactory().post("/", {"photo": photo}, headers={"Idempotency-Key": KEY})
    force_authenticate(request, wang)
    response = View.as_view(parser_classes=[MultiPartParser])(request)
    assert response.data == {"size": 5}


def test_keys_are_forgotten_after_thirty_days_except_those_kept_forever(phone: APIClient) -> None:
    write(phone, key="the-first-key")
    write(phone, {"forever": True}, key="the-second-key")
    now = timezone.now()
    assert forget_old_keys(now + timedelta(days=29)) == 0
    assert forget_old_keys(now + timedelta(days=31)) == 1
    assert IdempotencyKey.objects.get().key == "the-second-key"


# --- two at once, on a real database ---


def in_a_thread(work: Callable[[], Response]) -> Response:
    """Run and close the thread's own connection."""
    try:
        return work()
    finally:
        connections.close_all()


def waiting_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return cursor.fetchone() is not None


def test_the_second_of_two_equal_requests_waits_and_then_replays(committed_db: str) -> None:
    outcome = run_two_at_once(fail_first=False)
    assert [response.status_code for response in outcome] == [201, 201]
    assert outcome[0].data == outcome[1].data
    assert "Idempotency-Replayed" not in outcome[0]
    assert outcome[1]["Idempotency-Replayed"] == "true"
    assert AuditEntry.objects.count() == 1


def test_the_second_does_the_work_itself_when_the_first_fails(committed_db: str) -> None:
    outcome = run_two_at_once(fail_first=True)
    assert [response.status_code for response in outcome] == [422, 201]
    assert "Idempotency-Replayed" not in outcome[1]
    assert AuditEntry.objects.count() == 1


def run_two_at_once(*, fail_first: bool) -> list[Response]:
    """Two equal requests, the second sent while the first is in the middle of its work."""
    user = get_user_model().objects.create_user("wang.li", full_name="王丽")
    first_is_working, first_may_end = Event(), Event()

    class View(APIView):
        def post(self, request: Request) -> Response:
            return once(request, self.work)

        def work(self) -> Response:
            is_first = not first_is_working.is_set()
            first_is_working.set()
            entry = record(by=user, action="test.written", target=None)
            if is_first:
                assert first_may_end.wait(20)
                if fail_first:
                    raise Refused("不行。")
            return Response({"entry": entry.pk}, status=201)

    def send() -> Response:
        request = APIRequestFactory().post(
            "/", {"a": 1}, format="json", headers={"Idempotency-Key": KEY}
        )
        force_authenticate(request, user)
        return View.as_view()(request)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(in_a_thread, send)
        assert first_is_working.wait(20)
        second = threads.submit(in_a_thread, send)
        while not waiting_for_a_lock():
            assert not second.done()
        first_may_end.set()
        return [first.result(), second.result()]
