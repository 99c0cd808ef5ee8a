"""The effect of a correction: what was wrong is changed, and both versions are on record."""

from __future__ import annotations

from typing import Any

from areas.models import Place
from core.errors import Refused
from issues.choices import Level
from issues.effects.units import can_handle
from issues.models import Issue, Relocation
from issues.taking import Taking

WORDS = {"title": "标题", "description": "内容", "address": "详细地址"}


def correct(step: Taking) -> None:
    """Change what was entered wrongly. Codes go into the event, words into its text."""
    issue = step.case.issue
    changes: dict[str, Any] = {}
    for name, label in WORDS.items():
        new = step.data.get(name)
        if new and new != getattr(issue, name):
            step.words += f"\n{label}：{getattr(issue, name) or '（空）'} → {new}"
            changes[name] = True
            setattr(issue, name, new)
    for name in ("category", "urgency", "area"):
        new = step.data.get(name)
        if new and new != getattr(issue, name):
            old = getattr(issue, name)
            changes[name] = [getattr(old, "pk", old), getattr(new, "pk", new)]
            setattr(issue, name, new)
    place = step.data.get("place")
    if place and place != issue.place:
        changes["place"] = [issue.place_id, place.pk]
        _move(step, place)
    if not changes:
        raise Refused("没有改动，请至少更正一项。")
    if ("area" in changes or "place" in changes) and not _lies_in_its_area(issue):
        if "area" in changes:
            why = "这个复杂区域不在问题所在的村（社区）。"
            raise Refused(why, fields={"area": [why]})
        changes["area"] = [issue.area_id, None]
        issue.area = None
    step.facts["changes"] = changes


def _lies_in_its_area(issue: Issue) -> bool:
    area = issue.area
    return area is None or area.communities.filter(pk__in=[issue.community_id]).exists()


def _move(step: Taking, place: Place) -> None:
    """Whoever saw it at the old place has to forget it; who had it in hand there, too."""
    issue, territory = step.case.issue, step.person.place
    lineage = place.lineage()
    if territory is None or lineage[territory.lineage_column] != territory.pk:
        why = "只能更正到您的辖区之内。"
        raise Refused(why, fields={"place": [why]})
    leaves_the_town = lineage["town_id"] != issue.town_id
    if leaves_the_town and issue.level == Level.TOWN:
        if issue.lead_unit_id:
            why = "已交办镇街单位的问题，不能更正到另一个镇街；请先转办或提级。"
            raise Refused(why, fields={"place": [why]})
        issue.consulted_at = None  # that was the other town
    step.case.relocations.append(Relocation(issue=issue, from_place_id=issue.place_id, at=step.at))
    issue.place = place
    for column, pk in lineage.items():
        setattr(issue, column, pk)
    if issue.handler_id and not can_handle(step, issue.handler_id):
        issue.handler = None
