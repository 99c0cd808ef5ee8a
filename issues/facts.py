"""What was decided at a step, in the labels and words of its input; no free text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from areas.models import ComplexArea
from areas.reference import places
from issues.case import Case
from issues.choices import Action, ApprovalKind, Decision, Urgency
from issues.input_fields import PhotosField, UnitField
from issues.inputs import INPUTS
from issues.models import Approval, Issue, IssueEvent, Supervision
from issues.reference import categories
from people.models import Organisation, User
from people.reference import organisations

UNITS = ("lead_unit_id", "suggested_unit_id")
CASES = ("master_id", "merged_id")
CORRECTED = {"category": "类别", "place": "地点", "area": "复杂区域", "urgency": "紧急程度"}


@dataclass(frozen=True)
class Names:
    """What the events of one case name by id, and the records that came of them, by event."""

    units: Mapping[int, Organisation] = field(default_factory=dict)
    people: Mapping[int, User] = field(default_factory=dict)
    cases: Mapping[int, Issue] = field(default_factory=dict)
    corrected: Mapping[str, Mapping[int, Any]] = field(default_factory=dict)
    orders: Mapping[int, Supervision] = field(default_factory=dict)
    extensions: Mapping[int, Approval] = field(default_factory=dict)

    @classmethod
    def of(cls, case: Case, events: Iterable[IssueEvent]) -> Names:
        """One query each for people, cases and areas, where any is named at all."""
        rows = list(events)
        data = [event.data for event in rows]
        units = {row["unit_id"] for one in data for row in one.get("co_units", ())}
        units.update(pk for one in data for pk in one.get("unit_ids", ()))
        changes = [one.get("changes", {}) for one in data]
        return cls(
            units=_known(organisations(), units | _ids(data, *UNITS)),
            people=_in_bulk(User, _ids(data, "to_id")),
            cases=_in_bulk(Issue, _ids(data, *CASES)),
            corrected={
                "category": _known(categories(), _changed_ids(changes, "category")),
                "place": _known(places(), _changed_ids(changes, "place")),
                "area": _in_bulk(ComplexArea, _changed_ids(changes, "area")),
            },
            orders={row.issued_seq: row for row in case.supervisions},
            extensions={
                row.decided_seq: row
                for row in case.approvals
                if row.kind == ApprovalKind.EXTENSION
                and row.decision == Decision.APPROVED
                and row.decided_seq is not None
            },
        )


def facts(event: IssueEvent, names: Names) -> list[tuple[str, str]]:
    """Label and value of each fact, in the order of the input."""
    if event.action == Action.CREATE:
        return []  # the head of the page says it
    found = [
        (str(one.label), value)
        for name, one in _fields(event.action).items()
        if (value := _value(name, one, event.data, names))
    ]
    return [*_records(event, names), *found, *_changes(event.data.get("changes", {}), names)]


@cache
def _fields(action: str) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """The fields of an action's input, for their labels and choices."""
    return dict(INPUTS[Action(action)]().fields) if action in INPUTS else {}


def _value(name: str, one: Any, data: Mapping[str, Any], names: Names) -> str:
    if isinstance(one, PhotosField):
        return ""  # they are shown
    if isinstance(one, UnitField):
        return _unit(names, data.get(f"{name}_id"))
    if isinstance(one, serializers.ListSerializer):
        return "、".join(_unit(names, row["unit_id"]) for row in data.get(name, ()))
    if isinstance(one, serializers.ListField):
        return "、".join(_unit(names, pk) for pk in data.get("unit_ids", ()))
    if isinstance(one, serializers.PrimaryKeyRelatedField):
        return _reference(f"{name}_id", data, names)
    if isinstance(one, serializers.ChoiceField):
        return str(one.choices.get(data.get(name), ""))
    value = data.get(name)
    if isinstance(one, serializers.BooleanField):
        return "" if value is None else "是" if value else "否"
    return str(value or "")


def _reference(name: str, data: Mapping[str, Any], names: Names) -> str:
    pk = data.get(name, 0)
    if name == "to_id" and (person := names.people.get(pk)):
        return person.full_name
    if name in CASES and (case := names.cases.get(pk)):
        return case.number
    return ""


def _records(event: IssueEvent, names: Names) -> list[tuple[str, str]]:
    """What came of the step: the order's number, the dates of an extension, the other case."""
    found = []
    if order := names.orders.get(event.seq):
        found.append(("文号", order.number))
    extension = names.extensions.get(event.seq)
    if extension and extension.old_due_at and extension.new_due_at:
        before, after = (
            f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
            for at in (extension.old_due_at, extension.new_due_at)
        )
        found.append(("办理到期", f"{before} → {after}"))
    if merged := names.cases.get(event.data.get("merged_id", 0)):
        found.append(("另一件", merged.number))
    return found


def _changes(changes: Mapping[str, Any], names: Names) -> list[tuple[str, str]]:
    """Codes and ids before and after a correction; words stand in the event's text."""
    found = []
    for name, label in CORRECTED.items():
        if name in changes:
            old, new = (_changed(name, value, names) for value in changes[name])
            found.append((label, f"{old} → {new}"))
    return found


def _changed(name: str, value: Any, names: Names) -> str:
    if name == "urgency":
        return Urgency(value).label
    return str(names.corrected[name].get(value, "—"))


def _ids(data: Iterable[Mapping[str, Any]], *keys: str) -> set[int]:
    return {one[key] for one in data for key in keys if one.get(key) is not None}


def _changed_ids(changes: Iterable[Mapping[str, Any]], name: str) -> set[int]:
    return {pk for one in changes for pk in one.get(name, ()) if pk}


def _known(rows: Mapping[int, Any], ids: set[int]) -> dict[int, Any]:
    return {pk: rows[pk] for pk in ids if pk in rows}


def _in_bulk(model: Any, ids: set[int]) -> dict[int, Any]:
    return model._default_manager.in_bulk(ids) if ids else {}


def _unit(names: Names, pk: int | None) -> str:
    return names.units[pk].name if pk is not None and pk in names.units else ""
