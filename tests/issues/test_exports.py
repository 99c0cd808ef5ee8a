"""Lists as files: the columns, the filters, the order and the scope of the page."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from core import audit, export_files, exports
from core.choices import ExportStatus
from core.models import AuditEntry, ExportFile, Message
from core.sessions import SEEN
from issues.choices import Source, Urgency
from issues.models import Issue
from people.models import Posting
from tests.cast import Cast, again, assemble
from tests.issues.copies import copies_of
from tests.issues.moments import assigned, at
from tests.meetings.stages import resolved
from tests.plugin import BASE_DIR
from tests.projects.stages import published

PHONE = "12012345678"


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def sign_in(client: Client, cast: Cast) -> Callable[[str], Client]:
    def as_person(name: str) -> Client:
        client.force_login(again(cast.people[name]))
        return client

    return as_person


def export(client: Client, form: str = "csv", query: str = "", name: str = "issues") -> Any:
    return client.post("/exports/new/", {"list": name, "query": query, "format": form})


def rows_of(response: Any) -> list[list[str]]:
    assert response.status_code == 200, response.content.decode()
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def numbers_on(page: Any) -> list[str]:
    """The case numbers on a page of the list, from top to bottom."""
    return list(dict.fromkeys(re.findall(r">(20\d{6}-\d{5})<", page.content.decode())))


def in_three_places(cast: Cast) -> None:
    """Two cases of 长桥, of which one is urgent, and one of 木渎."""
    cast.report(at=at("2025-03-03"))
    cast.report(cast.ma_li, at=at("2025-03-04"), place=cast.longxi_grid_2, urgency=Urgency.URGENT)
    cast.report(cast.li_qiang, at=at("2025-03-05"), place=cast.jinshan_grid_1)


def exported() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action="list.exported").order_by("id"))


# --- the list as it is shown ---


def test_the_file_has_the_rows_and_the_order_of_the_page(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    for name, count in {"sun_li": 3, "chen_jing": 2, "tang_jie": 1, "he_jun": 0}.items():
        client = sign_in(name)
        for query in ("", "sort=received", "sort=-due", "urgency=urgent", "status=closed"):
            page = client.get(f"/issues/?{query}")
            _, *rows = rows_of(export(client, query=query or page.context["export_query"]))
            assert [row[0] for row in rows] == numbers_on(page), (name, query)
        assert len(rows_of(export(client))) == count + 1


def test_its_headings_are_those_of_the_page(cast: Cast, sign_in: Callable[[str], Client]) -> None:
    in_three_places(cast)
    client = sign_in("sun_li")
    for name, path in {
        "issues": "/issues/",
        "rulings": "/issues/rulings/",
        "areas": "/areas/",
        "projects": "/projects/",
        "meetings": "/meetings/",
        "resolutions": "/meetings/resolutions/",
    }.items():
        shown = [heading.column.label for heading in client.get(path).context["headings"]]
        assert rows_of(export(client, name=name))[0] == shown
    assert {listing.name for listing in exports.offered()} == {
        "issues",
        "rulings",
        "areas",
        "projects",
        "meetings",
        "resolutions",
    }


def test_a_row_is_in_the_words_that_a_reader_sees(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    issue = assigned(cast)
    Issue.objects.filter(pk=issue.pk).update(urgency=Urgency.SAFETY, title=f"井盖 {PHONE}")
    issue.refresh_from_db()
    (row,) = rows_of(export(sign_in("sun_li")))[1:]

    assert row == [
        issue.number,
        f"【{Urgency.SAFETY.label}】井盖 120****5678",
        issue.category.name,
        "长桥街道 龙西社区",
        "镇街 · 待签收",
        issue.lead_unit.short_name,
        f"{timezone.localtime(issue.due_at):%Y-%m-%d %H:%M} 超期 总时限超期",
        f"{timezone.localtime(issue.received_at):%Y-%m-%d %H:%M}",
    ]


def test_whom_to_call_is_in_no_file(cast: Cast, sign_in: Callable[[str], Client]) -> None:
    cast.report(source=Source.RESIDENT, contact_name="顾阿姨", contact_phone=PHONE)
    client = sign_in("sun_li")
    with CaptureQueriesContext(connection) as captured:
        text = str(rows_of(export(client)))

    assert "顾阿姨" not in text
    assert PHONE not in text
    assert not any("contact_name" in query["sql"] for query in captured)


def test_a_title_that_is_a_formula_is_none_in_the_file(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    issue = cast.report()
    Issue.objects.filter(pk=issue.pk).update(title='=HYPERLINK("http://x")')
    client = sign_in("sun_li")

    assert rows_of(export(client))[1][1].startswith("'=")
    sheet = openpyxl.load_workbook(io.BytesIO(export(client, "xlsx").content)).active
    cell = sheet["B2"]
    assert (cell.data_type, cell.value) == ("s", '=HYPERLINK("http://x")')
    assert sheet["H2"].is_date


def test_a_day_is_a_day_in_every_excel_file(cast: Cast, sign_in: Callable[[str], Client]) -> None:
    published(cast)
    resolved(cast)
    client = sign_in("sun_li")
    for name, heading in {
        "projects": "完成时限",
        "meetings": "日期",
        "resolutions": "完成时限",
    }.items():
        sheet = openpyxl.load_workbook(io.BytesIO(export(client, "xlsx", name=name).content)).active
        headings, row = sheet.iter_rows(max_row=2)
        (day,) = [cell for cell, label in zip(row, headings, strict=True) if label.value == heading]
        assert day.is_date, name


def test_statements_do_not_grow_with_the_rows(cast: Cast, sign_in: Callable[[str], Client]) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            rows_of(export(client))
        return len(captured)

    client = sign_in("sun_li")
    for _ in range(3):
        cast.report()
    statements()
    few = statements()
    for _ in range(27):
        cast.report()
    assert statements() == few


def test_a_case_that_moves_to_another_town_meanwhile_is_not_in_the_file(cast: Cast) -> None:
    in_three_places(cast)
    choice = exports.choose("issues", "sort=received", by=cast.chen_jing)
    ids = choice.ids()
    assert len(ids) == 2

    Issue.objects.filter(pk=ids[0]).update(
        place=cast.jinshan_grid_1,
        town=cast.mudu,
        community=cast.jinshan,
        grid=cast.jinshan_grid_1,
    )
    (rows,) = choice.batches(ids)
    assert [row[0] for row in rows] == [Issue.objects.get(pk=ids[1]).number]


# --- what is refused ---


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("lamp=nonsense", "环节时限"),
        ("received_from=nonsense", "受理日期从"),
        ("sort=nonsense", "没有这种排序方式"),
    ],
)
def test_a_wrong_filter_gets_the_words_of_the_list_and_no_file(
    query: str, words: str, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    client = sign_in("sun_li")
    for form in ("csv", "xlsx"):
        response = export(client, form, query)
        assert response.status_code == 400
        assert words in response.content.decode()
    assert words in client.get(f"/issues/?{query}").content.decode()
    assert not exported()


def test_a_query_of_any_characters_is_answered(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    client = sign_in("sun_li")
    response = export(client, "xlsx", "x=" + "".join(map(chr, range(0x4E00, 0x4E00 + 1_900))))
    assert response.status_code == 400
    assert "筛选条件过长" in response.content.decode()
    for name in client.get("/issues/").context["register"].filterset.base_filters:
        assert export(client, "xlsx", f"{name}=\0").status_code in (302, 400), name
        ExportFile.objects.all().delete()

    # What can be compressed would fit into an index, whatever its length.
    letters = "".join(hashlib.sha512(bytes([n])).hexdigest() for n in range(15))[:1_900]
    assert asked(client, f"x={letters}").query == f"x={letters}"
    assert asked(client, "x=\0").query == "x=%00"


def test_the_form_is_sent_whole_or_refused(cast: Cast, sign_in: Callable[[str], Client]) -> None:
    client = sign_in("sun_li")

    assert export(client, "pdf").status_code == 400
    assert export(client, name="users").status_code == 400
    assert client.post("/exports/new/").status_code == 400
    assert client.get("/exports/new/").status_code == 405


@pytest.mark.parametrize("name", ["ma_chao", "ding_yi", "bai_jie"])
def test_administrators_export_no_business_rows(
    name: str, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    client = sign_in(name)
    assert export(client).status_code == 403
    assert client.get("/exports/").status_code == 403


def test_every_export_is_on_record_with_its_rows(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    client = sign_in("chen_jing")
    rows_of(export(client, query="urgency=urgent&q=井盖"))
    export(client, "xlsx")

    first, second = exported()
    assert (first.actor, second.actor) == (cast.chen_jing, cast.chen_jing)
    assert first.detail == {
        "list": "issues",
        "format": "csv",
        "rows": 1,
        "filters": "搜索、紧急程度=urgent",
    }
    assert (second.detail["format"], second.detail["rows"]) == ("xlsx", 2)
    page = sign_in("bai_jie").get("/audit/?action=list.exported").content.decode()
    assert "导出列表" in page
    assert "列表 问题；行数 1；格式 csv；条件 搜索、紧急程度=urgent" in page


def test_an_export_that_cannot_be_put_on_record_is_not_sent_and_takes_no_turn(
    cast: Cast, sign_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**options: Any) -> None:
        raise OperationalError

    client = sign_in("sun_li")
    with monkeypatch.context() as patched:
        patched.setattr(audit, "record", away)
        for _ in range(3):
            with pytest.raises(OperationalError):
                export(client)
    response = export(client)
    assert response.status_code == 200
    response.close()


# --- a long file ---


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows are too many to wait for."""
    monkeypatch.setattr(export_files, "AT_ONCE", 1)


def asked(client: Client, query: str = "") -> ExportFile:
    response = export(client, "xlsx", query)
    assert (response.status_code, response.url) == (302, "/exports/")
    return ExportFile.objects.latest("created_at")


def test_up_to_two_thousand_rows_somebody_is_kept_waiting(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    issue = cast.report()
    copies_of(issue, 1_999)
    client = sign_in("sun_li")
    response = export(client, "xlsx")
    assert response.status_code == 200
    sheet = openpyxl.load_workbook(io.BytesIO(response.content), read_only=True).active
    assert sheet.max_row == 2_001

    copies_of(issue, 1)
    assert asked(client).status == ExportStatus.WAITING


def test_the_page_says_what_the_rules_are(
    cast: Cast, sign_in: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_files, "AT_ONCE", 3_000)
    monkeypatch.setattr(export_files, "KEPT_FOR", timedelta(days=5))

    page = sign_in("chen_jing").get("/exports/").content.decode()
    assert "超过 3,000 行的 Excel" in page
    assert "保留 5 天" in page


def test_the_page_that_looks_again_by_itself_is_no_sign_of_a_person(
    cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    client = sign_in("chen_jing")
    client.get("/exports/", headers={"HX-Request": "true"})
    assert SEEN not in client.session

    client.get("/exports/")
    assert SEEN in client.session


def test_a_long_file_is_made_later_and_arrives_in_the_inbox(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    client = sign_in("chen_jing")
    file = asked(client, "sort=received")
    assert "等待生成" in client.get("/exports/").content.decode()
    assert client.get(f"/exports/{file.pk}/").status_code == 404
    export_files.make(file.pk)

    message = Message.objects.get(kind="export")
    assert (message.recipient, message.title) == (cast.chen_jing, "导出文件已生成：问题（2 行）")
    Message.objects.update(delivered_at=timezone.now())
    assert client.get(f"/inbox/{message.pk}/").url == f"/exports/{file.pk}/"
    response = client.get(f"/exports/{file.pk}/")
    content = b"".join(response.streaming_content)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet.max_row == 3
    assert "attachment" in response["Content-Disposition"]
    assert f'href="/exports/{file.pk}/"' in client.get("/exports/").content.decode()
    # Asked for by its timer, the page answers with its part, which no longer asks.
    part = client.get("/exports/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "hx-trigger" not in part


def test_the_proxy_sends_the_file(
    long: None, cast: Cast, sign_in: Callable[[str], Client], settings: Settings
) -> None:
    settings.ACCEL_REDIRECT_PREFIX = "/protected-media/"
    in_three_places(cast)
    client = sign_in("chen_jing")
    file = asked(client)
    export_files.make(file.pk)

    response = client.get(f"/exports/{file.pk}/")
    assert response["X-Accel-Redirect"] == f"/protected-media/exports/{file.pk}.xlsx"


def test_another_persons_file_is_not_found(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    file = asked(sign_in("chen_jing"))
    export_files.make(file.pk)
    client = sign_in("sun_li")

    assert client.get(f"/exports/{file.pk}/").status_code == 404
    assert str(file.pk) not in client.get("/exports/").content.decode()
    assert client.get(f"/exports/{uuid.uuid4()}/").status_code == 404


def test_an_expired_file_is_gone_with_a_sentence(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    client = sign_in("chen_jing")
    file = asked(client)
    export_files.make(file.pk)
    export_files.sweep(timezone.now() + timedelta(days=8))

    response = client.get(f"/exports/{file.pk}/")
    assert response.status_code == 404
    assert "已过期删除，请重新导出" in response.content.decode()
    assert "已过期" in client.get("/exports/").content.decode()


def end_posting(cast: Cast, name: str) -> None:
    """The last day of the posting was yesterday."""
    yesterday = timezone.localdate() - timedelta(days=1)
    Posting.objects.filter(user=cast.people[name]).update(ends_on=yesterday)


def test_who_lost_the_posting_meanwhile_gets_nothing(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    file = asked(sign_in("chen_jing"))
    end_posting(cast, "chen_jing")
    export_files.make(file.pk)

    file.refresh_from_db()
    assert file.status == ExportStatus.FAILED
    assert not export_files.path_of(file).exists()


def test_who_changed_the_posting_meanwhile_gets_what_is_theirs_now(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    file = asked(sign_in("sun_li"), "status=all")
    Posting.objects.filter(user=cast.sun_li).update(role="town_dispatcher", place=cast.changqiao)
    export_files.make(file.pk)

    file.refresh_from_db()
    assert (file.status, file.rows_total) == (ExportStatus.DONE, 2)


def test_a_file_is_not_given_out_once_its_posting_has_ended(
    long: None, cast: Cast, sign_in: Callable[[str], Client]
) -> None:
    in_three_places(cast)
    client = sign_in("feng_gang")
    file = asked(client)
    export_files.make(file.pk)
    assert b"".join(client.get(f"/exports/{file.pk}/").streaming_content)

    one = Posting.objects.filter(user=cast.feng_gang).earliest("id")
    yesterday = timezone.localdate() - timedelta(days=1)
    Posting.objects.filter(pk=one.pk).update(ends_on=yesterday)
    response = client.get(f"/exports/{file.pk}/")
    assert response.status_code == 404
    assert "您的任职已有变化" in response.content.decode()
    assert "不再提供" in client.get("/exports/").content.decode()


# --- a worker that dies ---

KILLED = """
import os, signal, sys, uuid
from pathlib import Path
import django
django.setup()
from core import export_files, sheets

def half(target, title, headings, rows, *, scratch):
    next(rows)
    Path(target).write_bytes(b"half a file")
    os.kill(os.getpid(), signal.SIGKILL)

sheets.write_xlsx = half
export_files.make(uuid.UUID(sys.argv[1]))
"""


def test_after_a_killed_worker_the_next_one_makes_one_file(committed_db: str, media: Path) -> None:
    cast = assemble()
    in_three_places(cast)
    file = ExportFile.objects.create(owner=cast.chen_jing, listing="issues", title="问题")
    environment = {
        "EMBEDDED_DATABASE": committed_db,
        "MEDIA_ROOT": str(media),
        "DJANGO_SETTINGS_MODULE": "governance.settings",
    }
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(file.pk)], cwd=BASE_DIR, env=os.environ | environment
    )
    assert killed.returncode == -9
    file.refresh_from_db()
    assert (file.status, file.attempts, file.rows_total) == (ExportStatus.RUNNING, 1, 2)

    export_files.make(file.pk)
    export_files.make(file.pk)

    file.refresh_from_db()
    assert (file.status, file.attempts) == (ExportStatus.DONE, 2)
    assert openpyxl.load_workbook(export_files.path_of(file)).active.max_row == 3
    assert Message.objects.filter(kind="export").count() == 1
    assert len(exported()) == 1
