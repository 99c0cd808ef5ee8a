"""Entries for the areas that are there already; triggers make all others."""

from django.db import migrations

FILL = """
    INSERT INTO areas_searchentry (area_id, body, scope)
    SELECT area.id,
        searchable(concat_ws(' ', area.code, area.name, area.summary, (
            SELECT string_agg(concat(town.name, community.name), ' ')
            FROM areas_complexarea_communities link
            JOIN areas_place community ON community.id = link.place_id
            JOIN areas_place town ON town.id = community.town_id
            WHERE link.complexarea_id = area.id
        ))),
        '{}'
    FROM areas_complexarea area
"""


class Migration(migrations.Migration):
    dependencies = [("areas", "0003_search")]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
