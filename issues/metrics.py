"""The figures that the issues answer for.

All periods are whole days of Shanghai. A rate names the clock it judges by; each numerator and each
denominator is a queryset, so that the very rows can be listed.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from core.choices import PeriodKind
from core.metrics import Metric, Period, exact, percent
from issues.choices import Action, ClockKind, Contact, Level, Outcome, Status, Step, Verdict
from issues.models import Assignment, Clock, Issue, IssueEvent, Revisit
from people.choices import OrganisationKind

HANDLING_STEPS = (Step.GRID_HANDLING, Step.HANDLING)
SATISFIED_FROM = 4  # of five


# --- populations ---


def received(period: Period) -> QuerySet[Issue]:
    return Issue.objects.filter(period.times("received_at"))


def closed(period: Period) -> QuerySet[Issue]:
    return Issue.objects.filter(period.times("closed_at"), status=Status.CLOSED)


def open_at_the_end(period: Period) -> QuerySet[Issue]:
    """Received by the end of the period's last day and not closed by then."""
    until = Period(None, period.last)
    return Issue.objects.filter(until.times("received_at")).exclude(
        until.times("closed_at"), closed_at__isnull=False
    )


def overdue_at_the_end(period: Period) -> QuerySet[Issue]:
    """Open at the end of the period, with the step that then ran past its limit."""
    until = Period(None, period.last)
    running = Clock.objects.filter(
        until.times("started_at"), until.times("due_at"), kind=ClockKind.STEP
    ).exclude(until.times("ended_at"), ended_at__isnull=False)
    return open_at_the_end(period).filter(pk__in=running.order_by().values("issue_id"))


def closed_with_verdict(period: Period) -> QuerySet[Any]:
    """Closed issues whose last handling clock was judged, annotated with its ``handling_verdict``.

    The last handling clock is that of the submission which verification passed. What was resolved
    on the spot before anybody took it over has none.
    """
    last = (
        Clock.objects.filter(
            issue=OuterRef("pk"),
            kind=ClockKind.STEP,
            step__in=HANDLING_STEPS,
            verdict__in=[Verdict.ON_TIME, Verdict.LATE],
        )
        .order_by("-id")
        .values("verdict")[:1]
    )
    return (
        closed(period)
        .annotate(handling_verdict=Subquery(last))
        .filter(handling_verdict__isnull=False)
    )


def handled_on_time(period: Period) -> QuerySet[Any]:
    return closed_with_verdict(period).filter(handling_verdict=Verdict.ON_TIME)


def handled_late(period: Period) -> QuerySet[Any]:
    return closed_with_verdict(period).filter(handling_verdict=Verdict.LATE)


def confirmed_resolved(period: Period) -> QuerySet[Any]:
    """Closed as resolved, and confirmed by the last answer of who complained or by a verifier."""
    answer = (
        Revisit.objects.filter(issue=OuterRef("pk"), contact=Contact.REACHED)
        .order_by("-id")
        .values("is_solved")[:1]
    )
    verified = IssueEvent.objects.filter(
        issue=OuterRef("pk"), action=Action.PASS_VERIFICATION
    ).order_by()
    return (
        closed(period)
        .filter(outcome=Outcome.RESOLVED)
        .annotate(is_confirmed=Coalesce(Subquery(answer), Exists(verified)))
        .filter(is_confirmed=True)
    )


def escalated(period: Period, action: Action) -> QuerySet[Issue]:
    steps = IssueEvent.objects.filter(period.times("at"), action=action)
    return Issue.objects.filter(pk__in=steps.order_by().values("issue_id"))


def reworked(period: Period) -> QuerySet[Issue]:
    return closed(period).filter(rework_count__gt=0)


def rated(period: Period) -> QuerySet[Any]:
    """Issues whose last rating was given in the period, annotated with the ``rating``."""
    last = (
        Revisit.objects.filter(period.times("at"), issue=OuterRef("pk"), satisfaction__isnull=False)
        .order_by("-id")
        .values("satisfaction")[:1]
    )
    given = Revisit.objects.filter(period.times("at"), satisfaction__isnull=False)
    return Issue.objects.filter(pk__in=given.order_by().values("issue_id")).annotate(
        rating=Subquery(last)
    )


def solved_with_district_organ(period: Period) -> QuerySet[Issue]:
    """Closed as resolved while a district department was lead or co-unit."""
    organs = Assignment.objects.filter(
        left_seq__isnull=True, unit__kind=OrganisationKind.DISTRICT_DEPARTMENT
    )
    return closed(period).filter(
        outcome=Outcome.RESOLVED, pk__in=organs.order_by().values("issue_id")
    )


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
METRICS = (*QUARTERLY, SOLVED_WITH_DISTRICT_ORGAN)
