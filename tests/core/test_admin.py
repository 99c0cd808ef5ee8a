"""The calendar is edited in the admin by the district's task force, through the actions."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from core import workdays
from core.models import AuditEntry, CalendarYear, WorkDay
from people.models import User
from tests.cast import Cast

SUNDAY = date(2025, 1, 26)
DAYS = reverse("admin:core_workday_changelist")
YEARS = reverse("admin:core_calendaryear_changelist")


@pytest.fixture
def sun_li(cast: Cast, client: Client) -> User:
    """Dispatcher of the district, signed in."""
    client.force_login(cast.sun_li)
    return cast.sun_li


@pytest.mark.parametrize("url", [DAYS, YEARS])
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("sun_li", 200),
        ("wang_fang", 403),
        ("chen_jing", 403),
        ("qian_jin", 403),
        ("ma_chao", 403),
        ("ding_yi", 403),
        ("bai_jie", 403),
        (None, 302),
    ],
)
def test_only_the_task_force_gets_in(
    cast: Cast, client: Client, url: str, who: str | None, status: int
) -> None:
    if who:
        client.force_login(cast.people[who])
    assert client.get(url).status_code == status


def test_no_day_and_no_year_can_be_deleted(client: Client, sun_li: User) -> None:
    for url in (
        reverse("admin:core_workday_delete", args=["2025-01-26"]),
        reverse("admin:core_calendaryear_delete", args=[2025]),
    ):
        assert client.post(url, {"post": "yes"}).status_code == 403


def test_a_day_changed_in_the_list_counts_at_once_and_is_audited(
    client: Client, sun_li: User
) -> None:
    one_day = f"{DAYS}?date__year=2025&date__month=1&date__day=26"
    response = client.post(
        one_day,
        {
            "form-TOTAL_FORMS": "1",
            "form-INITIAL_FORMS": "1",
            "form-0-date": "2025-01-26",
            "form-0-name": "改为休息",  # the box "works" is left empty
            "_save": "保存",
        },
    )
    assert response.status_code == 302
    assert not workdays.calendar().is_working(SUNDAY)
    assert WorkDay.objects.get(date=SUNDAY).name == "改为休息"
    entry = AuditEntry.objects.get(action="calendar.day_changed")
    assert (entry.actor, entry.target_id) == (sun_li, "2025-01-26")


def test_the_date_of_a_day_cannot_be_changed_into_another(client: Client, sun_li: User) -> None:
    url = reverse("admin:core_workday_change", args=["2025-01-26"])
    client.post(url, {"date": "2025-03-01", "name": "春节", "is_working": "on"})
    assert WorkDay.objects.count() == 366 + 365 + 365
    assert not WorkDay.objects.get(date=date(2025, 3, 1)).is_working


def test_an_incomplete_year_is_refused_with_a_sentence(client: Client, sun_li: User) -> None:
    url = reverse("admin:core_calendaryear_change", args=[2027])
    response = client.post(url, {"published": "on", "notice": ""})
    assert "2027 年日历还缺 365 天" in response.content.decode()
    assert not CalendarYear.objects.get(year=2027).published


def test_a_year_is_drafted_by_an_action_of_the_list_and_then_published(
    client: Client, sun_li: User
) -> None:
    client.post(YEARS, {"action": "fill", "_selected_action": "2027"})
    assert WorkDay.objects.filter(date__year=2027).count() == 365
    url = reverse("admin:core_calendaryear_change", args=[2027])
    assert client.post(url, {"published": "on", "notice": "放假通知"}).status_code == 302
    assert workdays.calendar().is_published(2027)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "calendar.filled",
        "calendar.year_changed",
    }


def test_a_new_year_is_added_unpublished(client: Client, sun_li: User) -> None:
    client.post(reverse("admin:core_calendaryear_add"), {"year": "2028", "notice": ""})
    assert not CalendarYear.objects.get(year=2028).published


@pytest.mark.parametrize("year", ["1999", "2101", "", "明年"])
def test_an_implausible_year_is_refused(client: Client, sun_li: User, year: str) -> None:
    response = client.post(reverse("admin:core_calendaryear_add"), {"year": year, "notice": ""})
    assert response.status_code == 200
    assert CalendarYear.objects.count() == 4
