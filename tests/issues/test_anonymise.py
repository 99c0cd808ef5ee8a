"""Anonymising takes the people out of a case that has ended and leaves its history whole."""

from __future__ import annotations

from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import models
from django.test import Client
from PIL import Image
from pytest_django import Settings

from core import attachments, export_files, exports
from core.errors import NotAllowed, NotFoundHere, Refused
from core.models import Attachment, AuditEntry, ExportFile, Message
from issues import anchors, chain
from issues.anonymise import TITLE, Reason, anonymise
from issues.api.sync import hand_out
from issues.choices import Action, Contact, Source
from issues.models import Assignment, EventText, Issue, IssueEvent, Photo
from issues.trail import Trail
from tests.cast import Cast, again, assemble
from tests.issues.moments import assigned, at, submitted

SECRETS = ("陆阿婆", "12012345678", "井盖", "14幢302室", "吵架")


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def photo(cast: Cast) -> Attachment:
    content = BytesIO()
    Image.new("RGB", (40, 20), "navy").save(content, "JPEG")
    upload = SimpleUploadedFile("井盖.jpg", content.getvalue())
    return attachments.accept(upload, by=cast.wang_fang)


def close_a_case(cast: Cast) -> Issue:
    """A case with everything personal that a case can have, closed on Friday 7 March 2025."""
    issue = cast.report(
        at=at("2025-03-03"),
        source=Source.RESIDENT,
        title="井盖松动",
        text="14幢302室陆阿婆与邻居为井盖吵架。",
        address="14幢302室",
        longitude=120.62,
        latitude=31.27,
        contact_name="陆阿婆",
        contact_phone="12012345678",
        photos=[photo(cast)],
    )
    steps: list[tuple[Action, Any, str, dict[str, Any]]] = [
        (Action.ESCALATE_TOWN, cast.wang_fang, "2025-03-03", {"reason": "beyond_power"}),
        (Action.ASSIGN, cast.chen_jing, "2025-03-04", {"lead_unit": cast.changqiao_works}),
        (Action.ACKNOWLEDGE, cast.wu_yang, "2025-03-04", {}),
        (
            Action.SUBMIT_COMPLETION,
            cast.wu_yang,
            "2025-03-05",
            {"outcome": "resolved", "photos": [photo(cast)]},
        ),
        (Action.PASS_VERIFICATION, cast.shen_lan, "2025-03-06", {}),
        (
            Action.RECORD_REVISIT,
            cast.han_mei,
            "2025-03-07",
            {"contact": Contact.REACHED, "is_solved": True, "satisfaction": 5},
        ),
    ]
    for action, by, day, data in steps:
        text = {} if action == Action.ACKNOWLEDGE else {"text": "14幢302室陆阿婆的井盖。"}
        issue = cast.step(issue, action, by, at(day, "15:00"), **data, **text)
    return issue


@pytest.fixture
def closed(cast: Cast) -> Issue:
    return close_a_case(cast)


def findings() -> list[str]:
    tally = chain.Tally()
    everything = [*chain.verify_cases(tally), *anchors.verify_anchors(tally, noted={})]
    return [str(finding) for finding in everything]


def exported(cast: Cast) -> ExportFile:
    """The cases of the district as a file, which was made before."""
    chosen = exports.choose("issues", "status=all", by=again(cast.sun_li))
    file = export_files.ask(chosen, by=cast.sun_li)
    export_files.make(file.pk)
    return ExportFile.objects.get(pk=file.pk)


def everything_about(issue: Issue) -> str:
    """All rows of the platform that belong to the case, as text."""
    tables: list[models.QuerySet[Any]] = [
        Issue.objects.filter(pk=issue.pk),
        EventText.objects.filter(event__issue=issue),
        Assignment.objects.filter(issue=issue),
        IssueEvent.objects.filter(issue=issue),
        Message.objects.filter(url=issue.get_absolute_url()),
        Attachment.objects.filter(pk__in=issue.photos.values("attachment")),
        AuditEntry.objects.filter(target_type="issues.issue", target_id=str(issue.pk)),
    ]
    return "\n".join(str(row) for rows in tables for row in rows.values())


# --- what goes and what stays ---


def test_nothing_personal_is_left(cast: Cast, closed: Issue, media: Path) -> None:
    before = everything_about(closed)
    assert all(secret in before for secret in SECRETS)
    assert Message.objects.filter(title__contains="井盖").count() > 0
    assert len(list(media.rglob("*.jpg"))) == 2

    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)

    after = everything_about(closed)
    assert [secret for secret in SECRETS if secret in after] == []
    assert not Message.objects.filter(title__contains="井盖").exists()
    assert list(media.rglob("*.jpg")) == []
    assert not Photo.objects.exists()
    assert not Attachment.objects.exists()
    issue = Issue.objects.get(pk=closed.pk)
    assert (issue.title, issue.contact_phone_index, issue.longitude) == (TITLE, "", None)
    assert not issue.is_contactable


def test_lists_that_were_exported_before_are_given_out_no_more(
    cast: Cast, closed: Issue, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    file = exported(cast)
    path = export_files.path_of(file)
    client.force_login(again(cast.sun_li))
    assert b"".join(client.get(f"/exports/{file.pk}/").streaming_content)
    with pytest.raises(NotAllowed):
        anonymise(closed, by=cast.chen_jing, reason=Reason.REQUEST)
    assert path.exists()

    with django_capture_on_commit_callbacks(execute=True):
        anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)

    assert not path.exists()
    assert client.get(f"/exports/{file.pk}/").status_code == 404
    assert b"".join(client.get(f"/exports/{exported(cast).pk}/").streaming_content)


def test_its_history_stays_and_verifies(cast: Cast, closed: Issue) -> None:
    anchors.set_anchor()
    before = list(IssueEvent.objects.filter(issue=closed).values())
    anonymise(closed, by=cast.sun_li, reason=Reason.RETENTION)

    assert list(IssueEvent.objects.filter(issue=closed).values()) == before
    assert len(before) == closed.event_count == 7
    assert before[0]["data"]["photos"][0]["sha256"]
    assert findings() == []
    anchors.set_anchor()
    assert findings() == []


def test_other_cases_keep_their_words(cast: Cast, closed: Issue) -> None:
    other = assigned(cast)
    before = everything_about(other)
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    assert everything_about(other) == before
    assert "更换井盖" in before


# Columns with codes, hashes, names of things, or what a member of the staff called the own filters.
IMPERSONAL = {
    "Anchor": {"prev_hash", "hash"},
    "AnchoredHead": {"number", "head_hash"},
    "Approval": {"reason"},
    "Category": {"name", "external_code"},
    "Instruction": {"leader_name"},
    "Issue": {"number", "head_hash"},
    "IssueEvent": {"text_sha256", "prev_hash", "hash"},
    "PaperTemplate": {"file_name", "sha256"},
    "PlaceOfIssues": {"name", "code"},
    "SavedView": {"name", "query"},
}
EMPTIED = {
    "Assignment": {"task"},
    "EventText": {"body", "salt"},
    "SearchEntry": {"body"},  # by the database, when the case's own words change
    "Issue": {
        "title",
        "description",
        "address",
        "contact_name",
        "contact_phone",
        "contact_phone_index",
    },
}


def test_every_column_that_can_hold_words_is_emptied_or_known_to_be_impersonal() -> None:
    """A new column for words has to be decided on: issues.anonymise empties it, or it is here."""
    undecided = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("issues").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.CharField | models.TextField)
        and not field.choices
        and field.name not in IMPERSONAL.get(model.__name__, set())
        and field.name not in EMPTIED.get(model.__name__, set())
    ]
    assert undecided == []


def test_pages_and_api_show_the_neutral_text(cast: Cast, closed: Issue) -> None:
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)

    client = Client()
    client.force_login(cast.chen_jing)
    page = client.get(closed.get_absolute_url())
    assert page.status_code == 200
    assert "本件已匿名化" in page.text
    detail = client.get(f"/api/v1/issues/{closed.pk}")
    assert detail.json()["photos"] == []
    assert detail.json()["contact"] == {"name": "", "phone": ""}
    assert [secret for secret in SECRETS if secret in page.text + detail.text] == []


def test_phones_get_the_neutral_text_by_the_next_sync(committed_db: str) -> None:
    cast = assemble()
    issue = close_a_case(cast)
    seen = hand_out(cast.wang_fang).cursor
    anonymise(issue, by=cast.sun_li, reason=Reason.REQUEST)
    changed = hand_out(again(cast.wang_fang), seen).changed
    assert [(row.pk, row.title) for row in changed] == [(issue.pk, TITLE)]


# --- the record ---


def test_the_audit_trail_says_by_whom_why_and_up_to_where(cast: Cast, closed: Issue) -> None:
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    entry = AuditEntry.objects.get(action=Trail.ANONYMISED)
    assert (entry.actor, entry.target_id) == (cast.sun_li, str(closed.pk))
    assert entry.detail == {"reason": "request", "events": 7}


def test_the_record_of_one_case_excuses_no_other(cast: Cast, closed: Issue) -> None:
    other = submitted(cast)
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    EventText.objects.filter(event__issue=other, event__seq=2).update(body="", salt="")
    assert findings() == [f"{other.number} 第 2 条：文字被清空，但没有匿名化的审计记录。"]


def test_the_record_excuses_no_words_that_came_later(cast: Cast, closed: Issue) -> None:
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    entry = AuditEntry.objects.get(action=Trail.ANONYMISED)
    entry.pk, entry.detail, entry.target_id = None, {"events": 2}, str(submitted(cast).pk)
    entry.save(force_insert=True)
    other = Issue.objects.exclude(pk=closed.pk).get()
    EventText.objects.filter(event__issue=other).update(body="", salt="")
    assert findings() == [
        f"{other.number} 第 {seq} 条：文字被清空，但没有匿名化的审计记录。" for seq in (3, 5)
    ]


# --- who and when ---


@pytest.mark.parametrize("name", ["chen_jing", "qian_jin", "xu_ning", "wang_fang", "wu_yang"])
def test_only_the_task_force_may(cast: Cast, closed: Issue, name: str) -> None:
    before = everything_about(closed)
    with pytest.raises(NotAllowed, match="专班"):
        anonymise(closed, by=cast.people[name], reason=Reason.REQUEST)
    assert everything_about(closed) == before


@pytest.mark.parametrize("name", ["ding_yi", "ma_chao", "bai_jie", "tang_jie"])
def test_who_does_not_see_the_case_does_not_find_it(cast: Cast, closed: Issue, name: str) -> None:
    with pytest.raises(NotFoundHere):
        anonymise(closed, by=cast.people[name], reason=Reason.REQUEST)


def test_an_open_case_is_refused(cast: Cast, media: Path) -> None:
    issue = cast.report(photos=[photo(cast)])
    before = everything_about(issue)
    with pytest.raises(Refused, match="尚未办结"):
        anonymise(issue, by=cast.sun_li, reason=Reason.REQUEST)
    assert everything_about(issue) == before
    assert len(list(media.rglob("*.jpg"))) == 1


def test_a_second_time_is_refused_and_leaves_one_record(cast: Cast, closed: Issue) -> None:
    anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    with pytest.raises(Refused, match="已经匿名化"):
        anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    assert AuditEntry.objects.filter(action=Trail.ANONYMISED).count() == 1


def test_without_its_record_nothing_is_emptied(
    cast: Cast, closed: Issue, media: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_about(closed)

    def fail(**_: object) -> None:
        raise RuntimeError("the audit trail is away")

    monkeypatch.setattr("issues.anonymise.audit.record", fail)
    with pytest.raises(RuntimeError):
        anonymise(closed, by=cast.sun_li, reason=Reason.REQUEST)
    assert everything_about(closed) == before
    assert len(list(media.rglob("*.jpg"))) == 2


# --- the command ---


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("anonymise_issues", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_takes_what_was_closed_before_a_day(cast: Cast, closed: Issue) -> None:
    open_case = assigned(cast)
    the_day, the_next = "--closed-before=2025-03-07", "--closed-before=2025-03-08"
    assert run(the_day, "--by=sun_li") == "已匿名化 0 件问题。\n"
    assert run(the_next, "--by=sun_li", "--dry-run") == "将匿名化 1 件问题。\n"
    assert Issue.objects.get(pk=closed.pk).title == "井盖松动"

    assert run(the_next, "--by=sun_li") == "已匿名化 1 件问题。\n"
    assert run(the_next, "--by=sun_li") == "已匿名化 0 件问题。\n"
    titles = dict(Issue.objects.values_list("pk", "title"))
    assert titles[closed.pk] == TITLE != titles[open_case.pk]
    entry = AuditEntry.objects.get(action=Trail.ANONYMISED)
    assert (entry.actor, entry.detail["reason"]) == (cast.sun_li, Reason.RETENTION)
    assert findings() == []


def test_the_command_takes_one_case_at_a_person_s_request(cast: Cast, closed: Issue) -> None:
    assert run("--issue", closed.number, "--by=sun_li") == "已匿名化 1 件问题。\n"
    entry = AuditEntry.objects.get(action=Trail.ANONYMISED)
    assert entry.detail["reason"] == Reason.REQUEST


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--closed-before=2025-03-08"], "--by"),
        (["--by=sun_li"], "--closed-before"),
        (["--closed-before=2025-13-01", "--by=sun_li"], "YYYY-MM-DD"),
        (["--closed-before=2025-03-08", "--by=nobody"], "没有用户名为 nobody 的账号"),
        (["--closed-before=2025-03-08", "--by=chen_jing"], "专班.*已匿名化 0 件"),
        (["--issue=20990101-00001", "--by=sun_li"], "没有编号为 20990101-00001 的问题"),
    ],
)
def test_the_command_refuses_what_is_incomplete_or_not_allowed(
    cast: Cast, closed: Issue, arguments: list[str], message: str
) -> None:
    before = everything_about(closed)
    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert everything_about(closed) == before
