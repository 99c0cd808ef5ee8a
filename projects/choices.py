"""The vocabulary of the key projects (攻坚项目)."""

from django.db.models import TextChoices


class Category(TextChoices):
    SAFETY = "safety", "安全巩固"
    ENVIRONMENT = "environment", "环境提升"
    SERVICE = "service", "优化服务"
    ORGANISATION = "organisation", "组织赋能"


class Status(TextChoices):
    DRAFT = "draft", "草稿"
    PUBLISHED = "published", "推进中"
    DONE = "done", "已完成"


class Step(TextChoices):
    """What can be done with a project, on its page and in ``projects.actions``."""

    EDIT = "edit", "修改草稿"
    PUBLISH = "publish", "发布"
    REPORT_PROGRESS = "report_progress", "填报进展"
    COMPLETE = "complete", "验收完成"


class MessageKind(TextChoices):
    PROJECT = "project", "攻坚项目"


# The five elements (五要素) without which no project is published: field and name.
FIVE_ELEMENTS = {
    "content": "项目内容",
    "lead_department": "牵头部门",
    "responsible_unit": "责任单位",
    "project_owner": "项目负责人",
    "due_date": "完成时限",
}
