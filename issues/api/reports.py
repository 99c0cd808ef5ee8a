"""Reports of issues, one or many in a request; each is registered once, by the same rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import exception_handler
from core.errors import Malformed
from core.idempotency import Answer, Outcome, Part, once_each
from core.openapi import Problem, answers
from core.parsers import RawJSONParser, check_storable
from issues import actions
from issues.api.serializers import ClientIdInput, IssueState
from issues.api.shared import validated
from issues.report_input import ReportInput, photos_named, read_reports
from people.requests import signed_in

MOST = 200  # reports in one batch

# What the keys of reports are kept for, whichever endpoint they came by. Kept forever: never change
# it, or a report that was sent before is another one.
ROUTE = "POST /api/v1/issues"


class ReportsField(serializers.ListField):
    """The reports of a batch as they were sent; each is read, and may be refused, on its own."""

    def __init__(self) -> None:
        super().__init__(
            child=ReportInput(),
            label="上报",
            allow_empty=False,
            max_length=MOST,
            error_messages={
                "empty": "没有要上报的内容。",
                "max_length": f"一次最多上报 {MOST} 件，请分批发送。",
            },
        )

    def run_child_validation(self, data: Any) -> list[Any]:
        return list(data)


class BatchInput(serializers.Serializer[Any]):
    reports = ReportsField()


class ReportResult(serializers.Serializer[Any]):
    """What became of one report: ``issue``, or ``error`` in the one shape of errors."""

    client_id = serializers.UUIDField(allow_null=True, help_text="无法辨认时为 null。")
    status = serializers.IntegerField(help_text="单独上报这一件时的 HTTP 状态码；201 为已受理。")
    replayed = serializers.BooleanField(help_text="true：以前已受理过，issue 是第一次的答复。")
    issue = IssueState(required=False, help_text="仅在已受理时有。")
    error = Problem(required=False, help_text="仅在未受理时有。")


class BatchOutput(serializers.Serializer[Any]):
    results = ReportResult(many=True, help_text="与提交的顺序相同。")


class BatchView(APIView):
    parser_classes = [RawJSONParser]  # each report is checked on its own

    @extend_schema(
        operation_id="report_issues",
        summary="批量上报",
        description=f"一次最多 {MOST} 件，每件与单独上报同样处理：client_id 就是幂等键，已受理过的"
        "得到第一次的答复；有误的一件不影响其他各件，改正后再报即可。未收到答复时整批原样重发，"
        "永不重复建案。",
        tags=["问题"],
        request=BatchInput,
        responses=answers(BatchOutput, 400, 401, 413),
    )
    def post(self, request: Request) -> Response:
        bodies = validated(BatchInput, request.data)["reports"]
        outcomes = receive(request, bodies)
        return Response({"results": [_result(*pair) for pair in outcomes]})


def receive(request: Request, bodies: Sequence[Any]) -> list[tuple[str | None, Outcome]]:
    """Register each report once, all in one transaction; its client_id and what became of it.

    A report whose key has an answer gets it before anything else of it is looked at.
    """
    shape = ClientIdInput()
    found: list[tuple[str | None, Outcome | None]] = []
    parts: list[Part] = []
    for body in bodies:
        client_id = None
        try:
            client_id = str(shape.run_validation(body)["client_id"])
            check_storable(body)
        except (serializers.ValidationError, Malformed) as error:
            found.append((client_id, error))
        else:
            found.append((client_id, None))
            uses = [f"photo:{pk}" for pk in photos_named(body)]
            parts.append(Part(f"report:{client_id}", body, uses))

    def register(indices: Sequence[int]) -> list[Outcome]:
        return _register(request, [parts[index].body for index in indices])

    outcomes = iter(once_each(request, parts, register, route=ROUTE, forever=True))
    return [(client_id, outcome or next(outcomes)) for client_id, outcome in found]


def _register(request: Request, bodies: Sequence[Any]) -> list[Outcome]:
    user = signed_in(request)
    given = read_reports(bodies, user=user)
    sound = [data for data in given if not isinstance(data, Exception)]
    made = iter(actions.try_create_issues(sound, by=user))
    state = IssueState()

    def outcome(data: Any) -> Outcome:
        one = data if isinstance(data, Exception) else next(made)
        return one if isinstance(one, Exception) else Answer(201, state.to_representation(one))

    return [outcome(data) for data in given]


def _result(client_id: str | None, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Answer):
        return {
            "client_id": client_id,
            "status": outcome.status,
            "replayed": outcome.replayed,
            "issue": outcome.data,
        }
    refusal = exception_handler(outcome, {})
    if refusal is None:
        raise outcome
    return {
        "client_id": client_id,
        "status": refusal.status_code,
        "replayed": False,
        "error": refusal.data,
    }
