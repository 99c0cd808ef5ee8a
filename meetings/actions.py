"""Every write to a meeting: lock, check, change, audit entry, messages, in one transaction.

How the case of a resolution goes on is in ``meetings.following``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from areas.models import Place
from core import audit
from core.errors import NotFoundHere, Refused
from meetings import agenda
from meetings.choices import (
    Frequency,
    ItemKind,
    MeetingLevel,
    MeetingStatus,
    ResolutionStatus,
    Step,
)
from meetings.managers import is_manager, manager, managers_of
from meetings.models import (
    AgendaItem,
    Meeting,
    MeetingAttendance,
    MeetingSeries,
    Resolution,
    ResolutionUnit,
)
from meetings.parts import lock, lock_resolution, record, require, save, tell, unit_people
from meetings.trail import Trail
from people.models import Organisation, User
from projects import numbers

NUMBER_PREFIX = "YD"

# --- series and meetings ---


@transaction.atomic
def create_series(
    *, by: User, place: Place, name: str, frequency: Frequency, at: datetime | None = None
) -> MeetingSeries:
    """Set up the standing joint meeting of a place. By those who run the meetings there."""
    posting = manager(by, place)
    if MeetingSeries.objects.filter(place=place, name=name).exists():
        message = "这个地区已有同名的联席会议。"
        raise Refused(message, fields={"name": [message]})
    series = MeetingSeries.objects.create(
        level=MeetingLevel(place.level), place=place, name=name, frequency=frequency
    )
    record(Trail.SERIES_CREATED, series, by=by, posting=posting, at=at)
    return series


@transaction.atomic
def schedule_meeting(
    *,
    by: User,
    series: MeetingSeries,
    title: str,
    planned_on: date,
    location: str = "",
    at: datetime | None = None,
) -> Meeting:
    """Plan a meeting of a series for a day that is not past. Tells who runs the meetings there."""
    at = at or timezone.now()
    place = series.place
    posting = manager(by, place)
    if planned_on < timezone.localdate(at):
        message = "计划日期不能早于今天。"
        raise Refused(message, fields={"planned_on": [message]})
    meeting = Meeting.objects.create(
        series=series,
        title=title,
        planned_on=planned_on,
        location=location,
        level=series.level,
        place=place,
        **place.lineage(),
    )
    record(Trail.SCHEDULED, meeting, by=by, posting=posting, at=at, planned_on=planned_on)
    tell(
        meeting,
        managers_of(place, timezone.localdate(at)),
        key=f"meeting:{meeting.pk}:scheduled",
        title=f"会议安排：{meeting.title}",
        body=f"{meeting.planned_on:%Y-%m-%d} {meeting.location}".strip(),
        by=by,
        at=at,
    )
    return meeting


@transaction.atomic
def hold_meeting(
    meeting_id: int,
    *,
    by: User,
    held_on: date,
    attendees: Collection[Organisation],
    expected_version: int,
    at: datetime | None = None,
) -> Meeting:
    """Record that a meeting was held, when, and which organisations took part."""
    at = at or timezone.now()
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.PLANNED, "只有已安排的会议可以登记召开。")
    if held_on > timezone.localdate(at):
        message = "召开日期不能晚于今天。"
        raise Refused(message, fields={"held_on": [message]})
    meeting.status, meeting.held_on = MeetingStatus.HELD, held_on
    save(meeting)
    MeetingAttendance.objects.bulk_create(
        MeetingAttendance(meeting=meeting, organisation=organisation) for organisation in attendees
    )
    record(Trail.HELD, meeting, by=by, posting=posting, at=at, held_on=held_on)
    return meeting


@transaction.atomic
def cancel_meeting(
    meeting_id: int, *, by: User, expected_version: int, at: datetime | None = None
) -> Meeting:
    """Cancel a planned meeting; it counts for nothing then."""
    at = at or timezone.now()
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.PLANNED, "只有已安排的会议可以取消。")
    meeting.status = MeetingStatus.CANCELLED
    save(meeting)
    record(Trail.CANCELLED, meeting, by=by, posting=posting, at=at)
    tell(
        meeting,
        managers_of(meeting.place, timezone.localdate(at)),
        key=f"meeting:{meeting.pk}:cancelled",
        title=f"会议取消：{meeting.title}",
        body=f"原定 {meeting.planned_on:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return meeting


# --- agenda ---


@transaction.atomic
def assemble_agenda(
    meeting_id: int, *, by: User, at: datetime | None = None
) -> Sequence[AgendaItem]:
    """Take in what belongs on the agenda and is not on it yet; return the new items.

    Running it again adds what is new since, and removes nothing.
    """
    at = at or timezone.now()
    meeting, posting = lock(meeting_id, by=by, expected_version=None)
    require(meeting, MeetingStatus.PLANNED, "只有已安排的会议可以汇集议题。")
    items = AgendaItem.objects.bulk_create(agenda.missing_items(meeting, at))
    if items:
        save(meeting)
        record(Trail.ASSEMBLED, meeting, by=by, posting=posting, at=at, added=len(items))
    return items


@transaction.atomic
def add_item(
    meeting_id: int,
    *,
    by: User,
    title: str,
    reason: str,
    expected_version: int,
    at: datetime | None = None,
) -> AgendaItem:
    """Put a matter on the agenda by hand."""
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.PLANNED, "只有已安排的会议可以增加议题。")
    last = meeting.items.order_by("-position").values_list("position", flat=True).first()
    item = AgendaItem.objects.create(
        meeting=meeting,
        position=(last or 0) + 1,
        kind=ItemKind.MANUAL,
        title=title,
        reason=reason,
    )
    save(meeting)
    record(Trail.ITEM_ADDED, meeting, by=by, posting=posting, at=at, item=item.pk)
    return item


@transaction.atomic
def remove_item(
    meeting_id: int,
    item_id: int,
    *,
    by: User,
    expected_version: int,
    at: datetime | None = None,
) -> None:
    """Take a matter off the agenda of a meeting that has not been held."""
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.PLANNED, "会议已召开或取消，议题不能再移出。")
    item = meeting.items.filter(pk=item_id).first()
    if item is None:
        raise NotFoundHere("没有找到这项议题。")
    facts = {
        "kind": item.kind,
        "issue": item.issue_id,
        "project": item.project_id,
        "resolution": item.resolution_id,
    }
    item.delete()
    save(meeting)
    record(Trail.ITEM_REMOVED, meeting, by=by, posting=posting, at=at, **facts)


# --- resolutions ---


@transaction.atomic
def add_resolution(
    meeting_id: int,
    *,
    by: User,
    text: str,
    lead_unit: Organisation,
    units: Collection[Organisation] = (),
    responsible_person: User | None = None,
    due_date: date,
    agenda_item: AgendaItem | None = None,
    expected_version: int,
    at: datetime | None = None,
) -> Resolution:
    """Record what a held meeting decided. Tells the units and the responsible person.

    ``units`` may repeat the lead unit; it counts once.
    """
    at = at or timezone.now()
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.HELD, "会议召开后才能登记议定事项。")
    if meeting.countersigned_on is not None:
        raise Refused("会议纪要已会签，不能再登记议定事项。", code="wrong_state")
    held_on = meeting.day
    if agenda_item is not None and agenda_item.meeting_id != meeting.pk:
        message = "这项议题不属于本次会议。"
        raise Refused(message, fields={"agenda_item": [message]})
    if due_date <= held_on:
        message = "完成时限须晚于会议召开日期。"
        raise Refused(message, fields={"due_date": [message]})
    co_units = [unit for unit in dict.fromkeys(units) if unit != lead_unit]
    pk = numbers.reserve_id(Resolution)
    resolution = Resolution.objects.create(
        pk=pk,
        number=numbers.number(NUMBER_PREFIX, held_on.year, pk),
        meeting=meeting,
        agenda_item=agenda_item,
        text=text,
        lead_unit=lead_unit,
        responsible_person=responsible_person,
        due_date=due_date,
        is_cross_department=bool(co_units),
    )
    ResolutionUnit.objects.bulk_create(
        ResolutionUnit(resolution=resolution, organisation=unit) for unit in co_units
    )
    save(meeting)
    record(Trail.RESOLVED, resolution, by=by, posting=posting, at=at, meeting=meeting.pk)
    people = unit_people([lead_unit.pk, *(unit.pk for unit in co_units)], at)
    if responsible_person is not None:
        people.append(responsible_person.pk)
    tell(
        meeting,
        people,
        key=f"resolution:{resolution.pk}:added",
        title=f"议定事项：{text[:40]}",
        body=f"{resolution.number}，牵头单位{lead_unit}，完成时限 {due_date:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return resolution


@transaction.atomic
def countersign_minutes(
    meeting_id: int,
    *,
    by: User,
    countersigned_on: date,
    expected_version: int,
    at: datetime | None = None,
) -> Meeting:
    """Record that all who took part have countersigned (会签) the minutes: they are final then.

    No resolution is added any more, and those on cases can be carried out.
    """
    at = at or timezone.now()
    meeting, posting = lock(meeting_id, by=by, expected_version=expected_version)
    require(meeting, MeetingStatus.HELD, "会议召开后才能登记纪要会签。")
    if meeting.countersigned_on is not None:
        raise Refused("会议纪要已会签。", code="wrong_state")
    if not meeting.day <= countersigned_on <= timezone.localdate(at):
        message = "会签日期应在会议召开日期与今天之间。"
        raise Refused(message, fields={"countersigned_on": [message]})
    meeting.countersigned_on = countersigned_on
    save(meeting)
    facts = {"countersigned_on": countersigned_on}
    record(Trail.COUNTERSIGNED, meeting, by=by, posting=posting, at=at, **facts)
    return meeting


@transaction.atomic
def solve_resolution(
    resolution_id: int,
    *,
    by: User,
    solved_on: date,
    result: str,
    expected_version: int,
    at: datetime | None = None,
) -> Resolution:
    """Strike a resolution off as carried out. By those who run the meetings of its place."""
    at = at or timezone.now()
    resolution = lock_resolution(resolution_id, by=by, expected_version=expected_version)
    posting = manager(by, resolution.meeting.place)
    if resolution.status != ResolutionStatus.RUNNING:
        raise Refused("这项议定事项已经销号。", code="wrong_state")
    if not resolution.meeting.day <= solved_on <= timezone.localdate(at):
        message = "销号日期应在会议召开日期与今天之间。"
        raise Refused(message, fields={"solved_on": [message]})
    resolution.status = ResolutionStatus.SOLVED
    resolution.solved_on, resolution.result = solved_on, result
    resolution.version += 1
    resolution.save()
    record(Trail.SOLVED, resolution, by=by, posting=posting, at=at, solved_on=solved_on)
    unit_ids = resolution.resolution_units.values_list("organisation_id", flat=True)
    tell(
        resolution.meeting,
        unit_people([resolution.lead_unit_id, *unit_ids], at),
        key=f"resolution:{resolution.pk}:solved",
        title=f"议定事项销号：{resolution.text[:40]}",
        body=f"{resolution.number}，销号日期 {solved_on:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return resolution


@transaction.atomic
def change_responsible_person(
    resolution_id: int, *, by: User | None, person: User, at: datetime | None = None
) -> Resolution:
    """Make somebody else answer for a running resolution, because the one who did leaves.

    Who may order it, ``people.actions`` has asked: ``by`` need not see the meeting.
    """
    resolution = (
        Resolution.objects.select_related("meeting")
        .select_for_update(of=("self",))
        .get(pk=resolution_id)
    )
    if resolution.status != ResolutionStatus.RUNNING:
        raise Refused("这项议定事项已经销号。", code="wrong_state")
    former = resolution.responsible_person_id
    resolution.responsible_person = person
    resolution.version += 1
    resolution.save()
    audit.record(
        by=by,
        action=Trail.RESPONSIBLE_CHANGED,
        target=resolution,
        detail={"former_owner": former, "owner": person.pk},
        at=at,
    )
    return resolution


# --- what may be done ---


def available(meeting: Meeting, *, by: User) -> list[Step]:
    """What ``by`` may do with a meeting now."""
    if not is_manager(by, meeting.place):
        return []
    match meeting.status:
        case MeetingStatus.PLANNED:
            return [Step.ASSEMBLE, Step.ADD_ITEM, Step.REMOVE_ITEM, Step.HOLD, Step.CANCEL]
        case MeetingStatus.HELD if meeting.countersigned_on is None:
            return [Step.ADD_RESOLUTION, Step.COUNTERSIGN, Step.SOLVE]
        case MeetingStatus.HELD:
            return [Step.SOLVE]
    return []
