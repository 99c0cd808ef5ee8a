"""Selects with many options, cheaply: drawn without a template per option, filled without a model
instance per option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.forms import BoundField, Select
from django.forms.fields import ChoiceField
from django.forms.utils import flatatt
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django_filters.fields import ModelChoiceField, ModelChoiceIterator

DRAWING = ("render", "get_context", "optgroups", "create_option", "format_value", "build_attrs")


def is_plain(widget: Any) -> bool:
    """Whether a widget is Django's select as it is, so that ``draw`` draws the same."""
    return (
        isinstance(widget, Select)
        and not widget.allow_multiple_selected
        and widget.template_name == Select.template_name
        and all(getattr(type(widget), name) is getattr(Select, name) for name in DRAWING)
    )


def draw(bound: BoundField, css: str) -> SafeString:
    """Draw a field whose widget ``is_plain``."""
    widget = bound.field.widget
    attrs = bound.build_widget_attrs({"class": css, "id": bound.auto_id}, widget)
    attrs = widget.build_attrs({**widget.attrs, "name": bound.html_name}, attrs)
    chosen = set(widget.format_value(bound.value()))
    return format_html("<select{}>{}</select>", flatatt(attrs), _options(widget.choices, chosen))


def _options(choices: Iterable[tuple[Any, Any]], chosen: set[str]) -> SafeString:
    parts = []
    for value, label in choices:
        if isinstance(label, list | tuple):
            inside = _options(label, chosen)
            parts.append(f'<optgroup label="{escape(str(value))}">{inside}</optgroup>')
            continue
        text = "" if value is None else str(value)
        mark = ""
        if text in chosen:
            chosen.remove(text)  # of two alike the first is chosen
            mark = " selected"
        parts.append(f'<option value="{escape(text)}"{mark}>{escape(str(label))}</option>')
    # Each value and label was escaped as it was put in.
    return mark_safe("".join(parts))  # noqa: S308


# --- choices from rows that are kept in memory ---

Rows = Callable[[], Mapping[int, Model]]


class RowField(ChoiceField):
    """A choice among ``rows``; its value is the row. Asks the database for nothing."""

    default_error_messages = {"invalid_choice": "选择一个有效的选项： 该选择不在可用的选项中。"}

    def __init__(
        self,
        *,
        rows: Rows,
        words: Callable[[Any], str] = str,
        empty_label: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.rows = rows

        def choices() -> Iterator[tuple[Any, str]]:
            if empty_label is not None:
                yield "", empty_label
            yield from ((pk, words(row)) for pk, row in rows().items())

        super().__init__(choices=choices, **kwargs)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return self.rows()[int(value)]
        except (KeyError, ValueError) as error:
            wrong = self.error_messages["invalid_choice"]
            raise ValidationError(wrong, code="invalid_choice") from error

    def validate(self, value: Any) -> None:
        super(ChoiceField, self).validate(value)  # that it is a choice, to_python has seen


class RowFilter(django_filters.Filter):
    """A filter by a row that is kept in memory."""

    field_class = RowField


# --- choices read from the database ---


class _Names(ModelChoiceIterator):
    """Id and name of each row, without the rest of it."""

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        yield from self.queryset.values_list("pk", self.field.name_field)


class NameField(ModelChoiceField):
    """Like Django's, for rows which a page calls by one of their columns, ``name_field``."""

    iterator = _Names

    def __init__(self, *args: Any, name_field: str = "name", **kwargs: Any) -> None:
        self.name_field = name_field
        super().__init__(*args, **kwargs)


class NameFilter(django_filters.ModelChoiceFilter):
    field_class = NameField
