"""Entries for the projects that are there already; triggers make all others."""

from django.db import migrations

FILL = """
    INSERT INTO projects_searchentry (project_id, body, scope)
    SELECT project.id,
        searchable(concat_ws(' ', project.number, project.name, project.content, project.target,
            concat(town.name, community.name, grid.name))),
        '{}'
    FROM projects_project project
    LEFT JOIN areas_place town ON town.id = project.town_id
    LEFT JOIN areas_place community ON community.id = project.community_id
    LEFT JOIN areas_place grid ON grid.id = project.grid_id
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0004_search")]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
