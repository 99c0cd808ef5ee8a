"""Queues and filters of the desk that a person keeps under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """One person's name for a query string of the desk. Nobody else sees it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        db_index=False,  # view_once_per_name begins with it
        related_name="saved_views",
        verbose_name="人员",
    )
    name = models.CharField("名称", max_length=20)
    query = models.CharField("条件", max_length=500, blank=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = "视图"
        verbose_name_plural = "视图"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "name"],
                name="view_once_per_name",
                violation_error_message="已有同名视图。",
            ),
        ]

    def __str__(self) -> str:
        return self.name
