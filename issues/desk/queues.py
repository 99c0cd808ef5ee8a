"""The queues of the desk: what a person works through, derived from the transition table.

What waits for the person comes first, whole and by status and by what is to be decided; then what
they watch over: near due, overdue, supervised, all that is open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from core import keyset
from core.errors import Malformed
from core.keyset import Total
from issues import waiting
from issues.choices import Action, Status
from issues.models import Issue, Supervision
from issues.querysets import IssueQuerySet
from issues.states import Facts, State
from issues.waiting import QUEUES_OF_THEIR_OWN, RECORDED, WITHOUT, named_by
from issues.workflow import RULES
from people.models import User

MINE, ALL, SUPERVISED = "mine", "all", "supervised"
OPEN_ORDERS = Supervision.objects.filter(struck_off_at__isnull=True)
# What is owed only while a record beside the case asks for it.
BY_RECORD = {
    Action.APPROVE_EXTENSION: "待批延期",
    Action.SUSPEND: "待批挂起",
    Action.CONFIRM_VOID: "待复核作废",
    Action.CLOSE_ON_REVIEW: "待二次审核",
    Action.ANSWER_SUPERVISION: "督办待反馈",
    Action.STRIKE_OFF: "督办待销号",
    Action.ANSWER_INSTRUCTION: "批示待反馈",
    Action.CO_REPLY: "待协办回复",
}


@dataclass(frozen=True)
class Queue:
    """``rows`` picks from the open cases that the person sees; None for one of ``issues.waiting``.

    ``is_rare`` queues are shown only while there is something in them; in ``is_mixed`` ones the
    cases stand in several states.
    """

    key: str
    label: str
    rows: Q | None = None
    is_rare: bool = False
    is_mixed: bool = True

    @property
    def is_mine(self) -> bool:
        return self.rows is None


EVERYTHING = Queue(MINE, "等我办理")


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
        if state is None or not rule.owed:
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
    if action in QUEUES_OF_THEIR_OWN or action in WITHOUT:
        return False
    if action in RECORDED:
        return True
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
    if queue.rows is not None:
        return Issue.objects.open().visible_to(user).filter(queue.rows)
    return Issue.objects.waiting_for(user, "" if queue.key == MINE else queue.key)


def counts(user: User, queues: Queues) -> dict[str, Total]:
    """How many cases each queue holds, by key. One query."""
    lists = {queue.key: rows_of(user, queue) for queue in queues.all if queue != EVERYTHING}
    unions = {}
    if EVERYTHING in queues.mine:  # it is put together from all queues, shown or not
        unions[MINE] = waiting.queues_of(user)
        for key in unions[MINE]:
            lists.setdefault(key, Issue.objects.waiting_for(user, key))
    numbers = keyset.counts(lists, unions)
    return {queue.key: numbers[queue.key] for queue in queues.all}


def _mine(user: User, statuses: Mapping[Status, str]) -> list[Queue]:
    by_status = [Queue(status, label, is_mixed="/" in label) for status, label in statuses.items()]
    by_record = [
        Queue(action, label, is_rare=True)
        for action, label in BY_RECORD.items()
        if _has(user, action)
    ]
    if not by_status and not by_record:
        return []
    # Of one status alone the whole queue would say the same again.
    return [EVERYTHING, *(by_status if len(by_status) > 1 else ()), *by_record]


def _watched(user: User, now: datetime) -> list[Queue]:
    found = [
        Queue("near", "临期", Q(yellow_at__lte=now, due_at__gt=now)),
        Queue("late", "超期", Q(due_at__lte=now)),
    ]
    if _has(user, Action.SUPERVISE) or _has(user, Action.ASSIGN):
        found.append(Queue(SUPERVISED, "督办中", named_by(OPEN_ORDERS)))
    return [*found, Queue(ALL, "全部在办", Q())]


def _has(user: User, action: Action) -> bool:
    """Whether a role of the person has this step anywhere."""
    return any(
        taken == action and not rule.roles.isdisjoint(user.roles)
        for (_, taken), rule in RULES.items()
    )
