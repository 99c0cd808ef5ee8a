"""Random walks through the transition table: a small town, and who does what in it next.

A walk is a list of draws; each names by chance the next step that somebody may take, with an input
that is valid as the case stands. The same walks go through cases in memory and in the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone
from hypothesis import strategies as st

from areas.choices import PlaceLevel
from areas.models import Place
from core.workdays import Calendar, official_days
from issues.case import Case, refusal
from issues.choices import (
    Action,
    ApprovalKind,
    ClockKind,
    Contact,
    Grade,
    Level,
    LimitUnit,
    Outcome,
    ReopenReason,
    Status,
    Step,
    SupervisionCause,
    SuspensionKind,
    Urgency,
    VoidReason,
)
from issues.models import Category, Issue, TimeLimit
from issues.office import Limits, Office
from issues.states import Rule, State
from issues.workflow import rules_from
from people.choices import OrganisationKind, Role
from people.directory import Directory
from people.models import Organisation, Posting, User
from tests.slow_calendar import PUBLISHED

CALENDAR = Calendar(
    {day: works for year in PUBLISHED for day, works, _ in official_days(year) or []}, PUBLISHED
)

# --- the draws ---


@dataclass(frozen=True)
class Draw:
    """One step of a walk: how long after the one before, and numbers by which all is chosen."""

    wait: timedelta
    which: int
    who: int
    how: int


WAITS = [
    *[timedelta(minutes=1), timedelta(hours=2), timedelta(hours=9), timedelta(days=1)] * 2,
    *[timedelta(days=3, hours=5), timedelta(days=9), timedelta(days=25)],
]


def draws_from(seed: int, length: int) -> list[Draw]:
    """A walk by the dice of ``seed``: hypothesis draws small and like numbers, which go nowhere."""
    dice = Random(seed)  # noqa: S311 (a test that can be repeated, not a secret)
    return [
        Draw(
            dice.choice(WAITS) + timedelta(seconds=dice.randrange(60)),
            *(dice.randrange(10**6) for _ in range(3)),
        )
        for _ in range(length)
    ]


walks = st.builds(draws_from, st.integers(0, 2**32), st.integers(20, 80))


# --- the town ---


@dataclass(frozen=True)
class Town:
    """Where the walks take place. Nothing in it changes."""

    office: Office
    postings: Sequence[Posting]
    grids: Sequence[Place]
    category: Category
    units: Sequence[Organisation]  # of the town
    departments: Sequence[Organisation]  # of the district

    @property
    def reporter(self) -> Posting:
        return next(row for row in self.postings if row.role == Role.GRID_WORKER)


LIMITS = {
    (Step.DIAGNOSIS, Level.GRID): (1, 2),
    (Step.GRID_HANDLING, Level.GRID): (3, 24),
    (Step.TRIAGE, Level.TOWN): (1, 2),
    (Step.TRIAGE, Level.DISTRICT): (3, 2),
    (Step.HANDLING, Level.TOWN): (7, 24),
    (Step.HANDLING, Level.DISTRICT): (15, 24),
    (Step.OVERALL, Level.GRID): (5, 26),
    (Step.OVERALL, Level.TOWN): (10, 48),
    (Step.OVERALL, Level.DISTRICT): (20, 72),
    (Step.CONTACT, Level.GRID): (1, 2),
} | {
    (step, level): (days, hours)
    for level in Level
    for step, days, hours in [
        (Step.ACKNOWLEDGEMENT, 1, 2),
        (Step.VERIFICATION, 2, None),
        (Step.REVISIT, 3, None),
        (Step.RULING, 1, 2),
        (Step.SUPERVISION, 3, 24),
    ]
}


def town_in_memory() -> Town:
    """A town of which nothing is saved: its rows have ids and know each other."""
    district = Place(pk=1, level=PlaceLevel.DISTRICT, name="吴中区")
    town = Place(pk=2, level=PlaceLevel.TOWN, name="长桥街道", district=district)
    above = {"district": district, "town": town}
    community = Place(pk=3, level=PlaceLevel.COMMUNITY, name="龙西社区", **above)
    grids = [
        Place(pk=4 + n, level=PlaceLevel.GRID, name=name, community=community, **above)
        for n, name in enumerate(["龙西一格", "龙西二格"])
    ]
    units = [_office(1, "城建办", town), _office(2, "执法局", town), _office(3, "安监办", town)]
    departments = [_office(4, "住建局", district), _office(5, "水务局", district)]
    everybody = [
        (Role.GRID_WORKER, grids[0]),
        (Role.GRID_WORKER, grids[1]),
        (Role.COMMUNITY_OFFICER, community),
        (Role.COMMUNITY_OFFICER, community),
        (Role.TOWN_DISPATCHER, town),
        (Role.TOWN_DISPATCHER, town),
        (Role.TOWN_LEADER, town),
        (Role.VERIFIER, town),
        (Role.REVISITOR, town),
        (Role.DISTRICT_DISPATCHER, district),
        (Role.DISTRICT_LEADER, district),
        (Role.SUPERVISOR, district),
        (Role.SECRETARY, district),
        *((role, unit) for unit in [*units, *departments] for role in OF_A_UNIT),
    ]
    postings = [_posting(n, role, where) for n, (role, where) in enumerate(everybody, start=1)]
    limits = [
        TimeLimit(
            step=step,
            level=level,
            urgency=urgency,
            value=value,
            unit=unit,
            effective_from=date(2023, 1, 1),
        )
        for (step, level), (days, hours) in LIMITS.items()
        for urgency, value, unit in [
            (Urgency.NORMAL, days, LimitUnit.DAYS),
            (Urgency.SAFETY, hours, LimitUnit.HOURS),
        ]
        if value
    ]
    return Town(
        office=Office(CALENDAR, Limits(limits), Directory(postings)),
        postings=postings,
        grids=grids,
        category=Category(pk=1, name="污水管网", needs_verification=True),
        units=units,
        departments=departments,
    )


OF_A_UNIT = (Role.UNIT_HANDLER, Role.UNIT_HANDLER, Role.UNIT_HEAD)


def _office(pk: int, name: str, place: Place) -> Organisation:
    kind = OrganisationKind.TOWN_OFFICE
    return Organisation(pk=pk, name=name, short_name=name, kind=kind, place=place)


def _posting(pk: int, role: Role, where: Place | Organisation) -> Posting:
    return Posting(
        pk=pk,
        user=User(pk=pk, username=f"user{pk}", full_name=f"{role.label}{pk}"),
        role=role,
        place=where if isinstance(where, Place) else None,
        organisation=where if isinstance(where, Organisation) else None,
        starts_on=date(2023, 1, 1),
    )


# --- the next step ---


@dataclass(frozen=True)
class Choice:
    action: Action
    by: Posting | None
    data: dict[str, Any]


def next_step(
    case: Case,
    town: Town,
    draw: Draw,
    at: datetime,
    seen: Counter[tuple[State, Action]],
    masters: Sequence[Issue] = (),
) -> Choice | None:
    """By chance one of the steps that somebody may take now; None if there is none at all.

    Two of three draws prefer a step that brings the case on, else it would stay where it is; and
    two of three what the walk has taken least so far, which ``seen`` counts.
    """
    state = case.state
    if state is None:
        return None
    rules = _from([*rules_from(state).items()], draw.which)
    if draw.how % 3:
        rules.sort(key=lambda pair: state in pair[1].to)
    if draw.which % 3:
        rules.sort(key=lambda pair: seen[state, pair[0]])
    if draw.how % 7:
        rules.sort(key=lambda pair: pair[0] in LEADS_AWAY)
    for action, rule in rules:
        for posting in _actors(case, action, rule, town, draw.who):
            facts = case.facts(posting, town.office, at)
            if refusal((*rule.needs, *rule.conditions), facts):
                continue
            data = _input(case, action, posting, town, draw.how // 21, at, masters)
            if data is not None and not any(guard(facts, data) for guard in rule.guards):
                seen[state, action] += 1
                return Choice(action, posting, data)
    return None


def _actors(
    case: Case, action: Action, rule: Rule, town: Town, who: int
) -> Iterator[Posting | None]:
    if rule.system and action not in JOINED:
        yield None
    for posting in _from(town.postings, who):
        if case.may(posting, action, rule):
            yield posting


# After these there is little left to walk: they are taken when the dice say so, or nothing else is.
LEADS_AWAY = (
    Action.CONFIRM_VOID,
    Action.MERGE,
    Action.CONVERT_TO_PROJECT,
)
# Taken together with another step, never by themselves.
JOINED = (Action.ABSORB, Action.RELEASE, Action.RECALCULATE)


def _from(things: Sequence[Any], start: int) -> list[Any]:
    """The same things, beginning elsewhere."""
    if not things:
        return []
    start %= len(things)
    return [*things[start:], *things[:start]]


# --- valid inputs ---

REASONS = {
    Action.ESCALATE_TOWN: "beyond_power",
    Action.ESCALATE_DISTRICT: "several_units",
    Action.SEND_DOWN: "needs_facts",
    Action.REQUEST_RETURN: "not_our_duty",
    Action.FAIL_VERIFICATION: "not_done",
    Action.REDO: "not_done",
    Action.REOPEN: ReopenReason.RELAPSE,
    Action.VOID: VoidReason.TEST,
    Action.DECLINE: VoidReason.NOT_OURS,
}
DAYS = (None, 1, 5, 9, 20)


def _input(
    case: Case,
    action: Action,
    by: Posting | None,
    town: Town,
    how: int,
    at: datetime,
    masters: Sequence[Issue],
) -> dict[str, Any] | None:
    """A valid input of the step, or None if the case as it stands has none."""
    data: dict[str, Any] = {"text": "按规定办理。"}
    if action in REASONS:
        data["reason"] = REASONS[action]
    today = timezone.localdate(at)
    absent = _absent_units(case, town, how)
    match action:
        case Action.RESOLVE_ON_SPOT | Action.SUBMIT_COMPLETION:
            data["outcome"] = Outcome.RESOLVED
        case Action.CONSULT:
            data["units"] = absent[:2]
        case Action.ASSIGN | Action.TRANSFER | Action.ARBITRATE:
            if action == Action.ARBITRATE and how % 2 and case.lead:
                absent = [case.lead.unit]
            if not absent:
                return None
            data |= {"lead_unit": absent[0], "limit_days": DAYS[how % 5]}
            if action == Action.ASSIGN and case.issue.consulted_at:
                data["co_units"] = _co_units(absent[1:], how, longest=data["limit_days"] or 0)
        case Action.ADD_CO:
            data["co_units"] = _co_units(absent[:1], how, longest=0)
            if not data["co_units"]:
                return None
        case Action.APPLY_RESOLUTION:
            absent = _absent_units(case, town, how, all_leave=True)
            data |= {
                "lead_unit": absent[0],
                "co_units": _co_units(absent[1:], 2, longest=0),
                "until": today + timedelta(days=how % 90),
            }
        case Action.PROGRESS:
            data |= {"visibility": "public", "percent": how % 101}
        case Action.REQUEST_EXTENSION:
            running = case.running(ClockKind.STEP)
            if running is None:
                return None
            due_day = timezone.localdate(running.due_at)
            data["until"] = town.office.calendar.add_working_days(due_day, 1 + how % 10)
        case Action.REQUEST_SUSPENSION:
            kinds = list(SuspensionKind)
            data |= {"kind": kinds[how % 6], "until": today + timedelta(days=1 + how % 60)}
        case Action.SUSPEND:
            asked = case.pending(ApprovalKind.SUSPENSION)
            if asked is None or asked.until is None or asked.until <= today:
                return None
        case Action.TO_MEETING:
            data["until"] = today + timedelta(days=1 + how % 60)
        case Action.RECORD_REVISIT | Action.REDO | Action.REQUEST_REVIEW:
            reached = action != Action.RECORD_REVISIT or how % 2 == 0
            data |= {"contact": Contact.REACHED if reached else Contact.NOT_REACHED}
            if reached:
                data |= {"is_solved": action == Action.RECORD_REVISIT, "satisfaction": 1 + how % 5}
        case Action.CONTACT:
            data |= {"how": "phone", "contact": list(Contact)[how % 2]}
        case Action.HAND_OVER:
            to = _colleague(case, town, how, today)
            if to is None:
                return None
            data["to"] = to
        case Action.SUPERVISE:
            data |= {"grade": list(Grade)[how % 3], "limit_days": DAYS[how % 5]}
            if by is None:
                causes = {row.cause for row in case.supervisions if row.is_open}
                if SupervisionCause.OVERDUE in causes:
                    return None
                data["cause"] = SupervisionCause.OVERDUE
        case Action.INSTRUCT:
            until = today + timedelta(days=how % 15)
            data |= {"leader_name": "周伟", "until": until}
        case Action.CORRECT:
            data["title"] = f"更正 {case.issue.event_count}"
            if case.issue.place_id in [grid.pk for grid in town.grids]:
                data["place"] = town.grids[how % len(town.grids)]
        case Action.MERGE:
            levels = list(Level)
            fit = [
                master
                for master in masters
                if master.closed_at is None
                and levels.index(Level(master.level)) >= levels.index(Level(case.issue.level))
            ]
            if not fit:
                return None
            data["master"] = fit[0]
    return data


def _absent_units(
    case: Case, town: Town, how: int, *, all_leave: bool = False
) -> list[Organisation]:
    present = set() if all_leave else {row.unit_id for row in case.present}
    units = [*town.units, *(town.departments if case.issue.level == Level.DISTRICT else ())]
    return [unit for unit in _from(units, how) if unit.pk not in present]


def _co_units(units: Sequence[Organisation], how: int, *, longest: int) -> list[dict[str, Any]]:
    """None, one or two of the units, with or without a limit of their own."""
    days = None if how % 2 == 0 else min(1 + how % 3, longest) or None
    return [
        {"unit": unit, "task": "协助。", "limit_days": days, "reply_required": how % 4 < 2}
        for unit in units[: how % 3]
    ]


def _colleague(case: Case, town: Town, how: int, today: date) -> User | None:
    for posting in _from(town.postings, how):
        if case.issue.lead_unit_id:
            fits = posting.role == Role.UNIT_HANDLER and (
                posting.organisation_id == case.issue.lead_unit_id
            )
        else:
            fits = posting.role in (Role.GRID_WORKER, Role.COMMUNITY_OFFICER) and (
                posting.place_id in (case.issue.grid_id, case.issue.community_id)
            )
        if fits and posting.is_in_force(today):
            return posting.user
    return None


def is_over(case: Case) -> bool:
    return case.issue.status in (Status.MERGED, Status.VOID)
