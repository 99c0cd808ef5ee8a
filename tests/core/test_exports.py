"""A list as a file: harmless to open, flat in memory, made once, for one person, for a week."""

from __future__ import annotations

import csv
import io
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from core import export_files, exports, sheets
from core.choices import ExportStatus
from core.errors import Busy, Malformed, NotAllowed, Refused
from core.models import AuditEntry, ExportFile, Message
from core.registers import Column, Register
from people.models import User
from tests.core.test_registers import MESSAGES

NOON = datetime(2025, 9, 29, 4, 0, 30, tzinfo=UTC)
LISTED = Register(
    **{
        **vars(MESSAGES),
        "export": "messages",
        "columns": (*MESSAGES.columns, Column("urgent", "紧急")),
    }
)


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture(autouse=True)
def listing(monkeypatch: pytest.MonkeyPatch) -> exports.Listing:
    """The messages of this test, as if their room had offered them."""
    monkeypatch.setattr(exports, "_listings", {})
    offered = exports.Listing(
        "messages",
        LISTED,
        lambda user: Message.objects.exclude(kind="export"),
        fetch=lambda rows: rows.select_related("recipient"),
        may=lambda user: user.username != "gone",
    )
    exports.offer(offered)
    return offered


def write(recipient: User, number: int) -> None:
    Message.objects.bulk_create(
        Message(key=f"m:{n}", recipient=recipient, kind="due", title=f"第{n}条", created_at=NOON)
        for n in range(number)
    )


def chosen(user: User, query: str = "") -> exports.Chosen:
    return exports.choose("messages", query, by=user)


def csv_of(choice: exports.Chosen) -> list[list[str]]:
    with closing(exports.Stream(choice, choice.ids())) as stream:
        text = b"".join(stream).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def xlsx(
    rows: list[list[sheets.Cell]], headings: tuple[str, ...] = ("甲", "乙")
) -> Iterator[tuple[Any, ...]]:
    made = io.BytesIO()
    sheets.write_xlsx(made, "列表", headings, rows)
    return openpyxl.load_workbook(made).active.iter_rows(min_row=2)


# --- what a cell holds ---

FORMULAS = [
    "=1+1",
    "+1",
    "-2+3",
    "@SUM(A1)",
    "  =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "　＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    "\ufeff=1+1",
    "\u200b=1+1",
    '\xa0=HYPERLINK("http://x")',
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_looks_like_a_formula_is_none_in_csv(text: str) -> None:
    (row,) = csv.reader(io.StringIO(sheets.csv_lines([[sheets.cell(text)]])))

    assert row[0].startswith("'")
    assert row[0].strip().startswith("'"), "trimming must not bring it back"


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_that_looks_like_a_formula_is_a_text_in_excel(text: str) -> None:
    ((cell, _),) = xlsx([[sheets.cell(text), "乙"]])

    assert cell.data_type != "f"
    assert "'" not in (cell.value or "")[:1]


@pytest.mark.parametrize(
    "text", ["井盖松动", "3-5 号楼", "a=b", "—", "20250303-00042", "（=）", "'引号'"]
)
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert next(csv.reader(io.StringIO(sheets.csv_lines([[sheets.cell(text)]])))) == [text]
    ((cell, _),) = xlsx([[sheets.cell(text), None]])
    assert (cell.value, cell.data_type) == (text, "s")


def test_numbers_and_dates_stay_what_they_are() -> None:
    values = [-5, 0.5, Decimal("1.25"), date(2025, 3, 8), NOON, True, False, None]
    row = [sheets.cell(value) for value in values]

    line = '-5,0.5,1.25,"2025-03-08","2025-09-29 12:00","是","否",""\r\n'
    assert sheets.csv_lines([row]) == line
    (cells,) = xlsx([row], tuple("甲乙丙丁戊己庚辛"))
    assert [cell.value for cell in cells[:5]] == [
        -5,
        0.5,
        1.25,
        datetime.fromisoformat("2025-03-08"),
        datetime.fromisoformat("2025-09-29 12:00"),
    ]
    assert [cell.is_date for cell in cells[:5]] == [False, False, False, True, True]
    assert [cell.value for cell in cells[5:]] == ["是", "否", None]


@pytest.mark.parametrize("character", ["\n", "\r\n", "\r", "\x0b", "\x00", "\x85", "\u2028"])
def test_no_cell_breaks_its_line(character: str) -> None:
    lines = sheets.csv_lines([[sheets.cell(f"上{character}下")]])

    assert lines == '"上 下"\r\n'
    ((cell, _),) = xlsx([[sheets.cell(f"上{character}下"), None]])
    assert cell.value == "上 下"


def test_a_text_longer_than_excel_takes_is_cut_and_not_lost() -> None:
    ((cell, _),) = xlsx([[sheets.cell("长" * 40_000), None]])

    assert len(cell.value) == sheets.MOST_CHARACTERS


def test_a_separator_of_another_country_cuts_no_text_in_two() -> None:
    assert sheets.csv_lines([["甲;=1+1", "乙"]]) == '"甲;=1+1","乙"\r\n'


def test_excel_shows_the_headings_while_scrolling_and_filters_by_them() -> None:
    made = io.BytesIO()
    sheets.write_xlsx(
        made, "列表", ["编号", "标题"], [["1", "一个很长很长很长的标题"], ["2", "短"]]
    )
    sheet = openpyxl.load_workbook(made).active

    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:B3"
    assert sheet.column_dimensions["B"].width > sheet.column_dimensions["A"].width


def test_a_long_text_is_read_whole_beside_what_is_short() -> None:
    ((text, day),) = xlsx([["长" * 100, date(2025, 3, 8)]])

    assert text.alignment.wrap_text
    assert text.alignment.vertical == day.alignment.vertical == "center"


def test_a_printed_list_is_one_page_wide_with_its_headings_on_each() -> None:
    made = io.BytesIO()
    sheets.write_xlsx(made, "列表", ["编号", "标题"], [["1", "甲"]])
    sheet = openpyxl.load_workbook(made).active

    assert sheet.print_title_rows == "$1:$1"
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToHeight == 0  # as many pages as it takes; one wide is the default
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)


# --- which lists, whose rows ---


def test_a_drawn_column_needs_words_for_the_file() -> None:
    columns = (Column("title", "标题", draw=lambda row: "<b>…</b>"),)
    register = Register(**{**vars(LISTED), "columns": columns})

    with pytest.raises(ImproperlyConfigured, match=r"messages\.title"):
        exports.offer(exports.Listing("messages", register, lambda user: Message.objects.all()))


def test_a_list_that_nobody_offers_and_a_wrong_filter_are_refused(wang: User) -> None:
    for name, query in [
        ("users", ""),
        ("messages", "kind=nonsense"),
        ("messages", "sort=nonsense"),
        ("messages", "q=" + "长" * 2000),
    ]:
        with pytest.raises(Malformed):
            exports.choose(name, query, by=wang)


def test_who_may_not_see_a_list_gets_no_file_of_it(wang: User) -> None:
    wang.username = "gone"
    with pytest.raises(NotAllowed):
        chosen(wang)
    wang.username, wang.is_active = "wang.li", False
    with pytest.raises(NotAllowed):
        chosen(wang)


def test_a_file_holds_all_rows_in_the_order_of_the_list(wang: User, zhou: User) -> None:
    write(wang, 9)
    Message.objects.filter(key__in=["m:3", "m:5"]).update(kind="urge", urgent=True)
    Message.objects.filter(key="m:3").update(recipient=zhou)

    heading, *rows = csv_of(chosen(wang, "kind=urge&sort=title"))
    assert heading == ["标题", "收件人", "生成时间", "紧急"]
    assert rows == [
        ["第3条", "周敏", "2025-09-29 12:00", "是"],
        ["第5条", "王丽", "2025-09-29 12:00", "是"],
    ]
    assert [row[0] for row in csv_of(chosen(wang))[1:]] == [f"第{n}条" for n in range(8, -1, -1)]


def test_the_trail_keeps_chosen_filters_and_no_typed_words(wang: User) -> None:
    assert chosen(wang, "kind=due&q=12012345678&urgent=").filters == "搜索、类别=due"
    assert chosen(wang).filters == ""


def test_rows_that_move_meanwhile_are_in_the_file_once(wang: User) -> None:
    write(wang, 6)
    choice = chosen(wang, "sort=created")
    batches = choice.batches(choice.ids(), 2)

    seen = [row[0] for row in next(batches)]
    Message.objects.filter(key="m:0").update(created_at=timezone.now())  # to the very end
    Message.objects.filter(key="m:4").delete()
    seen += [row[0] for batch in batches for row in batch]

    assert sorted(seen) == ["第0条", "第1条", "第2条", "第3条", "第5条"]


def test_a_row_that_goes_out_of_sight_meanwhile_is_not_in_the_file(wang: User) -> None:
    write(wang, 6)
    choice = chosen(wang, "sort=title")
    batches = choice.batches(choice.ids(), 2)

    next(batches)
    Message.objects.filter(key="m:3").update(kind="export")  # which the list does not show
    assert [row[0] for batch in batches for row in batch] == ["第2条", "第4条", "第5条"]


def test_rows_are_read_in_no_transaction_and_the_cursor_of_the_ids_in_one(
    committed_db: str,
) -> None:
    """A slow browser holds nothing back, and no statement needs a session of its own."""
    wang = User.objects.create_user("wang.li", full_name="王丽")
    write(wang, 3)
    choice = chosen(wang)
    held: list[bool] = []

    def noted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        held.append(context["connection"].in_atomic_block)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noted):
        ids = choice.ids()
        assert held == [True]
        held.clear()
        assert len(list(choice.batches(ids, 2))) == 2
    assert held == [False, False]


def peak(work: Callable[[], object]) -> int:
    """Bytes of Python's memory that the work held at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_memory_does_not_grow_with_the_rows(
    form: str, wang: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "REST", 0)
    write(wang, 20_000)

    def export(number: int) -> None:
        choice = chosen(wang)
        ids = choice.ids()[:number]
        if form == "csv":
            with closing(exports.Stream(choice, ids)) as stream:
                for _part in stream:
                    pass
        else:
            rows = (row for batch in choice.batches(ids) for row in batch)
            sheets.write_xlsx(tmp_path / "list.xlsx", "列表", choice.headings, rows)

    export(10)  # what is loaded once
    few, many = peak(lambda: export(2_000)), peak(lambda: export(20_000))

    # Nine tenths of the rows more: 18,000 of them would be 9 MB as bare texts of 500 bytes.
    assert many - few < 500_000


def test_only_so_many_streams_run_at_a_time(wang: User) -> None:
    choice = chosen(wang)
    ids = choice.ids()
    running = [exports.Stream(choice, ids), exports.Stream(choice, ids)]
    with pytest.raises(Busy):
        exports.Stream(choice, ids)

    running[0].close()
    running[0].close()  # twice is once
    another = exports.Stream(choice, ids)
    with pytest.raises(Busy):
        exports.Stream(choice, ids)
    for stream in (running[1], another):
        stream.close()


# --- a file that is made in the background ---


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """What was put on the queue of the exporter."""
    asked: list[uuid.UUID] = []
    monkeypatch.setattr(export_files, "_queue", asked.append)
    return asked


def ask(user: User, query: str = "") -> ExportFile:
    return export_files.ask(chosen(user, query), by=user)


def again(file: ExportFile) -> ExportFile:
    return ExportFile.objects.get(pk=file.pk)


def told(user: User) -> list[str]:
    return [m.title for m in Message.objects.filter(recipient=user, kind="export").order_by("id")]


def rows_in(file: ExportFile) -> list[tuple[Any, ...]]:
    sheet = openpyxl.load_workbook(export_files.path_of(file)).active
    return list(sheet.iter_rows(min_row=2, values_only=True))


def test_a_file_is_made_and_told_of_once_though_its_task_runs_twice(wang: User) -> None:
    write(wang, 3)
    file = ask(wang)
    export_files.make(file.pk)
    first = export_files.path_of(file).read_bytes()
    export_files.make(file.pk)

    file = again(file)
    assert (file.status, file.rows_done, file.rows_total, file.percent) == ("done", 3, 3, 100)
    assert file.expires_at - file.finished_at == timedelta(days=7)
    assert export_files.path_of(file).read_bytes() == first
    assert file.size == len(first)
    assert rows_in(file)[0] == ("第2条", "王丽", datetime.fromisoformat("2025-09-29 12:00"), "否")
    assert told(wang) == ["导出文件已生成：消息（3 行）"]
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (wang, "list.exported")
    assert entry.detail == {"list": "messages", "format": "xlsx", "rows": 3, "filters": None}
    assert list(export_files.folder().iterdir()) == [export_files.path_of(file)]


def test_two_runs_side_by_side_make_one_file(wang: User, monkeypatch: pytest.MonkeyPatch) -> None:
    write(wang, 3)
    file = ask(wang)
    plain = sheets.write_xlsx

    def overtaken(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(sheets, "write_xlsx", plain)
        export_files.make(file.pk)  # the same task, delivered again while this one still writes
        plain(*arguments, **options)

    monkeypatch.setattr(sheets, "write_xlsx", overtaken)
    export_files.make(file.pk)

    assert again(file).status == ExportStatus.DONE
    assert len(told(wang)) == 1
    assert AuditEntry.objects.count() == 1
    assert list(export_files.folder().iterdir()) == [export_files.path_of(file)]


# --- asking ---


def test_the_same_list_is_asked_for_once_at_a_time(
    wang: User, zhou: User, queued: list[uuid.UUID], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first, second = ask(wang), ask(wang)
        other = ask(zhou)

    assert first == second
    assert queued == [first.pk, other.pk]


def test_a_person_has_two_files_made_at_a_time_and_no_more(wang: User, zhou: User) -> None:
    first = ask(wang, "kind=due")
    ask(wang, "kind=urge")
    with pytest.raises(Refused, match="您已有 2 份文件正在生成"):
        ask(wang)
    ask(zhou)

    export_files.make(first.pk)
    assert ask(wang).status == ExportStatus.WAITING


# --- what can go wrong ---


def test_who_lost_the_list_meanwhile_gets_a_sentence_and_no_file(wang: User) -> None:
    write(wang, 3)
    file = ask(wang)
    User.objects.filter(pk=wang.pk).update(username="gone")
    export_files.make(file.pk)

    file = again(file)
    assert (file.status, file.query, file.size) == (ExportStatus.FAILED, "", None)
    assert file.reason == "您的任职已有变化，现在不能查看这个列表，文件没有生成。"
    assert told(wang) == ["导出文件未能生成：消息"]
    assert not export_files.path_of(file).exists()
    assert not AuditEntry.objects.exists()


def test_more_rows_than_a_sheet_holds_are_refused_with_a_way_out(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(wang, 3)
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    file = ask(wang)
    export_files.make(file.pk)

    assert again(file).reason.endswith("请缩小范围，或导出 CSV。")


def test_a_bug_ends_the_file_with_a_sentence_and_shows_in_the_log(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ask(wang)
    monkeypatch.setattr(sheets, "write_xlsx", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_files.make(file.pk)

    assert again(file).status == ExportStatus.FAILED
    assert told(wang) == ["导出文件未能生成：消息"]
    assert list(export_files.folder().iterdir()) == []


def test_a_file_on_which_every_worker_dies_is_given_up(wang: User) -> None:
    file = ask(wang)
    ExportFile.objects.update(status=ExportStatus.RUNNING, attempts=export_files.MOST_ATTEMPTS)
    export_files.make(file.pk)

    assert again(file).status == ExportStatus.FAILED
    assert again(file).reason.startswith("多次尝试都没有生成")


def test_while_the_database_is_away_a_file_is_not_given_up(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(wang, 3)
    file = ask(wang)
    plain = sheets.write_xlsx

    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError

    monkeypatch.setattr(sheets, "write_xlsx", away)
    with pytest.raises(OperationalError):
        export_files.make(file.pk)
    assert again(file).status == ExportStatus.RUNNING
    assert told(wang) == []

    monkeypatch.setattr(sheets, "write_xlsx", plain)
    export_files.make(file.pk)
    assert again(file).status == ExportStatus.DONE


def test_a_file_that_was_put_in_its_place_in_vain_is_removed(
    wang: User, django_capture_on_commit_callbacks: Any
) -> None:
    file = ask(wang)
    export_files.folder().mkdir(parents=True)
    export_files.path_of(file).write_bytes(b"the run could not say so")
    ExportFile.objects.update(status=ExportStatus.RUNNING, attempts=export_files.MOST_ATTEMPTS)
    with django_capture_on_commit_callbacks(execute=True):
        export_files.make(file.pk)

    assert again(file).status == ExportStatus.FAILED
    assert not export_files.path_of(file).exists()


# --- what is taken back ---


def test_every_file_of_a_list_can_be_withdrawn(
    wang: User, zhou: User, django_capture_on_commit_callbacks: Any
) -> None:
    write(wang, 3)
    done, of_another = ask(wang, "kind=due"), ask(zhou)
    waiting = ask(wang)
    for file in (done, of_another):
        export_files.make(file.pk)
    export_files.withdraw("areas", reason="重新导出")
    assert again(done).status == ExportStatus.DONE

    with django_capture_on_commit_callbacks(execute=True):
        export_files.withdraw("messages", reason="重新导出")
    for file in (done, of_another):
        assert (again(file).status, again(file).words) == (ExportStatus.EXPIRED, "")
        assert not export_files.path_of(file).exists()
    assert again(waiting).status == ExportStatus.WAITING


def test_what_is_not_withdrawn_after_all_is_still_there(wang: User) -> None:
    write(wang, 3)
    file = ask(wang)
    export_files.make(file.pk)
    with transaction.atomic():
        export_files.withdraw("messages", reason="重新导出")
        transaction.set_rollback(True)

    assert again(file).status == ExportStatus.DONE
    assert export_files.path_of(file).exists()


def test_a_file_in_the_making_does_not_outlive_a_withdrawal(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(wang, 3)
    file = ask(wang)
    plain = sheets.write_xlsx

    def withdrawn(*arguments: Any, **options: Any) -> None:
        plain(*arguments, **options)  # the rows are read
        export_files.withdraw("messages", reason="重新导出")

    monkeypatch.setattr(sheets, "write_xlsx", withdrawn)
    export_files.make(file.pk)

    assert (again(file).status, again(file).reason) == (ExportStatus.FAILED, "重新导出")
    assert list(export_files.folder().iterdir()) == []


# --- the sweep ---


def test_what_stands_still_is_asked_for_again(wang: User, queued: list[uuid.UUID]) -> None:
    lost, alive = ask(wang, "kind=due"), ask(wang, "kind=urge")
    later = timezone.now() + timedelta(minutes=11)
    ExportFile.objects.filter(pk=alive.pk).update(touched_at=later)

    assert export_files.sweep(later) == 1
    assert export_files.sweep(later) == 0
    assert queued == [lost.pk]


def test_what_no_worker_takes_is_given_up_and_makes_room(
    wang: User, queued: list[uuid.UUID]
) -> None:
    files = [ask(wang, "kind=due"), ask(wang, "kind=urge")]
    ExportFile.objects.filter(pk=files[1].pk).update(status=ExportStatus.RUNNING)  # and died
    asked = timezone.now()

    export_files.sweep(asked + timedelta(hours=2, minutes=50))
    assert len(queued) == 2
    export_files.sweep(asked + timedelta(hours=3, minutes=1))
    for file in files:
        assert again(file).status == ExportStatus.FAILED
        assert again(file).reason.startswith("等了 3 小时仍没有生成，请稍后重新导出")
    assert told(wang) == ["导出文件未能生成：消息"] * 2
    assert len(queued) == 2
    assert ask(wang).status == ExportStatus.WAITING


def test_a_file_that_is_being_written_is_not_given_up(wang: User, queued: list[uuid.UUID]) -> None:
    file = ask(wang)
    later = timezone.now() + timedelta(hours=4)
    ExportFile.objects.update(status=ExportStatus.RUNNING, touched_at=later)
    export_files.sweep(later)

    assert again(file).status == ExportStatus.RUNNING


def test_a_file_expires_after_a_week(wang: User) -> None:
    write(wang, 3)
    file = ask(wang, "q=条")
    export_files.make(file.pk)
    path = export_files.path_of(file)
    made = again(file).finished_at

    export_files.sweep(made + timedelta(days=6))
    assert path.exists()
    assert export_files.sweep(made + timedelta(days=7)) == 1
    assert not path.exists()
    assert (again(file).status, again(file).query) == (ExportStatus.EXPIRED, "")

    export_files.sweep(made + timedelta(days=91))
    assert not ExportFile.objects.exists()


def test_leftovers_of_killed_runs_go_after_a_day(wang: User) -> None:
    left = export_files.folder() / f"{uuid.uuid4()}-x.part"
    left.mkdir(parents=True)
    (left / "made.xlsx").write_bytes(b"half")

    export_files.sweep()
    assert left.exists(), "a run may still be writing"
    export_files.sweep(timezone.now() + timedelta(days=2))
    assert not left.exists()


def test_a_file_for_which_no_row_stands_goes_after_some_minutes(wang: User) -> None:
    write(wang, 3)
    done, failed, lost = ask(wang, "kind=due"), ask(wang, "kind=urge"), uuid.uuid4()
    export_files.make(done.pk)
    export_files._fail(failed, "没有生成")
    waiting = ask(wang)
    orphans = [export_files.folder() / f"{name}.xlsx" for name in (failed.pk, lost)]
    for path in (*orphans, export_files.path_of(waiting)):
        path.write_bytes(b"a file")

    export_files.sweep(timezone.now() + timedelta(minutes=9))
    assert all(path.exists() for path in orphans)
    export_files.sweep(timezone.now() + timedelta(minutes=11))
    assert not any(path.exists() for path in orphans)
    assert export_files.path_of(done).exists()
    assert export_files.path_of(waiting).exists(), "its run may be about to say so"
