"""The categories and time limits that a district starts with; its task force edits them."""

from datetime import date

from django.db import migrations

CATEGORIES = {
    "环境": ["市容环境", "环境提升", "污水管网", "垃圾清运"],
    "建设": ["道路设施", "停车交通", "公共设施", "违法建设"],
    "安全": ["消防安全", "厂中厂隐患", "群租房隐患", "电动车充停"],
    "服务": ["公共服务", "公交出行", "物业服务", "为老助残"],
    "治安": ["治安隐患", "噪声扰民"],
    "矛盾纠纷": ["邻里纠纷", "物业纠纷", "劳资纠纷"],
}

# (step, level): working days of a normal case
NORMAL = {
    ("diagnosis", "grid"): 1,
    ("grid_handling", "grid"): 3,
    ("triage", "town"): 1,
    ("triage", "district"): 3,
    ("acknowledgement", "town"): 1,
    ("acknowledgement", "district"): 1,
    ("handling", "town"): 7,
    ("handling", "district"): 15,
    ("verification", "grid"): 2,
    ("verification", "town"): 2,
    ("verification", "district"): 2,
    ("revisit", "grid"): 3,
    ("revisit", "town"): 3,
    ("revisit", "district"): 3,
    ("overall", "grid"): 5,
    ("overall", "town"): 10,
    ("overall", "district"): 20,
}

# (step, level): hours around the clock of an urgent safety case; other steps as in a normal one
SAFETY = {
    ("diagnosis", "grid"): 2,
    ("grid_handling", "grid"): 24,
    ("triage", "town"): 2,
    ("triage", "district"): 2,
    ("acknowledgement", "town"): 2,
    ("acknowledgement", "district"): 2,
    ("handling", "town"): 24,
    ("handling", "district"): 24,
    ("overall", "grid"): 26,
    ("overall", "town"): 48,
    ("overall", "district"): 72,
}

EFFECTIVE_FROM = date(2024, 1, 1)


def fill(apps, schema_editor):
    category_model = apps.get_model("issues", "Category")
    for name, children in CATEGORIES.items():
        parent = category_model.objects.create(name=name)
        category_model.objects.bulk_create(
            category_model(name=child, parent=parent) for child in children
        )
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
    dependencies = [("issues", "0002_day_number")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
