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
from issues import actions
from issues.choices import Action, Status
from issues.models import Issue
from meetings.choices import MeetingStatus
from meetings.models import Meeting, QuarterlyReport
from people.models import Posting, User
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
    user = User.objects.get(username=username)
    issue = next(
        issue
        for issue in Issue.objects.waiting_for(user)
        if action in actions.available(issue, by=user)
    )
    return reverse("issues:act", args=[issue.pk, action])


def pages_of_a_dispatcher() -> list[str]:
    closed = Issue.objects.filter(status=Status.CLOSED).latest("event_count")
    return [
        "/",
        *LISTS,
        "/password/",
        "/figures/issues_received/",
        "/issues/desk/",
        "/issues/desk/views/",
        "/issues/owing/",
        "/issues/rulings/",
        "/issues/report/",
        "/issues/rules/",
        "/issues/papers/templates/",
        "/issues/papers/templates/work_order/",
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
        *(
            reverse("meetings:add_resolution", args=[meeting.pk])
            for meeting in Meeting.objects.filter(
                status=MeetingStatus.HELD, countersigned_on__isnull=True
            )[:1]
        ),
        planned.get_absolute_url(),
        report.get_absolute_url(),
    ]


def pages_of_a_community_officer() -> list[str]:
    posting = Posting.objects.managed_by(User.objects.get(username="community"))[0]
    forms = ("deputy_appoint", "deputy_hand_over")
    return ["/", "/deputies/", *(reverse(name, args=[posting.pk]) for name in forms)]


def pages_of_a_security_administrator() -> list[str]:
    posting = User.objects.get(username="handler").postings.get()
    forms = ("change", "deputy", "hand_over")
    return [
        "/",
        "/admin/people/posting/",
        *(reverse(f"admin:people_posting_{name}", args=[posting.pk]) for name in forms),
    ]


PAGES: dict[str, Callable[[], list[str]]] = {
    "district": pages_of_a_dispatcher,
    "secretary": pages_of_a_secretary,
    "grid": lambda: ["/", *LISTS, "/issues/report/"],
    "town": lambda: [
        "/",
        "/issues/desk/",
        "/issues/owing/",
        waiting("town", Action.MERGE),
        waiting("town", Action.INSTRUCT),
    ],
    "townlead": lambda: ["/", "/issues/desk/", "/issues/desk/?queue=return_review"],
    "leader": lambda: ["/", "/issues/desk/", "/issues/owing/"],
    "handler": lambda: ["/", "/issues/", "/issues/desk/"],
    "head": lambda: ["/", "/issues/desk/", "/issues/owing/", "/deputies/"],
    "supervisor": lambda: ["/", "/issues/desk/", "/issues/owing/"],
    "verifier": lambda: ["/", "/issues/desk/"],
    "revisitor": lambda: ["/", waiting("revisitor", Action.RECORD_REVISIT)],
    "community": pages_of_a_community_officer,
    "secadmin": pages_of_a_security_administrator,
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
