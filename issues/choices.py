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
    RETURN_REVIEW = "return_review", "退回待裁定"
    SUSPENDED = "suspended", "挂起"
    VERIFY = "verify", "待核查"
    REVISIT = "revisit", "待回访"
    CLOSED = "closed", "已结案"
    MERGED = "merged", "已并案"
    VOID = "void", "已作废"


TERMINAL = (Status.CLOSED, Status.MERGED, Status.VOID)
OPEN_STATUSES = tuple(status for status in Status if status not in TERMINAL)


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
    REQUEST_RETURN = "request_return", "退回"
    APPROVE_RETURN = "approve_return", "同意退回"
    REFUSE_RETURN = "refuse_return", "驳回退回"
    ARBITRATE = "arbitrate", "裁定"
    TRANSFER = "transfer", "转办"
    ADD_CO = "add_co", "加协办"
    CO_REPLY = "co_reply", "协办回复"
    PROGRESS = "progress", "阶段反馈"
    REQUEST_EXTENSION = "request_extension", "延期申请"
    APPROVE_EXTENSION = "approve_extension", "批准延期"
    REFUSE_EXTENSION = "refuse_extension", "不予延期"
    REQUEST_SUSPENSION = "request_suspension", "挂起申请"
    SUSPEND = "suspend", "批准挂起"
    REFUSE_SUSPENSION = "refuse_suspension", "不予挂起"
    TO_MEETING = "to_meeting", "提请联席会议"
    APPLY_RESOLUTION = "apply_resolution", "落实议定事项"
    RESUME = "resume", "恢复办理"
    AUTO_RESUME = "auto_resume", "到期恢复"
    CONVERT_TO_PROJECT = "convert_to_project", "转为攻坚项目"
    SUBMIT_COMPLETION = "submit_completion", "办结申请"
    PASS_VERIFICATION = "pass_verification", "核查通过"
    FAIL_VERIFICATION = "fail_verification", "核查不通过"
    RECORD_REVISIT = "record_revisit", "回访"
    REDO = "redo", "不满意重办"
    REQUEST_REVIEW = "request_review", "申请二次审核"
    CLOSE_ON_REVIEW = "close_on_review", "二次审核结案"
    REOPEN = "reopen", "重开"
    MERGE = "merge", "并案"
    ABSORB = "absorb", "并入"
    UNMERGE = "unmerge", "拆案"
    RELEASE = "release", "析出"
    DECLINE = "decline", "提请不予受理"
    VOID = "void", "提请作废"
    CONFIRM_VOID = "confirm_void", "复核同意"
    REFUSE_VOID = "refuse_void", "复核不同意"
    CONTACT = "contact", "联系诉求人"
    HAND_OVER = "hand_over", "移交"
    URGE = "urge", "催办"
    SUPERVISE = "supervise", "督办"
    ANSWER_SUPERVISION = "answer_supervision", "督办反馈"
    STRIKE_OFF = "strike_off", "销号"
    INSTRUCT = "instruct", "领导批示"
    ANSWER_INSTRUCTION = "answer_instruction", "批示反馈"
    CORRECT = "correct", "更正"
    RECALCULATE = "recalculate", "时限重算"


# The steps by which somebody works on the matter itself: who took one can't verify the case.
HANDLING_ACTIONS = (
    Action.FIRST_HANDLE,
    Action.RESOLVE_ON_SPOT,
    Action.ACKNOWLEDGE,
    Action.CO_REPLY,
    Action.PROGRESS,
    Action.SUBMIT_COMPLETION,
)


class Source(TextChoices):
    PATROL = "patrol", "网格巡查"
    RESIDENT = "resident", "居民反映"
    COMMUNITY = "community", "村社上报"
    HOTLINE = "hotline", "热线转办"
    CALL = "call", "来电"
    VISIT = "visit", "来访"
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
    TO_PROJECT = "to_project", "转为攻坚项目"


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


class ReturnReason(TextChoices):
    NOT_OUR_DUTY = "not_our_duty", "不属于本单位职责"
    NOT_OUR_AREA = "not_our_area", "不在本单位管辖范围"
    ANOTHER_LEADS = "another_leads", "职责清单明确由其他单位牵头"


class SuspensionKind(TextChoices):
    ENGINEERING = "engineering", "工程施工"
    SEASON = "season", "季节性"
    LITIGATION = "litigation", "诉讼仲裁"
    FUNDING = "funding", "资金未到位"
    MEETING = "meeting", "待联席会议议定"
    THIRD_PARTY = "third_party", "第三方原因"


class VoidReason(TextChoices):
    NOT_OURS = "not_ours", "不属于受理范围"
    NO_CONTENT = "no_content", "没有实质内容"
    TEST = "test", "测试数据"
    MALICIOUS = "malicious", "恶意上报"


class ReopenReason(TextChoices):
    NOT_SOLVED = "not_solved", "问题没有解决"
    RELAPSE = "relapse", "问题回潮"
    NOT_AS_REPORTED = "not_as_reported", "办理情况与实际不符"


class Visibility(TextChoices):
    PUBLIC = "public", "可以告知诉求人"
    INTERNAL = "internal", "仅内部可见"


class ContactWay(TextChoices):
    PHONE = "phone", "电话"
    VISIT = "visit", "上门"
    MESSAGE = "message", "短信或即时消息"


class Owed(TextChoices):
    """What a unit's cases wait for, as the page of who owes what counts them."""

    ANYTHING = "anything", "在手"
    ACKNOWLEDGEMENT = "acknowledgement", "待签收"
    NEAR_DUE = "near_due", "临期"
    OVERDUE = "overdue", "超期"
    RETURNED = "returned", "退回待裁定"
    SUSPENDED = "suspended", "挂起"


class Respondent(TextChoices):
    LEAD_UNIT = "lead_unit", "主办单位"
    DISPATCHER = "dispatcher", "派单员"


class ApprovalKind(TextChoices):
    RETURN = "return", "退回"
    EXTENSION = "extension", "延期"
    SUSPENSION = "suspension", "挂起"
    VOID = "void", "作废"
    REVIEW = "review", "二次审核"


class Decider(TextChoices):
    DISPATCHER = "dispatcher", "派单员"
    LEADER = "leader", "分管领导"
    SECOND_PERSON = "second_person", "第二人"


class RulingKind(TextChoices):
    APPROVE_RETURN = "approve_return", "同意退回"
    REFUSE_RETURN = "refuse_return", "驳回退回"
    ARBITRATE = "arbitrate", "裁定"


class Decision(TextChoices):
    APPROVED = "approved", "同意"
    REFUSED = "refused", "不同意"
    LAPSED = "lapsed", "已失效"


class Grade(TextChoices):
    GENERAL = "general", "一般督办"
    KEY = "key", "重点督办"
    LISTED = "listed", "挂牌督办"


class SupervisionCause(TextChoices):
    BY_HAND = "by_hand", "督查发现"
    OVERDUE = "overdue", "超期三个工作日以上"
    REWORK = "rework", "返工两次以上"
    NOT_ACKNOWLEDGED = "not_acknowledged", "两次视同签收"
    RESOLUTION_OVERDUE = "resolution_overdue", "议定事项逾期"


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
    ORDER = "order", "督办批示时限"


class Step(TextChoices):
    DIAGNOSIS = "diagnosis", "首诊判断"
    GRID_HANDLING = "grid_handling", "网格速办"
    TRIAGE = "triage", "会诊研判"
    CONTACT = "contact", "联系诉求人"
    ACKNOWLEDGEMENT = "acknowledgement", "签收"
    HANDLING = "handling", "办理"
    RULING = "ruling", "退回裁定"
    SUPERVISION = "supervision", "督办反馈"
    INSTRUCTION = "instruction", "批示反馈"
    VERIFICATION = "verification", "核查"
    REVISIT = "revisit", "回访"
    OVERALL = "overall", "全程"


def step_at(level: str, step: str) -> str:
    """A step with the level at which it is taken: 镇街会诊研判, 网格速办."""
    where, name = Level(level).label, Step(step).label
    return name if name.startswith(where) else f"{where}{name}"


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
    GREY = "grey", "停表"


class PauseKind(TextChoices):
    VERIFICATION = "verification", "核查期间"
    RETURN = "return", "退回裁定期间"
    SUSPENSION = "suspension", "挂起期间"


class PhotoStage(TextChoices):
    REPORT = "report", "上报时"
    AFTER = "after", "办理后"
    VERIFICATION = "verification", "核查时"


class MessageKind(TextChoices):
    EVENT = "event", "办理动态"
    NEAR_DUE = "near_due", "临期提醒"
    DUE = "due", "到期提醒"
    OVERDUE = "overdue", "超期提醒"


class PaperKind(TextChoices):
    WORK_ORDER = "work_order", "工单"
    SUPERVISION = "supervision", "督办单"
    URGE = "urge", "催办通知"
    EXTENSION = "extension", "延期审批表"
    RULING = "ruling", "退回裁定书"
