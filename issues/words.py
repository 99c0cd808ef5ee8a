"""What the issue list says in a file, where its page draws a mark or a badge."""

from __future__ import annotations

from django.utils import timezone

from core.privacy import scrub
from core.templatetags.kit import LAMPS
from issues.choices import Urgency
from issues.models import Issue


def title(issue: Issue) -> str:
    """The title as the page shows it, behind how urgent it is where that is out of the ordinary."""
    words = scrub(issue.title)
    if issue.urgency == Urgency.NORMAL:
        return words
    return f"【{Urgency(issue.urgency).label}】{words}"


def due(issue: Issue) -> str:
    """``2025-03-08 17:30 超期``: the date first, so that a spreadsheet can sort by it."""
    if issue.due_at is None:
        return ""
    at = f"{timezone.localtime(issue.due_at):%Y-%m-%d %H:%M}"
    overall = " 总时限超期" if issue.is_overall_overdue() else ""
    return f"{at} {LAMPS[issue.lamp() or '']}{overall}"
