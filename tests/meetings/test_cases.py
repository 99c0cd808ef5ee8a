"""A case proposed to a meeting is put on its agenda, and goes on as the meeting decided."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import AuditEntry
from issues import sweeps as issue_sweeps
from issues.choices import (
    Action,
    ClockKind,
    Grade,
    Level,
    Outcome,
    Status,
    Step,
    SupervisionCause,
    SuspensionKind,
)
from issues.models import Issue, Supervision
from meetings import actions, following, sweeps
from meetings.choices import ItemKind
from meetings.models import Meeting, Resolution
from meetings.trail import Trail
from projects.choices import Status as ProjectStatus
from projects.models import Project
from tests.cast import Cast, again
from tests.issues.moments import at, in_district_triage, with_the_unit, with_two_departments
from tests.meetings.stages import (
    countersigned,
    decided,
    held,
    planned,
    proposed,
    resolved,
    series,
    solved,
)
from tests.projects import stages as projects

APPLIED = at("2025-03-24")


def current(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


def agenda_of(
    cast: Cast, meeting: Meeting, day: str = "2025-03-12"
) -> list[tuple[str, int | None]]:
    by = cast.cao_xue if meeting.place_id == cast.district.pk else cast.chen_jing
    actions.assemble_agenda(meeting.pk, by=again(by), at=at(day))
    return [(item.kind, item.issue_id) for item in meeting.items.all()]


def applied(cast: Cast, resolution: Resolution, by: Any = None, **changes: Any) -> Resolution:
    values = {"expected_version": resolution.version, "at": APPLIED, **changes}
    return following.apply_resolution(resolution.pk, by=again(by or cast.cao_xue), **values)


def suspended_by_a_unit(cast: Cast, issue: Issue, kind: SuspensionKind) -> Issue:
    """Asked for by the head of the lead unit on 6 March, granted by the leader; until 30 April."""
    at_town = issue.level == Level.TOWN
    head, leader = (cast.zheng_hua, cast.zhou_wei) if at_town else (cast.luo_bin, cast.qian_jin)
    day = at("2025-03-06", "15:00")
    data = {"kind": kind, "until": date(2025, 4, 30), "text": "须会议议定资金。"}
    issue = cast.step(issue, Action.REQUEST_SUSPENSION, head, day, **data)
    return cast.step(issue, Action.SUSPEND, leader, day, text="同意。")


def with_housing(cast: Cast) -> Issue:
    return cast.step(
        with_two_departments(cast), Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-06", "09:30")
    )


# --- on the agenda ---


def test_a_proposed_case_is_on_the_next_agenda_of_the_district(cast: Cast) -> None:
    issue = proposed(cast)
    meeting = planned(cast)

    assert agenda_of(cast, meeting) == [(ItemKind.PROPOSED_ISSUE, issue.pk)]
    assert meeting.items.get().reason == "提请联席会议：吴中区 2025-03-05 提请，挂起至 2025-04-30"


def test_a_case_suspended_for_a_meeting_at_a_units_request_is_on_it_too(cast: Cast) -> None:
    issue = suspended_by_a_unit(cast, with_housing(cast), SuspensionKind.MEETING)
    meeting = planned(cast)

    assert agenda_of(cast, meeting) == [(ItemKind.PROPOSED_ISSUE, issue.pk)]
    assert "区住建局 2025-03-06 提请" in meeting.items.get().reason


def test_a_case_suspended_for_another_reason_is_not(cast: Cast) -> None:
    suspended_by_a_unit(cast, with_housing(cast), SuspensionKind.FUNDING)

    assert agenda_of(cast, planned(cast)) == []


def test_a_case_that_was_taken_up_again_is_not_put_on_as_proposed(cast: Cast) -> None:
    issue = proposed(cast)
    cast.step(issue, Action.RESUME, cast.qian_jin, at("2025-03-10"), text="先行研判。")

    assert agenda_of(cast, planned(cast)) == [(ItemKind.ESCALATED_ISSUE, issue.pk)]


def test_what_a_town_suspended_for_a_meeting_is_the_towns(cast: Cast) -> None:
    issue = suspended_by_a_unit(cast, with_the_unit(cast), SuspensionKind.MEETING)
    of_town = planned(cast, of=series(cast, cast.changqiao, cast.chen_jing))

    assert agenda_of(cast, of_town) == [(ItemKind.PROPOSED_ISSUE, issue.pk)]
    assert agenda_of(cast, planned(cast)) == []


# --- the minutes ---


def test_minutes_are_countersigned_once_after_the_meeting(cast: Cast) -> None:
    meeting = held(cast)
    early = {"by": cast.cao_xue, "countersigned_on": date(2025, 3, 19), "at": at("2025-03-21")}
    with pytest.raises(Refused, match="会签日期"):
        actions.countersign_minutes(meeting.pk, expected_version=meeting.version, **early)

    assert countersigned(cast, meeting).countersigned_on == date(2025, 3, 21)
    with pytest.raises(Refused, match="已会签"):
        countersigned(cast, meeting)
    assert AuditEntry.objects.filter(action=Trail.COUNTERSIGNED).count() == 1


def test_a_meeting_that_was_not_held_has_no_minutes_to_countersign(cast: Cast) -> None:
    with pytest.raises(Refused, match="召开后"):
        countersigned(cast, planned(cast))


def test_after_the_countersigning_no_resolution_is_added(cast: Cast) -> None:
    meeting = countersigned(cast, held(cast))

    with pytest.raises(Refused, match="纪要已会签"):
        resolved(cast, meeting)
    assert not meeting.resolutions.exists()


def test_the_database_keeps_the_countersigning_after_the_meeting(cast: Cast) -> None:
    meeting, coming = held(cast), planned(cast)

    for pk in (meeting.pk, coming.pk):
        with pytest.raises(IntegrityError), transaction.atomic():
            Meeting.objects.filter(pk=pk).update(countersigned_on=date(2025, 3, 1))


# --- applied ---


def test_a_resolution_sends_its_case_to_its_units_until_its_day(cast: Cast) -> None:
    resolution = applied(cast, decided(cast, issue := proposed(cast)))

    issue = current(issue)
    assert (issue.level, issue.status) == (Level.DISTRICT, Status.ASSIGNED)
    assert {(row.unit_id, row.is_lead) for row in issue.assignments.filter(left_seq=None)} == {
        (cast.housing.pk, True),
        (cast.water.pk, False),
    }
    running = issue.clocks.get(kind=ClockKind.STEP, step=Step.HANDLING, ended_at=None)
    assert running.due_at == at("2025-06-30", "17:30")
    assert issue.review_at is None
    event = resolution.event
    assert event is not None
    assert (event.issue_id, event.action) == (issue.pk, Action.APPLY_RESOLUTION)
    assert event.actor == cast.cao_xue
    assert event.text.body.startswith(f"按联席会议议定事项 {resolution.number}：由住建局牵头")
    assert AuditEntry.objects.get(action=Trail.FOLLOWED).detail["seq"] == event.seq


def test_a_unit_that_had_the_case_before_leaves_it(cast: Cast) -> None:
    issue = suspended_by_a_unit(cast, with_housing(cast), SuspensionKind.MEETING)
    applied(cast, decided(cast, issue, lead_unit=cast.water, units=[]))

    issue = current(issue)
    assert issue.lead_unit == cast.water
    assert issue.assignments.get(unit=cast.housing).left_seq == issue.event_count


def test_nothing_is_applied_before_the_minutes_are_countersigned(cast: Cast) -> None:
    resolution = decided(cast, issue := proposed(cast), is_countersigned=False)

    with pytest.raises(Refused, match="会签后"):
        applied(cast, resolution)
    assert current(issue).status == Status.SUSPENDED


def test_a_resolution_is_applied_once(cast: Cast) -> None:
    resolution = applied(cast, decided(cast, issue := proposed(cast)))
    events = current(issue).event_count

    with pytest.raises(Refused, match="已落实到问题"):
        applied(cast, resolution)
    assert current(issue).event_count == events


def test_a_case_that_no_longer_waits_is_left_alone(cast: Cast) -> None:
    resolution = decided(cast, proposed(cast))
    issue_sweeps.resume_suspended(at("2025-04-30"))

    with pytest.raises(Refused, match="待联诊"):
        applied(cast, resolution, at=at("2025-05-06"))
    assert Resolution.objects.get(pk=resolution.pk).event is None


def test_a_resolution_on_something_else_has_no_case_to_change(cast: Cast) -> None:
    meeting = held(cast)
    resolution = resolved(cast, meeting)
    countersigned(cast, meeting)

    with pytest.raises(Refused, match="没有对应的问题"):
        applied(cast, resolution)


def test_a_stale_page_applies_nothing(cast: Cast) -> None:
    resolution = decided(cast, issue := proposed(cast))

    with pytest.raises(Stale):
        applied(cast, resolution, expected_version=resolution.version - 1)
    assert current(issue).status == Status.SUSPENDED


@pytest.mark.parametrize("who", ["sun_li", "qian_jin", "xu_ning", "chen_jing"])
def test_only_the_secretary_applies_a_resolution(cast: Cast, who: str) -> None:
    resolution = decided(cast, issue := proposed(cast))

    with pytest.raises(NotAllowed):
        applied(cast, resolution, by=cast.people[who])
    assert current(issue).status == Status.SUSPENDED
    assert Resolution.objects.get(pk=resolution.pk).event is None


def test_a_resolution_one_may_not_see_does_not_exist(cast: Cast) -> None:
    resolution = decided(cast, proposed(cast))

    with pytest.raises(NotFoundHere):
        applied(cast, resolution, by=cast.lin_tao)


def test_a_lead_unit_in_which_nobody_takes_orders_is_refused_and_nothing_kept(cast: Cast) -> None:
    resolution = decided(cast, issue := proposed(cast), lead_unit=cast.mudu_works, units=[])

    with pytest.raises(Refused, match="没有在职的承办经办"):
        applied(cast, resolution)
    assert current(issue).status == Status.SUSPENDED
    assert not AuditEntry.objects.filter(action=Trail.FOLLOWED).exists()


# --- decided otherwise ---


def test_a_meeting_can_give_a_case_back_to_where_it_was(cast: Cast) -> None:
    issue = suspended_by_a_unit(cast, with_housing(cast), SuspensionKind.MEETING)
    resolution = decided(cast, issue)

    resolution = following.resume_by_resolution(
        resolution.pk,
        by=again(cast.qian_jin),
        text="按原方案抓紧办理。",
        expected_version=resolution.version,
        at=APPLIED,
    )

    assert (current(issue).status, current(issue).lead_unit) == (Status.HANDLING, cast.housing)
    assert resolution.event is not None
    assert resolution.event.action == Action.RESUME


def test_a_meeting_can_make_a_project_of_a_case(cast: Cast) -> None:
    resolution = decided(cast, issue := proposed(cast))

    project = following.convert_by_resolution(
        resolution.pk,
        by=again(cast.qian_jin),
        data=projects.data(cast),
        text="列入年度攻坚。",
        expected_version=resolution.version,
        at=APPLIED,
    )

    resolution.refresh_from_db()
    issue = current(issue)
    assert (issue.status, issue.outcome) == (Status.CLOSED, Outcome.TO_PROJECT)
    assert project.status == ProjectStatus.PUBLISHED
    assert resolution.event == project.origins.get().event


def test_the_secretary_makes_no_project(cast: Cast) -> None:
    resolution = decided(cast, proposed(cast))

    with pytest.raises(NotAllowed):
        following.convert_by_resolution(
            resolution.pk,
            by=again(cast.cao_xue),
            data=projects.data(cast),
            text="列入年度攻坚。",
            expected_version=resolution.version,
            at=APPLIED,
        )
    assert not Project.objects.exists()


# --- overdue ---


def test_an_overdue_resolution_brings_one_order_on_its_case(cast: Cast) -> None:
    resolution = applied(cast, decided(cast, issue := proposed(cast)))

    assert sweeps.supervise_overdue_resolutions(at("2025-06-30")) == 0  # due that very day
    assert sweeps.supervise_overdue_resolutions(at("2025-07-01")) == 1
    assert sweeps.supervise_overdue_resolutions(at("2025-07-02")) == 0

    order = Supervision.objects.get()
    assert (order.issue, order.grade) == (issue, Grade.KEY)
    assert order.cause == SupervisionCause.RESOLUTION_OVERDUE
    resolution.refresh_from_db()
    assert resolution.supervision == order
    words = issue.events.get(seq=order.issued_seq).text.body
    assert resolution.number in words
    assert "2025-06-30" in words


def test_a_second_overdue_resolution_on_a_case_waits_until_the_first_order_is_struck_off(
    cast: Cast,
) -> None:
    first = decided(cast, issue := proposed(cast), is_countersigned=False)
    resolved(cast, first.meeting, agenda_item=first.agenda_item, due_date=date(2025, 6, 10))
    assert sweeps.supervise_overdue_resolutions(at("2025-07-01")) == 1

    cast.step(issue, Action.ANSWER_SUPERVISION, cast.sun_li, at("2025-07-02"), text="已约谈。")
    cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-07-03"), text="同意。")

    assert sweeps.supervise_overdue_resolutions(at("2025-07-04")) == 1
    assert sweeps.supervise_overdue_resolutions(at("2025-07-07")) == 0
    assert issue.supervisions.count() == 2


def test_no_order_is_issued_for_what_is_solved_or_has_ended_or_has_no_case(cast: Cast) -> None:
    struck_off = solved(cast, decided(cast, proposed(cast)), "2025-06-01")
    ended = decided(cast, proposed(cast))
    following.convert_by_resolution(
        ended.pk,
        by=again(cast.qian_jin),
        data=projects.data(cast),
        text="列入年度攻坚。",
        expected_version=ended.version,
        at=APPLIED,
    )
    resolved(cast)

    assert sweeps.supervise_overdue_resolutions(at("2025-07-01")) == 0
    assert struck_off.status == "solved"
    assert not Supervision.objects.exists()


def test_an_order_that_cannot_be_issued_stops_no_other(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = decided(cast, proposed(cast)), decided(cast, proposed(cast))
    perform = following.issue_actions.perform

    def refuse_one(issue_id: int, *args: Any, **kwargs: Any) -> Any:
        if stuck.case and issue_id == stuck.case.pk:
            raise Refused("已结案。")
        return perform(issue_id, *args, **kwargs)

    monkeypatch.setattr(following.issue_actions, "perform", refuse_one)

    assert sweeps.supervise_overdue_resolutions(at("2025-07-01")) == 1
    assert Supervision.objects.get().issue == other.case


def test_the_database_keeps_events_and_orders_with_resolutions_on_cases(cast: Cast) -> None:
    event = in_district_triage(cast).events.first()
    resolution = resolved(cast)

    with pytest.raises(IntegrityError), transaction.atomic():
        Resolution.objects.filter(pk=resolution.pk).update(event=event)
