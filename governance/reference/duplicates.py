"""The same matter reported twice: duplicates that are merged, and some that were merged wrongly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from governance.reference import words
from governance.reference.coordinates import near
from governance.reference.lines import Line, Matter, Script, Twist, day_of
from governance.reference.scripts import key_of
from governance.reference.stage import Stage
from governance.reference.stories import WITH_POINT, Story
from governance.reference.words import Trouble
from issues.choices import OPEN_STATUSES, Action, Level, Outcome, Source, Status, Urgency
from issues.states import State
from issues.workflow import RULES
from people.choices import Role

NEARBY = 35  # metres at most from the first report
DAYS_APART = 9
MASTERED = (
    Status.PENDING_FIRST,
    Status.GRID_HANDLING,
    Status.TRIAGE,
    Status.ASSIGNED,
    Status.HANDLING,
    Status.SUSPENDED,
)


@dataclass(frozen=True)
class Stay:
    """A time in which a master stands in one state."""

    start: datetime
    end: datetime
    state: State


class Doubles:
    """Tells duplicates of scripts that are told already. The scripts themselves get the other side
    of each merge: their lists are added to.
    """

    def __init__(self, stage: Stage, rng: Random, until: datetime) -> None:
        self.stage = stage
        self.rng = rng
        self.until = until

    def merged(self, masters: Sequence[Script], count: int) -> list[Script]:
        """``count`` duplicates of some of ``masters``, merged into them for good."""
        return self._some(masters, count, Twist.MERGED)

    def unmerged(self, masters: Sequence[Script], count: int) -> list[Script]:
        """``count`` cases that were merged into some of ``masters``, and parted again."""
        return self._some(masters, count, Twist.UNMERGED)

    def _some(self, masters: Sequence[Script], count: int, twist: Twist) -> list[Script]:
        candidates = [script for script in masters if self._may_be_master(script)]
        told: list[Script] = []
        while len(told) < count:
            master = self.rng.choice(candidates)
            if script := self._double(master, twist):
                told.append(script)
        return told

    def _may_be_master(self, script: Script) -> bool:
        """Reported with its place on the map, in a grid with a worker, and open for a while."""
        data, lineage = script[0].data, script[0].data["place"].lineage()
        return (
            data["source"] in WITH_POINT
            and data["urgency"] != Urgency.SAFETY
            and bool(self.stage.roster.at(Role.GRID_WORKER, lineage["grid_id"]))
            and any(
                stay.end - stay.start > timedelta(days=1) for stay in _stays(script, self.until)
            )
            and not any(line.action == Action.MERGE for line in script)
        )

    def _double(self, master: Script, twist: Twist) -> Script | None:
        """A report of the same matter some days later, or None if that does not come out."""
        first = master[0]
        data = first.data
        stays = list(_stays(master, self.until))
        days = min(DAYS_APART, (stays[-1].end - first.at).days)
        matter = Matter(
            category=data["category"],
            place=data["place"],
            area=data["area"],
            source=self.rng.choice((Source.PATROL, Source.RESIDENT, Source.COMMUNITY)),
            urgency=data["urgency"],
            level=Level.GRID,
            outcome=Outcome.RESOLVED,
            twist=twist,
            master=data["client_id"],
            point=near((data["longitude"], data["latitude"]), NEARBY, self.rng),
            trouble=self._in_other_words(data) if twist == Twist.MERGED else None,
        )
        story = Story(self.stage, matter, Random(self.rng.random()))  # noqa: S311 - fiction
        script = story.tell(day_of(first.at) + timedelta(days=self.rng.randint(0, days)))
        return script if self._join(script, master, stays) else None

    def _in_other_words(self, data: dict[str, object]) -> Trouble:
        text = str(data["text"])
        return Trouble(str(data["title"]), f"{self.rng.choice(words.AGAIN)}{text}", "")

    def _join(self, script: Script, master: Script, stays: Sequence[Stay]) -> bool:
        """Give the master its side of the merge, if it was there and open at the time."""
        others: Script = []
        key = key_of(script)
        if script[0].at <= master[0].at or script[-1].at >= self.until:
            return False
        for line in script:
            if line.action not in (Action.MERGE, Action.UNMERGE):
                continue
            state = _state_at(master, line.at)
            if line.action == Action.MERGE:
                is_there = any(stay.start < line.at < stay.end for stay in stays)
                if not is_there or _rank(state.level) < _rank(line.to.level):
                    return False
                others.append(Line(Action.ABSORB, None, line.at, {"merged": key}, state))
            elif (state, Action.RELEASE) in RULES:
                others.append(Line(Action.RELEASE, None, line.at, {"merged": key}, state))
            else:
                return False
        for line in others:
            index = next((n for n, own in enumerate(master) if own.at > line.at), len(master))
            master.insert(index, line)
        return True


def _stays(script: Script, until: datetime) -> Iterator[Stay]:
    """The times in which a case may take in a duplicate."""
    ends = [line.at for line in script[1:]]
    ends.append(until if script[-1].to.status in OPEN_STATUSES else script[-1].at)
    for line, end in zip(script, ends, strict=True):
        if line.to.status in MASTERED and line.at < end:
            yield Stay(line.at, end, line.to)


def _state_at(script: Script, at: datetime) -> State:
    return [line.to for line in script if line.at <= at][-1]


def _rank(level: Level) -> int:
    return list(Level).index(level)
