"""The pages of the complex areas: their list and each one's own page."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from areas.choices import DemandCategory, Phase, PlaceLevel
from areas.filters import AreaFilter
from areas.models import ComplexArea, Place
from core.keyset import Sort
from core.pages import business_page
from core.registers import Column, Register
from core.templatetags.kit import NONE, badge


def where(area: ComplexArea) -> str:
    """``长桥街道 龙西社区``, and how many communities more, if the area spans several."""
    community = area.lead_community
    others = len(area.communities.all()) - 1
    name = f"{community.town} {community.name}"
    return f"{name} 等 {others + 1} 个村社" if others > 0 else name


def _pilot(area: ComplexArea) -> str:
    if area.is_named_pilot:
        return badge("首批试点", "purple")
    return badge("试点", "blue") if area.is_pilot else NONE


def pilot(area: ComplexArea) -> str:
    """The words of the mark."""
    if area.is_named_pilot:
        return "首批试点"
    return "试点" if area.is_pilot else ""


AREAS = Register(
    title="复杂区域",
    unit="个",
    columns=(
        Column("code", "编号"),
        Column("name", "名称", link=True),
        Column("type", "类型", "get_type_display"),
        Column("where", "所在村社", where),
        Column("phase", "阶段", "get_phase_display"),
        Column("is_pilot", "试点", draw=_pilot, text=pilot),
        Column("households", "户数", hide=True),
        Column(
            "residents",
            "人口",
            lambda area: area.registered_residents + area.migrant_residents,
            hide=True,
        ),
    ),
    sorts={
        "code": Sort("编号", ("code",)),  # its unique index; area_by_type within one type
        "name": Sort("名称", ("name", "id")),  # area_by_name
    },
    default_sort="code",
    filterset=AreaFilter,
    search="q",
    row_url=lambda area: reverse("areas:detail", args=[area.pk]),
    export="areas",
)


@business_page
@require_safe
def area_list(request: HttpRequest) -> HttpResponse:
    rows = ComplexArea.objects.visible_to(request.user).active(timezone.localdate())
    return AREAS.respond(request, rows.with_list_data())


@business_page
@require_safe
def area_detail(request: HttpRequest, pk: int) -> HttpResponse:
    area = get_object_or_404(ComplexArea.objects.visible_to(request.user).with_list_data(), pk=pk)
    levels = list(PlaceLevel)
    chain = area.responsibility_chain.select_related("user")
    context = {
        "area": area,
        "where": where(area),
        "communities": Place.objects.filter(areas=area).select_related("town"),
        "counterparts": area.counterparts.all(),
        "chain": sorted(chain, key=lambda link: (levels.index(PlaceLevel(link.level)), link.pk)),
        "phases": phases(area),
        "demands": demand_structure(area),
    }
    return render(request, "areas/detail.html", context)


@dataclass(frozen=True)
class PhaseMark:
    label: str
    is_current: bool


def phases(area: ComplexArea) -> list[PhaseMark]:
    return [PhaseMark(phase.label, phase == area.phase) for phase in Phase]


@dataclass(frozen=True)
class DemandShare:
    """How many of an area's demands are of one category; ``percent`` has one decimal."""

    label: str
    count: int
    pressing: int
    percent: float


def demand_structure(area: ComplexArea) -> list[DemandShare]:
    """The demands that stand, by category, the most frequent first."""
    counted = (
        area.demands.filter(withdrawn_on__isnull=True)
        .order_by()
        .values("category")
        .annotate(count=Count("pk"), pressing=Count("pk", filter=Q(is_pressing=True)))
    )
    total = sum(row["count"] for row in counted)
    shares = [
        DemandShare(
            DemandCategory(row["category"]).label,
            row["count"],
            row["pressing"],
            round(100 * row["count"] / total, 1),
        )
        for row in counted
    ]
    return sorted(shares, key=lambda share: -share.count)
