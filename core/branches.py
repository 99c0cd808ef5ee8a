"""Rows that meet one of several conditions, each of which an index of its own serves.

What a person may see is a union: the town's cases, those of the person's unit, the own reports.
``one_of`` writes it as ``id IN (branch UNION branch …)``, which is right for every use: a count, an
export, one row by its id. What needs a few rows only (a page, a capped count) takes the branches
apart by ``branches_of``, adds its order and limit to each, and puts them together again. It then
reads a page of each branch, however many rows lie behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db.models import BooleanField, Case, F, Func, Model, Q, QuerySet, Value, When
from django.db.models.lookups import In

Rows = TypeVar("Rows", bound=QuerySet[Any])


class OneOf(Func):
    """``id IN (branch UNION branch …)`` in a WHERE, which remembers its conditions."""

    output_field = BooleanField()

    def __init__(self, model: type[Model], conditions: Sequence[Q]) -> None:
        super().__init__(F("pk"))
        self.model, self.conditions = model, tuple(conditions)

    def as_sql(self, compiler: Any, connection: Any, **kwargs: Any) -> tuple[str, Any]:  # type: ignore[override]
        # Here and not before: a page never needs the union.
        everything = self.model._default_manager.order_by()
        ids = together([everything.filter(condition) for condition in self.conditions]).query
        ids.subquery = True
        return In(self.source_expressions[0], ids).as_sql(compiler, connection)


def one_of(rows: Rows, conditions: Sequence[Q]) -> Rows:
    """Those of ``rows`` that meet one of ``conditions``; none if there are none.

    A condition speaks of the row itself, of records beside it by ``Exists``: a join would show a
    row twice.
    """
    if not conditions:
        return rows.none()
    if len(conditions) == 1:
        return rows.filter(conditions[0])
    return rows.filter(OneOf(rows.model, conditions))


def branches_of(rows: Rows) -> list[Rows]:
    """The rows of each branch, with all other conditions on ``rows`` kept; they may overlap.

    Of several unions the last is taken apart, since it was asked for on top; in its branches the
    others stand as plain conditions on a row.
    """
    plain, unions = _apart(rows)
    if not unions:
        return [plain]
    for union in unions[:-1]:
        plain = plain.filter(_asked(union))
    return [plain.filter(condition) for condition in unions[-1].conditions]


def among(rows: Rows, ids: QuerySet[Any]) -> Rows:
    """Those of ``rows`` with these ids, which were found in its branches."""
    plain, _ = _apart(rows)
    return plain.filter(pk__in=ids)


def narrowed(rows: Rows) -> Rows:
    """The same rows, with everything that they must meet asked in each branch: for counting among
    few of many.
    """
    branches = branches_of(rows)
    return branches[0] if len(branches) == 1 else among(rows, together(branches))


def together(pieces: Sequence[Rows], *, all_of_each: bool = False) -> QuerySet[Any]:
    """The ids of the pieces: each row once, or as often as it occurs with ``all_of_each``."""
    first, *others = (piece.values("pk") for piece in pieces)
    return first.union(*others, all=all_of_each) if others else first


def _apart(rows: Rows) -> tuple[Rows, list[OneOf]]:
    """``rows`` without its unions, and the unions."""
    plain = rows.all()
    where = plain.query.where = rows.query.where.clone()
    found = [(part, _union(part)) for part in where.children]
    where.children = [part for part, union in found if union is None]
    return plain, [union for _, union in found if union is not None]


def _asked(union: OneOf) -> Case:
    """Whether a row meets one of the conditions. No index is tried for what stands in a CASE."""
    return Case(When(reduce(or_, union.conditions), then=Value(True)), default=Value(False))


def _union(part: Any) -> OneOf | None:
    # Django asks a condition that is not a lookup whether it is true.
    asked = getattr(part, "lhs", None)
    return asked if isinstance(asked, OneOf) else None
