"""A proposed case on the pages of the meetings: what is told of it, and how it goes on."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from issues.choices import Action, Outcome, Status
from issues.models import Issue
from meetings import actions
from meetings.models import Meeting, Resolution
from projects.models import Project
from tests.cast import Cast, again
from tests.issues.moments import at
from tests.meetings.stages import countersigned, decided, held, planned, proposed, resolved
from tests.projects import stages as projects
from tests.queries import queries_of

PROPOSAL = "建议由住建局牵头整体改造管网"
TRIED = "已现场围挡，需更换井盖。"


@pytest.fixture
def signed_in(client: Client):
    def sign_in(user) -> Client:
        client.force_login(user)
        return client

    return sign_in


def url(name: str, *args: object) -> str:
    return reverse(f"meetings:{name}", args=args)


def with_agenda(cast: Cast, *issues: Issue) -> Meeting:
    meeting = planned(cast)
    actions.assemble_agenda(meeting.pk, by=again(cast.cao_xue), at=at("2025-03-12"))
    assert meeting.items.count() == len(issues)
    return meeting


# --- the agenda ---


def test_the_agenda_tells_the_proposal_and_what_was_done(cast: Cast, signed_in) -> None:
    issue = proposed(cast)
    page = signed_in(cast.cao_xue).get(with_agenda(cast, issue).get_absolute_url())

    (item,) = page.context["items"]
    assert item["brief"].until == date(2025, 4, 30)
    assert [told.title for told in item["brief"].work] == ["提级会诊", "会诊", "提级联诊"]
    for words in (issue.number, PROPOSAL, TRIED, "需区级统筹。"):
        assert words in page.text


@pytest.mark.parametrize("who", ["tang_jie", "he_jun"])
def test_the_agenda_tells_nothing_of_a_case_outside_ones_scope(
    cast: Cast, signed_in, who: str
) -> None:
    issue = proposed(cast)
    meeting = with_agenda(cast, issue)
    actions.hold_meeting(
        meeting.pk,
        by=again(cast.cao_xue),
        held_on=date(2025, 3, 20),
        attendees=[cast.housing],
        expected_version=Meeting.objects.get().version,
        at=at("2025-03-20"),
    )

    page = signed_in(cast.people[who]).get(meeting.get_absolute_url())

    assert page.status_code == 200
    for secret in (issue.number, issue.title, PROPOSAL, TRIED):
        assert secret not in page.text


def test_a_telephone_number_in_a_proposal_is_masked(cast: Cast, signed_in) -> None:
    issue = cast.step(
        cast.step(
            proposed(cast), Action.RESUME, cast.qian_jin, at("2025-03-06"), text="补充材料。"
        ),
        Action.TO_MEETING,
        cast.sun_li,
        at("2025-03-07"),
        until=date(2025, 4, 30),
        text="诉求人电话 12012345678，请会议议定。",
    )

    page = signed_in(cast.cao_xue).get(with_agenda(cast, issue).get_absolute_url())

    assert "请会议议定" in page.text
    assert "12012345678" not in page.text


def test_an_anonymised_case_is_so_on_every_agenda(cast: Cast, signed_in) -> None:
    issue = proposed(cast)
    meeting = with_agenda(cast, issue)
    text = issue.events.get(action=Action.TO_MEETING).text
    text.body, text.salt = "", ""
    text.save()

    assert PROPOSAL not in signed_in(cast.cao_xue).get(meeting.get_absolute_url()).text


# --- carried out ---


def test_the_secretary_countersigns_and_applies_on_the_pages(cast: Cast, signed_in) -> None:
    resolution = decided(cast, issue := proposed(cast), is_countersigned=False)
    meeting = resolution.meeting
    client = signed_in(cast.cao_xue)
    meeting.refresh_from_db()
    page = client.get(meeting.get_absolute_url())
    assert "会议纪要会签后才能落实到问题" in page.text
    assert url("apply", resolution.pk) not in page.text

    sent = {"countersigned_on": "2025-03-21", "expected_version": meeting.version}
    assert client.post(url("countersign", meeting.pk), sent).status_code == 302
    assert url("apply", resolution.pk) in client.get(meeting.get_absolute_url()).text
    answer = client.post(
        url("apply", resolution.pk), {"expected_version": resolution.version}, follow=True
    )

    issue.refresh_from_db()
    assert (issue.status, issue.lead_unit) == (Status.ASSIGNED, cast.housing)
    assert "落实议定事项" in answer.text
    assert url("apply", resolution.pk) not in answer.text


def test_each_is_offered_the_ways_that_are_theirs(cast: Cast, signed_in) -> None:
    resolution = decided(cast, proposed(cast))
    offered = {}
    for who in ("cao_xue", "qian_jin", "sun_li", "chen_jing", "xu_ning"):
        page = signed_in(cast.people[who]).get(resolution.meeting.get_absolute_url()).text
        offered[who] = {
            step for step in ("apply", "resume", "convert") if url(step, resolution.pk) in page
        }

    assert offered == {
        "cao_xue": {"apply"},
        "qian_jin": {"resume", "convert"},
        "sun_li": set(),
        "chen_jing": set(),
        "xu_ning": set(),
    }


def test_the_leader_gives_a_case_back_on_the_page(cast: Cast, signed_in) -> None:
    resolution = decided(cast, issue := proposed(cast))
    client = signed_in(cast.qian_jin)

    empty = client.post(url("resume", resolution.pk), {"expected_version": resolution.version})
    assert empty.status_code == 400
    sent = {"expected_version": resolution.version, "text": "由区级联诊后交办。"}
    assert client.post(url("resume", resolution.pk), sent).status_code == 302

    issue.refresh_from_db()
    assert issue.status == Status.TRIAGE


def test_the_leader_makes_a_project_of_what_was_decided(cast: Cast, signed_in) -> None:
    resolution = decided(cast, issue := proposed(cast), due_date=date(2099, 6, 30))
    client = signed_in(cast.qian_jin)

    page = client.get(url("convert", resolution.pk))
    known = page.context["form"].initial
    assert known["lead_department"] == known["responsible_unit"] == cast.housing
    assert known["due_date"] == date(2099, 6, 30)
    assert resolution.text in page.text
    values = {**projects.data(cast, due_date=date(2099, 6, 30)), "text": "列入年度攻坚。"}
    sent = {name: getattr(value, "pk", value) for name, value in values.items()}
    answer = client.post(
        url("convert", resolution.pk), {**sent, "expected_version": resolution.version}
    )

    assert answer.url == Project.objects.get().get_absolute_url()
    issue.refresh_from_db()
    assert issue.outcome == Outcome.TO_PROJECT
    resolution.refresh_from_db()
    assert resolution.event is not None


def test_a_step_that_comes_too_late_says_so_beside_the_resolution(cast: Cast, signed_in) -> None:
    resolution = decided(cast, issue := proposed(cast))
    cast.step(issue, Action.RESUME, cast.qian_jin, at("2025-03-24"), text="恢复。")

    answer = signed_in(cast.cao_xue).post(
        url("apply", resolution.pk), {"expected_version": resolution.version}
    )

    assert answer.status_code == 422
    assert "不能落实议定事项" in answer.text


@pytest.mark.parametrize("version", ["", "x", "9" * 30])
def test_a_step_without_a_proper_version_changes_nothing(
    cast: Cast, signed_in, version: str
) -> None:
    resolution = decided(cast, issue := proposed(cast))

    answer = signed_in(cast.cao_xue).post(
        url("apply", resolution.pk), {"expected_version": version}
    )

    assert answer.status_code == 400
    issue.refresh_from_db()
    assert issue.status == Status.SUSPENDED


@pytest.mark.parametrize("day", ["", "2025-03-19", "2099-01-01", "x"])
def test_a_wrong_day_of_countersigning_comes_back(cast: Cast, signed_in, day: str) -> None:
    meeting = held(cast)

    answer = signed_in(cast.cao_xue).post(
        url("countersign", meeting.pk),
        {"countersigned_on": day, "expected_version": meeting.version},
    )

    assert answer.status_code in (400, 422)
    meeting.refresh_from_db()
    assert meeting.countersigned_on is None


# --- from the case ---


def test_the_case_leads_to_its_meeting_and_the_secretary_applies_from_there(
    cast: Cast, signed_in
) -> None:
    resolution = decided(cast, issue := proposed(cast))
    client = signed_in(cast.cao_xue)

    case = client.get(issue.get_absolute_url()).text
    assert f'href="{url("of_issue", issue.pk)}"' in case
    page = client.get(url("of_issue", issue.pk)).text
    for part in (
        resolution.meeting.get_absolute_url(),
        resolution.number,
        url("apply", resolution.pk),
    ):
        assert part in page
    part = client.get(url("of_issue", issue.pk), headers={"HX-Request": "true"}).text
    assert resolution.get_absolute_url() in part
    assert "<html" not in part


def test_a_case_that_no_meeting_knows_of_shows_none(cast: Cast, signed_in) -> None:
    issue = cast.report(at=at("2025-03-03"))

    part = signed_in(cast.sun_li).get(url("of_issue", issue.pk), headers={"HX-Request": "true"})

    assert part.text.strip() == ""


def test_of_meetings_one_may_not_see_the_case_says_nothing(cast: Cast, signed_in) -> None:
    decided(cast, issue := proposed(cast))

    page = signed_in(cast.wang_fang).get(url("of_issue", issue.pk))

    assert (page.status_code, list(page.context["items"]), page.context["resolutions"]) == (
        200,
        [],
        [],
    )


# --- cost ---


@pytest.mark.parametrize("who", ["cao_xue", "qian_jin", "he_jun"])
def test_a_meeting_costs_the_same_for_many_cases(cast: Cast, signed_in, who: str) -> None:
    def meeting_with(count: int) -> Any:
        issues = [proposed(cast) for _ in range(count)]
        first = decided(cast, issues[0], is_countersigned=False)
        meeting = first.meeting
        for issue in issues[1:]:
            resolved(cast, meeting, agenda_item=meeting.items.get(issue=issue))
        countersigned(cast, meeting)
        return meeting

    few, many = meeting_with(2), meeting_with(6)
    client = signed_in(cast.people[who])
    client.get(few.get_absolute_url())

    assert Resolution.objects.filter(meeting=many).count() == 6
    assert queries_of(lambda: client.get(many.get_absolute_url())) == queries_of(
        lambda: client.get(few.get_absolute_url())
    )
