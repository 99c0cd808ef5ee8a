"""Dispatch in bulk: the same order for several cases, each case a step of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import Refused
from issues import actions, steps
from issues.case import Case
from issues.choices import Action
from issues.models import Issue
from issues.office import Office
from people.models import User

MOST = 50  # cases at once


@dataclass(frozen=True)
class Prospect:
    """What the order would do to one case: when it would be due, or why it is refused."""

    issue: Issue
    due_at: datetime | None
    overall_due_at: datetime | None
    refusal: str


@dataclass(frozen=True)
class Result:
    issue_id: int
    due_at: datetime | None
    refusal: str


def preview(
    issues: Sequence[Issue], *, by: User, data: Mapping[str, Any], at: datetime
) -> list[Prospect]:
    """Take the step on each case in memory. Nothing is written; the issues stay as they are.

    ``data`` has the shape of ``inputs.AssignInput``.
    """
    office = Office.for_cases(issues, [data["lead_unit"].pk])
    return [_prospect(issue, by, data, at, office) for issue in issues]


def _prospect(
    issue: Issue, by: User, data: Mapping[str, Any], at: datetime, office: Office
) -> Prospect:
    trial = Case.load(copy(issue))
    try:
        steps.take(trial, Action.ASSIGN, by=by.current_postings, data=data, at=at, office=office)
    except Refused as error:
        return Prospect(issue, None, None, error.message)
    return Prospect(issue, trial.issue.due_at, trial.issue.overall_due_at, "")


def dispatch(
    versions: Iterable[tuple[int, int]], *, by: User, data: Mapping[str, Any]
) -> list[Result]:
    """Give the order on each (case, expected version). One that is refused stops no other."""
    return [_result(pk, version, by, data) for pk, version in versions]


def _result(pk: int, version: int, by: User, data: Mapping[str, Any]) -> Result:
    try:
        event = actions.perform(pk, Action.ASSIGN, by=by, data=data, expected_version=version)
    except Refused as error:
        return Result(pk, None, error.message)
    return Result(pk, event.issue.due_at, "")
