"""What the pages of a meeting tell of cases: why one was proposed, what was done, what may follow.

Nothing is written here. The words are read from the case each time and are never copied, so that a
case that was anonymised is so on every agenda.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from issues.case import Case
from issues.choices import (
    Action,
    ApprovalKind,
    Decision,
    Level,
    Status,
    SuspensionKind,
)
from issues.models import Approval, Issue, IssueEvent
from issues.states import State
from issues.story import PLATFORM
from issues.workflow import RULES
from meetings.choices import Step
from meetings.models import Resolution
from people.models import User

# The steps whose words say what was tried, found or agreed before a meeting hears of the case.
WORK = (
    Action.FIRST_HANDLE,
    Action.ESCALATE_TOWN,
    Action.CONSULT,
    Action.ESCALATE_DISTRICT,
    Action.CO_REPLY,
    Action.PROGRESS,
    Action.SUBMIT_COMPLETION,
    Action.FAIL_VERIFICATION,
)
PROPOSALS = (Action.TO_MEETING, Action.REQUEST_SUSPENSION)

# By which steps of its case a resolution can be carried out.
WAYS = {
    Step.APPLY: Action.APPLY_RESOLUTION,
    Step.RESUME: Action.RESUME,
    Step.CONVERT: Action.CONVERT_TO_PROJECT,
}


@dataclass(frozen=True)
class Told:
    """One step in words: who said what, when."""

    at: datetime
    title: str
    by: str
    text: str


@dataclass
class Brief:
    """What a meeting has to know of a case: the proposal, if there is one, and the work so far."""

    proposal: Told | None = None
    until: date | None = None
    work: list[Told] = field(default_factory=list)


def briefs(issues: Iterable[Issue], reader: User) -> dict[int, Brief]:
    """By issue id, for the cases in the reader's territory. Two queries.

    Who sees a case only through a unit reads it on its own page, up to where the unit left.
    """
    ids = [issue.pk for issue in issues if reader.scope.covers(issue.lineage())]
    asked = {(row.issue_id, row.asked_seq): row for row in _proposals(ids)}
    found = {pk: Brief() for pk in ids}
    events = (
        IssueEvent.objects.filter(issue__in=ids, action__in=[*WORK, *PROPOSALS])
        .select_related("actor", "posting__place", "posting__organisation", "text")
        .order_by("issue_id", "seq")
    )
    for event in events:
        brief = found[event.issue_id]
        if approval := asked.get((event.issue_id, event.seq)):
            brief.proposal, brief.until = _told(event), approval.until
        elif event.action in WORK:
            brief.work.append(_told(event))
    return found


def awaiting_meeting(issues: Iterable[Issue]) -> set[int]:
    """The ids of those that stand suspended until a meeting decides on them. One query."""
    suspended = [issue.pk for issue in issues if issue.status == Status.SUSPENDED]
    granted = (
        Approval.objects.filter(
            issue__in=suspended, kind=ApprovalKind.SUSPENSION, decision=Decision.APPROVED
        )
        .order_by("id")
        .values_list("issue_id", "reason")
    )
    return {pk for pk, reason in dict(granted).items() if reason == SuspensionKind.MEETING}


def ways(resolution: Resolution, *, by: User, awaiting: Collection[int]) -> list[Step]:
    """How ``by`` may let the case of a resolution go on now; ``awaiting`` as above. No query."""
    issue = resolution.case
    if issue is None or resolution.not_yet_to_follow():
        return []
    state, case = State(Level(issue.level), Status(issue.status)), Case(issue=issue)
    return [
        step
        for step, action in WAYS.items()
        if (rule := RULES.get((state, action)))
        and (action != Action.APPLY_RESOLUTION or issue.pk in awaiting)
        and any(case.may(posting, action, rule) for posting in by.current_postings)
    ]


def _proposals(issue_ids: Collection[int]) -> Iterable[Approval]:
    return Approval.objects.filter(
        issue__in=issue_ids,
        kind=ApprovalKind.SUSPENSION,
        reason=SuspensionKind.MEETING,
        decision=Decision.APPROVED,
    ).order_by("id")


def _told(event: IssueEvent) -> Told:
    return Told(
        at=event.at,
        title=event.get_action_display(),
        by=f"{event.actor} · {event.posting}" if event.actor else PLATFORM,
        text=event.text.body if event.text else "",
    )
