"""Effects of the way through the levels: report, first diagnosis, escalation, completion."""

from __future__ import annotations

from issues import clocks
from issues.choices import Complexity, Level, Step
from issues.taking import Taking


def create(step: Taking) -> None:
    issue = step.case.issue
    if issue.is_contactable:
        limit = step.office.limits.find(
            Step.CONTACT, Level.GRID, issue.urgency, issue.category, step.day
        )
        issue.contact_due_at = clocks.due(step.at, limit, step.office.calendar).at


def take_over(step: Taking) -> None:
    step.case.issue.complexity = Complexity.BASIC
    step.case.issue.handler = step.by.user if step.by else None


def resolve(step: Taking) -> None:
    issue = step.case.issue
    issue.complexity = issue.complexity or Complexity.BASIC
    submit(step)


def submit(step: Taking) -> None:
    issue = step.case.issue
    issue.outcome = step.data["outcome"]
    issue.submitted_at = step.at
    if issue.level == Level.GRID:  # the last one to work on it answers for it
        issue.handler = step.person.user


def escalate_to_town(step: Taking) -> None:
    step.case.issue.complexity = Complexity.GENERAL
    step.case.issue.handler = None


def escalate_to_district(step: Taking) -> None:
    step.case.issue.complexity = Complexity.COMPLEX


def consult(step: Taking) -> None:
    step.case.issue.consulted_at = step.at
