"""The hash chain of a case's events, the salted hash that stands for an event's words, and the
search for what was done to them behind the platform's back.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain, groupby
from json.encoder import encode_basestring as _quoted
from operator import attrgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet
from psycopg.types.datetime import TimestamptzLoader

from issues import anonymise
from issues.models import EventText, Issue, IssueEvent

ROWS_AT_A_TIME = 2000  # of a server-side cursor: a district's history is never in memory at once


def digest_of_text(salt: str, body: str) -> str:
    return hashlib.sha256(f"{salt}{body}".encode()).hexdigest()


def attach_text(event: IssueEvent, body: str) -> EventText:
    """Give the event its words: the event keeps only their salted SHA-256 and a reference."""
    text = EventText(body=body, salt=secrets.token_hex(16))
    event.text = text
    event.text_sha256 = digest_of_text(text.salt, body)
    return text


def digest_of_event(event: IssueEvent) -> str:
    """SHA-256 (hex) over the previous hash and everything that the event says."""
    return _digest(
        event.prev_hash,
        event.issue_id,
        event.seq,
        event.action,
        event.at,
        event.actor_id,
        event.posting_id,
        (event.from_level, event.from_status),
        (event.to_level, event.to_status),
        canonical(event.data),
        str(event.text_id) if event.text_id else None,
        event.text_sha256,
    )


def _digest(
    prev_hash: str,
    issue_id: int,
    seq: int,
    action: str,
    at: datetime,
    actor_id: int | None,
    posting_id: int | None,
    origin: tuple[str, str],
    target: tuple[str, str],
    data: str,
    text_id: str | None,
    text_sha256: str,
) -> str:
    """What is hashed of an event, the one definition for writing and for verifying.

    It is the canonical JSON of an object with these keys, ``data`` being JSON already. Spelled out,
    as a district's history has ten million: an encoder needs four times as long.
    """
    content = (
        f'{{"action":{_quoted(action)},"actor":{_number(actor_id)},"at":"{instant(at)}",'
        f'"data":{data},"from":[{_quoted(origin[0])},{_quoted(origin[1])}],"issue":{issue_id},'
        f'"posting":{_number(posting_id)},"seq":{seq},'
        f'"text":{_quoted(text_id) if text_id else "null"},"text_sha256":{_quoted(text_sha256)},'
        f'"to":[{_quoted(target[0])},{_quoted(target[1])}]}}'
    )
    return hashlib.sha256(f"{prev_hash}{content}".encode()).hexdigest()


def _number(value: int | None) -> int | str:
    return "null" if value is None else value


def instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def canonical(content: Any) -> str:
    """The one way in which JSON is written before it is hashed."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


# --- verifying ---


@dataclass(frozen=True)
class Finding:
    """Something that the platform itself never does. ``where`` is a case number or an anchor."""

    where: str
    what: str
    seq: int | None = None

    def __str__(self) -> str:
        seq = "" if self.seq is None else f" 第 {self.seq} 条"
        return f"{self.where}{seq}：{self.what}"


@dataclass
class Tally:
    """How much was looked at."""

    cases: int = 0
    events: int = 0
    anchors: int = 0


def verify_cases(tally: Tally, *, issue: Issue | None = None) -> Iterator[Finding]:
    """Go through the chain of every case, or of one, from its first event to its head.

    Each question is one statement, so that cases which move on meanwhile are seen either before or
    after a step, never half-way.
    """
    issues, events = Issue.objects.order_by(), IssueEvent.objects.all()
    if issue is not None:
        issues, events = issues.filter(pk=issue.pk), events.filter(issue=issue)
    yield from _broken_chains(issue, tally)
    yield from _altered_words(issue)
    yield from _cases_without_events(issues, tally)
    if issue is None:
        yield from _events_without_case()
    yield from _texts_emptied_by_hand(events)


class Link(NamedTuple):
    """An event as it is read for verifying, with its case as that stands."""

    issue_id: int
    seq: int
    action: str
    at: datetime
    actor_id: int | None
    posting_id: int | None
    from_level: str
    from_status: str
    to_level: str
    to_status: str
    data: str
    text_id: str | None
    text_sha256: str
    prev_hash: str
    hash: str
    number: str
    case_count: int
    case_head: str
    case_level: str
    case_status: str


CHAINS = """
    SELECT
        e.issue_id, e.seq, e.action, e.at, e.actor_id, e.posting_id, e.from_level, e.from_status,
        e.to_level, e.to_status, e.data, e.text_id::text, e.text_sha256, e.prev_hash, e.hash,
        i.number, i.event_count, i.head_hash, i.level, i.status
    FROM issues_issueevent e JOIN issues_issue i ON i.id = e.issue_id
    WHERE %(issue)s::bigint IS NULL OR e.issue_id = %(issue)s
    ORDER BY e.issue_id, e.seq
"""


def _broken_chains(issue: Issue | None, tally: Tally) -> Iterator[Finding]:
    with connection.chunked_cursor() as cursor:
        # Django's own is written in Python, and there is an instant in each of millions of rows.
        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
        cursor.execute(CHAINS, {"issue": issue.pk if issue else None})
        rows = chain.from_iterable(iter(lambda: cursor.fetchmany(ROWS_AT_A_TIME), []))
        for _, links in groupby(map(Link._make, rows), key=attrgetter("issue_id")):
            tally.cases += 1
            yield from _verify_chain(links, tally)


def _verify_chain(links: Iterable[Link], tally: Tally) -> Iterator[Finding]:
    """Compare the events of one case with each other and with the case."""
    seq, head, last = 0, "", None
    for link in links:
        tally.events += 1
        seq, last = seq + 1, link
        if link.seq != seq:
            yield Finding(link.number, f"缺少{_stretch(seq, link.seq - 1)}办理记录。")
        elif link.prev_hash != head:
            yield Finding(link.number, "与上一条不衔接。", link.seq)
        if _digest_of_link(link) != link.hash:
            yield Finding(link.number, "内容与摘要不符，已被改动。", link.seq)
        seq, head = link.seq, link.hash
    if last is None:
        return
    if last.case_count > seq:
        yield Finding(last.number, f"末尾缺少{_stretch(seq + 1, last.case_count)}办理记录。")
    elif last.case_count < seq:
        what = f"问题上登记的办理记录为 {last.case_count} 条，实有至第 {seq} 条。"
        yield Finding(last.number, what)
    elif last.case_head != head:
        yield Finding(last.number, "问题上登记的末条摘要与末条办理记录不符。")
    elif (last.case_level, last.case_status) != (last.to_level, last.to_status):
        yield Finding(last.number, "问题的层级或状态与末条办理记录不符，已被改动。")


def _digest_of_link(link: Link) -> str:
    return _digest(
        link.prev_hash,
        link.issue_id,
        link.seq,
        link.action,
        link.at,
        link.actor_id,
        link.posting_id,
        (link.from_level, link.from_status),
        (link.to_level, link.to_status),
        _canonical_of(link.data),
        link.text_id,
        link.text_sha256,
    )


@lru_cache(maxsize=4096)
def _canonical_of(data: str) -> str:
    """Most events say one of a few things, and many say nothing."""
    return canonical(json.loads(data))


def _stretch(first: int, last: int) -> str:
    return f"第 {first} 条" if first == last else f"第 {first} 至 {last} 条"


# Hashed where they lie: words are most of what a history weighs.
ALTERED_WORDS = """
    SELECT i.number, e.seq, t.id IS NULL
    FROM issues_issueevent e
    JOIN issues_issue i ON i.id = e.issue_id
    LEFT JOIN issues_eventtext t ON t.id = e.text_id
    WHERE e.text_id IS NOT NULL
        AND (%(issue)s::bigint IS NULL OR e.issue_id = %(issue)s)
        AND (
            t.id IS NULL
            OR (t.body <> '' OR t.salt <> '') -- else emptied: _texts_emptied_by_hand asks by whom
            AND encode(sha256(convert_to(t.salt || t.body, 'UTF8')), 'hex') <> e.text_sha256
        )
    ORDER BY e.issue_id, e.seq
"""


def _altered_words(issue: Issue | None) -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(ALTERED_WORDS, {"issue": issue.pk if issue else None})
        for number, seq, is_lost in cursor:
            yield Finding(number, "文字已丢失。" if is_lost else "文字与摘要不符，已被改动。", seq)


def _cases_without_events(issues: QuerySet[Issue], tally: Tally) -> Iterator[Finding]:
    bare = issues.filter(~Exists(IssueEvent.objects.filter(issue=OuterRef("pk"))))
    for number in bare.order_by("pk").values_list("number", flat=True):
        tally.cases += 1
        yield Finding(number, "没有任何办理记录。")


def _events_without_case() -> Iterator[Finding]:
    orphans = (
        IssueEvent.objects.filter(~Exists(Issue.objects.filter(pk=OuterRef("issue_id"))))
        .order_by("issue_id")
        .values_list("issue_id")
        .annotate(count=Count("pk"))
    )
    for issue_id, count in orphans:
        yield Finding(f"内部编号 {issue_id}", f"问题已消失，只剩 {count} 条办理记录。")


def _texts_emptied_by_hand(events: QuerySet[IssueEvent]) -> Iterator[Finding]:
    emptied = events.filter(
        ~Exists(anonymise.records(OuterRef("issue_id"), upto=OuterRef("seq"))),
        text__body="",
        text__salt="",
    )
    rows = emptied.order_by("issue_id", "seq").values_list("issue__number", "seq")
    for number, seq in rows:
        yield Finding(number, "文字被清空，但没有匿名化的审计记录。", seq)
