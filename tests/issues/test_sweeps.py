"""What happens because time passes: each reminder once, in office hours, to the right people."""

from __future__ import annotations

import pytest

from core.models import Message
from issues import sweeps
from issues.choices import Action, MessageKind, Outcome, Status, Urgency
from issues.models import Assignment, Clock, Issue, IssueEvent
from tests.cast import Cast
from tests.issues.moments import assigned, at, with_the_unit, with_two_departments


def reminded(kind: MessageKind) -> set[str]:
    return set(
        Message.objects.filter(kind=kind, key__startswith="clock:").values_list(
            "recipient__username", flat=True
        )
    )


def test_a_reminder_is_written_once_however_often_the_sweep_runs(cast: Cast) -> None:
    with_the_unit(cast)  # yellow from 09:00 of the 11th, due on the 12th

    for time in ("09:00", "09:00", "09:05", "15:00"):
        sweeps.remind_of_deadlines(at("2025-03-11", time))

    reminder = Message.objects.get(key__startswith="clock:")
    assert (reminder.kind, reminder.recipient) == (MessageKind.NEAR_DUE, cast.wu_yang)
    assert "03月12日 17:30" in reminder.body


def test_a_second_sweep_looks_at_nothing(cast: Cast) -> None:
    with_the_unit(cast)
    assert sweeps.remind_of_deadlines(at("2025-03-11", "09:00")) == 1
    assert sweeps.remind_of_deadlines(at("2025-03-11", "09:00")) == 0


def test_each_stage_of_a_deadline_reminds_those_whom_it_concerns(cast: Cast) -> None:
    with_the_unit(cast)

    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang"}
    sweeps.remind_of_deadlines(at("2025-03-12", "09:00"))
    assert reminded(MessageKind.DUE) == {"wu_yang"}
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))
    assert reminded(MessageKind.OVERDUE) == {"wu_yang", "zheng_hua", "chen_jing"}
    sweeps.remind_of_deadlines(at("2025-03-17", "09:00"))
    assert Message.objects.filter(kind=MessageKind.OVERDUE).count() == 6
    assert sweeps.remind_of_deadlines(at("2025-03-20", "09:00")) == 0


def test_before_acknowledgement_all_handlers_of_the_unit_are_reminded(cast: Cast) -> None:
    assigned(cast)
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang", "feng_gang"}


def test_nobody_is_reminded_outside_office_hours(cast: Cast) -> None:
    with_the_unit(cast)
    for day, time in [("2025-03-11", "08:29"), ("2025-03-11", "18:00"), ("2025-03-15", "10:00")]:
        sweeps.remind_of_deadlines(at(day, time))
    assert not Message.objects.filter(key__startswith="clock:").exists()


def test_a_reminder_that_is_overtaken_is_never_written(cast: Cast) -> None:
    with_the_unit(cast)
    sweeps.remind_of_deadlines(at("2025-03-13", "09:00"))  # the first sweep in days
    assert not reminded(MessageKind.NEAR_DUE)
    assert not reminded(MessageKind.DUE)
    assert reminded(MessageKind.OVERDUE)


def test_a_step_that_was_finished_reminds_nobody(cast: Cast) -> None:
    issue = with_the_unit(cast)
    cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-10"),
        outcome=Outcome.RESOLVED,
        text="井盖已更换。",
    )
    sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert "wu_yang" not in reminded(MessageKind.NEAR_DUE)


def test_urgent_safety_reminds_at_night_too(cast: Cast) -> None:
    cast.report(at=at("2025-03-03", "22:00"), urgency=Urgency.SAFETY)  # two hours for diagnosis
    sweeps.remind_of_deadlines(at("2025-03-03", "23:30"))
    assert reminded(MessageKind.NEAR_DUE) == {"wang_fang"}


def test_a_co_unit_is_reminded_of_its_own_limit(cast: Cast) -> None:
    with_two_departments(cast)  # fifteen working days from 5 March: due on the 26th
    sweeps.remind_of_deadlines(at("2025-03-26", "09:00"))
    assert reminded(MessageKind.DUE) == {"he_jun", "gao_feng"}


def test_what_lies_unacknowledged_past_its_limit_is_deemed_acknowledged(cast: Cast) -> None:
    issue = assigned(cast)
    assert sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:29")) == 0

    assert sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:30")) == 1

    issue.refresh_from_db()
    lead = Assignment.objects.get(issue=issue, is_lead=True)
    event = IssueEvent.objects.get(issue=issue, action=Action.AUTO_ACKNOWLEDGE)
    assert issue.status == Status.HANDLING
    assert lead.deemed_acknowledged
    assert event.actor is None
    assert sweeps.acknowledge_overdue_assignments(at("2025-03-05")) == 0


def test_deemed_acknowledgement_gives_the_unit_no_extra_time(cast: Cast) -> None:
    issue = assigned(cast)
    before = issue.due_at
    sweeps.acknowledge_overdue_assignments(at("2025-03-04", "17:30"))
    issue.refresh_from_db()
    assert issue.due_at == before


def test_a_sweep_that_dies_half_way_loses_nothing(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_the_unit(cast)

    def die(messages: object) -> None:
        raise ConnectionError("the worker was killed")

    with monkeypatch.context() as broken:
        broken.setattr("core.outbox.post", die)
        with pytest.raises(ConnectionError):
            sweeps.remind_of_deadlines(at("2025-03-11", "09:00"))
    assert Clock.objects.filter(next_reminder_at__lte=at("2025-03-11")).exists()
    sweeps.remind_of_deadlines(at("2025-03-11", "09:10"))
    assert reminded(MessageKind.NEAR_DUE) == {"wu_yang"}


def test_lamps_are_the_same_in_sql_and_in_python(cast: Cast) -> None:
    issue = with_the_unit(cast)
    seen = {}
    for moment in (
        at("2025-03-11", "08:59"),
        at("2025-03-11", "09:00"),
        at("2025-03-12", "17:29"),
        at("2025-03-12", "17:30"),
    ):
        in_sql = Issue.objects.with_lamp(moment).get(pk=issue.pk).lamp_now
        assert in_sql == issue.lamp(moment)
        seen[moment] = in_sql
    assert list(seen.values()) == ["green", "yellow", "yellow", "red"]
