"""The vocabulary of the three-level loop."""

from django.db.models import TextChoices


class Level(TextChoices):
    GRID = "grid", "网格"
    TOWN = "town", "镇街"
    DISTRICT = "district", "区级"


class Status(TextChoices):
    PENDING_FIRST = "pending_first", "待首诊"
    GRID_HANDLING = "grid_handling", "网格速办中"
    TRIAGE = "triage", "待会诊"
    ASSIGNED = "assigned", "待签收"
    HANDLING = "handling", "办理中"
    VERIFY = "verify", "待核查"
    REVISIT = "revisit", "待回访"
    CLOSED = "closed", "已结案"


OPEN_STATUSES = tuple(status for status in Status if status != Status.CLOSED)


class Action(TextChoices):
    CREATE = "create", "登记上报"
    FIRST_HANDLE = "first_handle", "首诊速办"
    RESOLVE_ON_SPOT = "resolve_on_spot", "当场办结"
    ESCALATE_TOWN = "escalate_town", "提级会诊"
    CONSULT = "consult", "会诊"
    ASSIGN = "assign", "交办"
    ESCALATE_DISTRICT = "escalate_district", "提级联诊"
    SEND_DOWN = "send_down", "下沉"
    ACKNOWLEDGE = "acknowledge", "签收"
    AUTO_ACKNOWLEDGE = "auto_acknowledge", "视同签收"
    CO_REPLY = "co_reply", "协办回复"
    SUBMIT_COMPLETION = "submit_completion", "办结申请"
    PASS_VERIFICATION = "pass_verification", "核查通过"
    FAIL_VERIFICATION = "fail_verification", "核查不通过"
    RECORD_REVISIT = "record_revisit", "回访"
    REDO = "redo", "不满意重办"


# The steps by which somebody works on the matter itself: who took one can't verify the case.
HANDLING_ACTIONS = (
    Action.FIRST_HANDLE,
    Action.RESOLVE_ON_SPOT,
    Action.ACKNOWLEDGE,
    Action.CO_REPLY,
    Action.SUBMIT_COMPLETION,
)


class Source(TextChoices):
    PATROL = "patrol", "网格巡查"
    RESIDENT = "resident", "居民反映"
    COMMUNITY = "community", "村社上报"
    HOTLINE = "hotline", "热线转办"
    INSPECTION = "inspection", "上级交办"


class Complexity(TextChoices):
    BASIC = "basic", "基本问题"
    GENERAL = "general", "一般复杂问题"
    COMPLEX = "complex", "较为复杂问题"


class Urgency(TextChoices):
    NORMAL = "normal", "一般"
    URGENT = "urgent", "紧急"
    SAFETY = "safety", "紧急安全"


class Outcome(TextChoices):
    RESOLVED = "resolved", "已解决"
    PARTLY = "partly", "部分解决"
    EXPLAINED = "explained", "已解释说明"
    UNFOUNDED = "unfounded", "情况不属实"


class EscalationReason(TextChoices):
    BEYOND_POWER = "beyond_power", "超出本级职权"
    CROSS_AREA = "cross_area", "跨地区"
    SEVERAL_UNITS = "several_units", "涉及多个部门"
    MONEY = "money", "需要资金"
    DISPUTED = "disputed", "职责有争议"


class SendDownReason(TextChoices):
    BELOW_THRESHOLD = "below_threshold", "本级以下可以解决"
    NEEDS_FACTS = "needs_facts", "事实不清，需要补充"


class FailReason(TextChoices):
    NOT_DONE = "not_done", "现场未完成"
    PARTLY_DONE = "partly_done", "部分未完成"
    POOR_QUALITY = "poor_quality", "质量不合格"
    NO_EVIDENCE = "no_evidence", "佐证不足"


class RevealReason(TextChoices):
    CHECK_FACTS = "check_facts", "核实情况"
    FOLLOW_UP = "follow_up", "回访诉求人"
    ON_SITE = "on_site", "上门联系"


class Contact(TextChoices):
    REACHED = "reached", "已联系上"
    NOT_REACHED = "not_reached", "未联系上"


class ClockKind(TextChoices):
    OVERALL = "overall", "总时限"
    STEP = "step", "环节时限"
    CO_UNIT = "co_unit", "协办时限"


class Step(TextChoices):
    DIAGNOSIS = "diagnosis", "首诊判断"
    GRID_HANDLING = "grid_handling", "网格速办"
    TRIAGE = "triage", "会诊研判"
    ACKNOWLEDGEMENT = "acknowledgement", "签收"
    HANDLING = "handling", "办理"
    VERIFICATION = "verification", "核查"
    REVISIT = "revisit", "回访"
    OVERALL = "overall", "全程"


class LimitUnit(TextChoices):
    DAYS = "days", "工作日"
    HOURS = "hours", "小时"


class Verdict(TextChoices):
    ON_TIME = "on_time", "按期"
    LATE = "late", "超期"
    CANCELLED = "cancelled", "取消"


class Lamp(TextChoices):
    GREEN = "green", "正常"
    YELLOW = "yellow", "临期"
    RED = "red", "超期"


class PauseKind(TextChoices):
    VERIFICATION = "verification", "核查期间"


class PhotoStage(TextChoices):
    REPORT = "report", "上报时"
    AFTER = "after", "办理后"
    VERIFICATION = "verification", "核查时"


class MessageKind(TextChoices):
    EVENT = "event", "办理动态"
    NEAR_DUE = "near_due", "临期提醒"
    DUE = "due", "到期提醒"
    OVERDUE = "overdue", "超期提醒"
