"""What stands beside a case: approvals, rulings, supervision orders, leaders' instructions.

None of them is a status: a case is handled while somebody decides on its extension or watches over
it. The words of each lie in the event of the step by which it came.
"""

from __future__ import annotations

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from areas.models import Place
from issues.choices import (
    ApprovalKind,
    Decider,
    Decision,
    Grade,
    Level,
    Respondent,
    RulingKind,
    SupervisionCause,
)
from issues.models.clocks import Clock
from issues.models.issue import Issue
from issues.models.limits import Category
from people.models import Organisation


class Approval(models.Model):
    """Something asked that somebody else has to decide: a return, an extension, a suspension …

    While ``decision`` is empty it is pending; it lapses when the case moves on without one. The due
    dates of an approved extension are kept as they were before and after.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="approvals")
    kind = models.CharField("事项", max_length=12, choices=ApprovalKind)
    asked_of = models.CharField("由谁审批", max_length=16, choices=Decider)
    nth = models.PositiveSmallIntegerField("第几次")
    round = models.PositiveSmallIntegerField("轮次", default=1)
    reason = models.CharField("原因", max_length=20, blank=True)
    until = models.DateField("申请至", null=True, blank=True)
    unit = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # nothing is looked up by it
        related_name="+",
        verbose_name="申请单位",
    )
    asked_at = models.DateTimeField("申请时间")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        db_index=False,
        related_name="+",
        verbose_name="申请人",
    )
    asked_seq = models.PositiveIntegerField()
    decision = models.CharField("审批结果", max_length=10, choices=Decision, blank=True)
    decided_at = models.DateTimeField("审批时间", null=True, blank=True)
    decided_seq = models.PositiveIntegerField(null=True, blank=True)
    old_due_at = models.DateTimeField("原到期", null=True, blank=True)
    new_due_at = models.DateTimeField("新到期", null=True, blank=True)
    old_overall_due_at = models.DateTimeField("原总到期", null=True, blank=True)
    new_overall_due_at = models.DateTimeField("新总到期", null=True, blank=True)

    class Meta:
        verbose_name = "审批"
        verbose_name_plural = "审批"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issue", "kind"],
                condition=Q(decision=""),
                name="one_pending_approval_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(decision="", decided_at__isnull=True)
                | ~Q(decision="") & Q(decided_at__isnull=False),
                name="a_decision_has_its_time",
            ),
        ]
        indexes = [
            # The approvals of one case (Case.load, detail page).
            models.Index(fields=["issue", "id"], name="approval_of_issue"),
            # What waits for a decision (waiting_for, the desk).
            models.Index(
                fields=["kind", "asked_of", "issue"],
                condition=Q(decision=""),
                name="approval_pending",
            ),
            # The rates of a period (metrics).
            models.Index(fields=["kind", "asked_at"], name="approval_asked_in_period"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}申请（第 {self.nth} 次）"

    @property
    def is_pending(self) -> bool:
        return not self.decision


class Ruling(models.Model):
    """A decision on whose duty a matter is: the 裁定库, proposed when a like case is dispatched."""

    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="rulings")
    seq = models.PositiveIntegerField("办理记录序号")
    at = models.DateTimeField("时间")
    kind = models.CharField("结论", max_length=16, choices=RulingKind)
    level = models.CharField("层级", max_length=10, choices=Level)
    category = models.ForeignKey(
        Category, models.PROTECT, db_index=False, related_name="+", verbose_name="类别"
    )
    district = models.ForeignKey(Place, models.PROTECT, db_index=False, related_name="+")
    town = models.ForeignKey(
        Place, models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    from_unit = models.ForeignKey(
        Organisation, models.PROTECT, db_index=False, related_name="+", verbose_name="提出单位"
    )
    unit = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        verbose_name="确定的主办单位",
    )

    class Meta:
        verbose_name = "裁定"
        verbose_name_plural = "裁定"
        ordering = ["-at", "-id"]
        indexes = [
            # The rulings of one case (detail page, paper).
            models.Index(fields=["issue", "seq"], name="ruling_of_issue"),
            # Like cases at the next dispatch: newest first.
            models.Index(fields=["category", "district", "-at", "-id"], name="ruling_precedents"),
            # The 裁定库 of a district, newest first.
            models.Index(fields=["district", "-at", "-id"], name="ruling_in_district"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}：{self.unit or self.from_unit}"


class Supervision(models.Model):
    """An order to act, with its number, grade and limit. Its clock never extends the case's."""

    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="supervisions")
    clock = models.OneToOneField(Clock, models.PROTECT, related_name="supervision")
    district = models.ForeignKey(Place, models.PROTECT, db_index=False, related_name="+")
    year = models.PositiveSmallIntegerField("年份")
    serial = models.PositiveIntegerField("序号")
    grade = models.CharField("督办等级", max_length=10, choices=Grade)
    cause = models.CharField("事由", max_length=20, choices=SupervisionCause)
    issued_at = models.DateTimeField("发出时间")
    issued_seq = models.PositiveIntegerField()
    answered_at = models.DateTimeField("反馈时间", null=True, blank=True)
    answered_seq = models.PositiveIntegerField(null=True, blank=True)
    struck_off_at = models.DateTimeField("销号时间", null=True, blank=True)
    struck_off_seq = models.PositiveIntegerField(null=True, blank=True)
    is_automatic_end = models.BooleanField("随结案销号", default=False)

    class Meta:
        verbose_name = "督办单"
        verbose_name_plural = "督办单"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["district", "year", "serial"], name="supervision_number_once_a_year"
            ),
            models.CheckConstraint(
                condition=Q(struck_off_at__isnull=True) | Q(struck_off_at__gte=F("issued_at")),
                name="supervision_ends_after_it_starts",
            ),
        ]
        indexes = [
            # The orders of one case (Case.load, detail page).
            models.Index(fields=["issue", "id"], name="supervision_of_issue"),
            # The supervisor's list, and the sweep that looks for open orders.
            models.Index(
                fields=["district", "issued_at", "id"],
                condition=Q(struck_off_at__isnull=True),
                name="supervision_open",
            ),
            # 督办销号率 of a period.
            models.Index(fields=["issued_at"], name="supervision_issued_in_period"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"督〔{self.year}〕第{self.serial}号"

    @property
    def is_open(self) -> bool:
        return self.struck_off_at is None


class SupervisionSerial(models.Model):
    """The last number of a year's supervision orders in a district; counted without gaps."""

    district = models.ForeignKey(Place, models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField()

    class Meta:
        verbose_name = "督办单编号"
        verbose_name_plural = "督办单编号"
        constraints = [
            models.UniqueConstraint(fields=["district", "year"], name="one_serial_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.year}：{self.last}"


class Instruction(models.Model):
    """What a leader wrote on a case (领导批示), by when it is to be answered, and by whom."""

    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="instructions")
    clock = models.OneToOneField(Clock, models.PROTECT, related_name="instruction")
    leader_name = models.CharField("批示领导", max_length=30)
    respondent = models.CharField("由谁反馈", max_length=12, choices=Respondent)
    at = models.DateTimeField("批示时间")
    seq = models.PositiveIntegerField("办理记录序号")
    answered_at = models.DateTimeField("反馈时间", null=True, blank=True)
    answered_seq = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "领导批示"
        verbose_name_plural = "领导批示"
        ordering = ["id"]
        indexes = [
            # The instructions on one case (Case.load, detail page).
            models.Index(fields=["issue", "id"], name="instruction_on_issue"),
            # What still waits for an answer (waiting_for).
            models.Index(
                fields=["issue"],
                condition=Q(answered_at__isnull=True),
                name="instruction_unanswered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.leader_name}批示"


class Relocation(models.Model):
    """A case's place was corrected: those who saw it at the old place have to forget it.

    Delta sync reads it; ``changed_xid`` is the transaction that wrote it, as on the issue.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="relocations")
    from_place = models.ForeignKey(Place, models.PROTECT, db_index=False, related_name="+")
    at = models.DateTimeField("时间")
    changed_xid = models.BigIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "改动地点"
        verbose_name_plural = "改动地点"
        ordering = ["id"]
        indexes = [
            # Delta sync: what left a territory since a transaction.
            models.Index(fields=["changed_xid", "issue"], name="relocation_changes"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="stamp_relocation",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="NEW.changed_xid = pg_current_xact_id()::text::bigint; RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id}：{self.from_place}"
