"""The figures that the projects answer for. Each counts rows, and can lead to them."""

from __future__ import annotations

from core.choices import PeriodKind
from core.metrics import Metric, exact, fraction, percent
from projects.choices import Status
from projects.models import Project

PUBLISHED = Metric(
    code="projects_published",
    name="攻坚项目",
    article="26个",
    definition="截至统计日已发布的攻坚项目，不含草稿",
    period_kind=PeriodKind.AS_OF,
    numerator=lambda period: Project.objects.published_by(period.last),
    display=exact("个"),
    rows_url=lambda period: "/projects/?status=all",
)
FIVE_ELEMENTS = Metric(
    code="projects_with_five_elements",
    name="五要素齐全的攻坚项目",
    article="26/26",
    definition="五要素（项目内容、牵头部门、责任单位、项目负责人、完成时限）齐全的已发布项目／已发布项目",
    period_kind=PeriodKind.AS_OF,
    numerator=lambda period: Project.objects.published_by(period.last).with_five_elements(),
    denominator=lambda period: Project.objects.published_by(period.last),
    display=fraction,
    rows_url=lambda period: "/projects/?status=all",
)
COMPLETED = Metric(
    code="projects_completed",
    name="期内验收完成的攻坚项目",
    definition="完成日期在期内、已经专班验收的项目",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: Project.objects.filter(period.dates("completed_on")),
    display=exact("个"),
    rows_url=lambda period: f"/projects/?status={Status.DONE}",
)
COMPLETION_RATE = Metric(
    code="projects_completion_rate",
    name="攻坚项目完成率",
    definition="截至期末已验收完成的项目／截至期末已发布的项目",
    period_kind=PeriodKind.AS_OF,
    numerator=lambda period: Project.objects.published_by(period.last).filter(
        completed_on__lte=period.last
    ),
    denominator=lambda period: Project.objects.published_by(period.last),
    display=percent,
    rows_url=lambda period: f"/projects/?status={Status.DONE}",
)
LATE = Metric(
    code="projects_late",
    name="超期攻坚项目",
    definition="期末完成时限已过而未验收完成的项目（红灯）",
    period_kind=PeriodKind.AS_OF,
    numerator=lambda period: Project.objects.late_on(period.last),
    display=exact("个"),
    rows_url=lambda period: "/projects/?lamp=red",
)

METRICS = (PUBLISHED, FIVE_ELEMENTS, COMPLETED, COMPLETION_RATE, LATE)
