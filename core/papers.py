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

Fonts are named, never embedded: a machine without them shows its own. 28 characters a line and 22
lines a page come from the margins, the exact line pitch and the character spacing together; with
the grid type ``linesAndChars`` LibreOffice would put 14 characters on a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

from docx import Document
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT, WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph

TITLE_FONT = "方正小标宋简体"
BODY_FONT = "仿宋_GB2312"
SECOND_FONT = "楷体_GB2312"
FIRST_FONT = "黑体"
NUMBER_FONT = "宋体"

BODY_SIZE = 16  # 三号
TITLE_SIZE = 22  # 二号
PAGE_NUMBER_SIZE = 14  # 四号
TABLE_SIZE = 10.5  # 五号
CELL_SPACE = 2  # points above and below the text of a cell
LINE_PITCH = 28.95  # points: 22 lines in 225 mm
GRID_PITCH = 579  # the same in twentieths of a point
CHARACTER_SPACING = -5  # twentieths of a point: 28 characters in 156 mm

NUMERALS = "一二三四五六七八九十"

CENTRE, LEFT, RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.LEFT, WD_ALIGN_PARAGRAPH.RIGHT


class Paper:
    """One paper being written from top to bottom. ``subject`` goes into the file's properties."""

    def __init__(self, subject: str) -> None:
        self._document = Document()
        self._first_level = self._second_level = 0
        properties = self._document.core_properties
        properties.title, properties.author, properties.comments = subject, "", ""
        self._set_normal_style()
        section = self._document.sections[0]
        _set_portrait(section)
        self._document.settings.odd_and_even_pages_header_footer = True
        _number_pages(section.footer, RIGHT)
        _number_pages(section.even_page_footer, LEFT)

    def content(self) -> bytes:
        """The bytes of the .docx file."""
        output = BytesIO()
        self._document.save(output)
        return output.getvalue()

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
        _indent(first, "right", 2)
        _indent(second, "right", 4)

    # --- annexes ---

    def annex(self, number: int, name: str, *, landscape: bool = False) -> None:
        """Begin an annex on a new page; wide tables want it in landscape."""
        section = self._document.add_section(WD_SECTION.NEW_PAGE)
        self._hide_section_break()
        if landscape:
            _set_landscape(section)
        else:
            _set_portrait(section)
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
        _tighten(table)
        for number, cells in enumerate([header, *rows]):
            row = table.add_row()
            _mark_row(row, "w:cantSplit")
            if number == 0:
                _mark_row(row, "w:tblHeader")
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
            _leave_grid(paragraph)
        if indent:
            _indent(paragraph, "firstLine", indent)
        run = paragraph.add_run(text)
        run.font.size = Pt(size)
        _set_font(run, font)

    def _set_normal_style(self) -> None:
        style = self._document.styles["Normal"]
        style.font.size = Pt(BODY_SIZE)
        style.font.color.rgb = RGBColor(0, 0, 0)
        _set_font(style, BODY_FONT)
        spacing = OxmlElement("w:spacing")
        spacing.set(qn("w:val"), str(CHARACTER_SPACING))
        style.element.rPr.find(qn("w:sz")).addprevious(spacing)  # the schema has an order
        language = self._document.styles.element.find(f".//{qn('w:lang')}")
        language.set(qn("w:eastAsia"), "zh-CN")  # line breaks by Chinese rules
        layout = style.paragraph_format
        layout.space_before = layout.space_after = Pt(0)
        layout.widow_control = False


def _set_portrait(section: Any) -> None:
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(22)  # the number stands 7 mm below the text
    _set_grid(section)


def _set_landscape(section: Any) -> None:
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin, section.bottom_margin = Mm(28), Mm(26)
    section.left_margin, section.right_margin = Mm(35), Mm(37)
    section.footer_distance = Mm(13)
    _set_grid(section)


def _set_grid(section: Any) -> None:
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    grid.set(qn("w:type"), "lines")
    grid.set(qn("w:linePitch"), str(GRID_PITCH))


def _set_font(target: Any, name: str) -> None:
    """Name a font for Chinese and Latin characters alike, on a run or a style."""
    target.font.name = name
    fonts = target.element.rPr.rFonts
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), name)


def _indent(paragraph: Any, side: str, characters: int) -> None:
    """Indent in characters, which follows the font's size, unlike a length."""
    indent = paragraph._p.get_or_add_pPr().get_or_add_ind()
    indent.set(qn(f"w:{side}Chars"), str(characters * 100))
    indent.set(qn(f"w:{side}"), str(characters * BODY_SIZE * 20))


def _leave_grid(paragraph: Any) -> None:
    """Let lines of another pitch stand as close as it says, off the page's grid of 22 lines."""
    mark = OxmlElement("w:snapToGrid")
    mark.set(qn("w:val"), "0")
    paragraph._p.pPr.find(qn("w:spacing")).addprevious(mark)  # the schema has an order


def _number_pages(footer: Any, align: WD_ALIGN_PARAGRAPH) -> None:
    """``— 1 —``, one character in from the outer edge."""
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = align
    _indent(paragraph, "right" if align == RIGHT else "left", 1)
    for part in ("— ", "PAGE", " —"):
        run = paragraph.add_run()
        run.font.size = Pt(PAGE_NUMBER_SIZE)
        _set_font(run, NUMBER_FONT)
        if part != "PAGE":
            run.text = part
            continue
        for kind, text in (("begin", ""), ("", part), ("end", "")):
            if kind:
                mark = OxmlElement("w:fldChar")
                mark.set(qn("w:fldCharType"), kind)
            else:
                mark = OxmlElement("w:instrText")
                mark.text = text
            run._r.append(mark)


def _mark_row(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def _tighten(table: Any) -> None:
    """Narrow cell margins: 1 mm left and right."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "57")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.find(qn("w:tblLook")).addprevious(margins)  # the schema has an order
