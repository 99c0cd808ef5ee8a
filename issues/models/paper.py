"""The templates by which an office gives its papers a form of its own."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from areas.models import Place
from issues.choices import PaperKind


class PaperTemplate(models.Model):
    """One version of the template of a kind of paper in a district. Versions are never deleted.

    Without an active one the default is in use (``issues.papers.defaults``). The file lies in the
    row: it is small, and is there or not together with it. It was checked and packed anew when it
    came in (``issues.papers.checking``).
    """

    kind = models.CharField("文书", max_length=12, choices=PaperKind)
    # template_version_once begins with it
    district = models.ForeignKey(
        Place, models.PROTECT, db_index=False, related_name="+", verbose_name="区"
    )
    version = models.PositiveSmallIntegerField("版本")
    is_active = models.BooleanField("使用中", default=False)
    file_name = models.CharField("文件名", max_length=100)
    content = models.BinaryField("文件")
    sha256 = models.CharField("摘要", max_length=64)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        db_index=False,  # nothing is looked up by it
        related_name="+",
        verbose_name="上传人",
    )
    uploaded_at = models.DateTimeField("上传时间")

    class Meta:
        verbose_name = "公文模板"
        verbose_name_plural = "公文模板"
        ordering = ["district_id", "kind", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["district", "kind", "version"], name="template_version_once"
            ),
            models.UniqueConstraint(
                fields=["district", "kind"],
                condition=Q(is_active=True),
                name="one_template_in_use",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}模板{self.version_label}"

    @property
    def version_label(self) -> str:
        return f"第 {self.version} 版"
