"""The rows of a register's table: the one part of a page that is drawn fifty times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from django import template
from django.template.context import Context
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from core.registers import Column, Register
from core.templatetags.kit import EMPTY, NONE, shown

register = template.Library()


@register.simple_tag(takes_context=True)
def table_rows(context: Context, listing: Register, rows: Sequence[Any]) -> SafeString:
    """Draw ``<tr>…</tr>`` for each row of a page."""
    frames = [(column, *_frame(column)) for column in listing.columns]
    drawn = []
    for row in rows:
        drawn.append("<tr>")
        for column, before, after in frames:
            cell = _cell(context, column, row)
            if column.link:
                cell = format_html('<a href="{}">{}</a>', listing.row_url(row), cell)
            drawn += before, cell, after
        drawn.append("</tr>\n")
    # Frames and cells come from format_html and templates, which escape what they are given.
    return mark_safe("".join(drawn))  # noqa: S308


def _frame(column: Column) -> tuple[str, str]:
    if column.link:
        return '<th scope="row" class="register-link">', "</th>"
    names = [
        name
        for name, is_set in (("register-wrap", column.wrap), ("register-hide", column.hide))
        if is_set
    ]
    css = format_html(' class="{}"', " ".join(names)) if names else ""
    return format_html('<td data-label="{}"{}>', column.label, css), "</td>"


def _cell(context: Context, column: Column, row: object) -> str:
    if column.draw is not None:
        return conditional_escape(column.draw(row))
    value = column.of(row)
    if column.template:
        cell = context.template.engine.get_template(column.template)  # type: ignore[union-attr]
        with context.push(row=row, value=value):
            return cell.render(context)
    words = shown(value)
    return NONE if words == EMPTY else conditional_escape(cast(str, words))
