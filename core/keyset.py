"""Pages of rows by keyset: constant cost at any depth, and no row missed or doubled while others
arrive. Registers (core.registers) and API lists (core.pagination) both cut their pages here.

A page is cut from each branch of the rows (core.branches) by the branch's own index, and what was
cut is put together and cut again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import (
    EmptyResultSet,
    FieldDoesNotExist,
    ImproperlyConfigured,
    ValidationError,
)
from django.core.signing import BadSignature, Signer
from django.db import connection
from django.db.models import (
    BooleanField,
    Count,
    F,
    Field,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Subquery,
    Value,
    Window,
)
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from core.branches import Branch, Rows, among, branches_of, is_listed, to_count, together
from core.errors import Malformed

COUNT_LIMIT = 1_000  # a longer list says "1,000+": to count it out would cost more than its page
POSITION_LIMIT = 2_000  # characters; a longer position is not one of ours


def bad_cursor() -> Malformed:
    return Malformed("翻页位置无效，请从第一页重新开始。", code="bad_cursor")


@dataclass(frozen=True)
class Sort:
    """A declared order of rows, by columns that an index serves.

    ``fields`` are fields of the model, all turned together; the last must be unique, so that no two
    rows stand at one position. The first may be empty in some rows, unless ``always_set`` says that
    this list has none such: they come last in either direction. ``where_set`` is true of all rows
    in which the first is set, for the sake of a partial index that asks for it.
    """

    label: str
    fields: tuple[str, ...]
    always_set: bool = False
    where_set: Q = field(default_factory=Q)


@dataclass(frozen=True)
class Total:
    """How many rows there are, up to ``COUNT_LIMIT``."""

    number: int
    is_more: bool = False

    @classmethod
    def of(cls, counted: int) -> Total:
        """``counted`` rows were found by a count that stops after COUNT_LIMIT + 1."""
        return cls(min(counted, COUNT_LIMIT), counted > COUNT_LIMIT)

    def __str__(self) -> str:
        return f"{self.number:,}{'+' if self.is_more else ''}"

    def __bool__(self) -> bool:
        return self.number > 0


@dataclass(frozen=True)
class Cut:
    """One page. ``before`` and ``after`` are the positions of its first and last row, for the page
    before and the one after it; empty where there is none. ``total`` is None unless asked for.
    """

    rows: list[Any]
    before: str
    after: str
    total: Total | None


def cut(
    rows: QuerySet[Any],
    sort: Sort,
    *,
    size: int,
    salt: str,
    descending: bool = False,
    after: str = "",
    before: str = "",
    with_total: bool = False,
) -> Cut:
    """Return the page of ``rows`` after a position, or the one before it.

    One statement; a second where the page runs on into the rows without the first field. Raises
    Malformed (``bad_cursor``) for a position that was not written for this ``salt``, sort and
    direction.
    """
    if after and before:
        raise bad_cursor()
    order = _Order.of(rows, sort, descending)
    signer = Signer(salt=f"core.keyset:{salt}:{'.'.join(sort.fields)}:{descending}")
    position = _read(signer, order, after or before) if after or before else None
    backward = bool(before)

    branches = branches_of(rows)
    found: list[Any] = []
    for part in order.parts(position, backward=backward):
        page = _page(rows, branches, order, part, size + 1 - len(found), backward=backward)
        if with_total and not found:
            whole = position is None and not order.may_be_empty
            page = page.annotate(keyset_total=_total(rows, branches, is_first_of_all=whole))
        found += page
        if len(found) > size:
            break
    total = None
    if with_total:
        # Past the last position there is no row that could tell it.
        total = Total.of(found[0].keyset_total) if found else count(rows) if position else Total(0)
    more = len(found) > size
    found = found[:size]
    if backward:
        found.reverse()
    has_previous, has_next = (more, True) if backward else (bool(after), more)
    return Cut(
        rows=found,
        before=_write(signer, order, found[0]) if found and has_previous else "",
        after=_write(signer, order, found[-1]) if found and has_next else "",
        total=total,
    )


def following(rows: Rows, sort: Sort, position: Sequence[Any] | None, size: int) -> Rows:
    """The first ``size`` of ``rows`` after a position, given as the values of the sort's fields."""
    order = _Order.of(rows, replace(sort, always_set=True), descending=False)
    part = _Part(Q(), order.names, position)
    return _page(rows, branches_of(rows), order, part, size, backward=False)


def ordered(rows: Rows, sort: Sort, *, descending: bool = False) -> Rows:
    """All of ``rows`` in the order in which the pages show them."""
    order = _Order.of(rows, sort, descending)
    first, *others = (F(name) for name in order.names)
    nulls = {"nulls_last": True} if order.may_be_empty else {}
    if descending:
        return rows.order_by(first.desc(**nulls), *(name.desc() for name in others))
    return rows.order_by(first.asc(**nulls), *(name.asc() for name in others))


def count(rows: QuerySet[Any]) -> Total:
    """How many rows there are. One statement."""
    return Total.of(_first_ids(branches_of(to_count(rows))).count())


def counts(
    lists: Mapping[str, QuerySet[Any]], unions: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Total]:
    """How many rows each of the lists has, by key; and of ``unions``, how many several of them have
    together. One statement for all.
    """
    if not lists:
        return {}
    names = {key: f"list{number}" for number, key in enumerate(lists)}
    pieces: list[str] = []
    values: list[Any] = []
    for key, rows in lists.items():
        try:
            text, params = _first_ids(branches_of(to_count(rows))).query.sql_with_params()
        except EmptyResultSet:  # Django can tell without asking
            text, params = "SELECT NULL::bigint WHERE false", ()
        pieces.append(f"{names[key]} AS ({text})")
        values += params
    asked = {key: [key] for key in lists} | dict(unions or {})
    unions_of = [" UNION ".join(f"TABLE {names[key]}" for key in keys) for keys in asked.values()]
    numbers = ", ".join(f"(SELECT COUNT(*) FROM ({text}) counted)" for text in unions_of)  # noqa: S608 - names of ours
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(pieces)} SELECT {numbers}", values)
        found = cursor.fetchone()
    return {key: Total.of(number) for key, number in zip(asked, found, strict=True)}


def _total(
    rows: QuerySet[Any], branches: Sequence[Branch[Any]], *, is_first_of_all: bool
) -> Subquery | Window:
    """How many rows there are, to be read with the rows of a page."""
    if is_first_of_all and is_listed(rows):
        return Window(Count("*"))  # all of them are read for the page
    counted = to_count(rows)
    return _Count(_first_ids(branches if counted is rows else branches_of(counted)))


def _first_ids(branches: Sequence[Branch[Any]]) -> QuerySet[Any]:
    pieces = [branch.ids()[: COUNT_LIMIT + 1] for branch in branches]
    return together(pieces) if len(pieces) == 1 else together(pieces)[: COUNT_LIMIT + 1]


class _Count(Subquery):
    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


@dataclass(frozen=True)
class _Order:
    """A sort of one model's rows, in one direction."""

    fields: tuple[Field[Any, Any], ...]
    names: tuple[str, ...]
    descending: bool
    may_be_empty: bool
    where_set: Q

    @classmethod
    def of(cls, rows: QuerySet[Any], sort: Sort, descending: bool) -> _Order:
        try:
            fields = tuple(rows.model._meta.get_field(name) for name in sort.fields)
        except FieldDoesNotExist as error:
            raise ImproperlyConfigured(str(error)) from error
        first, *others = fields
        if not fields[-1].unique or any(field.null for field in others):
            raise ImproperlyConfigured(
                f"The last field of the sort {sort.label} must be unique, and only the first may"
                " be empty."
            )
        may_be_empty = first.null and not sort.always_set
        return cls(fields, sort.fields, descending, may_be_empty, sort.where_set)

    def parts(self, position: Sequence[Any] | None, *, backward: bool) -> list[_Part]:
        """What lies past the position: the rows with the first field set, then those without it,
        or the other way round. Each part has an order that a plain index serves.
        """
        if not self.may_be_empty:
            return [_Part(Q(), self.names, position)]
        first, rest = self.names[0], self.names[1:]
        if position is None and not self.descending and not self.where_set:
            return [_Part(Q(), self.names)]  # where PostgreSQL puts the empty ones too
        filled = _Part(self.where_set & Q(**{f"{first}__isnull": False}), self.names)
        empty = _Part(Q(**{f"{first}__isnull": True}), rest)
        if position is None:
            return [filled, empty]
        if position[0] is None:
            past = replace(empty, position=position[1:])
            return [past, filled] if backward else [past]
        past = replace(filled, position=position)
        return [past] if backward else [past, empty]


@dataclass(frozen=True)
class _Part:
    """Rows that meet ``where``, ordered by ``names``, past ``position`` if there is one."""

    where: Q
    names: tuple[str, ...]
    position: Sequence[Any] | None = None


def _page(
    rows: Rows,
    branches: Sequence[Branch[Rows]],
    order: _Order,
    part: _Part,
    size: int,
    *,
    backward: bool,
) -> Rows:
    """The first ``size`` rows of a part."""
    turned = order.descending != backward
    if len(branches) == 1:
        return _first(branches[0].filter(part.where).rows, part.names, order, part, turned)[:size]
    own, pieces = rows.model._meta.pk.name, []
    for branch in branches:
        source, key = branch.filter(part.where).source(part.names)
        names = [key if name == own else name for name in part.names]
        pieces.append(_first(source, names, order, part, turned).values(key)[:size])
    found = together(pieces, all_of_each=True)
    return among(rows, found).order_by(*_by(part.names, turned))[:size]


def _first(rows: Rows, names: Sequence[str], order: _Order, part: _Part, turned: bool) -> Rows:
    """Rows past the position of a part, in its order; its fields have these names there."""
    if part.position is not None:
        fields = order.fields[-len(names) :]
        edge = [Value(value, field) for value, field in zip(part.position, fields, strict=True)]
        rows = rows.filter(_past(names, edge, "<" if turned else ">"))
    return rows.order_by(*_by(names, turned))


def _by(names: Sequence[str], turned: bool) -> list[str]:
    return [f"-{name}" if turned else name for name in names]


def _past(names: Sequence[str], edge: Sequence[Value], operator: str) -> Func:
    """``(a, b) > (x, y)``: compared like this, an index on (a, b) is entered at the very row."""
    row = Func(*map(F, names), template="(%(expressions)s)", output_field=BooleanField())
    position = Func(*edge, template="(%(expressions)s)", output_field=BooleanField())
    return Func(
        row,
        position,
        template="%(expressions)s",
        arg_joiner=f" {operator} ",
        output_field=BooleanField(),
    )


# --- positions ---


def _write(signer: Signer, order: _Order, row: Any) -> str:
    values = [getattr(row, field.attname) for field in order.fields]
    if values[0] is None and not order.may_be_empty:
        raise ImproperlyConfigured(f"{order.names[0]} is not set in every row of this list.")
    texts = [None if value is None else _text(value) for value in values]
    return signer.sign(urlsafe_base64_encode(json.dumps(texts).encode()))


def _text(value: object) -> str:
    # str() of a datetime is not what every field parses; isoformat() is, with microseconds.
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _read(signer: Signer, order: _Order, text: str) -> list[Any]:
    try:
        if len(text) > POSITION_LIMIT:
            raise BadSignature
        texts = json.loads(urlsafe_base64_decode(signer.unsign(text)))
        return [
            None if value is None else field.to_python(value)
            for field, value in zip(order.fields, texts, strict=True)
        ]
    except (BadSignature, ValueError, ValidationError) as error:
        raise bad_cursor() from error
