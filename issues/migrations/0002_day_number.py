"""The sequence behind case numbers. It wraps at 99,999, so a day may bring that many cases."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("issues", "0001_schema")]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE issues_day_number AS integer MAXVALUE 99999 CYCLE",
            "DROP SEQUENCE issues_day_number",
        ),
    ]
