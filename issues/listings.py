"""The lists of this room that can be had as a file."""

from django.db.models import QuerySet

from core import exports
from issues import rulings
from issues.models import Issue
from issues.views import ISSUES

# What the columns read. Whom to call is not among them, and is not read at all.
FIELDS = (
    "number",
    "title",
    "urgency",
    "level",
    "status",
    "due_at",
    "yellow_at",
    "overall_due_at",
    "received_at",
    "category_id",
    "lead_unit_id",
    "place_id",
    "district_id",
    "town_id",
    "community_id",
    "grid_id",
)


def _fields(rows: QuerySet[Issue]) -> QuerySet[Issue]:
    return rows.only(*FIELDS)


exports.offer(
    exports.Listing(
        "issues",
        ISSUES,
        lambda user: Issue.objects.visible_to(user),
        fetch=_fields,
    ),
    exports.Listing("rulings", rulings.RULINGS, rulings.of_district, fetch=rulings.with_list_data),
)
