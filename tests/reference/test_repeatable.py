"""The same seed, size and day give the same district."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from areas.models import ComplexArea, Counterpart, Demand, Place, ResponsibilityLink
from core.workdays import calendar
from governance.reference import joint_meetings, loading
from governance.reference.history import LAST_DAY, TOTAL, Size
from governance.reference.lines import midnight
from governance.reference.situations import PAIRS, SITUATIONS
from governance.reference.stage import Stage
from governance.reference.tail import OPEN, Tail, first_morning
from issues.choices import OPEN_STATUSES, Lamp
from issues.models import Clock, Issue
from meetings.models import Meeting, Resolution
from people.models import Organisation, Posting
from projects.models import Project
from tests import databases

TODAY = date(2026, 5, 20)

# What is random by design, or follows from it.
RANDOM = {
    *("password", "phone", "contact_name", "contact_phone"),  # salted, or encrypted
    *("salt", "text_id", "text_sha256", "prev_hash", "hash", "head_hash"),
    *("changed_xid", "edition"),
    *("file", "sha256", "detail"),  # a paper's digest, also in the detail of its audit entry
}
APPS = ("areas_", "people_", "issues_", "projects_", "meetings_", "core_message", "core_audit")


def without_issues() -> list[Any]:
    """The district of a load whose issues were left out, without ids."""
    return [
        list(Place.objects.values_list("level", "name", "code", "parent__code", "synthetic")),
        list(Organisation.objects.values_list("name", "short_name", "kind", "place__code")),
        [
            (p.user.username, p.user.full_name, p.user.phone, p.role, p.place and p.place.code)
            for p in Posting.objects.select_related("user", "place")
        ],
        list(
            ComplexArea.objects.values_list(
                "code", "name", "type", "phase", "is_pilot", "households", "communities__code"
            ).order_by("code", "communities__code")
        ),
        list(Counterpart.objects.values_list("area__code", "name")),
        list(ResponsibilityLink.objects.values_list("area__code", "level", "user__username")),
        list(Demand.objects.values_list("area__code", "category", "text", "recorded_on")),
        list(Project.objects.values_list("name", "status", "percent", "due_date", "area__code")),
        list(Meeting.objects.values_list("title", "held_on", "status", "place__code")),
        list(Resolution.objects.values_list("text", "lead_unit__name", "solved_on", "due_date")),
    ]


@pytest.mark.django_db
def test_places_people_projects_and_meetings_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_issues", lambda *args: None)
    monkeypatch.setattr(joint_meetings.Calls, "_reports", lambda self: None)  # they take longest
    seen = []
    for _ in range(2):
        with transaction.atomic():
            loading.load(size=Size.SMALL, today=TODAY)
            seen.append(without_issues())
            transaction.set_rollback(True)
    assert all(seen[0])
    assert seen[0] == seen[1]


def open_cases(*, small: bool) -> int:
    """How many stand open on the first morning."""
    straight = sum(counts[small] for counts in OPEN.values())
    beside = sum(situation.counts[small] for situation in SITUATIONS)
    return straight + beside + sum(2 * counts[small] for counts in PAIRS.values())


@pytest.mark.parametrize("day", ["2026-02-01", "2026-02-18", "2026-10-08", "2027-01-04"])
def test_the_tail_repeats_and_ends_before_any_day(stage: Stage, day: str) -> None:
    """Also on the first possible day, in and after long holidays, and without a calendar."""
    today = date.fromisoformat(day)
    told = Tail(stage, today).scripts(Size.SMALL)
    assert told == Tail(stage, today).scripts(Size.SMALL)
    assert all(script[-1].at < midnight(today) for script in told)
    assert all(script[0].at > midnight(LAST_DAY) for script in told)
    still_open = [s[-1].to for s in told if s[-1].to.status in OPEN_STATUSES]
    assert all(still_open.count(state) >= small for state, (_, small) in OPEN.items())
    assert len(still_open) == open_cases(small=True)


@pytest.fixture
def in_the_long_run(pytestconfig: pytest.Config) -> None:
    if pytestconfig.getoption("--hypothesis-profile") != "long":
        pytest.skip("the full district is loaded by make test-long")


def digests() -> dict[str, str]:
    """A digest of every table of ours, without the columns that are random by design."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith(APPS) or table == "issues_eventtext":
                continue
            columns = connection.introspection.get_table_description(cursor, table)
            names = ", ".join(f'"{c.name}"' for c in columns if c.name not in RANDOM)
            cursor.execute(
                f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM"  # noqa: S608
                f' (SELECT {names} FROM "{table}") t'
            )
            found[table] = cursor.fetchone()[0]
        cursor.execute("SELECT md5(string_agg(body, chr(10) ORDER BY body)) FROM issues_eventtext")
        found["issues_eventtext"] = cursor.fetchone()[0]
    return found


def test_the_full_district_holds_all_figures_and_repeats(
    in_the_long_run: None, committed_db: str
) -> None:
    call_command("load_reference", size="full", today=TODAY.isoformat())

    call_command("check_figures")  # raises where a figure fails
    assert Issue.objects.filter(received_at__lt=midnight(date(2026, 1, 1))).count() == TOTAL
    lamps = [issue.lamp(first_morning(calendar(), TODAY)) for issue in Issue.objects.open()]
    # A case of the special meeting has become a project.
    assert len(lamps) == open_cases(small=False) - 1
    assert lamps.count(Lamp.GREEN) > lamps.count(Lamp.YELLOW) > 30
    assert lamps.count(Lamp.RED) > 30
    assert not Clock.objects.filter(next_reminder_at__lt=midnight(TODAY)).exists()
    first = digests()

    again = databases.unused_name()
    databases.clone("empty", again)
    with databases.connected_to(again):
        call_command("load_reference", size="full", today=TODAY.isoformat())
        assert digests() == first
    databases.drop(again)
