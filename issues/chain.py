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
from itertools import groupby
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, QuerySet

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
    content = {
        "issue": event.issue_id,
        "seq": event.seq,
        "action": event.action,
        "at": instant(event.at),
        "actor": event.actor_id,
        "posting": event.posting_id,
        "from": [event.from_level, event.from_status],
        "to": [event.to_level, event.to_status],
        "data": event.data,
        "text": str(event.text_id) if event.text_id else None,
        "text_sha256": event.text_sha256,
    }
    return hashlib.sha256(f"{event.prev_hash}{canonical(content)}".encode()).hexdigest()


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

    Each of the four questions is one statement, so that cases which move on meanwhile are seen
    either before or after a step, never half-way.
    """
    issues, events = Issue.objects.order_by(), IssueEvent.objects.all()
    if issue is not None:
        issues, events = issues.filter(pk=issue.pk), events.filter(issue=issue)
    yield from _broken_chains(events, tally)
    yield from _cases_without_events(issues, tally)
    if issue is None:
        yield from _events_without_case()
    yield from _texts_emptied_by_hand(events)


def _broken_chains(events: QuerySet[IssueEvent], tally: Tally) -> Iterator[Finding]:
    rows = (
        events.select_related("text")
        .annotate(
            case_number=F("issue__number"),
            case_count=F("issue__event_count"),
            case_head=F("issue__head_hash"),
            case_level=F("issue__level"),
            case_status=F("issue__status"),
        )
        .order_by("issue_id", "seq")
    )
    for _, chain in groupby(rows.iterator(ROWS_AT_A_TIME), key=lambda row: row.issue_id):
        tally.cases += 1
        yield from _verify_chain(chain, tally)


def _verify_chain(chain: Iterable[Any], tally: Tally) -> Iterator[Finding]:
    """Compare the events of one case with each other, with their words and with the case."""
    seq, head, last = 0, "", None
    for event in chain:
        tally.events += 1
        number, seq, last = event.case_number, seq + 1, event
        if event.seq != seq:
            yield Finding(number, f"缺少{_stretch(seq, event.seq - 1)}办理记录。")
        elif event.prev_hash != head:
            yield Finding(number, "与上一条不衔接。", event.seq)
        if digest_of_event(event) != event.hash:
            yield Finding(number, "内容与摘要不符，已被改动。", event.seq)
        if why := _fault_of_text(event):
            yield Finding(number, why, event.seq)
        seq, head = event.seq, event.hash
    if last is None:
        return
    if last.case_count > seq:
        yield Finding(last.case_number, f"末尾缺少{_stretch(seq + 1, last.case_count)}办理记录。")
    elif last.case_count < seq:
        what = f"问题上登记的办理记录为 {last.case_count} 条，实有至第 {seq} 条。"
        yield Finding(last.case_number, what)
    elif last.case_head != head:
        yield Finding(last.case_number, "问题上登记的末条摘要与末条办理记录不符。")
    elif (last.case_level, last.case_status) != (last.to_level, last.to_status):
        yield Finding(last.case_number, "问题的层级或状态与末条办理记录不符，已被改动。")


def _stretch(first: int, last: int) -> str:
    return f"第 {first} 条" if first == last else f"第 {first} 至 {last} 条"


def _fault_of_text(event: IssueEvent) -> str:
    if event.text_id is None:
        return ""
    text = event.text
    if text is None:
        return "文字已丢失。"
    if not text.body and not text.salt:
        return ""  # emptied: _texts_emptied_by_hand asks by whom
    if digest_of_text(text.salt, text.body) != event.text_sha256:
        return "文字与摘要不符，已被改动。"
    return ""


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
