"""What waits for one person: the contents of the home page, section by section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, Window
from django.urls import reverse
from django.utils import timezone

from core import keyset
from core.branches import narrowed
from core.keyset import Total
from core.models import Message
from governance import figures
from governance.figures import Quarter
from issues import owing
from issues.choices import Lamp
from issues.desk import queues
from issues.models import Issue
from issues.orders import BY_DUE
from issues.owing import Line
from issues.querysets import IssueQuerySet
from issues.reference import with_reference_data
from meetings.choices import MeetingStatus
from meetings.models import Meeting
from people.models import User
from projects.models import Project
from projects.reference import with_reference_data as with_projects_data

ROWS = 8  # of what waits
SIDE_ROWS = 5  # of a list at the side


@dataclass(frozen=True)
class Number:
    """One number and the list of the very rows that it counts. ``tone`` is a lamp's, or empty."""

    label: str
    value: int | Total
    url: str
    tone: str = ""


@dataclass(frozen=True)
class Waiting:
    """The person's own queue of the desk, what is due first on top.

    For most that is what they have a step to take on; for a supervisor, what is under supervision.
    ``queues`` are its parts, each with what is in it.
    """

    title: str
    empty: str
    numbers: Sequence[Number]
    queues: Sequence[Number]
    rows: Sequence[Issue]
    total: int
    url: str


@dataclass(frozen=True)
class Home:
    waiting: Waiting
    open_issues: Sequence[Number]
    units: Sequence[Line]  # with what they owe, the most overdue first
    unread: Sequence[Message]
    late_projects: Sequence[Project]
    late_projects_total: int
    meetings: Sequence[Meeting]
    quarter: Quarter | None  # of the whole district, for those who see all of it


def home_of(user: User, now: datetime) -> Home:
    today = timezone.localdate(now)
    unread = Message.objects.inbox_of(user).unread()
    late_projects: list[Any] = with_projects_data(
        Project.objects.visible_to(user)
        .late_on(today)
        .annotate(late_in_all=Window(Count("pk")))
        .order_by("due_date", "id")[:SIDE_ROWS]
    )
    return Home(
        waiting=_waiting(user, now),
        open_issues=_open_issues(user, now),
        units=owing.lines(Issue.objects.visible_to(user), now)[:SIDE_ROWS],
        unread=list(unread[:SIDE_ROWS]),
        late_projects=late_projects,
        late_projects_total=late_projects[0].late_in_all if late_projects else 0,
        meetings=list(
            Meeting.objects.visible_to(user)
            .filter(status=MeetingStatus.PLANNED, planned_on__gte=today)
            .order_by("planned_on", "id")[:SIDE_ROWS]
        ),
        quarter=figures.of_the_quarter(now) if user.scope.is_whole_district else None,
    )


def _waiting(user: User, now: datetime) -> Waiting:
    available = queues.queues_of(user, now)
    default = available.default
    issues = queues.rows_of(user, default)
    url = f"{reverse('issues:desk')}?queue={default.key}"
    if not default.is_mine and default.key != queues.SUPERVISED:
        default, issues = queues.EVERYTHING, issues.none()  # who only looks on has nothing to do
        url = f"{reverse('issues:list')}?mine=1"
    counts, found = _lamps(issues, now), queues.counts(user, replace(available, watched=()))
    return Waiting(
        title=default.label,
        empty="没有等您办理的问题" if default.is_mine else f"没有{default.label}的问题",
        numbers=(
            Number("全部", counts["total"], url),
            Number("超期", counts["red"], f"{url}&lamp={Lamp.RED}", Lamp.RED),
            Number("临期", counts["yellow"], f"{url}&lamp={Lamp.YELLOW}", Lamp.YELLOW),
        ),
        queues=[
            Number(queue.label, found[queue.key], f"{reverse('issues:desk')}?queue={queue.key}")
            for queue in available.mine
            if queue is not default and found[queue.key]
        ],
        rows=with_reference_data(keyset.following(issues, BY_DUE, None, ROWS)),
        total=counts["total"],
        url=url,
    )


def _open_issues(user: User, now: datetime) -> list[Number]:
    url = reverse("issues:list")
    issues = Issue.objects.visible_to(user).open()
    counts = _lamps(issues, now)
    return [
        Number("全部", counts["total"], url),
        Number("环节超期", counts["red"], f"{url}?lamp={Lamp.RED}", Lamp.RED),
        Number("环节临期", counts["yellow"], f"{url}?lamp={Lamp.YELLOW}", Lamp.YELLOW),
        Number("总时限超期", counts["overall"], f"{url}?overall=red", Lamp.RED),
    ]


def _lamps(issues: IssueQuerySet, now: datetime) -> dict[str, int]:
    """How many issues there are, and under which lamps. One query."""
    return (
        narrowed(issues)
        .order_by()
        .aggregate(
            total=Count("pk"),
            red=Count("pk", filter=Q(due_at__lte=now)),
            yellow=Count("pk", filter=Q(yellow_at__lte=now, due_at__gt=now)),
            overall=Count("pk", filter=Q(overall_due_at__lte=now)),
        )
    )
