"""What about issues goes into the audit trail, beside the events of the cases themselves."""

from django.db.models import TextChoices


class Trail(TextChoices):
    """Codes and labels of this app's audit entries. A code never changes: old rows have it."""

    ANONYMISED = "issue.anonymised", "问题匿名化"
    ANCHORED = "issue.anchored", "办理记录存证"
    CONTACT_REVEALED = "issue.contact_revealed", "查看诉求人联系方式"
    CATEGORY_SAVED = "category.saved", "修改问题类别"
    LIMIT_SAVED = "time_limit.saved", "设置办理时限"
    TEMPLATE_UPLOADED = "paper_template.uploaded", "上传公文模板"
    TEMPLATE_USED = "paper_template.used", "启用公文模板"
