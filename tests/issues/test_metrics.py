# ruff: noqa: S608 - every query here is a constant
"""The indicators of the loop, each against SQL written apart from them."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db import connection

from core.metrics import Metric, Period
from core.workdays import calendar
from issues import metrics
from issues.choices import Action
from issues.models import Issue
from people.choices import Role
from tests.cast import Cast, person
from tests.issues.moments import assigned, at, in_town_triage, with_the_unit

QUARTERS = [
    Period(date(2024, 7, 1), date(2024, 9, 30)),
    Period(date(2025, 4, 1), date(2025, 6, 30)),
    Period(date(2025, 10, 1), date(2025, 12, 31)),
]


def on(column: str) -> str:
    """The column's day in Suzhou lies in the period."""
    return f"({column} AT TIME ZONE 'Asia/Shanghai')::date BETWEEN %(first)s AND %(last)s"


TAKEN_IN = f"SELECT id FROM issues_issue WHERE {on('received_at')} AND status <> 'void'"
CLOSED = f"SELECT id FROM issues_issue WHERE {on('closed_at')} AND status = 'closed'"
LEAD_ORDERS = f"""SELECT id, issue_id FROM issues_assignment
    WHERE is_lead AND NOT is_binding AND {on("assigned_at")}"""
LAST_OVERALL = f"""SELECT c.id FROM issues_clock c JOIN issues_issue i ON i.id = c.issue_id
    WHERE c.kind = 'overall' AND c.verdict <> 'cancelled' AND c.paused_at IS NULL
      AND {on("c.due_at")}
      AND c.id = (SELECT max(id) FROM issues_clock WHERE issue_id = c.issue_id
                  AND kind = 'overall')"""
LAST_HANDLING = f"""SELECT c.id, c.verdict FROM issues_clock c
    WHERE c.kind = 'step' AND c.step IN ('grid_handling', 'handling')
      AND c.verdict <> 'cancelled' AND c.paused_at IS NULL AND {on("c.due_at")}
      AND c.id = (SELECT max(id) FROM issues_clock WHERE issue_id = c.issue_id
                  AND kind = 'step' AND step IN ('grid_handling', 'handling'))"""
SUBMITTED = f"""SELECT DISTINCT e.issue_id, i.rework_count FROM issues_issueevent e
    JOIN issues_issue i ON i.id = e.issue_id
    WHERE e.action = 'submit_completion' AND {on("e.at")}"""
REOPENED = f"""SELECT DISTINCT issue_id AS id FROM issues_issueevent
    WHERE action = 'reopen' AND {on("at")}"""


def took(action: str) -> str:
    return f"""SELECT id FROM ({TAKEN_IN}) t WHERE EXISTS (
        SELECT 1 FROM issues_issueevent e WHERE e.issue_id = t.id AND e.action = '{action}')"""


def asked(kind: str, day: str, more: str = "") -> str:
    return f"""SELECT DISTINCT a.issue_id FROM issues_approval a
        WHERE a.kind = '{kind}' AND {on("a." + day)} {more}
          AND a.issue_id IN (SELECT issue_id FROM ({LEAD_ORDERS}) o)"""


# Metric → the rows of its numerator and of its denominator.
RATES: dict[Metric, tuple[str, str]] = {
    metrics.ESCALATION_RATE: (took("escalate_town"), TAKEN_IN),
    metrics.DISTRICT_SHARE: (took("escalate_district"), TAKEN_IN),
    metrics.RESPONSE_RATE: (
        f"""SELECT id FROM issues_issue WHERE {on("contact_due_at")} AND status <> 'void'
            AND contacted_at <= contact_due_at""",
        f"SELECT id FROM issues_issue WHERE {on('contact_due_at')} AND status <> 'void'",
    ),
    metrics.ACKNOWLEDGEMENT_RATE: (
        f"""SELECT id FROM issues_assignment WHERE is_lead AND NOT is_binding
            AND NOT deemed_acknowledged AND acknowledged_at <= acknowledge_due_at
            AND {on("assigned_at")}""",
        LEAD_ORDERS,
    ),
    metrics.RETURN_RATE: (
        asked("return", "asked_at"),
        f"SELECT DISTINCT issue_id FROM ({LEAD_ORDERS}) o",
    ),
    metrics.EXTENSION_RATE: (
        asked("extension", "decided_at", "AND a.decision = 'approved'"),
        f"SELECT DISTINCT issue_id FROM ({LEAD_ORDERS}) o",
    ),
    metrics.SUSPENSION_RATE: (
        f"""SELECT id FROM ({TAKEN_IN}) t WHERE id IN (SELECT issue_id FROM issues_approval
            WHERE kind = 'suspension' AND decision = 'approved')""",
        TAKEN_IN,
    ),
    metrics.CLOSING_RATE: (
        f"""SELECT c.id FROM issues_clock c JOIN issues_issue i ON i.id = c.issue_id
            WHERE c.id IN ({LAST_OVERALL}) AND i.status = 'closed'
            AND (i.closed_at AT TIME ZONE 'Asia/Shanghai')::date <= %(last)s""",
        LAST_OVERALL,
    ),
    metrics.HANDLED_OF_DUE_RATE: (
        f"SELECT id FROM ({LAST_HANDLING}) c WHERE verdict = 'on_time'",
        LAST_HANDLING,
    ),
    metrics.REWORK_OF_SUBMITTED_RATE: (
        f"SELECT issue_id FROM ({SUBMITTED}) s WHERE rework_count > 0",
        SUBMITTED,
    ),
    metrics.REOPENING_RATE: (REOPENED, f"{CLOSED} UNION {REOPENED}"),
    metrics.STRIKE_OFF_RATE: (
        f"""SELECT id FROM issues_supervision WHERE {on("issued_at")}
            AND (struck_off_at AT TIME ZONE 'Asia/Shanghai')::date <= %(last)s""",
        f"SELECT id FROM issues_supervision WHERE {on('issued_at')}",
    ),
}


def rows(sql: str, period: Period) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"first": period.first, "last": period.last})
        return cursor.fetchall()


@pytest.mark.parametrize("period", QUARTERS, ids=lambda period: str(period.last))
@pytest.mark.parametrize("metric", RATES, ids=lambda metric: metric.code)
def test_a_rate_counts_the_rows_that_plain_sql_counts(
    reference_db: None, metric: Metric, period: Period
) -> None:
    figure = metric.figure_in(period)
    numerator, denominator = RATES[metric]
    assert (figure.numerator, figure.denominator) == (
        len(rows(numerator, period)),
        len(rows(denominator, period)),
    )


@pytest.mark.parametrize("metric", RATES, ids=lambda metric: metric.code)
def test_the_reference_district_has_something_to_show_for_each_rate(
    reference_db: None, metric: Metric
) -> None:
    """Else the comparison above would compare nothing with nothing."""
    year = Period(date(2025, 1, 1), date(2025, 12, 31))
    figure = metric.figure_in(year)
    assert 0 < figure.numerator <= (figure.denominator or 0)


@pytest.mark.parametrize("period", QUARTERS, ids=lambda period: str(period.last))
def test_the_time_taken_is_counted_in_working_days_one_by_one(
    reference_db: None, period: Period
) -> None:
    days = calendar()
    spans = sorted(
        sum(days.is_working(date.fromordinal(n)) for n in range(first + 1, last + 1))
        for first, last in (
            (received.toordinal(), closed.toordinal())
            for received, closed in rows(
                f"""SELECT (received_at AT TIME ZONE 'Asia/Shanghai')::date,
                    (closed_at AT TIME ZONE 'Asia/Shanghai')::date FROM issues_issue
                    WHERE id IN ({CLOSED})""",
                period,
            )
        )
    )
    average = (Decimal(sum(spans)) / len(spans)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    median = Decimal(spans[(len(spans) - 1) // 2] + spans[len(spans) // 2]) / 2

    assert metrics.AVERAGE_DAYS.figure_in(period).display() == f"{average} 个工作日"
    assert metrics.MEDIAN_DAYS.figure_in(period).display() == f"{median:.1f} 个工作日"


@pytest.mark.parametrize("metric", metrics.PROCESS, ids=lambda metric: metric.code)
def test_nothing_is_divided_by_zero(db: None, metric: Metric) -> None:
    figure = metric.figure_in(QUARTERS[0])
    assert figure.display() == ("0个工作日" if metric is metrics.LATE_DAYS else "—")


# --- by hand ---

FIRST_QUARTER = Period(date(2025, 1, 1), date(2025, 3, 31))


def text(metric: Metric) -> str:
    return metric.figure_in(FIRST_QUARTER).display()


def test_an_order_that_was_deemed_acknowledged_was_not_acknowledged_in_time(cast: Cast) -> None:
    with_the_unit(cast)
    late = assigned(cast)
    cast.step(late, Action.AUTO_ACKNOWLEDGE, None, at("2025-03-04", "18:00"))
    assert text(metrics.ACKNOWLEDGEMENT_RATE) == "50.0%"


def test_a_complainant_reached_after_the_limit_was_not_answered_in_time(cast: Cast) -> None:
    """One working day: reported on Monday morning, to be called by Tuesday evening."""
    for day in ("2025-03-04", "2025-03-05"):
        issue = cast.report(at=at("2025-03-03"), source="resident", contact_phone="12012345678")
        cast.step(issue, Action.CONTACT, cast.wang_fang, at(day), how="phone", contact="reached")
    missed = cast.report(at=at("2025-03-03"), source="resident", contact_phone="12012345678")
    cast.step(
        missed, Action.CONTACT, cast.wang_fang, at("2025-03-04"), how="phone", contact="not_reached"
    )
    cast.report(at=at("2025-03-03"))  # nobody to call
    assert text(metrics.RESPONSE_RATE) == "33.3%"


def test_a_case_returned_twice_counts_once(cast: Cast) -> None:
    head = person("head", "姜岩", Role.UNIT_HEAD, cast.changqiao_patrol)
    issue = assigned(cast)
    with_the_unit(cast)
    ask = {"reason": "not_our_duty", "text": "见职责清单。"}
    issue = cast.step(
        issue, Action.REQUEST_RETURN, cast.zheng_hua, at("2025-03-03", "15:00"), **ask
    )
    issue = cast.step(
        issue, Action.APPROVE_RETURN, cast.chen_jing, at("2025-03-03", "16:00"), text="同意。"
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "16:30"),
        lead_unit=cast.changqiao_patrol,
        text="请办理。",
    )
    cast.step(issue, Action.REQUEST_RETURN, head, at("2025-03-04", "09:00"), **ask)
    assert text(metrics.RETURN_RATE) == "50.0%"


def test_what_stands_still_is_not_due_to_be_closed(cast: Cast) -> None:
    """Ten working days from Monday the 3rd: both overall clocks fall due on the 17th."""
    still = with_the_unit(cast)
    with_the_unit(cast)
    assert text(metrics.CLOSING_RATE) == "0.0%"
    assert metrics.CLOSING_RATE.figure_in(FIRST_QUARTER).denominator == 2
    still = cast.step(
        still,
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-05"),
        kind="engineering",
        until=date(2025, 5, 7),
        text="管网改造。",
    )
    cast.step(still, Action.SUSPEND, cast.zhou_wei, at("2025-03-05"), text="同意。")
    assert metrics.CLOSING_RATE.figure_in(FIRST_QUARTER).denominator == 1


def test_a_void_case_is_in_no_rate_of_what_was_received(cast: Cast) -> None:
    in_town_triage(cast)
    void = cast.report(at=at("2025-03-03"))
    void = cast.step(
        void, Action.VOID, cast.zhao_min, at("2025-03-03", "11:00"), reason="test", text="测试。"
    )
    cast.step(void, Action.CONFIRM_VOID, cast.chen_jing, at("2025-03-03", "12:00"), text="同意。")
    assert Issue.objects.count() == 2
    assert text(metrics.ESCALATION_RATE) == "100.0%"
