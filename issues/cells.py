"""Cells of the issue lists that are more than a word: drawn on a page, and as text in a file."""

from __future__ import annotations

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.privacy import scrub
from core.templatetags.kit import LAMPS, NONE, badge, lamp
from issues.choices import Urgency
from issues.models import Issue
from issues.templatetags.cases import day

URGENT = {Urgency.SAFETY: "red", Urgency.URGENT: "orange"}


def draw_title(issue: Issue) -> SafeString:
    """The title behind its mark of urgency. Left out of the tab order: the number leads there."""
    tone = URGENT.get(Urgency(issue.urgency))
    return format_html(
        '{}<a class="row-title" href="{}" tabindex="-1">{}</a>',
        format_html("{} ", badge(issue.get_urgency_display(), tone)) if tone else "",
        issue.get_absolute_url(),
        scrub(issue.title),
    )


def title_text(issue: Issue) -> str:
    """The title as the page shows it, behind how urgent it is where that is out of the ordinary."""
    title = scrub(issue.title)
    if issue.urgency == Urgency.NORMAL:
        return title
    return f"【{Urgency(issue.urgency).label}】{title}"


def draw_due(issue: Issue) -> SafeString:
    if issue.due_at is None:
        return NONE
    overall = (
        format_html('<span class="due-overall">{}</span>', badge("总时限超期", "red"))
        if issue.is_overall_overdue()
        else ""
    )
    return format_html(
        '<span><span class="due">{} <span class="text-secondary">{}</span></span>{}</span>',
        lamp(issue.lamp()),
        day(issue.due_at),
        overall,
    )


def due_text(issue: Issue) -> str:
    """``2025-03-08 17:30 超期``: the date first, so that a spreadsheet can sort by it."""
    if issue.due_at is None:
        return ""
    at = f"{timezone.localtime(issue.due_at):%Y-%m-%d %H:%M}"
    overall = " 总时限超期" if issue.is_overall_overdue() else ""
    return f"{at} {LAMPS[issue.lamp() or '']}{overall}"


def draw_received(issue: Issue) -> SafeString:
    return day(issue.received_at)
