"""Categories, and how long a step may take."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from core.models import marks_its_edition
from issues.choices import (
    Complexity,
    Level,
    LimitUnit,
    Step,
    Urgency,
    step_at,
)


class Category(models.Model):
    """What an issue is about, in two levels. Data, edited by the district's task force."""

    name = models.CharField("名称", max_length=40)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name="上级"
    )
    external_code = models.CharField("外部编码", max_length=20, blank=True)
    usual_complexity = models.CharField(
        "通常复杂程度",
        max_length=10,
        choices=Complexity,
        default=Complexity.BASIC,
        help_text="首诊时提示网格员：一般复杂以上的问题宜提级会诊。",
    )
    usual_urgency = models.CharField(
        "通常紧急程度",
        max_length=10,
        choices=Urgency,
        default=Urgency.NORMAL,
        help_text="上报时没有选择紧急程度的，按此确定。",
    )
    needs_verification = models.BooleanField(
        "当场办结也须核查", default=True, help_text="不勾选时，网格当场办结的基本问题直接结案。"
    )
    is_active = models.BooleanField("启用", default=True)

    class Meta:
        verbose_name = "问题类别"
        verbose_name_plural = "问题类别"
        ordering = ["id"]
        triggers = [marks_its_edition()]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "name"],
                nulls_distinct=False,
                name="category_once_under_its_parent",
                violation_error_message="同一上级下已有同名类别。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TimeLimit(models.Model):
    """How long a step may take. A running clock keeps the limit that it was given."""

    step = models.CharField("环节", max_length=20, choices=Step)
    level = models.CharField("层级", max_length=10, choices=Level)
    urgency = models.CharField("紧急程度", max_length=10, choices=Urgency)
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name="类别",
        help_text="留空表示适用于所有类别。",
    )
    value = models.PositiveSmallIntegerField("时限", validators=[MinValueValidator(1)])
    unit = models.CharField("单位", max_length=5, choices=LimitUnit, default=LimitUnit.DAYS)
    effective_from = models.DateField("生效日期")

    class Meta:
        verbose_name = "办理时限"
        verbose_name_plural = "办理时限"
        ordering = ["step", "level", "urgency", "effective_from"]
        triggers = [marks_its_edition()]
        constraints = [
            models.UniqueConstraint(
                fields=["step", "level", "urgency", "category", "effective_from"],
                nulls_distinct=False,
                name="one_limit_from_a_day_on",
                violation_error_message="同一生效日期已有这项时限。",
            ),
            models.CheckConstraint(condition=Q(value__gte=1), name="limit_is_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{step_at(self.level, self.step)} {self.value} {self.get_unit_display()}"
