"""``manage.py grant_rights ROLE``: what the role of the running application may do with the data.

Run by the owner of the tables, after every migration (``manage.py prepare`` does).
"""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg import errors, sql

# From nothing, so that a right which was granted by hand does not stay.
RIGHTS = """
    REVOKE CREATE ON SCHEMA public FROM PUBLIC;
    REVOKE ALL ON SCHEMA public FROM {role};
    REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
    REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role};
    GRANT CONNECT ON DATABASE {database} TO {role};
    GRANT USAGE ON SCHEMA public TO {role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role};
    REVOKE UPDATE, DELETE ON {append_only} FROM {role};
"""

# Members of an owner, and superusers, count as owners too.
OWNS_SOMETHING = """
    SELECT bool_or(pg_has_role(%s, owner, 'MEMBER'))
    FROM (
        SELECT datdba FROM pg_database WHERE datname = current_database()
        UNION SELECT nspowner FROM pg_namespace WHERE nspname = 'public'
        UNION SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ) AS owners (owner)
"""

# What the role may still do because PUBLIC or a role it belongs to may.
TOO_MUCH = """
    SELECT 'public' WHERE has_schema_privilege(%(role)s, 'public', 'CREATE')
    UNION ALL
    SELECT name FROM unnest(%(append_only)s::text[]) AS name
    WHERE has_table_privilege(%(role)s, quote_ident(name), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
"""


class Command(BaseCommand):
    help = (
        "授予应用程序连接数据库所用的角色读写数据的权限；只增不改的表，只能查询和新增。"
        "由数据表的所有者运行；重复运行无害。"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", metavar="ROLE", help="数据库角色，不能是数据表的所有者")

    def handle(self, *, role: str, **options: Any) -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                _check(cursor, role)
                _grant(cursor, role)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, errors.InsufficientPrivilege):
                raise
            raise CommandError(
                "当前连接所用的角色无权授权，没有更改任何权限：请用数据库和数据表的所有者运行。"
            ) from error


def append_only_tables() -> list[str]:
    """Return the tables whose rows the database never changes (core.models.append_only)."""
    return sorted(
        model._meta.db_table
        for model, trigger in pgtrigger.registered()
        if trigger.name == "append_only"
    )


def _check(cursor: CursorWrapper, role: str) -> None:
    """Raise CommandError unless the role exists and owns nothing."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    if not cursor.rowcount:
        raise CommandError(f"数据库角色 {role} 不存在，没有更改任何权限：请先创建它。")
    cursor.execute(OWNS_SOMETHING, [role])
    (owns_something,) = cursor.fetchone()
    if owns_something:
        raise CommandError(
            f"角色 {role} 是超级用户，或者是数据库、数据表的所有者或其成员，没有更改任何权限："
            "应用程序须用另一个角色连接数据库。"
        )


def _grant(cursor: CursorWrapper, role: str) -> None:
    """Give the role its rights. Raise CommandError if it has more than these from elsewhere."""
    append_only = append_only_tables()
    cursor.execute(
        sql.SQL(RIGHTS).format(
            role=sql.Identifier(role),
            database=sql.Identifier(connection.settings_dict["NAME"]),
            append_only=sql.SQL(", ").join(map(sql.Identifier, append_only)),
        )
    )
    cursor.execute(TOO_MUCH, {"role": role, "append_only": append_only})
    if too_much := [name for (name,) in cursor.fetchall()]:
        raise CommandError(
            f"角色 {role} 经由 PUBLIC 或它所属的角色，仍有权更改 {'、'.join(too_much)}，"
            "没有更改任何权限：请先收回这些权限。"
        )
