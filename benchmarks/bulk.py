"""Filling big tables fast: without indexes and foreign keys, which are built once at the end.

Building them then also checks every row: a duplicate or a reference to nothing stops the seed.
Primary keys that are counted up stay: they cost little, and the search entries are found by them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import Empty, Queue

from django.db import connection, models

from benchmarks import servers
from benchmarks.district import CHILDREN
from issues.models import EventText, Involvement, Issue, SearchEntry

BUILDERS = 2  # connections that build indexes side by side
MEMORY = "512MB"  # of each while it sorts
# By how long they take: with two builders, the longest must not come last.
LONGEST_FIRST = {
    "issues_searchentry": 0,
    "core_message": 1,
    "issues_issue": 2,
    "issues_issueevent": 3,
    "issues_clock": 4,
}

# Foreign keys first: the primary keys that they rely on can go only after them.
CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), contype = 'f'
      FROM pg_constraint
     WHERE conrelid = ANY(%(tables)s::regclass[])
       AND (contype IN ('f', 'u') OR contype = 'p' AND conrelid = ANY(%(random)s::regclass[]))
        OR confrelid = ANY(%(tables)s::regclass[]) AND contype = 'f'
     ORDER BY contype = 'f' DESC, conname
"""
INDEXES = """
    SELECT i.indrelid::regclass::text, pg_get_indexdef(i.indexrelid), i.indexrelid::regclass::text
      FROM pg_index i
     WHERE i.indrelid = ANY(%(tables)s::regclass[])
       AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""


def tables() -> list[str]:
    """The tables that grow with the cases."""
    models_of_cases: Sequence[type[models.Model]] = (Issue, *CHILDREN, SearchEntry, Involvement)
    return [model._meta.db_table for model in models_of_cases]


@contextmanager
def bare(database: str) -> Iterator[None]:
    """The tables of the cases without keys and indexes until the end of the block."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, {"tables": tables()})
        indexes = cursor.fetchall()
        random = [EventText._meta.db_table]  # its key is a UUID: each row another page of its index
        cursor.execute(CONSTRAINTS, {"tables": tables(), "random": random})
        constraints = cursor.fetchall()
        for table, name, _, _ in constraints:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for _, _, name in indexes:
            cursor.execute(f"DROP INDEX {name}")
    yield
    add = 'ALTER TABLE {} ADD CONSTRAINT "{}" {}'
    keys = [(c[0], add.format(*c[:3])) for c in constraints if not c[3]]
    _build(database, keys + [(table, text) for table, text, _ in indexes])
    with connection.cursor() as cursor:
        cursor.execute(f"SET work_mem = '{MEMORY}'")
        for table, name, text, is_foreign in constraints:
            if is_foreign:
                cursor.execute(add.format(table, name, text))


def _build(database: str, statements: Sequence[tuple[str, str]]) -> None:
    """Run the statements, those of one table one after the other, tables side by side."""
    by_table: dict[str, list[str]] = {}
    for table, statement in statements:
        by_table.setdefault(table, []).append(statement)
    waiting: Queue[list[str]] = Queue()
    for _, todo in sorted(by_table.items(), key=lambda item: LONGEST_FIRST.get(item[0], 9)):
        waiting.put(todo)
    errors: list[Exception] = []

    def work() -> None:
        with servers.connect(database) as own:
            own.execute(f"SET maintenance_work_mem = '{MEMORY}'")
            own.execute("SET max_parallel_maintenance_workers = 0")
            while True:
                try:
                    todo = waiting.get_nowait()
                except Empty:
                    return
                for statement in todo:
                    try:
                        own.execute(statement)
                    except Exception as error:
                        errors.append(error)
                        return

    threads = [threading.Thread(target=work) for _ in range(BUILDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def vacuum() -> None:
    """What autovacuum would have done by and by: visibility, statistics."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE, PARALLEL 2)")
