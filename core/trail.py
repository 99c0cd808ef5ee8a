"""What of this floor goes into the audit trail."""

from django.db.models import TextChoices


class Trail(TextChoices):
    """Codes and labels of this app's audit entries. A code never changes: old rows have it."""

    EXPORTED = "list.exported", "导出列表"
