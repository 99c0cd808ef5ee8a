"""Who hears of a step or of a clock, and in what words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from django.utils import timezone

from core.models import Message
from issues.choices import Action, ClockKind, Level, LimitUnit, MessageKind, Step, Urgency
from issues.models import Assignment, Clock, Issue
from issues.workflow import Audience
from people.choices import Role
from people.directory import Directory

TERRITORIAL: dict[Audience, tuple[tuple[Role, str], ...]] = {
    Audience.GRID_WORKERS: ((Role.GRID_WORKER, "grid_id"),),
    Audience.COMMUNITY_OFFICERS: ((Role.COMMUNITY_OFFICER, "community_id"),),
    Audience.TOWN_DISPATCHERS: ((Role.TOWN_DISPATCHER, "town_id"),),
    Audience.REVISITORS: ((Role.REVISITOR, "town_id"), (Role.REVISITOR, "district_id")),
}
BY_LEVEL: dict[tuple[Audience, str], tuple[Role, str]] = {
    (Audience.DISPATCHERS, Level.GRID): (Role.COMMUNITY_OFFICER, "community_id"),
    (Audience.DISPATCHERS, Level.TOWN): (Role.TOWN_DISPATCHER, "town_id"),
    (Audience.DISPATCHERS, Level.DISTRICT): (Role.DISTRICT_DISPATCHER, "district_id"),
    (Audience.LEADERS, Level.GRID): (Role.COMMUNITY_OFFICER, "community_id"),
    (Audience.LEADERS, Level.TOWN): (Role.TOWN_LEADER, "town_id"),
    (Audience.LEADERS, Level.DISTRICT): (Role.DISTRICT_LEADER, "district_id"),
}


class People:
    """The people around one case on one day, by audience."""

    def __init__(
        self, issue: Issue, assignments: Iterable[Assignment], directory: Directory, day: date
    ) -> None:
        self.issue = issue
        self.co_unit_ids = [
            row.unit_id for row in assignments if row.left_seq is None and not row.is_lead
        ]
        self.directory = directory
        self.day = day

    def of(self, audience: Audience) -> list[int]:
        """The user ids of an audience, each once, in a stable order."""
        issue = self.issue
        match audience:
            case Audience.REPORTER:
                return [issue.reporter_id] if issue.reporter_id else []
            case Audience.UNIT_HANDLERS:
                return [issue.handler_id] if issue.handler_id else self.unit(Role.UNIT_HANDLER)
            case Audience.UNIT_HEADS:
                return self.unit(Role.UNIT_HEAD)
            case Audience.CO_UNITS:
                return self._once(
                    user_id
                    for unit_id in self.co_unit_ids
                    for user_id in self.unit(Role.UNIT_HANDLER, unit_id)
                )
            case Audience.VERIFIERS:
                return self._verifiers()
            case Audience.DISPATCHERS | Audience.LEADERS:
                role, column = BY_LEVEL[audience, issue.level]
                return self.at(role, column)
        return self._once(
            user_id for role, column in TERRITORIAL[audience] for user_id in self.at(role, column)
        )

    def at(self, role: Role, column: str) -> list[int]:
        place_id = self.issue.lineage()[column]
        return [p.user_id for p in self.directory.at_place(role, place_id, self.day)]

    def unit(self, role: Role, unit_id: int | None = None) -> list[int]:
        unit_id = unit_id or self.issue.lead_unit_id
        return [p.user_id for p in self.directory.in_organisation(role, unit_id, self.day)]

    def _verifiers(self) -> list[int]:
        """By the grid: the community, else the town's verifiers. By a unit: the grid or they."""
        if self.issue.level == Level.GRID:
            return self.at(Role.COMMUNITY_OFFICER, "community_id") or self.at(
                Role.VERIFIER, "town_id"
            )
        return self.at(Role.GRID_WORKER, "grid_id") or self.at(Role.VERIFIER, "town_id")

    def of_clock(self, clock: Clock, *, overdue: bool) -> list[int]:
        """Who is reminded of a clock; when it is overdue, those above them too."""
        above: list[Audience] = []
        match clock.step:
            case Step.DIAGNOSIS:
                mine = self.of(Audience.GRID_WORKERS) or self.of(Audience.COMMUNITY_OFFICERS)
                above = [Audience.COMMUNITY_OFFICERS]
            case Step.GRID_HANDLING:
                handler = self.issue.handler_id
                mine = [handler] if handler else self.of(Audience.GRID_WORKERS)
                above = [Audience.COMMUNITY_OFFICERS]
            case Step.TRIAGE:
                mine = self.of(Audience.DISPATCHERS)
                above = [Audience.LEADERS]
            case Step.VERIFICATION:
                mine = self.of(Audience.VERIFIERS)
                above = [Audience.DISPATCHERS]
            case Step.REVISIT:
                mine = self.of(Audience.REVISITORS)
                above = [Audience.DISPATCHERS]
            case _ if clock.kind == ClockKind.CO_UNIT and clock.assignment:
                mine = self.unit(Role.UNIT_HANDLER, clock.assignment.unit_id)
                if overdue:
                    mine += self.unit(Role.UNIT_HEAD, clock.assignment.unit_id)
                above = [Audience.DISPATCHERS]
            case _:
                mine = self.of(Audience.UNIT_HANDLERS)
                above = [Audience.UNIT_HEADS, Audience.DISPATCHERS]
        everyone = list(mine)
        if overdue:
            for audience in above:
                everyone += self.of(audience)
        return self._once(everyone)

    @staticmethod
    def _once(user_ids: Iterable[int]) -> list[int]:
        return list(dict.fromkeys(user_ids))


def messages_of_step(
    people: People,
    audiences: Iterable[Audience],
    *,
    action: Action,
    seq: int,
    at: datetime,
    actor_id: int | None,
) -> list[Message]:
    """One message a person, never to the one who acted."""
    issue = people.issue
    recipients = dict.fromkeys(user_id for audience in audiences for user_id in people.of(audience))
    recipients.pop(actor_id or 0, None)
    title, body = f"{action.label}：{issue.title}", f"{issue.number}，现为{issue.state_label}。"
    url, urgent = issue.get_absolute_url(), issue.urgency == Urgency.SAFETY
    return [
        Message(
            key=f"issue:{issue.pk}:{seq}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.EVENT,
            title=title,
            body=body,
            url=url,
            urgent=urgent,
            created_at=at,
        )
        for user_id in recipients
    ]


def messages_of_clock(
    people: People, clock: Clock, kind: MessageKind, nth: int, *, at: datetime
) -> list[Message]:
    """The reminder of a clock. Its key holds the due instant, so that a moved one reminds anew."""
    issue = people.issue
    label = f"{kind}{nth or ''}"
    return [
        Message(
            key=f"clock:{clock.pk}:{label}:{clock.due_at:%Y%m%dT%H%M%z}:{user_id}",
            recipient_id=user_id,
            kind=kind,
            title=f"{kind.label}：{issue.title}",
            body=(
                f"{issue.number}，{clock.get_step_display()}"
                f"{'已于' if kind == MessageKind.OVERDUE else '将于'}"
                f"{timezone.localtime(clock.due_at):%m月%d日 %H:%M}"
                f"{'到期，已超期。' if kind == MessageKind.OVERDUE else '到期。'}"
            ),
            url=issue.get_absolute_url(),
            urgent=clock.limit_unit == LimitUnit.HOURS,
            created_at=at,
        )
        for user_id in people.of_clock(clock, overdue=kind == MessageKind.OVERDUE)
    ]
