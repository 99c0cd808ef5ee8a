"""A condition that so many rows meet that a page is soon full of them."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Exists, QuerySet

from core.branches import OneOf

Rows = TypeVar("Rows", bound=QuerySet[Any])


class Alongside(Exists):
    """Asked of one row after the other, in the order of the page, until the page is full.

    Who counts the rows goes by no order: ``by_index`` finds the ids of all that meet it, if there
    is a way that is better then.
    """

    def __init__(self, queryset: QuerySet[Any], *, by_index: QuerySet[Any] | None) -> None:
        super().__init__(queryset)
        self.by_index = by_index


def are_many(rows: QuerySet[Any]) -> bool:
    """Whether ``rows``, unless something else narrows them, are more than anybody counts."""
    asked = [getattr(part, "lhs", None) for part in rows.query.where.children]
    return any(isinstance(one, Alongside) and one.by_index is not None for one in asked)


def to_count(rows: Rows) -> Rows:
    """The same rows for a count: found by index, and then asked one by one whether they belong."""
    # Django asks a condition that is not a lookup whether it is true.
    asked = [(part, getattr(part, "lhs", None)) for part in rows.query.where.children]
    found = [
        one.by_index for _, one in asked if isinstance(one, Alongside) and one.by_index is not None
    ]
    if not found:
        return rows
    plain = rows.all()
    plain.query.where = rows.query.where.clone()
    plain.query.where.children = [
        part for part, one in asked if not isinstance(one, Alongside | OneOf)
    ]
    for ids in found:
        plain = plain.filter(pk__in=ids)
    for _, one in asked:
        if isinstance(one, OneOf):
            plain = plain.filter(one.asked())
    return plain
