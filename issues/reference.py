"""Categories and time limits, which the district's task force keeps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from areas.reference import places
from core import audit
from core.errors import NotAllowed, Refused
from core.kept import Kept
from issues.models import Category, Issue, TimeLimit
from issues.trail import Trail
from people.models import User
from people.reference import organisations


def _load_categories() -> dict[int, Category]:
    found = {row.pk: row for row in Category.objects.order_by("id")}
    for row in found.values():
        if row.parent_id is not None:
            row.parent = found[row.parent_id]
    return found


_kept_categories = Kept(_load_categories, Category)


def categories() -> dict[int, Category]:
    """All categories by id, each with its parent. Read-only."""
    return _kept_categories.get()


PLACES = [(name, f"{name}_id") for name in ("place", "district", "town", "community", "grid")]


def with_reference_data(issues: Iterable[Issue]) -> list[Issue]:
    """The issues with category, lead unit and places from memory; what was added to these since
    they were read is left to be read when it is asked for.
    """
    rows, units, known = list(issues), organisations(), categories()
    territory = places()
    for issue in rows:
        # Where the attribute itself would put it, at a tenth of its price.
        cache = issue._state.fields_cache
        if category := known.get(issue.category_id):
            cache["category"] = category
        if unit := units.get(issue.lead_unit_id or 0):
            cache["lead_unit"] = unit
        for name, attribute in PLACES:
            if place := territory.get(getattr(issue, attribute) or 0):
                cache[name] = place
    return rows


@transaction.atomic
def save_category(category: Category, *, by: User) -> None:
    """Write a new or changed category. Raises Refused where ``check_category`` does."""
    _require_task_force(by)
    check_category(category)
    category.save()
    audit.record(
        by=by,
        action=Trail.CATEGORY_SAVED,
        target=category,
        detail={
            "parent": category.parent_id,
            "usual_complexity": category.usual_complexity,
            "usual_urgency": category.usual_urgency,
            "needs_verification": category.needs_verification,
            "is_active": category.is_active,
        },
    )


def check_category(category: Category) -> None:
    """Categories have two levels, and an active one stands under an active one."""
    parent = category.parent
    if parent is not None:
        if parent.parent_id is not None or parent == category:
            _refuse("parent", "类别只有两级，上级须为一级类别。")
        if category.pk and category.children.exists():
            _refuse("parent", "这个类别有下级，不能再归到别的类别之下。")
        if category.is_active and not parent.is_active:
            _refuse("is_active", "上级类别已停用。")
    elif category.pk and not category.is_active and category.children.filter(is_active=True):
        _refuse("is_active", "请先停用它的下级类别。")


@transaction.atomic
def save_limit(limit: TimeLimit, *, by: User) -> None:
    """Write a limit for a day to come, or change one that is not in force yet.

    A limit in force is never edited: a later row takes its place, so that one can tell which limit
    a clock was given. Raises Refused.
    """
    _require_task_force(by)
    check_limit(limit)
    limit.save()
    audit.record(
        by=by,
        action=Trail.LIMIT_SAVED,
        target=limit,
        detail={
            "step": limit.step,
            "level": limit.level,
            "urgency": limit.urgency,
            "category": limit.category_id,
            "value": limit.value,
            "unit": limit.unit,
            "effective_from": limit.effective_from,
        },
    )


def check_limit(limit: TimeLimit) -> None:
    today = timezone.localdate()
    if limit.pk and is_in_force(TimeLimit.objects.get(pk=limit.pk), today):
        raise Refused("已生效的时限不能修改，请另加一条，从新的日期起生效。")
    if limit.effective_from <= today:
        _refuse("effective_from", "生效日期须在今天之后。")
    try:
        limit.full_clean()
    except ValidationError as error:
        raise Refused("时限设置有误。", fields=error.message_dict) from error


def is_in_force(limit: TimeLimit, day: date) -> bool:
    """Whether a limit counts on ``day``, or has counted before it."""
    return limit.effective_from <= day


def _require_task_force(by: User) -> None:
    if not by.may_edit_reference_data:
        raise NotAllowed()


def _refuse(field: str, message: str) -> None:
    raise Refused(message, fields={field: [message]})
