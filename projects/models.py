"""Key projects with their five elements, and how far they have come.

Nobody writes status, percent, lamp or place columns from outside ``projects.actions``.
"""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from areas.models import ComplexArea, Located, Place
from core.search import SearchEntry as Entry
from issues.choices import Lamp
from issues.models import Issue, IssueEvent
from people.models import Organisation
from projects import lamps, search
from projects.choices import FIVE_ELEMENTS, Category, Status
from projects.querysets import ProjectQuerySet


class ProjectAspect(models.Model):
    """One of the aspects (方面) under the four categories of the project library. Data."""

    category = models.CharField("类别", max_length=12, choices=Category)
    name = models.CharField("方面", max_length=30, unique=True)
    is_active = models.BooleanField("启用", default=True)

    class Meta:
        verbose_name = "项目方面"
        verbose_name_plural = "项目方面"
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Project(Located):
    """A key project. A draft may lack elements; from publication on the database asks for all five.

    The category is the aspect's. ``published_on`` starts the project's time; ``yellow_on`` is when
    its lamp turns yellow at the present progress (projects.lamps). Days are those of Shanghai.
    """

    number = models.CharField("编号", max_length=14, unique=True)
    name = models.CharField("项目名称", max_length=80)
    aspect = models.ForeignKey(ProjectAspect, models.PROTECT, verbose_name="方面")
    year = models.PositiveSmallIntegerField("年度")

    content = models.TextField("项目内容", max_length=2000, blank=True)
    lead_department = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="led_projects",
        verbose_name="牵头部门",
    )
    responsible_unit = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name="责任单位",
    )
    project_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="owned_projects",
        verbose_name="项目负责人",
    )
    due_date = models.DateField("完成时限", null=True, blank=True)
    target = models.CharField("量化目标", max_length=200, blank=True)

    area = models.ForeignKey(
        ComplexArea,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="projects",
        verbose_name="复杂区域",
    )

    status = models.CharField("状态", max_length=10, choices=Status, default=Status.DRAFT)
    percent = models.PositiveSmallIntegerField("完成率", default=0)
    published_on = models.DateField("发布日期", null=True, blank=True)
    yellow_on = models.DateField("亮黄灯日期", null=True, blank=True)
    completed_on = models.DateField("完成日期", null=True, blank=True)
    version = models.PositiveIntegerField("版本", default=1)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        verbose_name = "攻坚项目"
        verbose_name_plural = "攻坚项目"
        ordering = ["due_date", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status=Status.DRAFT)
                | (
                    ~Q(content="")
                    & Q(
                        lead_department__isnull=False,
                        responsible_unit__isnull=False,
                        project_owner__isnull=False,
                        due_date__isnull=False,
                    )
                ),
                name="published_project_has_five_elements",
                violation_error_message="五要素齐全才能发布。",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.DRAFT, published_on__isnull=True, yellow_on__isnull=True)
                | (
                    ~Q(status=Status.DRAFT)
                    & Q(published_on__isnull=False, yellow_on__isnull=False)
                    & Q(due_date__gt=F("published_on"))
                ),
                name="published_project_has_time_to_run",
                violation_error_message="完成时限须晚于发布日期。",
            ),
            models.CheckConstraint(
                # Without the second line a missing day would pass: NULL is not false to a CHECK.
                condition=Q(status=Status.DONE, percent=100, completed_on__gte=F("published_on"))
                & Q(completed_on__isnull=False)
                | (~Q(status=Status.DONE) & Q(completed_on__isnull=True)),
                name="done_project_has_a_day_of_completion",
                violation_error_message="完成日期不能早于发布日期。",
            ),
            models.CheckConstraint(
                condition=Q(percent__range=(0, 100)),
                name="project_percent_is_a_share",
                violation_error_message="完成率应在 0 至 100 之间。",
            ),
            models.CheckConstraint(
                condition=Q(year__range=(2000, 2100)),
                name="project_year_is_plausible",
                violation_error_message="年度须在 2000 至 2100 之间。",
            ),
        ]
        indexes = [
            # The lists of the district and of a town by what is due next; also visible_to.
            models.Index(fields=["district", "due_date", "id"], name="project_district_due"),
            models.Index(fields=["town", "due_date", "id"], name="project_town_due"),
            # The list by due date in any other scope.
            models.Index(fields=["due_date", "id"], name="project_due"),
        ]
        triggers = [*search.OF_PROJECT]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    def get_absolute_url(self) -> str:
        return reverse("projects:detail", args=[self.pk])

    @property
    def category_label(self) -> str:
        return self.aspect.get_category_display()

    def missing_elements(self) -> list[str]:
        """The names of the elements that are still empty, in their usual order."""
        return [name for field, name in FIVE_ELEMENTS.items() if not getattr(self, field)]

    def set_percent(self, percent: int) -> None:
        """Set how far the published project has come, and with it when its lamp turns yellow."""
        self.percent = percent
        if self.published_on and self.due_date:
            self.yellow_on = lamps.yellow_on(self.published_on, self.due_date, percent)

    def lamp(self, today: date | None = None) -> Lamp | None:
        """The lamp of a running project, None for a draft or a done one. SQL twin: with_lamp()."""
        if self.status != Status.PUBLISHED:
            return None
        return lamps.lamp(self.yellow_on, self.due_date, today or timezone.localdate())


class PlaceOfProjects(Place):
    """A place as the search for projects knows it: by its name."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [*search.OF_PLACE]


class SearchEntry(Entry):
    project = models.OneToOneField(
        Project, models.CASCADE, primary_key=True, related_name="search_entry"
    )

    class Meta(Entry.Meta):
        verbose_name = "检索条目"
        verbose_name_plural = "检索条目"

    def __str__(self) -> str:
        return str(self.project_id)


class ProjectOrigin(models.Model):
    """A case that was turned into a project, and the step by which it was."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="origins")
    issue = models.OneToOneField(
        Issue, models.PROTECT, related_name="project_origin", verbose_name="来源问题"
    )
    event = models.OneToOneField(
        IssueEvent, models.PROTECT, related_name="+", verbose_name="办理记录"
    )

    class Meta:
        verbose_name = "来源问题"
        verbose_name_plural = "来源问题"
        ordering = ["id"]

    def __str__(self) -> str:
        return str(self.issue)


class ProjectProgress(models.Model):
    """One report of how far a project has come. ``percent`` is that of the whole project."""

    project = models.ForeignKey(
        Project,
        models.PROTECT,
        related_name="progress",
        db_index=False,  # progress_of_project begins with it
    )
    at = models.DateTimeField("时间")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="填报人"
    )
    percent = models.PositiveSmallIntegerField(
        "完成率", validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    text = models.TextField("进展情况", max_length=1000)

    class Meta:
        verbose_name = "项目进展"
        verbose_name_plural = "项目进展"
        ordering = ["at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(percent__range=(0, 100)), name="progress_percent_is_a_share"
            ),
        ]
        indexes = [
            # The timeline of one project.
            models.Index(fields=["project", "at", "id"], name="progress_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.percent}% {self.text}"
