"""For whom a case waits: the transition table, turned into conditions on rows.

What only the case itself decides (a reply still missing, a consultation not yet held) keeps it in
the list: it is this person's to bring on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.core.exceptions import EmptyResultSet
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from core.branches import as_text, together
from issues.choices import (
    HANDLING_ACTIONS,
    Action,
    ApprovalKind,
    Decider,
    Level,
    Respondent,
    Status,
)
from issues.conditions import verifier_is_independent
from issues.roles import DISPATCHER_ROLES, ROLES_OF
from issues.states import Facts, Rule, State
from issues.workflow import RULES

if TYPE_CHECKING:
    from issues.models import Issue
    from people.models import Posting


def conditions(issues: type[Issue], user: Any, now: datetime, queue: str = "") -> list[Q]:
    """Of the open cases those that wait for ``user`` meet one of these: in the scope of each
    posting those in one status, or those with a record beside them. ``queue`` names one of the
    desk (``Step.queue``), for what waits in it alone.
    """
    return [
        condition
        for posting in user.current_postings
        for condition in _of_posting(issues, posting, now, queue)
    ]


def queues_of(user: Any) -> list[str]:
    """The queues of the desk in which something can wait for ``user``. All of them together hold
    what waits.
    """
    steps = (step for posting in user.current_postings for step in _steps_of(posting.role))
    return list(dict.fromkeys(step.queue for step in steps))


def named_by(*records: QuerySet[Any]) -> Q:
    """Cases that one of these records beside them names, of which there are far fewer than cases.

    They are looked up first, as an array: a planner that may choose would rather go through all
    cases in the order of the page and ask each for a record.
    """
    ids = together([rows.order_by().values("issue_id") for rows in records], all_of_each=True)
    try:
        among = Func(
            F("pk"),
            as_text(ids),
            template="%(expressions)s)",
            arg_joiner=" = ANY(ARRAY",
            output_field=BooleanField(),
        )
    except EmptyResultSet:
        return Q(pk__in=[])
    return Q(among)


def records(issues: type[Issue], relation: str) -> QuerySet[Any]:
    """All rows of what stands beside cases: "assignments", "approvals" …"""
    record: Any = issues._meta.get_field(relation).related_model
    return record._default_manager.order_by()


def _of_posting(issues: type[Issue], posting: Posting, now: datetime, queue: str) -> Iterator[Q]:
    steps = [step for step in _steps_of(posting.role) if not queue or step.queue == queue]
    if posting.place is not None:
        here = {posting.place.lineage_column: posting.place_id}
        yield from _in_states(issues, here, steps, posting, now)
    elif posting.organisation_id is not None:
        unit_id = posting.organisation_id
        replies = [step for step in steps if step.action == Action.CO_REPLY]
        others = [step for step in steps if step.action != Action.CO_REPLY]
        yield from _in_states(issues, {"lead_unit_id": unit_id}, others, posting, now)
        if replies:
            unreplied = records(issues, "assignments").filter(
                unit_id=unit_id,
                is_lead=False,
                left_seq__isnull=True,
                replied_at__isnull=True,
            )
            yield _standing(replies, now) & named_by(unreplied)


def _in_states(
    issues: type[Issue],
    here: Mapping[str, Any],
    steps: Iterable[Step],
    posting: Posting,
    now: datetime,
) -> Iterator[Q]:
    by_status: dict[tuple[Status, Without | None], list[Step]] = defaultdict(list)
    by_record: dict[Action, list[Step]] = defaultdict(list)
    for step in steps:
        if step.action in RECORDED:
            by_record[step.action].append(step)
        else:
            without = WITHOUT.get(step.action) or (_own_part if step.is_independent else None)
            by_status[step.state.status, without].append(step)
    for (_, without), some in by_status.items():
        condition = Q(**here) & _standing(some, now)
        if without is not None:
            for rows in without(issues, posting):
                condition &= ~Q(Exists(rows.filter(issue=OuterRef("pk"))))
        yield condition
    if by_record:
        yield named_by(
            *(
                RECORDED[action](issues, posting, now).filter(
                    _standing(some, now, prefix="issue__"),
                    **{f"issue__{name}": value for name, value in here.items()},
                )
                for action, some in by_record.items()
            )
        )


# --- the steps of a role ---


@dataclass(frozen=True)
class Step:
    """A step that a role owes in a state: before the limit of the running step, after it, or both.

    ``is_independent``: it is nobody's who had a part in the case.
    """

    state: State
    action: Action
    before: bool
    after: bool
    is_independent: bool

    @property
    def queue(self) -> str:
        """Where it waits on the desk: with all in the same status, unless a record asks for it."""
        return self.action if self.action in QUEUES_OF_THEIR_OWN else self.state.status


@cache
def _steps_of(role: str) -> tuple[Step, ...]:
    steps = []
    for (state, action), rule in RULES.items():
        if state is None or not rule.owed or action in OTHER_HALF:
            continue
        before, after = (_can_concern(role, state, rule, is_overdue=late) for late in (False, True))
        if before or after:
            independent = verifier_is_independent in rule.conditions
            steps.append(Step(state, action, before, after, independent))
    return tuple(steps)


def _standing(steps: Iterable[Step], now: datetime, *, prefix: str = "") -> Q:
    """Cases that stand where one of the steps is owed, at ``now``."""
    whole: dict[Status, set[Level]] = defaultdict(set)
    for step in steps:
        if step.before and step.after:
            whole[step.state.status].add(step.state.level)
    # By the levels, and whether the limit is still to come: the statuses that are alike in both.
    alike: dict[tuple[tuple[Level, ...], str], list[Status]] = defaultdict(list)
    for status, levels in whole.items():
        alike[tuple(sorted(levels)), ""].append(status)
    for step in steps:
        level, status = step.state.level, step.state.status
        if level not in whole.get(status, ()):
            alike[(level,), "due_at__gt" if step.before else "due_at__lte"].append(status)
    return reduce(
        or_,
        (
            Q(**{f"{prefix}status__in": sorted({*statuses}), f"{prefix}level__in": levels})
            & (Q(**{f"{prefix}{when}": now}) if when else Q())
            for (levels, when), statuses in alike.items()
        ),
    )


def _can_concern(role: str, state: State, rule: Rule, *, is_overdue: bool) -> bool:
    """Whether the role has this step on some case: whether nothing forbids it on the easiest."""
    if role not in rule.roles:
        return False
    easiest = Facts(
        pending=_everything_asked_of(role),
        returns=2 if role in ROLES_OF[Decider.LEADER] else 1,
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
        actor_role=role,
    )
    return all(condition(easiest) is None for condition in (*rule.needs, *rule.conditions))


def _everything_asked_of(role: str) -> dict[ApprovalKind, Decider]:
    decider = next(iter(_as_decider(role)), None)
    return dict.fromkeys(ApprovalKind, decider) if decider else {}


def _as_decider(role: str) -> list[Decider]:
    return [decider for decider, roles in ROLES_OF.items() if role in roles]


# --- steps that are owed only while a record beside the case asks for them ---

Recorded = Callable[["type[Issue]", "Posting", datetime], "QuerySet[Any]"]


def _pending(kind: ApprovalKind) -> Recorded:
    """An approval of this kind waits for a role like the posting's."""

    def waits(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
        asked_of = _as_decider(posting.role)
        return records(issues, "approvals").filter(kind=kind, decision="", asked_of__in=asked_of)

    return waits


def _to_be_confirmed(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
    """A proposal to void waits for another person than the one who made it."""
    proposals = records(issues, "approvals").filter(kind=ApprovalKind.VOID, decision="")
    return proposals.exclude(asked_by=posting.user_id)


def _disputed(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
    """A first return waits for the dispatcher; left lying, or a second one, for the leader."""
    due = Q(asked_of=Decider.DISPATCHER)
    if posting.role in ROLES_OF[Decider.LEADER]:
        due = Q(asked_of=Decider.LEADER) | (due & Q(issue__due_at__lte=now))
    return records(issues, "approvals").filter(due, kind=ApprovalKind.RETURN, decision="")


def _ordered(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
    """An order waits for the unit or the grid that has the case, else for the dispatcher."""
    orders = records(issues, "supervisions").filter(
        answered_at__isnull=True, struck_off_at__isnull=True
    )
    return orders.filter(WITH_NOBODY) if posting.role in DISPATCHER_ROLES else orders


def _answered(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
    return records(issues, "supervisions").filter(
        answered_at__isnull=False, struck_off_at__isnull=True
    )


def _instructed(issues: type[Issue], posting: Posting, now: datetime) -> QuerySet[Any]:
    """An instruction waits for whom it names."""
    named = Q(respondent=Respondent.LEAD_UNIT)
    if posting.role in DISPATCHER_ROLES:
        named = Q(respondent=Respondent.DISPATCHER) | (named & WITH_NOBODY)
    return records(issues, "instructions").filter(named, answered_at__isnull=True)


# Where neither a unit nor the grid has the case in hand.
WITH_NOBODY = Q(issue__lead_unit__isnull=True) & ~Q(issue__level=Level.GRID)

RECORDED: Mapping[Action, Recorded] = {
    Action.APPROVE_RETURN: _disputed,
    Action.ARBITRATE: _disputed,
    Action.APPROVE_EXTENSION: _pending(ApprovalKind.EXTENSION),
    Action.SUSPEND: _pending(ApprovalKind.SUSPENSION),
    Action.CONFIRM_VOID: _to_be_confirmed,
    Action.CLOSE_ON_REVIEW: _pending(ApprovalKind.REVIEW),
    Action.ANSWER_SUPERVISION: _ordered,
    Action.STRIKE_OFF: _answered,
    Action.ANSWER_INSTRUCTION: _instructed,
}
# What is asked by a record stands in a queue of its own, unless the case has a status of its own
# meanwhile; so does what helping units owe.
QUEUES_OF_THEIR_OWN = {*RECORDED, Action.CO_REPLY} - {Action.APPROVE_RETURN, Action.ARBITRATE}
# The other half of a decision or a turn that is in the list already.
OTHER_HALF = (
    Action.REFUSE_RETURN,
    Action.REFUSE_EXTENSION,
    Action.REFUSE_SUSPENSION,
    Action.REFUSE_VOID,
    Action.REDO,
)

# --- steps that are not owed while there is a record ---

Without = Callable[["type[Issue]", "Posting"], "list[QuerySet[Any]]"]


def _reviews(issues: type[Issue], posting: Posting) -> list[QuerySet[Any]]:
    """While a second review is asked for, there is nothing for the revisitor to do."""
    return [records(issues, "approvals").filter(kind=ApprovalKind.REVIEW, decision="")]


def _own_part(issues: type[Issue], posting: Posting) -> list[QuerySet[Any]]:
    """The handling steps which the person took, and the orders to the units in which they serve."""
    user = posting.user
    return [
        records(issues, "events").filter(actor=user, action__in=HANDLING_ACTIONS),
        records(issues, "assignments").filter(
            unit_id__in=user.scope.organisation_ids, left_seq__isnull=True
        ),
    ]


WITHOUT: Mapping[Action, Without] = {Action.RECORD_REVISIT: _reviews}
