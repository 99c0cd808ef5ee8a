"""The hash chain of a case's events, and the salted hash that stands for an event's words."""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC

from issues.models import EventText, IssueEvent


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
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor_id,
        "posting": event.posting_id,
        "from": [event.from_level, event.from_status],
        "to": [event.to_level, event.to_status],
        "data": event.data,
        "text": str(event.text_id) if event.text_id else None,
        "text_sha256": event.text_sha256,
    }
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{event.prev_hash}{canonical}".encode()).hexdigest()
