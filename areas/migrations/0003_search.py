import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0006_search_functions"),
        ("areas", "0002_editions"),
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
                    "area",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_entry",
                        serialize=False,
                        to="areas.complexarea",
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
            name="AreaCommunity",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("areas.complexarea_communities",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="complexarea",
            trigger=pgtrigger.compiler.Trigger(
                name="makes_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO areas_searchentry (area_id, body, scope)\n    SELECT area.id,\n        searchable(concat_ws(' ', area.code, area.name, area.summary, (\n            SELECT string_agg(concat(town.name, community.name), ' ')\n            FROM areas_complexarea_communities link\n            JOIN areas_place community ON community.id = link.place_id\n            JOIN areas_place town ON town.id = community.town_id\n            WHERE link.complexarea_id = area.id\n        ))),\n        '{}'\n    FROM areas_complexarea area\n    WHERE area.id = NEW.id\n    ON CONFLICT (area_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="a5105178dd0d229c116aeb1e5dae991c4829048a",
                    operation="INSERT",
                    pgid="pgtrigger_makes_search_entry_ce1d7",
                    table="areas_complexarea",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="complexarea",
            trigger=pgtrigger.compiler.Trigger(
                name="renews_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."code" IS DISTINCT FROM (NEW."code") OR OLD."name" IS DISTINCT FROM (NEW."name") OR OLD."summary" IS DISTINCT FROM (NEW."summary"))',
                    func="\n    INSERT INTO areas_searchentry (area_id, body, scope)\n    SELECT area.id,\n        searchable(concat_ws(' ', area.code, area.name, area.summary, (\n            SELECT string_agg(concat(town.name, community.name), ' ')\n            FROM areas_complexarea_communities link\n            JOIN areas_place community ON community.id = link.place_id\n            JOIN areas_place town ON town.id = community.town_id\n            WHERE link.complexarea_id = area.id\n        ))),\n        '{}'\n    FROM areas_complexarea area\n    WHERE area.id = NEW.id\n    ON CONFLICT (area_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="1b36193493b15ccc24e37720bb25173f7d2a245d",
                    operation='UPDATE OF "code", "name", "summary"',
                    pgid="pgtrigger_renews_search_entry_2a742",
                    table="areas_complexarea",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="place",
            trigger=pgtrigger.compiler.Trigger(
                name="renames_in_areas_search",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."name" IS DISTINCT FROM (NEW."name"))',
                    func="\n    INSERT INTO areas_searchentry (area_id, body, scope)\n    SELECT area.id,\n        searchable(concat_ws(' ', area.code, area.name, area.summary, (\n            SELECT string_agg(concat(town.name, community.name), ' ')\n            FROM areas_complexarea_communities link\n            JOIN areas_place community ON community.id = link.place_id\n            JOIN areas_place town ON town.id = community.town_id\n            WHERE link.complexarea_id = area.id\n        ))),\n        '{}'\n    FROM areas_complexarea area\n    WHERE area.id IN (\n                SELECT link.complexarea_id\n                FROM areas_complexarea_communities link\n                JOIN areas_place community ON community.id = link.place_id\n                WHERE NEW.id IN (community.id, community.town_id)\n            )\n    ON CONFLICT (area_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="b0634ecb014ea59777e353bd12ef7aceb9b22c11",
                    operation='UPDATE OF "name"',
                    pgid="pgtrigger_renames_in_areas_search_cb220",
                    table="areas_place",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="areacommunity",
            trigger=pgtrigger.compiler.Trigger(
                name="renews_search_entry",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n    INSERT INTO areas_searchentry (area_id, body, scope)\n    SELECT area.id,\n        searchable(concat_ws(' ', area.code, area.name, area.summary, (\n            SELECT string_agg(concat(town.name, community.name), ' ')\n            FROM areas_complexarea_communities link\n            JOIN areas_place community ON community.id = link.place_id\n            JOIN areas_place town ON town.id = community.town_id\n            WHERE link.complexarea_id = area.id\n        ))),\n        '{}'\n    FROM areas_complexarea area\n    WHERE area.id IN (OLD.complexarea_id, NEW.complexarea_id)\n    ON CONFLICT (area_id) DO UPDATE SET body = excluded.body;\n    RETURN NULL;\n",
                    hash="dd7cf43e7c68631e415bc91b164592eaf742fae1",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_renews_search_entry_ffd6a",
                    table="areas_complexarea_communities",
                    when="AFTER",
                ),
            ),
        ),
    ]
