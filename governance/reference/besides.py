"""What happens beside the way: contacts, notes, urging, orders, instructions, corrections.

None of it moves a case, so it is put between the lines of a finished script, and the way is what it
was. Everything happens before ``until``; of a case that is still open, so do its last days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import partial
from random import Random

from core.workdays import moment
from governance.reference import words
from governance.reference.chance import stream
from governance.reference.lines import Line, Script, day_of
from governance.reference.pace import Pace
from governance.reference.stage import Stage
from governance.reference.watch import Watch
from issues import clocks
from issues.choices import (
    OPEN_STATUSES,
    Action,
    Contact,
    ContactWay,
    Grade,
    Level,
    Respondent,
    Source,
    Status,
    Step,
    SupervisionCause,
    Urgency,
    Visibility,
)
from issues.office import Limit
from issues.states import PENDING_FIRST, State
from issues.sweeps import DEEMED, OVERDUE_FOR, REQUIREMENTS, REWORKED, WITH_SOMEBODY
from people.choices import OrganisationKind, Role
from people.models import Organisation, User

# Who complained is reached in time, too late, or by nobody before the revisit.
CONTACTED, CONTACTED_LATE = 0.88, 0.06
NOT_REACHED_FIRST = 0.1
WITH_PROGRESS = 0.34  # of what units handle
SECOND_NOTE = 0.3
INTERNAL = 0.35  # of the notes
SWEEP = time(8, 45)  # when the platform looks for what was neglected
ORDER_ANSWERED, ORDER_STRUCK_OFF = 0.85, 0.6  # the others end with their case
TRIES = 8


@dataclass(frozen=True)
class Counts:
    """How many cases have something beside their way that few have."""

    corrections: int  # of each kind
    co_units: int
    urged: int
    orders: int  # by hand; the platform's own come as they must
    instructions: int


COUNTS = (  # in the full district, in the small one
    Counts(corrections=20, co_units=192, urged=180, orders=36, instructions=18),
    Counts(corrections=1, co_units=8, urged=8, orders=4, instructions=2),
)
GRADES = ((Grade.GENERAL, Grade.KEY, Grade.LISTED), (60, 30, 10))
CORRECTED = ("place", "category", "urgency", "address")


def add(
    stage: Stage, told: Sequence[Script], counts: Counts, *, purpose: str, until: datetime
) -> list[Script]:
    """The scripts with what happens beside their way; the given ones stay as they are."""
    rng = stream(f"beside the {purpose}")
    besides = [
        Besides(stage, script, stream(f"beside {purpose} {number}"), until)
        for number, script in enumerate(told)
    ]
    # Corrections come before what follows a report at once, the rest goes between everything.
    apart = [one for one in besides if not one.has(Action.MERGE, Action.ABSORB)]
    for what in CORRECTED:
        _some(apart, counts.corrections, rng, partial(Besides.correct, what=what))
    for one in besides:
        one.usual()
    _some(besides, counts.co_units, rng, lambda one: one.add_co_unit())
    _some(besides, counts.urged, rng, lambda one: one.urge())
    # What is watched over is not merged.
    own = [one for one in besides if not one.has(Action.MERGE)]
    unwatched = [one for one in own if not one.has(Action.SUPERVISE)]
    _some(
        unwatched,
        counts.orders,
        rng,
        lambda one: one.supervise(
            rng.choices(*GRADES)[0],
            answered=rng.random() < ORDER_ANSWERED,
            struck_off=rng.random() < ORDER_STRUCK_OFF,
        ),
    )
    _some(own, counts.instructions, rng, lambda one: one.instruct(answered=rng.random() < 0.8))
    return [one.lines for one in besides]


def _some(
    besides: Sequence[Besides], count: int, rng: Random, happens: Callable[[Besides], bool]
) -> None:
    """Let something happen beside ``count`` of the ways, wherever there is room for it."""
    left = count
    for one in rng.sample(besides, len(besides)):
        if left == 0:
            return
        left -= happens(one)


@dataclass(frozen=True)
class Stretch:
    """A time in which a case stands in one state, with the unit that then leads it."""

    start: datetime
    end: datetime
    state: State
    lead: Organisation | None
    due: datetime | None  # of the unit's handling


class Besides:
    """Adds to one script. What has no room in it is left out, and the caller told so."""

    def __init__(self, stage: Stage, script: Script, rng: Random, until: datetime) -> None:
        self.stage = stage
        self.lines = list(script)
        self.rng = rng
        self.until = until
        self.pace = Pace(stage.calendar, rng)
        lineage = script[0].data["place"].lineage()
        self.town_id, self.district_id = lineage["town_id"], lineage["district_id"]
        roster = stage.roster
        workers = roster.at(Role.GRID_WORKER, lineage["grid_id"])
        officers = roster.at(Role.COMMUNITY_OFFICER, lineage["community_id"])
        self.first = (workers or officers)[0]

    def has(self, *actions: Action) -> bool:
        return any(line.action in actions for line in self.lines)

    # --- what always happens ---

    def usual(self) -> None:
        """Contacts and notes, as often as people make them, and the platform's own orders."""
        self._contact()
        self._progress()
        self._orders_of_the_platform()

    def _contact(self) -> None:
        report = self.lines[0]
        if "contact_phone" not in report.data:
            return
        chance = self.rng.random()
        if chance < CONTACTED:
            self._contact_in_time(report)
        elif chance < CONTACTED + CONTACTED_LATE:
            limit = self._limit(Step.CONTACT, Level.GRID, report.at)
            self._contact_late(clocks.due(report.at, limit, self.stage.calendar).at)

    def _contact_in_time(self, report: Line) -> None:
        """By the grid, before it does anything else."""
        at = self.pace.soon(report.at, 240)
        following = self.lines[1].at if len(self.lines) > 1 else self._end()
        if at >= following:
            at = report.at + (following - report.at) / 2
        if self.rng.random() < NOT_REACHED_FIRST:
            self._call(self.first, report.at + (at - report.at) / 2, Contact.NOT_REACHED)
        self._call(self.first, at, Contact.REACHED)

    def _contact_late(self, due: datetime) -> None:
        """By who then works on it, if it has not ended by then."""
        for stretch in self._stretches():
            if stretch.end > due and (
                at := self._moment_in(stretch, after=max(due, stretch.start))
            ):
                self._call(self._caller(stretch), at, Contact.REACHED)
                return

    def _call(self, by: User, at: datetime, contact: Contact) -> None:
        reached = contact == Contact.REACHED
        self._insert(
            Action.CONTACT,
            by,
            at,
            how=self.rng.choice(list(ContactWay)) if reached else ContactWay.PHONE,
            contact=contact,
            text=self.rng.choice(words.CONTACTED) if reached else words.NOT_REACHED,
        )

    def _progress(self) -> None:
        handled = [s for s in self._stretches() if s.state.status == Status.HANDLING and s.lead]
        if not handled or self.rng.random() >= WITH_PROGRESS:
            return
        longest = max(handled, key=lambda stretch: stretch.end - stretch.start)
        notes = 2 if self.rng.random() < SECOND_NOTE else 1
        for at in sorted(filter(None, (self._moment_in(longest) for _ in range(notes)))):
            self.note_progress(longest, at)

    def note_progress(self, stretch: Stretch, at: datetime) -> None:
        internal = self.rng.random() < INTERNAL
        passed = (at - stretch.start) / (stretch.end - stretch.start)
        self._insert(
            Action.PROGRESS,
            self._handler(stretch),
            at,
            visibility=Visibility.INTERNAL if internal else Visibility.PUBLIC,
            percent=None if internal else round(passed * 9) * 10,
            text=self.rng.choice(words.PROGRESS_INTERNAL if internal else words.PROGRESS_PUBLIC),
        )

    # --- the platform's orders ---

    def _orders_of_the_platform(self) -> None:
        """An order for each kind of neglect, on the first morning on which it shows."""
        for cause, at in list(self._neglects()):
            self._insert(
                Action.SUPERVISE,
                None,
                at,
                grade=Grade.GENERAL,
                cause=cause,
                text=REQUIREMENTS[cause],
            )
            if self.rng.random() < ORDER_ANSWERED:
                self.answer_order(at)

    def _neglects(self) -> Iterator[tuple[SupervisionCause, datetime]]:
        seen: set[SupervisionCause] = set()
        for stretch, watch in self._watched():
            if stretch.state.status not in WITH_SOMEBODY or watch.lead is None:
                continue
            begins: dict[SupervisionCause, datetime] = {}
            if watch.due and not watch.is_paused():
                third = self.stage.calendar.add_working_days(day_of(watch.due), OVERDUE_FOR)
                begins[SupervisionCause.OVERDUE] = moment(third + timedelta(days=1), SWEEP)
            if watch.reworks >= REWORKED:
                begins[SupervisionCause.REWORK] = stretch.start
            if watch.deemed >= DEEMED:
                begins[SupervisionCause.NOT_ACKNOWLEDGED] = stretch.start
            for cause, start in begins.items():
                at = self._sweep_after(max(start, stretch.start))
                if cause not in seen and at < stretch.end:
                    seen.add(cause)
                    yield cause, at

    def _sweep_after(self, at: datetime) -> datetime:
        day = day_of(at)
        if moment(day, SWEEP) < at:
            day += timedelta(days=1)
        return moment(day, SWEEP) + timedelta(seconds=self.rng.randint(1, 50))

    # --- what happens to some, when it is asked for ---

    def supervise(self, grade: Grade, *, answered: bool, struck_off: bool) -> bool:
        """An order by hand on what has been lying for a while; returns whether there was room."""
        return any(
            self._order(stretch, at, grade, answered=answered, struck_off=struck_off)
            for stretch, at in self._late_moments()
        )

    def _order(
        self, stretch: Stretch, at: datetime, grade: Grade, *, answered: bool, struck_off: bool
    ) -> bool:
        by = self.rng.choice(self._watchers(stretch.state.level, grade))
        self._insert(
            Action.SUPERVISE, by, at, grade=grade, limit_days=None, text=words.ORDERS[grade]
        )
        if answered and (answered_at := self.answer_order(at)) and struck_off:
            self._strike_off(answered_at, by)
        return True

    def answer_order(self, ordered_at: datetime) -> datetime | None:
        """The unit answers, or the dispatcher where none leads; None without room for it.

        An answer is to all orders that are open: one that comes later serves this one too.
        """
        if any(
            line.action == Action.ANSWER_SUPERVISION and line.at >= ordered_at
            for line in self.lines
        ):
            return None
        return self._answer(
            Action.ANSWER_SUPERVISION,
            ordered_at,
            self.pace.days(ordered_at, 0, 2),
            self.rng.choice(words.ORDER_ANSWERED),
        )

    def _strike_off(self, answered_at: datetime, by: User) -> None:
        """A few days later or, if the case ends before, somewhat earlier."""
        rest = [s for s in self._stretches() if s.end > answered_at]
        earlier = (self._moment_in(s, after=max(answered_at, s.start)) for s in rest)
        usual = self.pace.days(answered_at, 1, 3)
        if at := usual if usual < self._end() else next(filter(None, earlier), None):
            self._insert(Action.STRIKE_OFF, by, at, text=words.STRUCK_OFF)

    def instruct(self, *, answered: bool) -> bool:
        """A leader writes on the case; in a town, now and then the dispatcher enters it."""
        for stretch, at in self._late_moments():
            leader = self._leader(stretch.state.level)
            by = leader
            if self.rng.random() < 0.4:
                by = self.rng.choice(self._dispatchers(stretch.state.level))
            days = self.rng.randint(2, 5)
            self._insert(
                Action.INSTRUCT,
                by,
                at,
                leader_name=leader.full_name,
                until=self.stage.calendar.add_working_days(day_of(at), days),
                respondent=Respondent.LEAD_UNIT if stretch.lead else Respondent.DISPATCHER,
                text=self.rng.choice(words.INSTRUCTIONS),
            )
            if answered:
                when = self.pace.days(at, 1, days)
                self._answer(Action.ANSWER_INSTRUCTION, at, when, words.INSTRUCTION_ANSWERED)
            return True
        return False

    def urge(self) -> bool:
        """Once or, on another day, twice."""
        moments = [at for _, at in self._late_moments()][:2]
        days = {day_of(at): at for at in moments}
        for at in sorted(days.values())[: self.rng.randint(1, 2)]:
            level = self._state_at(at).level
            by = [*self._dispatchers(level), *self._watchers(level, Grade.GENERAL)]
            self._insert(Action.URGE, self.rng.choice(by), at, text=self.rng.choice(words.URGES))
        return bool(days)

    def add_co_unit(self, *, replies: bool = True) -> bool:
        """Another body is asked to help while the lead works. It is no organ where none has part,
        since that would say that a district organ had solved the matter.
        """
        for stretch in self._stretches(Status.HANDLING):
            at = self._moment_in(stretch)
            later = self._moment_in(stretch, after=at) if at else None
            lead = stretch.lead
            if at is None or later is None or lead is None:
                continue
            candidates = self._co_units(lead, stretch.state.level)
            if not candidates:
                continue
            unit = self.rng.choice(candidates)
            head = self.stage.roster.of(Role.UNIT_HEAD, lead)[0]
            by = [head, *self._dispatchers(stretch.state.level)]
            task = {"unit": unit, "task": self.rng.choice(words.CO_TASKS), "reply_required": True}
            self._insert(
                Action.ADD_CO, self.rng.choice(by), at, co_units=[task], text=words.CO_ADDED
            )
            if replies:
                handler = self.rng.choice(self.stage.roster.of(Role.UNIT_HANDLER, unit))
                self._insert(Action.CO_REPLY, handler, later, text=words.CO_REPLIED)
            return True
        return False

    def _co_units(self, lead: Organisation, level: Level) -> list[Organisation]:
        category = self.lines[0].data["category"].name
        organ = OrganisationKind.DISTRICT_DEPARTMENT
        if level == Level.DISTRICT and lead.kind == organ:
            units = self.stage.organs(category)
        else:
            units = self.stage.offices(category, self.lines[0].data["place"].town)
        present = {lead.pk} | {
            row["unit"].pk for line in self.lines for row in line.data.get("co_units") or ()
        }
        return [unit for unit in (*units.leads, *units.others) if unit.pk not in present]

    # --- corrections ---

    def correct(self, what: str) -> bool:
        """What was entered wrongly, put right by the town before anybody takes the case on."""
        if self.has(Action.CORRECT):
            return False
        report, following = self.lines[0], self.lines[1:2]
        end = following[0].at if following else self.until
        stretch = Stretch(report.at, end, PENDING_FIRST, None, None)
        at, wrong = self._moment_in(stretch), self._wrong(what)
        if at is None or wrong is None:
            return False
        right = report.data[what]
        # Who chooses the wrong grid names no area.
        named = {"area": None} if what == "place" else {}
        self.lines[0] = replace(report, data={**report.data, **named, what: wrong})
        by = self.rng.choice(self.stage.roster.at(Role.TOWN_DISPATCHER, self.town_id))
        self._insert(Action.CORRECT, by, at, **{what: right}, text=words.CORRECTED[what])
        return True

    def _wrong(self, what: str) -> object | None:
        """What may have been entered instead, or None if that can't have happened here."""
        data = self.lines[0].data
        match what:
            case "place":
                # A grid worker reports from the own grid; others may choose the wrong one.
                if data["source"] not in (Source.COMMUNITY, Source.INSPECTION):
                    return None
                grids = self.stage.grids[data["place"].community_id or 0]
                others = [grid for grid in grids if grid != data["place"]]
                return self.rng.choice(others) if others else None
            case "category":
                like = [
                    row
                    for row in self.stage.categories.values()
                    if row.parent_id == data["category"].parent_id and row != data["category"]
                ]
                return self.rng.choice(like) if like else None
            case "urgency":
                return Urgency.URGENT if data["urgency"] == Urgency.NORMAL else None
        return data["address"].replace("号附近", "号对面")

    # --- putting lines in ---

    def _insert(self, action: Action, by: User | None, at: datetime, /, **data: object) -> None:
        index = next((n for n, line in enumerate(self.lines) if line.at > at), len(self.lines))
        self.lines.insert(index, Line(action, by, at, dict(data), self.lines[index - 1].to))

    def _answer(
        self, action: Action, asked_at: datetime, at: datetime, text: str
    ) -> datetime | None:
        """By whoever answers for the case, at ``at`` or, if it ends before, somewhat earlier."""
        for stretch in self._stretches():
            if stretch.end <= asked_at:
                continue
            if at >= self._end():
                earlier = self._moment_in(stretch, after=max(asked_at, stretch.start))
                if earlier is None:
                    continue
                at = earlier
            if stretch.start <= at < stretch.end:
                self._insert(action, self._respondent(stretch), at, text=text)
                return at
        return None

    def _respondent(self, stretch: Stretch) -> User:
        roster, level = self.stage.roster, stretch.state.level
        if stretch.lead:
            heads = roster.of(Role.UNIT_HEAD, stretch.lead)
            return self.rng.choice([*heads, *roster.of(Role.UNIT_HANDLER, stretch.lead)])
        return self.first if level == Level.GRID else self.rng.choice(self._dispatchers(level))

    def _end(self) -> datetime:
        """When the case ends, or what can be told of it."""
        last = self.lines[-1]
        return self.until if last.to.status in OPEN_STATUSES else last.at

    def _stretches(self, *statuses: Status) -> list[Stretch]:
        return [
            stretch
            for stretch, _ in self._watched()
            if not statuses or stretch.state.status in statuses
        ]

    def _watched(self) -> Iterator[tuple[Stretch, Watch]]:
        """The stretches between the lines, each with the watch as it then stands."""
        watch = Watch(self.stage.limits, self.stage.calendar)
        ends = [line.at for line in self.lines[1:]] + [self._end()]
        for line, end in zip(list(self.lines), ends, strict=True):
            watch.see(line)
            if line.to.status in OPEN_STATUSES and line.at < end:
                yield Stretch(line.at, end, line.to, watch.lead, watch.due), watch

    def _state_at(self, at: datetime) -> State:
        return [line.to for line in self.lines if line.at <= at][-1]

    def _moment_in(self, stretch: Stretch, after: datetime | None = None) -> datetime | None:
        """Some time in the office hours of a stretch, or None if it has hardly any."""
        start = after or stretch.start
        days = max(0, (stretch.end - start).days)
        for _ in range(TRIES):
            at = self.pace.office(day_of(start) + timedelta(days=self.rng.randint(0, days)))
            if start < at < stretch.end:
                return at
        return None

    def _late_moments(self) -> Iterator[tuple[Stretch, datetime]]:
        """Moments of the longest stretches, in which people begin to ask what is going on."""
        active = [s for s in self._stretches() if s.state.status != Status.SUSPENDED]
        for stretch in sorted(active, key=lambda s: s.start - s.end):
            if at := self._moment_in(
                stretch, after=stretch.start + (stretch.end - stretch.start) / 2
            ):
                yield stretch, at

    def _limit(self, step: Step, level: Level, at: datetime) -> Limit:
        data = self.lines[0].data
        return self.stage.limits.find(step, level, data["urgency"], data["category"], day_of(at))

    # --- who ---

    def _handler(self, stretch: Stretch) -> User:
        if stretch.lead is None:
            return self.first
        return self.rng.choice(self.stage.roster.of(Role.UNIT_HANDLER, stretch.lead))

    def _caller(self, stretch: Stretch) -> User:
        """Who talks to whoever complained, where a case stands."""
        match stretch.state.status:
            case Status.VERIFY:
                return self.first
            case Status.REVISIT:
                is_district = stretch.state.level == Level.DISTRICT
                place_id = self.district_id if is_district else self.town_id
                return self.rng.choice(self.stage.roster.at(Role.REVISITOR, place_id))
            case Status.ASSIGNED | Status.HANDLING | Status.SUSPENDED if stretch.lead:
                return self._handler(stretch)
        if stretch.state.level == Level.GRID:
            return self.first
        return self.rng.choice(self._dispatchers(stretch.state.level))

    def _dispatchers(self, level: Level) -> list[User]:
        if level == Level.DISTRICT:
            return self.stage.roster.at(Role.DISTRICT_DISPATCHER, self.district_id)
        return self.stage.roster.at(Role.TOWN_DISPATCHER, self.town_id)

    def _leader(self, level: Level) -> User:
        if level == Level.DISTRICT:
            return self.stage.roster.at(Role.DISTRICT_LEADER, self.district_id)[0]
        return self.stage.roster.at(Role.TOWN_LEADER, self.town_id)[0]

    def _watchers(self, level: Level, grade: Grade) -> list[User]:
        """Who watches over cases of a level; a listed order comes from the district."""
        at, roster = self.district_id, self.stage.roster
        if level != Level.DISTRICT and grade != Grade.LISTED:
            at = self.town_id
        return roster.at(Role.SUPERVISOR, at)
