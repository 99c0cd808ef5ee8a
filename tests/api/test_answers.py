"""What is written by hand, for speed, is what the fields of the document say."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework import serializers

from issues import actions
from issues.api.detail import AssignmentOutput, ClockOutput, IssueDetail
from issues.api.serializers import (
    IssueRow,
    PhotoOutput,
)
from issues.case import Case
from issues.models import Assignment, Clock, Issue, Photo
from issues.querysets import visible_photos
from people.models import User


def by_fields(serializer: serializers.Serializer[Any], row: Any) -> dict[str, Any]:
    """The answer as the serializer's own fields give it."""
    return dict(serializers.ModelSerializer.to_representation(serializer, row))  # type: ignore[arg-type]


def of_every_kind() -> list[Issue]:
    """Two issues of each level and status, and whatever else has something rare in it."""
    issues = Issue.objects.with_detail_data()
    found: dict[int, Issue] = {}
    for level, status in issues.order_by().values_list("level", "status").distinct():
        found |= {row.pk: row for row in issues.filter(level=level, status=status)[:2]}
    for rare in ({"captured_at__isnull": False}, {"supervisions__isnull": False}):
        found |= {row.pk: row for row in issues.filter(**rare)[:2]}
    return list(found.values())


def test_rows_are_what_their_fields_say(reference_db: None) -> None:
    issues = of_every_kind()
    assert len({(issue.level, issue.status) for issue in issues}) > 20
    listed = IssueRow(issues, many=True).data
    assert [dict(row) for row in listed] == [by_fields(IssueRow(), issue) for issue in issues]
    assert [list(row) for row in listed] == [IssueRow.Meta.fields] * len(issues)


def test_a_detail_is_what_its_fields_say(reference_db: None) -> None:
    user = User.objects.get(username="district")
    for issue in of_every_kind():
        possible = actions.available(issue, by=user)
        context = {
            "case": Case.load(issue),
            "actions": possible,
            "photos": issue.photos.all(),
            "upto": issue.event_count,
            "until": None,
        }
        serializer = IssueDetail(issue, context=context)
        assert dict(serializer.data) == by_fields(serializer, issue)
        assert list(serializer.data) == IssueDetail.Meta.fields


@pytest.mark.parametrize(
    ("serializer", "model"),
    [(ClockOutput, Clock), (AssignmentOutput, Assignment), (PhotoOutput, Photo)],
)
def test_what_lies_in_a_detail_is_what_its_fields_say(
    reference_db: None, serializer: Any, model: Any
) -> None:
    rows = list(model.objects.order_by("pk")[::17])
    assert rows
    for row in rows:
        assert serializer(row).data == by_fields(serializer(), row)


def test_a_reader_of_the_past_sees_what_was_there_then(reference_db: None) -> None:
    issue = (
        Issue.objects.with_detail_data()
        .filter(approvals__isnull=False, event_count__gt=6)
        .order_by("pk")[0]
    )
    case = Case.load(issue)
    until = case.clocks[0].started_at
    context = {
        "case": case,
        "actions": {},
        "photos": visible_photos(issue, issue.reporter),
        "upto": 1,
        "until": until,
    }
    shown = IssueDetail(issue, context=context).data
    assert len(shown["clocks"]) == sum(clock.started_at <= until for clock in case.clocks)
    assert (shown["units"], shown["approvals"]) == ([], [])
