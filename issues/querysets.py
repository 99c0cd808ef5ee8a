"""Which issues a person may see, what their lists need, and lamps in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, FilteredRelation, Max, Q, Value, When
from django.utils import timezone

from issues.choices import (
    HANDLING_ACTIONS,
    TERMINAL,
    Action,
    ApprovalKind,
    Decider,
    Lamp,
    Level,
    Respondent,
    Status,
    Visibility,
)
from issues.conditions import verifier_is_independent
from issues.roles import DISPATCHER_ROLES, ROLES_OF
from issues.states import Facts, Rule, State
from issues.workflow import RULES

if TYPE_CHECKING:
    from issues.models import Clock, Issue, Photo
    from people.models import Posting


class IssueQuerySet(models.QuerySet["Issue"]):
    def visible_to(self, user: Any) -> IssueQuerySet:
        """Issues in the person's territory, of their units (present or past), and own reports.

        A union of id sets, one per posting, never an OR across a join.
        """
        if not user.is_authenticated:
            return self.none()
        if user.scope.is_whole_district:
            return self.filter(district_id__in=[place.pk for place in user.scope.places])
        issues = self.model._default_manager.order_by()
        sets = [issues.filter(reporter=user)]
        sets.extend(
            issues.filter(**{place.lineage_column: place.pk}) for place in user.scope.places
        )
        sets.extend(
            issues.filter(assignments__unit_id=unit_id) for unit_id in user.scope.organisation_ids
        )
        first, *others = (rows.values("pk") for rows in sets)
        return self.filter(pk__in=first.union(*others) if others else first)

    def waiting_for(self, user: Any) -> IssueQuerySet:
        """Issues on which ``user`` has a step to take now, by the transition table.

        A union of id sets, one per posting. What only this case decides (a reply still missing, a
        consultation not yet held) keeps it in the list: it is this person's to bring on.
        """
        issues = self.model._default_manager.order_by()
        sets = [rows for posting in user.current_postings for rows in _steps_of(issues, posting)]
        if not sets:
            return self.none()
        first, *others = (rows.values("pk") for rows in sets)
        return self.filter(pk__in=first.union(*others) if others else first)

    def not_handled_by(self, user: Any) -> IssueQuerySet:
        """Issues which ``user`` took no handling step on and whose units they do not serve in."""
        issues = self.model._default_manager.order_by()
        handled = issues.filter(events__actor=user, events__action__in=HANDLING_ACTIONS)
        served = issues.filter(
            assignments__unit_id__in=user.scope.organisation_ids,
            assignments__left_seq__isnull=True,
        )
        return self.exclude(pk__in=handled.values("pk")).exclude(pk__in=served.values("pk"))

    def open(self) -> IssueQuerySet:
        return self.exclude(status__in=TERMINAL)

    def overdue(self, now: datetime) -> IssueQuerySet:
        """Issues whose running step is past its limit at ``now``."""
        return self.filter(due_at__lte=now)

    def with_lamp(self, now: datetime) -> IssueQuerySet:
        """Annotate ``lamp_now`` by the same comparison as ``Issue.lamp``."""
        return self.annotate(
            lamp_now=Case(
                When(status=Status.SUSPENDED, then=Value(Lamp.GREY)),
                When(due_at__isnull=True, then=Value(None)),
                When(due_at__lte=now, then=Value(Lamp.RED)),
                When(yellow_at__lte=now, then=Value(Lamp.YELLOW)),
                default=Value(Lamp.GREEN),
                output_field=models.CharField(),
            )
        )

    def with_list_data(self) -> IssueQuerySet:
        """What a row of a list shows, without a query per row."""
        return self.select_related("category", "place", "town", "community", "lead_unit", "area")

    def with_detail_data(self) -> IssueQuerySet:
        return self.with_list_data().select_related("grid", "district", "reporter", "handler")


class ClockQuerySet(models.QuerySet["Clock"]):
    def running(self) -> ClockQuerySet:
        return self.filter(ended_at__isnull=True)

    def to_remind(self, now: datetime) -> ClockQuerySet:
        return self.filter(next_reminder_at__lte=now).order_by("next_reminder_at", "id")


def _steps_of(issues: IssueQuerySet, posting: Posting) -> list[IssueQuerySet]:
    """The issues on which one posting has a step, as sets to be united."""
    if posting.place is not None:
        here = issues.filter(**{posting.place.lineage_column: posting.place.pk})
        return _in_states(here, posting, lambda action: True)
    unit_id = posting.organisation_id
    if unit_id is None:
        return []
    led = _in_states(
        issues.filter(lead_unit_id=unit_id), posting, lambda action: action != Action.CO_REPLY
    )
    unreplied = issues.filter(
        assignments__unit_id=unit_id,
        assignments__is_lead=False,
        assignments__left_seq__isnull=True,
        assignments__replied_at__isnull=True,
    )
    return led + _in_states(unreplied, posting, lambda action: action == Action.CO_REPLY)


def _in_states(
    issues: IssueQuerySet, posting: Posting, wanted: Callable[[Action], bool]
) -> list[IssueQuerySet]:
    """Those of ``issues`` that stand where the posting's role owes one of the wanted actions."""
    now = timezone.now()
    free, independent = Q(), Q()
    if_recorded: dict[Action, Q] = {}
    for (state, action), rule in RULES.items():
        if state is None or not rule.owed or not wanted(action) or action in OTHER_HALF:
            continue
        here = _where_it_concerns(posting, state, rule, now)
        if here is None:
            continue
        if action in RECORDED:
            if_recorded[action] = if_recorded.get(action, Q()) | here
        elif verifier_is_independent in rule.conditions:
            independent |= here
        else:
            free |= here
    sets = []
    # An empty Q would match everything.
    if free:
        sets.append(issues.filter(free))
    if independent:
        sets.append(issues.filter(independent).not_handled_by(posting.user))
    sets += [RECORDED[a](issues.filter(here), posting, now) for a, here in if_recorded.items()]
    return sets


Recorded = Callable[[IssueQuerySet, "Posting", datetime], IssueQuerySet]


def _pending(kind: ApprovalKind) -> Recorded:
    """An approval of this kind waits for a role like the posting's."""

    def waits(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
        return issues.filter(
            approvals__kind=kind,
            approvals__decision="",
            approvals__asked_of__in=_as_decider(posting),
        )

    return waits


def _as_decider(posting: Posting) -> list[Decider]:
    return [decider for decider, roles in ROLES_OF.items() if posting.role in roles]


def _to_be_confirmed(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    """A proposal to void waits for another person than the one who made it."""
    asked = Q(approvals__kind=ApprovalKind.VOID, approvals__decision="")
    by_another = FilteredRelation(
        "approvals", condition=asked & ~Q(approvals__asked_by=posting.user_id)
    )
    return issues.alias(proposal=by_another).filter(proposal__isnull=False)


def _disputed(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    """A first return waits for the dispatcher; left lying, or a second one, for the leader."""
    due = Q(approvals__asked_of=Decider.DISPATCHER)
    if posting.role in ROLES_OF[Decider.LEADER]:
        due = Q(approvals__asked_of=Decider.LEADER) | (due & Q(due_at__lte=now))
    return issues.filter(due, approvals__kind=ApprovalKind.RETURN, approvals__decision="")


def _not_under_review(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    """While a second review is asked for, there is nothing for the revisitor to do."""
    asked = issues.filter(approvals__kind=ApprovalKind.REVIEW, approvals__decision="")
    return issues.exclude(pk__in=asked.values("pk"))


def _ordered(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    """An order waits for the unit or the grid that has the case, else for the dispatcher."""
    if posting.role in DISPATCHER_ROLES:
        issues = issues.filter(WITH_NOBODY)
    return issues.filter(
        supervisions__isnull=False,
        supervisions__answered_at__isnull=True,
        supervisions__struck_off_at__isnull=True,
    )


def _answered(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    return issues.filter(
        supervisions__answered_at__isnull=False, supervisions__struck_off_at__isnull=True
    )


def _instructed(issues: IssueQuerySet, posting: Posting, now: datetime) -> IssueQuerySet:
    """An instruction waits for whom it names."""
    named = Q(instructions__respondent=Respondent.LEAD_UNIT)
    if posting.role in DISPATCHER_ROLES:
        named = Q(instructions__respondent=Respondent.DISPATCHER) | (named & WITH_NOBODY)
    return issues.filter(named, instructions__isnull=False, instructions__answered_at__isnull=True)


# Where neither a unit nor the grid has the case in hand.
WITH_NOBODY = Q(lead_unit__isnull=True) & ~Q(level=Level.GRID)

# Steps that are owed only while a record beside the case asks for them, or does not.
RECORDED: dict[Action, Recorded] = {
    Action.APPROVE_RETURN: _disputed,
    Action.ARBITRATE: _disputed,
    Action.APPROVE_EXTENSION: _pending(ApprovalKind.EXTENSION),
    Action.SUSPEND: _pending(ApprovalKind.SUSPENSION),
    Action.CONFIRM_VOID: _to_be_confirmed,
    Action.CLOSE_ON_REVIEW: _pending(ApprovalKind.REVIEW),
    Action.RECORD_REVISIT: _not_under_review,
    Action.ANSWER_SUPERVISION: _ordered,
    Action.STRIKE_OFF: _answered,
    Action.ANSWER_INSTRUCTION: _instructed,
}
# The other half of a decision or a turn that is in the list already.
OTHER_HALF = (
    Action.REFUSE_RETURN,
    Action.REFUSE_EXTENSION,
    Action.REFUSE_SUSPENSION,
    Action.REFUSE_VOID,
    Action.REDO,
)


def _where_it_concerns(posting: Posting, state: State, rule: Rule, now: datetime) -> Q | None:
    """Where the role has this step, or None: some steps are a role's only before, or only after,
    the limit of the step that runs.
    """
    before, after = (_can_concern(posting, state, rule, late) for late in (False, True))
    here = Q(level=state.level, status=state.status)
    if before and after:
        return here
    if before:
        return here & Q(due_at__gt=now)
    return here & Q(due_at__lte=now) if after else None


def _can_concern(posting: Posting, state: State, rule: Rule, is_overdue: bool) -> bool:
    """Whether the role has this step on some case: whether nothing forbids it on the easiest."""
    if posting.role not in rule.roles:
        return False
    easiest = Facts(
        pending=_everything_asked_of(posting),
        returns=2 if posting.role in ROLES_OF[Decider.LEADER] else 1,
        unanswered_orders=1,
        answered_orders=1,
        unanswered_instructions=1,
        state=state,
        source="",
        is_contactable=True,
        needs_verification=True,
        consulted=True,
        required_replies_missing=0,
        revisit_attempts=0,
        is_overdue=is_overdue,
        actor_role=posting.role,
    )
    return all(condition(easiest) is None for condition in (*rule.needs, *rule.conditions))


def _everything_asked_of(posting: Posting) -> dict[ApprovalKind, Decider]:
    decider = next(iter(_as_decider(posting)), None)
    return dict.fromkeys(ApprovalKind, decider) if decider else {}


def reads_internal_notes(issue: Issue, user: Any) -> bool:
    """Whether ``user`` has more to do with the case than having reported it."""
    if issue.reporter_id != user.pk or user.scope.covers(issue.lineage()):
        return True
    return bool(issue.assignments.filter(unit_id__in=user.scope.organisation_ids).exists())


def visible_photos(issue: Issue, user: Any) -> models.QuerySet[Photo]:
    """The photos of the steps that ``user`` may read."""
    photos = issue.photos.filter(seq__lte=last_visible_seq(issue, user))
    if reads_internal_notes(issue, user):
        return photos
    internal = issue.events.filter(data__visibility=Visibility.INTERNAL)
    return photos.exclude(seq__in=internal.order_by().values("seq"))


def last_visible_seq(issue: Issue, user: Any) -> int:
    """The last event of ``issue`` that ``user`` may read.

    A unit that has left the case reads it up to the event at which it left; everybody else who sees
    the case reads all of it.
    """
    scope = user.scope
    if issue.reporter_id == user.pk or scope.covers(issue.lineage()):
        return issue.event_count
    mine = issue.assignments.filter(unit_id__in=scope.organisation_ids)
    if mine.filter(left_seq__isnull=True).exists():
        return issue.event_count
    return mine.aggregate(last=Max("left_seq"))["last"] or 0
