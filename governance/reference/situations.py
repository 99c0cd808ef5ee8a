"""What a visitor should find open this morning beside the straight way: one kind after the other.

The first of each kind lies where the demo accounts work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from random import Random

from areas.models import Place
from core.workdays import moment
from governance.reference import demo, words
from governance.reference.chance import SEED, stream
from governance.reference.coordinates import near
from governance.reference.lines import Line, Matter, Script, Twist, day_of, midnight
from governance.reference.matters import Matters
from governance.reference.stage import Stage
from governance.reference.stories import Story
from governance.reference.watch import Watch
from issues.choices import Action, Level, Outcome, Source, Status
from people.models import Organisation

TRIES = 400
AFTER_HOURS = time(17, 35)  # people are still there
NEARBY = 40  # metres between two reports of the same matter
REVIEW_AHEAD = timedelta(days=6)  # at least so far lies the review date of what is suspended
DEMO_TOWN = demo.ACCOUNTS["town"][1]
DEMO_GRID = demo.ACCOUNTS["grid"][1]
DEMO_UNIT = demo.ACCOUNTS["handler"][1]
BULK = "垃圾清运"  # of what is to be dispatched together
OF_THE_UNIT = ("环境提升", "道路设施", "公共设施", "物业服务")


@dataclass(frozen=True)
class Situation:
    """A story with a twist that has come to the ``nth`` line of an action, and no further.

    That line lies ``within`` so many working days before today.
    """

    level: Level
    twist: Twist | None
    action: Action
    counts: tuple[int, int]  # in the full district, in the small one
    within: tuple[int, int] = (1, 1)
    nth: int = 1
    category: str = ""


LEVELS = (Level.TOWN, Level.DISTRICT)
SITUATIONS = (
    # returns: for the dispatcher; for the leader, a second one and one that was left lying
    *(Situation(level, Twist.RETURNED, Action.REQUEST_RETURN, (3, 1)) for level in LEVELS),
    *(Situation(level, Twist.RULED, Action.REQUEST_RETURN, (2, 1), nth=2) for level in LEVELS),
    Situation(Level.TOWN, Twist.RULED_LATE, Action.REQUEST_RETURN, (1, 1), within=(3, 4)),
    Situation(Level.TOWN, Twist.TRANSFERRED, Action.TRANSFER, (2, 1)),
    # extensions: for the dispatcher, for the leader
    *(
        Situation(level, Twist.EXTENDED, Action.REQUEST_EXTENSION, (3, 1), within=(1, 2))
        for level in LEVELS
    ),
    *(
        Situation(
            level, Twist.EXTENDED_TWICE, Action.REQUEST_EXTENSION, (2, 1), within=(1, 2), nth=2
        )
        for level in LEVELS
    ),
    # suspensions: asked for, granted, waiting for the joint meeting
    *(
        Situation(level, Twist.SUSPENDED, Action.REQUEST_SUSPENSION, (2, 1), within=(1, 2))
        for level in LEVELS
    ),
    *(
        Situation(level, Twist.SUSPENDED, Action.SUSPEND, (10, 2), within=(1, 25))
        for level in LEVELS
    ),
    Situation(Level.DISTRICT, Twist.TO_MEETING, Action.TO_MEETING, (4, 1), within=(1, 6)),
    Situation(Level.DISTRICT, Twist.TO_MEETING, Action.TO_MEETING, (3, 3), within=(9, 16)),
    # voids that wait for the second person
    Situation(Level.GRID, Twist.VOIDED, Action.VOID, (3, 1)),
    Situation(Level.TOWN, Twist.DECLINED, Action.DECLINE, (2, 1)),
    Situation(Level.DISTRICT, Twist.VOIDED, Action.VOID, (1, 1)),
    # revisits: second review, dissatisfied; failed verification; reopened, also one level up
    *(
        Situation(level, Twist.SECOND_REVIEW, Action.REQUEST_REVIEW, (2, 1), within=(1, 2))
        for level in LEVELS
    ),
    Situation(Level.TOWN, Twist.REDONE, Action.REDO, (2, 1)),
    *(Situation(level, Twist.FAILED, Action.FAIL_VERIFICATION, (2, 1)) for level in LEVELS),
    *(Situation(level, Twist.REOPENED, Action.REOPEN, (2, 1), within=(1, 2)) for level in LEVELS),
    *(
        Situation(level, Twist.REOPENED_TWICE, Action.REOPEN, (1, 1), within=(1, 2), nth=2)
        for level in LEVELS
    ),
    # like cases in one town, to be dispatched together
    Situation(Level.TOWN, None, Action.ESCALATE_TOWN, (6, 3), category=BULK),
)
PAIRS = {Level.GRID: (2, 1), Level.TOWN: (3, 1)}  # likely duplicates that nobody has merged yet


class Situations:
    def __init__(self, stage: Stage, today: date, first_morning: datetime) -> None:
        self.stage = stage
        self.today = today
        self.first_morning = first_morning

    def scripts(self, *, small: bool) -> Iterator[Script]:
        """One story after the other, whatever day it is."""
        for number, situation in enumerate(SITUATIONS):
            for nth in range(situation.counts[small]):
                rng = stream(f"situation {number} {nth}")
                # What is to be dispatched together lies in one town.
                at_demo = nth == 0 or situation.twist is None
                yield self._tell(situation, rng, at_demo=at_demo)
        for level, counts in PAIRS.items():
            for nth in range(counts[small]):
                yield from self._pair(level, stream(f"pair {level} {nth}"), at_demo=nth == 0)

    def _tell(self, situation: Situation, rng: Random, *, at_demo: bool) -> Script:
        matters = Matters(self.stage, rng)
        for _ in range(TRIES):
            matter = self._matter(matters, situation, at_demo=at_demo)
            if matter and (script := self._script(matter, situation, rng)):
                return script
        raise LookupError(f"no story comes to {situation}")

    def _matter(self, matters: Matters, situation: Situation, *, at_demo: bool) -> Matter | None:
        place: Place | None = None
        lead: Organisation | None = None
        categories: tuple[str, ...] = (situation.category,) if situation.category else ()
        if at_demo:
            place = matters.rng.choice(self._demo_places(situation.level))
            if situation.level == Level.DISTRICT:
                lead, categories = self.stage.organisations[DEMO_UNIT], OF_THE_UNIT
        matter = matters.draw(
            situation.level,
            place=place,
            lead=lead,
            categories=categories,
            outcome=Outcome.RESOLVED,
            with_contact=situation.twist in (Twist.SECOND_REVIEW, Twist.REDONE),
            may_be_urgent=False,
        )
        if matter.level != Level.GRID and not self.stage.wrong_units(matter):
            return None
        if situation.twist is None:
            matter = replace(matter, co_units=())
        return replace(matter, twist=situation.twist)

    def _demo_places(self, level: Level) -> list[Place]:
        """The demo grid where the grid acts, else the grids of its community."""
        grid = self.stage.places[DEMO_GRID]
        return [grid] if level == Level.GRID else self.stage.grids[grid.community_id or 0]

    def _script(self, matter: Matter, situation: Situation, rng: Random) -> Script | None:
        """The story up to the wanted line, that line on a wanted day; None if this one can't."""
        seed = f"{SEED}:situation:{rng.random()}"
        calendar = self.stage.calendar
        told = self._up_to(situation, self._story(matter, seed).tell(self.today))
        if told is None:
            return None
        span = calendar.working_days_between(day_of(told[0].at), day_of(told[-1].at))
        nearest, farthest = situation.within
        for days in rng.sample(range(nearest, farthest + 4), farthest + 4 - nearest):
            start = calendar.add_working_days(self.today, -(span + days))
            told = self._up_to(situation, self._story(matter, seed).tell(start))
            if told and situation.twist == Twist.RETURNED:
                told = self._at_the_end_of_the_day(told, rng)
            if told and self._fits(situation, told):
                return told
        return None

    def _at_the_end_of_the_day(self, told: Script, rng: Random) -> Script:
        """Asked after half past five, so that the dispatcher still has all of today to decide."""
        last = told[-1]
        late = moment(day_of(last.at), AFTER_HOURS) + timedelta(seconds=rng.randrange(1200))
        return [*told[:-1], replace(last, at=late)]

    def _story(self, matter: Matter, seed: str) -> Story:
        return Story(self.stage, matter, Random(seed))  # noqa: S311 - fiction

    def _up_to(self, situation: Situation, lines: Script) -> Script | None:
        found = [n for n, line in enumerate(lines) if line.action == situation.action]
        if len(found) < situation.nth:
            return None
        return lines[: found[situation.nth - 1] + 1]

    def _fits(self, situation: Situation, told: Script) -> bool:
        """Whether it is recent enough, and nothing in it would have gone on by itself since."""
        calendar, last = self.stage.calendar, told[-1]
        nearest, farthest = situation.within
        earliest = calendar.add_working_days(self.today, -farthest)
        after = min(calendar.add_working_days(self.today, 1 - nearest), self.today)
        return (
            midnight(earliest) <= last.at < midnight(after)
            and day_of(told[0].at) >= date(2026, 1, 1)
            and self._still_stands(last, told)
        )

    def _still_stands(self, last: Line, told: Script) -> bool:
        watch = Watch(self.stage.limits, self.stage.calendar)
        for line in told:
            watch.see(line)
        match last.to.status:
            case Status.SUSPENDED:
                asked = next(line for line in reversed(told) if "until" in line.data)
                return bool(midnight(asked.data["until"]) >= midnight(self.today) + REVIEW_AHEAD)
            case Status.RETURN_REVIEW:
                # Given back while there was time to sign for it.
                due = watch.acknowledge_due
                return due is not None and told[-2].at < last.at <= due
            case Status.HANDLING if last.action != Action.REOPEN:
                return watch.due is not None and watch.due > self.first_morning
            case Status.ASSIGNED:
                due = watch.acknowledge_due
                return due is not None and due > self.first_morning
        return True

    # --- likely duplicates ---

    def _pair(self, level: Level, rng: Random, *, at_demo: bool) -> Iterator[Script]:
        """Two reports of one matter, within a stone's throw and a day or so."""
        action = Action.CREATE if level == Level.GRID else Action.ESCALATE_TOWN
        situation = Situation(level, None, action, (1, 1), within=(1, 2))
        matters = Matters(self.stage, rng)
        for _ in range(TRIES):
            matter = self._matter(matters, situation, at_demo=at_demo)
            if matter is None:
                continue
            point = self.stage.boxes[matter.place.pk].point(rng)
            trouble = words.trouble(matter.category.name, matter.place.name, rng)
            again = replace(trouble, text=f"{rng.choice(words.AGAIN)}{trouble.text}")
            one = replace(matter, source=Source.PATROL, point=point, trouble=trouble)
            other = replace(
                matter, source=Source.RESIDENT, point=near(point, NEARBY, rng), trouble=again
            )
            first = self._script(one, situation, rng)
            second = self._script(other, situation, rng)
            if first and second:
                yield first
                yield second
                return
        raise LookupError(f"nothing is reported twice at the level {level}")
