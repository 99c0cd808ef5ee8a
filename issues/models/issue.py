"""The case itself, and the units in it."""

from __future__ import annotations

import uuid
from datetime import datetime

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from areas.models import ComplexArea, Located, Place
from core.privacy import EncryptedField
from issues.choices import (
    TERMINAL,
    Complexity,
    Lamp,
    Level,
    Outcome,
    Source,
    Status,
    Urgency,
)
from issues.models.involvement import INVOLVE_UNIT, REPEAT_COLUMNS
from issues.models.limits import Category
from issues.models.search import KEEP_ENTRY
from issues.orders import OPEN
from issues.querysets import IssueQuerySet
from people.models import Organisation

# What a person's scope is made of (visible_to): territory, unit, own reports.
SCOPES = ("district", "town", "community", "grid", "lead_unit", "reporter")


def _lists_of(column: str) -> list[models.Index]:
    """The lists of one scope (issues.orders): all in order of arrival, and the open ones in order
    of arrival and by what is due next. Each page is cut from these, at its two ends and in between.
    """
    return [
        models.Index(fields=[column, "received_at", "id"], name=f"issue_{column}_received"),
        models.Index(
            fields=[column, "received_at", "id"], condition=OPEN, name=f"issue_{column}_open"
        ),
        models.Index(
            fields=[column, "due_at", "received_at", "id"],
            condition=OPEN,
            name=f"issue_{column}_due",
        ),
    ]


def _changes_of(column: str) -> models.Index:
    """Delta sync of a scope in which little changes, beside all that changes elsewhere."""
    return models.Index(fields=[column, "changed_xid", "id"], name=f"issue_{column}_changes")


def _queues_of(column: str) -> list[models.Index]:
    """What stands in one status (waiting_for, the desk): below a town there is little of it."""
    return [
        models.Index(
            fields=[column, "status", "due_at", "received_at", "id"],
            condition=OPEN,
            name=f"issue_{column}_queue",
        ),
        models.Index(
            fields=[column, "status", "received_at", "id"],
            condition=OPEN,
            name=f"issue_{column}_arrived",
        ),
    ]


class Issue(Located):
    """A case on its way through grid, town and district.

    All instants are aware and mean Asia/Shanghai on paper. ``received_at`` is the server's time and
    starts the clocks; ``captured_at`` is what the reporter's device said. ``due_at`` and
    ``yellow_at`` repeat the running step clock, ``overall_due_at`` the overall clock, so that lists
    need no join.
    """

    number = models.CharField("编号", max_length=14, unique=True)
    client_id = models.UUIDField("上报端编号", default=uuid.uuid4, editable=False)
    source = models.CharField("来源", max_length=12, choices=Source)
    title = models.CharField("标题", max_length=60)
    description = models.TextField("内容", max_length=2000)
    category = models.ForeignKey(
        Category,
        models.PROTECT,
        db_index=False,  # asked for within a scope alone
        verbose_name="类别",
    )
    urgency = models.CharField("紧急程度", max_length=10, choices=Urgency, default=Urgency.NORMAL)
    complexity = models.CharField("复杂程度", max_length=10, choices=Complexity, blank=True)
    outcome = models.CharField("办理结果", max_length=12, choices=Outcome, blank=True)

    level = models.CharField("层级", max_length=10, choices=Level)
    status = models.CharField("状态", max_length=16, choices=Status)
    version = models.PositiveIntegerField("版本", default=0)
    round = models.PositiveSmallIntegerField("轮次", default=1)
    rework_count = models.PositiveSmallIntegerField("返工次数", default=0)

    area = models.ForeignKey(
        ComplexArea,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # issue_area_received begins with it
        verbose_name="复杂区域",
    )
    address = models.CharField("详细地址", max_length=120, blank=True)
    longitude = models.FloatField("经度", null=True, blank=True)
    latitude = models.FloatField("纬度", null=True, blank=True)

    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # report_arrives_once_per_reporter and its lists begin with it
        related_name="reported_issues",
        verbose_name="上报人",
    )
    contact_name = EncryptedField("诉求人", blank=True, default="")
    contact_phone = EncryptedField("诉求人电话", blank=True, default="")
    contact_phone_index = models.CharField(max_length=64, blank=True, default="", editable=False)

    lead_unit = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # its lists begin with it
        related_name="+",
        verbose_name="主办单位",
    )
    handler = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # looked up within a unit or a grid alone (issues.duties)
        related_name="+",
        verbose_name="经办人",
    )

    # A duplicate's master, to which its reporter and its photos belong from then on.
    master = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # issue_duplicates, for the few that have one
        related_name="duplicates",
        verbose_name="并入",
    )

    consulted_at = models.DateTimeField("本级会诊时间", null=True, blank=True)
    contact_due_at = models.DateTimeField("联系诉求人期限", null=True, blank=True)
    contacted_at = models.DateTimeField("首次联系上", null=True, blank=True)
    urged_at = models.DateTimeField("最近催办", null=True, blank=True)
    review_at = models.DateTimeField("挂起复核时间", null=True, blank=True)
    captured_at = models.DateTimeField("采集时间", null=True, blank=True)
    received_at = models.DateTimeField("受理时间")
    due_at = models.DateTimeField("环节到期", null=True, blank=True)
    yellow_at = models.DateTimeField("环节临期", null=True, blank=True)
    overall_due_at = models.DateTimeField("总到期", null=True, blank=True)
    submitted_at = models.DateTimeField("办结申请时间", null=True, blank=True)
    closed_at = models.DateTimeField("结案时间", null=True, blank=True)

    event_count = models.PositiveIntegerField(default=0, editable=False)
    head_hash = models.CharField(max_length=64, blank=True, default="", editable=False)
    # The transaction that last changed the row, stamped by a trigger: what delta sync reads.
    changed_xid = models.BigIntegerField(default=0, editable=False)

    objects = IssueQuerySet.as_manager()

    class Meta:
        verbose_name = "问题"
        verbose_name_plural = "问题"
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "client_id"], name="report_arrives_once_per_reporter"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.CLOSED)
                | (~Q(outcome="") & Q(closed_at__isnull=False, due_at__isnull=True)),
                name="closed_issue_has_outcome_and_no_clock",
            ),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, closed_at__isnull=False)
                | ~Q(status__in=TERMINAL) & Q(closed_at__isnull=True),
                name="ended_issue_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.MERGED, master__isnull=False)
                | ~Q(status=Status.MERGED) & Q(master__isnull=True),
                name="merged_issue_has_a_master",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.SUSPENDED, review_at__isnull=False)
                | ~Q(status=Status.SUSPENDED) & Q(review_at__isnull=True),
                name="suspended_issue_has_a_review_date",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[Status.ASSIGNED, Status.HANDLING, Status.RETURN_REVIEW])
                | Q(lead_unit__isnull=False),
                name="assigned_issue_has_a_lead_unit",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[*TERMINAL, Status.SUSPENDED], due_at__isnull=True)
                | ~Q(status__in=[*TERMINAL, Status.SUSPENDED]) & Q(due_at__isnull=False),
                name="open_issue_has_a_running_step",
            ),
            models.CheckConstraint(
                condition=Q(longitude__isnull=True, latitude__isnull=True)
                | Q(longitude__range=(-180, 180), latitude__range=(-90, 90)),
                name="coordinates_are_on_earth",
            ),
        ]
        indexes = [
            *(index for column in SCOPES for index in _lists_of(column)),
            *(index for column in ("district", "town") for index in _queues_of(column)),
            *(_changes_of(column) for column in ("community", "grid", "lead_unit", "reporter")),
            # A complex area's issues on its page.
            models.Index(
                fields=["area", "received_at", "id"],
                condition=Q(area__isnull=False),
                name="issue_area_received",
            ),
            # What was merged into a case.
            models.Index(
                fields=["master"], condition=Q(master__isnull=False), name="issue_duplicates"
            ),
            # The figures of a quarter: what was closed in it, by outcome, and what was not.
            models.Index(
                fields=["closed_at", "status", "outcome"],
                condition=Q(closed_at__isnull=False),
                name="issue_closed_in_period",
            ),
            # The sweep that takes suspended cases up again, and the leaders' list of them.
            models.Index(
                fields=["review_at", "id"],
                condition=Q(review_at__isnull=False),
                name="issue_to_review",
            ),
            # Delta sync of a town or the district: what changed since a transaction.
            models.Index(fields=["changed_xid", "id"], name="issue_changes"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="stamp_change",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="NEW.changed_xid = pg_current_xact_id()::text::bigint; RETURN NEW;",
            ),
            *KEEP_ENTRY,
            REPEAT_COLUMNS,
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    def get_absolute_url(self) -> str:
        return page_of(self.pk)

    @property
    def state_label(self) -> str:
        """The status in the words of the level: the district calls its triage 联诊."""
        if self.status == Status.TRIAGE and self.level == Level.DISTRICT:
            return "待联诊"
        return Status(self.status).label

    @property
    def dispatch_place(self) -> Place:
        """Where the units work that may be chosen for it: the whole district, or its town."""
        return self.district if self.level == Level.DISTRICT or not self.town else self.town

    @property
    def is_contactable(self) -> bool:
        return bool(self.contact_phone)

    def lamp(self, now: datetime | None = None) -> Lamp | None:
        """The lamp of the running step at ``now``, grey while the case is suspended, None
        when it has ended. SQL twin: with_lamp().
        """
        if self.status == Status.SUSPENDED:
            return Lamp.GREY
        return lamp(self.yellow_at, self.due_at, now or timezone.now())

    def is_overall_overdue(self, now: datetime | None = None) -> bool:
        return self.overall_due_at is not None and self.overall_due_at <= (now or timezone.now())


def page_of(issue_id: int) -> str:
    return f"/issues/{issue_id}/"


def lamp(yellow_at: datetime | None, due_at: datetime | None, now: datetime) -> Lamp | None:
    if yellow_at is None or due_at is None:
        return None
    if due_at <= now:
        return Lamp.RED
    return Lamp.YELLOW if yellow_at <= now else Lamp.GREEN


class Assignment(models.Model):
    """An order to one unit to act on an issue, as lead or as co-unit.

    While ``left_seq`` is null the unit is in; afterwards it may read the case up to that event.
    A binding order comes from a ruling: it can be neither returned nor transferred.
    """

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="assignments")
    # Where a unit leads, the issue names it; its other cases are its involvements.
    unit = models.ForeignKey(
        Organisation, models.PROTECT, db_index=False, related_name="+", verbose_name="单位"
    )
    is_lead = models.BooleanField("主办")
    is_binding = models.BooleanField("裁定交办", default=False)
    task = models.TextField("任务", max_length=1000, blank=True)
    reply_required = models.BooleanField("须回复", default=True)
    assigned_at = models.DateTimeField("交办时间")
    acknowledge_due_at = models.DateTimeField("签收期限", null=True, blank=True)
    acknowledged_at = models.DateTimeField("签收时间", null=True, blank=True)
    deemed_acknowledged = models.BooleanField("视同签收", default=False)
    replied_at = models.DateTimeField("回复时间", null=True, blank=True)
    left_seq = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        verbose_name = "交办"
        verbose_name_plural = "交办"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["issue"],
                condition=Q(is_lead=True, left_seq__isnull=True),
                name="one_lead_unit_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["issue", "unit"],
                condition=Q(left_seq__isnull=True),
                name="unit_is_in_a_case_once",
            ),
        ]
        indexes = [
            # What helping units still have to answer (waiting_for).
            models.Index(
                fields=["unit", "issue"],
                condition=Q(is_lead=False, left_seq__isnull=True, replied_at__isnull=True),
                name="assignment_unreplied",
            ),
            # The sweep for deemed acknowledgement.
            models.Index(
                fields=["acknowledge_due_at"],
                condition=Q(acknowledged_at__isnull=True, left_seq__isnull=True, is_lead=True),
                name="assignment_unacknowledged",
            ),
        ]
        triggers = [INVOLVE_UNIT]

    def __str__(self) -> str:
        return f"{self.unit} {'主办' if self.is_lead else '协办'}"
