"""The steps of a case, each an endpoint of its own with its own input."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.errors import NotFoundHere, Stale
from core.idempotency import once
from core.openapi import IDEMPOTENCY_KEY, answers
from issues import actions
from issues.api.serializers import IssueState
from issues.api.shared import validated, visible
from issues.choices import Action
from issues.input_fields import Input
from issues.inputs import INPUTS
from issues.models import Issue
from issues.workflow import TAKEN_ELSEWHERE
from people.requests import signed_in


class StepView(APIView):
    """One action of the transition table; see ``step_views``."""

    step: Action
    input: type[Input]

    def post(self, request: Request, pk: int) -> Response:
        return once(request, lambda: self.take(request, pk))

    def take(self, request: Request, pk: int) -> Response:
        def read(issue: Issue) -> dict[str, Any]:
            return validated(self.input, request.data, user=request.user, issue=issue)

        def read_for_version(issue: Issue) -> dict[str, Any]:
            data = read(issue)
            if data.pop("version") != issue.version:
                raise Stale()
            return data

        asked: actions.Asked = read_for_version
        version = None
        if self.step == Action.MERGE:  # the master, which the input names, is locked with the case
            asked = read(visible(request, pk))
            version = asked.pop("version")
        event = actions.perform_within(
            pk, self.step, by=signed_in(request), data=asked, expected_version=version
        )
        return Response(IssueState(event.issue).data)


class UnknownStepView(APIView):
    @extend_schema(exclude=True)
    def post(self, request: Request, pk: int, action: str) -> Response:
        visible(request, pk)
        raise NotFoundHere("没有这种办理动作。", code="unknown_action")


def step_views() -> dict[Action, type[StepView]]:
    """A view for each action that people take, documented with the action's own input."""
    return {
        step: _step_view(step, shape)
        for step, shape in INPUTS.items()
        if step != Action.CREATE and step not in TAKEN_ELSEWHERE
    }


def _step_view(step: Action, shape: type[Input]) -> type[StepView]:
    name = "".join(part.capitalize() for part in step.value.split("_"))
    version = serializers.IntegerField(
        min_value=0, label="版本", help_text="读取时的 version；其间有变化则答 409 stale。"
    )
    with_version = type(f"{name}Step", (shape,), {"version": version, "__doc__": None})
    describe = extend_schema_view(
        post=extend_schema(
            operation_id=step.value,
            summary=step.label,
            tags=["办理动作"],
            parameters=[IDEMPOTENCY_KEY],
            request=with_version,
            responses=answers(IssueState, 400, 401, 403, 404, 409, 413, 422),
        )
    )
    return describe(type(f"{name}View", (StepView,), {"step": step, "input": with_version}))
