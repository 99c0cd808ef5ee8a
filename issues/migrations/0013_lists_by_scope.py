import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Each scope of a person gets its own indexes for each list (docs/adr/0017)."""

    dependencies = [
        ("areas", "0005_search_index"),
        ("issues", "0012_search_index"),
        ("people", "0005_editions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="assignment",
            name="assignment_of_unit",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_town_due",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_district_due",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_town_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_dist_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_comm_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_grid_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_own_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_area_received",
        ),
        migrations.RemoveIndex(
            model_name="issue",
            name="issue_like_nearby",
        ),
        migrations.AlterField(
            model_name="assignment",
            name="unit",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.organisation",
                verbose_name="单位",
            ),
        ),
        migrations.AlterField(
            model_name="issue",
            name="category",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="issues.category",
                verbose_name="类别",
            ),
        ),
        migrations.AlterField(
            model_name="issue",
            name="lead_unit",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="people.organisation",
                verbose_name="主办单位",
            ),
        ),
        migrations.AlterField(
            model_name="issue",
            name="master",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="duplicates",
                to="issues.issue",
                verbose_name="并入",
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(
                    ("is_lead", False), ("left_seq__isnull", False), _connector="OR"
                ),
                fields=["unit", "issue"],
                name="assignment_beside_the_lead",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["district", "received_at", "id"], name="issue_district_received"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["district", "received_at", "id"],
                name="issue_district_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["district", "due_at", "received_at", "id"],
                name="issue_district_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(fields=["town", "received_at", "id"], name="issue_town_received"),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["town", "received_at", "id"],
                name="issue_town_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["town", "due_at", "received_at", "id"],
                name="issue_town_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["community", "received_at", "id"], name="issue_community_received"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["community", "received_at", "id"],
                name="issue_community_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["community", "due_at", "received_at", "id"],
                name="issue_community_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(fields=["grid", "received_at", "id"], name="issue_grid_received"),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["grid", "received_at", "id"],
                name="issue_grid_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["grid", "due_at", "received_at", "id"],
                name="issue_grid_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["lead_unit", "received_at", "id"], name="issue_lead_unit_received"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["lead_unit", "received_at", "id"],
                name="issue_lead_unit_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["lead_unit", "due_at", "received_at", "id"],
                name="issue_lead_unit_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["reporter", "received_at", "id"], name="issue_reporter_received"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["reporter", "received_at", "id"],
                name="issue_reporter_open",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["reporter", "due_at", "received_at", "id"],
                name="issue_reporter_due",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["district", "status", "due_at", "received_at", "id"],
                name="issue_district_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["district", "status", "received_at", "id"],
                name="issue_district_arrived",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["town", "status", "due_at", "received_at", "id"],
                name="issue_town_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", True)),
                fields=["town", "status", "received_at", "id"],
                name="issue_town_arrived",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["community", "changed_xid", "id"], name="issue_community_changes"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(fields=["grid", "changed_xid", "id"], name="issue_grid_changes"),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["lead_unit", "changed_xid", "id"], name="issue_lead_unit_changes"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                fields=["reporter", "changed_xid", "id"], name="issue_reporter_changes"
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("area__isnull", False)),
                fields=["area", "received_at", "id"],
                name="issue_area_received",
            ),
        ),
        migrations.AddIndex(
            model_name="issue",
            index=models.Index(
                condition=models.Q(("master__isnull", False)),
                fields=["master"],
                name="issue_duplicates",
            ),
        ),
    ]
