"""A unit's part in cases that do not name it as their lead: what its lists are cut from."""

from __future__ import annotations

import pgtrigger
from django.db import models

from issues.orders import OPEN
from people.models import Organisation

# A trigger of the cases' own table.
REPEAT_COLUMNS = pgtrigger.Trigger(
    name="repeats_in_involvements",
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    func="""
        UPDATE issues_involvement
        SET received_at = NEW.received_at, due_at = NEW.due_at, closed_at = NEW.closed_at,
            changed_xid = NEW.changed_xid
        WHERE issue_id = NEW.id;
        RETURN NULL;
    """,
)
# A trigger of the orders to units.
INVOLVE_UNIT = pgtrigger.Trigger(
    name="involves_unit",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.UpdateOf("left_seq"),
    condition=pgtrigger.Condition("NOT NEW.is_lead OR NEW.left_seq IS NOT NULL"),
    func="""
        INSERT INTO issues_involvement
            (issue_id, unit_id, received_at, due_at, closed_at, changed_xid)
        SELECT id, NEW.unit_id, received_at, due_at, closed_at, changed_xid
        FROM issues_issue WHERE id = NEW.issue_id
        ON CONFLICT DO NOTHING;
        RETURN NULL;
    """,
)


class Involvement(models.Model):
    """A case in which a unit helps or once had a part, whatever became of its orders.

    It repeats the columns of the case by which lists are cut (``issues.orders.COLUMNS``), so that
    each list of a unit has an index of its own. Triggers keep it; nobody writes it.
    """

    pk = models.CompositePrimaryKey("issue_id", "unit_id")
    issue = models.ForeignKey(
        "issues.Issue", models.CASCADE, db_index=False, related_name="involvements"
    )
    unit = models.ForeignKey(Organisation, models.PROTECT, db_index=False, related_name="+")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    changed_xid = models.BigIntegerField()

    class Meta:
        verbose_name = "参与"
        verbose_name_plural = "参与"
        default_permissions = ()
        indexes = [
            # The lists of a unit: those that each scope of an issue has (issues.models.issue).
            models.Index(fields=["unit", "received_at", "issue"], name="involvement_received"),
            models.Index(
                fields=["unit", "received_at", "issue"], condition=OPEN, name="involvement_open"
            ),
            models.Index(
                fields=["unit", "due_at", "received_at", "issue"],
                condition=OPEN,
                name="involvement_due",
            ),
            models.Index(fields=["unit", "changed_xid", "issue"], name="involvement_changes"),
        ]

    def __str__(self) -> str:
        return f"{self.unit_id} {self.issue_id}"
