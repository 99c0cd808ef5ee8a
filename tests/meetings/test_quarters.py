from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.quarters import Quarter, quarters_between

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))


@given(day=DAYS)
def test_every_day_lies_in_its_quarter_and_quarters_join(day: date) -> None:
    quarter = Quarter.of(day)

    assert quarter.first <= day <= quarter.last
    assert (quarter.next.first - quarter.last).days == 1
    assert quarter.next.previous == quarter
    assert Quarter.parse(str(quarter)) == quarter


@pytest.mark.parametrize(
    "code", ["", "2025", "2025Q0", "2025Q5", "1999Q4", "２０２５Q1", "2025Q1\n"]
)
def test_what_is_no_quarter_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not a quarter"):
        Quarter.parse(code)


def test_weeks_are_counted_from_the_first_day() -> None:
    quarter = Quarter(2025, 4)

    assert quarter.week_of(date(2025, 10, 7)) == 1
    assert quarter.week_of(date(2025, 10, 8)) == 2
    assert quarter.week_of(date(2025, 12, 3)) == 10


def test_the_quarters_of_two_years() -> None:
    quarters = quarters_between(date(2024, 1, 1), date(2025, 12, 31))

    assert [str(quarter) for quarter in quarters] == [
        f"{year}Q{number}" for year in (2024, 2025) for number in (1, 2, 3, 4)
    ]
    assert Quarter(2025, 3).label == "2025年第三季度"
