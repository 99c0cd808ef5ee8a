"""The vocabulary of the joint meetings (联席会议) at three levels."""

from django.db.models import TextChoices

from areas.choices import PlaceLevel
from people.choices import Role


class MeetingLevel(TextChoices):
    """The levels at which joint meetings are held; the values are those of ``PlaceLevel``."""

    DISTRICT = "district", "区级"
    TOWN = "town", "镇街级"
    COMMUNITY = "community", "村社级"


class Frequency(TextChoices):
    QUARTERLY = "quarterly", "每季度"
    MONTHLY = "monthly", "每月"
    AS_NEEDED = "as_needed", "按需"


class MeetingStatus(TextChoices):
    PLANNED = "planned", "已安排"
    HELD = "held", "已召开"
    CANCELLED = "cancelled", "已取消"


class ItemKind(TextChoices):
    """Where an agenda item comes from."""

    PROPOSED_ISSUE = "proposed_issue", "提请研究问题"
    ESCALATED_ISSUE = "escalated_issue", "提级问题"
    LATE_PROJECT = "late_project", "超期项目"
    UNFINISHED_RESOLUTION = "unfinished_resolution", "未了议定事项"
    MANUAL = "manual", "临时议题"


ISSUE_KINDS = (ItemKind.PROPOSED_ISSUE, ItemKind.ESCALATED_ISSUE)


class ResolutionStatus(TextChoices):
    RUNNING = "running", "落实中"
    SOLVED = "solved", "已销号"


class ReportStatus(TextChoices):
    DRAFT = "draft", "草稿"
    FINAL = "final", "定稿"


class Step(TextChoices):
    """What can be done with a meeting, on its page and in ``meetings.actions``."""

    ASSEMBLE = "assemble", "汇集议题"
    ADD_ITEM = "add_item", "增加议题"
    REMOVE_ITEM = "remove_item", "移出议题"
    HOLD = "hold", "登记召开"
    CANCEL = "cancel", "取消会议"
    ADD_RESOLUTION = "add_resolution", "登记议定事项"
    COUNTERSIGN = "countersign", "登记纪要会签"
    APPLY = "apply", "落实到问题"
    CONVERT = "convert", "转为攻坚项目"
    RESUME = "resume", "恢复办理"
    SOLVE = "solve", "销号"


class MessageKind(TextChoices):
    MEETING = "meeting", "联席会议"
    MEETING_MISSING = "meeting_missing", "会议预警"
    REPORT = "report", "季度报告"


# Who runs the meetings of a place: its secretary, its dispatchers and its convener.
MANAGERS: dict[str, frozenset[Role]] = {
    PlaceLevel.DISTRICT: frozenset(
        {Role.SECRETARY, Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER}
    ),
    PlaceLevel.TOWN: frozenset({Role.SECRETARY, Role.TOWN_DISPATCHER, Role.TOWN_LEADER}),
    PlaceLevel.COMMUNITY: frozenset({Role.SECRETARY, Role.COMMUNITY_OFFICER}),
}

# Who reads the quarterly report: the district's leader, task force, secretary and supervisors.
REPORT_READERS = frozenset(
    {Role.SECRETARY, Role.DISTRICT_DISPATCHER, Role.DISTRICT_LEADER, Role.SUPERVISOR}
)
