"""Whole cases, walked at random through the transition table: what must hold after every step.

In memory for many walks, with every due date counted a second time by the slow calendar; and in the
database for some, where its constraints and the hash chain have a say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.errors import Refused
from core.workdays import calendar
from issues import actions, recalculation, steps
from issues.case import Case
from issues.choices import (
    OPEN_STATUSES,
    Action,
    ClockKind,
    LimitUnit,
    Source,
    Urgency,
    Verdict,
)
from issues.models import Clock, Issue
from issues.office import Limits, Office
from issues.states import State
from issues.workflow import RULES
from people.choices import ADMINISTRATORS, Role
from people.directory import Directory
from people.models import Posting
from tests.cast import Cast, again, post
from tests.issues.holds import check_clocks, check_history, check_records, check_saved
from tests.issues.moments import assigned, with_two_departments
from tests.issues.walking import (
    CALENDAR,
    Choice,
    Draw,
    Town,
    draws_from,
    next_step,
    town_in_memory,
    walks,
)
from tests.slow_calendar import SlowCalendar, at, instants

SLOW = SlowCalendar()
TOWN = town_in_memory()

# What a step may do to the due date of a clock that was there before, by the specification.
MOVES = {
    Action.REFUSE_RETURN: {ClockKind.STEP},
    Action.FAIL_VERIFICATION: {ClockKind.OVERALL},
    Action.REDO: {ClockKind.OVERALL},
    Action.RESUME: {ClockKind.STEP, ClockKind.OVERALL, ClockKind.CO_UNIT},
    Action.AUTO_RESUME: {ClockKind.STEP, ClockKind.OVERALL, ClockKind.CO_UNIT},
    Action.APPLY_RESOLUTION: {ClockKind.OVERALL},
    Action.APPROVE_EXTENSION: {ClockKind.STEP, ClockKind.OVERALL},
}

# --- walks in memory ---


@dataclass
class Walk:
    """One case on its way, with every due date kept a second time."""

    number: int
    now: datetime
    urgency: Urgency
    source: Source
    due: dict[int, datetime] = field(default_factory=dict)  # by the place of the clock in the case
    verdicts: dict[int, str] = field(default_factory=dict)
    ledger: list[tuple[Any, ...]] = field(default_factory=list)
    way: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        grid = TOWN.grids[0]
        phone = "12012345678" if self.source != Source.PATROL else ""
        issue = Issue(
            pk=self.number,
            number=f"20250303-{self.number:05d}",
            source=self.source,
            title="井盖松动",
            description="井盖松动。",
            category=TOWN.category,
            urgency=self.urgency,
            place=grid,
            grid=grid,
            community=grid.community,
            town=grid.town,
            district=grid.district,
            reporter=TOWN.reporter.user,
            contact_phone=phone,
            received_at=self.now,
        )
        self.case = steps.open_case(
            issue, by=TOWN.reporter, data={"text": "井盖松动。"}, at=self.now, office=TOWN.office
        )
        self.check(Action.CREATE, {})

    def take(self, choice: Choice) -> None:
        by = [choice.by] if choice.by else None
        self.way.append(f"{self.now:%m-%d %H:%M} {choice.action}")
        steps.take(
            self.case, choice.action, by=by, data=choice.data, at=self.now, office=TOWN.office
        )
        self.check(choice.action, choice.data)

    def check(self, action: Action, data: dict[str, Any]) -> None:
        try:
            check_history(self.case)
            check_clocks(self.case)
            check_records(self.case)
            self.check_dates(action, data)
            self.check_ledger()
        except AssertionError as error:
            error.add_note("\n".join([self.case.issue.state_label, *self.way]))
            raise

    # --- dates ---

    def check_dates(self, action: Action, data: dict[str, Any]) -> None:
        for n, clock in enumerate(self.case.clocks):
            if n not in self.due:
                self.due[n] = self.at_start(clock, action, data)
            elif clock.due_at != self.due[n]:
                assert clock.kind in MOVES.get(action, ()), "moved without an event that moves it"
                self.due[n] = self.moved(n, clock, action)
            assert clock.due_at == self.due[n], (n, clock.kind, clock.step)
            assert clock.yellow_at <= clock.due_at
            if n in self.verdicts and clock.kind != ClockKind.OVERALL:
                assert clock.verdict == self.verdicts[n], "what has stopped is judged once"
            if clock.ended_at:
                self.verdicts[n] = clock.verdict
                if clock.verdict != Verdict.CANCELLED:
                    on_time = clock.ended_at <= clock.due_at
                    assert clock.verdict == (Verdict.ON_TIME if on_time else Verdict.LATE)
        self.check_recount()

    def at_start(self, clock: Clock, action: Action, data: dict[str, Any]) -> datetime:
        """A new clock runs from now, its limit by the slow calendar, or to the day that was named;
        a co-unit's no longer than the clock that it depends on."""
        assert clock.started_at == self.now
        if clock.limit_unit == LimitUnit.HOURS:
            own = self.now + timedelta(hours=clock.limit_value)
        else:
            own = SLOW.due(self.now, clock.limit_value)
        until = data.get("until") if action in (Action.INSTRUCT, Action.APPLY_RESOLUTION) else None
        if until and at(until, own.time().replace(17, 30, 0, 0)) > self.now:
            own = at(until, own.time().replace(17, 30, 0, 0))
        if clock.kind != ClockKind.CO_UNIT:
            return own
        bound = ClockKind.OVERALL if action == Action.ADD_CO else ClockKind.STEP
        running = self.case.running(bound)
        assert running is not None
        return min(own, running.due_at) if running.due_at > self.now else own

    def moved(self, n: int, clock: Clock, action: Action) -> datetime:
        old = self.due[n]
        if action == Action.APPROVE_EXTENSION:
            approval = next(
                row for row in self.case.approvals if row.decided_seq == self.case.issue.event_count
            )
            assert approval.old_due_at is not None
            assert approval.until is not None
            until = approval.until
            if clock.kind == ClockKind.STEP:
                assert (approval.old_due_at, approval.new_due_at) == (old, clock.due_at)
                return at(until, old.time())
            assert approval.old_overall_due_at == old
            assert approval.new_overall_due_at == clock.due_at
            days = SLOW.count(timezone.localdate(approval.old_due_at), until)
            return at(SLOW.step(old.date(), days), old.time())
        pause = next(row for row in reversed(self.case.pauses) if row.clock is clock)
        assert pause.ended_at == self.now
        if clock.limit_unit == LimitUnit.HOURS:
            moved = old + (pause.ended_at - pause.started_at)
        else:
            moved = SLOW.shift(old, pause.started_at, pause.ended_at)
        if action == Action.APPLY_RESOLUTION:  # lasts at least as long as the unit's
            own = self.case.running(ClockKind.STEP)
            assert own is not None
            moved = max(moved, own.due_at)
        return moved

    def check_recount(self) -> None:
        """What is on record is enough to count every date anew, and comes out the same."""
        case = self.case
        record = recalculation.Record(case.clocks, case.pauses, case.approvals, case.events)
        for clock in case.clocks:
            if clock.ended_at is None:
                assert recalculation.due_of(clock, record, CALENDAR).at == clock.due_at

    # --- the ledger ---

    def check_ledger(self) -> None:
        now = [(id(p.clock), p.kind, p.started_at, p.ended_at) for p in self.case.pauses]
        assert now[: len(self.ledger)] == self.ledger
        self.ledger = now
        for clock in self.case.clocks:
            own = [p for p in self.case.pauses if p.clock is clock]
            flat = [instant for p in own for instant in (p.started_at, p.ended_at)]
            assert flat == sorted(flat)
            assert all(instant >= clock.started_at for instant in flat)


walkers = st.tuples(
    instants,
    st.sampled_from([Urgency.NORMAL, Urgency.NORMAL, Urgency.SAFETY]),
    st.sampled_from([Source.PATROL, Source.RESIDENT]),
)


@settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # smaller dice make no shorter walk
    suppress_health_check=[HealthCheck.too_slow],
)
@given(walkers, walkers, walks)
def test_two_cases_walk_at_random_and_every_rule_of_clocks_and_history_holds(
    one: tuple[Any, ...], other: tuple[Any, ...], walk: list[Draw]
) -> None:
    """Two, so that they can be merged; nobody else touches them, and no database is asked."""
    for _ in take_walk([Walk(1, *one), Walk(2, *other)], walk, Counter()):
        pass


def take_walk(
    both: list[Walk], walk: list[Draw], seen: Counter[tuple[State, Action]]
) -> Iterator[Action]:
    """Yield each action taken. A step that is refused ends the walk: it is half-done in memory,
    where no transaction rolls it back."""
    now = max(walker.now for walker in both)
    for draw in walk:
        now += draw.wait
        walker, partner = both[draw.who % 2], both[1 - draw.who % 2]
        walker.now = partner.now = now
        choice = next_step(walker.case, TOWN, draw, now, seen, [partner.case.issue])
        if choice is None:
            continue
        if choice.action == Action.UNMERGE:
            data = {"merged": walker.case.issue, "received_at": partner.case.events[0].at}
            partner.take(Choice(Action.RELEASE, None, data))
            yield Action.RELEASE
        try:
            walker.take(choice)
        except Refused:
            return
        yield choice.action
        if choice.action == Action.MERGE:
            partner.take(Choice(Action.ABSORB, None, {"merged": walker.case.issue}))
            yield Action.ABSORB


def test_the_walks_try_every_action() -> None:
    """What holds on all walks proves nothing about a step that none of them takes."""
    start, seen = at(date(2024, 9, 20), time(10)), Counter[tuple[State, Action]]()
    taken = {
        action
        for seed in range(120)
        for action in take_walk(
            [
                Walk(1, start + timedelta(days=7 * seed), Urgency.NORMAL, Source.RESIDENT),
                Walk(2, start + timedelta(days=7 * seed), Urgency.SAFETY, Source.RESIDENT),
            ],
            draws_from(seed, 80),
            seen,
        )
    }
    assert set(Action) - taken == {Action.CREATE, Action.RECALCULATE}
    open_states = {state for state, _ in RULES if state and state.status in OPEN_STATUSES}
    assert open_states <= {state for state, _ in seen}


# --- walks in the database ---


def town_of(cast: Cast) -> Town:
    post(cast.xu_lei, Role.UNIT_HEAD, cast.changqiao_patrol)
    post(cast.gao_feng, Role.UNIT_HEAD, cast.water)
    postings = list(
        Posting.objects.exclude(role__in=ADMINISTRATORS)
        .select_related("user", "place", "organisation__place")
        .order_by("id")
    )
    return Town(
        office=Office(calendar(), Limits.load(), Directory(postings)),
        postings=postings,
        grids=[cast.longxi_grid_1, cast.longxi_grid_2],
        category=cast.sewage,
        units=[cast.changqiao_works, cast.changqiao_patrol],
        departments=[cast.housing, cast.water],
    )


def test_cases_walk_in_the_database_and_it_keeps_them_whole(cast: Cast) -> None:
    """Every step is read, checked, locked and written as in service, under all constraints."""
    town, seen = town_of(cast), Counter[tuple[State, Action]]()
    for seed in range(5):
        start = at(date(2025, 3, 5), time(10))
        urgency = Urgency.SAFETY if seed % 2 else Urgency.NORMAL
        resident = {"source": Source.RESIDENT, "contact_phone": "12012345678", "urgency": urgency}
        three = [
            cast.report(at=start, **resident),
            assigned(cast),
            with_two_departments(cast),
        ]
        way = [f"dice {seed}"]
        try:
            take_walk_in_the_database(three, town, draws_from(seed, 60), start, seen, way)
            for issue in Issue.objects.filter(pk__in=[issue.pk for issue in three]):
                check_saved(issue, town.office.calendar)
        except Exception as error:
            error.add_note("\n".join(way))
            raise


def take_walk_in_the_database(
    three: list[Issue],
    town: Town,
    walk: list[Draw],
    now: datetime,
    seen: Counter[tuple[State, Action]],
    way: list[str],
) -> None:
    """``way`` is told what is done."""
    for draw in walk:
        now += draw.wait
        there = list(Issue.objects.filter(pk__in=[row.pk for row in three]).order_by("pk"))
        issue = there.pop(draw.who % len(there))
        choice = next_step(Case.load(issue), town, draw, now, seen, there)
        if choice is None:
            continue
        way.append(f"{now:%m-%d %H:%M} {issue.pk} {choice.action}")
        try:
            actions.perform(
                issue.pk,
                choice.action,
                by=again(choice.by.user) if choice.by else None,
                data=choice.data,
                expected_version=issue.version,
                at=now,
            )
        except Refused as refusal:
            way.append(f"  {refusal.message}")
