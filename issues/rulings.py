"""The 裁定库: what was decided on whose duty a matter is, for whoever dispatches the next one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from areas.filters import TownFilterSet, town_filter
from core.branches import narrowed
from core.keyset import Sort
from core.pages import business_page
from core.registers import Column, Register
from core.selects import RowFilter
from issues.choices import RulingKind
from issues.filters import ANY, category_filter
from issues.models import Issue, Ruling
from people.models import User
from people.reference import organisations
from people.requests import signed_in


class RulingFilter(TownFilterSet):
    kind = django_filters.ChoiceFilter(label="结论", choices=RulingKind.choices, empty_label=ANY)
    category = category_filter()
    unit = RowFilter(label="确定的主办单位", rows=organisations, empty_label=ANY)
    town = town_filter()

    class Meta:
        model = Ruling
        fields: list[str] = []

    def in_category(self, rows: QuerySet[Ruling], name: str, value: object) -> QuerySet[Ruling]:
        return rows.filter(Q(category=value) | Q(category__parent=value))


def _case(ruling: Ruling) -> str:
    """The number of the case that was ruled on, as a link for who may read it."""
    number = ruling.issue.number
    if not ruling.is_open:  # type: ignore[attr-defined]
        return number
    return format_html('<a href="{}">{}</a>', ruling.issue.get_absolute_url(), number)


RULINGS = Register(
    title="裁定库",
    unit="条",
    columns=(
        Column("at", "时间"),
        Column("category", "类别", "category.name"),
        Column("town", "镇街", lambda ruling: ruling.town or "区级"),
        Column("from_unit", "提出退回", "from_unit.name", wrap=True),
        Column("kind", "结论", lambda ruling: ruling.get_kind_display()),
        Column("unit", "确定的主办单位", "unit.name", wrap=True),
        Column("number", "问题", "issue.number", draw=_case, text="issue.number"),
    ),
    # ruling_in_district
    sorts={"at": Sort("时间", ("at", "id"))},
    default_sort="-at",
    filterset=RulingFilter,
    template="issues/rulings.html",
    empty="没有符合条件的裁定",
    export="rulings",
)


def of_district(user: User) -> QuerySet[Ruling]:
    """The rulings of the person's district."""
    scope = user.scope
    districts = {place.district_id or place.pk for place in scope.places}
    districts |= {place.district_id or place.pk for place in scope.organisation_places}
    return Ruling.objects.filter(district__in=districts)


def with_list_data(rows: QuerySet[Ruling]) -> QuerySet[Ruling]:
    return rows.select_related("category", "town", "from_unit", "unit", "issue")


@business_page
@require_safe
def rulings(request: HttpRequest) -> HttpResponse:
    """The rulings of the person's district; the case behind one opens to those who may see it."""
    user = signed_in(request)

    def with_opening(rows: list[Any]) -> list[Any]:
        cases = Issue.objects.visible_to(user).filter(pk__in=[row.issue_id for row in rows])
        seen = set(narrowed(cases).values_list("pk", flat=True))
        for row in rows:
            row.is_open = row.issue_id in seen
        return rows

    return replace(RULINGS, data=with_opening).respond(request, with_list_data(of_district(user)))
