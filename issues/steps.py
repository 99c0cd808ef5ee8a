"""Taking a step: the only place that changes level, status, clocks and history of a case.

The table in ``issues.workflow`` says which steps there are; here each is carried out in memory, and
``issues.store`` writes the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from core.errors import NotAllowed, Refused
from core.models import Attachment
from issues import chain, clocks
from issues.audiences import People, messages_of_step
from issues.case import Case, Data, refusal
from issues.choices import (
    HANDLING_ACTIONS,
    Action,
    ClockKind,
    Complexity,
    Contact,
    PauseKind,
    PhotoStage,
    Status,
    Step,
)
from issues.models import Assignment, Clock, ClockPause, Issue, IssueEvent, Photo, Revisit
from issues.office import Limit, Office
from issues.workflow import RULES, STEP_OF_STATUS, Clocks, Facts, Rule, State
from people.models import Posting


def take(
    case: Case,
    action: Action,
    *,
    by: Sequence[Posting] | None,
    data: Data,
    at: datetime,
    office: Office,
) -> IssueEvent:
    """Take one step under the first of the postings ``by`` that may, or as the system (None).

    Raises Refused when the state or a rule forbids it, NotAllowed when no posting allows it.
    """
    rule = RULES.get((case.state, action))
    if rule is None:
        raise Refused(
            f"问题现为“{case.issue.state_label}”，不能{action.label}。", code="wrong_state"
        )
    posting, facts = _actor(case, action, rule, by, office, at)
    for guard in rule.guards:
        if why := guard(facts, data):
            raise Refused(why)
    step = _Step(case, action, rule, posting, data, at, office)
    return step.take(rule.target(facts, data))


def _actor(
    case: Case,
    action: Action,
    rule: Rule,
    by: Sequence[Posting] | None,
    office: Office,
    at: datetime,
) -> tuple[Posting | None, Facts]:
    """Exactly one posting acts, with the facts as they look from it."""
    if by is None:
        if not rule.system:
            raise NotAllowed("这一步须由人员办理。")
        return None, case.facts(None, office, at)
    why: str | None = None
    for posting in by:
        if case.may(posting, action, rule):
            facts = case.facts(posting, office, at)
            why = refusal(rule, facts)
            if why is None:
                return posting, facts
    if why:
        raise Refused(why)
    raise NotAllowed(f"您没有权限对这个问题{action.label}。")


def open_case(
    issue: Issue, *, by: Posting | None, data: Data, at: datetime, office: Office
) -> Case:
    """The case of a new report. ``issue`` has its ids, place and words; the rest is set here."""
    case = Case(issue=issue, handler_ids=set())
    rule = RULES[None, Action.CREATE]
    _Step(case, Action.CREATE, rule, by, data, at, office).take(rule.to[0])
    return case


@dataclass
class _Step:
    """One step being taken: its effect, its clocks, its event, its messages, in this order."""

    case: Case
    action: Action
    rule: Rule
    by: Posting | None
    data: Data
    at: datetime
    office: Office

    @property
    def day(self) -> date:
        return timezone.localdate(self.at)

    @property
    def person(self) -> Posting:
        """The posting that acts; no step of the system comes here."""
        if self.by is None:
            raise NotAllowed()
        return self.by

    def take(self, target: State) -> IssueEvent:
        case, issue = self.case, self.case.issue
        origin = case.state
        stays = origin == target
        level_changes = origin is not None and origin.level != target.level
        if effect := EFFECTS.get(self.action):
            effect(self)
        issue.level, issue.status = target.level, target.status
        if level_changes:
            issue.consulted_at = None
        for clock_rule in self.rule.clocks:
            if clock_rule == Clocks.END_CO_UNIT or not stays:
                CLOCK_RULES[clock_rule](self)
        if issue.status == Status.CLOSED:
            issue.closed_at = self.at
        self._show_clocks()
        event = self._event(origin)
        self._messages(event)
        return event

    def _show_clocks(self) -> None:
        """Repeat the running clocks on the issue, where the lists read them."""
        issue = self.case.issue
        step = self.case.running(ClockKind.STEP)
        overall = self.case.running(ClockKind.OVERALL)
        issue.due_at = step.due_at if step else None
        issue.yellow_at = step.yellow_at if step else None
        issue.overall_due_at = overall.due_at if overall else None

    def _event(self, origin: State | None) -> IssueEvent:
        case, issue = self.case, self.case.issue
        issue.event_count += 1
        issue.version += 1
        event = IssueEvent(
            issue=issue,
            seq=issue.event_count,
            action=self.action,
            at=self.at,
            actor_id=self.by.user_id if self.by else None,
            posting=self.by,
            from_level=origin.level if origin else "",
            from_status=origin.status if origin else "",
            to_level=issue.level,
            to_status=issue.status,
            data=facts_for_the_record(self.data),
            prev_hash=issue.head_hash,
        )
        if body := self.data.get("text"):
            case.texts.append(chain.attach_text(event, body))
        event.hash = issue.head_hash = chain.digest_of_event(event)
        case.events.append(event)
        if self.by and self.action in HANDLING_ACTIONS and case.handler_ids is not None:
            case.handler_ids.add(self.by.user_id)
        stage = PHOTO_STAGES.get(self.action, PhotoStage.AFTER)
        photos: Iterable[Attachment] = self.data.get("photos") or ()
        case.photos.extend(
            Photo(issue=issue, attachment=photo, stage=stage, seq=event.seq) for photo in photos
        )
        return event

    def _messages(self, event: IssueEvent) -> None:
        people = People(self.case.issue, self.case.assignments, self.office.directory, self.day)
        self.case.messages.extend(
            messages_of_step(
                people,
                self.rule.notify,
                action=self.action,
                seq=event.seq,
                at=self.at,
                actor_id=event.actor_id,
            )
        )

    # --- helpers of effects and clocks ---

    def limit(self, step: str) -> Limit:
        issue = self.case.issue
        return self.office.limits.find(step, issue.level, issue.urgency, issue.category, self.day)

    def start(
        self, kind: ClockKind, step: str, limit: Limit, assignment: Assignment | None = None
    ) -> Clock:
        clock = clocks.start(
            self.case.issue,
            kind,
            step,
            limit,
            at=self.at,
            calendar=self.office.calendar,
            assignment=assignment,
        )
        self.case.clocks.append(clock)
        return clock

    def last(self, kind: ClockKind, step: str) -> Clock:
        return next(c for c in reversed(self.case.clocks) if c.kind == kind and c.step == step)


def facts_for_the_record(data: Data) -> dict[str, Any]:
    """What an event keeps of the input: codes, ids, dates and counts, never words."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        match name:
            case "lead_unit" | "suggested_unit" if value is not None:
                kept[f"{name}_id"] = value.pk
            case "units":
                kept["unit_ids"] = [unit.pk for unit in value]
            case "co_units":
                kept[name] = [
                    {
                        "unit_id": row["unit"].pk,
                        "limit_days": row.get("limit_days"),
                        "reply_required": row.get("reply_required", True),
                    }
                    for row in value
                ]
            case "photos":
                kept[name] = [{"id": str(photo.pk), "sha256": photo.sha256} for photo in value]
            case name if name in RECORDED and value not in (None, ""):
                kept[name] = value
    return kept


RECORDED = ("reason", "outcome", "contact", "is_solved", "satisfaction", "limit_days", "source")

PHOTO_STAGES = {
    Action.CREATE: PhotoStage.REPORT,
    Action.PASS_VERIFICATION: PhotoStage.VERIFICATION,
    Action.FAIL_VERIFICATION: PhotoStage.VERIFICATION,
}

# --- effects: what an action changes beside state, clocks and history ---


def _take_over(step: _Step) -> None:
    step.case.issue.complexity = Complexity.BASIC
    step.case.issue.handler = step.by.user if step.by else None


def _resolve(step: _Step) -> None:
    issue = step.case.issue
    issue.complexity = issue.complexity or Complexity.BASIC
    issue.handler = step.by.user if step.by else None
    issue.outcome = step.data["outcome"]
    issue.submitted_at = step.at


def _submit(step: _Step) -> None:
    issue = step.case.issue
    issue.outcome = step.data["outcome"]
    issue.submitted_at = step.at


def _escalate_to_town(step: _Step) -> None:
    step.case.issue.complexity = Complexity.GENERAL
    step.case.issue.handler = None


def _escalate_to_district(step: _Step) -> None:
    step.case.issue.complexity = Complexity.COMPLEX


def _consult(step: _Step) -> None:
    step.case.issue.consulted_at = step.at


def _assign(step: _Step) -> None:
    case, issue = step.case, step.case.issue
    lead = step.data["lead_unit"]
    co_units = step.data.get("co_units") or []
    unit_ids = [lead.pk, *(row["unit"].pk for row in co_units)]
    if len(set(unit_ids)) < len(unit_ids):
        raise Refused("同一单位不能重复交办。", fields={"co_units": ["单位重复。"]})
    territory = step.person.place
    outside = [
        unit.short_name
        for unit in [lead, *(row["unit"] for row in co_units)]
        if territory is None or not unit.serves_below(territory)
    ]
    if outside:
        raise Refused(f"不在您的派单范围内：{'、'.join(outside)}。")
    if not step.office.directory.has_handlers(lead.pk, step.day):
        raise Refused(
            f"{lead.short_name}没有在职的承办经办，不能作为主办单位。",
            fields={"lead_unit": ["没有在职的承办经办。"]},
        )
    issue.lead_unit, issue.handler = lead, None
    acknowledge = step.limit(Step.ACKNOWLEDGEMENT)
    case.assignments.append(
        Assignment(
            issue=issue,
            unit=lead,
            is_lead=True,
            task=step.data.get("text", ""),
            assigned_at=step.at,
            acknowledge_due_at=clocks.due(step.at, acknowledge, step.office.calendar).at,
        )
    )
    case.assignments.extend(
        Assignment(
            issue=issue,
            unit=row["unit"],
            is_lead=False,
            task=row.get("task", ""),
            reply_required=row.get("reply_required", True),
            assigned_at=step.at,
        )
        for row in co_units
    )


def _acknowledge(step: _Step) -> None:
    lead = next(row for row in step.case.present if row.is_lead)
    lead.acknowledged_at = step.at
    lead.deemed_acknowledged = step.by is None
    step.case.issue.handler = step.by.user if step.by else None


def _co_reply(step: _Step) -> None:
    row = step.case.co_assignment_of(step.person)
    if row is None:
        raise NotAllowed()
    row.replied_at = step.at


def _back_to_work(step: _Step) -> None:
    issue = step.case.issue
    issue.outcome, issue.submitted_at = "", None
    issue.rework_count += 1


def _record_revisit(step: _Step) -> None:
    case, data = step.case, step.data
    case.revisits.append(
        Revisit(
            issue=case.issue,
            at=step.at,
            round=case.issue.round,
            contact=data["contact"],
            is_solved=data.get("is_solved"),
            satisfaction=data.get("satisfaction"),
            seq=case.issue.event_count + 1,
        )
    )
    if data["contact"] == Contact.NOT_REACHED:
        case.revisit_attempts += 1


def _redo(step: _Step) -> None:
    _record_revisit(step)
    step.case.revisit_attempts = 0
    _back_to_work(step)


EFFECTS: dict[Action, Callable[[_Step], None]] = {
    Action.FIRST_HANDLE: _take_over,
    Action.RESOLVE_ON_SPOT: _resolve,
    Action.ESCALATE_TOWN: _escalate_to_town,
    Action.CONSULT: _consult,
    Action.ESCALATE_DISTRICT: _escalate_to_district,
    Action.ASSIGN: _assign,
    Action.ACKNOWLEDGE: _acknowledge,
    Action.AUTO_ACKNOWLEDGE: _acknowledge,
    Action.CO_REPLY: _co_reply,
    Action.SUBMIT_COMPLETION: _submit,
    Action.FAIL_VERIFICATION: _back_to_work,
    Action.RECORD_REVISIT: _record_revisit,
    Action.REDO: _redo,
}

# --- clocks: each rule of the table carried out ---


def _start_overall(step: _Step) -> None:
    step.start(ClockKind.OVERALL, Step.OVERALL, step.limit(Step.OVERALL))


def _stop(step: _Step, kind: ClockKind) -> None:
    if clock := step.case.running(kind):
        clocks.stop(clock, step.at)


def _level_overall(step: _Step) -> None:
    _stop(step, ClockKind.OVERALL)
    _start_overall(step)


def _resume_overall(step: _Step) -> None:
    clock = step.last(ClockKind.OVERALL, Step.OVERALL)
    stopped_at = clock.ended_at or step.at
    clocks.resume(clock, stopped_at, step.at, step.office.calendar)
    step.case.pauses.append(
        ClockPause(
            clock=clock, kind=PauseKind.VERIFICATION, started_at=stopped_at, ended_at=step.at
        )
    )


def _start_step(step: _Step) -> None:
    name = STEP_OF_STATUS.get(Status(step.case.issue.status))
    if name is not None:
        step.start(ClockKind.STEP, name, step.limit(name))


def _start_units(step: _Step) -> None:
    days = step.data.get("limit_days")
    limit = Limit(days) if days else step.limit(Step.HANDLING)
    lead = step.case.lead
    step.start(ClockKind.STEP, Step.HANDLING, limit, lead)
    given = {row["unit"].pk: row.get("limit_days") for row in step.data.get("co_units") or ()}
    for row in step.case.co_assignments:
        co_days = given[row.unit_id]
        if co_days and co_days > limit.value:
            raise Refused(
                "协办时限不能长于主办时限。", fields={"co_units": ["协办时限不能长于主办时限。"]}
            )
        co_limit = Limit(co_days) if co_days else limit
        step.start(ClockKind.CO_UNIT, Step.HANDLING, co_limit, row)


def _start_rework(step: _Step) -> None:
    """The limit of the first handling of this round, a third of it."""
    name = STEP_OF_STATUS[Status(step.case.issue.status)]
    first = next(
        (
            c
            for c in step.case.clocks
            if c.kind == ClockKind.STEP and c.step == name and c.round == step.case.issue.round
        ),
        None,
    )
    # What was resolved on the spot never had a handling clock.
    whole = Limit(first.limit_value, first.limit_unit) if first else step.limit(name)
    step.start(ClockKind.STEP, name, whole.third(), step.case.lead)


def _end_co_unit(step: _Step) -> None:
    for clock in step.case.clocks:
        row = clock.assignment
        if clock.kind == ClockKind.CO_UNIT and clock.ended_at is None and row and row.replied_at:
            clocks.stop(clock, step.at)


def _cancel_co_units(step: _Step) -> None:
    for clock in step.case.clocks:
        if clock.kind == ClockKind.CO_UNIT and clock.ended_at is None:
            clocks.cancel(clock, step.at)


CLOCK_RULES: dict[Clocks, Callable[[_Step], None]] = {
    Clocks.START_OVERALL: _start_overall,
    Clocks.LEVEL_OVERALL: _level_overall,
    Clocks.STOP_OVERALL: lambda step: _stop(step, ClockKind.OVERALL),
    Clocks.RESUME_OVERALL: _resume_overall,
    Clocks.END_STEP: lambda step: _stop(step, ClockKind.STEP),
    Clocks.START_STEP: _start_step,
    Clocks.START_UNITS: _start_units,
    Clocks.START_REWORK: _start_rework,
    Clocks.END_CO_UNIT: _end_co_unit,
    Clocks.CANCEL_CO_UNITS: _cancel_co_units,
}
