"""A project's lamp is a comparison of days, and the same in Python as in SQL."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issues.choices import Lamp
from projects.lamps import lamp, yellow_on
from projects.models import Project
from tests.cast import Cast
from tests.projects.stages import DUE, PUBLISHED, completed, drafted, progressed, published

DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 12, 31))


@pytest.mark.parametrize(
    ("percent", "expected"),
    [
        # A fifth of 120 days is 24: on the 25th day nothing done is too little.
        (0, date(2025, 3, 28)),
        (30, date(2025, 5, 3)),
        # From here on the last tenth, 12 days, begins earlier than the lag would show.
        (80, date(2025, 6, 19)),
        (100, date(2025, 6, 19)),
    ],
)
def test_a_project_turns_yellow_when_time_runs_ahead_of_progress(
    percent: int, expected: date
) -> None:
    assert yellow_on(PUBLISHED, DUE, percent) == expected


def test_a_short_project_is_yellow_in_its_last_seven_days() -> None:
    assert yellow_on(date(2025, 3, 3), date(2025, 3, 23), 90) == date(2025, 3, 16)


@given(start=DAYS, span=st.integers(1, 1500), percent=st.integers(0, 99))
def test_more_progress_never_turns_a_lamp_yellow_earlier(
    start: date, span: int, percent: int
) -> None:
    due = start + timedelta(span)
    assert yellow_on(start, due, percent) <= yellow_on(start, due, percent + 1) < due


def test_the_due_day_itself_is_not_late() -> None:
    assert lamp(date(2025, 6, 19), DUE, DUE) == Lamp.YELLOW
    assert lamp(date(2025, 6, 19), DUE, DUE + timedelta(1)) == Lamp.RED


def test_the_lamp_in_sql_is_the_lamp_in_python(cast: Cast) -> None:
    drafted(cast)
    published(cast)
    progressed(cast, 60, "2025-04-01")
    completed(cast, "2025-04-01")
    edges = [
        PUBLISHED,
        *(
            day + timedelta(n)
            for project in Project.objects.exclude(yellow_on=None)
            for day in (project.yellow_on, project.due_date)
            if day
            for n in (-1, 0, 1)
        ),
    ]
    for day in edges:
        if day < date(2025, 4, 1):
            continue  # the completed project still ran then, and Python tells of now
        for project in Project.objects.with_lamp(day):
            assert project.lamp_on_day == project.lamp(day), (project, day)
