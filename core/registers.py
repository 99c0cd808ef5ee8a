"""The list page which every register uses: filters, keyset pages, declared sorts, htmx.

A register is declared once and answers a view. The view gives it the rows that the user may see:

    ISSUES = Register(
        title="问题",
        unit="件",
        columns=(
            Column("number", "编号", link=True),
            Column("title", "标题", wrap=True),
            Column("lamp", "灯", lambda issue: issue.lamp(), template="core/cells/lamp.html"),
            Column("town", "镇街", "town.name"),
            Column("status", "状态", lambda issue: issue.get_status_display()),
            Column("due", "时限", "due_at"),
        ),
        sorts={
            "due": Sort("时限", ("due_at", "id")),  # index issue_town_status_due
            "number": Sort("编号", ("number", "id")),  # unique index of number
        },
        default_sort="due",
        filterset=IssueFilter,
        search="q",
    )

    @login_required
    def issue_list(request: HttpRequest) -> HttpResponse:
        return ISSUES.respond(request, Issue.objects.visible_to(request.user).with_list_data())

The page's state stands in its URL: the filters under their own names, ``sort=due`` or
``sort=-due``, and ``after=…`` or ``before=…``, the signed position of the row at the edge of the
page before or after. A position that was altered, an unknown sort or a filter value of the wrong
form is answered with 400 and a sentence. An htmx request gets the table alone, from the same
context.

``Register(template="issues/list.html")`` names a page of the app's own, which extends
``core/register.html`` and fills its blocks ``actions`` (buttons beside the title) and ``above``.
Further keyword arguments of ``respond`` are its context.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

import django_filters
from django.core.exceptions import (
    FieldDoesNotExist,
    ImproperlyConfigured,
    ValidationError,
)
from django.core.signing import BadSignature, Signer
from django.db.models import F, Field, Model, Q, QuerySet
from django.db.models.expressions import OrderBy
from django.forms import BoundField
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.choices import flatten_choices
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from core.errors import Malformed
from core.pages import refusal, wants_part

COUNT_LIMIT = 10_000
POSITION_LIMIT = 2_000  # characters; a longer position is not one of ours


@dataclass(frozen=True)
class Column:
    """One column.

    ``name`` is also the name of the sort which its heading offers, if the register declares one.
    ``value`` is a dotted path from the row ("town.name") or a function of the row; else ``name``.
    ``template`` draws the cell from ``row`` and ``value``. ``link`` leads to the row's page: one
    column has it. ``wrap`` is for running text, which may take several lines. ``hide`` leaves the
    column out on phones.
    """

    name: str
    label: str
    value: str | Callable[[Any], object] = ""
    template: str = ""
    link: bool = False
    wrap: bool = False
    hide: bool = False

    def of(self, row: object) -> object:
        """Return the value for one row; None where a step of the path is None."""
        if callable(self.value):
            return self.value(row)
        return _walk(row, (self.value or self.name).split("."))


@dataclass(frozen=True)
class Sort:
    """A declared order of rows, by columns that an index serves.

    ``fields`` are field names or names of annotations, each with a leading "-" to turn it round;
    the last must be unique, so that no two rows stand at one position. Rows without a value come
    last in either direction, so a descending sort by a nullable field needs an index of its own
    (DESC NULLS LAST). ``always_set`` names nullable fields which are set in all rows of this list.
    """

    label: str
    fields: tuple[str, ...]
    always_set: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """One field of a sort, as the query needs it."""

    name: str
    descending: bool
    nullable: bool
    field: Field

    def order(self, *, backward: bool) -> OrderBy:
        # NULLS FIRST and LAST only where there can be nulls: else a plain index would not serve.
        return OrderBy(
            F(self.name),
            descending=self.descending != backward,
            nulls_first=True if self.nullable and backward else None,
            nulls_last=True if self.nullable and not backward else None,
        )

    def equal(self, value: object) -> Q:
        if value is None:
            return Q(**{f"{self.name}__isnull": True})
        return Q(**{self.name: value})

    def beyond(self, value: object, *, backward: bool) -> Q:
        """Return the condition for rows past ``value``; past the empty ones there is none."""
        if value is None:
            return Q(**{f"{self.name}__isnull": False}) if backward else Q(pk__in=[])
        lookup = "lt" if self.descending != backward else "gt"
        past = Q(**{f"{self.name}__{lookup}": value})
        if self.nullable and not backward:
            past |= Q(**{f"{self.name}__isnull": True})
        return past


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
    total: int
    total_is_more: bool

    @property
    def total_text(self) -> str:
        return f"{self.total:,}{'+' if self.total_is_more else ''}"


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

    def context(self, request: HttpRequest, queryset: QuerySet[Any]) -> dict[str, Any]:
        """Return what the templates need. Raises Malformed.

        A wrong filter value gives no rows, and its messages under ``filter_errors``.
        """
        query = request.GET
        name, descending = self._chosen_sort(query)
        filters = (
            self.filterset(query, queryset=queryset, request=request) if self.filterset else None
        )
        form = filters.form if filters else None
        errors = (
            [f"{form[key].label}：{' '.join(texts)}" for key, texts in form.errors.items()]
            if form
            else []
        )
        rows = queryset.none() if errors else filters.qs if filters else queryset
        search = form[self.search] if form and self.search else None
        return {
            "register": self,
            "page": self._page(query, rows, name, descending),
            "headings": self._headings(query, name, descending),
            "sort_choices": self._sort_choices(query, name, descending),
            "sort": query.get("sort", ""),
            "search": search,
            "filters": [f for f in form.visible_fields() if f != search] if form else [],
            "filter_errors": errors,
            "chips": self._chips(query, form) if form and not errors else [],
        }

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

    def _page(self, query: QueryDict, queryset: QuerySet[Any], name: str, descending: bool) -> Page:
        keys = _keys(queryset, self.sorts[name], descending)
        signer = Signer(salt=f"core.registers:{self.title}:{name}:{descending}")
        after, before = query.get("after", ""), query.get("before", "")
        if after and before:
            raise Malformed("翻页位置无效，请从第一页重新开始。")
        backward = bool(before)

        rows = queryset.order_by(*[key.order(backward=backward) for key in keys])
        if after or before:
            position = _read_position(signer, keys, after or before)
            rows = rows.filter(_past(keys, position, backward=backward))
        found = list(rows[: self.page_size + 1])
        more = len(found) > self.page_size
        found = found[: self.page_size]
        if backward:
            found.reverse()

        has_previous = more if backward else bool(after)
        has_next = backward or more
        total = queryset.order_by()[: COUNT_LIMIT + 1].count()
        return Page(
            rows=found,
            first_url=_url(query) if after or before else "",
            previous_url=_url(query, before=_write_position(signer, keys, found[0]))
            if found and has_previous
            else "",
            next_url=_url(query, after=_write_position(signer, keys, found[-1]))
            if found and has_next
            else "",
            total=min(total, COUNT_LIMIT),
            total_is_more=total > COUNT_LIMIT,
        )


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


def _keys(queryset: QuerySet[Any], sort: Sort, descending: bool) -> tuple[Key, ...]:
    keys = []
    for name in sort.fields:
        plain = name.removeprefix("-")
        model_field, nullable = _field(queryset, plain)
        nullable = nullable and plain not in sort.always_set
        keys.append(Key(plain, name.startswith("-") != descending, nullable, model_field))
    if keys[-1].nullable or not keys[-1].field.unique:
        raise ImproperlyConfigured(f"The last field of the sort {sort.label} must be unique.")
    return tuple(keys)


def _field(queryset: QuerySet[Any], name: str) -> tuple[Any, bool]:
    """Return the field behind a name and whether it may be null; an annotation always may."""
    if name in queryset.query.annotations:
        return queryset.query.annotations[name].output_field, True
    model: Any = queryset.model
    found: Any = None
    nullable = False
    for step in name.split("__"):
        try:
            found = model._meta.pk if step == "pk" else model._meta.get_field(step)
        except FieldDoesNotExist as error:
            raise ImproperlyConfigured(f"{model.__name__} has no field {step}.") from error
        nullable = nullable or found.null
        model = found.related_model
    return found, nullable


def _past(keys: Sequence[Key], position: Sequence[object], *, backward: bool) -> Q:
    """Return the condition for rows strictly past a position, in the order of the keys.

    (a, b) > (x, y) is written a > x OR (a = x AND b > y), from the last key to the first; and with
    a ≥ x in front where it can be, which lets the index start at the right place.
    """
    condition = keys[-1].beyond(position[-1], backward=backward)
    for key, value in zip(reversed(keys[:-1]), reversed(position[:-1]), strict=True):
        condition = key.beyond(value, backward=backward) | (key.equal(value) & condition)
    first, value = keys[0], position[0]
    if len(keys) > 1 and not first.nullable:
        lookup = "lte" if first.descending != backward else "gte"
        condition = Q(**{f"{first.name}__{lookup}": value}) & condition
    return condition


def _write_position(signer: Signer, keys: Sequence[Key], row: object) -> str:
    values = [_walk(row, key.name.split("__")) for key in keys]
    for key, value in zip(keys, values, strict=True):
        if value is None and not key.nullable:
            raise ImproperlyConfigured(f"{key.name} is not set in every row of this list.")
    texts = [None if value is None else _text(value) for value in values]
    return signer.sign(urlsafe_base64_encode(json.dumps(texts).encode()))


def _text(value: object) -> str:
    # str() of a datetime is not what every field parses; isoformat() is, with microseconds.
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read_position(signer: Signer, keys: Sequence[Key], text: str) -> list[object]:
    """Return the values of a position. Raises Malformed unless this register wrote it."""
    try:
        if len(text) > POSITION_LIMIT:
            raise BadSignature
        texts = json.loads(urlsafe_base64_decode(signer.unsign(text)))
        return [
            None if value is None else key.field.to_python(value)
            for key, value in zip(keys, texts, strict=True)
        ]
    except (BadSignature, ValueError, ValidationError) as error:
        raise Malformed("翻页位置无效，请从第一页重新开始。") from error
