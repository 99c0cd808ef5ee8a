"""What happened to a case: events, words, photos, revisits."""

from __future__ import annotations

import uuid

import pgtrigger
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from core.models import Attachment, append_only
from issues.choices import (
    Action,
    Contact,
    Level,
    PhotoStage,
    Status,
)
from issues.models.issue import Issue
from people.models import Posting


class EventText(models.Model):
    """The words that belong to an event. Anonymising empties body and salt; the event stays."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    body = models.TextField("文字", max_length=2000)
    salt = models.CharField(max_length=32)

    class Meta:
        verbose_name = "办理文字"
        verbose_name_plural = "办理文字"
        triggers = [
            pgtrigger.Protect(
                name="words_can_only_be_emptied",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "NEW.id <> OLD.id OR NEW.body <> '' OR NEW.salt <> ''"
                ),
            ),
            pgtrigger.Protect(name="words_are_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.body


# The steps whose cases are counted by when they were taken (issues.populations).
COUNTED = (
    Action.ESCALATE_TOWN,
    Action.ESCALATE_DISTRICT,
    Action.SUBMIT_COMPLETION,
    Action.REOPEN,
)


class IssueEvent(models.Model):
    """One step of one case: append-only, chained by hash, without personal data or free text."""

    # event_once_per_place_in_chain begins with it
    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="events")
    seq = models.PositiveIntegerField("序号")
    action = models.CharField("动作", max_length=24, choices=Action)
    at = models.DateTimeField("时间")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name="操作人"
    )
    posting = models.ForeignKey(
        Posting,
        models.PROTECT,
        null=True,
        db_index=False,  # nothing is looked up by it
        related_name="+",
        verbose_name="任职",
    )
    from_level = models.CharField(max_length=10, choices=Level, blank=True)
    from_status = models.CharField(max_length=16, choices=Status, blank=True)
    to_level = models.CharField(max_length=10, choices=Level)
    to_status = models.CharField(max_length=16, choices=Status)
    data = models.JSONField("要素", default=dict)
    text = models.OneToOneField(EventText, models.PROTECT, null=True, related_name="event")
    text_sha256 = models.CharField(max_length=64, blank=True, default="")
    prev_hash = models.CharField(max_length=64, blank=True, default="")
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = "办理记录"
        verbose_name_plural = "办理记录"
        ordering = ["issue_id", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["issue", "seq"], name="event_once_per_place_in_chain"),
        ]
        indexes = [
            # The figures of a quarter: in which cases such a step was taken.
            models.Index(
                fields=["action", "at", "issue"],
                condition=Q(action__in=COUNTED),
                name="event_counted_in_period",
            ),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.seq} {self.get_action_display()}"


class Photo(models.Model):
    """A picture of an issue, and at which event it came in."""

    # photo_of_issue begins with it
    issue = models.ForeignKey(Issue, models.PROTECT, db_index=False, related_name="photos")
    attachment = models.OneToOneField(Attachment, models.PROTECT, related_name="+")
    stage = models.CharField("阶段", max_length=12, choices=PhotoStage)
    seq = models.PositiveIntegerField("办理记录序号")

    class Meta:
        verbose_name = "照片"
        verbose_name_plural = "照片"
        ordering = ["id"]
        indexes = [
            # The photos of one issue in the order of its history.
            models.Index(fields=["issue", "seq"], name="photo_of_issue"),
        ]

    def __str__(self) -> str:
        return self.get_stage_display()


class Revisit(models.Model):
    """One attempt to ask the person who complained whether the matter is solved."""

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="revisits")
    at = models.DateTimeField("时间")
    round = models.PositiveSmallIntegerField("轮次", default=1)
    contact = models.CharField("联系情况", max_length=12, choices=Contact)
    is_solved = models.BooleanField("是否解决", null=True, blank=True)
    satisfaction = models.PositiveSmallIntegerField(
        "满意度", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    seq = models.PositiveIntegerField("办理记录序号")

    class Meta:
        verbose_name = "回访"
        verbose_name_plural = "回访"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(satisfaction__isnull=True) | Q(satisfaction__range=(1, 5)),
                name="satisfaction_is_one_to_five",
            ),
            models.CheckConstraint(
                condition=Q(contact=Contact.REACHED, is_solved__isnull=False)
                | Q(contact=Contact.NOT_REACHED, is_solved__isnull=True, satisfaction__isnull=True),
                name="only_who_was_reached_has_answered",
            ),
        ]

    def __str__(self) -> str:
        return self.get_contact_display()
