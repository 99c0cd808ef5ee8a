"""Clocks that hold: whatever happens to a clock, its dates are where the slow calendar says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.workdays import Calendar, official_days
from issues import clocks, recalculation, reference
from issues.choices import (
    Action,
    ApprovalKind,
    ClockKind,
    Decision,
    Lamp,
    Level,
    LimitUnit,
    MessageKind,
    Outcome,
    PauseKind,
    Status,
    Step,
    Urgency,
    Verdict,
)
from issues.models import Approval, Clock, ClockPause, Issue, TimeLimit
from issues.office import Limit
from tests.cast import Cast
from tests.issues.moments import assigned, submitted, with_the_unit
from tests.issues.moments import at as moment
from tests.slow_calendar import PUBLISHED, SlowCalendar, at, instants, limits

SLOW = SlowCalendar()
CALENDAR = Calendar(
    {day: works for year in PUBLISHED for day, works, _ in official_days(year) or []}, PUBLISHED
)

lengths = st.builds(Limit, limits) | st.builds(
    Limit, st.sampled_from([2, 24, 48, 72]), st.just(LimitUnit.HOURS)
)
gaps = st.sampled_from(
    [timedelta(), timedelta(minutes=20), timedelta(hours=7), timedelta(days=1)]
) | st.timedeltas(timedelta(), timedelta(days=60))
happenings = st.lists(
    st.tuples(st.sampled_from(["pause", "resume", "stop", "annul", "extend"]), gaps), max_size=12
)


def new_clock(start: datetime, limit: Limit, kind: ClockKind = ClockKind.STEP) -> Clock:
    issue = Issue(level=Level.TOWN, round=1)
    return clocks.start(issue, kind, Step.HANDLING, limit, at=start, calendar=CALENDAR)


@dataclass
class Life:
    """One clock, what happens to it, and where its due date is to be by the slow calendar."""

    start: datetime
    limit: Limit
    kind: ClockKind = ClockKind.STEP
    pauses: list[ClockPause] = field(default_factory=list)
    approvals: list[Approval] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now = self.start
        self.clock = new_clock(self.start, self.limit, self.kind)
        self.due = (
            self.start + timedelta(hours=self.limit.value)
            if self.in_hours
            else SLOW.due(self.start, self.limit.value)
        )

    @property
    def in_hours(self) -> bool:
        return self.limit.unit == LimitUnit.HOURS

    def happens(self, what: str, gap: timedelta) -> None:
        """Let time pass and then this; what can't happen to the clock as it stands doesn't."""
        clock = self.clock
        self.now += gap
        runs = clock.ended_at is None and clock.paused_at is None
        match what:
            case "pause" if runs:
                clocks.pause(clock, self.now, PauseKind.SUSPENSION)
            case "resume" if clock.paused_at:
                self._leave_out(clock.paused_at)
                self.pauses.append(clocks.resume(clock, self.now, CALENDAR))
            case "stop" if runs:
                clocks.stop(clock, self.now)
            case "annul" if clock.ended_at:
                self._leave_out(clock.ended_at)
                kind = PauseKind.VERIFICATION
                self.pauses.append(clocks.annul_stop(clock, self.now, kind, CALENDAR))
            case "extend" if runs and self.now > clock.started_at:
                self._extend(1 + gap.days % 10)

    def _leave_out(self, since: datetime) -> None:
        if self.in_hours:
            self.due += self.now - since
        else:
            self.due = SLOW.shift(self.due, since, self.now)

    def _extend(self, working_days: int) -> None:
        old = self.clock.due_at
        clocks.extend(self.clock, working_days, CALENDAR)
        self.due = at(SLOW.step(self.due.date(), working_days), self.due.time())
        self.approvals.append(
            Approval(
                kind=ApprovalKind.EXTENSION,
                decision=Decision.APPROVED,
                decided_at=self.now,
                until=self.due.date(),
                old_due_at=old,
                new_due_at=self.clock.due_at,
            )
        )


lives = st.builds(Life, instants, lengths)


# --- where the dates are ---


@given(lives, happenings)
def test_a_due_date_moves_by_pauses_and_extensions_alone_and_as_far_as_one_walks(
    life: Life, happened: list[tuple[str, timedelta]]
) -> None:
    for what, gap in happened:
        before = life.clock.due_at
        life.happens(what, gap)
        assert life.clock.due_at == life.due
        if what in ("pause", "stop"):
            assert life.clock.due_at == before


@given(lives, happenings)
def test_yellow_lies_before_the_end_as_far_as_the_limit_says(
    life: Life, happened: list[tuple[str, timedelta]]
) -> None:
    for what, gap in happened:
        life.happens(what, gap)
        if life.in_hours:
            expected = life.due - timedelta(hours=life.limit.value) / 3
        else:
            expected = SLOW.yellow(life.start, life.due, life.limit.value)
        assert life.clock.yellow_at == expected


@given(lives, happenings)
def test_what_is_on_record_is_enough_to_count_a_due_date_anew(
    life: Life, happened: list[tuple[str, timedelta]]
) -> None:
    """And a calendar that is the same gives the same date."""
    for what, gap in happened:
        life.happens(what, gap + timedelta(microseconds=1))
    record = recalculation.Record([life.clock], life.pauses, life.approvals, [])
    counted = recalculation.due_of(life.clock, record, CALENDAR)
    assert counted.at == life.clock.due_at
    assert counted.provisional == life.clock.is_provisional


@given(lives, happenings)
def test_a_provisional_date_stays_so_whatever_happens(
    life: Life, happened: list[tuple[str, timedelta]]
) -> None:
    """Only a recalculation may take the mark off."""
    for what, gap in happened:
        was_provisional = life.clock.is_provisional
        life.happens(what, gap)
        assert life.clock.is_provisional or not was_provisional
        reached = [life.start.date(), life.due.date()]
        if not life.in_hours and SLOW.is_provisional(*reached):
            assert life.clock.is_provisional


@given(lives, happenings, st.sampled_from(PauseKind), gaps)
def test_the_ledger_of_pauses_only_grows(
    life: Life, happened: list[tuple[str, timedelta]], kind: PauseKind, gap: timedelta
) -> None:
    before: list[tuple[datetime, datetime]] = []
    for what, gap_before in happened:
        life.happens(what, gap_before)
        ledger = [(pause.started_at, pause.ended_at) for pause in life.pauses]
        assert ledger[: len(before)] == before
        before = ledger
    flat = [instant for pause in before for instant in pause]
    assert flat == sorted(flat)


@given(instants, lengths, gaps, gaps)
def test_a_cancelled_clock_leaves_the_pause_in_which_it_stood(
    start: datetime, limit: Limit, before: timedelta, standing: timedelta
) -> None:
    clock = new_clock(start, limit)
    clocks.pause(clock, start + before, PauseKind.RETURN)
    done = clocks.cancel(clock, start + before + standing)
    assert done is not None
    assert (done.started_at, done.ended_at) == (start + before, start + before + standing)
    assert (clock.verdict, clock.paused_at, clock.pause_kind) == (Verdict.CANCELLED, None, "")
    assert clocks.cancel(new_clock(start, limit), start) is None


# --- pauses ---


@given(instants, lengths, st.lists(st.tuples(gaps, gaps), max_size=5))
def test_pausing_and_resuming_leaves_as_much_time_as_there_was(
    start: datetime, limit: Limit, stretches: list[tuple[timedelta, timedelta]]
) -> None:
    clock, now = new_clock(start, limit), start
    for running, standing in stretches:
        paused = now + running
        now = paused + standing
        left = SLOW.count(paused.date(), clock.due_at.date()), clock.due_at - paused
        clocks.pause(clock, paused, PauseKind.SUSPENSION)
        clocks.resume(clock, now, CALENDAR)
        if limit.unit == LimitUnit.HOURS:
            assert clock.due_at - now == left[1]
        elif paused.date() <= clock.due_at.date():
            assert SLOW.count(now.date(), clock.due_at.date()) == left[0]


@given(instants, limits, st.times(), st.times())
def test_a_pause_that_ends_on_its_day_moves_nothing(
    start: datetime, days: int, one: object, other: object
) -> None:
    clock = new_clock(start, Limit(days))
    due = clock.due_at
    day = (start + timedelta(days=1)).date()
    paused, resumed = sorted([at(day, one), at(day, other)])
    clocks.pause(clock, paused, PauseKind.SUSPENSION)
    clocks.resume(clock, resumed, CALENDAR)
    assert clock.due_at == due


def test_only_what_stands_can_be_taken_up_again() -> None:
    clock = new_clock(moment("2025-03-03"), Limit(3))
    with pytest.raises(ValueError, match="paused"):
        clocks.resume(clock, moment("2025-03-04"), CALENDAR)
    with pytest.raises(ValueError, match="stopped"):
        clocks.annul_stop(clock, moment("2025-03-04"), PauseKind.VERIFICATION, CALENDAR)


# --- the end ---


@given(lives, happenings, gaps)
def test_on_time_is_who_stops_at_the_due_instant_or_before(
    life: Life, happened: list[tuple[str, timedelta]], gap: timedelta
) -> None:
    for what, gap_before in [*happened, ("annul", gap), ("resume", gap), ("stop", gap)]:
        life.happens(what, gap_before)
    assert life.clock.ended_at is not None
    on_time = life.clock.ended_at <= life.due
    assert life.clock.verdict == (Verdict.ON_TIME if on_time else Verdict.LATE)


# --- reminders ---

ORDER = [MessageKind.NEAR_DUE, MessageKind.DUE, MessageKind.OVERDUE]


@given(lives, happenings)
def test_reminders_come_in_their_order_and_only_while_the_clock_runs(
    life: Life, happened: list[tuple[str, timedelta]]
) -> None:
    for what, gap in happened:
        life.happens(what, gap)
        clock = life.clock
        if clock.ended_at or clock.paused_at:
            assert clock.next_reminder_at is None
        else:
            planned = clocks.reminder_times(clock, CALENDAR)
            assert [when for when, _, _ in planned] == sorted(when for when, _, _ in planned)
            kinds = [kind for _, kind, _ in planned]
            assert kinds == sorted(kinds, key=ORDER.index)
            assert clock.next_reminder_at == clock.yellow_at == planned[0][0]


@given(lives, st.lists(gaps, min_size=1, max_size=8))
def test_a_sweep_that_comes_at_any_times_sends_each_reminder_once_and_the_latest_only(
    life: Life, waits: list[timedelta]
) -> None:
    clock, now = life.clock, life.start
    planned = clocks.reminder_times(clock, CALENDAR)
    sent: list[tuple[MessageKind, int]] = []
    for wait in waits:
        now += wait
        if clock.next_reminder_at is None or clock.next_reminder_at > now:
            continue
        due = clocks.reminder_due(planned, now)
        assert due == [(kind, nth) for when, kind, nth in planned if when <= now][-1]
        sent.append(due)
        clock.next_reminder_at = clocks.first_after(planned, now)
    assert len(sent) == len(set(sent))
    assert sent == [pair for pair in [(kind, nth) for _, kind, nth in planned] if pair in sent]


@given(instants, lengths)
def test_an_overall_clock_reminds_nobody(start: datetime, limit: Limit) -> None:
    assert new_clock(start, limit, ClockKind.OVERALL).next_reminder_at is None


# --- lamps ---


@given(lives, happenings, gaps)
def test_a_lamp_is_the_comparison_with_now(
    life: Life, happened: list[tuple[str, timedelta]], gap: timedelta
) -> None:
    for what, gap_before in happened:
        life.happens(what, gap_before)
    clock, now = life.clock, life.now + gap
    lamp = clock.lamp(now)
    if clock.paused_at:
        assert lamp == Lamp.GREY
    elif clock.ended_at:
        assert lamp is None
    else:
        assert (lamp == Lamp.RED) == (now >= clock.due_at)
        assert (lamp == Lamp.GREEN) == (now < clock.yellow_at)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([Status.HANDLING, Status.VERIFY, Status.SUSPENDED, Status.CLOSED]),
    instants,
    st.timedeltas(timedelta(), timedelta(days=20)),
    st.sampled_from([timedelta(microseconds=n) for n in (-1, 0, 1)]) | gaps,
    st.booleans(),
)
def test_the_lamp_in_sql_is_the_lamp_in_python(
    cast: Cast, status: Status, due: datetime, before: timedelta, off: timedelta, at_due: bool
) -> None:
    runs = status not in (Status.SUSPENDED, Status.CLOSED)
    issue = cast.report()
    Issue.objects.filter(pk=issue.pk).update(
        status=status,
        lead_unit=cast.changqiao_works,
        outcome=Outcome.RESOLVED,
        due_at=due if runs else None,
        yellow_at=due - before if runs else None,
        closed_at=due if status == Status.CLOSED else None,
        review_at=due if status == Status.SUSPENDED else None,
    )
    now = (due if at_due else due - before) + off
    row = Issue.objects.with_lamp(now).get(pk=issue.pk)
    assert row.lamp_now == row.lamp(now)
    assert Issue.objects.overdue(now).filter(pk=issue.pk).exists() == (row.lamp(now) == Lamp.RED)


# --- a limit that changes ---


def ledger(issue: Issue) -> list[tuple[int, str, datetime, datetime]]:
    rows = ClockPause.objects.filter(clock__issue=issue).order_by("id")
    return list(rows.values_list("clock_id", "kind", "started_at", "ended_at"))


def dates(issue: Issue) -> list[tuple[int, datetime, datetime, int]]:
    rows = Clock.objects.filter(issue=issue).order_by("id")
    return list(rows.values_list("pk", "due_at", "yellow_at", "limit_value"))


def test_an_edited_limit_leaves_running_clocks_and_their_ledger_alone(cast: Cast) -> None:
    issue = cast.step(
        submitted(cast),
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        moment("2025-03-10"),
        reason="not_done",
        text="现场未完成。",
    )
    before = dates(issue), ledger(issue)
    assert len(before[1]) == 1

    for step in Step:
        for level in Level:
            limit = TimeLimit(
                step=step,
                level=level,
                urgency=Urgency.NORMAL,
                value=33,
                effective_from=clocks.local_day(moment("2099-01-04")),
            )
            reference.save_limit(limit, by=cast.sun_li)
    TimeLimit.objects.filter(value=33).update(effective_from=clocks.local_day(moment("2025-03-11")))
    issue = cast.step(
        issue,
        Action.URGE,
        cast.chen_jing,
        moment("2025-03-12"),
        text="请抓紧。",
    )

    assert (dates(issue), ledger(issue)) == before
    assert (
        cast.step(
            issue,
            Action.SUBMIT_COMPLETION,
            cast.wu_yang,
            moment("2025-03-12"),
            outcome=Outcome.RESOLVED,
            text="已返工。",
        )
        .clocks.last()
        .limit_value
        == 33
    )


def test_an_extension_moves_the_dates_and_keeps_the_ledger(cast: Cast) -> None:
    issue = with_the_unit(cast)
    review = clocks.local_day(moment("2025-03-20"))
    issue = cast.step(
        issue,
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        moment("2025-03-05"),
        kind="engineering",
        until=review,
        text="等待材料，已围挡。",
    )
    issue = cast.step(issue, Action.SUSPEND, cast.zhou_wei, moment("2025-03-05"), text="同意。")
    issue = cast.step(issue, Action.RESUME, cast.zhou_wei, moment("2025-03-10"), text="材料已到。")
    before = ledger(issue)
    assert len(before) == 2  # the unit's and the overall clock
    assert issue.due_at == moment("2025-03-17", "17:30")  # the 12th, and three working days

    until = clocks.local_day(moment("2025-03-21"))
    issue = cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        moment("2025-03-11"),
        until=until,
        text="需加长管道。",
    )
    issue = cast.step(
        issue, Action.APPROVE_EXTENSION, cast.chen_jing, moment("2025-03-11"), text="同意。"
    )

    assert ledger(issue) == before
    assert issue.due_at == moment("2025-03-21", "17:30")
    asked = issue.approvals.get(kind=ApprovalKind.EXTENSION)
    assert (asked.old_due_at, asked.new_due_at) == (moment("2025-03-17", "17:30"), issue.due_at)
    assert asked.new_overall_due_at == issue.overall_due_at


def test_a_ruling_gives_a_new_limit_and_keeps_the_old_ledger(cast: Cast) -> None:
    issue = cast.step(
        assigned(cast),
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        moment("2025-03-03", "16:00"),
        reason="not_our_duty",
        text="依据职责清单第三条。",
    )
    issue = cast.step(
        issue,
        Action.ARBITRATE,
        cast.zhou_wei,
        moment("2025-03-05"),  # the ruling was due on the 4th
        lead_unit=cast.changqiao_patrol,
        text="由执法局主办。",
    )
    left = issue.clocks.filter(assignment__unit=cast.changqiao_works).get()
    assert left.verdict == Verdict.CANCELLED
    assert ledger(issue) == [
        (left.pk, PauseKind.RETURN, moment("2025-03-03", "16:00"), moment("2025-03-05"))
    ]
    own = issue.clocks.get(assignment__unit=cast.changqiao_patrol)
    assert own.due_at == issue.due_at == moment("2025-03-14", "17:30")


def test_a_refused_return_leaves_the_unit_the_time_that_it_had(cast: Cast) -> None:
    issue = assigned(cast)
    assert issue.due_at == moment("2025-03-12", "17:30")
    issue = cast.step(
        issue,
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        moment("2025-03-03", "16:00"),
        reason="not_our_duty",
        text="依据职责清单第三条。",
    )
    issue = cast.step(
        issue, Action.REFUSE_RETURN, cast.chen_jing, moment("2025-03-04"), text="属你单位职责。"
    )
    assert issue.due_at == moment("2025-03-13", "17:30")
    assert len(ledger(issue)) == 1


# --- limits that were given as a day ---


@pytest.mark.parametrize(
    ("now", "until", "due"),
    [
        (("2025-03-03", "10:00"), "2025-03-05", ("2025-03-05", "17:30")),
        (("2025-03-03", "18:00"), "2025-03-05", ("2025-03-05", "17:30")),  # after hours
        (("2025-03-08", "10:00"), "2025-03-12", ("2025-03-12", "17:30")),  # on a Saturday
        (("2025-03-03", "10:00"), "2025-03-09", ("2025-03-09", "17:30")),  # to a Sunday
        (("2025-03-03", "10:00"), "2025-03-03", ("2025-03-03", "17:30")),  # today
        (("2025-03-03", "18:00"), "2025-03-03", ("2025-03-05", "17:30")),  # over: one working day
    ],
)
def test_an_instruction_is_to_be_answered_by_the_end_of_the_day_that_it_names(
    cast: Cast, now: tuple[str, str], until: str, due: tuple[str, str]
) -> None:
    issue = cast.step(
        cast.report(at=moment("2025-03-03", "09:30")),
        Action.INSTRUCT,
        cast.zhou_wei,
        moment(*now),
        leader_name="周伟",
        until=clocks.local_day(moment(until)),
        text="请尽快。",
    )
    clock = issue.clocks.get(kind=ClockKind.ORDER)
    assert clock.due_at == moment(*due)
    assert moment(*now) <= clock.yellow_at < clock.due_at
