import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_search_functions"),
        ("areas", "0003_search"),
        ("projects", "0003_origins"),
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
                    "project",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="projects.project",
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
            name="PlaceOfProjects",
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
            model_name="project",
            trigger=pgtrigger.compiler.Trigger(
                name="makes_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO projects_searchentry (project_id, body, scope)\n    SELECT NEW.id,\n        searchable(concat_ws(' ', NEW.number, NEW.name, NEW.content, NEW.target, concat(\n            (SELECT name FROM areas_place WHERE id = NEW.town_id),\n            (SELECT name FROM areas_place WHERE id = NEW.community_id),\n            (SELECT name FROM areas_place WHERE id = NEW.grid_id)))),\n        '{}'\n    \n    ON CONFLICT (project_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="45cce7db46164ac34ec9a729a758b72f3290cc3d",
                    operation="INSERT",
                    pgid="pgtrigger_makes_search_entry_81fbb",
                    table="projects_project",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="project",
            trigger=pgtrigger.compiler.Trigger(
                name="renews_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."content" IS DISTINCT FROM (NEW."content") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."place_id" IS DISTINCT FROM (NEW."place_id") OR OLD."target" IS DISTINCT FROM (NEW."target"))',
                    func="\n    INSERT INTO projects_searchentry (project_id, body, scope)\n    SELECT NEW.id,\n        searchable(concat_ws(' ', NEW.number, NEW.name, NEW.content, NEW.target, concat(\n            (SELECT name FROM areas_place WHERE id = NEW.town_id),\n            (SELECT name FROM areas_place WHERE id = NEW.community_id),\n            (SELECT name FROM areas_place WHERE id = NEW.grid_id)))),\n        '{}'\n    \n    ON CONFLICT (project_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="a5ca65026fdb5ba5ddee581e988f2b669daea040",
                    operation='UPDATE OF "number", "name", "content", "target", "place_id"',
                    pgid="pgtrigger_renews_search_entry_e34d2",
                    table="projects_project",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="placeofprojects",
            trigger=pgtrigger.compiler.Trigger(
                name="renames_in_projects_search",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."name" IS DISTINCT FROM (NEW."name"))',
                    func="\n    INSERT INTO projects_searchentry (project_id, body, scope)\n    SELECT project.id,\n        searchable(concat_ws(' ', project.number, project.name, project.content, project.target, concat(\n            (SELECT name FROM areas_place WHERE id = project.town_id),\n            (SELECT name FROM areas_place WHERE id = project.community_id),\n            (SELECT name FROM areas_place WHERE id = project.grid_id)))),\n        '{}'\n    FROM projects_project project\n            WHERE NEW.id IN (project.town_id, project.community_id, project.grid_id)\n    ON CONFLICT (project_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="1f65e9bf0be4a97201727c27654304d3bb472524",
                    operation='UPDATE OF "name"',
                    pgid="pgtrigger_renames_in_projects_search_7f84c",
                    table="areas_place",
                    when="AFTER",
                ),
            ),
        ),
    ]
