"""Meetings are planned, held and resolve; resolutions are told, tracked and struck off."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import AuditEntry, Message
from issues.choices import Lamp
from meetings import actions
from meetings.choices import MeetingStatus, ResolutionStatus, Step
from meetings.managers import is_manager
from meetings.models import Meeting, Resolution
from meetings.trail import Trail
from tests.cast import Cast, again
from tests.issues.moments import at
from tests.meetings.stages import DUE, held, planned, resolved, series, solved, town_secretary


def test_a_meeting_carries_the_place_of_its_series(cast: Cast) -> None:
    meeting = planned(cast, of=series(cast, cast.changqiao, cast.chen_jing))

    assert meeting.level == "town"
    assert meeting.lineage() == {
        "district_id": cast.district.pk,
        "town_id": cast.changqiao.pk,
        "community_id": None,
        "grid_id": None,
    }


def test_who_runs_the_meetings_hears_of_a_new_one(cast: Cast) -> None:
    meeting = planned(cast)  # by the secretary

    told = Message.objects.filter(key__startswith=f"meeting:{meeting.pk}:scheduled")
    assert {message.recipient.username for message in told} == {"sun_li", "qian_jin"}


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("cao_xue", True),
        ("sun_li", True),
        ("qian_jin", True),
        ("xu_ning", False),
        ("chen_jing", False),
        ("he_jun", False),
        ("bai_jie", False),
    ],
)
def test_district_meetings_are_planned_by_secretary_task_force_and_convener(
    cast: Cast, who: str, allowed: bool
) -> None:
    of = series(cast)
    plan = {
        "by": again(cast.people[who]),
        "series": of,
        "title": "第一次会议",
        "planned_on": date(2025, 3, 20),
        "at": at("2025-03-10"),
    }

    if allowed:
        assert actions.schedule_meeting(**plan).status == MeetingStatus.PLANNED
    else:
        with pytest.raises(NotAllowed):
            actions.schedule_meeting(**plan)


def test_a_towns_secretary_runs_the_towns_meetings_and_not_the_districts(cast: Cast) -> None:
    secretary = town_secretary(cast)
    town, district = series(cast, cast.changqiao, secretary), series(cast)

    assert is_manager(again(secretary), town.place)
    assert not is_manager(again(secretary), district.place)


def test_the_same_series_is_not_set_up_twice(cast: Cast) -> None:
    series(cast)

    with pytest.raises(Refused, match="同名"):
        series(cast)


def test_a_meeting_is_not_planned_for_a_day_that_is_past(cast: Cast) -> None:
    with pytest.raises(Refused, match="不能早于今天"):
        actions.schedule_meeting(
            by=cast.cao_xue,
            series=series(cast),
            title="第一次会议",
            planned_on=date(2025, 3, 9),
            at=at("2025-03-10"),
        )


def test_a_held_meeting_knows_its_day_and_who_was_there(cast: Cast) -> None:
    meeting = held(cast)

    assert (meeting.status, meeting.held_on) == (MeetingStatus.HELD, date(2025, 3, 20))
    assert list(meeting.attendees.all()) == [cast.housing]


def test_a_meeting_is_not_held_in_the_future_nor_twice(cast: Cast) -> None:
    meeting = planned(cast)
    hold = {"by": cast.cao_xue, "attendees": [], "at": at("2025-03-20")}

    with pytest.raises(Refused, match="不能晚于今天"):
        actions.hold_meeting(
            meeting.pk, held_on=date(2025, 3, 21), expected_version=meeting.version, **hold
        )
    again_held = held(cast, "2025-03-20")
    with pytest.raises(Refused):
        actions.hold_meeting(
            again_held.pk, held_on=date(2025, 3, 20), expected_version=again_held.version, **hold
        )


def test_a_cancelled_meeting_offers_no_step(cast: Cast) -> None:
    meeting = planned(cast)

    actions.cancel_meeting(meeting.pk, by=cast.cao_xue, expected_version=meeting.version)

    meeting.refresh_from_db()
    assert meeting.status == MeetingStatus.CANCELLED
    assert actions.available(meeting, by=cast.cao_xue) == []


def test_the_steps_follow_the_status(cast: Cast) -> None:
    assert Step.ADD_RESOLUTION not in actions.available(planned(cast), by=cast.cao_xue)
    assert actions.available(held(cast), by=cast.cao_xue) == [
        Step.ADD_RESOLUTION,
        Step.COUNTERSIGN,
        Step.SOLVE,
    ]
    assert actions.available(held(cast), by=cast.chen_jing) == []


def test_the_database_keeps_the_day_of_a_held_meeting(cast: Cast) -> None:
    meeting = held(cast)

    with pytest.raises(IntegrityError), transaction.atomic():
        Meeting.objects.filter(pk=meeting.pk).update(held_on=None)


# --- resolutions ---


def test_a_resolution_is_cross_department_from_two_organisations_on(cast: Cast) -> None:
    meeting = held(cast)

    both = resolved(cast, meeting)
    alone = resolved(cast, meeting, units=[])
    named_twice = resolved(cast, meeting, units=[cast.housing])

    assert both.is_cross_department
    assert not alone.is_cross_department
    assert not named_twice.is_cross_department
    assert not named_twice.units.exists()


def test_a_resolution_is_told_to_its_units_and_its_responsible_person(cast: Cast) -> None:
    resolution = resolved(cast, responsible_person=cast.zhou_wei)

    told = Message.objects.filter(key__startswith=f"resolution:{resolution.pk}:added")
    assert {message.recipient.username for message in told} == {
        "he_jun",
        "luo_bin",  # lead unit
        "gao_feng",  # co-unit
        "zhou_wei",
    }


def test_only_a_held_meeting_resolves(cast: Cast) -> None:
    with pytest.raises(Refused, match="会议召开后"):
        resolved(cast, planned(cast))


def test_a_resolution_belongs_to_an_item_of_its_own_meeting(cast: Cast) -> None:
    other = planned(cast, "2025-03-25")
    item = actions.add_item(
        other.pk, by=cast.cao_xue, title="其他", reason="—", expected_version=other.version
    )

    with pytest.raises(Refused, match="不属于本次会议"):
        resolved(cast, held(cast), agenda_item=item)


def test_a_resolution_is_due_after_its_meeting(cast: Cast) -> None:
    with pytest.raises(Refused, match="晚于会议召开日期"):
        resolved(cast, due_date=date(2025, 3, 20))


def test_a_resolution_is_late_from_the_day_after_it_was_due(cast: Cast) -> None:
    resolution = resolved(cast)

    assert resolution.lamp(DUE) == Lamp.GREEN
    assert resolution.lamp(date(2025, 7, 1)) == Lamp.RED
    late = Resolution.objects.late_on(date(2025, 7, 1))
    assert list(late) == [resolution]
    assert not Resolution.objects.late_on(DUE).exists()


def test_a_solved_resolution_has_its_day_and_is_never_late(cast: Cast) -> None:
    resolution = solved(cast, resolved(cast), "2025-06-01")

    assert (resolution.status, resolution.solved_on) == (
        ResolutionStatus.SOLVED,
        date(2025, 6, 1),
    )
    assert resolution.lamp(date(2025, 12, 31)) is None
    with pytest.raises(Refused, match="已经销号"):
        solved(cast, resolution, "2025-06-02")


@pytest.mark.parametrize("day", [date(2025, 3, 19), date(2025, 6, 2)])
def test_a_resolution_is_solved_between_its_meeting_and_today(cast: Cast, day: date) -> None:
    resolution = resolved(cast)

    with pytest.raises(Refused, match="销号日期"):
        actions.solve_resolution(
            resolution.pk,
            by=cast.cao_xue,
            solved_on=day,
            result="—",
            expected_version=resolution.version,
            at=at("2025-06-01"),
        )


def test_the_unit_that_carries_it_out_does_not_strike_it_off(cast: Cast) -> None:
    resolution = resolved(cast)
    strike_off = {
        "solved_on": date(2025, 6, 1),
        "result": "完成",
        "expected_version": resolution.version,
        "at": at("2025-06-01"),
    }

    with pytest.raises(NotAllowed):
        actions.solve_resolution(resolution.pk, by=cast.he_jun, **strike_off)
    with pytest.raises(NotFoundHere):
        actions.solve_resolution(resolution.pk, by=cast.lin_tao, **strike_off)
    with pytest.raises(Stale):
        actions.solve_resolution(
            resolution.pk, by=cast.cao_xue, **{**strike_off, "expected_version": 99}
        )


def test_every_step_is_on_record(cast: Cast) -> None:
    solved(cast, resolved(cast), "2025-06-01")

    actions_on_record = AuditEntry.objects.filter(target_type__startswith="meetings.").order_by(
        "id"
    )
    assert [entry.action for entry in actions_on_record] == [
        Trail.SERIES_CREATED,
        Trail.SCHEDULED,
        Trail.HELD,
        Trail.RESOLVED,
        Trail.SOLVED,
    ]
