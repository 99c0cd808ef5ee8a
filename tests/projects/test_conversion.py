"""A suspended case becomes a project with five elements, and each leads to the other."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import AuditEntry, Message
from issues.choices import Action, Outcome, Status, SuspensionKind
from issues.models import Issue
from projects import actions
from projects.choices import FIVE_ELEMENTS
from projects.choices import Status as ProjectStatus
from projects.models import Project
from projects.trail import Trail
from tests.cast import Cast, again
from tests.issues.moments import at, in_town_triage, with_two_departments
from tests.meetings.stages import proposed
from tests.projects.stages import DUE, data

CONVERTED = at("2025-03-24")


def converted(cast: Cast, issue: Issue, by: Any = None, **changes: Any) -> Project:
    return actions.convert_issue(
        by=again(by or cast.qian_jin),
        issue_id=issue.pk,
        expected_version=issue.version,
        data=data(cast, **changes),
        text="列入年度攻坚。",
        at=CONVERTED,
    )


def in_funding(cast: Cast) -> Issue:
    """Suspended at the district for want of money, with 住建局 in the lead."""
    issue = cast.step(with_two_departments(cast), Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-06"))
    asked = {"kind": SuspensionKind.FUNDING, "until": date(2025, 4, 30), "text": "资金未到位。"}
    issue = cast.step(issue, Action.REQUEST_SUSPENSION, cast.luo_bin, at("2025-03-07"), **asked)
    return cast.step(issue, Action.SUSPEND, cast.qian_jin, at("2025-03-07"), text="同意。")


def test_the_case_closes_and_the_project_runs_from_that_day(cast: Cast) -> None:
    issue = in_funding(cast)
    project = converted(cast, issue)

    issue.refresh_from_db()
    assert (issue.status, issue.outcome) == (Status.CLOSED, Outcome.TO_PROJECT)
    assert not issue.clocks.filter(ended_at=None).exists()
    assert (project.status, project.published_on) == (ProjectStatus.PUBLISHED, date(2025, 3, 24))
    assert (project.due_date, project.community) == (DUE, cast.longxi)
    origin = project.origins.get()
    assert (origin.issue, origin.event.action) == (issue, Action.CONVERT_TO_PROJECT)
    assert origin.event.text.body == f"转为攻坚项目 {project.number}。列入年度攻坚。"
    assert AuditEntry.objects.get(action=Trail.CONVERTED).detail["issue"] == issue.pk


def test_who_answers_for_the_project_hears_of_it(cast: Cast) -> None:
    project = converted(cast, proposed(cast))

    told = Message.objects.filter(key__startswith=f"project:{project.pk}:")
    assert {message.recipient.username for message in told} == {
        "zhou_wei",  # its owner
        *("he_jun", "luo_bin"),  # the lead department
        *("wu_yang", "zheng_hua", "feng_gang"),  # the responsible unit
        *("sun_li", "chen_jing"),  # who accepts it, and whose town it is
    }


@pytest.mark.parametrize("missing", FIVE_ELEMENTS)
def test_without_all_five_elements_nothing_happens(cast: Cast, missing: str) -> None:
    issue = proposed(cast)

    with pytest.raises(Refused, match=FIVE_ELEMENTS[missing]):
        converted(cast, issue, **{missing: "" if missing == "content" else None})
    issue.refresh_from_db()
    assert issue.status == Status.SUSPENDED
    assert not Project.objects.exists()


def test_a_project_needs_time_to_run(cast: Cast) -> None:
    issue = proposed(cast)

    with pytest.raises(Refused) as refused:
        converted(cast, issue, due_date=date(2025, 3, 24))
    assert refused.value.fields.keys() == {"due_date"}
    assert not Project.objects.exists()


def test_the_project_lies_where_the_case_lies_or_above(cast: Cast) -> None:
    assert converted(cast, proposed(cast), place=cast.district, area=None).district == cast.district
    with pytest.raises(Refused) as refused:
        converted(cast, proposed(cast), place=cast.mudu, area=None)
    assert refused.value.fields.keys() == {"place"}
    assert Project.objects.count() == 1


@pytest.mark.parametrize("who", ["sun_li", "cao_xue", "chen_jing", "zhou_wei"])
def test_only_the_districts_leader_converts(cast: Cast, who: str) -> None:
    issue = proposed(cast)

    with pytest.raises(NotAllowed):
        converted(cast, issue, by=cast.people[who])
    assert not Project.objects.exists()


def test_a_case_one_may_not_see_does_not_exist(cast: Cast) -> None:
    with pytest.raises(NotFoundHere):
        converted(cast, proposed(cast), by=cast.tang_jie)


def test_a_case_that_is_not_suspended_is_no_project(cast: Cast) -> None:
    with pytest.raises(Refused, match="待会诊"):
        converted(cast, in_town_triage(cast))


def test_a_stale_page_converts_nothing(cast: Cast) -> None:
    issue = proposed(cast)
    issue.version -= 1

    with pytest.raises(Stale):
        converted(cast, issue)
    assert not Project.objects.exists()


# --- the pages ---


@pytest.fixture
def signed_in(client: Client):
    def sign_in(user) -> Client:
        client.force_login(user)
        return client

    return sign_in


def form_of(cast: Cast, issue: Issue, **changes: Any) -> dict[str, Any]:
    """A conversion as a browser sends it."""
    values = {**data(cast, due_date=date(2099, 1, 1)), "text": "列入年度攻坚。", **changes}
    sent = {name: getattr(value, "pk", value) or "" for name, value in values.items()}
    return {**sent, "expected_version": issue.version}


def test_the_form_shows_what_the_case_already_says(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)

    page = signed_in(cast.qian_jin).get(reverse("projects:convert", args=[issue.pk]))

    known = page.context["form"].initial
    assert known["name"] == issue.title
    assert known["place"] == cast.longxi
    assert known["lead_department"] == known["responsible_unit"] == cast.housing
    assert all(page.context["form"].fields[name].required for name in FIVE_ELEMENTS)


def test_the_form_makes_the_project(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)

    answer = signed_in(cast.qian_jin).post(
        reverse("projects:convert", args=[issue.pk]), form_of(cast, issue)
    )

    assert answer.url == Project.objects.get().get_absolute_url()


@pytest.mark.parametrize("missing", [*FIVE_ELEMENTS, "text", "place"])
def test_a_form_with_a_gap_comes_back_and_writes_nothing(
    cast: Cast, signed_in, missing: str
) -> None:
    issue = in_funding(cast)

    answer = signed_in(cast.qian_jin).post(
        reverse("projects:convert", args=[issue.pk]), form_of(cast, issue, **{missing: None})
    )

    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {missing}
    issue.refresh_from_db()
    assert issue.status == Status.SUSPENDED


def test_a_form_that_comes_too_late_says_so(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)
    late = form_of(cast, issue)
    cast.step(issue, Action.RESUME, cast.qian_jin, at("2025-03-10"), text="恢复。")

    client = signed_in(cast.qian_jin)
    assert client.post(reverse("projects:convert", args=[issue.pk]), late).status_code == 403
    assert not Project.objects.exists()


def test_case_and_project_lead_to_each_other(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)
    project = converted(cast, issue)
    client = signed_in(cast.qian_jin)

    of_case = client.get(reverse("projects:of_issue", args=[issue.pk])).text
    assert f'href="{project.get_absolute_url()}"' in of_case
    assert reverse("projects:of_issue", args=[issue.pk]) in client.get(f"/issues/{issue.pk}/").text
    assert f'href="{issue.get_absolute_url()}"' in client.get(project.get_absolute_url()).text


def test_who_sees_the_case_alone_learns_the_projects_name(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)
    project = converted(cast, issue)

    part = signed_in(cast.wang_fang).get(reverse("projects:of_issue", args=[issue.pk])).text

    assert project.number in part
    assert "href" not in part


def test_who_sees_the_project_alone_learns_the_cases_number(cast: Cast, signed_in) -> None:
    issue = proposed(cast)
    project = converted(cast, issue)

    page = signed_in(cast.wu_yang).get(project.get_absolute_url()).text  # of the responsible unit

    assert issue.number in page
    assert issue.title not in page


def test_a_case_of_its_own_has_no_project_to_show(cast: Cast, signed_in) -> None:
    part = signed_in(cast.qian_jin).get(reverse("projects:of_issue", args=[proposed(cast).pk]))

    assert part.status_code == 200
    assert part.text.strip() == ""


def test_the_case_offers_the_form_as_a_page_of_its_own(cast: Cast, signed_in) -> None:
    issue = in_funding(cast)
    client = signed_in(cast.qian_jin)

    page = client.get(f"/issues/{issue.pk}/").text
    assert f'href="{reverse("projects:convert", args=[issue.pk])}"' in page
    assert client.get(f"/issues/{issue.pk}/convert_to_project/").status_code == 404
    assert client.get(f"/issues/{issue.pk}/apply_resolution/").status_code == 404
