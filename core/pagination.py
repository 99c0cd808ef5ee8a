"""Pages of an API list by keyset: constant cost at any depth, and no row missed or doubled while
others arrive.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import Malformed

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
CURSOR_LENGTH = 300


def bad_cursor() -> Malformed:
    return Malformed("翻页位置无效，请从第一页重新开始。", code="bad_cursor")


@dataclass(frozen=True)
class Order:
    """An order by one aware datetime column that is set in every row of the list, then by id."""

    column: str
    descending: bool = False

    def columns(self) -> tuple[str, str]:
        sign = "-" if self.descending else ""
        return f"{sign}{self.column}", f"{sign}id"

    def past(self, moment: datetime, pk: int) -> Q:
        """(column, id) beyond (moment, pk), led by the column alone so that its index can start."""
        beyond, up_to = ("lt", "lte") if self.descending else ("gt", "gte")
        return Q(**{f"{self.column}__{up_to}": moment}) & (
            Q(**{f"{self.column}__{beyond}": moment}) | Q(**{f"id__{beyond}": pk})
        )


class PageQuery(serializers.Serializer[Any]):
    cursor = serializers.CharField(
        required=False,
        max_length=CURSOR_LENGTH,
        help_text="上一页答复中的 next；不填为第一页。",
        error_messages={"max_length": "翻页位置无效。"},
    )
    limit = serializers.IntegerField(
        required=False,
        default=PAGE_SIZE,
        min_value=1,
        max_value=MAX_PAGE_SIZE,
        help_text="每页条数。",
    )


class Keyset(BasePagination):
    """Answers ``{"results": [...], "next": cursor or null}``.

    The view names its ``page_order``, or chooses one by the request in ``get_page_order``.
    """

    def paginate_queryset(  # type: ignore[override]
        self, queryset: QuerySet[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        query = PageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        limit = query.validated_data["limit"]
        order: Order = view.get_page_order()  # type: ignore[union-attr]
        signer = signing.Signer(salt=f"core.pagination:{order.column}:{order.descending}")
        rows = queryset.order_by(*order.columns())
        if cursor := query.validated_data.get("cursor"):
            rows = rows.filter(order.past(*_read(cursor, signer)))
        found = list(rows[: limit + 1])
        self.next = _write(found[limit - 1], order, signer) if len(found) > limit else None
        return found[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next": self.next})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results", "next"],
            "properties": {
                "results": schema,
                "next": {
                    "type": "string",
                    "nullable": True,
                    "description": "下一页的 cursor；没有下一页时为 null。",
                },
            },
        }


def _write(row: Any, order: Order, signer: signing.Signer) -> str:
    position = [getattr(row, order.column).isoformat(), row.pk]
    return signer.sign_object(position)


def _read(cursor: str, signer: signing.Signer) -> tuple[datetime, int]:
    try:
        moment, pk = signer.unsign_object(cursor)
    except signing.BadSignature as error:
        raise bad_cursor() from error
    return datetime.fromisoformat(moment), pk
