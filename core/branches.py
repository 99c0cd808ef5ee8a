"""Rows that meet one of several conditions, each of which an index of its own serves.

What a person may see is a union: the town's cases, those of the person's unit, the own reports.
``one_of`` writes it as ``id IN (branch UNION branch …)``, which is right for every use: a count, an
export, one row by its id. What needs a few rows only (a page, a capped count) takes the branches
apart by ``branches_of``, adds its order and limit to each, and puts them together again. It then
reads a page of each branch, however many rows lie behind it.

Two more conditions are not asked everywhere alike. ``Alongside`` is met by so many rows that a page
asks it of one after the other; a count goes by its index (``to_count``). ``Listed`` is met by a few
whose ids are known: they are read, and each is asked for everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db.models import (
    BooleanField,
    Case,
    Exists,
    Expression,
    F,
    Func,
    Lookup,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import Col, RawSQL
from django.db.models.lookups import In

Rows = TypeVar("Rows", bound=QuerySet[Any])
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Repeated:
    """A condition met by the rows that ``records`` beside them name, no two of them the same.

    The records repeat ``columns`` of the row which they name by the foreign key ``row``, so that
    what is sorted and picked by these columns is cut from the records, by indexes of theirs.
    """

    records: QuerySet[Any]
    row: str
    columns: frozenset[str]

    def as_q(self) -> Q:
        return Q(Exists(self.records.filter(**{self.row: OuterRef("pk")})))


Condition = Q | Repeated


class OneOf(Func):
    """``id IN (branch UNION branch …)`` in a WHERE, which remembers its conditions."""

    output_field = BooleanField()

    def __init__(self, model: type[Model], conditions: Sequence[Condition]) -> None:
        super().__init__(F("pk"))
        self.model, self.conditions = model, tuple(conditions)

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, Any]:  # type: ignore[override]
        # Here and not before: a page never needs the union.
        everything = self.model._default_manager.order_by()
        branches = [Branch(everything, condition) for condition in self.conditions]
        ids = together([branch.ids() for branch in branches]).query
        ids.subquery = True
        return In(self.source_expressions[0], ids).as_sql(compiler, connection)

    def asked(self) -> Q:
        """The same of one row, whose id is known."""
        return reduce(or_, map(_as_q, self.conditions))


class Alongside(Exists):
    """A condition that so many rows meet that a page is soon full of them: asked of one row after
    the other, in the order of the page.

    Who counts the rows goes by no order: ``by_index`` finds the ids of all that meet it. Where it
    ``is_scoped`` it looks where the rows are, and finds hardly any others.
    """

    def __init__(self, queryset: QuerySet[Any], *, by_index: Expression, is_scoped: bool) -> None:
        super().__init__(queryset)
        self.by_index, self.is_scoped = by_index, is_scoped


class Listed(Func):
    """Whether an id is one of a few. Unlike IN, the planner never reads a whole index for it."""

    template = "%(expressions)s::bigint[]))"
    arg_joiner = " IN (SELECT unnest("
    output_field = BooleanField()

    def __init__(self, ids: Sequence[int]) -> None:
        # As one text: Django takes longer over a thousand numbers than PostgreSQL over all rows.
        super().__init__(F("pk"), Value(f"{{{','.join(map(str, ids))}}}"))


@dataclass(frozen=True)
class Branch(Generic[Rows]):
    """Those of ``plain`` that meet the condition, or all of them."""

    plain: Rows
    condition: Condition

    @property
    def rows(self) -> Rows:
        return self.plain.filter(_as_q(self.condition))

    def filter(self, condition: Q) -> Branch[Rows]:
        return Branch(self.plain.filter(condition), self.condition)

    def source(self, names: Sequence[str] = ()) -> tuple[QuerySet[Any], str]:
        """What its ids are to be read from if it is sorted by these fields, and the field there
        that has the id of the row.
        """
        own = self.plain.model._meta.pk.name
        repeated = self.condition
        if isinstance(repeated, Repeated) and repeated.columns.issuperset({*names} - {own}):
            return _records_of(self.plain, repeated)
        return self.rows, own

    def ids(self) -> QuerySet[Any]:
        rows, key = self.source()
        return rows.order_by().values(key)


def one_of(rows: Rows, conditions: Sequence[Condition]) -> Rows:
    """Those of ``rows`` that meet one of ``conditions``; none if there are none.

    A condition speaks of the row itself, of records beside it by ``Exists`` or by ``Repeated``: a
    join would show a row twice.
    """
    if not conditions:
        return rows.none()
    if len(conditions) == 1:
        return rows.filter(_as_q(conditions[0]))
    return rows.filter(OneOf(rows.model, conditions))


def branches_of(rows: Rows) -> list[Branch[Rows]]:
    """The branches, with all other conditions on ``rows`` kept in each; they may overlap.

    Of several unions the last is taken apart, since it was asked for on top; in its branches the
    others stand as plain conditions on a row. So do all of them if the rows are listed.
    """
    plain, unions = _without(rows, OneOf)
    if not unions:
        return [Branch(plain, Q())]
    if is_listed(rows):
        return [Branch(plain.filter(*(union.asked() for union in unions)), Q())]
    for union in unions[:-1]:
        plain = plain.filter(_case(union))
    return [Branch(plain, condition) for condition in unions[-1].conditions]


def is_listed(rows: QuerySet[Any]) -> bool:
    """Whether ``rows`` are among a few whose ids are known."""
    return bool(_without(rows, Listed)[1])


def among(rows: Rows, ids: QuerySet[Any]) -> Rows:
    """Those of ``rows`` with these ids, which were found in its branches."""
    plain, _ = _without(rows, OneOf)
    try:
        return plain.filter(pk__in=as_text(ids))
    except EmptyResultSet:
        return plain.none()


def narrowed(rows: Rows) -> Rows:
    """The same rows, with everything that they must meet asked in each branch: for counting among
    few of many.
    """
    branches = branches_of(rows)
    if len(branches) == 1:
        return branches[0].rows
    return among(rows, together([branch.ids() for branch in branches]))


def to_count(rows: Rows) -> Rows:
    """The same rows for a count: what a page asks alongside is found by index. Of what a scoped one
    finds each is asked whether it belongs; another is for each branch to use or not.
    """
    plain, alongside = _without(rows, Alongside)
    if not alongside:
        return rows
    if any(one.is_scoped for one in alongside):
        plain, unions = _without(plain, OneOf)
        for union in unions:
            plain = plain.filter(union.asked())
    for one in alongside:
        plain = plain.filter(pk__in=one.by_index)
    return plain


def together(pieces: Sequence[QuerySet[Any]], *, all_of_each: bool = False) -> QuerySet[Any]:
    """The ids of the pieces: each row once, or as often as it occurs with ``all_of_each``."""
    first, *others = pieces
    return first.union(*others, all=all_of_each) if others else first


def as_text(ids: QuerySet[Any]) -> RawSQL:
    """``ids`` as SQL, for use in other queries: Django would resolve a subquery anew in each of
    them, which takes longer than to read the rows. Raises EmptyResultSet.
    """
    return RawSQL(*ids.query.sql_with_params())  # noqa: S611 - Django's own text


def _as_q(condition: Condition) -> Q:
    return condition.as_q() if isinstance(condition, Repeated) else condition


def _records_of(rows: QuerySet[Any], repeated: Repeated) -> tuple[QuerySet[Any], str]:
    """The records of ``rows``. What is asked of a repeated column is asked of the record; of the
    row, only what is left.
    """
    plain = rows.order_by()
    where = plain.query.where = rows.query.where.clone()
    asked = [_of_record(part, rows, repeated) for part in where.children]
    left = [part for part, moved in zip(where.children, asked, strict=True) if moved is None]
    records = repeated.records.filter(*(moved for moved in asked if moved is not None))
    if left:
        where.children = left
        records = records.filter(**{f"{repeated.row}__in": plain.values("pk")})
    return records, records.model._meta.get_field(repeated.row).attname


def _of_record(part: Any, rows: QuerySet[Any], repeated: Repeated) -> Lookup[Any] | None:
    """A plain comparison of a repeated column, as one of the record's."""
    if not (isinstance(part, Lookup) and isinstance(part.lhs, Col)):
        return None
    column = part.lhs
    is_own = column.alias == rows.model._meta.db_table and column.target.name in repeated.columns
    if not is_own or hasattr(part.rhs, "resolve_expression"):
        return None
    return type(part)(F(column.target.name), part.rhs)


def _without(rows: Rows, kind: type[Kind]) -> tuple[Rows, list[Kind]]:
    """``rows`` without their conditions of a kind, and these conditions."""
    plain = rows.all()
    where = plain.query.where = rows.query.where.clone()
    # Django asks a condition that is not a lookup whether it is true: it stands at the left.
    found = [(part, getattr(part, "lhs", None)) for part in where.children]
    where.children = [part for part, one in found if not isinstance(one, kind)]
    return plain, [one for _, one in found if isinstance(one, kind)]


def _case(union: OneOf) -> Case:
    """Whether a row meets one of the conditions. No index is tried for what stands in a CASE."""
    return Case(When(union.asked(), then=Value(True)), default=Value(False))
