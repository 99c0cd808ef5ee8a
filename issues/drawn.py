"""Cells of the issue lists that a page draws as more than a word."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.privacy import scrub
from core.templatetags.kit import NONE, badge, lamp
from issues.choices import Urgency
from issues.models import Issue
from issues.templatetags.cases import day

URGENT = {Urgency.SAFETY: "red", Urgency.URGENT: "orange"}


def title(issue: Issue) -> SafeString:
    """The title behind its mark of urgency. Left out of the tab order: the number leads there."""
    tone = URGENT.get(Urgency(issue.urgency))
    return format_html(
        '{}<a class="row-title" href="{}" tabindex="-1">{}</a>',
        format_html("{} ", badge(issue.get_urgency_display(), tone)) if tone else "",
        issue.get_absolute_url(),
        scrub(issue.title),
    )


def due(issue: Issue) -> SafeString:
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


def received(issue: Issue) -> SafeString:
    return day(issue.received_at)
