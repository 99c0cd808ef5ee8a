"""The 13 aspects under the four categories of the project library."""

from django.db import migrations

ASPECTS = {
    "safety": ["厂中厂整治", "群租房整治", "消防与电动车充停", "毗邻区安全联防"],
    "environment": ["停车泊位挖潜", "污水管网改造", "背街小巷与飞线"],
    "service": ["公交线路优化", "组团式服务", "服务时间优化"],
    "organisation": ["党组织与阵地", "业委会（物管会）", "新就业群体融合"],
}


def fill(apps, schema_editor):
    aspect = apps.get_model("projects", "ProjectAspect")
    aspect.objects.bulk_create(
        aspect(category=category, name=name)
        for category, names in ASPECTS.items()
        for name in names
    )


def empty(apps, schema_editor):
    apps.get_model("projects", "ProjectAspect").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("projects", "0001_schema")]

    operations = [migrations.RunPython(fill, empty)]
