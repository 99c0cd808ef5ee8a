from django.contrib.postgres.indexes import GinIndex
from django.db import migrations

from core.search import Keys


class Migration(migrations.Migration):
    """After the entries: an index over what is there is built ten times as fast."""

    dependencies = [("projects", "0005_search_entries")]

    operations = [
        migrations.AddIndex(
            model_name="searchentry",
            index=GinIndex(
                Keys(), fastupdate=True, gin_pending_list_limit=512, name="projects_search_keys"
            ),
        ),
    ]
