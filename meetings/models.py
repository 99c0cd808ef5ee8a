"""Joint meetings: the standing series of a place, its meetings, their agenda and resolutions.

Nobody writes status, positions or place columns from outside ``meetings.actions``.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from areas.models import Located, Place
from issues.choices import Lamp
from issues.models import Issue, IssueEvent, Supervision
from meetings.choices import (
    ISSUE_KINDS,
    Frequency,
    ItemKind,
    MeetingLevel,
    MeetingStatus,
    ReportStatus,
    ResolutionStatus,
)
from meetings.quarters import Quarter
from meetings.querysets import (
    MeetingQuerySet,
    QuarterlyReportQuerySet,
    ResolutionQuerySet,
    SeriesQuerySet,
)
from people.models import Organisation
from projects.models import Project


class MeetingSeries(models.Model):
    """The standing joint meeting of a district, town or community. ``level`` is the place's."""

    level = models.CharField("层级", max_length=10, choices=MeetingLevel)
    place = models.ForeignKey(
        Place, models.PROTECT, related_name="meeting_series", verbose_name="地区"
    )
    name = models.CharField("名称", max_length=60)
    frequency = models.CharField("频次", max_length=10, choices=Frequency)

    objects = SeriesQuerySet.as_manager()

    class Meta:
        verbose_name = "联席会议制度"
        verbose_name_plural = "联席会议制度"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["place", "name"],
                name="series_once_per_place",
                violation_error_message="这个地区已有同名的联席会议。",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Meeting(Located):
    """One meeting of a series. Level and place columns repeat the series' place, for scope.

    From ``countersigned_on`` on the minutes are final: what was decided can be carried out.
    """

    series = models.ForeignKey(
        MeetingSeries, models.PROTECT, related_name="meetings", verbose_name="联席会议"
    )
    title = models.CharField("会议名称", max_length=80)
    planned_on = models.DateField("计划日期")
    held_on = models.DateField("召开日期", null=True, blank=True)
    countersigned_on = models.DateField("纪要会签日期", null=True, blank=True)
    location = models.CharField("地点", max_length=80, blank=True)
    status = models.CharField(
        "状态", max_length=10, choices=MeetingStatus, default=MeetingStatus.PLANNED
    )
    version = models.PositiveIntegerField("版本", default=1)

    level = models.CharField("层级", max_length=10, choices=MeetingLevel)
    attendees = models.ManyToManyField(
        Organisation, through="MeetingAttendance", related_name="+", verbose_name="出席单位"
    )

    objects = MeetingQuerySet.as_manager()

    class Meta:
        verbose_name = "会议"
        verbose_name_plural = "会议"
        ordering = ["-planned_on", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status=MeetingStatus.HELD, held_on__isnull=False)
                | (~Q(status=MeetingStatus.HELD) & Q(held_on__isnull=True)),
                name="held_meeting_has_its_day",
            ),
            models.CheckConstraint(
                # A meeting that was not held has no day for the comparison: NULL, so said aloud.
                condition=Q(countersigned_on__isnull=True)
                | Q(held_on__isnull=False, countersigned_on__gte=F("held_on")),
                name="minutes_are_countersigned_after_the_meeting",
                violation_error_message="纪要会签日期不能早于会议召开日期。",
            ),
        ]
        indexes = [
            # The meetings of a series, and what a quarter of it holds.
            models.Index(fields=["series", "planned_on", "id"], name="meeting_of_series"),
            # The list by planned day.
            models.Index(fields=["planned_on", "id"], name="meeting_by_day"),
            # The figures: meetings held in a period, by level.
            models.Index(
                fields=["level", "held_on"],
                condition=Q(status=MeetingStatus.HELD),
                name="meeting_held_in_period",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("meetings:detail", args=[self.pk])

    @property
    def day(self) -> date:
        """The day it was held, or is to be held."""
        return self.held_on or self.planned_on


class MeetingAttendance(models.Model):
    """An organisation that took part in a meeting."""

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="attendances")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "出席"
        verbose_name_plural = "出席"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "organisation"], name="organisation_attends_once"
            ),
        ]

    def __str__(self) -> str:
        return str(self.organisation)


class Resolution(models.Model):
    """A matter decided at a meeting, with who leads it and until when.

    ``is_cross_department`` says that at least two different organisations are in it: the lead unit
    and those of ``units``, which never repeat the lead unit. ``event`` is the step by which the
    case on the agenda went on as decided; ``supervision`` the order that the platform issued on it
    when the resolution was overdue, once.
    """

    number = models.CharField("编号", max_length=14, unique=True)
    meeting = models.ForeignKey(
        Meeting, models.PROTECT, related_name="resolutions", verbose_name="会议"
    )
    agenda_item = models.ForeignKey(
        "AgendaItem",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="resolutions",
        verbose_name="议题",
    )
    text = models.TextField("议定事项", max_length=500)
    lead_unit = models.ForeignKey(
        Organisation, models.PROTECT, related_name="led_resolutions", verbose_name="牵头单位"
    )
    units = models.ManyToManyField(
        Organisation, through="ResolutionUnit", related_name="+", verbose_name="责任单位"
    )
    responsible_person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="负责人",
    )
    due_date = models.DateField("完成时限")
    is_cross_department = models.BooleanField("跨部门", default=False)
    status = models.CharField(
        "状态", max_length=10, choices=ResolutionStatus, default=ResolutionStatus.RUNNING
    )
    solved_on = models.DateField("销号日期", null=True, blank=True)
    result = models.TextField("落实情况", max_length=500, blank=True)
    event = models.OneToOneField(
        IssueEvent,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="落实到问题的办理记录",
    )
    supervision = models.OneToOneField(
        Supervision,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="逾期督办单",
    )
    version = models.PositiveIntegerField("版本", default=1)

    objects = ResolutionQuerySet.as_manager()

    class Meta:
        verbose_name = "议定事项"
        verbose_name_plural = "议定事项"
        ordering = ["due_date", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status=ResolutionStatus.SOLVED, solved_on__isnull=False)
                | Q(status=ResolutionStatus.RUNNING, solved_on__isnull=True),
                name="solved_resolution_has_its_day",
            ),
            models.CheckConstraint(
                condition=Q(event__isnull=True, supervision__isnull=True)
                | Q(agenda_item__isnull=False),
                name="what_concerns_a_case_comes_from_the_agenda",
            ),
        ]
        indexes = [
            # The list by what is due next.
            models.Index(fields=["due_date", "id"], name="resolution_due"),
            # The figures: cross-department matters solved in a period.
            models.Index(
                fields=["solved_on"],
                condition=Q(is_cross_department=True, status=ResolutionStatus.SOLVED),
                name="resolution_solved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.text}"

    def get_absolute_url(self) -> str:
        return f"{reverse('meetings:detail', args=[self.meeting_id])}#resolution-{self.pk}"

    @property
    def case(self) -> Issue | None:
        """The case on the agenda that this decides on."""
        return self.agenda_item.issue if self.agenda_item else None

    def not_yet_to_follow(self) -> str:
        """Why the case can't go on by this resolution now; empty if it can."""
        if self.event_id is not None:
            return "这项议定事项已落实到问题。"
        if self.status == ResolutionStatus.SOLVED:
            return "这项议定事项已经销号。"
        if self.meeting.countersigned_on is None:
            return "会议纪要会签后才能落实到问题。"
        return ""

    def is_late(self, today: date | None = None) -> bool:
        """Whether the due day has passed while it is still running. SQL twin: late_on()."""
        return self.status == ResolutionStatus.RUNNING and self.due_date < (
            today or timezone.localdate()
        )

    def lamp(self, today: date | None = None) -> Lamp | None:
        if self.status == ResolutionStatus.SOLVED:
            return None
        return Lamp.RED if self.is_late(today) else Lamp.GREEN


class ResolutionUnit(models.Model):
    """An organisation that carries out a resolution beside the lead unit."""

    resolution = models.ForeignKey(Resolution, models.CASCADE, related_name="resolution_units")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = "责任单位"
        verbose_name_plural = "责任单位"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["resolution", "organisation"], name="organisation_in_resolution_once"
            ),
        ]

    def __str__(self) -> str:
        return str(self.organisation)


class AgendaItem(models.Model):
    """A matter put to a meeting, and the reason why it is there.

    The kind says which of ``issue``, ``project`` and ``resolution`` it is about; a manual item has
    a title of its own instead.
    """

    meeting = models.ForeignKey(
        Meeting,
        models.PROTECT,
        related_name="items",
        db_index=False,  # item_once_per_position begins with it
    )
    position = models.PositiveSmallIntegerField("序号")
    kind = models.CharField("来源", max_length=24, choices=ItemKind)
    issue = models.ForeignKey(
        Issue, models.PROTECT, null=True, blank=True, related_name="agenda_items"
    )
    project = models.ForeignKey(
        Project, models.PROTECT, null=True, blank=True, related_name="agenda_items"
    )
    resolution = models.ForeignKey(
        Resolution, models.PROTECT, null=True, blank=True, related_name="agenda_items"
    )
    title = models.CharField("议题", max_length=100, blank=True)
    reason = models.CharField("列入理由", max_length=300)

    class Meta:
        verbose_name = "议题"
        verbose_name_plural = "议题"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["meeting", "position"], name="item_once_per_position"),
            models.UniqueConstraint(fields=["meeting", "issue"], name="issue_once_per_meeting"),
            models.UniqueConstraint(fields=["meeting", "project"], name="project_once_per_meeting"),
            models.UniqueConstraint(
                fields=["meeting", "resolution"], name="resolution_once_per_meeting"
            ),
            models.CheckConstraint(
                condition=(
                    Q(
                        kind__in=ISSUE_KINDS,
                        issue__isnull=False,
                        project__isnull=True,
                        resolution__isnull=True,
                    )
                    | Q(
                        kind=ItemKind.LATE_PROJECT,
                        issue__isnull=True,
                        project__isnull=False,
                        resolution__isnull=True,
                    )
                    | Q(
                        kind=ItemKind.UNFINISHED_RESOLUTION,
                        issue__isnull=True,
                        project__isnull=True,
                        resolution__isnull=False,
                    )
                    | (
                        Q(
                            kind=ItemKind.MANUAL,
                            issue__isnull=True,
                            project__isnull=True,
                            resolution__isnull=True,
                        )
                        & ~Q(title="")
                    )
                ),
                name="item_is_about_what_its_kind_says",
            ),
        ]

    def __str__(self) -> str:
        return self.subject_title

    @property
    def subject(self) -> Issue | Project | Resolution | None:
        """What the item is about; None for a manual one."""
        return self.issue or self.project or self.resolution

    @property
    def subject_title(self) -> str:
        if self.issue:
            return self.issue.title
        if self.project:
            return self.project.name
        return self.resolution.text if self.resolution else self.title


class QuarterlyReport(models.Model):
    """The report of a quarter to the district's joint meeting: frozen figures, and the paper.

    ``figures`` is ``meetings.report.QuarterFigures`` as JSON. Page and paper both show it, so that
    a report opened years later says what it said. ``file`` lies below MEDIA_ROOT.
    """

    quarter = models.CharField("季度", max_length=6, unique=True)
    status = models.CharField(
        "状态", max_length=10, choices=ReportStatus, default=ReportStatus.DRAFT
    )
    period_from = models.DateField("起")
    period_to = models.DateField("止")
    figures = models.JSONField("数据", encoder=DjangoJSONEncoder)
    file = models.CharField("文件", max_length=120)
    sha256 = models.CharField("文件摘要", max_length=64)
    created_at = models.DateTimeField("编制时间")
    finalised_at = models.DateTimeField("定稿时间", null=True, blank=True)
    version = models.PositiveIntegerField("版本", default=1)

    objects = QuarterlyReportQuerySet.as_manager()

    class Meta:
        verbose_name = "季度报告"
        verbose_name_plural = "季度报告"
        ordering = ["-quarter"]
        constraints = [
            models.CheckConstraint(
                condition=Q(quarter__regex=r"^20\d\dQ[1-4]$"), name="report_is_of_a_quarter"
            ),
            models.CheckConstraint(
                condition=Q(period_to__gt=F("period_from")), name="report_period_runs_forward"
            ),
            models.CheckConstraint(
                condition=Q(status=ReportStatus.FINAL, finalised_at__isnull=False)
                | Q(status=ReportStatus.DRAFT, finalised_at__isnull=True),
                name="final_report_has_its_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}报告"

    def get_absolute_url(self) -> str:
        return reverse("meetings:report", args=[self.quarter])

    @property
    def label(self) -> str:
        return Quarter.parse(self.quarter).label

    def facts(self) -> dict[str, Any]:
        return {"quarter": self.quarter, "version": self.version, "sha256": self.sha256}
