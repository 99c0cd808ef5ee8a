"""The list page which every register uses: filters, keyset pages, declared sorts, htmx.

A register is declared once and answers a view. The view gives it the rows that the user may see:

    ISSUES = Register(
        title="问题",
        unit="件",
        columns=(
            Column("number", "编号", link=True),
            Column("title", "标题", wrap=True),
            Column("lamp", "灯", lambda issue: issue.lamp(), draw=cells.draw_lamp),
            Column("town", "镇街", "town.name"),
            Column("status", "状态", lambda issue: issue.get_status_display()),
            Column("due", "时限", "due_at"),
        ),
        sorts={
            "due": Sort("时限", ("due_at", "id")),  # index project_due
            "number": Sort("编号", ("number", "id")),  # unique index of number
        },
        default_sort="due",
        filterset=IssueFilter,
        search="q",
    )

    @login_required
    def issue_list(request: HttpRequest) -> HttpResponse:
        return ISSUES.respond(request, Issue.objects.visible_to(request.user).for_rows())

The page's state stands in its URL: the filters under their own names, ``sort=due`` or
``sort=-due``, and ``after=…`` or ``before=…``, the signed position of the row at the edge of the
page before or after. A position that was altered, an unknown sort or a filter value of the wrong
form is answered with 400 and a sentence. An htmx request gets the table alone, from the same
context.

``Register(template="issues/list.html")`` names a page of the app's own, which extends
``core/register.html`` and fills its blocks ``actions`` (buttons beside the title) and ``above``.
Further keyword arguments of ``respond`` are its context.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.db.models import Model, QuerySet
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.choices import flatten_choices

from core import keyset
from core.errors import Malformed
from core.keyset import Sort, Total
from core.pages import refusal, wants_part


@dataclass(frozen=True)
class Column:
    """One column.

    ``name`` is also the name of the sort which its heading offers, if the register declares one.
    ``value`` is a dotted path from the row ("town.name") or a function of the row; else ``name``.
    ``draw`` draws the cell from the row where it is more than a word; ``template`` does so from
    ``row``, ``value`` and the page's context, for a cell with a form in it. ``link`` leads to the
    row's page: one column has it. ``wrap`` is for running text, which may take several lines.
    ``hide`` leaves the column out on phones. ``text``, written like ``value``, is what a file of
    the list has where the cell is drawn (core.exports).
    """

    name: str
    label: str
    value: str | Callable[[Any], object] = ""
    draw: Callable[[Any], str] | None = None
    template: str = ""
    link: bool = False
    wrap: bool = False
    hide: bool = False
    text: str | Callable[[Any], object] = ""

    def of(self, row: object) -> object:
        """Return the value for one row; None where a step of the path is None."""
        return _read(row, self.value or self.name)

    def said_of(self, row: object) -> object:
        """Return what a file has for one row."""
        return _read(row, self.text or self.value or self.name)


@dataclass(frozen=True)
class Heading:
    """A column's heading: where it leads and how the table stands now."""

    column: Column
    url: str = ""
    direction: str = ""  # "ascending", "descending" or "", as aria-sort has it


@dataclass(frozen=True)
class SortChoice:
    label: str
    url: str
    active: bool
    descending: bool


@dataclass(frozen=True)
class Chip:
    """A filter that is in force, and the URL without it."""

    label: str
    value: str
    url: str


@dataclass(frozen=True)
class Page:
    """One page of rows; URLs are relative ("?…"), empty where there is nothing."""

    rows: Sequence[Any]
    first_url: str
    previous_url: str
    next_url: str
    total: Total

    @property
    def total_text(self) -> str:
        return str(self.total)


@dataclass(frozen=True)
class Selection:
    """All rows under the filters that were chosen, and the order in which the list shows them."""

    rows: QuerySet[Any]
    sort: Sort
    descending: bool
    form: Any  # the filters' form, valid; None where there are none
    chips: Sequence[Chip]


@dataclass(frozen=True, kw_only=True)
class Register:
    """A list of one kind of thing. See the module's docstring for use."""

    title: str
    columns: tuple[Column, ...]
    sorts: Mapping[str, Sort]
    default_sort: str
    filterset: type[django_filters.FilterSet] | None = None
    search: str = ""  # the filter that is drawn as the search box
    page_size: int = 50
    unit: str = "条"
    empty: str = "没有符合条件的记录"
    template: str = "core/register.html"
    table_template: str = "core/_table.html"
    row_url: Callable[[Any], str] = field(default=lambda row: row.get_absolute_url())
    # Gives the rows of a page what they need from memory.
    data: Callable[[list[Any]], list[Any]] = list
    export: str = ""  # its name among the lists that can be had as a file (core.exports)

    def respond(
        self, request: HttpRequest, queryset: QuerySet[Any], **context: object
    ) -> HttpResponse:
        """Answer a GET with the page, or with the table alone for htmx."""
        template = self.table_template if wants_part(request) else self.template
        response: HttpResponse
        try:
            context = {**context, **self.context(request, queryset)}
        except Malformed as error:
            response = refusal(request, error, back_url=request.path)
        else:
            status = Malformed.http_status if context["filter_errors"] else 200
            response = render(request, template, context, status=status)
        patch_vary_headers(response, ["HX-Request"])
        return response

    def context(
        self, request: HttpRequest, queryset: QuerySet[Any], *, total: Total | None = None
    ) -> dict[str, Any]:
        """Return what the templates need. Raises Malformed.

        A wrong filter value gives no rows, and its messages under ``filter_errors``. ``total`` is
        how many rows there are before any filter, where the caller has counted them.
        """
        query = request.GET
        name, descending = self._chosen_sort(query)
        form, errors, rows = self._filtered(request, queryset)
        search = form[self.search] if form and self.search else None
        chips = self._chips(query, form) if form and not errors else []
        known = None if errors or chips else total
        return {
            "register": self,
            "page": self._page(query, rows, name, descending, known),
            "headings": self._headings(query, name, descending),
            "sort_choices": self._sort_choices(query, name, descending),
            "sort": query.get("sort", ""),
            "search": search,
            "filters": [f for f in form.visible_fields() if f != search] if form else [],
            "filter_errors": errors,
            "chips": chips,
            "export_query": _url(query, sort=f"-{name}" if descending else name)[1:],
        }

    def selection(self, request: HttpRequest, queryset: QuerySet[Any]) -> Selection:
        """Return all rows of the list, not only those of a page. Raises Malformed."""
        name, descending = self._chosen_sort(request.GET)
        form, errors, rows = self._filtered(request, queryset)
        if errors:
            raise Malformed("".join(errors))
        chips = self._chips(request.GET, form) if form else []
        return Selection(rows, self.sorts[name], descending, form, chips)

    # --- sorting ---

    def _chosen_sort(self, query: QueryDict) -> tuple[str, bool]:
        asked = query.get("sort") or self.default_sort
        name = asked.removeprefix("-")
        if name not in self.sorts:
            raise Malformed("没有这种排序方式。")
        return name, asked.startswith("-")

    def _headings(self, query: QueryDict, name: str, descending: bool) -> list[Heading]:
        headings = []
        for column in self.columns:
            if column.name not in self.sorts:
                headings.append(Heading(column))
                continue
            active = column.name == name
            turned = f"-{column.name}" if active and not descending else column.name
            direction = "descending" if descending else "ascending"
            headings.append(Heading(column, _url(query, sort=turned), direction if active else ""))
        return headings

    def _sort_choices(self, query: QueryDict, name: str, descending: bool) -> list[SortChoice]:
        return [
            SortChoice(
                sort.label,
                _url(query, sort=f"-{key}" if downward else key),
                active=(key, downward) == (name, descending),
                descending=downward,
            )
            for key, sort in self.sorts.items()
            for downward in (False, True)
        ]

    # --- filters ---

    def _filtered(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> tuple[Any, list[str], QuerySet[Any]]:
        """Return the form of the filters, if there is one, what is wrong in it, and the rows."""
        if self.filterset is None:
            return None, [], queryset
        filters = self.filterset(request.GET, queryset=queryset, request=request)
        form = filters.form
        errors = [f"{form[key].label}：{' '.join(texts)}" for key, texts in form.errors.items()]
        return form, errors, queryset.none() if errors else filters.qs

    def _chips(self, query: QueryDict, form: Any) -> list[Chip]:
        return [
            Chip(
                str(bound.label),
                _shown(bound),
                _url(query, **dict.fromkeys(_names(bound), "")),
            )
            for bound in form.visible_fields()
            if form.cleaned_data.get(bound.name) not in (None, "", [])
            and (not isinstance(form.cleaned_data[bound.name], QuerySet) or query.get(bound.name))
        ]

    # --- pages ---

    def _page(
        self,
        query: QueryDict,
        queryset: QuerySet[Any],
        name: str,
        descending: bool,
        total: Total | None,
    ) -> Page:
        after, before = query.get("after", ""), query.get("before", "")
        cut = keyset.cut(
            queryset,
            self.sorts[name],
            size=self.page_size,
            salt=f"core.registers:{self.title}:{name}",
            descending=descending,
            after=after,
            before=before,
            with_total=total is None,
        )
        return Page(
            rows=self.data(cut.rows),
            first_url=_url(query) if after or before else "",
            previous_url=_url(query, before=cut.before) if cut.before else "",
            next_url=_url(query, after=cut.after) if cut.after else "",
            total=total or cut.total or Total(0),
        )


def _read(row: object, value: str | Callable[[Any], object]) -> object:
    return value(row) if callable(value) else _walk(row, value.split("."))


def _walk(row: object, path: Sequence[str]) -> object:
    """Follow attributes, calling what can be called; None stays None."""
    value: Any = row
    for step in path:
        if value is None:
            return None
        value = getattr(value, step)
        if callable(value):
            value = value()
    return value


def _url(query: QueryDict, **changes: str) -> str:
    """Return "?…" with some parameters changed ("" removes one) and the position dropped.

    The position belongs to one order and one set of filters: only a change that names it keeps it.
    """
    kept = [
        (key, value)
        for key, values in query.lists()
        if key not in changes and key not in ("after", "before")
        for value in values
        if value
    ]
    return "?" + urlencode(kept + [(key, value) for key, value in changes.items() if value])


def _names(bound: BoundField) -> list[str]:
    """Return the names of a field's inputs; a range has two."""
    suffixes = getattr(bound.field.widget, "suffixes", None)
    return [f"{bound.html_name}_{suffix}" for suffix in suffixes] if suffixes else [bound.html_name]


def _shown(bound: BoundField) -> str:
    """Return a filter's value in the words of the form."""
    value = bound.form.cleaned_data[bound.name]
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, slice):
        return " 至 ".join(_date_text(edge) if edge else "…" for edge in (value.start, value.stop))
    if isinstance(value, QuerySet):
        return "、".join(str(entry) for entry in value)
    if isinstance(value, Model):
        return str(value)
    choices: Iterable[tuple[Any, Any]] = flatten_choices(getattr(bound.field, "choices", ()))
    words = {str(key): str(label) for key, label in choices}
    entries = value if isinstance(value, list) else [value]
    return "、".join(words.get(str(entry), str(entry)) for entry in entries)


def _date_text(edge: object) -> str:
    return f"{edge:%Y-%m-%d}" if isinstance(edge, date) else str(edge)
