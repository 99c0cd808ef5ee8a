"""The State Council's calendars of 2024 to 2026, and 2027 as a year without one yet."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from core.workdays import official_days

PUBLISHED = (2024, 2025, 2026)
UNPUBLISHED = 2027


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    CalendarYear = apps.get_model("core", "CalendarYear")
    WorkDay = apps.get_model("core", "WorkDay")
    for year in PUBLISHED:
        notice = f"国务院办公厅关于{year}年部分节假日安排的通知"
        CalendarYear.objects.create(year=year, published=True, notice=notice)
        WorkDay.objects.bulk_create(
            WorkDay(date=day, is_working=is_working, name=name)
            for day, is_working, name in official_days(year)
        )
    CalendarYear.objects.create(year=UNPUBLISHED, published=False)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_schema")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
