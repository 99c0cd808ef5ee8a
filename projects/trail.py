"""What about projects goes into the audit trail."""

from django.db.models import TextChoices


class Trail(TextChoices):
    """``action`` codes of this app's audit entries. A code stays as it is: old rows have it."""

    DRAFTED = "project.drafted", "起草项目"
    EDITED = "project.edited", "修改项目草稿"
    PUBLISHED = "project.published", "发布项目"
    CONVERTED = "project.converted", "问题转为攻坚项目"
    PROGRESSED = "project.progressed", "填报项目进展"
    COMPLETED = "project.completed", "项目验收完成"
    OWNER_CHANGED = "project.owner_changed", "变更项目负责人"
