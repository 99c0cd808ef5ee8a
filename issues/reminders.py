"""Reminders of limits: which are due, whom they concern, and in what words.

On a morning thousands are due at once, and every one of them costs a person's minute, not the
database's: a batch is read, decided on in memory and written in a fixed number of statements, and
none of its rows is a model instance.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.db import connection, transaction
from django.utils import timezone

from core import outbox
from core.outbox import Draft
from core.workdays import calendar
from issues import clocks
from issues.audiences import Asked, Outline, People, Present
from issues.choices import HANDLING_ACTIONS, ClockKind, LimitUnit, MessageKind, Status, Step
from issues.clocks import Timing
from issues.models.issue import page_of
from people.directory import Directory

Row = TypeVar("Row")

# One transaction. Who takes a step on one of these cases meanwhile waits for the rest of it.
BATCH = 1000


class DueClock(NamedTuple):
    """What is read of a clock of which somebody has to be reminded, before its case's ``Outline``.

    ``unit_id`` is the co-unit whose limit it is, ``respondent`` whom an instruction names.
    """

    pk: int
    step: str
    limit_unit: str
    yellow_at: datetime
    due_at: datetime
    unit_id: int | None
    respondent: str | None


class Reminder(NamedTuple):
    """What clocks of the same timing say at one moment, and when they remind next (ISO 8601).

    ``kind`` is None where no reminder's time has come.
    """

    kind: MessageKind | None
    key: str
    title: str
    words: str
    next_at: str | None


_OUTLINE = ", ".join("i.id" if name == "pk" else f"i.{name}" for name in Outline._fields)

# Rows that another sweep or a step holds are left to it. Clocks are read as they are under the
# lock; in this order it is the index clock_reminders that is read, and of it what is due.
LOCK_DUE = f"""
    SELECT c.id, c.step, c.limit_unit, c.yellow_at, c.due_at, a.unit_id, n.respondent, {_OUTLINE}
    FROM issues_clock c
    JOIN issues_issue i ON i.id = c.issue_id
    LEFT JOIN issues_assignment a
        ON a.id = CASE WHEN c.kind = '{ClockKind.CO_UNIT}' THEN c.assignment_id END
    LEFT JOIN issues_instruction n
        ON n.clock_id = CASE WHEN c.step = '{Step.INSTRUCTION}' THEN c.id END
    WHERE c.next_reminder_at <= %(now)s AND c.limit_unit = ANY(%(units)s)
    ORDER BY c.next_reminder_at, c.id
    LIMIT %(batch)s
    FOR UPDATE OF c SKIP LOCKED
"""  # noqa: S608 - our own names
PRESENT = f"""
    SELECT issue_id, {", ".join(Present._fields)} FROM issues_assignment
    WHERE issue_id = ANY(%s) AND left_seq IS NULL ORDER BY id
"""  # noqa: S608 - our own names
ASKED = f"""
    SELECT issue_id, {", ".join(Asked._fields)} FROM issues_approval
    WHERE issue_id = ANY(%s) AND decision = '' ORDER BY id
"""  # noqa: S608 - our own names
WORKED = """
    SELECT DISTINCT issue_id, actor_id FROM issues_issueevent
    WHERE issue_id = ANY(%s) AND action = ANY(%s) AND actor_id IS NOT NULL
"""
SET_NEXT = """
    UPDATE issues_clock SET next_reminder_at = seen.next_at
    FROM json_to_recordset(%s) AS seen(id bigint, next_at timestamptz)
    WHERE issues_clock.id = seen.id
"""


class Sweep:
    """One run over what is due at ``now``."""

    def __init__(self, now: datetime) -> None:
        self.now, self.today = now, timezone.localdate(now)
        self.calendar = calendar()
        self.directory = Directory()
        # Outside office time only limits in hours remind: the others wait for the morning.
        is_office_time = self.calendar.is_office_time(now)
        self._units = LimitUnit.values if is_office_time else [LimitUnit.HOURS.value]
        self._reminders: dict[Timing, Reminder] = {}

    @transaction.atomic
    def batch(self) -> int:
        """Write the reminders of the next clocks that are due; return how many those were."""
        with connection.cursor() as cursor:
            cursor.execute(LOCK_DUE, {"now": self.now, "units": self._units, "batch": BATCH})
            width = len(DueClock._fields)
            due = [(DueClock(*row[:width]), Outline(*row[width:])) for row in cursor.fetchall()]
        if due:
            outbox.post_drafts(self._drafts(due))
            seen = [{"id": clock.pk, "next_at": self._reminder(clock).next_at} for clock, _ in due]
            with connection.cursor() as cursor:
                cursor.execute(SET_NEXT, [json.dumps(seen)])
        return len(due)

    def _drafts(self, due: list[tuple[DueClock, Outline]]) -> Iterator[Draft]:
        issues = {issue.pk: issue for _, issue in due}
        units = {clock.unit_id for clock, _ in due} | {i.lead_unit_id for i in issues.values()}
        # Only who verifies depends on who worked on the case and whose it is, and only on what is
        # asked for does anybody decide.
        to_verify = [pk for pk, issue in issues.items() if issue.status == Status.VERIFY]
        to_decide = [i.pk for c, i in due if c.step in (Step.RULING, Step.REVISIT)]
        present = _by_issue(PRESENT, Present, to_verify)
        worked = _by_issue(WORKED, int, to_verify, list(HANDLING_ACTIONS))
        asked = _by_issue(ASKED, Asked, to_decide)
        units |= {row.unit_id for rows in present.values() for row in rows}
        places = {pk for issue in issues.values() for pk in issue.place_ids}
        self.directory.widen(places, units)
        for clock, issue in due:
            people = People(
                issue,
                present.get(issue.pk, ()),
                self.directory,
                self.today,
                approvals=asked.get(issue.pk, ()),
                handlers=worked.get(issue.pk, ()),
            )
            yield from self._draft(clock, issue, people)

    def _draft(self, clock: DueClock, issue: Outline, people: People[Outline]) -> Iterator[Draft]:
        reminder = self._reminder(clock)
        if reminder.kind is None:
            return
        yield Draft(
            key=f"clock:{clock.pk}:{reminder.key}",
            recipients=people.of_limit(
                clock.step,
                overdue=reminder.kind == MessageKind.OVERDUE,
                co_unit_id=clock.unit_id,
                respondent=clock.respondent,
            ),
            kind=reminder.kind,
            title=f"{reminder.title}：{issue.title}",
            body=f"{issue.number}，{Step(clock.step).label}{reminder.words}",
            url=page_of(issue.pk),
            urgent=clock.limit_unit == LimitUnit.HOURS,
            created_at=self.now,
        )

    def _reminder(self, clock: DueClock) -> Reminder:
        """Thousands of limits end at the same instant: each timing is reckoned once."""
        timing = Timing(clock.limit_unit, clock.yellow_at, clock.due_at)
        found = self._reminders.get(timing)
        if found is None:
            found = self._reminders[timing] = self._reckon(timing)
        return found

    def _reckon(self, timing: Timing) -> Reminder:
        times = clocks.reminder_times(timing, self.calendar)
        next_at = clocks.first_after(times, self.now)
        next_time = next_at.isoformat() if next_at else None
        reminder = clocks.reminder_due(times, self.now)
        if reminder is None:
            return Reminder(None, "", "", "", next_time)
        kind, nth = reminder
        at = f"{timezone.localtime(timing.due_at):%m月%d日 %H:%M}"
        return Reminder(
            kind,
            # With the due instant, so that a moved one reminds anew.
            key=f"{kind}{nth or ''}:{timing.due_at:%Y%m%dT%H%M%z}",
            title=kind.label,
            words=f"已于{at}到期，已超期。" if kind == MessageKind.OVERDUE else f"将于{at}到期。",
            next_at=next_time,
        )


def _by_issue(
    sql: str, make: Callable[..., Row], issue_ids: Collection[int], *more: Any
) -> dict[int, list[Row]]:
    found: defaultdict[int, list[Row]] = defaultdict(list)
    if issue_ids:
        with connection.cursor() as cursor:
            cursor.execute(sql, [list(issue_ids), *more])
            for issue_id, *columns in cursor:
                found[issue_id].append(make(*columns))
    return found
