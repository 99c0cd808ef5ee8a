"""Pages of an API list: ``core.keyset`` behind the parameters ``cursor`` and ``limit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import keyset

PAGE_SIZE = 50
MAX_PAGE_SIZE = 200
CURSOR_LENGTH = 300


@dataclass(frozen=True)
class Order:
    """A sort of an API list, and the one direction in which it is given."""

    sort: keyset.Sort
    descending: bool = False


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
        order: Order = view.get_page_order()  # type: ignore[union-attr]
        cut = keyset.cut(
            queryset,
            order.sort,
            size=query.validated_data["limit"],
            salt="core.pagination",
            descending=order.descending,
            after=query.validated_data.get("cursor", ""),
        )
        self.next = cut.after or None
        return cut.rows

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
