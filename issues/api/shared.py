"""What every endpoint of issues begins with: the case that is asked about, its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from core.errors import NotFoundHere
from issues.models import Issue
from issues.reference import with_reference_data


def visible(request: Request, pk: int, *, beside: Sequence[str] = ()) -> Issue:
    """The issue if the caller may see it, with what it names that is kept in memory; what else it
    is to be read with is named in ``beside``. Raises NotFoundHere, whether or not it exists.
    """
    rows = Issue.objects.visible_to(request.user)
    if beside:
        rows = rows.select_related(*beside)
    try:
        return with_reference_data([rows.get(pk=pk)])[0]
    except Issue.DoesNotExist:
        raise NotFoundHere("没有找到这个问题，或您无权查看。") from None


def validated(
    shape: type[serializers.Serializer[Any]], data: Any, **context: Any
) -> dict[str, Any]:
    serializer = shape(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
