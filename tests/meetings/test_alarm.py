"""From week 10 on, a quarter without a district meeting raises an alarm, once."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.models import Message
from meetings import actions
from meetings.reporting import warn_of_missing_district_meeting
from tests.cast import Cast
from tests.issues.moments import at
from tests.meetings.stages import held, planned, series

WEEK_9 = at("2025-06-02")  # the quarter's 63rd day
WEEK_10 = at("2025-06-03")


def warned(now: datetime = WEEK_10) -> set[str]:
    warn_of_missing_district_meeting(now)
    alarms = Message.objects.filter(kind="meeting_missing")
    return {alarm.recipient.username for alarm in alarms}


def test_secretary_and_convener_are_warned_from_week_10_on(cast: Cast) -> None:
    assert warned(WEEK_9) == set()
    assert warned(WEEK_10) == {"cao_xue", "qian_jin"}


def test_the_alarm_is_raised_once_a_quarter(cast: Cast) -> None:
    assert warn_of_missing_district_meeting(WEEK_10) == 2
    assert warn_of_missing_district_meeting(WEEK_10) == 0
    assert warn_of_missing_district_meeting(at("2025-06-30")) == 0
    assert Message.objects.filter(kind="meeting_missing").count() == 2

    assert warn_of_missing_district_meeting(at("2025-09-10")) == 2


@pytest.mark.parametrize("day", ["2025-04-10", "2025-06-02"])
def test_a_meeting_held_in_the_quarter_is_enough(cast: Cast, day: str) -> None:
    held(cast, day)

    assert warned() == set()


@pytest.mark.parametrize(
    ("day", "in_sight"),
    [
        ("2025-06-30", True),
        ("2025-07-01", False),  # the next quarter
        ("2025-05-28", True),  # six days ago: the record may still come
        ("2025-05-20", False),  # never held
    ],
)
def test_a_meeting_planned_within_the_quarter_is_enough(
    cast: Cast, day: str, in_sight: bool
) -> None:
    planned(cast, day)

    assert warned() == (set() if in_sight else {"cao_xue", "qian_jin"})


def test_a_meeting_of_the_quarter_before_a_towns_or_a_cancelled_one_do_not_count(
    cast: Cast,
) -> None:
    held(cast, "2025-03-31")
    held(cast, "2025-05-12", of=series(cast, cast.changqiao, cast.chen_jing))
    off = planned(cast, "2025-06-20")
    actions.cancel_meeting(off.pk, by=cast.cao_xue, expected_version=off.version)

    assert warned() == {"cao_xue", "qian_jin"}
