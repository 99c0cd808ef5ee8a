"""Loading the whole district in one transaction, so that a killed load leaves nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from django.db import connection, transaction

from areas.models import Place
from core.errors import Refused
from governance.reference import (
    complex_areas,
    demo,
    history,
    joint_meetings,
    key_projects,
    organisations,
    scripts,
    staff,
    territory,
)
from governance.reference.history import Size
from governance.reference.pictures import Album
from governance.reference.staff import Roster
from governance.reference.stage import Stage
from governance.reference.tail import Tail

EARLIEST_TODAY = date(2026, 2, 1)

Say = Callable[[str], None]


def is_loaded() -> bool:
    return Place.objects.exists()


def load(*, size: Size, today: date, say: Say = lambda text: None) -> None:
    """Build the reference district as it stands on the morning of ``today``.

    Raises Refused when the database already holds places, or ``today`` lies too early.
    """
    if today < EARLIEST_TODAY:
        raise Refused(
            f"参考数据的历史到 {history.LAST_DAY} 为止，--today 不能早于 {EARLIEST_TODAY}。"
        )
    if is_loaded():
        raise Refused("数据库里已经有数据，参考数据只能装入空的数据库。")
    with Album() as album, transaction.atomic():
        _build(size, today, album, say)


def _build(size: Size, today: date, album: Album, say: Say) -> None:
    say("地区、组织和人员 …")
    district = territory.create()
    organisations.create(district)
    staff.create(district)
    staff.appoint_deputies(today)
    say("复杂区域和诉求 …")
    complex_areas.create(district, Roster(today))
    stage = Stage(today)
    say("问题的历史 …")
    _issues(stage, size, today, album)
    say("攻坚项目和联席会议 …")
    key_projects.create(stage, today)
    joint_meetings.create(stage, today)
    scripts.deliver(unread_since=scripts.unread_since(today))
    demo.welcome(today)
    # Everything written so far is delivered: nobody is to be woken for it.
    connection.run_on_commit.clear()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # else the first pages are planned for empty tables


def _issues(stage: Stage, size: Size, today: date, album: Album) -> None:
    with _no_garbage_collection():
        told = history.scripts(stage, size) + Tail(stage, today).scripts(size)
        album.illustrate(told, size)
        scripts.write(told, unread_since=scripts.unread_since(today))
    scripts.remind(stage.calendar, today)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Half a million rows hold no cycles: to look for some costs a quarter of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
