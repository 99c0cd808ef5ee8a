"""Who sees which case, written out by hand for the whole cast."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from core import attachments
from issues.choices import Action
from issues.models import Issue, IssueEvent
from issues.querysets import last_visible_seq
from tests.api.phone import API, Phone, picture
from tests.cast import Cast, again
from tests.issues.moments import (
    at,
    in_town_triage,
    submitted,
    with_the_unit,
    with_two_departments,
)

TERRITORY = {
    "wang_fang",  # own grid
    "zhao_min",  # own community
    "chen_jing",
    "zhou_wei",
    "shen_lan",
    "han_mei",
    "feng_gang",  # own town
    "sun_li",
    "qian_jin",
    "xu_ning",
    "cao_xue",  # district
}

EXPECTED: list[tuple[Callable[[Cast], Issue], set[str]]] = [
    (in_town_triage, TERRITORY),
    (submitted, TERRITORY | {"wu_yang", "zheng_hua"}),
    (with_two_departments, TERRITORY | {"he_jun", "luo_bin", "gao_feng"}),
]


@pytest.mark.parametrize(("bring", "expected"), EXPECTED)
def test_a_case_is_seen_by_its_territory_and_its_units_alone(
    cast: Cast, bring: Callable[[Cast], Issue], expected: set[str]
) -> None:
    issue = bring(cast)
    seen_by = {
        name
        for name, user in cast.people.items()
        if Issue.objects.visible_to(again(user)).filter(pk=issue.pk).exists()
    }
    assert seen_by == expected


def test_a_reporter_always_sees_the_own_report(cast: Cast) -> None:
    issue = cast.report(by=cast.zhao_min)
    cast.zhao_min.postings.update(ends_on="2025-01-01")
    assert list(Issue.objects.visible_to(again(cast.zhao_min))) == [issue]


def test_postings_add_up(cast: Cast) -> None:
    cast.feng_gang.postings.filter(place=cast.changqiao).update(ends_on="2025-01-01")
    submitted(cast)
    in_town_triage(cast)
    assert Issue.objects.visible_to(again(cast.feng_gang)).count() == 1  # through the unit alone


def test_a_unit_that_left_reads_the_case_up_to_the_event_at_which_it_left(cast: Cast) -> None:
    issue = with_two_departments(cast)
    issue.assignments.filter(unit=cast.water).update(left_seq=issue.event_count)
    issue.event_count += 3

    assert last_visible_seq(issue, again(cast.gao_feng)) == issue.event_count - 3
    assert last_visible_seq(issue, again(cast.he_jun)) == issue.event_count
    assert last_visible_seq(issue, again(cast.wang_fang)) == issue.event_count


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE issues_issueevent SET action = 'assign'",
        "DELETE FROM issues_issueevent",
        "TRUNCATE issues_issueevent CASCADE",
    ],
)
def test_the_database_refuses_to_touch_history(cast: Cast, statement: str) -> None:
    submitted(cast)
    before = IssueEvent.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # TRUNCATE wants no pending checks
        with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)
    assert IssueEvent.objects.count() == before


def test_who_only_reported_a_case_reads_the_public_notes_alone(cast: Cast, client: Client) -> None:
    """李强 of 木渎 reported it when he still worked in 长桥."""
    issue = with_the_unit(cast)
    Issue.objects.filter(pk=issue.pk).update(reporter=cast.li_qiang)
    photos = [attachments.accept(SimpleUploadedFile("预算.jpg", picture()), by=cast.wu_yang)]
    for visibility, words, more in (
        ("public", "已联系管件厂。", {}),
        ("internal", "预算尚未批复。", {"photos": photos}),
    ):
        cast.step(
            issue,
            Action.PROGRESS,
            cast.wu_yang,
            at("2025-03-05"),
            visibility=visibility,
            text=words,
            **more,
        )
    photo = issue.photos.get().attachment_id
    for reader, both in ((cast.li_qiang, False), (cast.wang_fang, True), (cast.wu_yang, True)):
        client.force_login(reader)
        page = client.get(f"/issues/{issue.pk}/").content.decode()
        assert "已联系管件厂。" in page
        assert ("预算尚未批复。" in page) == both
        shown = client.get(f"/issues/{issue.pk}/photos/{photo}/")
        assert shown.status_code == (200 if both else 404)
        b"".join(shown.streaming_content if shown.streaming else [])
        phone = Phone(again(reader))
        assert len(phone.read(f"/issues/{issue.pk}").data["photos"]) == both
        by_api = phone.get(f"{API}/issues/{issue.pk}/photos/{photo}")
        assert by_api.status_code == (200 if both else 404)
        b"".join(by_api.streaming_content if by_api.streaming else [])


def test_a_unit_that_left_does_not_see_when_the_next_one_took_it_on(
    cast: Cast, client: Client
) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-05"),
        lead_unit=cast.changqiao_patrol,
        text="由执法局办理。",
    )
    cast.step(issue, Action.ACKNOWLEDGE, cast.xu_lei, at("2025-03-05", "15:00"))
    for reader, told in ((cast.wu_yang, False), (cast.chen_jing, True)):
        client.force_login(reader)
        page = client.get(f"/issues/{issue.pk}/").content.decode()
        assert ("2025-03-05 15:00" in page) == told
