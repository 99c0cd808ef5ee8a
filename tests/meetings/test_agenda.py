"""An agenda assembles itself from escalated issues, late projects and unfinished resolutions."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from issues.choices import Action
from meetings import actions
from meetings.choices import ItemKind
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast, again
from tests.issues.moments import at, in_district_triage, in_town_triage, with_two_departments
from tests.meetings.stages import (
    held,
    planned,
    resolved,
    series,
    solved,
    submitted_at_the_district,
)
from tests.projects import stages as projects

NOW = at("2025-07-03")


def assembled(cast: Cast, meeting: Meeting, when=NOW) -> list[tuple[str, str]]:
    actions.assemble_agenda(meeting.pk, by=cast.cao_xue, at=when)
    return [(item.kind, item.subject_title) for item in meeting.items.all()]


def test_an_agenda_takes_in_what_belongs_before_the_meeting(cast: Cast) -> None:
    earlier = held(cast)
    resolution = resolved(cast, earlier)
    issue = in_district_triage(cast)
    late = projects.published(cast)
    meeting = planned(cast, "2025-07-10")

    assert assembled(cast, meeting) == [
        (ItemKind.ESCALATED_ISSUE, issue.title),
        (ItemKind.LATE_PROJECT, late.name),
        (ItemKind.UNFINISHED_RESOLUTION, resolution.text),
    ]


def test_every_item_says_why_it_is_there(cast: Cast) -> None:
    resolved(cast, held(cast))
    in_district_triage(cast)
    projects.published(cast)
    meeting = planned(cast, "2025-07-10")
    assembled(cast, meeting)

    reasons = {item.kind: item.reason for item in meeting.items.all()}
    assert reasons == {
        ItemKind.ESCALATED_ISSUE: (
            "提级联诊：长桥街道 2025-03-04 提级，现为待联诊，环节已超期，总时限已超期"
        ),
        ItemKind.LATE_PROJECT: (
            "攻坚项目超期：完成时限 2025-07-01，已超期 2 天，完成率 0%，责任单位长桥街道城建办"
        ),
        ItemKind.UNFINISHED_RESOLUTION: (
            "上次议定未了：吴中区联席会议（2025-03-20）议定，牵头单位吴中区住建局，"
            "时限 2025-06-30，已逾期"
        ),
    }


def test_what_is_not_the_districts_or_not_late_or_done_stays_off(cast: Cast) -> None:
    in_town_triage(cast)
    cast.report()
    submitted_at_the_district(cast)
    projects.published(cast, due_date=date(2025, 7, 3))  # due that very day
    projects.completed(cast, "2025-06-20")
    projects.drafted(cast)
    earlier = held(cast)
    solved(cast, resolved(cast, earlier), "2025-06-01")
    meeting = planned(cast, "2025-07-10")

    assert assembled(cast, meeting) == []


def test_assembling_again_adds_what_is_new_and_removes_nothing(cast: Cast) -> None:
    first = in_district_triage(cast)
    meeting = planned(cast, "2025-07-10")
    assembled(cast, meeting, at("2025-03-12"))

    cast.step(
        first,
        Action.SEND_DOWN,
        cast.sun_li,
        at("2025-03-13"),
        reason="below_threshold",
        text="镇街可以解决。",
    )
    second = in_district_triage(cast)
    assembled(cast, meeting, at("2025-03-14"))
    assembled(cast, meeting, at("2025-03-14"))

    assert [(item.position, item.issue_id) for item in meeting.items.all()] == [
        (1, first.pk),
        (2, second.pk),
    ]


def test_what_was_taken_off_by_hand_comes_back_only_when_assembled_anew(cast: Cast) -> None:
    in_district_triage(cast)
    meeting = planned(cast, "2025-07-10")
    assembled(cast, meeting)
    meeting.refresh_from_db()

    actions.remove_item(
        meeting.pk, meeting.items.get().pk, by=cast.cao_xue, expected_version=meeting.version
    )

    assert not meeting.items.exists()
    assert len(assembled(cast, meeting)) == 1


def test_a_town_meeting_takes_in_what_stands_at_the_town(cast: Cast) -> None:
    at_town = in_town_triage(cast)
    in_district_triage(cast)
    meeting = planned(cast, of=series(cast, cast.changqiao, cast.chen_jing))

    actions.assemble_agenda(meeting.pk, by=cast.chen_jing, at=at("2025-03-12"))

    assert meeting.items.get().issue == at_town
    assert meeting.items.get().reason.startswith("提级会诊：长桥街道 2025-03-03 提级")


def test_the_agenda_of_a_held_meeting_is_fixed(cast: Cast) -> None:
    meeting = held(cast)

    with pytest.raises(Refused):
        actions.assemble_agenda(meeting.pk, by=cast.cao_xue, at=NOW)
    with pytest.raises(Refused):
        actions.add_item(
            meeting.pk,
            by=cast.cao_xue,
            title="其他",
            reason="临时",
            expected_version=meeting.version,
        )


def test_an_item_can_be_added_by_hand_after_the_last(cast: Cast) -> None:
    in_district_triage(cast)
    meeting = planned(cast, "2025-07-10")
    assembled(cast, meeting)
    meeting.refresh_from_db()

    item = actions.add_item(
        meeting.pk,
        by=cast.qian_jin,
        title="毗邻区公交线路",
        reason="召集人提出",
        expected_version=meeting.version,
    )

    assert (item.position, item.kind) == (2, ItemKind.MANUAL)


def test_a_stale_page_changes_no_agenda(cast: Cast) -> None:
    meeting = planned(cast)
    actions.add_item(
        meeting.pk, by=cast.cao_xue, title="一", reason="一", expected_version=meeting.version
    )

    with pytest.raises(Stale):
        actions.add_item(
            meeting.pk, by=cast.cao_xue, title="二", reason="二", expected_version=meeting.version
        )


@pytest.mark.parametrize("who", ["xu_ning", "chen_jing", "zhou_wei"])
def test_only_who_runs_the_meetings_assembles_an_agenda(cast: Cast, who: str) -> None:
    meeting = planned(cast)

    with pytest.raises(NotAllowed):
        actions.assemble_agenda(meeting.pk, by=cast.people[who], at=NOW)


@pytest.mark.parametrize("who", ["wang_fang", "he_jun", "lin_tao"])
def test_a_meeting_one_may_not_see_does_not_exist(cast: Cast, who: str) -> None:
    meeting = planned(cast)

    with pytest.raises(NotFoundHere):
        actions.assemble_agenda(meeting.pk, by=cast.people[who], at=NOW)


def test_assembling_costs_the_same_for_many_cases(cast: Cast) -> None:
    with_two_departments(cast)
    few = _queries(cast, planned(cast, "2025-07-10"))
    for _ in range(9):
        in_district_triage(cast)

    assert _queries(cast, planned(cast, "2025-07-11")) == few


def _queries(cast: Cast, meeting: Meeting) -> int:
    secretary = again(cast.cao_xue)
    with CaptureQueriesContext(connection) as queries:
        actions.assemble_agenda(meeting.pk, by=secretary, at=NOW)
    return len(queries)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": ItemKind.ESCALATED_ISSUE},
        {"kind": ItemKind.LATE_PROJECT, "issue": True},
        {"kind": ItemKind.MANUAL, "title": ""},
        {"kind": ItemKind.MANUAL, "title": "其他", "issue": True},
        {"kind": "unknown", "title": "其他"},
    ],
)
def test_the_database_keeps_an_item_about_what_its_kind_says(
    cast: Cast, fields: dict[str, object]
) -> None:
    issue = in_district_triage(cast)
    meeting = planned(cast)
    values = {**fields, **({"issue": issue} if "issue" in fields else {})}

    with pytest.raises(IntegrityError), transaction.atomic():
        AgendaItem.objects.create(meeting=meeting, position=1, reason="—", **values)


def test_the_database_keeps_an_issue_once_on_an_agenda(cast: Cast) -> None:
    issue = in_district_triage(cast)
    meeting = planned(cast)
    about = {"meeting": meeting, "kind": ItemKind.ESCALATED_ISSUE, "issue": issue, "reason": "—"}
    AgendaItem.objects.create(position=1, **about)

    with pytest.raises(IntegrityError), transaction.atomic():
        AgendaItem.objects.create(position=2, **about)
