"""The rows that every floor above stands on."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.choices import AttachmentKind, ExportStatus

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser


def append_only() -> list[pgtrigger.Trigger]:
    """``Meta.triggers`` by which the database refuses to change, delete and truncate."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        # pgtrigger.Protect knows no TRUNCATE, which fires per statement only.
        pgtrigger.Trigger(
            name="append_only_truncate",
            level=pgtrigger.Statement,
            when=pgtrigger.Before,
            operation=pgtrigger.Truncate,
            func="RAISE EXCEPTION 'pgtrigger: Cannot truncate % table', TG_TABLE_NAME;",
        ),
    ]


# --- reference data in memory ---

EDITION_TRIGGER = "marks_its_edition"


class Edition(models.Model):
    """The mark of a table whose rows are kept in memory (core.kept); new after every write to it.

    Random rather than counted: a rolled-back write and its successor must not carry the same mark.
    """

    name = models.CharField("表名", max_length=63, primary_key=True)
    mark = models.UUIDField("标记")

    class Meta:
        verbose_name = "数据版本"
        verbose_name_plural = "数据版本"

    def __str__(self) -> str:
        return self.name


def marks_its_edition() -> pgtrigger.Trigger:
    """For ``Meta.triggers``: each statement that writes to the table gives it a new mark."""
    return pgtrigger.Trigger(
        name=EDITION_TRIGGER,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
        func="""
            INSERT INTO core_edition (name, mark) VALUES (TG_TABLE_NAME, gen_random_uuid())
            ON CONFLICT (name) DO UPDATE SET mark = excluded.mark;
            RETURN NULL;
        """,
    )


# --- working days ---


class CalendarYear(models.Model):
    """Whether the State Council's notice for a year is in the calendar.

    While it is not, Monday to Friday counts as working and every deadline there is provisional.
    """

    year = models.PositiveSmallIntegerField("年份", primary_key=True)
    published = models.BooleanField(
        "已按通知录入",
        default=False,
        help_text="国务院办公厅放假通知已录入全年日历后勾选；未勾选的年份按周一至周五暂算。",
    )
    notice = models.CharField("依据文件", max_length=100, blank=True)

    class Meta:
        verbose_name = "年度日历"
        verbose_name_plural = "年度日历"
        ordering = ["year"]
        triggers = [marks_its_edition()]
        constraints = [
            models.CheckConstraint(
                condition=Q(year__gte=2000, year__lte=2100),
                name="calendar_year_is_plausible",
                violation_error_message="年份须在 2000 至 2100 之间。",
            )
        ]

    def __str__(self) -> str:
        return f"{self.year} 年"

    def days(self) -> list[date]:
        first = date(self.year, 1, 1)
        return [first + timedelta(n) for n in range((date(self.year + 1, 1, 1) - first).days)]

    def missing_days(self) -> int:
        return len(self.days()) - WorkDay.objects.filter(date__year=self.year).count()

    def clean(self) -> None:
        if self.published and (missing := self.missing_days()):
            raise ValidationError(
                {"published": f"{self.year} 年日历还缺 {missing} 天，补齐后才能标为已录入。"}
            )


class WorkDay(models.Model):
    """One day of the calendar: whether offices work on it, and the holiday that explains it."""

    date = models.DateField("日期", primary_key=True)
    is_working = models.BooleanField("工作日")
    name = models.CharField("节假日", max_length=40, blank=True)

    class Meta:
        verbose_name = "工作日历"
        verbose_name_plural = "工作日历"
        ordering = ["date"]
        triggers = [marks_its_edition()]

    def __str__(self) -> str:
        return f"{self.date} {'上班' if self.is_working else '休息'}"


# --- audit trail ---


class AuditEntry(models.Model):
    """Who did what to which row, when. Append-only; holds no personal data.

    ``action`` is a code that the app which writes it defines. ``actor`` is null for the system.
    """

    at = models.DateTimeField("时间", default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="操作人",
    )
    action = models.CharField("操作", max_length=60)
    target_type = models.CharField("对象类型", max_length=60, blank=True)
    target_id = models.CharField("对象编号", max_length=60, blank=True)
    detail = models.JSONField("详情", default=dict, blank=True, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = "审计记录"
        verbose_name_plural = "审计记录"
        ordering = ["-at", "-id"]
        triggers = append_only()
        indexes = [
            # The audit list, newest first.
            models.Index(F("at").desc(), F("id").desc(), name="audit_newest_first"),
            # Everything that happened to one row.
            models.Index(fields=["target_type", "target_id", "id"], name="audit_of_a_row"),
            # Everything that one person did; also the foreign key's own index.
            models.Index(fields=["actor", "-at"], name="audit_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action}"


# --- outbox and inbox ---


class MessageQuerySet(models.QuerySet["Message"]):
    def inbox_of(self, user: AbstractBaseUser) -> MessageQuerySet:
        """What ``user`` may read: delivered messages, newest first."""
        return self.filter(recipient_id=user.pk, delivered_at__isnull=False).order_by(
            "-delivered_at", "-id"
        )

    def unread(self) -> MessageQuerySet:
        return self.filter(delivered_at__isnull=False, read_at__isnull=True)


class Message(models.Model):
    """A message to one person: the outbox row until it is delivered, the inbox row from then on.

    ``key`` says what the message is about and to whom, so that writing it twice makes it once.
    ``kind`` is a code that the app which writes it defines.
    """

    key = models.CharField("唯一键", max_length=200, unique=True)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="messages",
        db_index=False,  # message_inbox begins with it
        verbose_name="收件人",
    )
    kind = models.CharField("类别", max_length=40)
    title = models.CharField("标题", max_length=120)
    body = models.TextField("内容", blank=True)
    url = models.CharField("链接", max_length=300, blank=True)
    urgent = models.BooleanField("紧急", default=False)
    created_at = models.DateTimeField("生成时间", default=timezone.now)
    not_before = models.DateTimeField("不早于", null=True, blank=True)
    delivered_at = models.DateTimeField("送达时间", null=True, blank=True)
    read_at = models.DateTimeField("阅读时间", null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = "消息"
        verbose_name_plural = "消息"
        ordering = ["-delivered_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(read_at__isnull=True) | Q(delivered_at__isnull=False),
                name="message_is_read_only_after_delivery",
            )
        ]
        indexes = [
            # outbox.deliver: what still waits, oldest first.
            models.Index(
                fields=["id"], condition=Q(delivered_at__isnull=True), name="message_undelivered"
            ),
            # The inbox of a person, newest first. Undelivered rows are in it too, so that it also
            # serves the foreign key.
            models.Index(
                F("recipient"), F("delivered_at").desc(), F("id").desc(), name="message_inbox"
            ),
            # outbox.unread_count, on every page, and the inbox filtered by unread.
            models.Index(
                F("recipient"),
                F("delivered_at").desc(),
                F("id").desc(),
                condition=Q(delivered_at__isnull=False, read_at__isnull=True),
                name="message_unread",
            ),
        ]

    def __str__(self) -> str:
        return self.title


# --- attachments ---


class Attachment(models.Model):
    """An uploaded photo or file. What it belongs to, and who may see it, its owner's app knows."""

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="上传人"
    )
    kind = models.CharField("类型", max_length=10, choices=AttachmentKind)
    file = models.FileField("文件", max_length=120)
    original_name = models.CharField("原文件名", max_length=100)
    content_type = models.CharField("内容类型", max_length=60)
    size = models.PositiveIntegerField("字节数")
    sha256 = models.CharField("原文件摘要", max_length=64)
    width = models.PositiveIntegerField("宽", null=True, blank=True)
    height = models.PositiveIntegerField("高", null=True, blank=True)
    created_at = models.DateTimeField("上传时间", default=timezone.now)

    class Meta:
        verbose_name = "附件"
        verbose_name_plural = "附件"
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(kind=AttachmentKind.PHOTO)
                | Q(width__isnull=False, height__isnull=False),
                name="attachment_photo_has_dimensions",
            )
        ]

    def __str__(self) -> str:
        return self.original_name


# --- retries ---


class IdempotencyKey(models.Model):
    """The first answer to a write, kept so that a retry gets the same one (core.idempotency)."""

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="+",
        db_index=False,  # the unique constraint begins with it
        verbose_name="账号",
    )
    key = models.CharField("键", max_length=200)
    route = models.CharField("接口", max_length=300)
    body_hash = models.CharField("内容摘要", max_length=64)
    status = models.PositiveSmallIntegerField("状态码")
    # JSON as text: jsonb would reorder the keys, and a replay should read like the first answer.
    response = models.TextField("答复")
    forever = models.BooleanField("永久保留", default=False)
    created_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "幂等键"
        verbose_name_plural = "幂等键"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="idempotency_key_per_account")
        ]
        indexes = [
            # idempotency.forget_old_keys
            models.Index(
                fields=["created_at"], condition=Q(forever=False), name="idempotency_forgettable"
            )
        ]

    def __str__(self) -> str:
        return self.key


# --- exports ---


class ExportFile(models.Model):
    """A list as an Excel file which a worker makes, for the person who asked for it alone.

    ``listing`` and ``query`` say what was asked for (core.exports), ``words`` says it in those of
    the page: the rows are chosen when the file is made. ``postings`` are those under which it was
    made; without them it is not given out.
    """

    UNFINISHED = (ExportStatus.WAITING, ExportStatus.RUNNING)

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="+",
        db_index=False,  # export_file_of_a_person begins with it
        verbose_name="导出人",
    )
    listing = models.CharField("列表", max_length=40)
    title = models.CharField("名称", max_length=60)
    query = models.TextField("查询条件", blank=True)
    words = models.TextField("条件", blank=True)
    status = models.CharField(
        "状态", max_length=10, choices=ExportStatus, default=ExportStatus.WAITING
    )
    attempts = models.PositiveSmallIntegerField("次数", default=0)
    rows_done = models.PositiveIntegerField("已写入行数", default=0)
    rows_total = models.PositiveIntegerField("总行数", null=True, blank=True)
    size = models.PositiveBigIntegerField("字节数", null=True, blank=True)
    reason = models.CharField("未能生成的原因", max_length=300, blank=True)
    postings = models.JSONField("任职", default=list)
    created_at = models.DateTimeField("申请时间", default=timezone.now)
    touched_at = models.DateTimeField("最近进展", default=timezone.now)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)
    expires_at = models.DateTimeField("到期时间", null=True, blank=True)

    class Meta:
        verbose_name = "导出文件"
        verbose_name_plural = "导出文件"
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status=ExportStatus.DONE)
                | Q(finished_at__isnull=False, expires_at__isnull=False, size__isnull=False),
                name="export_file_done_has_a_file_and_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(status=ExportStatus.FAILED) | ~Q(reason=""),
                name="export_file_failed_says_why",
            ),
            models.UniqueConstraint(
                fields=["owner", "listing", "query"],
                condition=Q(status__in=["waiting", "running"]),
                name="export_file_is_made_once_at_a_time",
                violation_error_message="这份文件正在生成。",
            ),
        ]
        indexes = [
            # The page of a person's files, newest first.
            models.Index(fields=["owner", "-created_at"], name="export_file_of_a_person"),
            # The sweep: what has stood still, and what has expired.
            models.Index(
                fields=["touched_at"],
                condition=Q(status__in=["waiting", "running"]),
                name="export_file_unfinished",
            ),
            models.Index(
                fields=["expires_at"], condition=Q(status="done"), name="export_file_expiring"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_unfinished(self) -> bool:
        return self.status in self.UNFINISHED

    @property
    def rows_text(self) -> str:
        return "" if self.rows_total is None else f"{self.rows_total:,}"

    @property
    def percent(self) -> int:
        """How much of it is written, from 0 to 100."""
        return 100 * self.rows_done // self.rows_total if self.rows_total else 0

    @property
    def name(self) -> str:
        """Where the file lies, relative to MEDIA_ROOT."""
        return f"exports/{self.pk}.xlsx"
