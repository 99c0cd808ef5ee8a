"""Anchors: the nightly seal over all chains, and the search for what has gone since.

A case's own chain proves its events against each other. That its tail or the whole case was taken
away, or that all of it was written anew, only something outside the chain can show: see ADR 12.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import groupby

from django.db import connection, transaction
from django.db.models import CharField, Count, Exists, OuterRef
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils import timezone

from core import audit
from core.models import AuditEntry
from issues.chain import ROWS_AT_A_TIME, Finding, Tally, canonical, instant
from issues.models import Anchor, AnchoredHead, Issue
from issues.trail import Trail

logger = logging.getLogger(__name__)

ONE_AT_A_TIME = 7_160_131_012  # the advisory lock under which anchors are set

# Every committed case that is longer than when it was last anchored. A step that is not committed
# yet is not seen at all, neither on the case nor as an event, and belongs to the next anchor. One
# join of two tables: a look at each case's heads would go through the rows just inserted as well.
TAKE_HEADS = """
    INSERT INTO issues_anchoredhead (anchor_id, issue_id, number, event_count, head_hash)
    SELECT %s, i.id, i.number, i.event_count, i.head_hash
    FROM issues_issue AS i
    WHERE i.event_count > 0 AND NOT EXISTS (
        SELECT FROM issues_anchoredhead AS h
        WHERE h.issue_id = i.id AND h.event_count >= i.event_count
    )
"""

# Of each case the earliest head that is no longer what it was.
CHANGED_HEADS = """
    SELECT DISTINCT ON (h.issue_id)
        h.anchor_id, h.number, h.event_count, i.number, e.hash = h.head_hash
    FROM issues_anchoredhead AS h
    LEFT JOIN issues_issue AS i ON i.id = h.issue_id
    LEFT JOIN issues_issueevent AS e ON e.issue_id = h.issue_id AND e.seq = h.event_count
    WHERE (i.number IS DISTINCT FROM h.number OR e.hash IS DISTINCT FROM h.head_hash)
        AND (%(issue)s::bigint IS NULL OR h.issue_id = %(issue)s)
    ORDER BY h.issue_id, h.event_count
"""

ANCHOR = ("number", "at", "cases", "prev_hash", "hash")
HEAD = ("issue_id", "number", "event_count", "head_hash")


@transaction.atomic
def set_anchor(at: datetime | None = None) -> Anchor:
    """Seal the heads of all chains that have grown. Its hash goes into the log and the audit trail.

    One runs at a time; a second one right after it seals what little has come since.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_AT_A_TIME])
        last = Anchor.objects.order_by("number").last()
        number = last.number + 1 if last else 1
        cursor.execute(TAKE_HEADS, [number])
        count = cursor.rowcount
    prev_hash = last.hash if last else ""
    anchor = Anchor(number=number, at=at or timezone.now(), cases=count, prev_hash=prev_hash)
    heads = AnchoredHead.objects.filter(anchor_id=number).order_by("issue_id").values_list(*HEAD)
    anchor.hash = digest_of_anchor(anchor, heads.iterator(ROWS_AT_A_TIME))
    anchor.save(force_insert=True)
    audit.record(by=None, action=Trail.ANCHORED, target=anchor, detail={"sha256": anchor.hash})
    logger.info("anchor %s:%s over %s cases", anchor.number, anchor.hash, anchor.cases)
    return anchor


def digest_of_anchor(anchor: Anchor, heads: Iterable[tuple[int, str, int, str]]) -> str:
    """SHA-256 (hex) over the previous anchor's hash, the anchor, and its heads by issue id.

    A head is (issue id, number, event count, hash of the last event).
    """
    content = {"number": anchor.number, "at": instant(anchor.at), "cases": anchor.cases}
    digest = hashlib.sha256(f"{anchor.prev_hash}{canonical(content)}".encode())
    for head in heads:
        digest.update(f"\n{canonical(head)}".encode())
    return digest.hexdigest()


# --- verifying ---


def verify_anchors(tally: Tally, *, noted: Mapping[int, str]) -> Iterator[Finding]:
    """Compare the anchors with each other, with the audit trail, with ``noted``, and the cases.

    ``noted`` has hashes that were kept elsewhere, by the number of their anchor.
    """
    yield from _broken_anchors(tally, noted)
    yield from _heads_without_anchor()
    yield from _trail_and_anchors_differ()
    yield from verify_heads()


def verify_heads(issue: Issue | None = None) -> Iterator[Finding]:
    """Compare what was anchored of every case, or of one, with the case as it is."""
    with connection.cursor() as cursor:
        cursor.execute(CHANGED_HEADS, {"issue": issue.pk if issue else None})
        for anchor, number, seq, number_now, same_hash in cursor:
            if number_now is None:
                what = f"问题已消失，存证 {anchor} 记有它的 {seq} 条办理记录。"
                yield Finding(number, what)
            elif same_hash is None:
                yield Finding(number, f"存证 {anchor} 记有这一条，现已不存在。", seq)
            elif not same_hash:
                yield Finding(number, f"与存证 {anchor} 所记不符，办理记录被改写。", seq)
            else:
                yield Finding(number, f"编号被改为 {number_now}，与存证 {anchor} 所记不符。")


def _broken_anchors(tally: Tally, noted: Mapping[int, str]) -> Iterator[Finding]:
    heads = [f"heads__{field}" for field in HEAD]
    rows = Anchor.objects.order_by("number", "heads__issue_id").values_list(*ANCHOR, *heads)
    number, head, missing = 0, "", dict(noted)
    for key, group in groupby(rows.iterator(ROWS_AT_A_TIME), key=lambda row: row[: len(ANCHOR)]):
        tally.anchors += 1
        anchor = Anchor(**dict(zip(ANCHOR, key, strict=True)))
        number += 1
        if anchor.number != number:
            last = anchor.number - 1
            lost = f"存证 {number}" if number == last else f"存证 {number} 至 {last}"
            yield Finding(lost, "已消失。")
        elif anchor.prev_hash != head:
            yield Finding(str(anchor), "与上一存证不衔接。")
        heads_of_it = (row[len(ANCHOR) :] for row in group)
        # An anchor over nothing comes as one row without a head.
        if digest_of_anchor(anchor, (h for h in heads_of_it if h[0] is not None)) != anchor.hash:
            yield Finding(str(anchor), "内容与摘要不符，存证或其明细已被改动。")
        if missing.pop(anchor.number, anchor.hash) != anchor.hash:
            yield Finding(str(anchor), "与另行记下的摘要不符。")
        number, head = anchor.number, anchor.hash
    for number in sorted(missing):
        yield Finding(f"存证 {number}", "另行记有摘要，存证已消失。")


def _heads_without_anchor() -> Iterator[Finding]:
    orphans = (
        AnchoredHead.objects.filter(~Exists(Anchor.objects.filter(number=OuterRef("anchor_id"))))
        .order_by("anchor_id")
        .values_list("anchor_id")
        .annotate(count=Count("pk"))
    )
    for number, count in orphans:
        yield Finding(f"存证 {number}", f"已消失，只剩 {count} 条明细。")


def _trail_and_anchors_differ() -> Iterator[Finding]:
    anchors = Anchor.objects.annotate(target_id=Cast("number", CharField()))
    entries = AuditEntry.objects.filter(
        target_type=Anchor._meta.label_lower, action=Trail.ANCHORED
    ).annotate(hash=KeyTextTransform("sha256", "detail"))
    same = {"target_id": OuterRef("target_id"), "hash": OuterRef("hash")}
    gone = entries.filter(~Exists(anchors.filter(**same))).order_by("id")
    for target_id in gone.values_list("target_id", flat=True):
        yield Finding(f"存证 {target_id}", "审计记录中有，存证已消失或已被改动。")
    unrecorded = anchors.filter(~Exists(entries.filter(**same))).order_by("number")
    for number in unrecorded.values_list("number", flat=True):
        yield Finding(f"存证 {number}", "没有相应的审计记录。")
