"""What an agenda takes in by itself: proposed and escalated issues, late projects, unfinished
resolutions.

Each set is one query; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import count
from typing import Any

from django.db.models import Max, OuterRef, QuerySet, Subquery
from django.utils import timezone

from areas.models import Place
from issues.choices import (
    Action,
    ApprovalKind,
    Decision,
    Level,
    Status,
    SuspensionKind,
)
from issues.models import Approval, Issue, IssueEvent
from meetings.choices import ItemKind, MeetingLevel
from meetings.models import AgendaItem, Meeting, MeetingSeries, Resolution
from projects.models import Project

# To which level an issue has to be escalated to concern a joint meeting, and by which step.
ESCALATIONS = {
    MeetingLevel.TOWN: (Level.TOWN, Action.ESCALATE_TOWN, "提级会诊"),
    MeetingLevel.DISTRICT: (Level.DISTRICT, Action.ESCALATE_DISTRICT, "提级联诊"),
}

UNSETTLED = (Status.TRIAGE, Status.ASSIGNED, Status.HANDLING)


def escalated_issues(place: Place, now: datetime) -> QuerySet[Any]:
    """Issues that were escalated to the place by ``now`` and stand unsettled at its level.

    What only waits for verification or a revisit needs no meeting. None for a community: what is
    escalated leaves it.
    """
    if place.level not in ESCALATIONS:
        return Issue.objects.none()
    level, action, _ = ESCALATIONS[MeetingLevel(place.level)]
    arrived = (
        IssueEvent.objects.filter(issue=OuterRef("pk"), action=action)
        .order_by()
        .values("issue")
        .annotate(last=Max("at"))
        .values("last")
    )
    return (
        Issue.objects.filter(**{place.lineage_column: place.pk}, level=level, status__in=UNSETTLED)
        .select_related("town")
        .annotate(escalated_at=Subquery(arrived))
        .filter(escalated_at__lte=now)
        .order_by("due_at", "id")
    )


def proposed_issues(place: Place, now: datetime) -> QuerySet[Any]:
    """Issues that stand suspended by ``now`` until the joint meeting of their level decides.

    Proposed by the district's desk itself, or suspended for it at the request of a unit.
    """
    if place.level not in ESCALATIONS:
        return Issue.objects.none()
    level = ESCALATIONS[MeetingLevel(place.level)][0]
    granted = Approval.objects.filter(
        issue=OuterRef("pk"), kind=ApprovalKind.SUSPENSION, decision=Decision.APPROVED
    ).order_by("-id")
    return (
        Issue.objects.filter(
            **{place.lineage_column: place.pk}, level=level, status=Status.SUSPENDED
        )
        .select_related("town", "district", "lead_unit")
        .annotate(
            suspended_for=Subquery(granted.values("reason")[:1]),
            suspended_at=Subquery(granted.values("decided_at")[:1]),
        )
        .filter(suspended_for=SuspensionKind.MEETING, suspended_at__lte=now)
        .order_by("review_at", "id")
    )


def late_projects(place: Place, now: datetime) -> QuerySet[Project]:
    return (
        Project.objects.late_on(timezone.localdate(now))
        .filter(**{place.lineage_column: place.pk})
        .select_related("responsible_unit")
        .order_by("due_date", "id")
    )


def unfinished_resolutions(series: MeetingSeries, now: datetime) -> QuerySet[Resolution]:
    """What earlier meetings of the series decided and nobody has struck off yet."""
    return (
        Resolution.objects.running_on(timezone.localdate(now))
        .filter(meeting__series=series)
        .select_related("meeting", "lead_unit")
        .order_by("due_date", "id")
    )


def candidates(series: MeetingSeries, now: datetime) -> Iterator[AgendaItem]:
    """Unsaved items for everything that belongs on the agenda of a series' next meeting."""
    place = series.place
    today = timezone.localdate(now)
    for issue in proposed_issues(place, now):
        yield AgendaItem(kind=ItemKind.PROPOSED_ISSUE, issue=issue, reason=proposal_reason(issue))
    for issue in escalated_issues(place, now):
        word = ESCALATIONS[MeetingLevel(place.level)][2]
        yield AgendaItem(
            kind=ItemKind.ESCALATED_ISSUE, issue=issue, reason=issue_reason(issue, word, now)
        )
    for project in late_projects(place, now):
        yield AgendaItem(
            kind=ItemKind.LATE_PROJECT, project=project, reason=project_reason(project, today)
        )
    for resolution in unfinished_resolutions(series, now):
        yield AgendaItem(
            kind=ItemKind.UNFINISHED_RESOLUTION,
            resolution=resolution,
            reason=resolution_reason(resolution, today),
        )


def proposal_reason(issue: Issue) -> str:
    """Who proposed an issue, when, and until when it is suspended. The words stay in the case."""
    since: datetime = issue.suspended_at  # type: ignore[attr-defined]
    who = issue.lead_unit or (issue.district if issue.level == Level.DISTRICT else issue.town)
    return (
        f"提请联席会议：{who} {timezone.localdate(since):%Y-%m-%d} 提请，"
        f"挂起至 {timezone.localdate(issue.review_at):%Y-%m-%d}"
    )


def issue_reason(issue: Issue, word: str, now: datetime) -> str:
    """From where an issue was escalated, since when, and whether it is overdue."""
    since: datetime | None = issue.escalated_at  # type: ignore[attr-defined]
    parts = [f"{word}：{issue.town or ''}"]
    if since:
        parts[0] += f" {timezone.localdate(since):%Y-%m-%d} 提级"
    parts.append(f"现为{issue.state_label}")
    if issue.due_at and issue.due_at <= now:
        parts.append("环节已超期")
    if issue.is_overall_overdue(now):
        parts.append("总时限已超期")
    return "，".join(parts)


def project_reason(project: Project, today: date) -> str:
    due = project.due_date or today
    return (
        f"攻坚项目超期：完成时限 {due:%Y-%m-%d}，已超期 {(today - due).days} 天，"
        f"完成率 {project.percent}%，责任单位{project.responsible_unit}"
    )


def resolution_reason(resolution: Resolution, today: date) -> str:
    late = "，已逾期" if resolution.is_late(today) else ""
    return (
        f"上次议定未了：{resolution.meeting.title}议定，牵头单位{resolution.lead_unit}，"
        f"时限 {resolution.due_date:%Y-%m-%d}{late}"
    )


def missing_items(meeting: Meeting, now: datetime) -> list[AgendaItem]:
    """The candidates that are not on the meeting's agenda yet, placed after its last item."""
    present = list(meeting.items.values_list("position", "issue_id", "project_id", "resolution_id"))
    seen = {tuple(ids) for _, *ids in present}
    positions = count(max((position for position, *_ in present), default=0) + 1)
    return [
        _placed(item, meeting, next(positions))
        for item in candidates(meeting.series, now)
        if (item.issue_id, item.project_id, item.resolution_id) not in seen
    ]


def _placed(item: AgendaItem, meeting: Meeting, position: int) -> AgendaItem:
    item.meeting, item.position = meeting, position
    return item


def subjects(items: Iterable[AgendaItem]) -> tuple[set[int], set[int]]:
    """The ids of the issues and of the projects that items are about."""
    listed = list(items)
    return (
        {item.issue_id for item in listed if item.issue_id},
        {item.project_id for item in listed if item.project_id},
    )
