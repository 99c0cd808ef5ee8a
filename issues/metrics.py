"""The figures that the issues answer for.

All periods are whole days of Shanghai. A rate names the clock it judges by.
"""

from __future__ import annotations

from collections import Counter

from django.db.models import Count, F
from django.db.models.functions import TruncDate

from core.choices import PeriodKind
from core.metrics import NONE, Metric, Period, exact, percent, tenths
from core.workdays import SHANGHAI, calendar
from issues.choices import Action, ApprovalKind, ClockKind, Decision, Level, Verdict
from issues.models import Approval, Clock, Issue
from issues.populations import (
    HANDLING_STEPS,
    acknowledged_in_time,
    asked,
    closed,
    closed_of_due,
    closed_with_verdict,
    confirmed_resolved,
    due_to_be_handled,
    due_to_close,
    escalated,
    granted,
    handled_late,
    handled_on_time,
    lead_orders,
    open_at_the_end,
    ordered,
    overdue_at_the_end,
    rated,
    received,
    reopened,
    reworked,
    solved_with_district_organ,
    submitted,
    supervised,
    taken_in,
    that_took,
    with_contact_due,
)

SATISFIED_FROM = 4  # of five


def _working_days(period: Period) -> Counter[int]:
    """How many issues that were closed in the period took how many working days from receipt."""
    days, found = calendar(), Counter[int]()
    spans = (
        closed(period)
        .order_by()
        .values_list(
            TruncDate("received_at", tzinfo=SHANGHAI), TruncDate("closed_at", tzinfo=SHANGHAI)
        )
        .annotate(issues=Count("id"))
    )
    for first, last, count in spans:
        found[days.working_days_between(first, last)] += count
    return found


def _days_together(period: Period) -> int:
    return sum(days * count for days, count in _working_days(period).items())


def _twice_the_median(period: Period) -> int:
    """The sum of the two middle ones, so that it is a whole number."""
    spans = sorted(_working_days(period).elements())
    middle = len(spans) // 2
    return spans[(len(spans) - 1) // 2] + spans[middle] if spans else 0


def _late_days(period: Period) -> int:
    """Working days by which the last handling clocks of late issues were passed, together."""
    days, total = calendar(), 0
    last = Clock.objects.filter(
        issue__in=handled_late(period).order_by().values("pk"),
        kind=ClockKind.STEP,
        step__in=HANDLING_STEPS,
        verdict=Verdict.LATE,
    )
    newest = last.order_by("issue_id", "-id").distinct("issue_id")
    for clock in newest:
        due_day = clock.due_at.astimezone(SHANGHAI).date()
        day = (clock.ended_at or clock.due_at).astimezone(SHANGHAI).date()
        total += days.working_days_between(due_day, day)
    return total


def _average(numerator: int, denominator: int | None) -> str:
    return f"{tenths(numerator, denominator)} 个工作日" if denominator else NONE


def _median(numerator: int, denominator: int | None) -> str:
    return f"{tenths(numerator, 2)} 个工作日" if denominator else NONE


def _received_url(period: Period) -> str:
    first = f"&received_from={period.first:%Y-%m-%d}" if period.first else ""
    return f"/issues/?status=all{first}&received_to={period.last:%Y-%m-%d}"


# --- metrics ---

RECEIVED = Metric(
    code="issues_received",
    name="受理问题",
    definition="受理时间在期内的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=received,
    display=exact("件"),
    rows_url=_received_url,
)
CLOSED = Metric(
    code="issues_closed",
    name="结案问题",
    definition="结案时间在期内的问题，不论何时受理",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=closed,
    display=exact("件"),
)
OPEN = Metric(
    code="issues_open",
    name="期末在办问题",
    definition="期末已受理而未结案的问题",
    period_kind=PeriodKind.AS_OF,
    numerator=open_at_the_end,
    display=exact("件"),
)
OVERDUE = Metric(
    code="issues_overdue",
    name="期末超期问题",
    definition="期末在办问题中，当时环节时限已过的（按环节时钟）",
    period_kind=PeriodKind.AS_OF,
    numerator=overdue_at_the_end,
    display=exact("件"),
)
ON_TIME_RATE = Metric(
    code="issues_on_time_rate",
    name="按期办结率",
    definition=(
        "期内结案问题中最后一次办理按期的／有办理时限结论的（按办理环节时钟，含网格速办；"
        "首诊时当场办结的没有办理时钟，不计）"
    ),
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=handled_on_time,
    denominator=closed_with_verdict,
    display=percent,
)
RESOLUTION_RATE = Metric(
    code="issues_resolution_rate",
    name="解决率",
    definition="期内结案、结果为“已解决”且经诉求人或核查人确认的问题／期内结案问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=confirmed_resolved,
    denominator=closed,
    display=percent,
)
FIRST_DIAGNOSIS_RATE = Metric(
    code="issues_first_diagnosis_rate",
    name="首诊解决率",
    definition="期内在网格层级结案的问题／期内结案问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: closed(period).filter(level=Level.GRID),
    denominator=closed,
    display=percent,
)
ESCALATED_TOWN = Metric(
    code="issues_escalated_town",
    name="提级会诊问题",
    definition="期内由网格提级到镇街的问题，一件多次提级计一件",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: escalated(period, Action.ESCALATE_TOWN),
    display=exact("件"),
)
ESCALATED_DISTRICT = Metric(
    code="issues_escalated_district",
    name="提级联诊问题",
    definition="期内由镇街提级到区的问题，一件多次提级计一件",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: escalated(period, Action.ESCALATE_DISTRICT),
    display=exact("件"),
)
ESCALATION_RATE = Metric(
    code="issues_escalation_rate",
    name="提级率",
    definition="期内受理（不含作废）的问题中，曾由网格提级到镇街的／期内受理（不含作废）的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: that_took(taken_in(period), Action.ESCALATE_TOWN),
    denominator=taken_in,
    display=percent,
)
DISTRICT_SHARE = Metric(
    code="issues_district_share",
    name="区级联诊占比",
    definition="期内受理（不含作废）的问题中，曾提级联诊的／期内受理（不含作废）的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: that_took(taken_in(period), Action.ESCALATE_DISTRICT),
    denominator=taken_in,
    display=percent,
)
RESPONSE_RATE = Metric(
    code="issues_response_rate",
    name="响应率",
    definition=(
        "联系诉求人期限在期内、留有联系方式的问题中，期限之前联系上诉求人的／全部（不含作废）"
    ),
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: with_contact_due(period).filter(contacted_at__lte=F("contact_due_at")),
    denominator=with_contact_due,
    display=percent,
)
ACKNOWLEDGEMENT_RATE = Metric(
    code="issues_acknowledgement_rate",
    name="签收及时率",
    definition="期内对主办单位的交办中，期限之前签收（不含视同签收）的／全部交办（不含裁定交办）",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=acknowledged_in_time,
    denominator=lead_orders,
    display=percent,
)
RETURN_RATE = Metric(
    code="issues_return_rate",
    name="退回率",
    definition="期内交办主办单位的问题中，期内申请过退回的／期内交办主办单位的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: ordered(period) & asked(period, ApprovalKind.RETURN),
    denominator=ordered,
    display=percent,
)
EXTENSION_RATE = Metric(
    code="issues_extension_rate",
    name="延期率",
    definition="期内交办主办单位的问题中，期内获准延期的／期内交办主办单位的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: ordered(period) & granted(period, ApprovalKind.EXTENSION),
    denominator=ordered,
    display=percent,
)
SUSPENSION_RATE = Metric(
    code="issues_suspension_rate",
    name="挂起率",
    definition="期内受理（不含作废）的问题中，曾获准挂起的／期内受理（不含作废）的问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: taken_in(period).filter(
        pk__in=Approval.objects.filter(kind=ApprovalKind.SUSPENSION, decision=Decision.APPROVED)
        .order_by()
        .values("issue_id")
    ),
    denominator=taken_in,
    display=percent,
)
CLOSING_RATE = Metric(
    code="issues_closing_rate",
    name="结案率",
    definition="总时限在期内到期（停表的缓办件不计）的问题中，期末已结案的／全部（按总时钟）",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=closed_of_due,
    denominator=due_to_close,
    display=percent,
)
REOPENING_RATE = Metric(
    code="issues_reopening_rate",
    name="重开率",
    definition="期内重开的问题／期内结案的问题与期内重开的问题，每件各计一次",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=reopened,
    denominator=lambda period: Issue.objects.filter(
        pk__in=closed(period)
        .order_by()
        .values("pk")
        .union(reopened(period).order_by().values("pk"))
    ),
    display=percent,
)
AVERAGE_DAYS = Metric(
    code="issues_average_days",
    name="平均办理时间",
    definition="期内结案的问题，从受理到结案的工作日的平均数",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=_days_together,
    denominator=closed,
    display=_average,
)
MEDIAN_DAYS = Metric(
    code="issues_median_days",
    name="办理时间中位数",
    definition="期内结案的问题，从受理到结案的工作日的中位数",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=_twice_the_median,
    denominator=closed,
    display=_median,
)
LATE_DAYS = Metric(
    code="issues_late_days",
    name="超期天数",
    definition="期内结案、最后一次办理超期的问题，超过办理时限的工作日之和（按办理环节时钟）",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=_late_days,
    display=exact("个工作日"),
)
STRIKE_OFF_RATE = Metric(
    code="issues_strike_off_rate",
    name="督办销号率",
    definition="期内发出的督办单中，期末已销号的／期内发出的督办单",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: supervised(period).filter(
        Period(None, period.last).times("struck_off_at")
    ),
    denominator=supervised,
    display=percent,
)
HANDLED_OF_DUE_RATE = Metric(
    code="issues_handled_of_due_rate",
    name="按期办结率（按应办结）",
    definition=(
        "最后一次办理的时限在期内到期（停表的缓办件不计）的问题中，按期办结的／全部"
        "（按办理环节时钟，含网格速办）"
    ),
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: due_to_be_handled(period).filter(verdict=Verdict.ON_TIME),
    denominator=due_to_be_handled,
    display=percent,
)
REWORK_OF_SUBMITTED_RATE = Metric(
    code="issues_rework_of_submitted_rate",
    name="返工率（按办结申请）",
    definition="期内申请办结的问题中，曾返工的／期内申请办结的问题，每件各计一次",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: submitted(period).filter(rework_count__gt=0),
    denominator=submitted,
    display=percent,
)
REWORK_RATE = Metric(
    code="issues_rework_rate",
    name="返工率",
    definition="期内结案问题中曾返工的／期内结案问题",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=reworked,
    denominator=closed,
    display=percent,
)
SATISFACTION_RATE = Metric(
    code="issues_satisfaction_rate",
    name="满意率",
    definition="期内回访评分中 4 分及以上的／有效评分，一件问题以期内最后一次评分为准",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: rated(period).filter(rating__gte=SATISFIED_FROM),
    denominator=rated,
    display=percent,
)
SOLVED_WITH_DISTRICT_ORGAN = Metric(
    code="issues_solved_with_district_organ",
    name="区级机关参与解决的急难愁盼问题",
    article="2793个",
    definition="累计结案、结果为“已解决”，且结案时主办或协办单位中有区级机关的问题",
    period_kind=PeriodKind.ALL_TIME,
    numerator=solved_with_district_organ,
    display=exact("个"),
)

QUARTERLY = (
    RECEIVED,
    CLOSED,
    OPEN,
    OVERDUE,
    ON_TIME_RATE,
    RESOLUTION_RATE,
    FIRST_DIAGNOSIS_RATE,
    ESCALATED_TOWN,
    ESCALATED_DISTRICT,
    REWORK_RATE,
    SATISFACTION_RATE,
)
# What the district looks at besides, on the page of the figures.
PROCESS = (
    ESCALATION_RATE,
    DISTRICT_SHARE,
    RESPONSE_RATE,
    ACKNOWLEDGEMENT_RATE,
    RETURN_RATE,
    EXTENSION_RATE,
    SUSPENSION_RATE,
    HANDLED_OF_DUE_RATE,
    CLOSING_RATE,
    REWORK_OF_SUBMITTED_RATE,
    REOPENING_RATE,
    AVERAGE_DAYS,
    MEDIAN_DAYS,
    LATE_DAYS,
    STRIKE_OFF_RATE,
)
METRICS = (*QUARTERLY, *PROCESS, SOLVED_WITH_DISTRICT_ORGAN)
