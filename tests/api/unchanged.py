"""What a refusal looks like, and a watch over all that it must leave as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import sql

from issues.models import Issue


def refused(response: Any, status: int, code: str, *fields: str) -> None:
    """One shape, a stable code, Chinese sentences, and among the fields at fault these."""
    assert response.status_code == status, response.content.decode()[:500]
    problem = json.loads(response.content)
    assert set(problem) == {"code", "message", "fields"}
    assert problem["code"] == code
    said = [problem["message"], *(text for texts in problem["fields"].values() for text in texts)]
    for sentence in said:
        assert any("\u4e00" <= character <= "\u9fff" for character in sentence), sentence
    assert set(fields) <= set(problem["fields"])


@contextmanager
def nothing_changes() -> Iterator[None]:
    """The rows of every table, every case's version and every uploaded file."""
    before = _state()
    yield
    assert _state() == before


def _state() -> tuple[object, ...]:
    return (
        _rows_of_every_table(),
        list(Issue.objects.order_by("pk").values_list("pk", "version", "head_hash")),
        sorted(path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()),
    )


def _rows_of_every_table() -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        counts = sql.SQL(" UNION ALL ").join(
            sql.SQL("SELECT {}, count(*) FROM {}").format(sql.Literal(table), sql.Identifier(table))
            for table in tables
        )
        cursor.execute(counts)
        return sorted(cursor.fetchall())
