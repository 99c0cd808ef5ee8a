"""Clocks of a case and what they did not count."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from issues.choices import (
    ClockKind,
    Lamp,
    Level,
    LimitUnit,
    PauseKind,
    Step,
    Verdict,
)
from issues.models.issue import Assignment, Issue, lamp
from issues.querysets import ClockQuerySet


class Clock(models.Model):
    """A running or stopped limit. Pauses are rows of their own; a limit never overwrites them.

    ``yellow_at`` and ``due_at`` are set when the clock starts or moves; a lamp is their comparison
    with now. ``next_reminder_at`` is when the sweep has to look at it again.
    """

    # clock_of_issue begins with it
    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="clocks")
    kind = models.CharField("种类", max_length=8, choices=ClockKind)
    step = models.CharField("环节", max_length=20, choices=Step)
    level = models.CharField("层级", max_length=10, choices=Level)
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, null=True, blank=True, related_name="clocks"
    )
    round = models.PositiveSmallIntegerField("轮次", default=1)
    limit_value = models.PositiveSmallIntegerField("时限")
    limit_unit = models.CharField("单位", max_length=5, choices=LimitUnit)
    started_at = models.DateTimeField("开始")
    yellow_at = models.DateTimeField("临期")
    due_at = models.DateTimeField("到期")
    is_provisional = models.BooleanField("暂定", default=False)
    # While it stands still; the interval becomes a ClockPause when it goes on.
    paused_at = models.DateTimeField("停表", null=True, blank=True)
    pause_kind = models.CharField("停表原因", max_length=12, choices=PauseKind, blank=True)
    ended_at = models.DateTimeField("停止", null=True, blank=True)
    verdict = models.CharField("结论", max_length=10, choices=Verdict, blank=True)
    next_reminder_at = models.DateTimeField(null=True, blank=True)

    objects = ClockQuerySet.as_manager()

    class Meta:
        verbose_name = "时钟"
        verbose_name_plural = "时钟"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issue", "kind"],
                condition=Q(
                    ended_at__isnull=True,
                    paused_at__isnull=True,
                    kind__in=[ClockKind.OVERALL, ClockKind.STEP],
                ),
                name="one_overall_and_one_step_clock_run",
            ),
            models.UniqueConstraint(
                fields=["assignment"],
                condition=Q(ended_at__isnull=True, kind=ClockKind.CO_UNIT),
                name="one_clock_runs_per_co_unit",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, verdict="")
                | Q(ended_at__isnull=False) & ~Q(verdict=""),
                name="a_stopped_clock_has_a_verdict",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, paused_at__isnull=True)
                | Q(next_reminder_at__isnull=True),
                name="a_stopped_clock_reminds_nobody",
            ),
            models.CheckConstraint(
                condition=Q(paused_at__isnull=True, pause_kind="")
                | Q(paused_at__isnull=False, ended_at__isnull=True) & ~Q(pause_kind=""),
                name="a_paused_clock_has_a_cause_and_runs_on",
            ),
        ]
        indexes = [
            # The clocks of one case (Case.load, detail page).
            models.Index(fields=["issue", "id"], name="clock_of_issue"),
            # The reminder sweep.
            models.Index(
                fields=["next_reminder_at", "id"],
                condition=Q(next_reminder_at__isnull=False),
                name="clock_reminders",
            ),
            # Dates to recompute when a year's calendar is published.
            models.Index(
                fields=["due_at"],
                condition=Q(is_provisional=True, ended_at__isnull=True),
                name="clock_provisional",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_step_display()} {self.limit_value} {self.get_limit_unit_display()}"

    def lamp(self, now: datetime | None = None) -> Lamp | None:
        if self.paused_at:
            return Lamp.GREY
        return None if self.ended_at else lamp(self.yellow_at, self.due_at, now or timezone.now())


class ClockPause(models.Model):
    """An interval that did not count. Written when it is over, and never changed."""

    clock = models.ForeignKey(Clock, models.PROTECT, related_name="pauses")
    kind = models.CharField("种类", max_length=12, choices=PauseKind)
    started_at = models.DateTimeField("开始")
    ended_at = models.DateTimeField("结束")

    class Meta:
        verbose_name = "停表"
        verbose_name_plural = "停表"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("started_at")),
                name="pause_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
