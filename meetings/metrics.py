"""The figures that the joint meetings answer for."""

from __future__ import annotations

from datetime import date

from django.db.models import F

from core.choices import PeriodKind
from core.metrics import Metric, Period, and_more, exact, fraction, percent
from meetings.choices import Frequency, MeetingLevel, ResolutionStatus
from meetings.models import Meeting, Resolution
from meetings.quarters import Quarter, quarters_between
from meetings.querysets import MeetingQuerySet, ResolutionQuerySet

UPPER_LEVELS = (MeetingLevel.DISTRICT, MeetingLevel.TOWN)


def held(period: Period) -> MeetingQuerySet:
    return Meeting.objects.held().filter(period.dates("held_on"))


def held_at_district(period: Period) -> MeetingQuerySet:
    return held(period).filter(level=MeetingLevel.DISTRICT)


def quarters_with_meeting(period: Period) -> list[Quarter]:
    """The quarters in which a quarterly district meeting was held, in order."""
    days = held_at_district(period).filter(series__frequency=Frequency.QUARTERLY)
    return sorted({Quarter.of(day) for day in days.values_list("held_on", flat=True) if day})


def quarters_required(period: Period) -> list[Quarter]:
    """The quarters that the period touches; without a beginning, from the first meeting on."""
    first = period.first or _first_meeting()
    return quarters_between(first, period.last) if first and first <= period.last else []


def _first_meeting() -> date | None:
    return (
        Meeting.objects.held()
        .filter(level=MeetingLevel.DISTRICT)
        .order_by("held_on")
        .values_list("held_on", flat=True)
        .first()
    )


def cross_department(period: Period) -> ResolutionQuerySet:
    """Matters of several organisations that district and town meetings decided in the period."""
    return Resolution.objects.filter(
        period.dates("meeting__held_on"), is_cross_department=True, meeting__level__in=UPPER_LEVELS
    )


def due(period: Period) -> ResolutionQuerySet:
    """Resolutions of the district's meetings whose time ran out in the period."""
    return Resolution.objects.filter(period.dates("due_date"), meeting__level=MeetingLevel.DISTRICT)


DISTRICT_MEETINGS = Metric(
    code="district_meetings_held",
    name="区级联席会议",
    definition="期内已召开的区级联席会议，不含已安排、已取消的",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=held_at_district,
    display=exact("次"),
    rows_url=lambda period: f"/meetings/?level={MeetingLevel.DISTRICT}&status=held",
)
QUARTERS_WITH_MEETING = Metric(
    code="district_quarters_with_meeting",
    name="区级联席会议每季度召开",
    article="8/8",
    definition="去年以来召开了区级联席会议的季度／应召开的季度",
    period_kind=PeriodKind.SINCE_LAST_YEAR,
    numerator=lambda period: len(quarters_with_meeting(period)),
    denominator=lambda period: len(quarters_required(period)),
    display=fraction,
    rows_url=lambda period: "/meetings/series/",
)
UPPER_MEETINGS = Metric(
    code="upper_meetings_held",
    name="区镇两级联席会议",
    article="30余场",
    definition="去年以来已召开的区级、镇街级联席会议，不含村社级",
    period_kind=PeriodKind.SINCE_LAST_YEAR,
    numerator=lambda period: held(period).filter(level__in=UPPER_LEVELS),
    display=and_more(10, "场"),
    rows_url=lambda period: "/meetings/?status=held",
)
CROSS_DEPARTMENT_SOLVED = Metric(
    code="cross_department_solved",
    name="推动解决跨部门难题",
    article="65项",
    definition="去年以来区镇两级会议议定的跨部门事项中，截至统计日已销号的（分母为议定的全部）",
    period_kind=PeriodKind.SINCE_LAST_YEAR,
    numerator=lambda period: cross_department(period).filter(
        status=ResolutionStatus.SOLVED, solved_on__lte=period.last
    ),
    denominator=cross_department,
    display=exact("项"),
    rows_url=lambda period: "/meetings/resolutions/?cross=yes&status=solved",
)
RESOLUTIONS_ON_TIME = Metric(
    code="resolutions_on_time_rate",
    name="区级议定事项按期落实率",
    definition="时限在期内的区级议定事项中，时限当日或之前销号的／时限在期内的",
    period_kind=PeriodKind.THIS_QUARTER,
    numerator=lambda period: due(period).filter(solved_on__lte=F("due_date")),
    denominator=due,
    display=percent,
    rows_url=lambda period: "/meetings/resolutions/?level=district",
)
RESOLUTIONS_LATE = Metric(
    code="resolutions_late",
    name="逾期未销号的区级议定事项",
    definition="期末时限已过而未销号的区级议定事项",
    period_kind=PeriodKind.AS_OF,
    numerator=lambda period: Resolution.objects.late_on(period.last).filter(
        meeting__level=MeetingLevel.DISTRICT
    ),
    display=exact("项"),
    rows_url=lambda period: "/meetings/resolutions/?level=district&status=late",
)

QUARTERLY = (DISTRICT_MEETINGS, RESOLUTIONS_ON_TIME, RESOLUTIONS_LATE)
METRICS = (*QUARTERLY, QUARTERS_WITH_MEETING, UPPER_MEETINGS, CROSS_DEPARTMENT_SOLVED)
