# ruff: noqa: S608 - every query here is a constant
"""The article's figures: each is counted again by hand-written SQL, and noise is never counted."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet

from core.metrics import Metric, period_of
from governance.acceptance import ACCEPTANCE, LATER
from governance.reference.history import SOLVED

AS_OF = date(2025, 12, 31)
METRICS = {metric.code: metric for metric in ACCEPTANCE}

pytestmark = pytest.mark.usefixtures("reference_db")


def sql(query: str) -> Any:
    """The only value of a query, or all values of its only column as a set."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {row[0] for row in cursor.fetchall()}


def counted(metric: Metric, part: str = "numerator") -> set[int]:
    rows = getattr(metric, part)(period_of(metric.period_kind, AS_OF))
    assert isinstance(rows, QuerySet)
    return set(rows.order_by().values_list("pk", flat=True))


ACTIVE_AREAS = """
    SELECT id FROM areas_complexarea
    WHERE registered_on <= '2025-12-31' AND (retired_on IS NULL OR retired_on > '2025-12-31')
"""
SOLVED_BY_ORGANS = """
    SELECT i.id FROM issues_issue i
    WHERE i.status = 'closed' AND i.outcome = 'resolved' AND i.closed_at < '2026-01-01 00:00+08'
      AND EXISTS (SELECT 1 FROM issues_assignment a JOIN people_organisation o ON o.id = a.unit_id
                  WHERE a.issue_id = i.id AND a.left_seq IS NULL
                    AND o.kind = 'district_department')
"""
# code: (the rows counted, the rows divided by, the rows that must not be counted)
QUERIES: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "towns": (
        "SELECT id FROM areas_place WHERE level = 'town'",
        None,
        ("SELECT id FROM areas_place WHERE level <> 'town'",),
    ),
    "towns_with_areas": (
        f"""SELECT DISTINCT p.town_id FROM areas_complexarea_communities c
            JOIN areas_place p ON p.id = c.place_id WHERE c.complexarea_id IN ({ACTIVE_AREAS})""",
        None,
        # 金庭镇 has only an area that was retired.
        (
            f"""SELECT DISTINCT p.town_id FROM areas_complexarea_communities c
                JOIN areas_place p ON p.id = c.place_id
                JOIN areas_complexarea a ON a.id = c.complexarea_id
                WHERE a.retired_on <= '2025-12-31' AND p.town_id NOT IN (
                    SELECT q.town_id FROM areas_complexarea_communities d
                    JOIN areas_place q ON q.id = d.place_id
                    WHERE d.complexarea_id IN ({ACTIVE_AREAS}))""",
        ),
    ),
    "communities_with_areas": (
        f"""SELECT DISTINCT place_id FROM areas_complexarea_communities
            WHERE complexarea_id IN ({ACTIVE_AREAS})""",
        None,
        (
            """SELECT id FROM areas_place p WHERE level = 'community' AND NOT EXISTS (
                SELECT 1 FROM areas_complexarea_communities c WHERE c.place_id = p.id)""",
            """SELECT c.place_id FROM areas_complexarea_communities c
               JOIN areas_complexarea a ON a.id = c.complexarea_id
               JOIN areas_place p ON p.id = c.place_id
               WHERE a.retired_on IS NOT NULL AND p.name = '石公村'""",
        ),
    ),
    "areas": (
        ACTIVE_AREAS,
        None,
        (
            "SELECT id FROM areas_complexarea WHERE retired_on <= '2025-12-31'",
            "SELECT id FROM areas_complexarea WHERE registered_on > '2025-12-31'",
        ),
    ),
    **{
        f"areas_{type_}": (
            f"{ACTIVE_AREAS} AND type = '{type_}'",
            None,
            (f"SELECT id FROM areas_complexarea WHERE type <> '{type_}'",),
        )
        for type_ in ("urban_village", "resettlement_estate", "open_block", "adjoining_area")
    },
    "named_pilots": (
        f"{ACTIVE_AREAS} AND is_named_pilot",
        None,
        ("SELECT id FROM areas_complexarea WHERE is_pilot AND NOT is_named_pilot",),
    ),
    "leading_demands": (
        """SELECT id FROM areas_demand WHERE category IN ('construction', 'safety', 'service')
           AND recorded_on <= '2025-12-31'
           AND (withdrawn_on IS NULL OR withdrawn_on > '2025-12-31')""",
        """SELECT id FROM areas_demand WHERE recorded_on <= '2025-12-31'
           AND (withdrawn_on IS NULL OR withdrawn_on > '2025-12-31')""",
        (
            "SELECT id FROM areas_demand WHERE withdrawn_on <= '2025-12-31'",
            "SELECT id FROM areas_demand WHERE recorded_on > '2025-12-31'",
            "SELECT id FROM areas_demand WHERE category = 'environment'",
        ),
    ),
    "projects_published": (
        "SELECT id FROM projects_project WHERE published_on <= '2025-12-31'",
        None,
        (
            "SELECT id FROM projects_project WHERE status = 'draft'",
            "SELECT id FROM projects_project WHERE published_on > '2025-12-31'",
        ),
    ),
    "projects_with_five_elements": (
        """SELECT id FROM projects_project WHERE published_on <= '2025-12-31' AND content <> ''
           AND lead_department_id IS NOT NULL AND responsible_unit_id IS NOT NULL
           AND project_owner_id IS NOT NULL AND due_date IS NOT NULL""",
        "SELECT id FROM projects_project WHERE published_on <= '2025-12-31'",
        ("SELECT id FROM projects_project WHERE project_owner_id IS NULL",),
    ),
    "issues_solved_with_district_organ": (
        SOLVED_BY_ORGANS,
        None,
        (
            # closed with another outcome, although a district organ took part
            """SELECT i.id FROM issues_issue i JOIN issues_assignment a ON a.issue_id = i.id
               JOIN people_organisation o ON o.id = a.unit_id
               WHERE i.outcome <> 'resolved' AND o.kind = 'district_department'""",
            # a district organ had it, and gave it back
            """SELECT i.id FROM issues_issue i JOIN issues_assignment a ON a.issue_id = i.id
               JOIN people_organisation o ON o.id = a.unit_id
               WHERE i.status = 'closed' AND i.outcome = 'resolved' AND a.left_seq IS NOT NULL
               AND o.kind = 'district_department' AND NOT EXISTS (
                   SELECT 1 FROM issues_assignment b JOIN people_organisation p ON p.id = b.unit_id
                   WHERE b.issue_id = i.id AND b.left_seq IS NULL
                   AND p.kind = 'district_department')""",
            # never worked on to the end
            "SELECT id FROM issues_issue WHERE status IN ('merged', 'void')",
            # at the district's level, but by other bodies
            """SELECT i.id FROM issues_issue i WHERE i.level = 'district' AND i.status = 'closed'
               AND i.outcome = 'resolved' AND NOT EXISTS (
                   SELECT 1 FROM issues_assignment a JOIN people_organisation o ON o.id = a.unit_id
                   WHERE a.issue_id = i.id AND o.kind = 'district_department')""",
            # reported in 2025 and closed in 2026
            """SELECT id FROM issues_issue WHERE received_at < '2026-01-01 00:00+08'
               AND closed_at >= '2026-01-01 00:00+08'""",
            # the live tail
            "SELECT id FROM issues_issue WHERE received_at >= '2026-01-01 00:00+08'",
            "SELECT id FROM issues_issue WHERE level IN ('grid', 'town')",
        ),
    ),
    "district_meetings_since_last_year": (
        """SELECT id FROM meetings_meeting WHERE level = 'district' AND status = 'held'
           AND held_on BETWEEN '2024-01-01' AND '2025-12-31'""",
        None,
        (
            "SELECT id FROM meetings_meeting WHERE level = 'district' AND held_on > '2025-12-31'",
            "SELECT id FROM meetings_meeting WHERE level <> 'district' AND status = 'held'",
        ),
    ),
    "upper_meetings_held": (
        """SELECT id FROM meetings_meeting WHERE level IN ('district', 'town') AND status = 'held'
           AND held_on BETWEEN '2024-01-01' AND '2025-12-31'""",
        None,
        (
            "SELECT id FROM meetings_meeting WHERE level = 'community'",
            "SELECT id FROM meetings_meeting WHERE status = 'cancelled'",
            "SELECT id FROM meetings_meeting WHERE held_on < '2024-01-01'",
            "SELECT id FROM meetings_meeting WHERE held_on > '2025-12-31'",
        ),
    ),
    "cross_department_solved": (
        """SELECT r.id FROM meetings_resolution r JOIN meetings_meeting m ON m.id = r.meeting_id
           WHERE r.is_cross_department AND m.level IN ('district', 'town')
           AND m.held_on BETWEEN '2024-01-01' AND '2025-12-31' AND r.solved_on <= '2025-12-31'""",
        """SELECT r.id FROM meetings_resolution r JOIN meetings_meeting m ON m.id = r.meeting_id
           WHERE r.is_cross_department AND m.level IN ('district', 'town')
           AND m.held_on BETWEEN '2024-01-01' AND '2025-12-31'""",
        (
            "SELECT id FROM meetings_resolution WHERE NOT is_cross_department",
            "SELECT id FROM meetings_resolution WHERE solved_on > '2025-12-31'",
            """SELECT r.id FROM meetings_resolution r JOIN meetings_meeting m
               ON m.id = r.meeting_id WHERE m.level = 'community' AND r.is_cross_department""",
            """SELECT id FROM meetings_resolution WHERE due_date < '2025-12-31'
               AND (solved_on IS NULL OR solved_on > '2025-12-31')""",
        ),
    ),
}
FRACTIONS = {"leading_demands": (942, 1200), "cross_department_solved": (65, 72)}


@pytest.mark.parametrize("code", QUERIES)
def test_a_figure_counts_the_rows_that_plain_sql_counts(code: str) -> None:
    metric, (numerator, denominator, _) = METRICS[code], QUERIES[code]
    assert counted(metric) == sql(numerator)
    if denominator is not None:
        assert counted(metric, "denominator") == sql(denominator)


@pytest.mark.parametrize("code", QUERIES)
def test_noise_is_there_and_is_not_counted(code: str) -> None:
    found = counted(METRICS[code])
    for query in QUERIES[code][2]:
        noise = sql(query)
        assert noise, query
        assert not noise & found, query


def test_every_quarter_of_two_years_had_its_meeting() -> None:
    figure = METRICS["district_quarters_with_meeting"].figure(AS_OF)
    assert (figure.numerator, figure.denominator) == (8, 8)
    months = sql(
        "SELECT to_char(held_on, 'YYYY\"Q\"Q') FROM meetings_meeting WHERE level = 'district'"
        " AND status = 'held' AND held_on BETWEEN '2024-01-01' AND '2025-12-31'"
    )
    assert months == {f"{year}Q{quarter}" for year in (2024, 2025) for quarter in (1, 2, 3, 4)}


def test_a_cancelled_meeting_leaves_its_quarter_without_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meetings_meeting"
            " SET status = 'cancelled', held_on = NULL, countersigned_on = NULL"
            " WHERE level = 'district' AND held_on BETWEEN '2025-01-01' AND '2025-03-31'"
        )
    assert METRICS["district_quarters_with_meeting"].figure(AS_OF).display() == "7/8"


@pytest.mark.parametrize("code", FRACTIONS)
def test_a_share_has_the_numerator_and_denominator_of_the_plan(code: str) -> None:
    figure = METRICS[code].figure(AS_OF)
    assert (figure.numerator, figure.denominator) == FRACTIONS[code]


def test_withdrawal_in_2026_does_not_change_the_figure_of_2025() -> None:
    later = sql("SELECT id FROM areas_demand WHERE withdrawn_on > '2025-12-31'")
    assert later
    assert later <= counted(METRICS["leading_demands"], "denominator")


def test_all_figures_but_the_issues_come_out_in_the_small_district() -> None:
    failing = {metric.code for metric in ACCEPTANCE if not metric.figure(AS_OF).passes}
    assert failing == {"issues_solved_with_district_organ"}


def test_the_small_district_solved_its_share_of_issues() -> None:
    figure = METRICS["issues_solved_with_district_organ"].figure(AS_OF)
    assert figure.numerator == sum(round(count / 20) for count in SOLVED.values())


def test_check_figures_prints_every_figure_and_fails_where_one_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(CommandError, match=r"^1 项不一致：区级机关参与解决的急难愁盼问题。$"):
        call_command("check_figures")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(ACCEPTANCE) + len(LATER)
    assert sum(line.endswith("  一致") for line in lines) == len(ACCEPTANCE) - 1
    share = next(line.split() for line in lines if line.startswith("建设、安全"))
    assert share[1:] == ["78.5%", "78.5%", "942", "1200", "一致"]


def test_what_comes_later_is_never_said_to_be_reached(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError):
        call_command("check_figures")
    lines = capsys.readouterr().out.splitlines()
    for later in LATER:
        line = next(line for line in lines if line.startswith(f"{later.name} "))
        assert line.split() == [later.name, later.article, "后续版本"]


def test_check_figures_at_another_day_counts_that_day(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError):
        call_command("check_figures", "--as-of", "2024-06-30")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "统计日 2024-06-30"
    meetings = next(line.split() for line in lines if line.startswith("去年以来区级联席会议"))
    assert meetings[1:4] == ["8次", "2次", "2"]


def test_check_figures_refuses_what_is_no_date() -> None:
    with pytest.raises(CommandError, match="YYYY-MM-DD"):
        call_command("check_figures", "--as-of", "yesterday")
