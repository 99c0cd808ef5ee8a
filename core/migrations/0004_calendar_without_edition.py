from django.db import migrations


class Migration(migrations.Migration):
    """The mark of a year gave way to those of whole tables (core.kept)."""

    dependencies = [
        ("core", "0003_editions"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="calendaryear",
            name="edition",
        ),
    ]
