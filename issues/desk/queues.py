"""The queues of the desk: what a person works through, derived from the transition table.

What waits for the person comes first, whole and by status and by what is to be decided; then what
they watch over: near due, overdue, supervised, all that is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from core import keyset
from core.errors import Malformed
from core.keyset import Total
from issues.choices import Action, ApprovalKind, Status
from issues.models import Approval, Instruction, Issue, Supervision
from issues.querysets import IssueQuerySet
from issues.states import Facts, State
from issues.waiting import RECORDED, WITHOUT, named_by
from issues.workflow import RULES
from people.models import User

MINE, ALL, SUPERVISED = "mine", "all", "supervised"
EVERY = Q(pk__isnull=False)


def _pending(kind: ApprovalKind) -> Q:
    return named_by(Approval.objects.filter(decision="", kind=kind))


OPEN_ORDERS = Supervision.objects.filter(struck_off_at__isnull=True)

# What is owed only while a record beside the case asks for it: each has a queue of its own.
RECORDS: dict[Action, tuple[str, Q]] = {
    Action.APPROVE_EXTENSION: ("待批延期", _pending(ApprovalKind.EXTENSION)),
    Action.SUSPEND: ("待批挂起", _pending(ApprovalKind.SUSPENSION)),
    Action.CONFIRM_VOID: ("待复核作废", _pending(ApprovalKind.VOID)),
    Action.CLOSE_ON_REVIEW: ("待二次审核", _pending(ApprovalKind.REVIEW)),
    Action.ANSWER_SUPERVISION: (
        "督办待反馈",
        named_by(OPEN_ORDERS.filter(answered_at__isnull=True)),
    ),
    Action.STRIKE_OFF: ("督办待销号", named_by(OPEN_ORDERS.filter(answered_at__isnull=False))),
    Action.ANSWER_INSTRUCTION: (
        "批示待反馈",
        named_by(Instruction.objects.filter(answered_at__isnull=True)),
    ),
}
# A return is a record, too, but the case stands in a state of its own meanwhile.
IN_A_STATE_OF_THEIR_OWN = (Action.APPROVE_RETURN, Action.ARBITRATE)


@dataclass(frozen=True)
class Queue:
    """``rows`` picks from what waits for the person, or else from the open cases that they see.

    ``is_rare`` queues are shown only while there is something in them; in ``is_mixed`` ones the
    cases stand in several states.
    """

    key: str
    label: str
    rows: Q
    is_mine: bool = True
    is_rare: bool = False
    is_mixed: bool = True


NOTHING = Queue(MINE, "等我办理", Q(pk__in=[]))


@dataclass(frozen=True)
class Queues:
    mine: Sequence[Queue]
    watched: Sequence[Queue]
    default: Queue

    def chosen(self, key: str) -> Queue:
        """The queue of that key, or the default one for an empty key. Raises Malformed."""
        if not key:
            return self.default
        for queue in self.all:
            if queue.key == key:
                return queue
        raise Malformed("没有这个队列。")

    @property
    def all(self) -> list[Queue]:
        return [*self.mine, *self.watched]


def queues_of(user: User, now: datetime) -> Queues:
    statuses = statuses_of(user)
    mine, watched = _mine(user, statuses), _watched(user, now)
    if statuses:
        default = mine[0]
    else:
        wanted = SUPERVISED if _has(user, Action.SUPERVISE) else ALL
        default = next(queue for queue in watched if queue.key == wanted)
    return Queues(mine, watched, default)


def statuses_of(user: User) -> dict[Status, str]:
    """The statuses in which the person owes a step whatever the case, with their names."""
    labels: dict[Status, dict[str, None]] = {}
    for (state, action), rule in RULES.items():
        if state is None or not rule.owed or action == Action.CO_REPLY:
            continue
        if not any(_is_owed(state, action, role) for role in user.roles):
            continue
        label = Issue(level=state.level, status=state.status).state_label
        labels.setdefault(state.status, {})[label] = None
    return {status: "/".join(labels[status]) for status in Status if status in labels}


def _is_owed(state: State, action: Action, role: str) -> bool:
    """Whether a role owes this step on every case in the state, not on some special one alone."""
    rule = RULES[state, action]
    if role not in rule.roles:
        return False
    if action in RECORDED or action in WITHOUT:
        return action in IN_A_STATE_OF_THEIR_OWN
    plain = Facts(
        state=state,
        source="",
        is_contactable=True,
        needs_verification=True,
        consulted=True,
        required_replies_missing=0,
        revisit_attempts=0,
        actor_role=role,
    )
    return all(condition(plain) is None for condition in (*rule.needs, *rule.conditions))


def rows_of(user: User, queue: Queue) -> IssueQuerySet:
    return _base(user, is_mine=queue.is_mine).filter(queue.rows)


def counts(user: User, queues: Queues) -> dict[str, Total]:
    """How many cases each queue holds, by key. One query for what is mine, one for the rest."""
    mine = keyset.capped(_base(user, is_mine=True)).aggregate(
        **{queue.key: Count("pk", filter=queue.rows) for queue in queues.mine}
    )
    watched = keyset.counts({queue.key: rows_of(user, queue) for queue in queues.watched})
    return {key: Total.of(number) for key, number in mine.items()} | watched


def _base(user: User, *, is_mine: bool) -> IssueQuerySet:
    rows = Issue.objects.open()
    return rows.waiting_for(user) if is_mine else rows.visible_to(user)


def _mine(user: User, statuses: Mapping[Status, str]) -> list[Queue]:
    by_status = [
        Queue(status, label, Q(status=status), is_mixed="/" in label)
        for status, label in statuses.items()
    ]
    by_record = [
        Queue(action, label, asked, is_rare=True)
        for action, (label, asked) in RECORDS.items()
        if _has(user, action)
    ]
    if _has(user, Action.CO_REPLY):
        helps = ~Q(lead_unit_id__in=user.scope.organisation_ids)
        by_record.append(Queue(Action.CO_REPLY, "待协办回复", helps, is_rare=True))
    if not by_status and not by_record:
        return []
    # Of one status alone the whole queue would say the same again.
    return [Queue(MINE, "等我办理", EVERY), *(by_status if len(by_status) > 1 else ()), *by_record]


def _watched(user: User, now: datetime) -> list[Queue]:
    found = [
        Queue("near", "临期", Q(yellow_at__lte=now, due_at__gt=now), is_mine=False),
        Queue("late", "超期", Q(due_at__lte=now), is_mine=False),
    ]
    if _has(user, Action.SUPERVISE) or _has(user, Action.ASSIGN):
        found.append(Queue(SUPERVISED, "督办中", named_by(OPEN_ORDERS), is_mine=False))
    return [*found, Queue(ALL, "全部在办", EVERY, is_mine=False)]


def _has(user: User, action: Action) -> bool:
    """Whether a role of the person has this step anywhere."""
    return any(
        taken == action and not rule.roles.isdisjoint(user.roles)
        for (_, taken), rule in RULES.items()
    )
