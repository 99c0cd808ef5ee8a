"""Template tags of the page kit: icons, lamps, badges, moments, fields."""

from datetime import datetime
from functools import cache

from django import template
from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms import (
    BaseForm,
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    ModelChoiceField,
    RadioSelect,
    Select,
)
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from core import selects
from core.assets import icon_paths

register = template.Library()

LAMPS = {"green": "正常", "yellow": "临期", "red": "超期", "grey": "暂停"}
EMPTY = "—"
NONE = mark_safe('<span class="none">—</span>')  # in a table, where a phone leaves it out
NO_CHOICE = BLANK_CHOICE_DASH[0][1]  # nine hyphens: what Django writes where nothing is chosen


@register.simple_tag
@cache
def icon(name: str, css: str = "") -> SafeString:
    """Draw a bootstrap-icons icon inline. It is decoration: the text beside it says the meaning."""
    return format_html(
        '<svg class="icon {}" viewBox="0 0 16 16" fill="currentColor" aria-hidden="true"'
        ' focusable="false">{}</svg>',
        css,
        icon_paths(name),
    )


@register.simple_tag
def lamp(colour: str | None, label: str = "") -> SafeString | str:
    """Draw a lamp (green, yellow, red, grey) with its word; colour alone never says it."""
    if not colour:
        return EMPTY
    return format_html(
        '<span class="lamp lamp-{}"><span class="lamp-dot" aria-hidden="true"></span>{}</span>',
        colour,
        label or LAMPS[colour],
    )


@register.simple_tag
def badge(label: str, tone: str = "secondary") -> SafeString:
    """Draw a status word. ``tone``: blue, azure, green, yellow, orange, red, purple, secondary."""
    return format_html('<span class="badge bg-{0}-lt text-{0}-lt-fg">{1}</span>', tone, label)


@register.simple_tag
def moment(at: datetime | None) -> SafeString | str:
    """Write an aware datetime in local time, to the minute; a dash for None."""
    if at is None:
        return EMPTY
    local = timezone.localtime(at)
    return format_html(
        '<time datetime="{}" class="moment">{}</time>',
        local.isoformat(timespec="minutes"),
        local.strftime("%Y-%m-%d %H:%M"),
    )


@register.inclusion_tag("core/_fact.html")
def fact(label: str, value: object, wide: bool = False) -> dict[str, object]:
    """One row of a definition list, inside ``<dl class="facts">``."""
    return {
        "label": label,
        "value": EMPTY if value in (None, "") else value,
        "wide": wide,
    }


@register.inclusion_tag("core/_field.html")
def field(bound: BoundField, size: str = "") -> dict[str, object]:
    """A form field with label, hint and errors in the house's markup. ``size``: "" or "sm"."""
    widget = bound.field.widget
    if isinstance(bound.field, ModelChoiceField) and bound.field.empty_label == NO_CHOICE:
        bound.field.empty_label = "请选择" if bound.field.required else "不选"
    context: dict[str, object] = {
        "field": bound,
        "is_check": isinstance(widget, CheckboxInput),
        # Radio buttons and checkbox lists are drawn choice by choice.
        "is_group": isinstance(widget, RadioSelect | CheckboxSelectMultiple),
    }
    if isinstance(widget, CheckboxInput):
        css = "form-check-input"
    elif isinstance(widget, Select):
        css = f"form-select form-select-{size}" if size else "form-select"
    else:
        css = f"form-control form-control-{size}" if size else "form-control"
    if bound.errors:
        css += " is-invalid"
    drawn = (
        selects.draw(bound, css)
        if selects.is_plain(widget)
        else bound.as_widget(attrs={"class": css})
    )
    return {**context, "control": drawn}


@register.inclusion_tag("core/_fields.html")
def fields(form: BaseForm) -> dict[str, object]:
    """All fields of a form, with the errors that belong to no field above them."""
    return {"form": form}


@register.filter
def shown(value: object) -> object:
    """Write a value as every page writes it: times to the minute, 是 or 否, a dash for nothing."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return EMPTY if value in (None, "") else value
