"""How figures are rounded, worded and compared with the article."""

from datetime import date
from decimal import Decimal

import pytest
from django.db.models import QuerySet

from core.choices import PeriodKind
from core.metrics import (
    Metric,
    Period,
    and_more,
    exact,
    fraction,
    over,
    percent,
    period_of,
    ten_thousands,
)
from core.models import WorkDay
from people.models import User

AS_OF = date(2025, 12, 31)


@pytest.mark.parametrize(
    ("number", "step", "text"),
    [
        (5936, 100, "5900余"),
        (263, 10, "260余"),
        (34, 10, "30余"),
        (112, 100, "100余"),
        (302, 100, "300余"),
        (124, 10, "120余"),
        (1046, 1000, "1000余"),
        (30, 10, "30"),  # not a single one more
        (7, 10, "7"),  # "0余" says nothing
        (0, 10, "0"),
    ],
)
def test_and_more_floors_and_is_said_only_where_there_are_more(
    number: int, step: int, text: str
) -> None:
    assert and_more(step)(number, None) == text


@pytest.mark.parametrize(
    ("numerator", "denominator", "text"),
    [
        (942, 1200, "78.5%"),
        (26, 26, "100.0%"),
        (1, 3, "33.3%"),
        (2, 3, "66.7%"),
        (1, 2000, "0.1%"),  # 0.05 rounds up
        (0, 5, "0.0%"),
        (0, 0, "—"),
    ],
)
def test_a_ratio_is_shown_to_one_tenth_and_nothing_is_divided_by_zero(
    numerator: int, denominator: int, text: str
) -> None:
    assert percent(numerator, denominator) == text


@pytest.mark.parametrize(
    ("numerator", "denominator", "text"),
    [
        (132, 186, "超70%"),
        (131, 186, "超70%"),
        (130, 186, "69.9%"),
        (70, 100, "70.0%"),  # not more
        (7001, 10000, "超70%"),
        (6999, 10000, "70.0%"),  # rounds to 70 and is not more
        (0, 0, "—"),
    ],
)
def test_over_is_strictly_more(numerator: int, denominator: int, text: str) -> None:
    assert over(70)(numerator, denominator) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(98004, "9.8万人"), (97949, "9.8万人"), (97500, "9.8万人"), (97499, "9.7万人")],
)
def test_ten_thousands_are_rounded_to_one_tenth(number: int, text: str) -> None:
    assert ten_thousands("人")(number, None) == text


def test_a_plain_number_carries_its_unit_and_a_fraction_both_its_parts() -> None:
    assert exact("个")(2793, None) == "2793个"
    assert fraction(65, 72) == "65/72"
    assert fraction(0, 0) == "—"


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        (PeriodKind.AS_OF, None),
        (PeriodKind.ALL_TIME, None),
        (PeriodKind.SINCE_LAST_YEAR, date(2024, 1, 1)),
        (PeriodKind.THIS_YEAR, date(2025, 1, 1)),
        (PeriodKind.THIS_QUARTER, date(2025, 10, 1)),
    ],
)
def test_each_period_word_is_a_filter_of_its_own(kind: PeriodKind, first: date | None) -> None:
    assert period_of(kind, AS_OF) == Period(first, AS_OF)


def test_a_period_includes_both_its_days_in_shanghai(wang: User) -> None:
    users = type(wang).objects.filter(pk=wang.pk)
    period = Period(date(2025, 10, 1), AS_OF)
    inside = ["2025-10-01T00:00+08:00", "2025-12-31T23:59+08:00", "2025-09-30T16:00+00:00"]
    outside = ["2025-09-30T23:59+08:00", "2026-01-01T00:00+08:00", "2025-12-31T16:00+00:00"]
    for moment in inside + outside:
        users.update(created_at=moment)
        assert users.filter(period.times("created_at")).exists() is (moment in inside)


def work_days(period: Period) -> QuerySet[WorkDay]:
    return WorkDay.objects.filter(period.dates("date"), is_working=True)


WORKED = Metric(
    code="worked_days",
    name="工作日占比",
    definition="工作日历中的工作日 / 全部日",
    period_kind=PeriodKind.THIS_YEAR,
    numerator=work_days,
    denominator=lambda period: WorkDay.objects.filter(period.dates("date")),
    display=percent,
    article="67.9%",
    rows_url=lambda period: f"/days/?from={period.first}&to={period.last}",
)


def test_a_figure_counts_its_rows_and_leads_to_them(db: None) -> None:
    figure = WORKED.figure(AS_OF)
    assert (figure.numerator, figure.denominator) == (248, 365)
    assert figure.display() == "67.9%"
    assert figure.passes is True
    assert figure.url == "/days/?from=2025-01-01&to=2025-12-31"


def test_the_same_metric_answers_for_another_period_and_fails_where_it_differs(db: None) -> None:
    figure = WORKED.figure_in(Period(date(2025, 10, 1), date(2025, 10, 8)))
    assert (figure.numerator, figure.denominator) == (0, 8)
    assert figure.passes is False


def test_a_figure_over_nothing_has_no_value_and_passes_nothing(db: None) -> None:
    figure = WORKED.figure_in(Period(date(2001, 1, 1), date(2001, 1, 2)))
    assert (figure.value, figure.display(), figure.passes) == (None, "—", False)


def test_a_metric_that_the_article_does_not_print_neither_passes_nor_fails() -> None:
    metric = Metric(
        code="x",
        name="人次",
        definition="Σ",
        period_kind=PeriodKind.ALL_TIME,
        numerator=lambda period: 5936,
        display=and_more(100, "人次"),
    )
    figure = metric.figure(AS_OF)
    assert (figure.display(), figure.value, figure.passes) == ("5900余人次", Decimal(5936), None)
