"""The calendar in the database: filled by migration, edited by hand, kept in memory."""

from datetime import date

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from core import workdays
from core.errors import Refused
from core.models import AuditEntry, CalendarYear, WorkDay
from people.models import User

SPRING_SUNDAY = date(2025, 1, 26)


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    pass


def test_the_migration_fills_2024_to_2026_and_leaves_2027_unpublished() -> None:
    published = CalendarYear.objects.filter(published=True).values_list("year", flat=True)
    assert list(published) == [2024, 2025, 2026]
    assert not CalendarYear.objects.get(year=2027).published
    assert WorkDay.objects.count() == 366 + 365 + 365
    assert WorkDay.objects.get(date=SPRING_SUNDAY).is_working
    assert WorkDay.objects.get(date=date(2025, 10, 1)).name == "国庆节"


def test_the_calendar_is_kept_in_memory_at_the_price_of_one_small_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first = workdays.calendar()
    with django_assert_num_queries(1):
        assert workdays.calendar() is first


def test_an_edited_day_counts_at_once_and_is_audited(wang: User) -> None:
    assert workdays.calendar().is_working(SPRING_SUNDAY)
    workdays.save_day(by=wang, day=SPRING_SUNDAY, is_working=False, name="春节")
    assert not workdays.calendar().is_working(SPRING_SUNDAY)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (wang, "calendar.day_changed")
    assert (entry.target_type, entry.target_id) == ("core.workday", "2025-01-26")
    assert entry.detail == {"is_working": False}


def test_an_edit_that_is_rolled_back_is_forgotten(wang: User) -> None:
    with transaction.atomic():
        workdays.save_day(by=wang, day=SPRING_SUNDAY, is_working=False)
        assert not workdays.calendar().is_working(SPRING_SUNDAY)
        transaction.set_rollback(True)
    assert workdays.calendar().is_working(SPRING_SUNDAY)
    assert not AuditEntry.objects.exists()


def test_a_day_of_a_new_year_makes_the_year_as_unpublished(wang: User) -> None:
    workdays.save_day(by=wang, day=date(2028, 1, 3), is_working=False, name="元旦")
    assert not CalendarYear.objects.get(year=2028).published
    assert not workdays.calendar().is_working(date(2028, 1, 3))


def test_a_year_cannot_be_published_while_days_are_missing(wang: User) -> None:
    with pytest.raises(Refused, match="2027 年日历还缺 365 天"):
        workdays.save_year(by=wang, year=2027, published=True, notice="放假通知")
    assert CalendarYear.objects.get(year=2027).notice == ""
    with pytest.raises(ValidationError, match="还缺 365 天"):
        CalendarYear(year=2027, published=True).full_clean(validate_unique=False)


def test_an_unpublished_year_is_drafted_edited_and_published(wang: User) -> None:
    workdays.fill_calendar([2027], by=wang)
    workdays.save_day(by=wang, day=date(2027, 1, 1), is_working=False, name="元旦")
    # Filling again must not undo what was edited by hand.
    workdays.fill_calendar([2027], by=wang)
    assert not CalendarYear.objects.get(year=2027).published
    workdays.save_year(by=wang, year=2027, published=True, notice="放假通知")

    deadline = workdays.calendar().deadline(
        workdays.moment(date(2026, 12, 30), workdays.DAY_STARTS), 2
    )
    assert deadline.at == workdays.moment(date(2027, 1, 4), workdays.DAY_ENDS)
    assert not deadline.provisional


def test_a_draft_gives_way_once_the_package_knows_the_year(
    wang: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    workdays.fill_calendar([2027], by=wang)
    notice = [
        (day, day.weekday() < 5 and day.month != 10, "国庆节" if day.month == 10 else "")
        for day in CalendarYear(year=2027).days()
    ]
    monkeypatch.setattr(workdays, "official_days", lambda year: notice)
    workdays.fill_calendar([2027], by=wang)
    assert CalendarYear.objects.get(year=2027).published
    assert not workdays.calendar().is_working(date(2027, 10, 8))


def test_a_published_year_is_not_filled_again(wang: User) -> None:
    workdays.save_day(by=wang, day=SPRING_SUNDAY, is_working=False)
    workdays.fill_calendar([2025], by=wang)
    assert not WorkDay.objects.get(date=SPRING_SUNDAY).is_working


def test_a_day_written_past_the_actions_counts_too() -> None:
    assert workdays.calendar().is_working(SPRING_SUNDAY)
    WorkDay.objects.filter(date=SPRING_SUNDAY).update(is_working=False)
    assert not workdays.calendar().is_working(SPRING_SUNDAY)
