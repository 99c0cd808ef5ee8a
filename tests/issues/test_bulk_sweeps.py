"""Sweeps over many cases: set-wise, side by side, killed half-way, with one that refuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from core import outbox
from core.errors import Refused
from core.models import Message
from issues import chain, reminders, steps, store, sweeps
from issues.choices import Action, Status
from issues.models import Clock, Issue, IssueEvent, Supervision
from tests.cast import Cast, assemble
from tests.issues.copies import copies_of
from tests.issues.moments import assigned, at, suspended, with_the_unit
from tests.issues.test_concurrency import at_once

YELLOW = at("2025-03-11", "09:00")  # of what is with_the_unit
UNACKNOWLEDGED = at("2025-03-05")  # what is assigned


def reminders_per_clock() -> Counter[str]:
    keys = Message.objects.filter(key__startswith="clock:").values_list("key", flat=True)
    return Counter(key.split(":")[1] for key in keys)


def acknowledged(issue_ids: list[int]) -> list[int]:
    """How often the platform has acknowledged each of the cases."""
    events = IssueEvent.objects.filter(issue__in=issue_ids, action=Action.AUTO_ACKNOWLEDGE)
    taken = Counter(events.values_list("issue_id", flat=True))
    return [taken[pk] for pk in issue_ids]


@contextmanager
def dying_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, nth: int) -> Iterator[None]:
    """The worker is killed when it calls this for the nth time."""
    works, calls = getattr(module, name), Counter[str]()

    def call(*args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        if calls[name] == nth:
            raise ConnectionError("the worker was killed")
        return works(*args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(module, name, call)
        with pytest.raises(ConnectionError):
            yield


@contextmanager
def refusing(monkeypatch: pytest.MonkeyPatch, issue_id: int) -> Iterator[None]:
    """The case refuses every step."""
    take = steps.take

    def refuse_one(case: Any, *args: Any, **kwargs: Any) -> Any:
        if case.issue.pk == issue_id:
            raise Refused("别人正在办理。")
        return take(case, *args, **kwargs)

    with monkeypatch.context() as broken:
        broken.setattr(steps, "take", refuse_one)
        yield


# --- set-wise ---


@pytest.mark.parametrize(
    ("moment", "sweep", "now"),
    [
        (with_the_unit, sweeps.remind_of_deadlines, YELLOW),
        (assigned, sweeps.acknowledge_overdue_assignments, UNACKNOWLEDGED),
        (suspended, sweeps.resume_suspended, at("2025-04-07", "09:00")),
        (with_the_unit, sweeps.supervise_neglected, at("2025-03-18", "08:50")),
    ],
)
def test_the_number_of_statements_does_not_grow_with_the_cases_of_a_batch(
    cast: Cast, moment: Callable[[Cast], Issue], sweep: Callable[[datetime], int], now: datetime
) -> None:
    def statements(copies: int) -> int:
        with transaction.atomic():
            copies_of(issue, copies)
            with CaptureQueriesContext(connection) as captured:
                assert sweep(now) == copies + 1
            transaction.set_rollback(True)
        return len(captured)

    issue = moment(cast)
    statements(3)  # reads what is kept in memory from then on
    assert statements(30) == statements(300)


def test_a_second_sweep_only_probes_for_what_is_due(cast: Cast) -> None:
    copies_of(with_the_unit(cast), 30)
    assert sweeps.remind_of_deadlines(YELLOW) == 31
    with CaptureQueriesContext(connection) as captured:
        assert sweeps.remind_of_deadlines(YELLOW) == 0
    tables = ("issues_", "core_message", "people_")
    read = [row["sql"] for row in captured if any(name in row["sql"] for name in tables)]
    assert len(read) == 1
    assert "FOR UPDATE OF c SKIP LOCKED" in read[0]


def test_what_is_read_set_wise_keeps_a_chain_that_verifies(cast: Cast) -> None:
    one, other = assigned(cast), assigned(cast)
    assert sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED) == 2
    assert list(chain.verify_cases(chain.Tally())) == []
    assert acknowledged([one.pk, other.pk]) == [1, 1]


# --- side by side ---


def test_sweeps_side_by_side_write_each_reminder_once(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies_of(with_the_unit(assemble()), 200)
    monkeypatch.setattr(reminders, "BATCH", 7)
    seen: list[int] = []

    at_once([lambda: seen.append(sweeps.remind_of_deadlines(YELLOW))] * 3)

    sweeps.remind_of_deadlines(YELLOW)  # what one of them held when the others came to their end
    assert sum(seen) == 201
    assert set(reminders_per_clock().values()) == {1}
    assert len(reminders_per_clock()) == 201


def test_sweeps_side_by_side_acknowledge_each_case_once(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = assemble()
    issues = [assigned(cast) for _ in range(12)]
    monkeypatch.setattr(sweeps, "BATCH", 2)
    done: list[int] = []

    at_once([lambda: done.append(sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED))] * 3)

    done.append(sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED))
    assert sum(done) == 12
    assert acknowledged([issue.pk for issue in issues]) == [1] * 12
    assert list(chain.verify_cases(chain.Tally())) == []


def test_sweeps_side_by_side_order_once(committed_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order changes no status: only what is asked again under the lock keeps it from two."""
    cast = assemble()
    issues = [with_the_unit(cast) for _ in range(8)]
    monkeypatch.setattr(sweeps, "BATCH", 2)
    done: list[int] = []

    at_once([lambda: done.append(sweeps.supervise_neglected(at("2025-03-18", "08:50")))] * 3)

    done.append(sweeps.supervise_neglected(at("2025-03-18", "08:50")))
    assert sum(done) == 8
    assert Counter(Supervision.objects.values_list("issue_id", flat=True)) == Counter(
        issue.pk for issue in issues
    )


def test_what_was_done_between_the_look_and_the_lock_is_not_due_any_more(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transferred meanwhile: the next unit has a limit of its own to acknowledge."""
    issue = assigned(cast)
    take_batch = sweeps._take_batch

    def transferred_before(*args: Any) -> int:
        acknowledged = cast.step(issue, Action.ACKNOWLEDGE, cast.wu_yang, UNACKNOWLEDGED)
        cast.step(
            acknowledged,
            Action.TRANSFER,
            cast.chen_jing,
            UNACKNOWLEDGED,
            lead_unit=cast.changqiao_patrol,
            text="转执法局。",
        )
        return take_batch(*args)

    monkeypatch.setattr(sweeps, "_take_batch", transferred_before)
    assert sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED) == 0
    assert Issue.objects.get(pk=issue.pk).status == Status.ASSIGNED


# --- killed half-way ---


def test_a_reminder_sweep_that_is_killed_keeps_its_batches_and_the_next_one_finishes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies_of(with_the_unit(cast), 24)
    monkeypatch.setattr(reminders, "BATCH", 10)

    with dying_at(monkeypatch, outbox, "post_drafts", 2):
        sweeps.remind_of_deadlines(YELLOW)
    assert len(reminders_per_clock()) == 10
    assert Clock.objects.filter(next_reminder_at__lte=YELLOW).count() == 15

    assert sweeps.remind_of_deadlines(at("2025-03-11", "09:10")) == 15
    assert len(reminders_per_clock()) == 25
    assert set(reminders_per_clock().values()) == {1}


def test_an_acknowledging_sweep_that_is_killed_keeps_its_batches_and_the_next_one_finishes(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [assigned(cast).pk for _ in range(5)]
    monkeypatch.setattr(sweeps, "BATCH", 2)

    with dying_at(monkeypatch, store, "save", 2):
        sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED)
    assert acknowledged(ids) == [1, 1, 0, 0, 0]

    assert sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED) == 3
    assert acknowledged(ids) == [1] * 5


# --- one that refuses ---


def test_a_case_that_refuses_in_the_middle_of_a_batch_stops_no_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [assigned(cast).pk for _ in range(3)]
    with refusing(monkeypatch, ids[1]):
        assert sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED) == 2
    assert acknowledged(ids) == [1, 0, 1]

    assert sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED) == 1
    assert acknowledged(ids) == [1, 1, 1]


def test_a_suspended_case_that_cannot_be_resumed_holds_up_no_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = suspended(cast), suspended(cast)
    with refusing(monkeypatch, one.pk):
        assert sweeps.resume_suspended(at("2025-04-07", "09:00")) == 1
    other.refresh_from_db()
    assert other.status == Status.HANDLING
    assert sweeps.resume_suspended(at("2025-04-07", "09:05")) == 1


def test_a_case_that_somebody_holds_is_left_for_the_next_run(committed_db: str) -> None:
    cast = assemble()
    held, free = assigned(cast), assigned(cast)
    done: list[int] = []

    def sweep() -> None:
        done.append(sweeps.acknowledge_overdue_assignments(UNACKNOWLEDGED))

    with transaction.atomic():
        Issue.objects.select_for_update().get(pk=held.pk)
        at_once([sweep])
    assert acknowledged([held.pk, free.pk]) == [0, 1]
    sweep()
    assert acknowledged([held.pk, free.pk]) == [1, 1]
    assert done == [1, 1]
