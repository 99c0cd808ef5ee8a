"""What python-docx has no word for, said in the XML of a .docx: core.papers is written with it.

The schema has an order of elements; who breaks it makes files that Word repairs or refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.enum.section import WD_ORIENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

NUMBER_FONT = "宋体"
BODY_SIZE = 16  # 三号
PAGE_NUMBER_SIZE = 14  # 四号
GRID_PITCH = 579  # twentieths of a point: 22 lines in 225 mm


def set_portrait(section: Any) -> None:
    section.orientation = WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    section.footer_distance = Mm(22)  # the number stands 7 mm below the text
    set_grid(section)


def set_landscape(section: Any) -> None:
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(297), Mm(210)
    section.top_margin, section.bottom_margin = Mm(28), Mm(26)
    section.left_margin, section.right_margin = Mm(35), Mm(37)
    section.footer_distance = Mm(13)
    set_grid(section)


def set_grid(section: Any) -> None:
    grid = section._sectPr.find(qn("w:docGrid"))
    if grid is None:
        grid = OxmlElement("w:docGrid")
        section._sectPr.append(grid)
    grid.set(qn("w:type"), "lines")
    grid.set(qn("w:linePitch"), str(GRID_PITCH))


def set_font(target: Any, name: str) -> None:
    """Name a font for Chinese and Latin characters alike, on a run or a style."""
    target.font.name = name
    fonts = target.element.rPr.rFonts
    for script in ("ascii", "hAnsi", "eastAsia", "cs"):
        fonts.set(qn(f"w:{script}"), name)


def indent_by(paragraph: Any, side: str, characters: int) -> None:
    """Indent in characters, which follows the font's size, unlike a length."""
    indent = paragraph._p.get_or_add_pPr().get_or_add_ind()
    indent.set(qn(f"w:{side}Chars"), str(characters * 100))
    indent.set(qn(f"w:{side}"), str(characters * BODY_SIZE * 20))


def leave_grid(paragraph: Any) -> None:
    """Let lines of another pitch stand as close as it says, off the page's grid of 22 lines."""
    mark = OxmlElement("w:snapToGrid")
    mark.set(qn("w:val"), "0")
    paragraph._p.pPr.find(qn("w:spacing")).addprevious(mark)  # the schema has an order


def rule(
    paragraph: Any, side: str, *, points: float, gap: int, colour: str, style: str = "single"
) -> None:
    """A line ``gap`` points above or below a paragraph."""
    borders = OxmlElement("w:pBdr")
    borders.append(border(side, points, colour, gap, style))
    # The schema has an order.
    paragraph._p.get_or_add_pPr().insert_element_before(
        borders, "w:shd", "w:tabs", "w:suppressAutoHyphens", "w:snapToGrid", "w:spacing", "w:ind",
        "w:jc", "w:rPr",
    )  # fmt: skip


def rule_cells(cells: Sequence[Any], *, top: float, bottom: float) -> None:
    """Lines of so many points above and below the cells of a row; none for 0."""
    for element in {id(cell._tc): cell._tc for cell in cells}.values():
        borders = OxmlElement("w:tcBorders")
        for side, points in (("top", top), ("bottom", bottom)):
            if points:
                borders.append(border(side, points))
        element.get_or_add_tcPr().append(borders)


def border(
    side: str, points: float, colour: str = "000000", gap: int = 0, style: str = "single"
) -> Any:
    border = OxmlElement(f"w:{side}")
    for name, value in (
        ("val", style), ("sz", round(points * 8)), ("space", gap), ("color", colour),
    ):  # fmt: skip
        border.set(qn(f"w:{name}"), str(value))
    return border


def stand_at_foot(table: Any) -> None:
    """Let the table float at the bottom of the text area of the page on which it would begin.

    Word and WPS do; LibreOffice leaves it where it would begin.
    """
    place = OxmlElement("w:tblpPr")
    for name, value in (
        ("leftFromText", 0), ("rightFromText", 0), ("vertAnchor", "margin"),
        ("horzAnchor", "margin"), ("tblpXSpec", "center"), ("tblpYSpec", "bottom"),
    ):  # fmt: skip
        place.set(qn(f"w:{name}"), str(value))
    table._tbl.tblPr.find(qn("w:tblW")).addprevious(place)  # the schema has an order


def number_pages(footer: Any, align: WD_ALIGN_PARAGRAPH) -> None:
    """``— 1 —``, one character in from the outer edge."""
    footer.is_linked_to_previous = False
    paragraph = footer.paragraphs[0]
    paragraph.alignment = align
    indent_by(paragraph, "right" if align == WD_ALIGN_PARAGRAPH.RIGHT else "left", 1)
    for part in ("— ", "PAGE", " —"):
        run = paragraph.add_run()
        run.font.size = Pt(PAGE_NUMBER_SIZE)
        set_font(run, NUMBER_FONT)
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


def mark_row(row: Any, name: str) -> None:
    row._tr.get_or_add_trPr().append(OxmlElement(name))


def tighten(table: Any) -> None:
    """Narrow cell margins: 1 mm left and right."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "57")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    table._tbl.tblPr.find(qn("w:tblLook")).addprevious(margins)  # the schema has an order
