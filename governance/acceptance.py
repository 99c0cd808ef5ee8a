"""The figures that the article prints, each held against what the rows of the database say.

Those of this list are answered; the article's other figures belong to parts of the platform that
come later, and are never said to be reached.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet

from areas.choices import AreaType, DemandCategory, PlaceLevel
from areas.models import ComplexArea, Demand, Place
from areas.querysets import AreaQuerySet
from core.choices import PeriodKind
from core.metrics import Metric, Period, exact, percent
from issues.metrics import SOLVED_WITH_DISTRICT_ORGAN
from meetings.metrics import (
    CROSS_DEPARTMENT_SOLVED,
    DISTRICT_MEETINGS,
    QUARTERS_WITH_MEETING,
    UPPER_MEETINGS,
)
from projects.metrics import FIVE_ELEMENTS, PUBLISHED

AREAS_BY_TYPE = {
    AreaType.URBAN_VILLAGE: 111,
    AreaType.RESETTLEMENT_ESTATE: 42,
    AreaType.OPEN_BLOCK: 18,
    AreaType.ADJOINING_AREA: 15,
}
LEADING_DEMANDS = (
    DemandCategory.CONSTRUCTION,
    DemandCategory.SAFETY,
    DemandCategory.SERVICE,
)


# --- populations ---


def towns(period: Period) -> QuerySet[Place]:
    """The towns whose code is in force on the last day of the period."""
    day = period.last
    return Place.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=day),
        Q(valid_to__isnull=True) | Q(valid_to__gt=day),
        level=PlaceLevel.TOWN,
    )


def areas(period: Period) -> AreaQuerySet:
    return ComplexArea.objects.active(period.last)


def areas_of(type_: AreaType) -> Metric:
    return Metric(
        code=f"areas_{type_}",
        name=f"复杂区域：{type_.label}",
        article=f"{AREAS_BY_TYPE[type_]}个",
        definition=f"截至统计日已登记、未退出的{type_.label}",
        period_kind=PeriodKind.AS_OF,
        numerator=lambda period: areas(period).filter(type=type_),
        display=exact("个"),
        rows_url=lambda period: f"/areas/?type={type_}",
    )


def communities_with_areas(period: Period) -> QuerySet[Place]:
    through = ComplexArea.communities.through.objects.filter(complexarea__in=areas(period))
    return Place.objects.filter(
        level=PlaceLevel.COMMUNITY, pk__in=through.order_by().values("place_id")
    )


def demands(period: Period) -> QuerySet[Demand]:
    """Demands recorded by the last day of the period and not withdrawn by then."""
    return Demand.objects.filter(
        Q(withdrawn_on__isnull=True) | Q(withdrawn_on__gt=period.last), period.dates("recorded_on")
    )


# --- the table ---

ACCEPTANCE: tuple[Metric, ...] = (
    Metric(
        code="towns",
        name="镇（街道）",
        article="14个",
        definition="统计日区划代码有效的镇（街道）",
        period_kind=PeriodKind.AS_OF,
        numerator=towns,
        display=exact("个"),
    ),
    Metric(
        code="towns_with_areas",
        name="有复杂区域的镇（街道）",
        article="13个",
        definition="截至统计日有已登记、未退出的复杂区域的镇（街道）",
        period_kind=PeriodKind.AS_OF,
        numerator=lambda period: Place.objects.filter(
            level=PlaceLevel.TOWN,
            pk__in=communities_with_areas(period).order_by().values("town_id"),
        ),
        display=exact("个"),
    ),
    Metric(
        code="communities_with_areas",
        name="有复杂区域的村（社区）",
        article="86个",
        definition="截至统计日有已登记、未退出的复杂区域的村（社区）",
        period_kind=PeriodKind.AS_OF,
        numerator=communities_with_areas,
        display=exact("个"),
    ),
    Metric(
        code="areas",
        name="复杂区域",
        article="186个",
        definition="截至统计日已登记、未退出的复杂区域",
        period_kind=PeriodKind.AS_OF,
        numerator=areas,
        display=exact("个"),
        rows_url=lambda period: "/areas/",
    ),
    *(areas_of(type_) for type_ in AREAS_BY_TYPE),
    Metric(
        code="named_pilots",
        name="首批试点区域",
        article="3个",
        definition="截至统计日已登记、未退出的首批试点复杂区域，不含其他试点",
        period_kind=PeriodKind.AS_OF,
        numerator=lambda period: areas(period).filter(is_named_pilot=True),
        display=exact("个"),
    ),
    Metric(
        code="leading_demands",
        name="建设、安全、服务类诉求占比",
        article="78.5%",
        definition="截至统计日已登记、未撤销的诉求中，建设、安全、服务三类所占的比例",
        period_kind=PeriodKind.AS_OF,
        numerator=lambda period: demands(period).filter(category__in=LEADING_DEMANDS),
        denominator=demands,
        display=percent,
    ),
    PUBLISHED,
    FIVE_ELEMENTS,
    SOLVED_WITH_DISTRICT_ORGAN,
    replace(
        DISTRICT_MEETINGS,
        code="district_meetings_since_last_year",
        name="去年以来区级联席会议",
        period_kind=PeriodKind.SINCE_LAST_YEAR,
        article="8次",
    ),
    QUARTERS_WITH_MEETING,
    UPPER_MEETINGS,
    CROSS_DEPARTMENT_SOLVED,
)


@dataclass(frozen=True)
class Later:
    """A figure of the article for which the platform has no rows yet."""

    name: str
    article: str


LATER: tuple[Later, ...] = (
    Later("共性问题", "3类"),
    Later("个性问题", "24类"),
    Later("操作指南", "4份"),
    Later("项目库类别", "4大类"),
    Later("项目库方面", "13个"),
    Later("“厂中厂”安全隐患整治", "127处"),
    Later("新增泊位", "17210个"),
    Later("群租房隐患整改", "598处"),
    Later("推广应用的复杂区域", "超70%"),
    Later("区级机关出动", "5900余人次"),
    Later("志愿服务", "328次"),
    Later("惠及群众", "9.8万人"),
    Later("海棠先锋", "260余名"),
    Later("十例十法", "10例10法"),
)
