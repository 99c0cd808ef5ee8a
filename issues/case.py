"""One issue with everything that a step may touch, in memory, and who may take which step.

``issues.steps`` changes it, ``issues.store`` writes it. Nothing here writes to the database, so one
report and ten thousand of them go the same way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import connection, models
from django.utils import timezone

from core.models import Message
from core.rows import rows_of
from issues.choices import (
    HANDLING_ACTIONS,
    Action,
    ApprovalKind,
    ClockKind,
    Contact,
    Decider,
    Decision,
    Level,
    Status,
)
from issues.models import (
    Approval,
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Instruction,
    Issue,
    IssueEvent,
    Photo,
    Relocation,
    Revisit,
    Ruling,
    Supervision,
)
from issues.office import Office
from issues.states import Condition, Facts, Rule, State
from issues.workflow import rules_from
from people.models import Organisation, Posting
from people.reference import organisations

Data = Mapping[str, Any]

# What is read with a case; a row comes after those that it names.
BESIDE: dict[str, type[models.Model]] = {
    "assignments": Assignment,
    "clocks": Clock,
    "approvals": Approval,
    "supervisions": Supervision,
    "instructions": Instruction,
}
_ROWS = " UNION ALL ".join(
    f"SELECT '{name}', row_to_json(r) FROM {model._meta.db_table} r WHERE issue_id = ANY(%(ids)s)"  # noqa: S608 - our own names
    for name, model in BESIDE.items()
)
_READ = f"""
    WITH RECURSIVE merged AS (
        SELECT master_id AS top, id, reporter_id, 1 AS depth
        FROM issues_issue WHERE master_id = ANY(%(ids)s)
        UNION ALL
        SELECT merged.top, below.id, below.reporter_id, merged.depth + 1
        FROM merged JOIN issues_issue below ON below.master_id = merged.id
    )
    {_ROWS}
    UNION ALL
    SELECT 'heads', json_build_object('case', i.id, 'at', e.at)
    FROM issues_issue i JOIN issues_issueevent e ON e.issue_id = i.id AND e.seq = i.event_count
    WHERE i.id = ANY(%(ids)s)
    UNION ALL
    SELECT 'merged',
        json_build_object('case', top, 'id', id, 'reporter', reporter_id, 'depth', depth)
    FROM merged
"""  # noqa: S608 - our own names
_READ_REVISITS = """
    UNION ALL
    SELECT 'revisits', json_build_object('case', i.id, 'seq', r.seq, 'contact', r.contact)
    FROM issues_issue i JOIN issues_revisit r ON r.issue_id = i.id AND r.round = i.round
    WHERE i.id = ANY(%(revisited)s)
"""

COUNTED = ("", Decision.APPROVED)  # an extension that was asked for counts until it is refused


@dataclass
class Case:
    """An issue, its clocks and assignments, and what the steps taken since have added."""

    issue: Issue
    clocks: list[Clock] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)
    supervisions: list[Supervision] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    # How often who complained was not reached since they last were, or since the round began.
    revisit_attempts: int = 0
    # Who reported what was merged into this case, also by way of another: user id to the id of
    # their own report.
    followers: dict[int, int] = field(default_factory=dict)
    last_at: datetime | None = None  # when the last step so far was taken
    # Who took a handling step so far, and where the case stood before it was merged itself; None
    # while nobody has asked.
    handler_ids: set[int] | None = None
    before_merge: State | None = None
    # What the rows beside the issue said when they were read, by list and key: who writes the case
    # can tell what the steps have changed.
    as_read: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)

    events: list[IssueEvent] = field(default_factory=list)
    texts: list[EventText] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)
    pauses: list[ClockPause] = field(default_factory=list)
    revisits: list[Revisit] = field(default_factory=list)
    rulings: list[Ruling] = field(default_factory=list)
    relocations: list[Relocation] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    @classmethod
    def load(cls, issue: Issue) -> Case:
        """The case of a saved issue; lock the row before if a step is to be taken."""
        return cls.load_many([issue])[0]

    @classmethod
    def load_many(cls, issues: Iterable[Issue]) -> list[Case]:
        """The cases of saved issues, in one statement.

        Where steps are to be taken, a statement before this one locks the rows: after a wait for
        the lock, only a later statement sees what the other transaction has written.
        """
        cases = {issue.pk: cls(issue=issue) for issue in issues}
        found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        revisited = [pk for pk, case in cases.items() if case.issue.status == Status.REVISIT]
        with connection.cursor() as cursor:
            cursor.execute(
                _READ + _READ_REVISITS if revisited else _READ,
                {"ids": list(cases), "revisited": revisited},
            )
            for name, row in cursor.fetchall():
                found[name].append(row)
        units = organisations()
        for name, model in BESIDE.items():
            for row in sorted(found[name], key=itemgetter("id")):
                cases[row["issue_id"]]._add(name, rows_of(model).read(row), units)
        for head in found["heads"]:
            cases[head["case"]].last_at = datetime.fromisoformat(head["at"])
        for attempt in sorted(found["revisits"], key=itemgetter("seq")):
            case = cases[attempt["case"]]
            reached = attempt["contact"] != Contact.NOT_REACHED
            case.revisit_attempts = 0 if reached else case.revisit_attempts + 1
        for merged in sorted(found["merged"], key=itemgetter("depth", "id")):
            if merged["reporter"]:
                cases[merged["case"]].followers.setdefault(merged["reporter"], merged["id"])
        return list(cases.values())

    def _add(self, name: str, row: Any, units: Mapping[int, Organisation]) -> None:
        """Put a row that was read in its place, with the rows that it names as single instances."""
        self.as_read[name, row.pk] = dict(row.__dict__)
        row.issue = self.issue
        match row:
            case Assignment() | Approval():
                if unit := units.get(row.unit_id or 0):
                    row.unit = unit
            case Clock(assignment_id=int()):
                row.assignment = next(a for a in self.assignments if a.pk == row.assignment_id)
            case Supervision() | Instruction():
                row.clock = next(clock for clock in self.clocks if clock.pk == row.clock_id)
        getattr(self, name).append(row)

    # --- what stands ---

    @property
    def state(self) -> State | None:
        issue = self.issue
        return State(Level(issue.level), Status(issue.status)) if issue.status else None

    def running(self, kind: ClockKind) -> Clock | None:
        """The clock of this kind that runs; one that is paused does not."""
        return next(
            (c for c in self.clocks if c.kind == kind and not c.ended_at and not c.paused_at),
            None,
        )

    def paused(self, kind: ClockKind) -> Clock | None:
        return next((c for c in self.clocks if c.kind == kind and c.paused_at), None)

    def pending(self, kind: ApprovalKind) -> Approval | None:
        return next((row for row in self.approvals if row.kind == kind and row.is_pending), None)

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
        issue, lead, step = self.issue, self.lead, self.running(ClockKind.STEP)
        units = {row.unit_id for row in self.present}
        day = timezone.localdate(at)
        asked = [row for row in self.approvals if row.round == issue.round]
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
            outcome=issue.outcome,
            round=issue.round,
            days_since_closing=(
                (day - timezone.localdate(issue.closed_at)).days if issue.closed_at else 0
            ),
            has_lead=lead is not None,
            lead_can_work=lead is not None and office.directory.has_handlers(lead.unit_id, day),
            is_overdue=step is not None and step.due_at <= at,
            acknowledgement_is_late=(
                lead is not None
                and lead.acknowledge_due_at is not None
                and lead.acknowledge_due_at < at
            ),
            order_is_binding=lead is not None and lead.is_binding,
            unit_has_returned=lead is not None
            and any(
                row.kind == ApprovalKind.RETURN and row.unit_id == lead.unit_id
                for row in self.approvals
            ),
            returns=sum(row.kind == ApprovalKind.RETURN for row in asked),
            extensions=sum(
                row.kind == ApprovalKind.EXTENSION and row.decision in COUNTED for row in asked
            ),
            pending={
                ApprovalKind(row.kind): Decider(row.asked_of)
                for row in self.approvals
                if row.is_pending
            },
            suspension=self._suspension(),
            before_merge=self._before_merge(),
            was_urged_today=issue.urged_at is not None
            and timezone.localdate(issue.urged_at) == day,
            unanswered_orders=sum(
                row.is_open and row.answered_at is None for row in self.supervisions
            ),
            answered_orders=sum(
                row.is_open and row.answered_at is not None for row in self.supervisions
            ),
            unanswered_instructions=sum(row.answered_at is None for row in self.instructions),
            actor_asked=frozenset(
                ApprovalKind(row.kind)
                for row in self.approvals
                if by is not None and row.is_pending and row.asked_by_id == by.user_id
            ),
            actor_role=by.role if by else None,
            actor_took_part=by is not None and self._took_part(by.user_id),
            actor_is_in_units=by is not None
            and any(
                office.directory.is_member(by.user_id, unit, timezone.localdate(at))
                for unit in units
            ),
        )

    def _suspension(self) -> str:
        """Why it is suspended: of the last suspension that was granted, also by a proposal."""
        if self.issue.status != Status.SUSPENDED:
            return ""
        return next(
            row.reason for row in reversed(self.approvals) if row.kind == ApprovalKind.SUSPENSION
        )

    def _before_merge(self) -> State | None:
        if self.issue.status != Status.MERGED:
            return None
        if self.before_merge is None:
            level, status = (
                self.issue.events.filter(action=Action.MERGE)
                .order_by("-seq")
                .values_list("from_level", "from_status")[0]
            )
            self.before_merge = State(Level(level), Status(status))
        return self.before_merge

    def _took_part(self, user_id: int) -> bool:
        if self.issue.status != Status.VERIFY:
            return False  # only verification asks
        return user_id in self.handlers

    @property
    def handlers(self) -> set[int]:
        """Who took a handling step so far."""
        if self.handler_ids is None:
            self.handler_ids = set(
                self.issue.events.filter(action__in=HANDLING_ACTIONS, actor__isnull=False)
                .order_by()
                .values_list("actor_id", flat=True)
            )
            self.handler_ids.update(
                event.actor_id
                for event in self.events
                if event.actor_id and event.action in HANDLING_ACTIONS
            )
        return self.handler_ids

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
        facts = [(posting, self.facts(posting, office, at)) for posting in postings]
        for action, rule in rules_from(self.state).items():
            refusals = [
                refusal(rule.conditions, known)
                for posting, known in facts
                if self.may(posting, action, rule) and not refusal(rule.needs, known)
            ]
            if refusals:
                found[action] = None if None in refusals else refusals[0]
        return found


def refusal(conditions: Sequence[Condition], facts: Facts) -> str | None:
    """Why the first of the conditions that the facts do not meet forbids the step."""
    return next((why for why in (condition(facts) for condition in conditions) if why), None)
