"""Many cases like one: what a district looks like to a sweep."""

from __future__ import annotations

from django.db import connection

from issues.models import Approval, Assignment, Clock, Issue

BESIDE = (Clock, Assignment, Approval)
OWN = {"id", "number", "client_id", "issue_id", "assignment_id"}


def copies_of(issue: Issue, count: int) -> list[int]:
    """Copies of a case with its clocks, assignments and approvals, but without a history."""
    columns = {
        model: ", ".join(f.column for f in model._meta.concrete_fields if f.column not in OWN)
        for model in (Issue, *BESIDE)
    }
    beside = ", ".join(
        f"""
        of_{model._meta.model_name} AS (
            INSERT INTO {model._meta.db_table} (issue_id, {columns[model]})
            SELECT copies.id, {columns[model]}
            FROM copies, {model._meta.db_table} WHERE issue_id = %(issue)s
        )
        """  # noqa: S608 - our own names
        for model in BESIDE
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH copies AS (
                INSERT INTO issues_issue (number, client_id, {columns[Issue]})
                SELECT 'C' || nextval('issues_day_number'), gen_random_uuid(), {columns[Issue]}
                FROM issues_issue, generate_series(1, %(count)s) WHERE id = %(issue)s
                RETURNING id
            ), {beside}
            SELECT id FROM copies ORDER BY id
            """,  # noqa: S608 - our own names
            {"count": count, "issue": issue.pk},
        )
        ids = [pk for (pk,) in cursor.fetchall()]
        cursor.execute("ANALYZE issues_issue, issues_clock, issues_assignment")
    return ids
