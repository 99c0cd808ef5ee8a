"""Floor A: the least that an authenticated API view can do. And the count of SQL statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from issues.models import Issue

ASKED = "X-Count-Statements"
ANSWER = "X-Statements"
# Django's own words around a transaction, sent as statements.
AROUND = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")


class FloorView(APIView):
    """The platform's authentication, permission and throttle, and one row read by its key."""

    def get(self, request: Request, pk: int) -> Response:
        return Response({"number": Issue.objects.values_list("number", flat=True).get(pk=pk)})


class StatementCount:
    """Counts what goes to the database, as an execute wrapper."""

    def __init__(self) -> None:
        self.count = 0
        self.statements: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not str(sql).startswith(AROUND):
            self.count += 1
            self.statements.append(str(sql))
        return execute(sql, params, many, context)


class CountStatements:
    """Says in a header how many statements a request took, when it asks for that.

    Of a response that is streamed, only those before its first byte.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if ASKED not in request.headers:
            return self.get_response(request)
        statements = StatementCount()
        with connection.execute_wrapper(statements):
            response = self.get_response(request)
        response.headers[ANSWER] = str(statements.count)
        return response
