"""Taking a step: the only place that changes level, status, clocks and history of a case.

The table in ``issues.workflow`` says which steps there are. Here each is carried out in memory: its
effect (``issues.effects``), its clocks (``issues.timing``), its event and its messages, in this
order. ``issues.store`` writes the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core.errors import NotAllowed, Refused
from core.models import Attachment
from issues import chain
from issues.audiences import People, heard_by, messages_of_step
from issues.case import Case, Data, refusal
from issues.choices import (
    HANDLING_ACTIONS,
    TERMINAL,
    Action,
    ClockKind,
    Decision,
    PhotoStage,
)
from issues.effects import EFFECTS
from issues.models import Issue, IssueEvent, Photo
from issues.office import Office
from issues.states import Facts, Rule, State
from issues.taking import Taking
from issues.timing import CLOCK_RULES
from issues.workflow import RULES
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
    return _carry_out(
        Taking(case, action, rule, posting, data, at, office), rule.target(facts, data)
    )


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
            why = refusal((*rule.needs, *rule.conditions), facts)
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
    _carry_out(Taking(case, Action.CREATE, rule, by, data, at, office), rule.to[0])
    return case


def _carry_out(step: Taking, target: State) -> IssueEvent:
    case, issue = step.case, step.case.issue
    origin = case.state
    stays = origin == target
    if effect := EFFECTS.get(step.action):
        effect(step)
    issue.level, issue.status = target.level, target.status
    if origin is not None and origin.level != target.level:
        issue.consulted_at = None
    if not stays or len(step.rule.to) == 1:
        for clock_rule in step.rule.clocks:
            CLOCK_RULES[clock_rule](step)
    if not stays:
        _settle(step)
    _show_clocks(case)
    event = _write(step, origin)
    _tell(step, event)
    return event


def _settle(step: Taking) -> None:
    """What was asked and not decided lapses when the case moves on; with its end, orders end."""
    case, issue = step.case, step.case.issue
    for approval in case.approvals:
        if approval.is_pending and approval.asked_seq != step.seq:
            approval.decision = Decision.LAPSED
            approval.decided_at, approval.decided_seq = step.at, step.seq
    if issue.status not in TERMINAL:
        return
    issue.closed_at = step.at
    for clock in case.clocks:
        if clock.ended_at is None:  # of an order or an instruction that nobody answered
            step.cancel(clock)
    for order in case.supervisions:
        if order.is_open:
            order.struck_off_at, order.struck_off_seq = step.at, step.seq
            order.is_automatic_end = True


def _show_clocks(case: Case) -> None:
    """Repeat the running clocks on the issue, where the lists read them."""
    issue = case.issue
    step, overall = case.running(ClockKind.STEP), case.running(ClockKind.OVERALL)
    issue.due_at = step.due_at if step else None
    issue.yellow_at = step.yellow_at if step else None
    issue.overall_due_at = overall.due_at if overall else None


def _write(step: Taking, origin: State | None) -> IssueEvent:
    case, issue = step.case, step.case.issue
    issue.event_count += 1
    issue.version += 1
    event = IssueEvent(
        issue=issue,
        seq=issue.event_count,
        action=step.action,
        at=step.at,
        actor_id=step.by.user_id if step.by else None,
        posting=step.by,
        from_level=origin.level if origin else "",
        from_status=origin.status if origin else "",
        to_level=issue.level,
        to_status=issue.status,
        data={**facts_for_the_record(step.data), **step.facts},
        prev_hash=issue.head_hash,
    )
    if step.words:
        case.texts.append(chain.attach_text(event, step.words))
    event.hash = issue.head_hash = chain.digest_of_event(event)
    case.events.append(event)
    if step.by and step.action in HANDLING_ACTIONS and case.handler_ids is not None:
        case.handler_ids.add(step.by.user_id)
    stage = PHOTO_STAGES.get(step.action, PhotoStage.AFTER)
    photos: Iterable[Attachment] = step.data.get("photos") or ()
    case.photos.extend(
        Photo(issue=issue, attachment=photo, stage=stage, seq=event.seq) for photo in photos
    )
    return event


def _tell(step: Taking, event: IssueEvent) -> None:
    people = People.of_case(step.case, step.office.directory, step.day)
    step.case.messages.extend(
        messages_of_step(
            people,
            heard_by(step.rule, step.data),
            action=step.action,
            seq=event.seq,
            at=step.at,
            actor_id=event.actor_id,
        )
    )


def facts_for_the_record(data: Data) -> dict[str, Any]:
    """What an event keeps of the input: codes, ids, dates and counts, never words."""
    kept: dict[str, Any] = {}
    for name, value in data.items():
        match name:
            case "lead_unit" | "suggested_unit" | "to" | "master" | "merged" if value is not None:
                kept[f"{name}_id"] = value.pk
            case "until":
                kept[name] = value.isoformat()
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


RECORDED = (
    "reason",
    "outcome",
    "contact",
    "is_solved",
    "satisfaction",
    "limit_days",
    "source",
    "kind",
    "visibility",
    "percent",
    "how",
    "grade",
    "cause",
    "respondent",
    "clocks",
)

PHOTO_STAGES = {
    Action.CREATE: PhotoStage.REPORT,
    Action.PASS_VERIFICATION: PhotoStage.VERIFICATION,
    Action.FAIL_VERIFICATION: PhotoStage.VERIFICATION,
}
