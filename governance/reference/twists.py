"""Which stories take a side path: believable shares of the counted history, and of what came since.

No figure moves by it. What a district organ solved is solved by the same organ in the end; who had
it in between has left. Voids and duplicates are taken from what the grids deal with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from governance.reference.lines import Matter, Twist
from governance.reference.stage import Stage
from issues.choices import Level, Outcome, Source, Urgency

# How many of the cases: (in the full district, in the small one).
COUNTS = {
    Twist.RULED: (34, 3),
    Twist.RULED_LATE: (8, 1),
    Twist.RETURNED: (160, 5),
    Twist.RETURN_REFUSED: (88, 3),
    Twist.TRANSFERRED: (96, 4),
    Twist.EXTENDED: (280, 9),
    Twist.EXTENSION_REFUSED: (60, 2),
    Twist.EXTENDED_TWICE: (44, 2),
    Twist.SUSPENDED: (150, 6),
    Twist.SUSPENSION_REFUSED: (20, 1),
    Twist.TO_MEETING: (16, 2),
    Twist.SECOND_REVIEW: (24, 2),
    Twist.REVIEW_REDONE: (8, 1),
    Twist.REOPENED: (84, 5),
    Twist.REOPENED_TWICE: (14, 2),
    Twist.VOIDED: (50, 3),
    Twist.DECLINED: (17, 1),
    Twist.VOID_REFUSED: (12, 1),
}
ALL = 9600  # the cases of the full district, of which these are shares
MISDIRECTED = (Twist.RULED, Twist.RULED_LATE, Twist.RETURNED, Twist.TRANSFERRED)
REVIEWED = (Twist.SECOND_REVIEW, Twist.REVIEW_REDONE)


def may_take(stage: Stage, matter: Matter, twist: Twist) -> bool:
    """Whether a matter can go this way. Urgent safety goes straight on."""
    if matter.twist is not None or matter.urgency == Urgency.SAFETY:
        return False
    match twist:
        case Twist.VOIDED | Twist.VOID_REFUSED:
            return matter.level == Level.GRID
        case Twist.DECLINED:
            return matter.level == Level.TOWN
        case Twist.SECOND_REVIEW | Twist.REVIEW_REDONE:
            called = matter.source in (Source.RESIDENT, Source.HOTLINE)
            return called and matter.level != Level.DISTRICT
        case Twist.REOPENED:
            return True
        case Twist.TO_MEETING:
            return matter.level == Level.DISTRICT
    if twist in MISDIRECTED and not (matter.lead and stage.wrong_units(matter)):
        return False
    return matter.lead is not None


def with_twist(matter: Matter, twist: Twist) -> Matter:
    """The matter, going this way; what is reviewed was explained, not solved."""
    outcome = Outcome.EXPLAINED if twist in REVIEWED else matter.outcome
    return replace(matter, twist=twist, outcome=outcome)


def spread(stage: Stage, matters: Sequence[Matter], *, small: bool, rng: Random) -> list[Matter]:
    """The matters, as many of them with each twist as ``COUNTS`` says."""
    told = list(matters)
    for twist, counts in COUNTS.items():
        candidates = [n for n, matter in enumerate(told) if may_take(stage, matter, twist)]
        for number in rng.sample(candidates, counts[small]):
            told[number] = with_twist(told[number], twist)
    return told


def by_chance(stage: Stage, matter: Matter, rng: Random) -> Matter:
    """The matter, with a twist as often as in the counted history."""
    number = rng.randrange(ALL)
    for twist, (count, _) in COUNTS.items():
        if number < count:
            return with_twist(matter, twist) if may_take(stage, matter, twist) else matter
        number -= count
    return matter
