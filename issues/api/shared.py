"""What every endpoint of issues begins with: the case that is asked about, its input."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from core.errors import NotFoundHere
from issues.models import Issue


def visible(request: Request, pk: int) -> Issue:
    """The issue if the caller may see it. Raises NotFoundHere, whether or not it exists."""
    issue = Issue.objects.visible_to(request.user).with_detail_data().filter(pk=pk).first()
    if issue is None:
        raise NotFoundHere("没有找到这个问题，或您无权查看。")
    return issue


def validated(
    shape: type[serializers.Serializer[Any]], data: Any, **context: Any
) -> dict[str, Any]:
    serializer = shape(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
