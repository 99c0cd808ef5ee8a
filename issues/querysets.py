"""Which issues a person may see, what their lists need, and lamps in SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Max, Q, Value, When

from issues.choices import HANDLING_ACTIONS, Action, Lamp, Status
from issues.workflow import RULES, Facts, Rule, State, verifier_is_independent

if TYPE_CHECKING:
    from issues.models import Clock, Issue
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
        return self.exclude(status=Status.CLOSED)

    def overdue(self, now: datetime) -> IssueQuerySet:
        """Issues whose running step is past its limit at ``now``."""
        return self.filter(due_at__lte=now)

    def with_lamp(self, now: datetime) -> IssueQuerySet:
        """Annotate ``lamp_now`` by the same comparison as ``Issue.lamp``."""
        return self.annotate(
            lamp_now=Case(
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
    unanswered = issues.filter(
        assignments__unit_id=unit_id,
        assignments__is_lead=False,
        assignments__left_seq__isnull=True,
        assignments__replied_at__isnull=True,
    )
    return led + _in_states(unanswered, posting, lambda action: action == Action.CO_REPLY)


def _in_states(
    issues: IssueQuerySet, posting: Posting, wanted: Callable[[Action], bool]
) -> list[IssueQuerySet]:
    """Those of ``issues`` that stand where the posting's role has one of the wanted actions."""
    free, independent = Q(), Q()
    for (state, action), rule in RULES.items():
        if state is None or not wanted(action) or not _can_concern(posting, state, rule):
            continue
        here = Q(level=state.level, status=state.status)
        if verifier_is_independent in rule.conditions:
            independent |= here
        else:
            free |= here
    sets = []
    # An empty Q would match everything.
    if free:
        sets.append(issues.filter(free))
    if independent:
        sets.append(issues.filter(independent).not_handled_by(posting.user))
    return sets


def _can_concern(posting: Posting, state: State, rule: Rule) -> bool:
    """Whether the role has this step on some case: whether nothing forbids it on the easiest."""
    if posting.role not in rule.roles:
        return False
    easiest = Facts(
        state=state,
        source="",
        is_contactable=True,
        needs_verification=True,
        consulted=True,
        required_replies_missing=0,
        revisit_attempts=0,
        actor_role=posting.role,
    )
    return all(condition(easiest) is None for condition in rule.conditions)


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
