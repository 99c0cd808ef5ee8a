"""Excel files too long to wait for: asked for, made by a worker of their own, fetched, expired.

A task may run twice, and a worker may be killed at any moment. Every run writes a file of its own;
one transaction puts it in its place, marks the row, and writes the message and the audit entry.
Redis may lose its queue: the sweep asks again for what has stood still, for some hours.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError as QueueError

from core import audit, exports, outbox, sheets
from core.choices import ExportStatus, MessageKind
from core.errors import NotAllowed, Refused
from core.models import ExportFile, Message
from core.sheets import Cell
from core.trail import Trail

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

logger = logging.getLogger(__name__)

AT_ONCE = 2000  # rows of an Excel file for which somebody may be kept waiting
OF_ONE_PERSON = 2  # files being made at a time
KEPT_FOR = timedelta(days=7)
REMEMBERED_FOR = timedelta(days=90)  # rows of files that are gone
MOST_ATTEMPTS = 3  # a file on which the worker dies each time
STANDS_STILL = timedelta(minutes=10)  # without progress, then it is asked for again
GIVEN_UP_AFTER = timedelta(hours=3)  # if it still stands still
TOLD_EVERY = 1.0  # seconds between two writings of the progress
_ONE_RETRY = {"max_retries": 1, "interval_start": 0}  # as core.outbox: a request must not wait


class _Superseded(Exception):
    """Another run has finished this file, or nobody wants it any more."""


def folder() -> Path:
    return Path(settings.MEDIA_ROOT) / "exports"


def path_of(file: ExportFile) -> Path:
    return Path(settings.MEDIA_ROOT) / file.name


def files_of(user: AbstractBaseUser) -> QuerySet[ExportFile]:
    return ExportFile.objects.filter(owner_id=user.pk)


def may_fetch(file: ExportFile, user: Any) -> bool:
    """Whether the owner still holds every posting under which the file was made."""
    held = {posting.pk for posting in user.current_postings}
    return user.sees_business and held.issuperset(file.postings)


# --- asking ---


@transaction.atomic
def ask(chosen: exports.Chosen, *, by: AbstractBaseUser) -> ExportFile:
    """Have the file made, or return the same one if it is being made. Raises Refused."""
    # One request of a person at a time, so that counting holds.
    get_user_model().objects.select_for_update(no_key=True).get(pk=by.pk)
    unfinished = list(files_of(by).filter(status__in=ExportFile.UNFINISHED))
    listing = chosen.listing.name
    for file in unfinished:
        if (file.listing, file.query) == (listing, chosen.query):
            return file
    if len(unfinished) >= OF_ONE_PERSON:
        raise Refused(
            f"您已有 {len(unfinished)} 份文件正在生成，请等其中一份完成后再导出。",
            code="too_many_exports",
        )
    file = ExportFile.objects.create(
        owner_id=by.pk,
        listing=listing,
        title=chosen.title,
        query=chosen.query,
        words=chosen.words,
    )
    transaction.on_commit(lambda: _queue(file.pk))
    return file


def _queue(pk: uuid.UUID) -> None:
    try:
        # By name, as core.tasks stands above this module.
        current_app.send_task("core.tasks.make_export", [str(pk)], retry_policy=_ONE_RETRY)
    except (QueueError, OSError) as error:
        logger.warning("the exporter could not be woken, the next sweep will ask again: %s", error)


# --- making ---


def make(pk: uuid.UUID) -> None:
    """Make a file that was asked for; nothing happens if it is made, failed or gone already."""
    file = _begin(pk)
    if file is None:
        return
    try:
        _make(file)
    except _Superseded:
        return
    except Refused as refused:
        _fail(file, refused.message)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the sweep will ask again
    except Exception:
        _fail(file, "生成文件时出错，请稍后重新导出；仍不行时请联系系统管理员。")
        raise


@transaction.atomic
def _begin(pk: uuid.UUID) -> ExportFile | None:
    unfinished = ExportFile.objects.filter(status__in=ExportFile.UNFINISHED)
    file = unfinished.select_for_update().filter(pk=pk).first()
    if file is None:
        return None
    if file.attempts >= MOST_ATTEMPTS:
        _fail(file, "多次尝试都没有生成，请缩小范围后重新导出，或联系系统管理员。")
        return None
    file.attempts += 1
    file.status = ExportStatus.RUNNING
    file.rows_done = 0
    file.touched_at = timezone.now()
    file.save()
    return file


def _make(file: ExportFile) -> None:
    owner: Any = get_user_model().objects.get(pk=file.owner_id)
    try:
        chosen = exports.choose(file.listing, file.query, by=owner)
    except NotAllowed:
        raise NotAllowed("您的任职已有变化，现在不能查看这个列表，文件没有生成。") from None
    ids = chosen.ids()
    if len(ids) > sheets.MOST_ROWS:
        raise Refused(
            f"共 {len(ids):,} 行，超过一张 Excel 表能容纳的 {sheets.MOST_ROWS:,} 行，"
            "请缩小范围，或导出 CSV。"
        )
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{file.pk}-", suffix=".part", dir=folder()) as name:
        scratch = Path(name)
        made = scratch / "made.xlsx"
        _tell(file, 0, len(ids))
        rows = _counted(file, chosen.batches(ids), len(ids))
        sheets.write_xlsx(made, chosen.title, chosen.headings, rows, scratch=scratch)
        _finish(file, chosen, made, owner)


def _counted(
    file: ExportFile, batches: Iterator[list[list[Cell]]], total: int
) -> Iterator[list[Cell]]:
    """Pass the rows on and say now and then how many there were."""
    done, told = 0, time.monotonic()
    for rows in batches:
        yield from rows
        done += len(rows)
        if time.monotonic() - told >= TOLD_EVERY:
            _tell(file, done, total)
            told = time.monotonic()
    _tell(file, done, done)  # without those that went out of sight meanwhile
    file.rows_done = done


def _tell(file: ExportFile, done: int, total: int) -> None:
    running = ExportFile.objects.filter(pk=file.pk, status=ExportStatus.RUNNING)
    if not running.update(rows_done=done, rows_total=total, touched_at=timezone.now()):
        raise _Superseded


@transaction.atomic
def _finish(file: ExportFile, chosen: exports.Chosen, made: Path, owner: Any) -> None:
    running = ExportFile.objects.filter(pk=file.pk, status=ExportStatus.RUNNING)
    row = running.select_for_update().first()
    if row is None:
        raise _Superseded
    now = timezone.now()
    row.status = ExportStatus.DONE
    row.rows_done = row.rows_total = file.rows_done
    row.size = made.stat().st_size
    row.postings = sorted(posting.pk for posting in owner.current_postings)
    row.finished_at = row.touched_at = now
    row.expires_at = now + KEPT_FOR
    row.save()
    audit.record(
        by=owner,
        action=Trail.EXPORTED,
        target=row,
        detail=audited(chosen, "xlsx", row.rows_done),
        at=now,
    )
    until = timezone.localtime(row.expires_at)
    _message(
        row,
        title=f"导出文件已生成：{row.title}（{row.rows_done:,} 行）",
        body=f"可下载至 {until:%Y-%m-%d %H:%M}，到期自动删除。",
        url=reverse("exports:file", args=[row.pk]),
    )
    made.replace(path_of(row))


@transaction.atomic
def _fail(file: ExportFile, reason: str) -> None:
    failed = ExportFile.objects.filter(pk=file.pk, status__in=ExportFile.UNFINISHED)
    now = timezone.now()
    if failed.update(
        status=ExportStatus.FAILED,
        reason=reason,
        query="",
        words="",
        finished_at=now,
        touched_at=now,
    ):
        # A run may have put it there and not have been able to say so.
        _unlink(file)
        _message(
            file, title=f"导出文件未能生成：{file.title}", body=reason, url=reverse("exports:list")
        )


def _message(file: ExportFile, *, title: str, body: str, url: str) -> None:
    outbox.post(
        [
            Message(
                key=f"export:{file.pk}",
                recipient_id=file.owner_id,
                kind=MessageKind.EXPORT,
                title=title,
                body=body,
                url=url,
            )
        ]
    )


def audited(chosen: exports.Chosen, form: str, rows: int) -> dict[str, Any]:
    """What the audit trail keeps of an export."""
    return {
        "list": chosen.listing.name,
        "format": form,
        "rows": rows,
        "filters": chosen.filters or None,
    }


# --- the end ---


def withdraw(listing: str, *, reason: str) -> None:
    """Delete every file of a list, of whomever, since something in it is to be read no more.

    One that is being made fails for ``reason``; one that still waits will hold what there is then.
    Called last in the transaction that takes the thing away: a file does not come back.
    """
    files = ExportFile.objects.filter(listing=listing)
    # Locked, those that wait are not begun before the end of the transaction. And those that are
    # finished while this one waits for them are among the done.
    for file in files.select_for_update().filter(status__in=ExportFile.UNFINISHED):
        if file.status == ExportStatus.RUNNING:
            _fail(file, reason)
    _expire(files.filter(status=ExportStatus.DONE))


def _expire(done: QuerySet[ExportFile]) -> int:
    expired = 0
    for file in done:
        expired += done.filter(pk=file.pk).update(status=ExportStatus.EXPIRED, query="", words="")
        _unlink(file)
    return expired


def _unlink(file: ExportFile) -> None:
    """Delete the file once it is certain that its row says so. Should this process end in between,
    the next sweep finds a file that no row wants.
    """
    transaction.on_commit(partial(path_of(file).unlink, missing_ok=True))


def sweep(now: datetime | None = None) -> int:
    """Delete what has expired, ask again for what stands still, and give up what has done so for
    hours; return how many rows.
    """
    now = now or timezone.now()
    swept = _expire(ExportFile.objects.filter(status=ExportStatus.DONE, expires_at__lte=now))
    still = ExportFile.objects.filter(
        status__in=ExportFile.UNFINISHED, touched_at__lte=now - STANDS_STILL
    )
    hours = GIVEN_UP_AFTER // timedelta(hours=1)
    for file in still:
        if file.created_at <= now - GIVEN_UP_AFTER:
            _fail(file, f"等了 {hours} 小时仍没有生成，请稍后重新导出；仍不行时请联系系统管理员。")
            swept += 1
        elif still.filter(pk=file.pk).update(touched_at=now):
            swept += 1
            _queue(file.pk)
    ExportFile.objects.filter(
        status__in=[ExportStatus.EXPIRED, ExportStatus.FAILED],
        created_at__lte=now - REMEMBERED_FOR,
    ).delete()
    _remove_leftovers(now)
    return swept


def _remove_leftovers(now: datetime) -> None:
    """Remove what killed runs left behind, a day later: a run that still writes keeps its own.
    And files that nobody can be given any more.
    """
    for left in folder().glob("*.part"):
        if left.stat().st_mtime < (now - timedelta(days=1)).timestamp():
            shutil.rmtree(left, ignore_errors=True)
    # The files first, then the rows: one that is put in its place in between is not among them.
    old = [
        path
        for path in folder().glob("*.xlsx")
        if path.stat().st_mtime < (now - STANDS_STILL).timestamp()
    ]
    wanted = ExportFile.objects.filter(status__in=[*ExportFile.UNFINISHED, ExportStatus.DONE])
    names = {str(pk) for pk in wanted.values_list("pk", flat=True)}
    for path in old:
        if path.stem not in names:
            path.unlink(missing_ok=True)
