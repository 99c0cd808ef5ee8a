"""Template tags of the issue pages: a case's status, short dates, words without telephone numbers."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import privacy
from core.templatetags.kit import badge
from issues.choices import Status
from issues.models import Issue

register = template.Library()

# Green, yellow and red belong to the lamps.
TONES = {
    Status.PENDING_FIRST: "azure",
    Status.GRID_HANDLING: "blue",
    Status.TRIAGE: "azure",
    Status.ASSIGNED: "azure",
    Status.HANDLING: "blue",
    Status.VERIFY: "purple",
    Status.REVISIT: "purple",
    Status.CLOSED: "secondary",
}


@register.simple_tag
def status(issue: Issue) -> SafeString:
    """The level and the status of a case: 镇街 · 办理中."""
    return badge(f"{issue.get_level_display()} · {issue.state_label}", TONES[Status(issue.status)])


@register.simple_tag
def day_and_time(at: datetime) -> SafeString:
    """A moment without its year where that is the present one."""
    local = timezone.localtime(at)
    this_year = local.year == timezone.localdate().year
    return format_html(
        '<time datetime="{}" class="moment">{}</time>',
        local.isoformat(timespec="minutes"),
        local.strftime("%m-%d %H:%M" if this_year else "%Y-%m-%d %H:%M"),
    )


@register.filter
def scrub(text: str) -> str:
    """Free text with telephone and identity numbers masked."""
    return privacy.scrub(text)
