"""Categories and time limits: kept by the task force, and a limit in force is history."""

from datetime import date

import pytest
from django.urls import reverse

from core.errors import NotAllowed, Refused
from core.models import AuditEntry
from issues import reference
from issues.choices import Level, Step, Urgency
from issues.models import Category, TimeLimit
from issues.office import Limits
from issues.trail import Trail


@pytest.fixture
def today(time_machine):
    time_machine.move_to("2025-03-03T09:00:00+08:00")


@pytest.fixture
def task_force(client, cast):
    client.force_login(cast.sun_li)
    return client


def limit(**changes):
    fields = {
        "step": Step.HANDLING,
        "level": Level.TOWN,
        "urgency": Urgency.NORMAL,
        "value": 5,
        "unit": "days",
        "effective_from": date(2025, 4, 1),
    }
    return TimeLimit(**{**fields, **changes})


def handling_limit(cast, day):
    return Limits.load().find(Step.HANDLING, Level.TOWN, Urgency.NORMAL, cast.sewage, day).value


def test_a_new_limit_counts_from_its_day_on_and_the_old_one_until_then(cast, today):
    reference.save_limit(limit(), by=cast.sun_li)
    assert handling_limit(cast, date(2025, 3, 31)) == 7
    assert handling_limit(cast, date(2025, 4, 1)) == 5
    assert AuditEntry.objects.get(action=Trail.LIMIT_SAVED).actor == cast.sun_li


def test_a_limit_in_force_is_not_edited(cast, today):
    row = TimeLimit.objects.get(
        step=Step.HANDLING, level=Level.TOWN, urgency=Urgency.NORMAL, category=None
    )
    row.value, row.effective_from = 1, date(2025, 4, 1)
    with pytest.raises(Refused):
        reference.save_limit(row, by=cast.sun_li)
    assert handling_limit(cast, date(2025, 3, 3)) == 7


def test_a_limit_not_yet_in_force_may_still_change(cast, today):
    row = limit()
    reference.save_limit(row, by=cast.sun_li)
    row.value = 6
    reference.save_limit(row, by=cast.sun_li)
    assert handling_limit(cast, date(2025, 4, 1)) == 6


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"effective_from": date(2025, 3, 3)}, "effective_from"),
        ({"effective_from": date(2024, 1, 1)}, "effective_from"),
        ({"value": 0}, "value"),
        ({"step": "unknown"}, "step"),
    ],
)
def test_a_malformed_limit_is_refused(cast, today, changes, field):
    before = TimeLimit.objects.count()
    with pytest.raises(Refused) as refused:
        reference.save_limit(limit(**changes), by=cast.sun_li)
    assert field in refused.value.fields
    assert TimeLimit.objects.count() == before


def test_two_limits_never_begin_on_one_day(cast, today):
    reference.save_limit(limit(), by=cast.sun_li)
    with pytest.raises(Refused):
        reference.save_limit(limit(value=6), by=cast.sun_li)


@pytest.mark.parametrize("name", ["qian_jin", "chen_jing", "ma_chao", "wang_fang"])
def test_only_the_task_force_keeps_reference_data(cast, today, name):
    with pytest.raises(NotAllowed):
        reference.save_limit(limit(), by=cast.people[name])
    with pytest.raises(NotAllowed):
        reference.save_category(Category(name="其他"), by=cast.people[name])


def test_categories_have_two_levels(cast):
    with pytest.raises(Refused):
        reference.save_category(Category(name="井盖", parent=cast.sewage), by=cast.sun_li)
    parent = cast.sewage.parent
    parent.parent = Category.objects.get(name="安全")
    with pytest.raises(Refused):
        reference.save_category(parent, by=cast.sun_li)


def test_a_category_is_switched_off_after_those_below_it(cast):
    parent = cast.sewage.parent
    parent.is_active = False
    with pytest.raises(Refused):
        reference.save_category(parent, by=cast.sun_li)
    parent.children.update(is_active=False)
    reference.save_category(parent, by=cast.sun_li)
    cast.sewage.parent.refresh_from_db()
    cast.sewage.is_active = True
    with pytest.raises(Refused):
        reference.save_category(cast.sewage, by=cast.sun_li)


def test_the_task_force_adds_a_category_on_its_page(task_force, cast):
    parent = cast.sewage.parent
    answer = task_force.post(
        reverse("admin:issues_category_add"),
        {
            "name": "路灯照明",
            "parent": parent.pk,
            "usual_complexity": "general",
            "usual_urgency": "urgent",
            "needs_verification": "on",
            "is_active": "on",
        },
    )
    assert answer.status_code == 302
    added = Category.objects.get(name="路灯照明")
    assert (added.parent, added.usual_complexity, added.usual_urgency) == (
        parent,
        "general",
        "urgent",
    )
    assert AuditEntry.objects.get(action=Trail.CATEGORY_SAVED).actor == cast.sun_li


def test_the_task_force_supersedes_a_limit_on_its_page(task_force, cast, today):
    data = {"step": "handling", "level": "town", "urgency": "normal", "value": 5, "unit": "days"}
    url = reverse("admin:issues_timelimit_add")
    refused = task_force.post(url, {**data, "effective_from": "2025-03-03"})
    assert "须在今天之后" in refused.text
    assert task_force.post(url, {**data, "effective_from": "2025-04-01"}).status_code == 302
    assert handling_limit(cast, date(2025, 4, 1)) == 5


def test_the_page_of_a_limit_in_force_shows_it_and_takes_no_change(task_force, cast):
    row = TimeLimit.objects.first()
    url = reverse("admin:issues_timelimit_change", args=[row.pk])
    assert task_force.get(url).status_code == 200
    assert task_force.post(url, {"value": 99}).status_code == 403
