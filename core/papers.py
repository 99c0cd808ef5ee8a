"""Papers in the official form (公文, GB/T 9704-2012) as .docx: page, fonts, headings, tables.

    paper = Paper("第三季度工作报告")
    paper.title("关于第三季度工作情况的报告")
    paper.addressee("区联席会议")
    paper.heading("总体情况")            # 一、总体情况
    paper.subheading("推进情况")         # （一）推进情况
    paper.body("……")
    paper.table(["指标", "本季"], rows, widths=[60, 30])
    paper.signature("专班办公室", date(2025, 10, 9))
    content = paper.content()

A paper of one sheet can be a form, whose fields are a table::

    form.form([fields(label("编号"), entry("督〔2025〕第1号"))], widths=[30, 126])

Fonts are named, never embedded: a machine without them shows its own. 28 characters a line and 22
lines a page come from the margins, the exact line pitch and the character spacing together; with
the grid type ``linesAndChars`` LibreOffice would put 14 characters on a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

from core.ooxml import (
    BODY_SIZE,
    indent_by,
    leave_grid,
    mark_row,
    number_pages,
    rule,
    rule_cells,
    set_font,
    set_landscape,
    set_portrait,
    stand_at_foot,
    tighten,
)

TITLE_FONT = "方正小标宋简体"
BODY_FONT = "仿宋_GB2312"
SECOND_FONT = "楷体_GB2312"
FIRST_FONT = "黑体"

TITLE_SIZE = 22  # 二号
HEAD_SIZE = 30
IMPRINT_SIZE = 14  # 四号
FORM_SIZE = 12  # 小四
TABLE_SIZE = 10.5  # 五号
CELL_SPACE = 2  # points above and below the text of a cell
LINE_PITCH = 28.95  # points: 22 lines in 225 mm
SEAL_INDENT = 14  # of the 28 characters of a line
CHARACTER_SPACING = -5  # twentieths of a point: 28 characters in 156 mm

NUMERALS = "一二三四五六七八九十"
RED = RGBColor(0xFF, 0, 0)

CENTRE, LEFT, RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT


@dataclass(frozen=True)
class Cell:
    """One field of a form over ``span`` columns; each line is a paragraph of its own.

    ``signed`` puts the last line at the right below the others, where one signs. A cell for
    ``pictures`` has lines as high as what stands in them.
    """

    lines: tuple[str, ...]
    span: int = 1
    font: str = BODY_FONT
    align: WD_ALIGN_PARAGRAPH = LEFT
    signed: bool = False
    pictures: bool = False


def label(text: str, span: int = 1) -> Cell:
    """What a field is called."""
    return Cell((text,), span, FIRST_FONT, CENTRE)


def entry(*lines: str, span: int = 1) -> Cell:
    """What is filled in, from the left."""
    return Cell(lines, span)


def signing(*lines: str, span: int = 1) -> Cell:
    """An opinion, and below it at the right the place for signature and date."""
    return Cell((*lines, "签字（盖章）：　　　　　　年　　月　　日"), span, signed=True)


def pictures(text: str, span: int = 1) -> Cell:
    return Cell((text,), span, pictures=True)


@dataclass(frozen=True)
class FormRow:
    """Fields side by side, at least ``height`` millimetres high; ``whole`` is not split by a page
    and ``heads`` is repeated on each."""

    cells: tuple[Cell, ...]
    height: float = 10
    whole: bool = True
    heads: bool = False


def fields(*cells: Cell, height: float = 10, whole: bool = True, heads: bool = False) -> FormRow:
    return FormRow(cells, height, whole, heads)


class Paper:
    """One paper being written from top to bottom. ``subject`` goes into the file's properties.

    A single sheet needs no page numbers: ``numbered=False``.
    """

    def __init__(self, subject: str, *, numbered: bool = True) -> None:
        self._document = Document()
        self._first_level = self._second_level = 0
        properties = self._document.core_properties
        properties.title, properties.author, properties.comments = subject, "", ""
        self._set_normal_style()
        section = self._document.sections[0]
        set_portrait(section)
        if numbered:
            self._document.settings.odd_and_even_pages_header_footer = True
            number_pages(section.footer, RIGHT)
            number_pages(section.even_page_footer, LEFT)

    def content(self) -> bytes:
        """The bytes of the .docx file."""
        output = BytesIO()
        self._document.save(output)
        return output.getvalue()

    # --- the head ---

    def head(self, organ: str, number: str) -> None:
        """The red head 版头: who issues the paper, its number, the line.

        The organ stands 35 mm below the text's top, the number two lines below it and 4 mm above
        the line, the title two lines below that.
        """
        mark = self._paragraph(organ, TITLE_FONT, HEAD_SIZE, align=CENTRE, pitch=44)
        mark.paragraph_format.space_before = Mm(35)
        mark.runs[0].font.color.rgb = RED
        self.blank()
        self.blank()
        numbered = self._paragraph(number, BODY_FONT, BODY_SIZE, align=CENTRE)
        rule(numbered, "bottom", points=1.5, gap=11, colour="FF0000")
        self.blank()
        self.blank()

    def letter_head(self, organ: str, number: str) -> None:
        """The head of a letter 信函格式: the organ 30 mm below the page's edge, red double lines
        below it and at the foot, the number at the right, no number on the first page."""
        section = self._document.sections[0]
        section.different_first_page_header_footer = True
        section.header_distance = Mm(30)
        for part in (section.first_page_header, section.first_page_footer):
            part.is_linked_to_previous = False
        mark = section.first_page_header.paragraphs[0]
        self._fill(mark, organ, TITLE_FONT, HEAD_SIZE, align=CENTRE, pitch=40)
        mark.runs[0].font.color.rgb = RED
        rule(mark, "bottom", points=3, gap=11, colour="FF0000", style="thickThinSmallGap")
        foot = section.first_page_footer.paragraphs[0]
        rule(foot, "top", points=3, gap=1, colour="FF0000", style="thinThickSmallGap")
        self._paragraph(number, BODY_FONT, BODY_SIZE, align=RIGHT)
        self.blank()
        self.blank()

    # --- text ---

    def title(self, text: str) -> None:
        self._paragraph(text, TITLE_FONT, TITLE_SIZE, align=CENTRE, pitch=34)
        self.blank()

    def addressee(self, text: str) -> None:
        self._paragraph(f"{text}：", BODY_FONT, BODY_SIZE)

    def heading(self, text: str) -> None:
        """A heading of the first level, numbered 一、"""
        self._first_level, self._second_level = self._first_level + 1, 0
        numeral = NUMERALS[self._first_level - 1]
        self._paragraph(f"{numeral}、{text}", FIRST_FONT, BODY_SIZE, indent=2, keep=True)

    def subheading(self, text: str) -> None:
        """A heading of the second level, numbered （一）"""
        self._second_level += 1
        numeral = NUMERALS[self._second_level - 1]
        self._paragraph(f"（{numeral}）{text}", SECOND_FONT, BODY_SIZE, indent=2, keep=True)

    def body(self, text: str) -> None:
        self._paragraph(text, BODY_FONT, BODY_SIZE, indent=2)

    def numbered(self, texts: Sequence[str]) -> None:
        """Paragraphs of the third level, numbered 1. 2. 3."""
        for number, text in enumerate(texts, start=1):
            self.body(f"{number}. {text}")

    def blank(self) -> None:
        self._paragraph("", BODY_FONT, BODY_SIZE)

    def annex_list(self, names: Sequence[str]) -> None:
        """The note below the body that names the annexes, one blank line after it.

        It stays with the signature, so that no page holds a signature alone.
        """
        self._paragraph("", BODY_FONT, BODY_SIZE, keep=True)
        for number, name in enumerate(names, start=1):
            word = "附件：" if number == 1 else "　　　"
            self._paragraph(f"{word}{number}. {name}", BODY_FONT, BODY_SIZE, indent=2, keep=True)

    def signature(self, organ: str, day: date) -> None:
        """Who signs and when, right of centre; the day in Arabic digits without leading zeros."""
        first = self._paragraph(organ, BODY_FONT, BODY_SIZE, align=RIGHT, keep=True)
        first.paragraph_format.space_before = Pt(LINE_PITCH)
        second = self._paragraph(
            f"{day.year}年{day.month}月{day.day}日", BODY_FONT, BODY_SIZE, align=RIGHT
        )
        indent_by(first, "right", 2)
        indent_by(second, "right", 4)

    def sealed(self, organ: str, day: str) -> None:
        """Who issues it and when, where the seal goes: the organ centred above the day, which
        stands about four characters from the right."""
        for number, text in enumerate((organ, day)):
            line = self._paragraph(text, BODY_FONT, BODY_SIZE, align=CENTRE, keep=number == 0)
            indent_by(line, "left", SEAL_INDENT)
            if number == 0:
                line.paragraph_format.space_before = Pt(2 * LINE_PITCH)

    def imprint(self, copies: str, organ: str, printed_on: str) -> None:
        """The note on copies 版记 at the foot of the last page: who else gets it, who prints it."""
        table = self._document.add_table(rows=0, cols=2)
        table.autofit = False
        stand_at_foot(table)
        for number, texts in enumerate([(f"抄送：{copies}",), (organ, f"{printed_on}印发")]):
            cells = table.add_row().cells
            if number == 0:
                cells[0].merge(cells[1])
            rule_cells(cells, top=0.7 if number else 1, bottom=number)
            for cell, text, align in zip(cells, texts, (LEFT, RIGHT), strict=False):
                paragraph = cell.paragraphs[0]
                self._fill(paragraph, text, BODY_FONT, IMPRINT_SIZE, align=align, pitch=24)
                indent_by(paragraph, "right" if align == RIGHT else "left", 1)
        self._paragraph("", BODY_FONT, 1, pitch=1)  # what the table is anchored to

    def line(self, text: str, *, align: WD_ALIGN_PARAGRAPH = LEFT, size: float = BODY_SIZE) -> None:
        """A line of its own without indent."""
        self._paragraph(text, BODY_FONT, size, align=align)

    # --- annexes ---

    def annex(self, number: int, name: str, *, landscape: bool = False) -> None:
        """Begin an annex on a new page; wide tables want it in landscape."""
        section = self._document.add_section(WD_SECTION.NEW_PAGE)
        self._hide_section_break()
        if landscape:
            set_landscape(section)
        else:
            set_portrait(section)
        self._paragraph(f"附件{number}", FIRST_FONT, BODY_SIZE)
        self._paragraph(name, TITLE_FONT, TITLE_SIZE, align=CENTRE, pitch=34)

    def note(self, text: str) -> None:
        """A small line below a table."""
        self._paragraph(text, BODY_FONT, TABLE_SIZE, pitch=18)

    # --- tables ---

    def caption(self, text: str) -> None:
        self._paragraph(text, FIRST_FONT, TABLE_SIZE + 1.5, align=CENTRE, pitch=24, keep=True)

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        widths: Sequence[float],
        left: Sequence[int] = (0,),
        size: float = TABLE_SIZE,
    ) -> None:
        """A ruled table whose header repeats on every page.

        ``widths`` in millimetres; the columns in ``left`` are running text, the others are centred.
        """
        table = self._document.add_table(rows=0, cols=len(header))
        table.style = "Table Grid"
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Mm(width)
        tighten(table)
        for number, cells in enumerate([header, *rows]):
            row = table.add_row()
            mark_row(row, "w:cantSplit")
            if number == 0:
                mark_row(row, "w:tblHeader")
            for position, (cell, value) in enumerate(zip(row.cells, cells, strict=True)):
                cell.width = Mm(widths[position])
                is_text = number > 0 and position in left
                self._fill(
                    cell.paragraphs[0],
                    str(value),
                    FIRST_FONT if number == 0 else BODY_FONT,
                    size,
                    align=LEFT if is_text else CENTRE,
                    pitch=size * 1.4,
                )
                space = cell.paragraphs[0].paragraph_format
                space.space_before = space.space_after = Pt(CELL_SPACE)
                cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER

    def form(
        self, rows: Sequence[FormRow], *, widths: Sequence[float], size: float = FORM_SIZE
    ) -> None:
        """A form: its fields as a ruled table, ``widths`` in millimetres."""
        table = self._document.add_table(rows=0, cols=len(widths))
        table.style = "Table Grid"
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        table.autofit = False
        for column, width in zip(table.columns, widths, strict=True):
            column.width = Mm(width)
        tighten(table)
        for line in rows:
            added = table.add_row()
            added.height = Mm(line.height)
            if line.whole:
                mark_row(added, "w:cantSplit")
            if line.heads:
                mark_row(added, "w:tblHeader")
            first = 0
            for cell in line.cells:
                last = first + cell.span
                target = added.cells[first].merge(added.cells[last - 1])
                target.width = Mm(sum(widths[first:last]))
                self._fill_in(target, cell, size)
                first = last

    def _fill_in(self, target: Any, cell: Cell, size: float) -> None:
        target.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
        for number, text in enumerate(cell.lines):
            paragraph = target.paragraphs[0] if number == 0 else target.add_paragraph()
            signs = cell.signed and number == len(cell.lines) - 1
            self._fill(
                paragraph,
                text,
                cell.font,
                size,
                align=RIGHT if signs else cell.align,
                pitch=size * 1.5,
            )
            if signs:
                indent_by(paragraph, "right", 1)
            layout = paragraph.paragraph_format
            layout.space_before = Pt(size if signs else CELL_SPACE)
            layout.space_after = Pt(CELL_SPACE)
            if cell.pictures:
                layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.SINGLE, None

    # --- how it is done ---

    def _hide_section_break(self) -> None:
        """Keep the paragraph in which the section before ends from taking a line of its own."""
        carrier = self._document.element.body[-2]
        before = carrier.getprevious()
        if before is not None and before.tag == qn("w:p"):
            before.get_or_add_pPr().append(carrier.pPr.find(qn("w:sectPr")))
            carrier.getparent().remove(carrier)
            return
        layout = Paragraph(carrier, self._document).paragraph_format
        layout.line_spacing_rule = WD_LINE_SPACING.EXACTLY
        layout.line_spacing = Pt(1)

    def _paragraph(self, text: str, font: str, size: float, **form: Any) -> Any:
        paragraph = self._document.add_paragraph()
        self._fill(paragraph, text, font, size, **form)
        return paragraph

    @staticmethod
    def _fill(
        paragraph: Any,
        text: str,
        font: str,
        size: float,
        *,
        align: WD_ALIGN_PARAGRAPH | None = None,
        indent: int = 0,
        pitch: float = LINE_PITCH,
        keep: bool = False,
    ) -> None:
        layout = paragraph.paragraph_format
        layout.line_spacing_rule = WD_LINE_SPACING.EXACTLY
        layout.line_spacing = Pt(pitch)
        layout.keep_with_next = keep
        paragraph.alignment = align
        if pitch != LINE_PITCH:
            leave_grid(paragraph)
        if indent:
            indent_by(paragraph, "firstLine", indent)
        run = paragraph.add_run(text)
        run.font.size = Pt(size)
        set_font(run, font)

    def _set_normal_style(self) -> None:
        style = self._document.styles["Normal"]
        style.font.size = Pt(BODY_SIZE)
        style.font.color.rgb = RGBColor(0, 0, 0)
        set_font(style, BODY_FONT)
        spacing = OxmlElement("w:spacing")
        spacing.set(qn("w:val"), str(CHARACTER_SPACING))
        style.element.rPr.find(qn("w:sz")).addprevious(spacing)  # the schema has an order
        language = self._document.styles.element.find(f".//{qn('w:lang')}")
        language.set(qn("w:eastAsia"), "zh-CN")  # line breaks by Chinese rules
        layout = style.paragraph_format
        layout.space_before = layout.space_after = Pt(0)
        layout.widow_control = False
