"""The quarterly report from its draft to its final form, and the alarm for a missing meeting.

What beat starts may run twice, side by side, or die half-way: the quarter is unique, a message has
a unique key, and the paper is written whole or not at all.
"""

from __future__ import annotations

import hashlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core import audit, outbox
from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import Message
from meetings import papers
from meetings.choices import MeetingLevel, MeetingStatus, MessageKind, ReportStatus
from meetings.figures import QuarterFigures
from meetings.models import Meeting, QuarterlyReport
from meetings.quarters import Quarter
from meetings.report import count_quarter
from meetings.trail import Trail
from people.choices import Role
from people.directory import Directory
from people.models import Posting, User

DRAFTING_DAYS = 10  # of a new quarter, on which the report of the one before is drafted
ALARM_WEEK = 10  # of a quarter, from which on a district meeting must be held or planned
RECORDING_DAYS = 7  # after its planned day, for which a meeting not yet recorded still counts
WRITERS = (Role.SECRETARY, Role.DISTRICT_DISPATCHER)

# --- the report ---


def draft_quarterly_report(now: datetime | None = None) -> QuarterlyReport | None:
    """Draft the report of the quarter just ended; None outside the first days of a quarter."""
    now = now or timezone.now()
    today = timezone.localdate(now)
    if (today - Quarter.of(today).first).days >= DRAFTING_DAYS:
        return None
    return draft_report(Quarter.of(today).previous, by=None, at=now)


def draft_report(
    quarter: Quarter, *, by: User | None, at: datetime | None = None
) -> QuarterlyReport:
    """Draft the report of a quarter that has ended; one that is there already is left as it is.

    ``by=None`` is the platform. Tells the secretary and the task force. Raises NotAllowed, Refused.
    """
    at = at or timezone.now()
    posting = _writer(by)
    if timezone.localdate(at) <= quarter.last:
        raise Refused(f"{quarter.label}尚未结束，不能编制报告。")
    if report := QuarterlyReport.objects.filter(quarter=str(quarter)).first():
        return report
    try:
        return _write_draft(quarter, by=by, posting=posting, at=at)
    except IntegrityError:  # another worker was faster
        return QuarterlyReport.objects.get(quarter=str(quarter))


@transaction.atomic
def _write_draft(
    quarter: Quarter, *, by: User | None, posting: Posting | None, at: datetime
) -> QuarterlyReport:
    report = QuarterlyReport(
        quarter=str(quarter),
        period_from=quarter.first,
        period_to=quarter.last,
        created_at=at,
    )
    _fill_in(report, quarter, at)
    report.save(force_insert=True)
    _record(report, Trail.REPORT_DRAFTED, by=by, posting=posting, at=at)
    outbox.post(
        Message(
            key=f"report:{quarter}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.REPORT,
            title=f"{quarter.label}报告草稿已生成",
            body="请核对数据，补充问题分析和下步安排后定稿。",
            url=report.get_absolute_url(),
            created_at=at,
        )
        for place in _districts()
        for user_id in _people(place, WRITERS, at)
    )
    return report


@transaction.atomic
def redraft_report(
    quarter: Quarter, *, by: User, expected_version: int, at: datetime | None = None
) -> QuarterlyReport:
    """Count a draft anew and write its paper again. Raises NotAllowed, Stale, or Refused."""
    at = at or timezone.now()
    report, posting = _lock(quarter, by=by, expected_version=expected_version)
    _fill_in(report, quarter, at)
    report.created_at = at
    report.version += 1
    report.save()
    _record(report, Trail.REPORT_REDRAFTED, by=by, posting=posting, at=at)
    return report


@transaction.atomic
def finalise_report(
    quarter: Quarter, *, by: User, expected_version: int, at: datetime | None = None
) -> QuarterlyReport:
    """Declare a draft final: its figures and its paper never change again."""
    at = at or timezone.now()
    report, posting = _lock(quarter, by=by, expected_version=expected_version)
    report.status = ReportStatus.FINAL
    report.finalised_at = at
    report.version += 1
    report.save()
    _record(report, Trail.REPORT_FINALISED, by=by, posting=posting, at=at)
    return report


def may_write(user: User) -> bool:
    return any(_writes(posting) for posting in user.current_postings)


def _writes(posting: Posting) -> bool:
    place = posting.place
    return posting.role in WRITERS and place is not None and place.level == PlaceLevel.DISTRICT


def _writer(by: User | None) -> Posting | None:
    """The posting under which ``by`` writes reports; None for the platform. Raises NotAllowed."""
    if by is None:
        return None
    for posting in by.current_postings:
        if _writes(posting):
            return posting
    raise NotAllowed("季度报告由区级会议秘书和专班编制。")


def _lock(
    quarter: Quarter, *, by: User, expected_version: int
) -> tuple[QuarterlyReport, Posting | None]:
    report = (
        QuarterlyReport.objects.visible_to(by)
        .select_for_update()
        .filter(quarter=str(quarter))
        .first()
    )
    if report is None:
        raise NotFoundHere()
    posting = _writer(by)
    if report.version != expected_version:
        raise Stale()
    if report.status == ReportStatus.FINAL:
        raise Refused("报告已定稿，不能再改。", code="wrong_state")
    return report, posting


def _fill_in(report: QuarterlyReport, quarter: Quarter, at: datetime) -> None:
    """Freeze the figures and write the paper that shows them."""
    figures: QuarterFigures = count_quarter(quarter, at)
    content = papers.quarterly_report(figures)
    report.figures = figures.as_json()
    report.sha256 = hashlib.sha256(content).hexdigest()
    report.file = f"reports/{quarter}-{report.sha256[:16]}.docx"
    _store(report.file, content)


def _store(name: str, content: bytes) -> None:
    """Write a file below MEDIA_ROOT whole or not at all.

    If the transaction is rolled back, the file stays behind without a row that leads to it.
    """
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _record(
    report: QuarterlyReport,
    action: Trail,
    *,
    by: User | None,
    posting: Posting | None,
    at: datetime,
) -> None:
    audit.record(
        by=by,
        action=action,
        target=report,
        detail={**report.facts(), "posting": posting.pk if posting else None},
        at=at,
    )


# --- the alarm ---


def warn_of_missing_district_meeting(now: datetime | None = None) -> int:
    """From week 10 of a quarter, tell secretary and convener that no district meeting is in sight.

    Once a quarter and person. A meeting counts if it was held in the quarter, or is planned in it
    for a day to come or for one of the last seven days. Returns how many messages were written.
    """
    now = now or timezone.now()
    today = timezone.localdate(now)
    quarter = Quarter.of(today)
    if quarter.week_of(today) < ALARM_WEEK:
        return 0
    in_sight = Meeting.objects.filter(
        Q(status=MeetingStatus.HELD, held_on__range=(quarter.first, today))
        | Q(
            status=MeetingStatus.PLANNED,
            planned_on__range=(
                max(quarter.first, today - timedelta(days=RECORDING_DAYS)),
                quarter.last,
            ),
        ),
        level=MeetingLevel.DISTRICT,
    )
    served = set(in_sight.values_list("place_id", flat=True))
    alarms = [
        _alarm(quarter, place, user_id, now)
        for place in _districts()
        if place.pk not in served
        for user_id in _people(place, (Role.SECRETARY, Role.DISTRICT_LEADER), now)
    ]
    known = set(
        Message.objects.filter(key__in=[alarm.key for alarm in alarms]).values_list(
            "key", flat=True
        )
    )
    fresh = [alarm for alarm in alarms if alarm.key not in known]
    with transaction.atomic():
        outbox.post(fresh)
    return len(fresh)


def _alarm(quarter: Quarter, place: Place, user_id: int, now: datetime) -> Message:
    return Message(
        key=f"meeting-missing:{place.pk}:{quarter}:{user_id}",
        recipient_id=user_id,
        kind=MessageKind.MEETING_MISSING,
        title=f"{quarter.label}尚未召开{place}联席会议",
        body=f"本季度已到第 {quarter.week_of(timezone.localdate(now))} 周，"
        "既未召开也未安排，请尽快安排。",
        url="/meetings/",
        created_at=now,
    )


def _districts() -> list[Place]:
    return list(Place.objects.filter(level=PlaceLevel.DISTRICT, valid_to__isnull=True))


def _people(place: Place, roles: tuple[Role, ...], at: datetime) -> list[int]:
    directory = Directory.around([place.pk], [])
    day = timezone.localdate(at)
    return list(
        dict.fromkeys(
            posting.user_id for role in roles for posting in directory.at_place(role, place.pk, day)
        )
    )
