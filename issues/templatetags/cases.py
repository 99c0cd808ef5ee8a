"""Template tags of the issue pages: a case's status, short dates, masked words."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import privacy
from core.templatetags.kit import badge
from issues.choices import Level, Status
from issues.models import Issue

register = template.Library()

# At work, at rest, or else waiting for somebody. Green, yellow and red belong to the lamps.
TONES = {Status.GRID_HANDLING: "blue", Status.HANDLING: "blue", Status.CLOSED: "secondary"}
WAITING = "purple"


@register.simple_tag
def state(issue: Issue) -> str:
    """The level and the status of a case in words: 镇街 · 办理中."""
    level, label = Level(issue.level).label, issue.state_label
    return label if label.startswith(level) else f"{level} · {label}"


@register.simple_tag
def status(issue: Issue) -> SafeString:
    """The same as a mark."""
    return badge(state(issue), TONES.get(Status(issue.status), WAITING))


@register.simple_tag
def day(at: datetime) -> SafeString:
    """The day of a moment, without its year where that is the present one; the time as a hint."""
    local = timezone.localtime(at)
    this_year = local.year == timezone.localdate().year
    return format_html(
        '<time datetime="{}" title="{}" class="moment">{}</time>',
        local.isoformat(timespec="minutes"),
        local.strftime("%Y-%m-%d %H:%M"),
        local.strftime("%m-%d" if this_year else "%Y-%m-%d"),
    )


@register.filter
def scrub(text: str) -> str:
    """Free text with telephone and identity numbers masked."""
    return privacy.scrub(text)
