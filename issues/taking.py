"""One step while it is being taken: what its effect and its clocks may know and use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from core.errors import NotAllowed
from core.workdays import Deadline
from issues import clocks
from issues.case import Case, Data
from issues.choices import Action, ClockKind
from issues.models import Assignment, Clock
from issues.office import Limit, Office
from issues.states import Rule
from people.models import Posting


@dataclass
class Taking:
    """``words`` are what goes into the event's text; an effect may add to them.

    ``facts`` are codes and ids that the effect adds to what the event keeps of the input.
    """

    case: Case
    action: Action
    rule: Rule
    by: Posting | None
    data: Data
    at: datetime
    office: Office

    def __post_init__(self) -> None:
        self.words: str = self.data.get("text") or ""
        self.facts: dict[str, object] = {}

    @property
    def day(self) -> date:
        return timezone.localdate(self.at)

    @property
    def seq(self) -> int:
        """The number that the event of this step will have."""
        return self.case.issue.event_count + 1

    @property
    def person(self) -> Posting:
        """The posting that acts; no step of the system comes here."""
        if self.by is None:
            raise NotAllowed()
        return self.by

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

    def start_until(
        self, kind: ClockKind, step: str, day: date, assignment: Assignment | None = None
    ) -> Clock:
        """A clock whose limit was given as a day: it falls due at the end of that very day.

        One that is over already gives a working day from now.
        """
        clock = self.start(kind, step, Limit(self.days_until(day)), assignment)
        if (end := clocks.until(day)) > self.at:
            clocks.set_due(clock, Deadline(end, provisional=False), self.office.calendar)
        return clock

    def cancel(self, clock: Clock) -> None:
        if pause := clocks.cancel(clock, self.at):
            self.case.pauses.append(pause)

    def last(self, kind: ClockKind, step: str) -> Clock:
        return next(c for c in reversed(self.case.clocks) if c.kind == kind and c.step == step)

    def days_until(self, day: date) -> int:
        """Working days from today to ``day``, at least one: a limit that was given as a day."""
        return max(1, self.office.calendar.working_days_between(self.day, day))
