"""The limits that came with returns, contacts and orders; a district's task force edits them."""

from datetime import date

from django.db import migrations

# (step, level): working days of a normal case
NORMAL = {
    ("contact", "grid"): 1,
    ("ruling", "town"): 1,
    ("ruling", "district"): 1,
    ("supervision", "grid"): 3,
    ("supervision", "town"): 3,
    ("supervision", "district"): 5,
}

# (step, level): hours around the clock of an urgent safety case; other steps as in a normal one
SAFETY = {
    ("contact", "grid"): 2,
    ("ruling", "town"): 2,
    ("ruling", "district"): 2,
    ("supervision", "grid"): 24,
    ("supervision", "town"): 24,
    ("supervision", "district"): 24,
}

EFFECTIVE_FROM = date(2024, 1, 1)


def fill(apps, schema_editor):
    limit_model = apps.get_model("issues", "TimeLimit")
    limit_model.objects.bulk_create(
        limit_model(
            step=step,
            level=level,
            urgency=urgency,
            value=value,
            unit=unit,
            effective_from=EFFECTIVE_FROM,
        )
        for urgency, unit, limits in (("normal", "days", NORMAL), ("safety", "hours", SAFETY))
        for (step, level), value in limits.items()
    )


class Migration(migrations.Migration):
    dependencies = [("issues", "0004_side_paths")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
