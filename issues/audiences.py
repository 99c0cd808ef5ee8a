"""Who hears of a step or of a clock, and in what words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from core.models import Message
from issues.case import Case
from issues.choices import (
    Action,
    ApprovalKind,
    Decider,
    Level,
    MessageKind,
    Respondent,
    Status,
    Step,
    Urgency,
    Visibility,
)
from issues.models import Approval, Assignment, Issue
from issues.models.issue import page_of
from issues.states import Audience, Rule
from people.choices import Role
from people.directory import Directory

TERRITORIAL: dict[Audience, tuple[tuple[Role, str], ...]] = {
    Audience.COMMUNITY_OFFICERS: ((Role.COMMUNITY_OFFICER, "community_id"),),
    Audience.TOWN_DISPATCHERS: ((Role.TOWN_DISPATCHER, "town_id"),),
    Audience.REVISITORS: ((Role.REVISITOR, "town_id"), (Role.REVISITOR, "district_id")),
    Audience.SUPERVISORS: ((Role.SUPERVISOR, "town_id"), (Role.SUPERVISOR, "district_id")),
    Audience.SECRETARIES: ((Role.SECRETARY, "district_id"),),
}
BY_LEVEL: dict[tuple[Audience, str], tuple[Role, str]] = {
    (Audience.DISPATCHERS, Level.GRID): (Role.COMMUNITY_OFFICER, "community_id"),
    (Audience.DISPATCHERS, Level.TOWN): (Role.TOWN_DISPATCHER, "town_id"),
    (Audience.DISPATCHERS, Level.DISTRICT): (Role.DISTRICT_DISPATCHER, "district_id"),
    (Audience.LEADERS, Level.GRID): (Role.COMMUNITY_OFFICER, "community_id"),
    (Audience.LEADERS, Level.TOWN): (Role.TOWN_LEADER, "town_id"),
    (Audience.LEADERS, Level.DISTRICT): (Role.DISTRICT_LEADER, "district_id"),
}


# Who moves a case on where it stands; with a unit, the unit does.
AT_WORK: dict[Status, Audience] = {
    Status.PENDING_FIRST: Audience.GRID_WORKERS,
    Status.GRID_HANDLING: Audience.HANDLER,
    Status.TRIAGE: Audience.DISPATCHERS,
    Status.ASSIGNED: Audience.UNIT_HANDLERS,
    Status.HANDLING: Audience.UNIT_HANDLERS,
    Status.RETURN_REVIEW: Audience.DECIDERS,
    Status.SUSPENDED: Audience.LEADERS,
    Status.VERIFY: Audience.VERIFIERS,
    Status.REVISIT: Audience.REVISITORS,
}
WITH_A_UNIT = (Status.ASSIGNED, Status.HANDLING)


# --- what has to be known of a case to find its people, where thousands are asked for at once ---


class Outline(NamedTuple):
    pk: int
    number: str
    title: str
    level: str
    status: str
    event_count: int
    reporter_id: int | None
    handler_id: int | None
    lead_unit_id: int | None
    district_id: int
    town_id: int | None
    community_id: int | None
    grid_id: int | None

    @property
    def place_ids(self) -> tuple[int | None, ...]:
        return self.district_id, self.town_id, self.community_id, self.grid_id


class Present(NamedTuple):
    """A unit that is in the case."""

    unit_id: int
    is_lead: bool
    reply_required: bool
    replied_at: datetime | None
    left_seq: int | None


class Asked(NamedTuple):
    """Something that waits for a decision."""

    kind: str
    asked_of: str
    asked_by_id: int

    @property
    def is_pending(self) -> bool:
        return True


Subject = TypeVar("Subject", bound=Issue | Outline)


class People(Generic[Subject]):
    """The people around one case on one day, by audience.

    ``handlers`` are those who worked on it: they are not asked to verify it. ``followers`` reported
    what was merged into it: user id to the id of their own report.
    """

    def __init__(
        self,
        issue: Subject,
        assignments: Iterable[Assignment | Present],
        directory: Directory,
        day: date,
        *,
        approvals: Iterable[Approval | Asked] = (),
        handlers: Collection[int] = (),
        followers: Mapping[int, int] | None = None,
    ) -> None:
        self.issue = issue
        rows = list(assignments)
        present = [row for row in rows if row.left_seq is None]
        self.unit_ids = [row.unit_id for row in present]
        self.co_unit_ids = [row.unit_id for row in present if not row.is_lead]
        self.awaited_unit_ids = [
            row.unit_id
            for row in present
            if not row.is_lead and row.reply_required and row.replied_at is None
        ]
        self.former_unit_ids = [row.unit_id for row in rows if row.left_seq == issue.event_count]
        self.pending = [row for row in approvals if row.is_pending]
        self.handlers = handlers
        self.followers = followers or {}
        self.directory = directory
        self.day = day

    @staticmethod
    def of_case(case: Case, directory: Directory, day: date) -> People[Issue]:
        return People(
            case.issue,
            case.assignments,
            directory,
            day,
            approvals=case.approvals,
            handlers=case.handlers if case.issue.status == Status.VERIFY else (),
            followers=case.followers,
        )

    def of(self, audience: Audience) -> list[int]:
        """The user ids of an audience, each once, in a stable order."""
        issue = self.issue
        match audience:
            case Audience.REPORTER:
                own = [issue.reporter_id] if issue.reporter_id else []
                return self._once([*own, *self.followers])
            case Audience.HANDLER:
                return [issue.handler_id] if issue.handler_id else self.of(Audience.GRID_WORKERS)
            case Audience.WORKING:
                return self._working()
            case Audience.DECIDERS:
                return self._once(pk for row in self.pending for pk in self._deciders(row))
            case Audience.FORMER_UNITS:
                return self._once(
                    pk
                    for unit_id in self.former_unit_ids
                    for role in (Role.UNIT_HEAD, Role.UNIT_HANDLER)
                    for pk in self.unit(role, unit_id)
                )
            case Audience.UNIT_HANDLERS:
                return [issue.handler_id] if issue.handler_id else self.unit(Role.UNIT_HANDLER)
            case Audience.UNIT_HEADS:
                return self.unit(Role.UNIT_HEAD)
            case Audience.CO_UNITS:
                return self._handlers_of(self.co_unit_ids)
            case Audience.VERIFIERS:
                return self._verifiers()
            case Audience.GRID_WORKERS:
                # Where a place has no grid worker, the community is the next who is there.
                return self.at(Role.GRID_WORKER, "grid_id") or self.of(Audience.COMMUNITY_OFFICERS)
            case Audience.LEADERS if issue.level == Level.TOWN:
                return self.at(Role.TOWN_LEADER, "town_id") or self.at(
                    Role.DISTRICT_LEADER, "district_id"
                )
            case Audience.DISPATCHERS | Audience.LEADERS:
                role, column = BY_LEVEL[audience, issue.level]
                return self.at(role, column)
        return self._once(
            user_id for role, column in TERRITORIAL[audience] for user_id in self.at(role, column)
        )

    def at(self, role: Role, column: str) -> list[int]:
        place_id = getattr(self.issue, column)
        return [p.user_id for p in self.directory.at_place(role, place_id, self.day)]

    def unit(self, role: Role, unit_id: int | None = None) -> list[int]:
        unit_id = unit_id or self.issue.lead_unit_id
        return [p.user_id for p in self.directory.in_organisation(role, unit_id, self.day)]

    def _deciders(self, approval: Approval | Asked) -> list[int]:
        """Whom an approval waits for; the case of a grid is decided on by its town."""
        town = self.issue.level != Level.DISTRICT
        dispatchers = (
            self.at(Role.TOWN_DISPATCHER, "town_id")
            if town
            else self.at(Role.DISTRICT_DISPATCHER, "district_id")
        )
        leaders = (
            self.at(Role.TOWN_LEADER, "town_id")
            if town
            else self.at(Role.DISTRICT_LEADER, "district_id")
        )
        if approval.kind in (ApprovalKind.RETURN, ApprovalKind.REVIEW):
            # What holds up a case the district's leader may decide where a town has none.
            leaders = leaders or self.at(Role.DISTRICT_LEADER, "district_id")
        match approval.asked_of:
            case Decider.DISPATCHER:
                return dispatchers
            case Decider.LEADER:
                return leaders
        return [pk for pk in (*dispatchers, *leaders) if pk != approval.asked_by_id]

    def _working(self) -> list[int]:
        """Whom the case waits for: while a unit works, also the co-units that have to reply to it;
        nobody, once it has come to its end.
        """
        status = Status(self.issue.status)
        review = any(row.kind == ApprovalKind.REVIEW for row in self.pending)
        if status == Status.REVISIT and review:
            return self.of(Audience.DECIDERS)
        mine = self.of(AT_WORK[status]) if status in AT_WORK else []
        if status in WITH_A_UNIT:
            mine = mine + self._handlers_of(self.awaited_unit_ids)
        return self._once(mine)

    def _handlers_of(self, unit_ids: Iterable[int]) -> list[int]:
        return self._once(
            user_id for unit_id in unit_ids for user_id in self.unit(Role.UNIT_HANDLER, unit_id)
        )

    def _verifiers(self) -> list[int]:
        """By the grid: the community, else the verifiers. By a unit: the grid, else they.

        Who worked on the case, or serves in one of its units, can't verify it and is left out.
        """
        if self.issue.level == Level.GRID:
            near = self.at(Role.COMMUNITY_OFFICER, "community_id")
        else:
            near = self.at(Role.GRID_WORKER, "grid_id")
        return (
            self._independent(near)
            or self._independent(self.at(Role.VERIFIER, "town_id"))
            or self._independent(self.at(Role.VERIFIER, "district_id"))
        )

    def _independent(self, user_ids: Iterable[int]) -> list[int]:
        return [
            user_id
            for user_id in user_ids
            if user_id not in self.handlers
            and not any(
                self.directory.is_member(user_id, unit_id, self.day) for unit_id in self.unit_ids
            )
        ]

    def _respondents(self, respondent: str | None) -> list[int]:
        """Who answers an order or an instruction: the unit or the grid, or else the dispatcher."""
        if respondent == Respondent.DISPATCHER:
            return self.of(Audience.DISPATCHERS)
        if self.issue.lead_unit_id:
            return self.of(Audience.UNIT_HANDLERS)
        if self.issue.level == Level.GRID:
            return self.of(Audience.HANDLER)
        return self.of(Audience.DISPATCHERS)

    def of_limit(
        self,
        step: str,
        *,
        overdue: bool,
        co_unit_id: int | None = None,
        respondent: str | None = None,
    ) -> list[int]:
        """Who is reminded of a limit; when it is overdue, those above them too.

        ``co_unit_id`` is the unit that has to reply within it, ``respondent`` whom an instruction
        names.
        """
        above: list[Audience] = []
        match step:
            case Step.DIAGNOSIS:
                mine = self.of(Audience.GRID_WORKERS)
                above = [Audience.COMMUNITY_OFFICERS]
            case Step.GRID_HANDLING:
                mine = self.of(Audience.HANDLER)
                above = [Audience.COMMUNITY_OFFICERS]
            case Step.TRIAGE:
                mine = self.of(Audience.DISPATCHERS)
                above = [Audience.LEADERS]
            case Step.RULING:
                mine = self.of(Audience.DECIDERS)
                above = [Audience.LEADERS]
            case Step.SUPERVISION | Step.INSTRUCTION:
                mine = self._respondents(respondent)
                above = [Audience.UNIT_HEADS, Audience.DISPATCHERS, Audience.LEADERS]
                if step == Step.SUPERVISION:
                    above.append(Audience.SUPERVISORS)
            case Step.VERIFICATION:
                mine = self.of(Audience.VERIFIERS)
                above = [Audience.DISPATCHERS]
            case Step.REVISIT:
                mine = self.of(Audience.WORKING)
                above = [Audience.DISPATCHERS]
            case _ if co_unit_id:
                mine = self.unit(Role.UNIT_HANDLER, co_unit_id)
                if overdue:
                    mine += self.unit(Role.UNIT_HEAD, co_unit_id)
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


def heard_by(rule: Rule, data: Mapping[str, Any]) -> tuple[Audience, ...]:
    """Who hears of a step with this input; what is marked as internal, not who reported it."""
    if data.get("visibility") == Visibility.INTERNAL:
        return tuple(audience for audience in rule.notify if audience != Audience.REPORTER)
    return rule.notify


def messages_of_step(
    people: People[Issue],
    audiences: Iterable[Audience],
    *,
    action: Action,
    seq: int,
    at: datetime,
    actor_id: int | None,
) -> list[Message]:
    """One message a person, never to the one who acted.

    Who only reported what was merged into the case may not see it: their message leads to their own
    report, which says where it went.
    """
    issue = people.issue
    told = {audience: people.of(audience) for audience in audiences}
    recipients = dict.fromkeys(user_id for user_ids in told.values() for user_id in user_ids)
    recipients.pop(actor_id or 0, None)
    at_work = {pk for audience, ids in told.items() if audience != Audience.REPORTER for pk in ids}
    merely_follow = people.followers.keys() - at_work - {issue.reporter_id}
    title, body = f"{action.label}：{issue.title}", f"{issue.number}，现为{issue.state_label}。"
    urgent = issue.urgency == Urgency.SAFETY
    return [
        Message(
            key=f"issue:{issue.pk}:{seq}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.EVENT,
            title=title,
            body=body,
            url=(
                page_of(people.followers[user_id])
                if user_id in merely_follow
                else issue.get_absolute_url()
            ),
            urgent=urgent,
            created_at=at,
        )
        for user_id in recipients
    ]
