"""The live tail: what stands open on the first morning, in every state and under every lamp."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from random import Random

from areas.models import Place
from core.workdays import Calendar, moment
from governance.reference import besides, demo, twists
from governance.reference.besides import Besides, Counts
from governance.reference.chance import SEED, stream
from governance.reference.duplicates import Doubles
from governance.reference.history import Size
from governance.reference.lines import Matter, Script, Twist, day_of, midnight
from governance.reference.matters import Matters
from governance.reference.situations import BULK, Situations
from governance.reference.stage import Stage
from governance.reference.stories import Story
from issues import clocks
from issues.choices import Action, Grade, Lamp, Level, Outcome, Status
from issues.models import lamp
from issues.states import STEP_OF_STATUS, State
from people.models import Organisation

# How many stand open in each state: (in the full district, in the small one).
OPEN = {
    State(Level.GRID, Status.PENDING_FIRST): (44, 3),
    State(Level.GRID, Status.GRID_HANDLING): (38, 4),
    State(Level.GRID, Status.VERIFY): (20, 3),
    State(Level.GRID, Status.REVISIT): (16, 3),
    State(Level.TOWN, Status.TRIAGE): (26, 3),
    State(Level.TOWN, Status.ASSIGNED): (20, 1),
    State(Level.TOWN, Status.HANDLING): (50, 4),
    State(Level.TOWN, Status.VERIFY): (16, 3),
    State(Level.TOWN, Status.REVISIT): (14, 3),
    State(Level.DISTRICT, Status.TRIAGE): (14, 3),
    State(Level.DISTRICT, Status.ASSIGNED): (8, 1),
    State(Level.DISTRICT, Status.HANDLING): (24, 4),
    State(Level.DISTRICT, Status.VERIFY): (8, 3),
    State(Level.DISTRICT, Status.REVISIT): (8, 3),
}
LAMPS = ((Lamp.GREEN, Lamp.YELLOW, Lamp.RED), (64, 21, 15))
# Reported and closed since the quarter before ``today``, so that its report has something to say.
CLOSED = {Size.FULL: 320, Size.SMALL: 16}
CLOSED_DAYS = 150
OLDEST_DAYS = 34  # working days that a red lamp may have been burning
TRIES = 6  # instants at which a story is tried
MORNING = time(9, 30)
# Beside the way of what is open and of what was closed since: in the full district, the small one.
BESIDE = (
    Counts(corrections=2, co_units=8, urged=14, orders=4, instructions=2),
    Counts(corrections=1, co_units=1, urged=2, orders=1, instructions=1),
)
# What was ruled on lately, so that a like case of the demo accounts gets a unit proposed.
PRECEDENTS = {Level.TOWN: BULK, Level.DISTRICT: "环境提升"}
RULED_BEFORE = timedelta(days=60)
DUPLICATES = (10, 2)  # merged into what is open
# Of what units handle where the demo accounts work: orders, instructions, each whether answered.
ORDERED = ((Grade.KEY, False), (Grade.GENERAL, True), (Grade.LISTED, False), (Grade.KEY, True))
INSTRUCTED = (False, True)


@dataclass(frozen=True)
class Wanted:
    state: State
    lamp: Lamp
    at_demo: bool  # where the demo accounts work


def earliest(today: date) -> date:
    """The first day of what is reported in the tail: never in the counted history."""
    return max(date(2026, 1, 1), today - timedelta(days=CLOSED_DAYS))


def first_morning(calendar: Calendar, today: date) -> datetime:
    """When the lamps are as wanted: the first working morning from ``today`` on."""
    return moment(calendar.add_working_days(today, 0), MORNING)


class Tail:
    def __init__(self, stage: Stage, today: date) -> None:
        self.stage = stage
        self.today = today
        self.limits = stage.limits
        self.end = midnight(today)
        self.first_morning = first_morning(stage.calendar, today)

    def scripts(self, size: Size) -> list[Script]:
        """The scripts of the tail in the order of arrival."""
        small = size == Size.SMALL
        told = [
            self._open(wanted, number) for number, wanted in enumerate(self._wanted(size), start=1)
        ]
        told += Situations(self.stage, self.today, self.first_morning).scripts(small=small)
        told += Doubles(self.stage, stream("open duplicates"), self.end).merged(
            told, DUPLICATES[small]
        )
        told += self._closed(CLOSED[size])
        told += [self._ruled_on(level, category) for level, category in PRECEDENTS.items()]
        told = besides.add(self.stage, told, BESIDE[small], purpose="tail", until=self.end)
        self._order_and_instruct(told)
        return sorted(told, key=lambda script: script[0].at)

    def _wanted(self, size: Size) -> Iterator[Wanted]:
        """Each state under each lamp at the demo accounts' place, then by chance anywhere."""
        rng = stream("lamps")
        for state, (full, small) in OPEN.items():
            lamps = list(LAMPS[0])
            if state.status == Status.ASSIGNED:
                lamps = [Lamp.GREEN]  # what nobody signs for in a day is signed for by the platform
            for number in range(full if size == Size.FULL else small):
                at_demo = number < len(lamps)
                chosen = lamps[number] if at_demo else rng.choices(*LAMPS)[0]
                yield Wanted(state, chosen if len(lamps) > 1 else Lamp.GREEN, at_demo)

    # --- open ---

    def _open(self, wanted: Wanted, number: int) -> Script:
        """A script that ends in the wanted state, its lamp as wanted on the first morning."""
        rng = stream(f"tail {number}")
        matters = Matters(self.stage, rng)
        for attempt in range(200):
            matter = self._matter(matters, wanted)
            seed = f"{SEED}:tail:{number}:{attempt}"
            if script := self._script(matter, wanted, seed, rng):
                return script
        raise LookupError(f"no story ends in {wanted}")

    def _matter(self, matters: Matters, wanted: Wanted) -> Matter:
        place: Place | None = None
        lead: Organisation | None = None
        categories: tuple[str, ...] = ()
        level = wanted.state.level
        if wanted.at_demo:
            grid = demo.ACCOUNTS["grid"][1]
            if wanted.state.status == Status.VERIFY and wanted.lamp == Lamp.YELLOW:
                grid = demo.GRID_WITHOUT_WORKER
            place = self.stage.places[grid]
            if level == Level.DISTRICT:
                lead = self.stage.organisations[demo.ACCOUNTS["handler"][1]]
                categories = ("环境提升", "道路设施", "公共设施", "物业服务")
        return matters.draw(
            level,
            place=place,
            lead=lead,
            categories=categories,
            outcome=Outcome.RESOLVED,
            with_contact=wanted.state.status == Status.REVISIT,
            may_be_urgent=False,
        )

    def _script(self, matter: Matter, wanted: Wanted, seed: str, rng: Random) -> Script | None:
        """The story of ``matter`` up to the wanted state, or None if this one cannot end so."""
        lines = Story(self.stage, matter, Random(seed)).tell(self.today)  # noqa: S311 - fiction
        ends = [n for n, line in enumerate(lines) if line.to == wanted.state]
        if not ends:
            return None
        # Of a triage or a handling, any of its lines may be the last: with or without consultation,
        # with or without a co-unit's reply.
        last = rng.choice(ends) if wanted.state.status != Status.ASSIGNED else ends[0]
        anchor = self._anchor(lines, last)
        calendar = self.stage.calendar
        span = calendar.working_days_between(day_of(lines[0].at), day_of(lines[anchor].at))
        for instant in self._instants(rng, wanted, matter):
            for more in range(4):
                start = calendar.add_working_days(day_of(instant), -(span + more))
                if anchor == 0:
                    start = day_of(instant)
                story = Story(self.stage, matter, Random(seed), pin=(anchor, instant))  # noqa: S311
                told = story.tell(start)[: last + 1]
                if told[-1].to == wanted.state and self._fits(told, anchor):
                    return told
        return None

    def _anchor(self, lines: Script, last: int) -> int:
        """The line that started the clock which runs after line ``last``.

        A unit's clock runs from the assignment; every other step's from the line that led into it.
        """
        state = lines[last].to
        first = last
        while first > 0 and lines[first - 1].to == state:
            first -= 1
        if state.status == Status.HANDLING and lines[first - 1].action == Action.ASSIGN:
            first -= 1
        return first

    def _instants(self, rng: Random, wanted: Wanted, matter: Matter) -> list[datetime]:
        """When the clock may have started, for its lamp to be as wanted.

        In office hours if that is possible: else, in the last evenings, people still report.
        """
        state, calendar = wanted.state, self.stage.calendar
        step = STEP_OF_STATUS[state.status]
        limit = self.limits.find(step, state.level, matter.urgency, matter.category, self.today)
        now = self.first_morning
        in_the_office, in_the_evening = [], []
        for days in range(1, OLDEST_DAYS * 7 // 5):
            day = self.today - timedelta(days=days)
            evening = moment(day, time(17, 35)) + timedelta(seconds=rng.randrange(3600))
            in_the_evening.append(evening)  # counts as the next morning
            if calendar.is_working(day):
                office = moment(day, time(9)) + timedelta(seconds=rng.randrange(8 * 3600))
                in_the_office.append(office)

        def fits(at: datetime) -> bool:
            if state.status == Status.ASSIGNED and calendar.deadline(at, 1).at <= now:
                return False  # the platform has signed for it
            due = clocks.due(at, limit, calendar).at
            return lamp(calendar.yellow(at, due, limit.value), due, now) == wanted.lamp

        found = [at for at in in_the_office if fits(at)] or [
            at for at in in_the_evening if fits(at)
        ]
        return rng.sample(found, min(len(found), TRIES))

    def _fits(self, told: Script, anchor: int) -> bool:
        """Whether the lines follow each other, all of them in the tail and before today."""
        times = [line.at for line in told]
        in_order = all(before <= after for before, after in pairwise(times))
        return (
            in_order
            and self._anchor(told, len(told) - 1) == anchor
            and (anchor == 0 or times[anchor - 1] < times[anchor])
            and times[-1] < self.end
            and day_of(times[0]) >= date(2026, 1, 1)
        )

    # --- orders and instructions ---

    def _order_and_instruct(self, told: list[Script]) -> None:
        """Give the demo accounts, in their town and in their unit, orders and instructions."""
        rng = stream("open orders")
        for level in (Level.TOWN, Level.DISTRICT):
            numbers = iter([n for n, script in enumerate(told) if self._is_at_demo(script, level)])
            for grade, answered in ORDERED:
                self._beside(
                    told,
                    numbers,
                    rng,
                    partial(Besides.supervise, grade=grade, answered=answered, struck_off=False),
                )
            for answered in INSTRUCTED:
                self._beside(told, numbers, rng, partial(Besides.instruct, answered=answered))

    def _beside(
        self,
        told: list[Script],
        numbers: Iterator[int],
        rng: Random,
        happens: Callable[[Besides], bool],
    ) -> None:
        """Let something happen beside the first of the scripts that has room for it."""
        for number in numbers:
            one = Besides(self.stage, told[number], rng, self.end)
            if happens(one):
                told[number] = one.lines
                return

    def _is_at_demo(self, script: Script, level: Level) -> bool:
        """Whether a demo unit or the demo town works on it, and nobody watches over it yet."""
        state, actions = script[-1].to, {line.action for line in script}
        if state != State(level, Status.HANDLING) or actions & {Action.SUPERVISE, Action.INSTRUCT}:
            return False
        if level == Level.TOWN:
            return bool(script[0].data["place"].town == self.stage.places[demo.ACCOUNTS["town"][1]])
        lead = next(line.data["lead_unit"] for line in reversed(script) if "lead_unit" in line.data)
        return bool(lead == self.stage.organisations[demo.ACCOUNTS["handler"][1]])

    # --- closed since ---

    def _closed(self, count: int) -> Iterator[Script]:
        rng = stream("closed since")
        matters = Matters(self.stage, rng)
        first = earliest(self.today)
        days = (self.today - first).days
        number = 0
        while number < count:
            level = rng.choices(list(Level), (44, 30, 26))[0]
            matter = twists.by_chance(self.stage, matters.draw(level), rng)
            seed = f"{SEED}:since:{number}:{rng.random()}"
            day = first + timedelta(days=rng.randrange(days))
            script = Story(self.stage, matter, Random(seed)).tell(day)  # noqa: S311 - fiction
            if script[-1].at < self.end:
                number += 1
                yield script

    def _ruled_on(self, level: Level, category: str) -> Script:
        """A case of the demo accounts' town that was closed after the leader had ruled on it."""
        rng = stream(f"ruled on {level}")
        matters = Matters(self.stage, rng)
        day = max(earliest(self.today), self.today - RULED_BEFORE)
        for attempt in range(200):
            matter = matters.draw(
                level,
                place=self.stage.places[demo.ACCOUNTS["grid"][1]],
                categories=(category,),
                outcome=Outcome.RESOLVED,
                may_be_urgent=False,
            )
            if twists.may_take(self.stage, matter, Twist.RULED):
                ruled = twists.with_twist(matter, Twist.RULED)
                seed = f"{SEED}:ruled:{level}:{attempt}"
                script = Story(self.stage, ruled, Random(seed)).tell(day)  # noqa: S311 - fiction
                if script[-1].at < self.end:
                    return script
        raise LookupError(f"no ruling of {level} was carried out by {self.today}")
