"""The counted history: what was reported in 2024 and 2025, and what must not be counted of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from governance.reference import besides, twists
from governance.reference.chance import SEED, stream
from governance.reference.duplicates import Doubles
from governance.reference.lines import Matter, Script, day_of, midnight
from governance.reference.matters import SAFETY_CATEGORIES, Matters
from governance.reference.stage import Stage
from governance.reference.stories import Story
from issues.choices import Level, Outcome

FIRST_DAY = date(2024, 1, 2)
LAST_DAY = date(2025, 12, 31)


class Size(StrEnum):
    SMALL = "small"
    FULL = "full"


# Solved with a district organ by the end of 2025: 2,793.
SOLVED = {
    "环境提升": 1004,
    "污水管网": 312,
    "停车交通": 468,
    "安全隐患": 590,
    "公共服务": 287,
    "矛盾纠纷": 132,
}
# The categories of the platform behind the six headings.
HEADINGS = {
    "环境提升": ["环境提升"],
    "污水管网": ["污水管网"],
    "停车交通": ["停车交通"],
    "安全隐患": sorted(SAFETY_CATEGORIES),
    "公共服务": ["公共服务", "公交出行", "物业服务", "为老助残"],
    "矛盾纠纷": ["邻里纠纷", "物业纠纷", "劳资纠纷"],
}
# Not among the 2,793, though dealt with at the district's level.
NOT_SOLVED = {Outcome.PARTLY: 62, Outcome.EXPLAINED: 82, Outcome.UNFOUNDED: 24}
WITHOUT_ORGAN = 46
CLOSED_LATER = 33  # reported in December 2025, closed in 2026
IN_THE_TOWN = 2560
IN_THE_GRID = 4000  # with the duplicates
TOTAL = 9600
SMALL_TOTAL = 480
# Reports of what was reported already: (in the full district, in the small one).
MERGED = (144, 7)
UNMERGED = (16, 2)  # merged by mistake


@dataclass(frozen=True)
class Draft:
    """A matter and by when it must be closed, or after when."""

    matter: Matter
    closes_later: bool = False


def scripts(stage: Stage, size: Size) -> list[Script]:
    """The scripts of the history in the order of arrival."""
    small = size == Size.SMALL
    drafts = _with_twists(stage, list(_drafts(stage, size)), small=small)
    told = [_tell(stage, draft, number) for number, draft in enumerate(drafts, start=1)]
    end = midnight(LAST_DAY + timedelta(days=1))
    doubles = Doubles(stage, stream("duplicates"), end)
    told += [
        *doubles.merged(told, MERGED[small]),
        *doubles.unmerged(told, UNMERGED[small]),
    ]
    told = besides.add(stage, told, besides.COUNTS[small], purpose="history", until=end)
    return sorted(told, key=lambda script: script[0].at)


def _with_twists(stage: Stage, drafts: list[Draft], *, small: bool) -> list[Draft]:
    """Those that close in 2026 go straight on, or they would close long after it began."""
    free = [draft for draft in drafts if not draft.closes_later]
    matters = twists.spread(
        stage, [draft.matter for draft in free], small=small, rng=stream("twists")
    )
    twisted = [replace(d, matter=matter) for d, matter in zip(free, matters, strict=True)]
    return twisted + [draft for draft in drafts if draft.closes_later]


def _drafts(stage: Stage, size: Size) -> Iterator[Draft]:
    matters = Matters(stage, stream("matters of the history"))
    share = 1.0 if size == Size.FULL else SMALL_TOTAL / TOTAL

    def some(count: int) -> range:
        return range(round(count * share))

    written = 0
    for heading, count in SOLVED.items():
        for _ in some(count):
            yield Draft(
                matters.draw(Level.DISTRICT, categories=HEADINGS[heading], outcome=Outcome.RESOLVED)
            )
            written += 1
    for outcome, count in NOT_SOLVED.items():
        for _ in some(count):
            yield Draft(matters.draw(Level.DISTRICT, outcome=outcome))
            written += 1
    for _ in some(WITHOUT_ORGAN):
        yield Draft(matters.draw(Level.DISTRICT, outcome=Outcome.RESOLVED, with_organ=False))
        written += 1
    for _ in some(CLOSED_LATER):
        yield Draft(
            matters.draw(Level.DISTRICT, outcome=Outcome.RESOLVED, may_be_urgent=False),
            closes_later=True,
        )
        written += 1
    for _ in some(IN_THE_TOWN):
        yield Draft(matters.draw(Level.TOWN))
        written += 1
    small = size == Size.SMALL
    doubles = MERGED[small] + UNMERGED[small]
    for _ in range((SMALL_TOTAL if small else TOTAL) - doubles - written):
        yield Draft(matters.draw(Level.GRID))


def _tell(stage: Stage, draft: Draft, number: int) -> Script:
    """The script of a draft, moved until it closes on the right side of the end of 2025."""
    seed = f"{SEED}:story:{number}"
    rng = stream(f"day {number}")
    if draft.closes_later:
        day = date(2025, 12, rng.randint(8, 24))
        while True:
            script = Story(stage, draft.matter, Random(seed)).tell(day)  # noqa: S311 - fiction
            if day_of(script[-1].at) > LAST_DAY:
                return script
            day += timedelta(days=2)
    day = _day(rng)
    while True:
        script = Story(stage, draft.matter, Random(seed)).tell(day)  # noqa: S311 - fiction
        if day_of(script[-1].at) <= LAST_DAY:
            return script
        day -= timedelta(days=14)


def _day(rng: Random) -> date:
    """A day of the two years; the second has more reports, and rest days fewer."""
    while True:
        year = rng.choices((2024, 2025), (42, 58))[0]
        day = date(year, 1, 1) + timedelta(days=rng.randrange(365))
        if day >= FIRST_DAY and (day.weekday() < 5 or rng.random() < 0.45):
            return day
