"""The search over everything: cases, areas and projects that a person may see, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from django import forms
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from areas.models import ComplexArea
from areas.models import SearchEntry as AreaEntry
from areas.reference import places
from areas.views import where as area_where
from core import keyset
from core.keyset import Sort, Total
from core.privacy import scrub
from core.search import (
    EVERYTHING,
    LENGTH,
    Hits,
    SearchField,
    highlighted,
    look_up,
    passage,
    words_of,
)
from core.templatetags.kit import badge
from issues.case_page import where as issue_where
from issues.models import Issue
from issues.models import SearchEntry as IssueEntry
from issues.orders import BY_RECEIVED
from issues.reference import with_reference_data
from issues.search import found as found_issues
from issues.search import is_whole, number_in, scope_of
from issues.templatetags.cases import status
from people.models import User
from projects.models import Project
from projects.models import SearchEntry as ProjectEntry

FIRST = 5  # of each group
BY_REGISTRATION = Sort("登记日期", ("registered_on", "id"))
BY_NUMBER = Sort("编号", ("number",))
# What is shown of a hit. All hits are read to show the first: a case has 46 columns, and half of
# the time goes into the others.
OF_ISSUE = (
    *("number", "title", "description", "address"),
    *("place", "district", "town", "community", "grid", "category", "lead_unit"),
    *("level", "status", "outcome", "received_at", "due_at", "yellow_at"),
)
OF_PROJECT = (
    *("number", "name", "content", "place", "town", "community"),
    *("status", "due_date", "yellow_on"),
)


class SearchForm(forms.Form):
    q = SearchField(
        label="搜索",
        max_length=LENGTH,
        required=False,
        error_messages={"max_length": f"搜索的文字不能超过 {LENGTH} 个字。"},
    )


@dataclass(frozen=True)
class Hit:
    """One thing that was found. Its texts are HTML, with what was looked for marked."""

    url: str
    number: SafeString
    title: SafeString
    passage: SafeString
    where: SafeString
    status: SafeString
    lamp: str | None
    day: date | None
    day_label: str


@dataclass(frozen=True)
class Group:
    """What was found of one kind: how much, the first few, and the list of all."""

    title: str
    unit: str
    total: Total
    hits: Sequence[Hit]
    url: str


def case_numbered(text: str, *, by: User) -> Issue | None:
    """The case of which ``text`` is the whole number, if ``by`` may see it."""
    if not is_whole(number_in(text)):
        return None
    return found_issues(Issue.objects.visible_to(by), text, by=by).first()


def groups(text: str, *, by: User) -> list[Group]:
    """What ``by`` finds, by kind; a kind of which nothing was found is left out."""
    hits = look_up(
        text, {IssueEntry: scope_of(by), AreaEntry: EVERYTHING, ProjectEntry: EVERYTHING}
    )
    every = [
        _issues(text, by, hits[IssueEntry]),
        _areas(text, by, hits[AreaEntry]) if hits[AreaEntry] else None,
        _projects(text, by, hits[ProjectEntry]) if hits[ProjectEntry] else None,
    ]
    return [group for group in every if group is not None and group.total]


def _issues(text: str, by: User, found: Hits) -> Group:
    rows = found_issues(Issue.objects.visible_to(by).only(*OF_ISSUE), text, by=by, hits=found)
    page = keyset.cut(
        rows, BY_RECEIVED, size=FIRST, salt="search", descending=True, with_total=True
    )
    words = words_of(text)
    hits = [
        Hit(
            url=issue.get_absolute_url(),
            number=highlighted(issue.number, [number_in(text)]),
            title=highlighted(scrub(issue.title), words),
            passage=passage(scrub(issue.description), words),
            where=highlighted(scrub(_joined(issue_where(issue), issue.grid, issue.address)), words),
            status=status(issue),
            lamp=issue.lamp(),
            day=timezone.localtime(issue.received_at).date(),
            day_label="受理",
        )
        for issue in with_reference_data(page.rows)
    ]
    return Group("问题", "件", _total(page), hits, _list("issues:list", text, status="all"))


def _areas(text: str, by: User, found: Hits) -> Group:
    today = timezone.localdate()
    rows = ComplexArea.objects.visible_to(by).active(today).with_list_data()
    page = keyset.cut(
        found.among(rows),
        BY_REGISTRATION,
        size=FIRST,
        salt="search",
        descending=True,
        with_total=True,
    )
    words = words_of(text)
    hits = [
        Hit(
            url=reverse("areas:detail", args=[area.pk]),
            number=highlighted(area.code, words),
            title=highlighted(scrub(area.name), words),
            passage=passage(scrub(area.summary), words),
            where=highlighted(area_where(area), words),
            status=badge(area.get_type_display(), "azure"),
            lamp=None,
            day=area.registered_on,
            day_label="登记",
        )
        for area in page.rows
    ]
    return Group("复杂区域", "个", _total(page), hits, _list("areas:list", text))


def _projects(text: str, by: User, found: Hits) -> Group:
    # Without the names that a list shows: they are seven joins, and none is needed here.
    rows = Project.objects.visible_to(by).only(*OF_PROJECT)
    page = keyset.cut(
        found.among(rows),
        BY_NUMBER,
        size=FIRST,
        salt="search",
        descending=True,
        with_total=True,
    )
    words, named = words_of(text), places()
    hits = [
        Hit(
            url=project.get_absolute_url(),
            number=highlighted(project.number, words),
            title=highlighted(scrub(project.name), words),
            passage=passage(scrub(project.content), words),
            where=highlighted(
                _joined(
                    named.get(project.town_id or project.place_id),
                    named.get(project.community_id or 0),
                ),
                words,
            ),
            status=badge(project.get_status_display()),
            lamp=project.lamp(),
            day=project.due_date,
            day_label="到期",
        )
        for project in page.rows
    ]
    return Group("攻坚项目", "个", _total(page), hits, _list("projects:list", text))


def _total(page: keyset.Cut) -> Total:
    return page.total or Total(0)


def _list(name: str, text: str, **more: str) -> str:
    return f"{reverse(name)}?{urlencode({'q': text, **more})}"


def _joined(*parts: object) -> str:
    return " ".join(str(part) for part in parts if part)
