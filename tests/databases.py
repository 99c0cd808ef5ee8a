"""Databases of a test run: templates that are built once, and clones that cost a tenth of a second.

``empty`` is migrated and holds what migrations put there. ``small`` also holds the small reference
district. Append-only tables refuse TRUNCATE, so a test that commits gets a clone of its own instead
of being cleaned up after.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from os import environ

import psycopg
from django.db import connections
from psycopg import sql

from governance.embedded.processes import Lock
from tests.plugin import BASE_DIR, SERVERS, WORKER

_numbers = count(1)


def clone(template: str, name: str) -> None:
    """Make the database ``name`` anew as a copy of the template ``empty`` or ``small``."""
    source = _template(template)
    drop(name)
    _admin("CREATE DATABASE {} TEMPLATE {}", name, source)


def drop(name: str) -> None:
    """Remove a database, with whoever is still connected to it."""
    _admin("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def unused_name() -> str:
    """Return a name for one more database of this test process."""
    return f"test_{WORKER or 'main'}_{next(_numbers)}"


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Point Django's connection of every thread of this process to another database."""
    settings = connections.settings["default"]
    before = settings["NAME"]
    connections["default"].close()
    settings["NAME"] = name
    try:
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = before


def _template(template: str) -> str:
    """Return the name of the template's database, built by the first process that asks."""
    name = f"template_{template}"
    building = Lock(SERVERS.locks / "templates")
    building.exclusive()
    try:
        if not _exists(name):
            draft = f"building_{template}"
            drop(draft)
            if template == "empty":
                _admin("CREATE DATABASE {}", draft)
                _manage(draft, "migrate", "--verbosity=0")
            else:
                if not _exists("template_empty"):
                    raise LookupError("the template `empty` comes first")
                _admin("CREATE DATABASE {} TEMPLATE {}", draft, "template_empty")
                _manage(draft, "load_reference", "--size", template)
            _admin("ALTER DATABASE {} RENAME TO {}", draft, name)
    finally:
        building.release()
    return name


def _manage(database: str, *arguments: str) -> None:
    result = subprocess.run(
        [sys.executable, BASE_DIR / "manage.py", *arguments],
        env=environ | {"EMBEDDED_DATABASE": database},
        capture_output=True,
        text=True,
    )
    if result.returncode:
        raise RuntimeError(f"manage.py {' '.join(arguments)} failed:\n{result.stderr[-4000:]}")


def _exists(name: str) -> bool:
    with _connect() as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return connection.execute(query, [name]).fetchone() is not None


def _admin(command: str, *names: str) -> None:
    with _connect() as connection:
        connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def _connect() -> psycopg.Connection:
    return psycopg.connect(
        host=str(SERVERS.run), user="postgres", dbname="postgres", autocommit=True
    )
