"""Search in Chinese text, which has no spaces between its words: by pairs of characters.

Each kind of thing that is searched has a table of entries, one for each row, kept by triggers of
the database: whoever writes the row, the entry is true in the same transaction. A word of a query
is found where all pairs of its characters occur, by the index, and the word itself, by reading.
Upper and lower case, full width and half width make no difference.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import django_filters
import pgtrigger
from django import forms
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.cache import caches
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models import BooleanField, F, Func, OuterRef, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from core.branches import Alongside, Listed

Rows = TypeVar("Rows", bound=QuerySet[Any])
Scope = Sequence[str] | None
EVERYTHING: Scope = ()

# Up to so many hits are fetched by the index, then put in order. Of more there is one in any few
# hundred rows: then the rows are read in their order until a page is full.
MANY = 3_000
KNOWN_FOR = 3600  # seconds
LENGTH = 60  # characters of a query
TOO_SHORT = "请输入至少两个相连的字、字母或数字。"
AROUND = 32  # characters shown on either side of a hit
BREAKS = "。！？；\n"


class Folded(Func):
    function = "folded"
    output_field = models.TextField()


class Bigrams(Func):
    function = "bigrams"
    output_field = ArrayField(models.TextField())


class Keys(Func):
    """What the index of the entries holds: the pairs of the text, and who reads the row."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = ArrayField(models.TextField())

    def __init__(self, *expressions: Any, **extra: Any) -> None:
        super().__init__(*(expressions or (Bigrams(F("body")), F("scope"))), **extra)


class SearchEntry(models.Model):
    """What is searched of one row, under its id: its text as a page shows it, folded.

    ``scope`` names by tokens those who read the row for good, so that a search within a territory
    meets the hits in it alone: "#7" for place 7, "~7" for user 7. It is for speed: who may see
    what is said elsewhere. Where the rows are few it is empty.
    """

    body = models.TextField()
    scope = ArrayField(models.TextField(), default=list)

    class Meta:
        abstract = True
        default_permissions = ()
        indexes = [
            # found(). New entries wait in a list for the index: that takes a third of the time. The
            # list is kept short (kB), because each search reads it.
            GinIndex(
                Keys(),
                name="%(app_label)s_search_keys",
                fastupdate=True,
                gin_pending_list_limit=512,
            ),
        ]


# --- the triggers that keep the entries ---


def keeping_entries(columns: Sequence[str], func: str) -> tuple[pgtrigger.Trigger, ...]:
    """Triggers of a searched table: ``func`` writes the entry of a new row, and of one in which
    one of ``columns`` has changed.
    """
    return (
        pgtrigger.Trigger(
            name="makes_search_entry",
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            func=func,
        ),
        pgtrigger.Trigger(
            name="renews_search_entry",
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf(*columns),
            condition=pgtrigger.AnyChange(*columns),  # a save of all fields changes few
            func=func,
        ),
    )


def renaming_in_entries(name: str, func: str) -> tuple[pgtrigger.Trigger, ...]:
    """A trigger of the places: ``func`` writes the entries that have the name of one."""
    return (
        pgtrigger.Trigger(
            name=name,
            when=pgtrigger.After,
            operation=pgtrigger.UpdateOf("name"),
            condition=pgtrigger.AnyChange("name"),
            func=func,
        ),
    )


class Holds(Func):
    """Whether a text holds a word, letter by letter: % and _ are letters like others."""

    function = "strpos"
    template = "%(function)s(%(expressions)s) > 0"
    output_field = BooleanField()


def words_of(text: str) -> list[str]:
    """The words of a query: what stands between its spaces, folded as the entries are."""
    return list(dict.fromkeys(_folded(text).split()))


def can_be_searched(text: str) -> bool:
    """Whether at least one word has a pair of characters, by which the index finds it."""
    return any(
        first.isalnum() and second.isalnum()
        for word in words_of(text)
        for first, second in pairwise(word)
    )


@dataclass(frozen=True)
class Hits:
    """The ids of what was found in a table of entries; None if they are too many to list."""

    entries: type[SearchEntry]
    text: str
    scope: Scope
    ids: Sequence[int] | None

    def __bool__(self) -> bool:
        return self.ids is None or bool(self.ids)

    def among(self, rows: Rows) -> Rows:
        """Those of ``rows`` that were found."""
        if self.ids is not None:
            return rows.filter(Listed(self.ids)) if self.ids else rows.none()
        own_entry = self.entries._default_manager.filter(pk=OuterRef("pk"))
        for word in words_of(self.text):
            own_entry = own_entry.filter(Holds(F("body"), Folded(Value(word))))
        by_index = _found_by_index(self.entries, self.text, self.scope)
        is_scoped = self.scope is not None
        return rows.filter(Alongside(own_entry, by_index=by_index, is_scoped=is_scoped))


def found(rows: Rows, entries: type[SearchEntry], text: str, *, scope: Scope = EVERYTHING) -> Rows:
    """Those of ``rows`` in whose entries every word of ``text`` occurs. See ``look_up``."""
    return look_up(text, {entries: scope})[entries].among(rows)


def look_up(text: str, asked: Mapping[type[SearchEntry], Scope]) -> dict[type[SearchEntry], Hits]:
    """What is found in each of the tables that are asked. One statement, at once.

    Each row that is asked for has one of the tokens in the scope; there are none if that is all
    there is, and None if the rows may be few and no token tells which. Nothing is found if
    ``can_be_searched`` says no.
    """
    if not can_be_searched(text):
        return {entries: Hits(entries, text, scope, []) for entries, scope in asked.items()}
    keys = {entries: _key(entries, text, scope) for entries, scope in asked.items()}
    # A word that many cases hold is asked for again, page after page, and stays common. To find
    # that out takes longer than the page. Where it is no longer true, a page comes slower, and no
    # other.
    known_as_common = caches["process"].get_many(keys.values())
    listed = _listed(
        {
            entries: _found_by_index(entries, text, scope)
            for entries, scope in asked.items()
            if keys[entries] not in known_as_common
        }
    )
    common = {keys[entries]: True for entries, ids in listed.items() if ids is None}
    caches["process"].set_many(common, KNOWN_FOR)
    return {
        entries: Hits(entries, text, scope, listed.get(entries)) for entries, scope in asked.items()
    }


def _listed(hits: Mapping[type[SearchEntry], RawSQL]) -> dict[type[SearchEntry], list[int] | None]:
    """The ids of the hits in each table, None where they are too many."""
    if not hits:
        return {}
    lists = ", ".join(f"ARRAY({few.sql} LIMIT {MANY + 1})" for few in hits.values())
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lists}", [value for few in hits.values() for value in few.params])
        found = cursor.fetchone()
    return {
        entries: ids if len(ids) <= MANY else None for entries, ids in zip(hits, found, strict=True)
    }


def _found_by_index(entries: type[SearchEntry], text: str, scope: Scope) -> RawSQL:
    """The ids of the entries in which every word occurs, by the index of ``Keys``."""
    words = words_of(text)
    conditions = ["(bigrams(body) || scope) @> bigrams(folded(%s))" for _ in words]
    conditions += ["strpos(body, folded(%s)) > 0" for _ in words]
    values: list[Any] = [*words, *words]
    if scope:
        conditions.append("(bigrams(body) || scope) && %s::text[]")
        values.append(list(scope))
    meta = entries._meta
    return RawSQL(  # noqa: S611 - names of ours; what somebody typed goes as a parameter
        f"SELECT {meta.pk.column} FROM {meta.db_table} WHERE {' AND '.join(conditions)}",  # noqa: S608
        values,
    )


def _key(entries: type[SearchEntry], text: str, scope: Scope) -> str:
    asked = json.dumps([words_of(text), sorted(scope or ())])
    return f"common:{entries._meta.label_lower}:{hashlib.sha256(asked.encode()).hexdigest()}"


# --- the box ---


class SearchField(forms.CharField):
    def validate(self, value: str) -> None:
        super().validate(value)
        if value and not can_be_searched(value):
            raise ValidationError(TOO_SHORT, code="too_short")


class SearchFilter(django_filters.CharFilter):
    """The filter of a list that is drawn as its search box; the list says how it searches."""

    field_class = SearchField

    def __init__(self, *, label: str = "搜索", help_text: str = "") -> None:
        super().__init__(label=label, method="search", max_length=LENGTH, help_text=help_text)


# --- what is shown of a hit ---


def highlighted(text: str, words: Sequence[str]) -> SafeString:
    """``text`` as HTML, escaped, with the words in <mark>."""
    pieces, end = [], 0
    for start, stop in _marks(text, words):
        pieces += [escape(text[end:start]), format_html("<mark>{}</mark>", text[start:stop])]
        end = stop
    return mark_safe("".join([*pieces, escape(text[end:])]))  # noqa: S308 - each piece is escaped


def passage(text: str, words: Sequence[str]) -> SafeString:
    """The sentence around the first hit in ``text``, or its beginning, highlighted."""
    text = text.strip()
    marks = _marks(text, words)
    hit, hit_end = marks[0] if marks else (0, 0)
    start = max(hit - AROUND, max(text.rfind(sign, 0, hit) for sign in BREAKS) + 1)
    stop = min(len(text), hit_end + 2 * AROUND)
    shown = highlighted(text[start:stop].strip(), words)
    return format_html("{}{}{}", "…" if start else "", shown, "…" if stop < len(text) else "")


def _marks(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where the words stand in ``text``, in order and apart from each other."""
    plain_text, origin = _folded_apart(text)
    spots = []
    for word in words:
        at = plain_text.find(word) if word else -1
        while at >= 0:
            spots.append((origin[at], origin[at + len(word) - 1] + 1))
            at = plain_text.find(word, at + 1)
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(spots):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(stop, joined[-1][1])
        else:
            joined.append((start, stop))
    return joined


def _folded_apart(text: str) -> tuple[str, Sequence[int]]:
    """``text`` folded letter by letter, and where in it each letter of that comes from."""
    if unicodedata.is_normalized("NFKC", text) and len(plain := text.lower()) == len(text):
        return plain, range(len(text))
    letters, origin = [], []
    for position, letter in enumerate(text):
        for plain in _folded(letter):
            letters.append(plain)
            origin.append(position)
    return "".join(letters), origin


def _folded(text: str) -> str:
    """As folded() of the database has it."""
    return unicodedata.normalize("NFKC", text).lower()
