"""Rows of a model as JSON, in both directions: one statement writes or reads any number of tables.

A statement takes its rows as one JSON text per table, which PostgreSQL turns into rows of that
table's type by itself (``json_populate_recordset``). So its words depend on the tables alone, and
nulls, times, UUIDs and nested JSON need no care; one row and a thousand go the same way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, connection, models

# What JSON has no word for, as ``row_to_json`` writes it. Every other field reads its own.
_FROM_TEXT: dict[type[models.Field[Any, Any]], Callable[[str], Any]] = {
    models.DateTimeField: datetime.fromisoformat,
    models.DateField: date.fromisoformat,
    models.UUIDField: UUID,
}


@dataclass(frozen=True)
class Part:
    """One table's share of a statement: its words, and what it is given, first its rows as JSON."""

    sql: str
    parameters: tuple[Any, ...]


class Rows:
    """How the rows of one model are read and written."""

    def __init__(self, model: type[models.Model]) -> None:
        meta = model._meta
        self.model, self.table = model, meta.db_table
        self.key = meta.pk
        self.fields = [field for field in meta.concrete_fields if not field.generated]
        self.foreign = [field for field in self.fields if field.is_relation]

    # --- reading ---

    @cached_property
    def _attributes(self) -> list[str]:
        return [field.attname for field in self.model._meta.concrete_fields]

    @cached_property
    def _readers(self) -> list[tuple[str, Callable[[Any], Any] | None]]:
        return [(_column(field), _reader(field)) for field in self.model._meta.concrete_fields]

    def read(self, row: Mapping[str, Any]) -> Any:
        """The instance of a row that ``row_to_json`` wrote: the same as the ORM would read."""
        values = []
        for column, reader in self._readers:
            value = row[column]
            values.append(value if reader is None or value is None else reader(value))
        return self.model.from_db(DEFAULT_DB_ALIAS, self._attributes, values)

    # --- writing ---

    def write(self, row: Any, fields: Iterable[models.Field[Any, Any]]) -> dict[str, Any]:
        """The values of an instance by column; foreign keys of rows that have got theirs since."""
        values = row.__dict__
        for field in self.foreign:
            if values[field.attname] is None and (
                related := row._state.fields_cache.get(field.name)
            ):
                values[field.attname] = related.pk
        return {
            _column(field): (
                values[field.attname]
                if (prepare := _preparer(field)) is None
                else prepare(values[field.attname], connection)
            )
            for field in fields
        }

    def insert(self, rows: Sequence[Any], *, keyless: bool = False, conflict: str = "") -> Part:
        """Insert the rows; ``keyless`` ones get their key from the database, unseen."""
        fields = [f for f in self.fields if not (keyless and f is self.key)]
        columns = _columns(fields)
        return Part(
            f'INSERT INTO "{self.table}" ({columns}) SELECT {columns}'  # noqa: S608 - our names
            f' FROM json_populate_recordset(NULL::"{self.table}", %s) {conflict}',
            (_json([self.write(row, fields) for row in rows]),),
        )

    def update(self, rows: Sequence[Any], names: Sequence[str]) -> Part:
        """Update these fields of rows that exist. In which order is for PostgreSQL to choose."""
        fields = [self.model._meta.get_field(name) for name in names]
        changes = ", ".join(f'"{f.column}" = new."{f.column}"' for f in fields)  # type: ignore[union-attr]
        key = f'"{self.key.column}"'
        return Part(
            f'UPDATE "{self.table}" SET {changes}'  # noqa: S608 - our names
            f' FROM json_populate_recordset(NULL::"{self.table}", %s) new'
            # Told how few they are, PostgreSQL finds them by the index.
            f' WHERE "{self.table}".{key} = new.{key} AND "{self.table}".{key} = ANY(%s)',
            (
                _json([self.write(row, [self.key, *fields]) for row in rows]),  # type: ignore[list-item]
                [row.pk for row in rows],
            ),
        )


@cache
def rows_of(model: type[models.Model]) -> Rows:
    return Rows(model)


def execute(parts: Sequence[Part], more: str = "", parameters: Sequence[Any] = ()) -> list[Any]:
    """Carry out all parts as one statement, and return the rows of ``more``, a SELECT, if given.

    The parts see nothing of one another, and nobody says which is first; foreign keys among them
    are checked at the end.
    """
    if not parts and not more:
        return []
    texts = [part.sql for part in parts]
    main = more or texts.pop()
    named = ", ".join(f"part_{n} AS ({text})" for n, text in enumerate(texts))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {named} {main}" if named else main,
            [*(one for part in parts for one in part.parameters), *parameters],
        )
        return cursor.fetchall() if more else []


def next_keys(counts: Mapping[type[models.Model], int]) -> tuple[str, list[Any]]:
    """A SELECT, with its parameters, of so many new keys of each model, in this order."""
    texts = [
        f"SELECT {number}, nextval(pg_get_serial_sequence('{model._meta.db_table}',"  # noqa: S608
        f" '{model._meta.pk.column}')) FROM generate_series(1, %s)"
        for number, model in enumerate(counts)
    ]
    keys = " UNION ALL ".join(texts)
    select = f"SELECT key FROM ({keys}) keys (model, key) ORDER BY model, key"  # noqa: S608
    return select, list(counts.values())


def saved(rows: Iterable[Any]) -> None:
    """Note on instances that they are in the database now."""
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def _column(field: models.Field[Any, Any]) -> str:
    """Every concrete field has one, which the stubs don't know."""
    return str(field.column)


def _columns(fields: Iterable[models.Field[Any, Any]]) -> str:
    return ", ".join(f'"{_column(field)}"' for field in fields)


@cache
def _reader(field: models.Field[Any, Any]) -> Callable[[Any], Any] | None:
    if from_text := _FROM_TEXT.get(type(field)):
        return from_text
    target = field.target_field if field.is_relation else field  # type: ignore[attr-defined]
    if target is not field:
        return _reader(target)
    if isinstance(field, models.JSONField):
        return None  # it is JSON already
    from_db = getattr(field, "from_db_value", None)
    return None if from_db is None else lambda value: from_db(value, None, connection)


@cache
def _preparer(field: models.Field[Any, Any]) -> Callable[[Any, Any], Any] | None:
    """How a value is made ready; None where it is as it stands, or as ``_json`` writes it."""
    plain = type(field).get_db_prep_save is models.Field.get_db_prep_save
    prepares = type(field).get_prep_value not in _PLAIN
    if isinstance(field, models.JSONField) or field.is_relation or not (plain and prepares):
        return None
    return field.get_db_prep_save


# What only gives the value its type, which it has.
_PLAIN = {
    kind.get_prep_value
    for kind in (
        models.Field,
        models.BooleanField,
        models.CharField,
        models.DateField,
        models.DateTimeField,
        models.FloatField,
        models.IntegerField,
        models.TextField,
        models.UUIDField,
    )
}


def _json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()  # to the microsecond; DjangoJSONEncoder cuts to milliseconds
    return DjangoJSONEncoder().default(value)
