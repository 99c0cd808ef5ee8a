"""Each page of the platform in Chromium, on the small reference district, at a desk and on a phone.

A page that logs an error or fetches something in vain fails by its fixture.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from areas.models import ComplexArea
from governance.reference import demo
from issues.choices import Action, Status
from issues.models import Issue
from meetings.choices import MeetingStatus
from meetings.models import Meeting, QuarterlyReport
from people.models import User
from projects.models import Project
from tests.browser import fits_a_phone
from tests.processes import Platform

LISTS = [
    "/",
    "/areas/",
    "/issues/",
    "/projects/",
    "/meetings/",
    "/meetings/resolutions/",
    "/inbox/",
]


def waiting(username: str, action: Action) -> str:
    """The form of a step on a case that waits for somebody."""
    issue = Issue.objects.waiting_for(User.objects.get(username=username))[0]
    return reverse("issues:act", args=[issue.pk, action])


def pages_of_a_dispatcher() -> list[str]:
    closed = Issue.objects.filter(status=Status.CLOSED).latest("event_count")
    return [
        "/",
        *LISTS,
        "/password/",
        "/figures/issues_received/",
        "/issues/report/",
        "/issues/?status=closed&sort=-received",
        closed.get_absolute_url(),
        waiting("district", Action.CONSULT),
        waiting("district", Action.ASSIGN),
        reverse("areas:detail", args=[ComplexArea.objects.earliest("pk").pk]),
        "/projects/new/",
        *(project.get_absolute_url() for project in Project.objects.order_by("-pk")[:2]),
        "/admin/",
        "/admin/issues/category/",
    ]


def pages_of_a_secretary() -> list[str]:
    held = Meeting.objects.filter(status=MeetingStatus.HELD).latest("pk")
    planned = Meeting.objects.filter(status=MeetingStatus.PLANNED).latest("pk")
    report = QuarterlyReport.objects.latest("quarter")
    return [
        "/",
        *LISTS,
        "/meetings/new/",
        "/meetings/series/",
        "/meetings/reports/",
        held.get_absolute_url(),
        reverse("meetings:add_resolution", args=[held.pk]),
        planned.get_absolute_url(),
        report.get_absolute_url(),
    ]


PAGES: dict[str, Callable[[], list[str]]] = {
    "district": pages_of_a_dispatcher,
    "secretary": pages_of_a_secretary,
    "grid": lambda: ["/", *LISTS, "/issues/report/"],
    "handler": lambda: ["/", "/issues/"],
    "revisitor": lambda: ["/", waiting("revisitor", Action.RECORD_REVISIT)],
    "sysadmin": lambda: ["/", "/admin/people/user/"],
    "auditor": lambda: ["/", "/audit/"],
}


@pytest.mark.parametrize("username", PAGES)
def test_pages_load_and_fit_a_phone(
    reference_platform: Platform, page: Page, username: str
) -> None:
    page.goto(f"{reference_platform.url}/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")
    for path in PAGES[username]():
        page.goto(f"{reference_platform.url}{path}")
        fits_a_phone(page)
