"""The audit trail can be added to, and nothing else, whoever asks the database."""

import pytest
from django.db import DatabaseError, connection, transaction

from core import audit
from core.models import AuditEntry
from people.models import User


@pytest.fixture
def entry(wang: User) -> AuditEntry:
    return audit.record(by=wang, action="test.done", target=wang, detail={"count": 3})


def test_an_entry_says_who_did_what_to_which_row(entry: AuditEntry, wang: User) -> None:
    entry.refresh_from_db()
    assert entry.actor == wang
    assert (entry.target_type, entry.target_id) == ("people.user", str(wang.pk))
    assert entry.detail == {"count": 3}


def test_the_system_and_no_row_at_all_can_be_recorded(db: None) -> None:
    entry = audit.record(by=None, action="test.swept", target=None)
    assert (entry.actor, entry.target_type, entry.target_id) == (None, "", "")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditentry SET action = 'test.undone'",
        "DELETE FROM core_auditentry",
        "TRUNCATE core_auditentry",
        "TRUNCATE core_auditentry CASCADE",
    ],
)
def test_the_database_refuses_to_change_delete_or_truncate(
    entry: AuditEntry, statement: str
) -> None:
    with connection.cursor() as cursor:
        # Else TRUNCATE is refused for the foreign key that waits to be checked, and proves nothing.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)
    assert AuditEntry.objects.get().action == "test.done"


def test_the_orm_is_refused_as_well(entry: AuditEntry) -> None:
    entry.action = "test.undone"
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        entry.delete()
    assert AuditEntry.objects.get().action == "test.done"
