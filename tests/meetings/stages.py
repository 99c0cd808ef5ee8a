"""Meetings brought to a state by the real actions, in March 2025."""

from __future__ import annotations

from datetime import date
from typing import Any

from areas.models import Place
from issues.choices import Action, Contact, Outcome
from issues.models import Issue
from meetings import actions
from meetings.choices import Frequency
from meetings.models import Meeting, MeetingSeries, Resolution
from people.choices import Role
from people.models import User
from tests.cast import Cast, again, person
from tests.issues.moments import at, in_district_triage, with_two_departments

DUE = date(2025, 6, 30)


def series(cast: Cast, place: Place | None = None, by: User | None = None) -> MeetingSeries:
    place = place or cast.district
    return actions.create_series(
        by=again(by or cast.cao_xue),
        place=place,
        name=f"{place}联席会议",
        frequency=Frequency.QUARTERLY,
        at=at("2025-01-02"),
    )


def planned(cast: Cast, day: str = "2025-03-20", *, of: MeetingSeries | None = None) -> Meeting:
    """A meeting planned on 10 March, or on its own day if that is earlier."""
    of = of or MeetingSeries.objects.filter(place=cast.district).first() or series(cast)
    managers = {cast.district.pk: cast.cao_xue, cast.changqiao.pk: cast.chen_jing}
    return actions.schedule_meeting(
        by=again(managers[of.place_id]),
        series=of,
        title=f"{of}（{day}）",
        planned_on=date.fromisoformat(day),
        location="行政中心 302",
        at=at(min("2025-03-10", day)),
    )


def held(cast: Cast, day: str = "2025-03-20", *, of: MeetingSeries | None = None) -> Meeting:
    meeting = planned(cast, day, of=of)
    by = cast.cao_xue if meeting.place_id == cast.district.pk else cast.chen_jing
    return actions.hold_meeting(
        meeting.pk,
        by=again(by),
        held_on=date.fromisoformat(day),
        attendees=[cast.housing],
        expected_version=meeting.version,
        at=at(day, "17:00"),
    )


def resolved(cast: Cast, meeting: Meeting | None = None, **changes: Any) -> Resolution:
    """A resolution of a held district meeting: 住建局 leads, 水务局 takes part."""
    meeting = meeting or held(cast)
    meeting.refresh_from_db()
    data = {
        "text": "由住建局牵头，水务局配合，完成李家角污水管网改造。",
        "lead_unit": cast.housing,
        "units": [cast.water],
        "responsible_person": None,
        "due_date": DUE,
        **changes,
    }
    return actions.add_resolution(
        meeting.pk,
        by=again(cast.cao_xue),
        expected_version=meeting.version,
        at=at(meeting.day.isoformat(), "18:00"),
        **data,
    )


def proposed(cast: Cast) -> Issue:
    """Proposed to the district's meeting on 5 March by its desk; suspended until 30 April."""
    return cast.step(
        in_district_triage(cast),
        Action.TO_MEETING,
        cast.sun_li,
        at("2025-03-05"),
        until=date(2025, 4, 30),
        text="建议由住建局牵头整体改造管网，请会议议定资金和时限。",
    )


def decided(
    cast: Cast, issue: Issue, *, is_countersigned: bool = True, **changes: Any
) -> Resolution:
    """What the district's meeting of 20 March decided on a case on its agenda."""
    meeting = planned(cast)
    actions.assemble_agenda(meeting.pk, by=again(cast.cao_xue), at=at("2025-03-12"))
    meeting.refresh_from_db()
    meeting = actions.hold_meeting(
        meeting.pk,
        by=again(cast.cao_xue),
        held_on=date(2025, 3, 20),
        attendees=[cast.housing, cast.water],
        expected_version=meeting.version,
        at=at("2025-03-20", "17:00"),
    )
    resolution = resolved(cast, meeting, agenda_item=meeting.items.get(issue=issue), **changes)
    if is_countersigned:
        countersigned(cast, meeting)
    return Resolution.objects.get(pk=resolution.pk)


def countersigned(cast: Cast, meeting: Meeting) -> Meeting:
    meeting.refresh_from_db()
    return actions.countersign_minutes(
        meeting.pk,
        by=again(cast.cao_xue),
        countersigned_on=date(2025, 3, 21),
        expected_version=meeting.version,
        at=at("2025-03-21"),
    )


def solved(cast: Cast, resolution: Resolution, day: str) -> Resolution:
    return actions.solve_resolution(
        resolution.pk,
        by=again(cast.cao_xue),
        solved_on=date.fromisoformat(day),
        result="管网已贯通。",
        expected_version=resolution.version,
        at=at(day),
    )


def town_secretary(cast: Cast) -> User:
    return person("town_secretary", "吕文", Role.SECRETARY, cast.changqiao)


def submitted_at_the_district(cast: Cast) -> Issue:
    """Reported on 3 March, assigned on the 5th with 15 working days, submitted in April."""
    issue = with_two_departments(cast)
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-06"))
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-20"), text="已疏通。")
    return cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.he_jun,
        at("2025-04-10"),
        outcome=Outcome.RESOLVED,
        text="管网已修复。",
    )


def closed_late_by_two_departments(cast: Cast) -> Issue:
    issue = submitted_at_the_district(cast)
    return cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-04-11"))


def closed_on_the_spot(cast: Cast, day: str = "2025-04-07", **changes: Any) -> Issue:
    """Taken over by the grid, resolved, verified by the community, rated 5 by who complained."""
    contact = {"source": "resident", "contact_name": "孙某", "contact_phone": "12012345678"}
    issue = cast.report(at=at(day), **{**contact, **changes})
    issue = cast.step(issue, Action.FIRST_HANDLE, cast.wang_fang, at(day, "11:00"), text="现场处理")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wang_fang,
        at(day, "15:00"),
        outcome=Outcome.RESOLVED,
        text="已清理。",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at(day, "16:00"))
    return cast.step(
        issue,
        Action.RECORD_REVISIT,
        cast.han_mei,
        at(day, "17:00"),
        contact=Contact.REACHED,
        is_solved=True,
        satisfaction=5,
    )
