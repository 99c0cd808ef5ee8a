"""Keeping, renaming and removing one's own views of the desk. A convenience: no audit."""

from __future__ import annotations

import unicodedata

from django.db import transaction
from django.db.models import QuerySet

from core.errors import NotFoundHere, Refused
from issues.models import SavedView
from people.models import User

MOST = 20  # views of one person
LONGEST_NAME = 20
LONGEST_QUERY = 500


@transaction.atomic
def save(*, by: User, name: str, query: str) -> SavedView:
    """Keep ``query`` (without its question mark) under ``name``.

    Raises Refused for an empty, long or used name, and for more than ``MOST`` views.
    """
    name = _checked(name)
    if len(query) > LONGEST_QUERY:
        raise Refused("条件太多，不能存为视图。")
    mine = _locked(by)
    if mine.filter(name=name).exists():
        raise _used()
    if mine.count() >= MOST:
        raise Refused(f"最多保存 {MOST} 个视图，请先删除不用的。")
    return SavedView.objects.create(user=by, name=name, query=query)


@transaction.atomic
def rename(pk: int, *, by: User, name: str) -> SavedView:
    """Raises NotFoundHere for a view of somebody else, Refused as ``save`` does."""
    name = _checked(name)
    mine = _locked(by)
    view = mine.filter(pk=pk).first()
    if view is None:
        raise NotFoundHere()
    if mine.filter(name=name).exclude(pk=pk).exists():
        raise _used()
    view.name = name
    view.save(update_fields=["name"])
    return view


@transaction.atomic
def delete(pk: int, *, by: User) -> None:
    """Raises NotFoundHere for a view of somebody else."""
    if not SavedView.objects.filter(user=by, pk=pk).delete()[0]:
        raise NotFoundHere()


def _locked(by: User) -> QuerySet[SavedView]:
    """The person's views, which nobody else changes until the end of the transaction."""
    User.objects.select_for_update(of=("self",)).get(pk=by.pk)
    return SavedView.objects.filter(user=by)


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise _wrong("请填写视图名称。")
    if len(name) > LONGEST_NAME:
        raise _wrong(f"名称最多 {LONGEST_NAME} 个字。")
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise _wrong("名称含有不能显示的字符。")
    return name


def _used() -> Refused:
    return _wrong("已有同名视图。")


def _wrong(message: str) -> Refused:
    return Refused(message, fields={"name": [message]})
