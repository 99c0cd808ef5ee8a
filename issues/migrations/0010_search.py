import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_search_functions"),
        ("areas", "0003_search"),
        ("issues", "0009_editions"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchEntry",
            fields=[
                ("body", models.TextField()),
                (
                    "scope",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), default=list, size=None
                    ),
                ),
                (
                    "issue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="issues.issue",
                    ),
                ),
            ],
            options={
                "verbose_name": "检索条目",
                "verbose_name_plural": "检索条目",
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="PlaceOfIssues",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("areas.place",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="issue",
            trigger=pgtrigger.compiler.Trigger(
                name="makes_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO issues_searchentry (issue_id, body, scope)\n    SELECT NEW.id,\n        searchable(concat_ws(' ', NEW.title, NEW.description, concat(\n            (SELECT name FROM areas_place WHERE id = NEW.town_id),\n            (SELECT name FROM areas_place WHERE id = NEW.community_id),\n            (SELECT name FROM areas_place WHERE id = NEW.grid_id)), NEW.address)),\n        array_remove(ARRAY['#' || NEW.district_id, '#' || NEW.town_id,\n            '#' || NEW.community_id, '#' || NEW.grid_id, '~' || NEW.reporter_id], NULL)\n    \n    ON CONFLICT (issue_id) DO UPDATE SET body = excluded.body, scope = excluded.scope;\n    RETURN NULL;\n",
                    hash="117c1a949f25a0662057529b413ff4c83d55c5ae",
                    operation="INSERT",
                    pgid="pgtrigger_makes_search_entry_eb9a1",
                    table="issues_issue",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="issue",
            trigger=pgtrigger.compiler.Trigger(
                name="renews_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."address" IS DISTINCT FROM (NEW."address") OR OLD."description" IS DISTINCT FROM (NEW."description") OR OLD."place_id" IS DISTINCT FROM (NEW."place_id") OR OLD."reporter_id" IS DISTINCT FROM (NEW."reporter_id") OR OLD."title" IS DISTINCT FROM (NEW."title"))',
                    func="\n    INSERT INTO issues_searchentry (issue_id, body, scope)\n    SELECT NEW.id,\n        searchable(concat_ws(' ', NEW.title, NEW.description, concat(\n            (SELECT name FROM areas_place WHERE id = NEW.town_id),\n            (SELECT name FROM areas_place WHERE id = NEW.community_id),\n            (SELECT name FROM areas_place WHERE id = NEW.grid_id)), NEW.address)),\n        array_remove(ARRAY['#' || NEW.district_id, '#' || NEW.town_id,\n            '#' || NEW.community_id, '#' || NEW.grid_id, '~' || NEW.reporter_id], NULL)\n    \n    ON CONFLICT (issue_id) DO UPDATE SET body = excluded.body, scope = excluded.scope;\n    RETURN NULL;\n",
                    hash="dea336642f9b6d0c83634bf575e473fad8339bd0",
                    operation='UPDATE OF "title", "description", "address", "place_id", "reporter_id"',
                    pgid="pgtrigger_renews_search_entry_6e9e0",
                    table="issues_issue",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="placeofissues",
            trigger=pgtrigger.compiler.Trigger(
                name="renames_in_issues_search",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."name" IS DISTINCT FROM (NEW."name"))',
                    func="\n    INSERT INTO issues_searchentry (issue_id, body, scope)\n    SELECT issue.id,\n        searchable(concat_ws(' ', issue.title, issue.description, concat(\n            (SELECT name FROM areas_place WHERE id = issue.town_id),\n            (SELECT name FROM areas_place WHERE id = issue.community_id),\n            (SELECT name FROM areas_place WHERE id = issue.grid_id)), issue.address)),\n        array_remove(ARRAY['#' || issue.district_id, '#' || issue.town_id,\n            '#' || issue.community_id, '#' || issue.grid_id, '~' || issue.reporter_id], NULL)\n    FROM issues_issue issue\n                    WHERE NEW.id IN (issue.town_id, issue.community_id, issue.grid_id)\n    ON CONFLICT (issue_id) DO UPDATE SET body = excluded.body, scope = excluded.scope;\n    RETURN NULL;\n",
                    hash="83f6acf52497f641e5b659ad37a959cf62d462a2",
                    operation='UPDATE OF "name"',
                    pgid="pgtrigger_renames_in_issues_search_75472",
                    table="areas_place",
                    when="AFTER",
                ),
            ),
        ),
    ]
