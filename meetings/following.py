"""What a resolution makes of the case that it came from: both change in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import Refused
from issues import actions as issue_actions
from issues.choices import Action, Grade, SupervisionCause
from issues.models import Issue, IssueEvent, Supervision
from meetings.models import Resolution
from meetings.parts import lock_resolution, record
from meetings.trail import Trail
from people.models import User
from projects import actions as project_actions
from projects.models import Project


@transaction.atomic
def apply_resolution(
    resolution_id: int, *, by: User, expected_version: int, at: datetime | None = None
) -> Resolution:
    """Let the case go on as decided: to the units, and until the day, of the resolution.

    By the district's secretary, after the minutes were countersigned. Raises what
    ``issues.actions.perform`` does when the case does not wait for the meeting any more.
    """
    at = at or timezone.now()
    resolution, issue = _lock_with_case(resolution_id, by=by, expected_version=expected_version)
    event = issue_actions.perform(
        issue.pk,
        Action.APPLY_RESOLUTION,
        by=by,
        data={
            "lead_unit": resolution.lead_unit,
            "co_units": [{"unit": unit} for unit in resolution.units.select_related("place")],
            "until": resolution.due_date,
            "text": _in_the_words_of(resolution),
        },
        expected_version=None,
        at=at,
    )
    return _followed(resolution, event, by=by, at=at)


@transaction.atomic
def resume_by_resolution(
    resolution_id: int, *, by: User, text: str, expected_version: int, at: datetime | None = None
) -> Resolution:
    """Give the case back to where it was before it was suspended. By the leader of its level."""
    at = at or timezone.now()
    resolution, issue = _lock_with_case(resolution_id, by=by, expected_version=expected_version)
    event = issue_actions.perform(
        issue.pk,
        Action.RESUME,
        by=by,
        data={"text": f"{_in_the_words_of(resolution)}\n{text}"},
        expected_version=None,
        at=at,
    )
    return _followed(resolution, event, by=by, at=at)


@transaction.atomic
def convert_by_resolution(
    resolution_id: int,
    *,
    by: User,
    data: Mapping[str, Any],
    text: str,
    expected_version: int,
    at: datetime | None = None,
) -> Project:
    """Turn the case into a key project, as decided. See ``projects.actions.convert_issue``."""
    at = at or timezone.now()
    resolution, issue = _lock_with_case(resolution_id, by=by, expected_version=expected_version)
    project = project_actions.convert_issue(
        by=by,
        issue_id=issue.pk,
        expected_version=None,
        data=data,
        text=f"{_in_the_words_of(resolution)}\n{text}",
        at=at,
    )
    _followed(resolution, project.origins.get(issue=issue).event, by=by, at=at)
    return project


@transaction.atomic
def supervise_overdue(resolution_id: int, *, at: datetime | None = None) -> Supervision | None:
    """Issue the platform's supervision order on the case of an overdue resolution, once.

    None if there is nothing to order any more: solved, ordered already, or the case has ended.
    """
    at = at or timezone.now()
    resolution = (
        Resolution.objects.overdue_on_open_case(timezone.localdate(at))
        .select_related("agenda_item__issue")
        .select_for_update(of=("self",))
        .filter(pk=resolution_id)
        .first()
    )
    if resolution is None or resolution.case is None:
        return None
    event = issue_actions.perform(
        resolution.case.pk,
        Action.SUPERVISE,
        by=None,
        data={
            "grade": Grade.KEY,
            "cause": SupervisionCause.RESOLUTION_OVERDUE,
            "text": f"联席会议议定事项 {resolution.number} 的完成时限 "
            f"{resolution.due_date:%Y-%m-%d} 已过，请说明原因，提出办结日期，抓紧落实。",
        },
        expected_version=None,
        at=at,
    )
    order = Supervision.objects.get(issue=event.issue_id, issued_seq=event.seq)
    resolution.supervision = order
    resolution.version += 1
    resolution.save()
    facts = {"issue": event.issue_id, "order": order.number}
    record(Trail.SUPERVISED, resolution, by=None, posting=None, at=at, **facts)
    return order


def _lock_with_case(
    resolution_id: int, *, by: User, expected_version: int
) -> tuple[Resolution, Issue]:
    """A resolution by which its case has yet to go on, and the case. Raises Refused otherwise."""
    resolution = lock_resolution(resolution_id, by=by, expected_version=expected_version)
    if resolution.case is None:
        raise Refused("这项议定事项没有对应的问题。")
    if why := resolution.not_yet_to_follow():
        raise Refused(why, code="wrong_state")
    return resolution, resolution.case


def _in_the_words_of(resolution: Resolution) -> str:
    return f"按联席会议议定事项 {resolution.number}：{resolution.text}"


def _followed(resolution: Resolution, event: IssueEvent, *, by: User, at: datetime) -> Resolution:
    resolution.event = event
    resolution.version += 1
    resolution.save()
    facts = {"issue": event.issue_id, "done": Action(event.action).label, "seq": event.seq}
    record(Trail.FOLLOWED, resolution, by=by, posting=event.posting, at=at, **facts)
    return resolution
