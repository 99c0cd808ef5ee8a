import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

# Those of the cases that are there already; triggers make all others.
FILL = """
    INSERT INTO issues_involvement
        (issue_id, unit_id, received_at, due_at, closed_at, changed_xid)
    SELECT DISTINCT issue.id, ordered.unit_id, issue.received_at, issue.due_at, issue.closed_at,
        issue.changed_xid
    FROM issues_assignment ordered
    JOIN issues_issue issue ON issue.id = ordered.issue_id
    WHERE NOT ordered.is_lead OR ordered.left_seq IS NOT NULL
"""


class Migration(migrations.Migration):
    """A unit's part in cases that others lead becomes a table that its lists are cut from."""

    dependencies = [
        ("issues", "0013_lists_by_scope"),
        ("people", "0005_editions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Involvement",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "issue_id",
                        "unit_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "issue",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="involvements",
                        to="issues.issue",
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="people.organisation",
                    ),
                ),
                ("received_at", models.DateTimeField()),
                ("due_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("changed_xid", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "参与",
                "verbose_name_plural": "参与",
                "default_permissions": (),
            },
        ),
        migrations.RemoveIndex(
            model_name="assignment",
            name="assignment_beside_the_lead",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="assignment",
            trigger=pgtrigger.compiler.Trigger(
                name="involves_unit",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT NEW.is_lead OR NEW.left_seq IS NOT NULL)",
                    func="\n        INSERT INTO issues_involvement\n            (issue_id, unit_id, received_at, due_at, closed_at, changed_xid)\n        SELECT id, NEW.unit_id, received_at, due_at, closed_at, changed_xid\n        FROM issues_issue WHERE id = NEW.issue_id\n        ON CONFLICT DO NOTHING;\n        RETURN NULL;\n    ",
                    hash="5e4acb3fd1230eeab22e0dd72087f968c1598e1b",
                    operation='INSERT OR UPDATE OF "left_seq"',
                    pgid="pgtrigger_involves_unit_e70f6",
                    table="issues_assignment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="issue",
            trigger=pgtrigger.compiler.Trigger(
                name="repeats_in_involvements",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n        UPDATE issues_involvement\n        SET received_at = NEW.received_at, due_at = NEW.due_at, closed_at = NEW.closed_at,\n            changed_xid = NEW.changed_xid\n        WHERE issue_id = NEW.id;\n        RETURN NULL;\n    ",
                    hash="33697b41953d64c86a84dd38ef1f46e87c54b87c",
                    operation="UPDATE",
                    pgid="pgtrigger_repeats_in_involvements_204c2",
                    table="issues_issue",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="involvement",
            index=models.Index(
                fields=["unit", "received_at", "issue"], name="involvement_received"
            ),
        ),
        migrations.AddIndex(
            model_name="involvement",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["unit", "received_at", "issue"],
                name="involvement_open",
            ),
        ),
        migrations.AddIndex(
            model_name="involvement",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["unit", "due_at", "received_at", "issue"],
                name="involvement_due",
            ),
        ),
        migrations.AddIndex(
            model_name="involvement",
            index=models.Index(fields=["unit", "changed_xid", "issue"], name="involvement_changes"),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
