"""Telling a story line by line: who is around, how long things take, and what came before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from areas.models import Place
from core.workdays import SHANGHAI
from governance.reference import words
from governance.reference.lines import Line, Matter, Script, Twist, day_of
from governance.reference.pace import Pace
from governance.reference.stage import Stage
from governance.reference.watch import Watch
from issues.choices import HANDLING_ACTIONS, Action, Level, Status, Urgency
from issues.states import State
from people.choices import Role
from people.models import Organisation, User

SLOW = 0.06  # how often a step takes longer than it may
SWEEP_SECONDS = 300  # within which the platform notices that a deadline has passed
DISPATCHER = {Level.TOWN: Role.TOWN_DISPATCHER, Level.DISTRICT: Role.DISTRICT_DISPATCHER}


@dataclass
class Teller:
    """What every part of a story uses.

    With ``pin``, the line of that index happens at that instant, and the rest follows from it.
    """

    stage: Stage
    matter: Matter
    rng: Random
    pin: tuple[int, datetime] | None = None
    lines: Script = field(default_factory=list)

    def __post_init__(self) -> None:
        self.calendar = self.stage.calendar
        self.pace = Pace(self.calendar, self.rng)
        self.watch = Watch(self.stage.limits, self.calendar)
        self.urgent = self.matter.urgency == Urgency.SAFETY
        roster, place = self.stage.roster, self.matter.place
        lineage = place.lineage()
        workers = roster.at(Role.GRID_WORKER, lineage["grid_id"])
        self.worker = workers[0] if workers else None
        self.officers = roster.at(Role.COMMUNITY_OFFICER, lineage["community_id"])
        self.town_id, self.district_id = lineage["town_id"], lineage["district_id"]
        self.first = self.worker or self.officers[0]
        self.handled_by: set[int] = set()
        self.where = self.matter.area.name if self.matter.area else place.name
        self.trouble = self.matter.trouble or words.trouble(
            self.matter.category.name, self.where, self.rng
        )

    def _add(
        self, action: Action, by: User | None, at: datetime, to: State, /, **data: Any
    ) -> None:
        if self.pin and self.pin[0] == len(self.lines):
            at = self.pin[1]
        line = Line(action, by, at, data, to)
        self.lines.append(line)
        self.watch.see(line)
        if by and action in HANDLING_ACTIONS:
            self.handled_by.add(by.pk)

    # --- where and when ---

    @property
    def twist(self) -> Twist | None:
        return self.matter.twist

    @property
    def at(self) -> datetime:
        return self.lines[-1].at

    @property
    def level(self) -> Level:
        """Where the case stands now; the matter's own level is where it will end."""
        return self.lines[-1].to.level

    def _state(self, status: Status) -> State:
        return State(self.level, status)

    def _after(self, low: int, high: int, slow: tuple[int, int]) -> datetime:
        """So many working days later, now and then too many; at once where safety is at stake."""
        is_slow = self.rng.random() < SLOW
        if self.urgent:
            return self.pace.soon(self.at, 100)
        return self.pace.days(self.at, *(slow if is_slow else (low, high)))

    def _soon(self) -> datetime:
        """Within a working day or so, as those who decide at a desk do."""
        return self._after(0, 1, slow=(2, 3))

    def _before(self, due: datetime, at: datetime) -> datetime:
        """``at``, or a little before ``due`` if that is earlier; never before the last line."""
        if at < due:
            return at
        latest = due - timedelta(seconds=self.rng.randint(600, 3600))
        return latest if latest > self.at else self.at + (due - self.at) / 2

    def _platform(self, at: datetime) -> datetime:
        """When the platform notices that ``at`` has come."""
        return at + timedelta(seconds=self.rng.randint(5, SWEEP_SECONDS))

    def _days_later(self, days: int) -> date:
        return day_of(self.at) + timedelta(days=days)

    def _hour(self) -> int:
        return self.at.astimezone(SHANGHAI).hour

    # --- who ---

    @property
    def _place_id(self) -> int | None:
        """The place of those who see to the case at its level; a grid's is its town."""
        return self.district_id if self.level == Level.DISTRICT else self.town_id

    def _at_the_level(self, role: Role) -> list[User]:
        return self.stage.roster.at(role, self._place_id)

    def _dispatcher(self) -> User:
        return self.rng.choice(self._at_the_level(DISPATCHER[self.level]))

    def _leader(self) -> User:
        """Who decides above the dispatchers."""
        is_district = self.level == Level.DISTRICT
        return self._at_the_level(Role.DISTRICT_LEADER if is_district else Role.TOWN_LEADER)[0]

    def _head(self, unit: Organisation) -> User:
        return self.stage.roster.of(Role.UNIT_HEAD, unit)[0]

    def _handler(self, unit: Organisation, *, apart_from: Sequence[User] = ()) -> User:
        handlers = self.stage.roster.of(Role.UNIT_HANDLER, unit)
        return self.rng.choice([user for user in handlers if user not in apart_from] or handlers)

    def _lead(self) -> Organisation:
        if self.watch.lead is None:
            raise LookupError("no unit leads here")
        return self.watch.lead

    def _town(self) -> Place:
        town = self.matter.place.town
        if town is None:
            raise LookupError(f"{self.matter.place} lies in no town")
        return town
