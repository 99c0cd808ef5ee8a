"""One issue with everything that a step may touch, in memory, and who may take which step.

``issues.steps`` changes it, ``issues.store`` writes it. Nothing here writes to the database, so one
report and ten thousand of them go the same way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from core.models import Message
from issues.choices import HANDLING_ACTIONS, Action, ClockKind, Contact, Level, Status
from issues.models import (
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Issue,
    IssueEvent,
    Photo,
    Revisit,
)
from issues.office import Office
from issues.workflow import Facts, Rule, State, rules_from
from people.models import Posting

Data = Mapping[str, Any]


@dataclass
class Case:
    """An issue, its clocks and assignments, and what the steps taken since have added."""

    issue: Issue
    clocks: list[Clock] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    revisit_attempts: int = 0
    # Who took a handling step so far; None while nobody has asked.
    handler_ids: set[int] | None = None

    events: list[IssueEvent] = field(default_factory=list)
    texts: list[EventText] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)
    pauses: list[ClockPause] = field(default_factory=list)
    revisits: list[Revisit] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @classmethod
    def load(cls, issue: Issue) -> Case:
        """The case of a saved issue; lock the row before if a step is to be taken."""
        assignments = {
            row.pk: row for row in issue.assignments.select_related("unit").order_by("id")
        }
        clocks = list(issue.clocks.order_by("id"))
        for clock in clocks:
            if clock.assignment_id:
                clock.assignment = assignments[clock.assignment_id]  # one row, one instance
        return cls(
            issue=issue,
            clocks=clocks,
            assignments=list(assignments.values()),
            revisit_attempts=(
                issue.revisits.filter(round=issue.round, contact=Contact.NOT_REACHED).count()
                if issue.status == Status.REVISIT
                else 0
            ),
        )

    # --- what stands ---

    @property
    def state(self) -> State | None:
        issue = self.issue
        return State(Level(issue.level), Status(issue.status)) if issue.status else None

    def running(self, kind: ClockKind) -> Clock | None:
        return next((c for c in self.clocks if c.kind == kind and c.ended_at is None), None)

    @property
    def present(self) -> list[Assignment]:
        return [row for row in self.assignments if row.left_seq is None]

    @property
    def co_assignments(self) -> list[Assignment]:
        return [row for row in self.present if not row.is_lead]

    @property
    def lead(self) -> Assignment | None:
        return next((row for row in self.present if row.is_lead), None)

    def co_assignment_of(self, posting: Posting) -> Assignment | None:
        """The co-unit's order that a person of ``posting`` still has to answer."""
        return next(
            (
                row
                for row in self.co_assignments
                if row.unit_id == posting.organisation_id and row.replied_at is None
            ),
            None,
        )

    def facts(self, by: Posting | None, office: Office, at: datetime) -> Facts:
        issue = self.issue
        units = {row.unit_id for row in self.present}
        return Facts(
            state=State(Level(issue.level), Status(issue.status)),
            source=issue.source,
            is_contactable=issue.is_contactable,
            needs_verification=issue.category.needs_verification,
            consulted=issue.consulted_at is not None,
            required_replies_missing=sum(
                row.reply_required and row.replied_at is None for row in self.co_assignments
            ),
            revisit_attempts=self.revisit_attempts,
            actor_role=by.role if by else None,
            actor_took_part=by is not None and self._took_part(by.user_id),
            actor_is_in_units=by is not None
            and any(
                office.directory.is_member(by.user_id, unit, timezone.localdate(at))
                for unit in units
            ),
        )

    def _took_part(self, user_id: int) -> bool:
        if self.issue.status != Status.VERIFY:
            return False  # only verification asks
        if self.handler_ids is None:
            self.handler_ids = set(
                self.issue.events.filter(action__in=HANDLING_ACTIONS, actor__isnull=False)
                .order_by()
                .values_list("actor_id", flat=True)
            )
        return user_id in self.handler_ids

    # --- who may do what ---

    def may(self, posting: Posting, action: Action, rule: Rule) -> bool:
        """Whether the role is the rule's and its place or organisation is this case's."""
        if posting.role not in rule.roles:
            return False
        if posting.place is not None:
            place = posting.place
            return self.issue.lineage()[place.lineage_column] == place.pk
        if action == Action.CO_REPLY:
            return self.co_assignment_of(posting) is not None
        return (
            posting.organisation_id is not None
            and posting.organisation_id == self.issue.lead_unit_id
        )

    def available(
        self, postings: Sequence[Posting], office: Office, at: datetime
    ) -> dict[Action, str | None]:
        """The actions that a person with ``postings`` has here, each with what still forbids it."""
        if self.state is None:
            return {}
        found: dict[Action, str | None] = {}
        for action, rule in rules_from(self.state).items():
            refusals = [
                refusal(rule, self.facts(posting, office, at))
                for posting in postings
                if self.may(posting, action, rule)
            ]
            if refusals:
                found[action] = None if None in refusals else refusals[0]
        return found


def refusal(rule: Rule, facts: Facts) -> str | None:
    """The first of the rule's conditions that the facts do not meet."""
    return next((why for why in (condition(facts) for condition in rule.conditions) if why), None)
