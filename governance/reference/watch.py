"""Following the lead unit's clock along the lines of a script."""

from __future__ import annotations

from datetime import date, datetime

from core.workdays import Calendar
from governance.reference.lines import Line, day_of
from issues import clocks
from issues.choices import Action, LimitUnit, Status, Step
from issues.office import Limit, Limits
from people.models import Organisation

ORDERS = (Action.ASSIGN, Action.TRANSFER, Action.ARBITRATE)
LEAVES = (Action.APPROVE_RETURN, Action.MERGE)


class Watch:
    """Who leads, and when its handling falls due, after the lines that were seen.

    ``due`` is None while no unit works; ``acknowledge_due`` is that of the last order. It says
    what ``issues.steps`` will do, so that people of the story can act before or after it.
    """

    def __init__(self, limits: Limits, calendar: Calendar) -> None:
        self.limits = limits
        self.calendar = calendar
        self.lead: Organisation | None = None
        self.due: datetime | None = None
        self.acknowledge_due: datetime | None = None
        self.reworks = 0
        self.deemed = 0
        self._whole: Limit | None = None
        self._stopped_at: datetime | None = None
        self._asked_until: date | None = None

    def see(self, line: Line) -> None:
        action, data = line.action, line.data
        if action == Action.CREATE:
            self._urgency, self._category = data["urgency"], data["category"]
        elif action == Action.CORRECT:
            self._urgency = data.get("urgency") or self._urgency
            self._category = data.get("category") or self._category
        elif action in ORDERS:
            self._order(line)
        elif action in LEAVES:
            self.lead = self.due = None
        elif action in (Action.REQUEST_RETURN, Action.SUSPEND, Action.TO_MEETING):
            self._stopped_at = line.at
        elif action in (Action.REFUSE_RETURN, Action.RESUME, Action.AUTO_RESUME):
            self._go_on(line)
        elif action == Action.REQUEST_EXTENSION:
            self._asked_until = data["until"]
        elif action == Action.APPROVE_EXTENSION and self._asked_until:
            self.due = clocks.until(self._asked_until)
        elif action == Action.AUTO_ACKNOWLEDGE:
            self.deemed += 1
        elif action == Action.SUBMIT_COMPLETION:
            self.due = None
        elif action in (Action.FAIL_VERIFICATION, Action.REDO):
            self.reworks += 1
            if self.lead and self._whole:
                self._start(line.at, self._whole.third())
        elif action == Action.REOPEN:
            self._reopen(line)

    def is_paused(self) -> bool:
        return self._stopped_at is not None

    def limit(self, step: str, level: str, at: datetime) -> Limit:
        return self.limits.find(step, level, self._urgency, self._category, day_of(at))

    def _order(self, line: Line) -> None:
        level = line.to.level
        self.lead, self._stopped_at = line.data["lead_unit"], None
        days = line.data.get("limit_days")
        self._whole = Limit(days) if days else self.limit(Step.HANDLING, level, line.at)
        self._start(line.at, self._whole)
        acknowledge = self.limit(Step.ACKNOWLEDGEMENT, level, line.at)
        self.acknowledge_due = clocks.due(line.at, acknowledge, self.calendar).at

    def _start(self, at: datetime, limit: Limit) -> None:
        self.due = clocks.due(at, limit, self.calendar).at

    def _go_on(self, line: Line) -> None:
        stopped_at, self._stopped_at = self._stopped_at, None
        if self.due is None or stopped_at is None or self._whole is None:
            return
        if self._whole.unit == LimitUnit.HOURS:
            self.due += line.at - stopped_at
        else:
            self.due = self.calendar.shift(self.due, stopped_at, line.at).at

    def _reopen(self, line: Line) -> None:
        if line.to.status == Status.HANDLING:
            self._whole = self.limit(Step.HANDLING, line.to.level, line.at)
            self._start(line.at, self._whole)
        else:
            self.lead = self.due = None
