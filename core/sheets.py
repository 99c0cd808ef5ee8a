"""Rows as a file that a spreadsheet program opens: CSV and .xlsx. No cell in it is a formula.

A list holds what people wrote, and whoever opens the file did not write it. In .xlsx a text is
stored as a text and stays one. CSV has no types, so a text that a program could take for a formula
gets an apostrophe in front. Not a tab: programs and scripts that trim a cell would bring the
formula back to life, and the apostrophe also survives when the file is saved again.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import xlsxwriter
from django.utils import timezone

# What a file holds in one place. A datetime here is naive, in local time.
Cell = str | int | float | Decimal | date | datetime | None
Row = Sequence[Cell]

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_575  # of an Excel sheet, below its heading
MOST_CHARACTERS = 32_767  # of a cell in Excel

# The byte order mark, by which Excel knows UTF-8.
BOM = "\ufeff"
# After blanks of any width, also those that have none; full-width and small signs are signs too.
_FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@＝＋－＠﹦﹢﹣﹫]")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")

_WIDEST = 60  # characters of a column; a longer text takes several lines
_NARROWEST = 8
_MEASURED = 500  # rows by which the widths are chosen
_A4 = 9  # as Excel numbers paper


def cell(value: object) -> Cell:
    """Return what a file holds for a value of a list.

    Numbers and dates stay what they are; an aware datetime becomes naive local time, to the
    minute; True and False are 是 and 否; everything else is a text of one line.
    """
    if isinstance(value, str):
        return value if value.isprintable() and len(value) < MOST_CHARACTERS else _one_line(value)
    if value is None:
        return None
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return timezone.localtime(value).replace(second=0, microsecond=0, tzinfo=None)
    if isinstance(value, int | float | Decimal | date):
        return value
    return _one_line(str(value))


def _one_line(text: str) -> str:
    return _NOT_IN_A_LINE.sub(" ", text).strip()[:MOST_CHARACTERS]


# --- CSV ---


def csv_lines(rows: Iterable[Row]) -> str:
    """Return lines of CSV. Every text is quoted, so that no other separator cuts it in two."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([_in_csv(value) for value in row] for row in rows)
    return lines.getvalue()


def _in_csv(value: Cell) -> str | int | float | Decimal:
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return "" if value is None else value


# --- Excel ---


def write_xlsx(
    target: Path | IO[bytes],
    title: str,
    headings: Sequence[str],
    rows: Iterable[Row],
    *,
    scratch: Path | None = None,
) -> None:
    """Write a workbook of one sheet, in memory that does not grow with its rows.

    ``rows`` may have MOST_ROWS at most. The sheet lies in ``scratch`` until it is packed, by
    default in the system's folder for temporary files.
    """
    options = {"constant_memory": True, "tmpdir": str(scratch) if scratch else None}
    place = str(target) if isinstance(target, Path) else target
    with xlsxwriter.Workbook(place, options) as workbook:
        heading = workbook.add_format({"bold": True, "bg_color": "#EEF2F6", "bottom": 1})
        middle = {"valign": "vcenter"}  # beside a text of several lines
        written = {"num_format": "yyyy-mm-dd", "align": "left", **middle}
        formats: dict[type, Any] = {
            str: workbook.add_format({"text_wrap": True, **middle}),
            date: workbook.add_format(written),
            datetime: workbook.add_format(written | {"num_format": "yyyy-mm-dd hh:mm"}),
            float: workbook.add_format(middle),
        }
        sheet = workbook.add_worksheet(title)
        sheet.freeze_panes(1, 0)
        _fit_for_paper(sheet)
        for column, label in enumerate(headings):
            sheet.write_string(0, column, label, heading)
        widths = [_width(label) + 3 for label in headings]  # room for the arrow of the filter
        last = 0
        for last, row in enumerate(rows, start=1):
            _write_row(sheet, last, row, formats)
            if last <= _MEASURED:
                widths = [max(pair) for pair in zip(widths, map(_width, row), strict=True)]
        for column, width in enumerate(widths):
            sheet.set_column(column, column, min(max(width + 1, _NARROWEST), _WIDEST))
        sheet.autofilter(0, 0, last, len(headings) - 1)


def _fit_for_paper(sheet: Any) -> None:
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)  # as wide as the sheet, as long as it takes
    sheet.repeat_rows(0)
    sheet.set_footer("&C第 &P 页，共 &N 页")


def _write_row(sheet: Any, number: int, row: Row, formats: Mapping[type, Any]) -> None:
    # By the type of each cell: ``write`` would guess, and take some texts for formulas or links.
    for column, value in enumerate(row):
        if isinstance(value, str):
            sheet.write_string(number, column, value, formats[str])
        elif isinstance(value, date):  # a datetime is one too
            sheet.write_datetime(number, column, value, formats[type(value)])
        elif value is not None:
            sheet.write_number(number, column, value, formats[float])


def _width(value: Cell) -> int:
    """How many Latin characters wide a cell is; a Chinese one counts twice."""
    text = str(_in_csv(value))
    return len(text) + sum(unicodedata.east_asian_width(char) in "WF" for char in text)


def parts_of_csv(headings: Sequence[str], batches: Iterable[Iterable[Row]]) -> Iterator[str]:
    """Yield a whole CSV file, batch by batch."""
    yield BOM + csv_lines([headings])
    for rows in batches:
        yield csv_lines(rows)
