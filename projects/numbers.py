"""Numbers that people can say on the phone: prefix, year and the row's id. Gaps are allowed."""

from __future__ import annotations

from django.db import connection, models


def reserve_id(model: type[models.Model]) -> int:
    """The next id of a table, so that a row can carry its number from the first insert on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s))", [model._meta.db_table, "id"]
        )
        return int(cursor.fetchone()[0])


def number(prefix: str, year: int, pk: int) -> str:
    """``GJ2025-007``."""
    return f"{prefix}{year}-{pk:03d}"
