"""A list as a file: its columns, under its filters, in its order, for whom it is shown to.

Each room names its lists once, when its app is ready:

    exports.offer(Listing("issues", ISSUES, lambda user: Issue.objects.visible_to(user)))

and the register carries that name (``Register(export="issues")``), so that its page has the button.
A file is asked for by the list's name and the page's query string. Whose rows it holds is decided
when it is made, by the same function of the user as the page's, and never carried along.

The ids are read in one statement: the file holds each row once, whatever moves meanwhile. The rows
follow batch by batch in statements of their own, each of which asks again who may see them: no
transaction stays open while a slow browser takes its time, and memory does not grow with the list.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from core import keyset, sheets
from core.branches import narrowed
from core.errors import Busy, Malformed, NotAllowed
from core.sheets import Cell

if TYPE_CHECKING:
    from core.registers import Register

# Inputs in which nothing but a choice or a date can stand.
CHOSEN = (forms.Select, forms.DateInput, forms.CheckboxInput)
QUERY_LENGTH = 2000  # characters of a query string, escaped; no list has filters for more
IDS_AT_ONCE = 10_000  # read by a cursor of the server: the driver would hold them all
BATCH = 500  # rows of one statement, where nobody waits behind it


def _with_list_data(rows: QuerySet[Any]) -> Any:
    return rows.with_list_data()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Listing:
    """A list that can be had as a file.

    ``name`` stands in stored rows and in the audit trail, and never changes. ``scope`` gives the
    rows that a person may see, ``fetch`` asks with them for what the columns read. ``may`` says
    whether the list is open to an account at all.
    """

    name: str
    register: Register
    scope: Callable[[Any], QuerySet[Any]]
    fetch: Callable[[Any], QuerySet[Any]] = _with_list_data
    may: Callable[[Any], bool] = field(default=lambda user: user.sees_business)


_listings: dict[str, Listing] = {}


def offer(*listings: Listing) -> None:
    """Called once by each room, when its app is ready."""
    for listing in listings:
        if listing.register.export != listing.name:
            raise ImproperlyConfigured(f"The register of {listing.name} carries another name.")
        for column in listing.register.columns:
            if (column.draw or column.template) and not column.text:
                raise ImproperlyConfigured(f"{listing.name}.{column.name} has no text for a file.")
        _listings[listing.name] = listing


def offered() -> list[Listing]:
    return list(_listings.values())


def title_of(name: str) -> str:
    """What a list is called; its name, if it is no longer offered."""
    return _listings[name].register.title if name in _listings else name


# --- what is in a file ---


@dataclass(frozen=True)
class Chosen:
    """The rows of a list that one person sees under one set of filters.

    ``visible`` are all that the person sees of it. ``query`` is the query string, escaped.
    ``words`` names the filters in the words of the page. ``filters`` does so for the audit trail:
    with their value where that is a code or a date, by name alone where somebody typed it.
    """

    listing: Listing
    query: str
    visible: QuerySet[Any]
    rows: QuerySet[Any]
    words: str
    filters: str

    @property
    def title(self) -> str:
        return self.listing.register.title

    @property
    def headings(self) -> list[str]:
        return [column.label for column in self.listing.register.columns]

    def is_longer_than(self, limit: int) -> bool:
        return self.rows.order_by()[: limit + 1].count() > limit

    def ids(self) -> array[int]:
        """Return the ids of all rows in the order of the list, eight bytes each. One statement."""
        found = self.rows.values_list("pk", flat=True)
        # A cursor outside a transaction would need a session of its own (docs/scaling.md).
        with transaction.atomic():
            return array("q", found.iterator(chunk_size=IDS_AT_ONCE))

    def batches(self, ids: array[int], size: int = BATCH) -> Iterator[list[list[Cell]]]:
        """Yield the cells of these rows, without those that the person sees no more."""
        register = self.listing.register
        for start in range(0, len(ids), size):
            wanted = ids[start : start + size].tolist()
            still_visible = narrowed(self.visible.filter(pk__in=wanted))
            found = {row.pk: row for row in register.data(list(still_visible))}
            yield [
                [sheets.cell(column.said_of(found[pk])) for column in register.columns]
                for pk in wanted
                if pk in found
            ]


def choose(name: str, query: str, *, by: AbstractBaseUser) -> Chosen:
    """Return what ``by`` sees of a list under a query string.

    Raises Malformed for an unknown list and for a filter or sort that the list itself refuses, in
    its words; NotAllowed for an account that may not see the list.
    """
    if name not in _listings:
        raise Malformed("没有这个可以导出的列表。")
    asked = QueryDict(query)
    # Escaped, it is of one byte a character and without NUL: it fits into its column and its index.
    query = asked.urlencode()
    if len(query) > QUERY_LENGTH:
        raise Malformed("筛选条件过长。")
    listing = _listings[name]
    if not (by.is_active and listing.may(by)):
        raise NotAllowed("您的账号不能查看这个列表。")
    # Filters ask the request for the user, on the page as in a worker.
    request = HttpRequest()
    request.user = by  # type: ignore[assignment]
    request.GET = asked
    visible = listing.fetch(listing.scope(by)).order_by()
    selected = listing.register.selection(request, visible)
    rows = keyset.ordered(selected.rows, selected.sort, descending=selected.descending)
    words = "，".join(f"{chip.label}：{chip.value}" for chip in selected.chips)
    return Chosen(listing, query, visible, rows, words, _filters(selected.form))


def _filters(form: Any) -> str:
    if form is None:
        return ""
    said = []
    for bound in form.visible_fields():
        if form.cleaned_data.get(bound.name) in (None, "", []) or not bound.data:
            continue
        chosen = isinstance(bound.field.widget, CHOSEN)
        said.append(f"{bound.label}={bound.data}" if chosen else str(bound.label))
    return "、".join(said)


def file_name(title: str, suffix: str, at: datetime | None = None) -> str:
    return f"{title}_{timezone.localtime(at):%Y%m%d-%H%M}.{suffix}"


# --- CSV, while the browser reads ---

# A stream works beside the pages of its process and takes turns with them: after each few rows it
# rests several times as long as they took, so that the pages keep most of the processor. And there
# are fewer streams than threads, so that pages keep a thread.
STREAMS = threading.BoundedSemaphore(2)  # of this process
STREAM_BATCH = 100  # rows between two rests: some milliseconds
REST = 5  # times the work


class Stream:
    """The parts of a CSV file, as bytes. Raises Busy when as many are under way as may be."""

    def __init__(self, chosen: Chosen, ids: array[int]) -> None:
        if not STREAMS.acquire(blocking=False):
            raise Busy("同时导出的人较多，请过几分钟再试；行数多时可以选 Excel，由后台生成。")
        self._closed = threading.Lock()
        batches = chosen.batches(ids, STREAM_BATCH)
        self._parts = _paced(sheets.parts_of_csv(chosen.headings, batches))

    def __iter__(self) -> Iterator[bytes]:
        return (part.encode() for part in self._parts)

    def close(self) -> None:
        """Called when the answer is out, or the browser has gone."""
        if self._closed.acquire(blocking=False):
            STREAMS.release()


def _paced(parts: Iterator[str]) -> Iterator[str]:
    while True:
        started = time.perf_counter()
        part = next(parts, None)
        if part is None:
            return
        took = time.perf_counter() - started
        yield part
        time.sleep(REST * took)
