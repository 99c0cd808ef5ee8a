"""A report arrives whole, once, and from nobody but who may report there."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections

from core.models import IdempotencyKey, Message
from issues.choices import Action, PhotoStage, Status
from issues.models import Issue
from tests.api.phone import Phone, report_body
from tests.cast import Cast, again, assemble


def test_a_report_with_a_photo_becomes_a_case(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    photo = phone.photo()
    body = report_body(
        cast,
        photos=[photo],
        area=cast.lijiajiao.pk,
        source="resident",
        urgency="urgent",
        address="李家角 12 号",
        longitude=120.62,
        latitude=31.24,
        contact_name="赵某",
        contact_phone="12012345678",
    )

    response = phone.send("/issues", body, key="")

    assert response.status_code == 201
    issue = Issue.objects.get()
    assert response.data == {
        "id": issue.pk,
        "number": issue.number,
        "client_id": body["client_id"],
        "level": "grid",
        "status": "pending_first",
        "version": 1,
    }
    assert (issue.reporter, issue.grid, issue.town) == (
        cast.wang_fang,
        cast.longxi_grid_1,
        cast.changqiao,
    )
    assert (issue.area, issue.address, issue.contact_phone) == (
        cast.lijiajiao,
        "李家角 12 号",
        "12012345678",
    )
    assert str(issue.photos.get(stage=PhotoStage.REPORT).attachment_id) == photo


def test_emoji_and_rare_characters_are_kept_as_they_were_sent(cast: Cast) -> None:
    text = "窨井盖😀松动，𠮷家巷👨‍👩‍👧口，ｶﾀｶﾅ"
    phone = Phone(cast.wang_fang)

    made = phone.send("/issues", report_body(cast, text=text)).data

    assert Issue.objects.get().description == text
    assert phone.read(f"/issues/{made['id']}").data["description"] == text


@pytest.mark.parametrize("name", ["li_qiang", "ma_li", "wu_yang", "xu_ning", "ma_chao"])
def test_who_has_no_posting_that_reports_there_is_refused(cast: Cast, name: str) -> None:
    response = Phone(cast.people[name]).send("/issues", report_body(cast))

    assert (response.status_code, response.data["code"]) == (403, "not_allowed")
    assert not Issue.objects.exists()


# --- sent again ---


def test_the_same_report_sent_again_is_the_same_case(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(cast, photos=[phone.photo()])

    first = phone.send("/issues", body, key="")
    again_ = phone.send("/issues", dict(reversed(body.items())), key="")

    assert again_.status_code == 201
    assert again_.data == first.data
    assert "Idempotency-Replayed" not in first
    assert again_["Idempotency-Replayed"] == "true"
    assert Issue.objects.count() == 1


def test_a_lost_answer_is_given_again_though_the_case_has_moved_on(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(cast)
    first = phone.send("/issues", body)
    issue = Issue.objects.get()
    cast.step(issue, Action.ESCALATE_TOWN, cast.wang_fang, reason="beyond_power", text="需更换。")

    retry = phone.send("/issues", body)

    assert retry.data == first.data
    assert Issue.objects.get().status == Status.TRIAGE


def test_a_client_id_is_kept_for_good(cast: Cast) -> None:
    Phone(cast.wang_fang).send("/issues", report_body(cast))
    kept = IdempotencyKey.objects.get()
    assert kept.forever
    assert "井盖" not in kept.response


def test_the_same_client_id_with_other_words_is_refused(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(cast)
    phone.send("/issues", body)

    response = phone.send("/issues", {**body, "text": "别的内容。"})

    assert (response.status_code, response.data["code"]) == (422, "key_reused")
    assert Issue.objects.count() == 1


def test_one_client_id_is_spelt_in_either_case(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(cast)
    phone.send("/issues", body)
    response = phone.send("/issues", {**body, "client_id": body["client_id"].upper()})
    assert (response.status_code, response.data["code"]) == (422, "key_reused")


def test_two_people_may_happen_on_the_same_client_id(cast: Cast) -> None:
    client_id = str(uuid.uuid4())
    hers = Phone(cast.wang_fang).send("/issues", report_body(cast, client_id=client_id))
    his = Phone(cast.zhao_min).send("/issues", report_body(cast, client_id=client_id))
    assert (hers.status_code, his.status_code) == (201, 201)
    assert Issue.objects.count() == 2


def test_a_refused_report_may_be_mended_and_sent_again(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    body = report_body(cast, text="")
    assert phone.send("/issues", body).status_code == 400
    assert phone.send("/issues", {**body, "text": "井盖松动。"}).status_code == 201


def test_a_client_id_that_a_page_has_used_makes_no_second_case(cast: Cast) -> None:
    issue = cast.report()
    response = Phone(cast.wang_fang).send(
        "/issues", report_body(cast, client_id=str(issue.client_id))
    )
    assert 400 <= response.status_code < 500
    assert Issue.objects.count() == 1


def test_two_equal_reports_at_once_make_one_case(committed_db: str) -> None:
    cast = assemble()
    phones = [Phone(again(cast.wang_fang)) for _ in range(2)]
    body = report_body(cast)
    together = threading.Barrier(2)

    def send(phone: Phone) -> Any:
        try:
            together.wait(20)
            return phone.send("/issues", body)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(send, phones))

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].data == answers[1].data
    assert sum("Idempotency-Replayed" in answer for answer in answers) == 1
    assert Issue.objects.count() == 1
    issue = Issue.objects.get()
    assert issue.events.count() == 1
    assert Message.objects.filter(key__startswith=f"issue:{issue.pk}:").count() <= 1
