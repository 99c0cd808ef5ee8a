"""What about meetings goes into the audit trail."""

from django.db.models import TextChoices


class Trail(TextChoices):
    """``action`` codes of this app's audit entries. A code stays as it is: old rows have it."""

    SERIES_CREATED = "meeting.series_created", "建立联席会议"
    SCHEDULED = "meeting.scheduled", "安排会议"
    ASSEMBLED = "meeting.assembled", "汇集议题"
    ITEM_ADDED = "meeting.item_added", "增加议题"
    ITEM_REMOVED = "meeting.item_removed", "移出议题"
    HELD = "meeting.held", "登记会议召开"
    CANCELLED = "meeting.cancelled", "取消会议"
    RESOLVED = "meeting.resolution_added", "登记议定事项"
    COUNTERSIGNED = "meeting.minutes_countersigned", "登记纪要会签"
    FOLLOWED = "meeting.resolution_followed", "议定事项落实到问题"
    SUPERVISED = "meeting.resolution_supervised", "逾期议定事项督办"
    SOLVED = "meeting.resolution_solved", "议定事项销号"
    RESPONSIBLE_CHANGED = "meeting.responsible_changed", "变更议定事项负责人"
    REPORT_DRAFTED = "report.drafted", "编制季度报告"
    REPORT_REDRAFTED = "report.redrafted", "重新编制季度报告"
    REPORT_FINALISED = "report.finalised", "季度报告定稿"
