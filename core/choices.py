"""What the bottom floor lets one choose from."""

from django.db.models import TextChoices


class AttachmentKind(TextChoices):
    PHOTO = "photo", "照片"
    FILE = "file", "文件"


class PeriodKind(TextChoices):
    """Which stretch of time a figure counts; each is a different filter."""

    AS_OF = "as_of", "截至目前"
    ALL_TIME = "all_time", "累计"
    SINCE_LAST_YEAR = "since_last_year", "去年以来"
    THIS_YEAR = "this_year", "今年以来"
    THIS_QUARTER = "this_quarter", "本季度"


class ExportStatus(TextChoices):
    """How far a file is that is made in the background."""

    WAITING = "waiting", "等待生成"
    RUNNING = "running", "正在生成"
    DONE = "done", "可下载"
    FAILED = "failed", "未能生成"
    EXPIRED = "expired", "已过期"


class MessageKind(TextChoices):
    EXPORT = "export", "导出文件"
