"""Entries for the cases that are there already; triggers make all others."""

from django.db import migrations

FILL = """
    INSERT INTO issues_searchentry (issue_id, body, scope)
    SELECT issue.id,
        searchable(concat_ws(' ', issue.title, issue.description,
            concat(town.name, community.name, grid.name), issue.address)),
        array_remove(ARRAY['#' || issue.district_id, '#' || issue.town_id,
            '#' || issue.community_id, '#' || issue.grid_id, '~' || issue.reporter_id], NULL)
    FROM issues_issue issue
    LEFT JOIN areas_place town ON town.id = issue.town_id
    LEFT JOIN areas_place community ON community.id = issue.community_id
    LEFT JOIN areas_place grid ON grid.id = issue.grid_id
    ORDER BY issue.id
"""


class Migration(migrations.Migration):
    dependencies = [("issues", "0010_search")]

    operations = [
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
