"""The 裁定库: what was decided on whose duty a matter is, for whoever dispatches the next one."""

from __future__ import annotations

import django_filters
from django.db.models import BooleanField, Case, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from areas.filters import TownFilterSet, town_filter
from core.pages import business_page
from core.registers import Column, Register, Sort
from issues.choices import RulingKind
from issues.filters import ANY, CategoryFilter, categories_in_order
from issues.models import Issue, Ruling
from people.models import Organisation
from people.requests import signed_in


class RulingFilter(TownFilterSet):
    kind = django_filters.ChoiceFilter(label="结论", choices=RulingKind.choices, empty_label=ANY)
    category = CategoryFilter(
        label="类别", method="in_category", queryset=categories_in_order(), empty_label=ANY
    )
    unit = django_filters.ModelChoiceFilter(
        label="确定的主办单位", queryset=Organisation.objects.order_by("id"), empty_label=ANY
    )
    town = town_filter()

    class Meta:
        model = Ruling
        fields: list[str] = []

    def in_category(self, rows: QuerySet[Ruling], name: str, value: object) -> QuerySet[Ruling]:
        return rows.filter(Q(category=value) | Q(category__parent=value))


RULINGS = Register(
    title="裁定库",
    unit="条",
    columns=(
        Column("at", "时间", template="issues/cells/at.html"),
        Column("category", "类别", "category.name"),
        Column("town", "镇街", lambda ruling: ruling.town or "区级"),
        Column("from_unit", "提出退回", "from_unit.name", wrap=True),
        Column("kind", "结论", lambda ruling: ruling.get_kind_display()),
        Column("unit", "确定的主办单位", "unit.name", wrap=True),
        Column("number", "问题", "issue.number", template="issues/cells/ruled_case.html"),
    ),
    # ruling_in_district
    sorts={"at": Sort("时间", ("at", "id"))},
    default_sort="-at",
    filterset=RulingFilter,
    template="issues/rulings.html",
    empty="没有符合条件的裁定",
)


@business_page
@require_safe
def rulings(request: HttpRequest) -> HttpResponse:
    """The rulings of the person's district; the case behind one opens to those who may see it."""
    user = signed_in(request)
    scope = user.scope
    districts = {place.district_id or place.pk for place in scope.places}
    districts |= {place.district_id or place.pk for place in scope.organisation_places}
    seen = Issue.objects.visible_to(user).values("pk")
    rows = (
        Ruling.objects.filter(district__in=districts)
        .select_related("category", "town", "from_unit", "unit", "issue")
        .annotate(
            is_open=Case(
                When(issue__in=seen, then=Value(True)),
                default=Value(False),
                output_field=BooleanField(),
            )
        )
    )
    return RULINGS.respond(request, rows)
