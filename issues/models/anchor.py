"""What is kept of all chains each night, so that what is cut off or taken away later is missed."""

from __future__ import annotations

from django.db import models

from core.models import append_only
from issues.models.issue import Issue


class Anchor(models.Model):
    """One night's seal over the heads of the chains that had grown since the anchor before.

    Numbered from 1 without gaps; ``hash`` covers the previous anchor's and all of its heads.
    """

    number = models.PositiveIntegerField("存证号", primary_key=True)
    at = models.DateTimeField("时间")
    cases = models.PositiveIntegerField("问题数")
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField("摘要", max_length=64)

    class Meta:
        verbose_name = "存证"
        verbose_name_plural = "存证"
        ordering = ["number"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"存证 {self.number}"


class AnchoredHead(models.Model):
    """How far the chain of one case had come at an anchor, and the hash of its last event.

    It keeps the case's number, so that a case which vanished can still be named.
    """

    # head_once_in_an_anchor begins with it
    anchor = models.ForeignKey(Anchor, models.PROTECT, db_index=False, related_name="heads")
    # No foreign key in the database: to check it would lock every case that is anchored, and the
    # head has to stay when its case does not.
    issue = models.ForeignKey(
        Issue, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="anchored_heads"
    )
    number = models.CharField("编号", max_length=14)
    event_count = models.PositiveIntegerField("办理记录数")
    head_hash = models.CharField("末条摘要", max_length=64)

    class Meta:
        verbose_name = "存证明细"
        verbose_name_plural = "存证明细"
        ordering = ["anchor_id", "issue_id"]
        constraints = [
            # Also the order in which an anchor's hash is computed.
            models.UniqueConstraint(fields=["anchor", "issue"], name="head_once_in_an_anchor"),
            # Also what finds the cases that have grown since they were last anchored.
            models.UniqueConstraint(fields=["issue", "event_count"], name="head_anchored_once"),
        ]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.number} 第 {self.event_count} 条"
