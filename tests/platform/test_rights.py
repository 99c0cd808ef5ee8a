"""What the role of the running application may do in the database, and what nobody gives it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta

import pgtrigger
import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, connections
from django.test import Client
from django.utils import timezone
from psycopg import sql

from core import audit, idempotency, outbox
from core.models import AuditEntry, IdempotencyKey, Message
from core.workdays import calendar, moment
from governance.management.commands import prepare
from issues import anchors, recalculation, sweeps
from issues.anonymise import TITLE, Reason, anonymise
from issues.choices import Action, Status
from issues.models import Issue, IssueEvent
from tests.api.phone import Phone, report_body
from tests.cast import PASSWORD, Cast, assemble
from tests.plugin import SERVERS, WORKER

# Each with a column of text.
APPEND_ONLY = {
    "core_auditentry": "action",
    "issues_anchor": "hash",
    "issues_anchoredhead": "head_hash",
    "issues_issueevent": "action",
}

RIGHTS = """
    SELECT relname, array_agg(right_.privilege_type::text)
    FROM pg_class, aclexplode(relacl) AS right_
    WHERE relnamespace = 'public'::regnamespace AND relkind = ANY(%s)
      AND right_.grantee = %s::text::regrole
    GROUP BY relname
"""
NAMES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


def as_superuser(command: str, *names: str) -> None:
    with psycopg.connect(
        host=str(SERVERS.run), user="postgres", dbname="postgres", autocommit=True
    ) as server:
        server.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


def execute(command: str, *names: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


@contextmanager
def connected_as(role: str) -> Iterator[None]:
    """Let Django sign in to the database as another role."""
    settings = connections.settings["default"]
    before = settings["USER"]
    connection.close()
    settings["USER"] = role
    try:
        yield
    finally:
        connection.close()
        settings["USER"] = before


def rights(role: str, kind: str = "r") -> dict[str, set[str]]:
    """Return what is granted to the role, by table, or by sequence with the kind S."""
    with connection.cursor() as cursor:
        cursor.execute(RIGHTS, [[kind], sql.Identifier(role).as_string()])
        return {name: set(granted) for name, granted in cursor.fetchall()}


# Roles belong to the whole server, so they are dropped last, after the database of the test.
@pytest.fixture
def role() -> Iterator[str]:
    """A role that may sign in, with a name that has to be quoted."""
    name = f'Application "{WORKER}"'
    as_superuser("CREATE ROLE {} LOGIN", name)
    yield name
    as_superuser("DROP ROLE {}", name)


@pytest.fixture
def other_role() -> Iterator[str]:
    name = f"other_{WORKER}"
    as_superuser("CREATE ROLE {}", name)
    yield name
    as_superuser("DROP ROLE {}", name)


@pytest.fixture
def application(role: str, committed_db: str) -> Iterator[None]:
    """Django is connected as the application's role, which has its rights."""
    call_command("grant_rights", role)
    with connected_as(role):
        yield


@pytest.fixture
def district(application: None) -> Cast:
    """The cast, written by the application's role."""
    return assemble()


# --- what it is given ---


def test_it_may_read_and_write_rows_but_only_add_to_append_only_tables(
    role: str, committed_db: str
) -> None:
    call_command("grant_rights", role)

    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        tables = {name for (name,) in cursor.fetchall()}
    assert rights(role) == {
        table: {"SELECT", "INSERT"}
        if table in APPEND_ONLY
        else {"SELECT", "INSERT", "UPDATE", "DELETE"}
        for table in tables
    }
    sequences = rights(role, "S")
    assert "issues_day_number" in sequences
    assert all(granted == {"USAGE"} for granted in sequences.values())


def test_a_second_run_changes_nothing_and_takes_back_what_was_granted_by_hand(
    role: str, committed_db: str
) -> None:
    call_command("grant_rights", role)
    first = rights(role), rights(role, "S")
    call_command("grant_rights", role)
    assert (rights(role), rights(role, "S")) == first

    execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO {}", role)
    execute("GRANT UPDATE (action) ON core_auditentry TO {}", role)
    execute("GRANT ALL ON SCHEMA public TO {}", role)
    execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    call_command("grant_rights", role)

    assert (rights(role), rights(role, "S")) == first
    with connected_as(role):
        for command in ("CREATE TABLE mine (id int)", "UPDATE core_auditentry SET action = ''"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                execute(command)


def test_a_release_grants_the_rights_when_the_environment_names_the_role(
    role: str, committed_db: str, settings: object
) -> None:
    call_command(prepare.Command(), skip_static=True)
    assert rights(role) == {}

    settings.APPLICATION_ROLE = role
    call_command(prepare.Command(), skip_static=True)
    assert rights(role)["issues_issueevent"] == {"SELECT", "INSERT"}


# --- what it can do ---


def test_a_case_is_reported_and_taken_further(district: Cast) -> None:
    issue = district.report()
    issue = district.step(issue, Action.ESCALATE_TOWN, district.wang_fang, reason="several_units")

    assert issue.status == Status.TRIAGE
    assert IssueEvent.objects.filter(issue=issue).count() == issue.event_count == 2
    assert audit.record(by=district.sun_li, action="test.done", target=issue).pk


def test_people_sign_in_and_out_and_failures_are_counted(district: Cast) -> None:
    browser = Client()
    wrong = browser.post("/login/", {"username": "sun_li", "password": "guess"})
    right = browser.post("/login/", {"username": "sun_li", "password": PASSWORD})
    assert (wrong.status_code, right.status_code) == (200, 302)
    assert browser.get("/issues/").status_code == 200
    assert browser.post("/logout/").status_code == 302


def test_a_phone_gets_a_token_and_reports_once_though_it_asks_twice(district: Cast) -> None:
    phone = Phone()
    who = {"username": "wang_fang", "password": PASSWORD, "device_name": "王芳的手机"}
    token = phone.post("/api/v1/tokens", who, format="json").data["token"]
    phone.credentials(HTTP_AUTHORIZATION=f"Token {token}")

    body = report_body(district)
    first, second = phone.send("/issues", body), phone.send("/issues", body)
    issue = Issue.objects.get()
    stepped = phone.step(issue, "escalate_town", reason="several_units", text="涉及管网和道路。")

    assert (first.status_code, second.data["id"]) == (201, first.data["id"])
    assert stepped.status_code == 200
    assert phone.read("/sync").status_code == 200
    assert phone.delete("/api/v1/tokens/current").status_code == 204


def test_the_sweeps_run(district: Cast) -> None:
    district.report(at=timezone.now() - timedelta(days=30))
    in_two_months = timezone.localdate() + timedelta(days=60)
    # Reminders go out in office time.
    later = moment(calendar().add_working_days(in_two_months, 1), time(10))
    IdempotencyKey.objects.create(
        account=district.wang_fang, key="a key", route="", body_hash="", status=201, response=""
    )

    assert sweeps.remind_of_deadlines(later) > 0
    assert sweeps.acknowledge_overdue_assignments(later) == 0
    assert sweeps.resume_suspended(later) == 0
    assert sweeps.supervise_neglected(later) == 0
    assert recalculation.recalculate_provisional(later) == 0
    assert outbox.deliver_all(later) > 0
    assert not Message.objects.filter(delivered_at=None).exists()
    assert idempotency.forget_old_keys(later) == 1


def test_chains_are_anchored_and_a_case_is_anonymised(district: Cast) -> None:
    issue = district.step(
        district.report(),
        Action.RESOLVE_ON_SPOT,
        district.wang_fang,
        outcome="resolved",
        text="已复位井盖。",
    )
    district.step(issue, Action.PASS_VERIFICATION, district.zhao_min, text="属实。")
    anchors.set_anchor()
    anonymise(issue, by=district.sun_li, reason=Reason.REQUEST)

    assert Issue.objects.get().title == TITLE
    call_command("verify_chain")


# --- what it cannot do ---


@pytest.mark.parametrize("table", sorted(APPEND_ONLY))
@pytest.mark.parametrize(
    "statement", ["UPDATE {0} SET {1} = ''", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"]
)
def test_history_is_closed_to_it_even_without_the_triggers(
    district: Cast, table: str, statement: str
) -> None:
    audit.record(by=None, action="test.done", target=None)
    district.report()
    before = list(AuditEntry.objects.values()), list(IssueEvent.objects.values())
    assert all(before)

    with pgtrigger.ignore(), pytest.raises(ProgrammingError) as refused:
        execute(statement, table, APPEND_ONLY[table])

    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)
    assert (list(AuditEntry.objects.values()), list(IssueEvent.objects.values())) == before


def test_history_cannot_be_changed_through_the_orm_either(district: Cast) -> None:
    event = IssueEvent.objects.get(issue=district.report())

    with pgtrigger.ignore(), pytest.raises(ProgrammingError, match="permission denied"):
        event.save()
    with pgtrigger.ignore(), pytest.raises(ProgrammingError, match="permission denied"):
        event.delete()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE issues_issueevent DISABLE TRIGGER ALL",
        "ALTER TABLE issues_issueevent DROP COLUMN at",
        "ALTER TABLE issues_issueevent RENAME TO forgotten",
        "DROP TABLE issues_issueevent",
        "DROP SCHEMA public CASCADE",
        "TRUNCATE issues_category CASCADE",
        "CREATE TABLE mine (id int)",
        "CREATE TRIGGER mine AFTER INSERT ON issues_issueevent FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE SCHEMA mine",
        "SET session_replication_role = replica",
        "SET ROLE postgres",
        "GRANT pg_write_all_data TO CURRENT_USER",
    ],
)
def test_the_shape_of_the_database_is_closed_to_it(application: None, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refused:
        execute(statement)

    assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


def test_the_functions_behind_the_triggers_are_closed_to_it(application: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgfoid::regproc::text FROM pg_trigger"
            " WHERE tgrelid = 'issues_issueevent'::regclass AND NOT tgisinternal"
        )
        functions = [name for (name,) in cursor.fetchall()]
    assert len(functions) == 2
    for function in functions:
        with pytest.raises(ProgrammingError) as refused:
            execute(
                "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql"
                " AS 'BEGIN RETURN NEW; END'",
                function,
            )
        assert isinstance(refused.value.__cause__, psycopg.errors.InsufficientPrivilege)


# --- which roles are refused ---


def test_a_role_that_does_not_exist_is_refused(committed_db: str) -> None:
    with pytest.raises(CommandError, match="数据库角色 nobody_here 不存在"):
        call_command("grant_rights", "nobody_here")


def test_a_superuser_is_refused(committed_db: str) -> None:
    with pytest.raises(CommandError, match="角色 postgres 是超级用户"):
        call_command("grant_rights", "postgres")


@pytest.mark.parametrize(
    "possession",
    [
        "ALTER DATABASE {database} OWNER TO {role}",
        "ALTER SCHEMA public OWNER TO {role}",
        "ALTER TABLE issues_category OWNER TO {role}",
    ],
)
def test_an_owner_is_refused(role: str, committed_db: str, possession: str) -> None:
    identifiers = {"database": sql.Identifier(committed_db), "role": sql.Identifier(role)}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(possession).format(**identifiers))

    with pytest.raises(CommandError, match="应用程序须用另一个角色"):
        call_command("grant_rights", role)
    assert "issues_issueevent" not in rights(role)


def test_a_member_of_the_owner_is_refused(role: str, other_role: str, committed_db: str) -> None:
    execute("ALTER TABLE issues_issueevent OWNER TO {}", other_role)
    execute("GRANT {} TO {}", other_role, role)

    with pytest.raises(CommandError, match="应用程序须用另一个角色"):
        call_command("grant_rights", role)
    assert rights(role) == {}


@pytest.mark.parametrize(
    "detour",
    [
        "GRANT DELETE ON issues_issueevent TO PUBLIC",
        "GRANT UPDATE ON issues_issueevent TO {1}",
        "GRANT pg_write_all_data TO {1}",
    ],
)
def test_a_role_that_may_change_history_by_a_detour_is_refused(
    role: str, other_role: str, committed_db: str, detour: str
) -> None:
    execute("GRANT {1} TO {0}", role, other_role)
    execute(detour, role, other_role)

    with pytest.raises(CommandError, match="仍有权更改 .*issues_issueevent"):
        call_command("grant_rights", role)
    assert rights(role) == {}


def test_only_the_owner_can_grant(role: str, other_role: str, committed_db: str) -> None:
    with connected_as(role), pytest.raises(CommandError, match="当前连接所用的角色无权授权"):
        call_command("grant_rights", other_role)
