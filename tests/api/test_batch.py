"""A batch of reports: each is treated as if it had come alone, and all of them in one go."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from core.idempotency import lock_number
from core.models import IdempotencyKey, Message
from issues import actions
from issues.api.reports import MOST
from issues.choices import Action
from issues.models import Issue, IssueEvent, Photo
from tests.api.phone import API, Phone, report_body
from tests.api.unchanged import nothing_changes, refused
from tests.cast import Cast, again, assemble
from tests.visitors import eventually


def send(phone: Phone, bodies: Any) -> Any:
    return phone.send("/issues/batch", {"reports": bodies}, key="")


def results(phone: Phone, bodies: Sequence[Any]) -> list[dict[str, Any]]:
    response = send(phone, bodies)
    assert response.status_code == 200, response.content.decode()[:500]
    return list(response.json()["results"])


def bodies_for(cast: Cast, count: int) -> list[dict[str, Any]]:
    return [report_body(cast, text=f"{n} 号井盖松动。") for n in range(1, count + 1)]


def codes(found: Sequence[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(one["status"], one["error"]["code"] if "error" in one else "") for one in found]


def test_every_report_of_a_batch_becomes_a_case_in_the_order_sent(cast: Cast, phone: Phone) -> None:
    photo = phone.photo()
    bodies = bodies_for(cast, 3)
    bodies[1] |= {"photos": [photo], "area": cast.lijiajiao.pk}

    found = results(phone, bodies)

    issues = list(Issue.objects.order_by("pk"))
    assert [issue.description for issue in issues] == [body["text"] for body in bodies]
    assert found == [
        {
            "client_id": body["client_id"],
            "status": 201,
            "replayed": False,
            "issue": {
                "id": issue.pk,
                "number": issue.number,
                "client_id": body["client_id"],
                "level": "grid",
                "status": "pending_first",
                "version": 1,
            },
        }
        for body, issue in zip(bodies, issues, strict=True)
    ]
    assert issues[1].area == cast.lijiajiao
    assert str(issues[1].photos.get().attachment_id) == photo
    assert [issue.events.count() for issue in issues] == [1, 1, 1]


# --- sent again ---


def test_a_batch_sent_again_creates_nothing_and_gets_the_first_answers(
    cast: Cast, phone: Phone
) -> None:
    bodies = [report_body(cast, photos=[phone.photo()]), *bodies_for(cast, 2)]
    first = results(phone, bodies)
    issue = Issue.objects.earliest("pk")
    cast.step(issue, Action.ESCALATE_TOWN, cast.wang_fang, reason="beyond_power", text="需更换。")

    with nothing_changes():
        retry = results(phone, list(reversed(bodies)))

    assert retry == [{**one, "replayed": True} for one in reversed(first)]


def test_a_report_is_the_same_alone_and_in_a_batch(cast: Cast, phone: Phone) -> None:
    alone, among = bodies_for(cast, 2)
    phone.send("/issues", alone, key="")

    found = results(phone, [alone, among])
    retry = phone.send("/issues", among, key="")

    assert [one["replayed"] for one in found] == [True, False]
    assert (retry.status_code, retry["Idempotency-Replayed"]) == (201, "true")
    assert retry.json() == found[1]["issue"]
    assert Issue.objects.count() == 2


def test_a_batch_may_grow_before_it_is_sent_again(cast: Cast, phone: Phone) -> None:
    bodies = bodies_for(cast, 3)
    results(phone, bodies[:2])
    assert [one["replayed"] for one in results(phone, bodies)] == [True, True, False]
    assert Issue.objects.count() == 3


def test_the_answers_to_a_batch_are_kept_for_good_and_without_words(
    cast: Cast, phone: Phone
) -> None:
    results(phone, bodies_for(cast, 2))
    kept = list(IdempotencyKey.objects.all())
    assert [row.forever for row in kept] == [True, True]
    assert not any("井盖" in row.response for row in kept)


# --- each on its own ---


def test_a_mixed_batch_is_answered_in_order_and_creates_only_what_is_right(
    cast: Cast, phone: Phone
) -> None:
    sent = report_body(cast)
    used = phone.photo()
    phone.send("/issues", sent, key="")
    phone.send("/issues", report_body(cast, photos=[used]), key="")
    before = Issue.objects.count()
    good, last = bodies_for(cast, 2)

    found = results(
        phone,
        [
            good,
            sent,
            report_body(cast, text=""),
            report_body(cast, place=cast.jinshan_grid_1.pk),
            report_body(cast, photos=[used]),
            {**sent, "text": "别的内容。"},
            report_body(cast, client_id="1"),
            "井盖松动。",
            report_body(cast, place=cast.changqiao.pk, category=999_999),
            last,
        ],
    )

    assert codes(found) == [
        (201, ""),
        (201, ""),
        (400, "invalid"),
        (403, "not_allowed"),
        (400, "invalid"),
        (422, "key_reused"),
        (400, "invalid"),
        (400, "invalid"),
        (400, "invalid"),
        (201, ""),
    ]
    assert [one["replayed"] for one in found] == [False, True, *[False] * 8]
    assert [set(one.get("error", {}).get("fields", ())) for one in found[2:9]] == [
        {"text"},
        set(),
        {"photos"},
        set(),
        {"client_id"},
        set(),
        {"place", "category"},
    ]
    assert [found[n]["client_id"] for n in (6, 7)] == [None, None]
    assert Issue.objects.count() == before + 2
    assert {found[n]["issue"]["client_id"] for n in (0, 9)} == {
        good["client_id"],
        last["client_id"],
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "长" * 1001},
        {"place": True},
        {"place": 1.5},
        {"place": "ABC"},
        {"category": None},
        {"area": 999_999},
        {"area": "9" * 400},
        {"photos": ["不是编号"]},
        {"photos": [str(uuid.UUID(int=1))]},
        {"photos": [str(uuid.UUID(int=n)) for n in range(10)]},
        {"photos": "照片"},
        {"longitude": 120.6},
        {"source": "call"},
        {"captured_at": "2001-01-01T00:00:00+08:00"},
    ],
)
def test_a_report_is_refused_in_a_batch_in_the_same_words_as_alone(
    cast: Cast, phone: Phone, changes: dict[str, Any]
) -> None:
    body = report_body(cast, **changes)
    with nothing_changes():
        alone = phone.send("/issues", body, key="")
        [among] = results(phone, [body])
    assert among == {
        "client_id": body["client_id"],
        "status": alone.status_code,
        "replayed": False,
        "error": alone.json(),
    }


UNSTORABLE: list[tuple[dict[str, Any], str]] = [
    ({"text": "井盖\x00松动。"}, "text"),
    ({"title": "\ud83d"}, "title"),
    ({"place": 10**30}, "place"),
    ({"longitude": float("nan")}, "longitude"),
    ({"latitude": float("inf")}, "latitude"),
    ({"photos": [1, "\udfff"]}, "photos.1"),
    ({"co_units": [{"unit": {"name": -(2**63) - 1}}]}, "co_units.0.unit.name"),
    ({"extra": {"a\x00b": 1}}, "extra"),
    ({"text": json.loads("[" * 40 + "]" * 40)}, "text" + ".0" * 31),
]


@pytest.mark.parametrize(("wrong", "field"), UNSTORABLE)
def test_what_cannot_be_stored_is_named_and_stops_no_other_report(
    cast: Cast, phone: Phone, wrong: dict[str, Any], field: str
) -> None:
    first, last = bodies_for(cast, 2)
    middle = report_body(cast, **wrong)
    body = json.dumps({"reports": [first, middle, last]})

    response = phone.post(f"{API}/issues/batch", body, content_type="application/json")

    assert response.status_code == 200, response.content.decode()[:500]
    found = response.json()["results"]
    assert codes(found) == [(201, ""), (400, "malformed"), (201, "")]
    assert [one["client_id"] for one in found] == [
        one["client_id"] for one in (first, middle, last)
    ]
    error = found[1]["error"]
    assert list(error["fields"]) == [field]
    assert error["message"] == f"{field}：{error['fields'][field][0]}"
    assert Issue.objects.count() == 2
    alone = phone.post(f"{API}/issues", json.dumps(middle), content_type="application/json")
    assert (alone.status_code, alone.json()) == (400, error)


def test_a_client_id_that_cannot_be_stored_is_no_client_id(cast: Cast, phone: Phone) -> None:
    for wrong in ("\ud800", 10**30, float("nan")):
        body = json.dumps({"reports": [report_body(cast, client_id=wrong), report_body(cast)]})
        response = phone.post(f"{API}/issues/batch", body, content_type="application/json")
        found = response.json()["results"]
        assert codes(found) == [(400, "invalid"), (201, "")]
        assert list(found[0]["error"]["fields"]) == ["client_id"]


def test_an_area_must_lie_where_the_report_does(cast: Cast, phone: Phone) -> None:
    cast.lijiajiao.communities.set([cast.jinshan])
    [found] = results(phone, [report_body(cast, area=cast.lijiajiao.pk)])
    assert found["error"]["fields"] == {"area": ["这个复杂区域不在所选地点。"]}


def test_a_photo_that_several_reports_name_is_the_first_ones_that_is_registered(
    cast: Cast, phone: Phone
) -> None:
    photo = phone.photo()
    bodies = [
        report_body(cast, photos=[photo], text=""),
        report_body(cast, photos=[photo], place=cast.jinshan_grid_1.pk),
        report_body(cast, photos=[photo.upper()]),
        report_body(cast, photos=[photo]),
    ]
    found = results(phone, bodies)
    assert codes(found) == [(400, "invalid"), (403, "not_allowed"), (201, ""), (400, "invalid")]
    assert "photos" in found[3]["error"]["fields"]
    assert Issue.objects.get().photos.count() == 1


def test_the_second_of_two_reports_under_one_client_id_finds_the_first(
    cast: Cast, phone: Phone
) -> None:
    body = report_body(cast)
    other = {**body, "text": "别的内容。"}

    found = results(phone, [body, body, other])

    assert codes(found) == [(201, ""), (201, ""), (422, "key_reused")]
    assert [one["replayed"] for one in found] == [False, True, False]
    assert found[0]["issue"] == found[1]["issue"]
    assert Issue.objects.count() == 1


def test_a_refused_report_may_be_mended_in_the_same_batch(cast: Cast, phone: Phone) -> None:
    wrong = report_body(cast, text="")
    found = results(phone, [wrong, {**wrong, "text": "井盖松动。"}])
    assert codes(found) == [(400, "invalid"), (201, "")]


def test_a_client_id_that_a_page_has_used_stops_no_other(cast: Cast, phone: Phone) -> None:
    issue = cast.report()
    found = results(phone, [report_body(cast, client_id=str(issue.client_id)), report_body(cast)])
    assert codes(found) == [(422, "already_reported"), (201, "")]


def test_who_may_report_nowhere_is_told_so_for_each(cast: Cast) -> None:
    phone = Phone(cast.ma_chao)
    with nothing_changes():
        found = results(phone, bodies_for(cast, 2))
    assert codes(found) == [(403, "not_allowed")] * 2


# --- the batch as a whole ---


def test_a_batch_above_the_limit_is_refused_whole(cast: Cast, phone: Phone) -> None:
    bodies = bodies_for(cast, MOST + 1)
    with nothing_changes():
        refused(send(phone, bodies), 400, "invalid", "reports")


@pytest.mark.parametrize("reports", [[], None, {}, "井盖", 7, [[]] * (MOST + 1)])
def test_what_is_no_batch_is_refused_whole(phone: Phone, reports: Any) -> None:
    with nothing_changes():
        refused(send(phone, reports), 400, "invalid", "reports")


def test_a_body_above_two_megabytes_is_too_large(cast: Cast, phone: Phone) -> None:
    bodies = bodies_for(cast, MOST)
    bodies[0]["text"] = "长" * 1_000_000
    with nothing_changes():
        refused(send(phone, bodies), 413, "too_large")


def test_a_batch_needs_a_token(cast: Cast) -> None:
    with nothing_changes():
        refused(send(Phone(), bodies_for(cast, 1)), 401, "not_authenticated")


def test_a_larger_batch_takes_no_more_queries(cast: Cast, phone: Phone) -> None:
    results(phone, bodies_for(cast, 1))  # reads the reference data

    def queries(count: int) -> int:
        bodies = bodies_for(cast, count)
        bodies[0] |= {"photos": [phone.photo()], "area": cast.lijiajiao.pk}
        bodies[-1] |= {"photos": [phone.photo()], "area": cast.lijiajiao.pk}
        with CaptureQueriesContext(connection) as captured:
            results(phone, bodies)
        return sum("SAVEPOINT" not in query["sql"] for query in captured)

    few = queries(20)
    assert few == queries(100)
    assert few <= 15  # with the photos and the area


# --- at the same time, on a real database ---


def at_once(*works: Callable[[], Any]) -> list[Any]:
    together = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            together.wait(20)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def test_two_equal_batches_at_once_create_each_report_once(committed_db: str) -> None:
    cast = assemble()
    phones = [Phone(again(cast.wang_fang)) for _ in range(2)]
    bodies = bodies_for(cast, 20)

    one, other = at_once(*(lambda phone=phone: results(phone, bodies) for phone in phones))

    assert [row["issue"] for row in one] == [row["issue"] for row in other]
    assert sorted((one[0]["replayed"], other[0]["replayed"])) == [False, True]
    assert Issue.objects.count() == IssueEvent.objects.count() == 20
    assert IdempotencyKey.objects.count() == 20
    assert Message.objects.values("key").distinct().count() == Message.objects.count()


def test_of_two_reports_with_one_photo_at_once_the_second_is_refused(committed_db: str) -> None:
    cast = assemble()
    phones = [Phone(again(cast.wang_fang)) for _ in range(2)]
    photo = phones[0].photo()

    found = at_once(
        *(
            lambda phone=phone: results(phone, [report_body(cast, photos=[photo])])[0]
            for phone in phones
        )
    )

    assert sorted(codes(found)) == [(201, ""), (400, "invalid")]
    assert Issue.objects.count() == 1


def test_batches_of_the_same_reports_in_opposite_orders_do_not_block_each_other(
    committed_db: str,
) -> None:
    cast = assemble()
    phones = [Phone(again(cast.wang_fang)) for _ in range(2)]
    bodies = bodies_for(cast, 3)
    orders = [bodies, bodies[::-1]]
    pairs = list(zip(phones, orders, strict=True))

    # Both are held up at the report in the middle, when either may hold what the other wants next.
    with ThreadPoolExecutor(1) as thread:
        with held(cast.wang_fang.pk, bodies[1]):
            sending = thread.submit(
                at_once,
                *(lambda phone=phone, order=order: results(phone, order) for phone, order in pairs),
            )
            eventually(lambda: waiting_for_a_lock() == 2)
        one, other = sending.result(30)

    assert [row["issue"] for row in one] == [row["issue"] for row in reversed(other)]
    assert Issue.objects.count() == 3


@contextmanager
def held(account_id: int, body: dict[str, Any]) -> Iterator[None]:
    """As if a report were being registered."""
    number = lock_number(account_id, f"report:{body['client_id']}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("first", ["try_create_issues", "perform_within"])
def test_of_a_step_and_a_report_with_one_photo_at_once_the_second_is_told_so(
    committed_db: str, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    cast = assemble()
    issue = cast.report()
    phone, other = (Phone(again(cast.wang_fang)) for _ in range(2))
    photo = phone.photo()

    def report() -> tuple[list[tuple[int, str]], Any]:
        found = results(phone, [report_body(cast, photos=[photo]), report_body(cast)])
        return codes(found), found[0].get("error")

    def step() -> tuple[list[tuple[int, str]], Any]:
        body = {"outcome": "resolved", "text": "已盖好。", "photos": [photo]}
        answer = other.step(issue, "resolve_on_spot", **body)
        error = answer.json() if answer.status_code != 200 else None
        return [(answer.status_code, error["code"] if error else "")], error

    order = [report, step] if first == "try_create_issues" else [step, report]
    with (
        ThreadPoolExecutor(2) as threads,
        held_up_before_its_commit(monkeypatch, first) as written,
    ):
        winner = threads.submit(at_once, order[0])
        assert written.wait(20)
        loser = threads.submit(at_once, order[1])
        eventually(lambda: waiting_for_a_lock() == 1)
    [(won, _)], [(lost, error)] = winner.result(30), loser.result(30)

    assert [status for status, _ in won] in ([201, 201], [200])
    assert lost in ([(400, "invalid"), (201, "")], [(400, "invalid")])
    assert error["fields"] == {"photos": ["照片不存在、不是您上传的，或已用过。"]}
    assert Photo.objects.count() == 1


@contextmanager
def held_up_before_its_commit(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> Iterator[threading.Event]:
    """Hold up who writes by this function of ``actions``; the event tells when it has written."""
    write, written, go_on = getattr(actions, name), threading.Event(), threading.Event()

    def write_and_wait(*args: Any, **options: Any) -> Any:
        made = write(*args, **options)
        written.set()
        go_on.wait(20)
        return made

    with monkeypatch.context() as changed:
        changed.setattr(actions, name, write_and_wait)
        try:
            yield written
        finally:
            go_on.set()


def test_a_batch_whose_connection_dies_leaves_nothing_and_its_retry_creates_all(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = assemble()
    phone = Phone(again(cast.wang_fang))
    bodies = bodies_for(cast, 5)
    create = actions.try_create_issues

    def create_and_die(*args: Any, **options: Any) -> Any:
        made = create(*args, **options)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return made

    monkeypatch.setattr(actions, "try_create_issues", create_and_die)
    [answer] = at_once(lambda: send(phone, bodies))
    assert answer.status_code == 500
    assert not Issue.objects.exists()
    assert not IdempotencyKey.objects.exists()

    monkeypatch.setattr(actions, "try_create_issues", create)
    assert codes(results(phone, bodies)) == [(201, "")] * 5
    assert Issue.objects.count() == 5
