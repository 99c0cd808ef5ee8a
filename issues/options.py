"""What a step's form offers to choose from, and what it suggests before anything is filled in."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from areas.models import ComplexArea
from core.workdays import SHANGHAI
from issues import duplicates, places
from issues.choices import Action, Complexity, RulingKind
from issues.forms import Groups
from issues.inputs import colleagues
from issues.models import Issue, Ruling
from people.models import Organisation, User

PRECEDENTS = 3
DISPATCHES = (Action.ASSIGN, Action.TRANSFER, Action.ARBITRATE)
FIRST_DIAGNOSIS = (Action.FIRST_HANDLE, Action.RESOLVE_ON_SPOT)


def choices(action: Action, issue: Issue, user: User) -> dict[str, Groups]:
    """The options of fields that name rows, by field."""
    match action:
        case Action.HAND_OVER:
            people = colleagues(issue).exclude(pk=issue.handler_id or 0)
            return {
                "to": [
                    (
                        "",
                        [
                            (person.pk, person.full_name)
                            for person in people.order_by("full_name", "id")
                        ],
                    )
                ]
            }
        case Action.MERGE:
            found = duplicates.candidates(issue, by=user)
            return {"master": [("", [(row.issue.pk, row) for row in found])]}
        case Action.CORRECT:
            areas = ComplexArea.objects.visible_to(user).active(timezone.localdate())
            here = areas.filter(communities__town=issue.town_id).distinct().order_by("name", "id")
            return {
                "category": places.categories(),
                "place": places.to_report_at(user, issue.town),
                "area": [("", [(area.pk, area.name) for area in here])],
            }
    return {}


def suggestions(action: Action, issue: Issue) -> dict[str, Any]:
    """What an untouched form shows: the unit that a ruling or the escalation names."""
    if action != Action.ASSIGN:
        return {}
    found = precedents(issue)
    if found and found[0].unit_id:
        return {"lead_unit": found[0].unit_id}
    asked = (
        issue.events.filter(action=Action.ESCALATE_TOWN, data__has_key="suggested_unit_id")
        .order_by("-seq")
        .values_list("data", flat=True)
        .first()
    )
    return {"lead_unit": asked["suggested_unit_id"]} if asked else {}


def hints(action: Action | None, issue: Issue) -> list[str]:
    """What is good to know while the form is filled in."""
    if action in DISPATCHES:
        return [_told(ruling) for ruling in precedents(issue)]
    if action in FIRST_DIAGNOSIS and issue.category.usual_complexity != Complexity.BASIC:
        usual = issue.category.get_usual_complexity_display()
        return [f"“{issue.category}”通常属于{usual}，宜提级会诊。"]
    return []


def _told(ruling: Ruling) -> str:
    where = ruling.town or "全区"
    return (
        f"裁定库：{ruling.at.astimezone(SHANGHAI):%Y年%m月%d日}{where}同类问题"
        f"（{ruling.issue.number}）{ruling.get_kind_display()}，由{ruling.unit}主办。"
    )


def precedents(issue: Issue) -> list[Ruling]:
    """The latest rulings on like cases, of this town or the whole district, newest first."""
    return list(
        Ruling.objects.filter(
            category=issue.category_id,
            district=issue.district_id,
            kind__in=[RulingKind.ARBITRATE, RulingKind.REFUSE_RETURN],
            unit__in=_assignable(issue),
        )
        .exclude(issue=issue.pk)
        .select_related("unit", "from_unit", "town", "issue")
        .order_by("-at", "-id")[:PRECEDENTS]
    )


def _assignable(issue: Issue) -> Any:
    return Organisation.objects.assignable_in(issue.dispatch_place).order_by().values("pk")
