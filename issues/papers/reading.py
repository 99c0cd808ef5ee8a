"""One case as one reader may know it: its steps up to an event, and how they are put in words.

Who left the case gets no paper that tells of later things. Who complained and who reported is
masked, in the fields and in the words; staff who acted in office are named.
"""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core.privacy import mask_name, mask_phone, scrub
from core.workdays import Calendar, calendar
from issues.choices import ApprovalKind, ClockKind, Decision, Level, Status
from issues.models import Assignment, Clock, Issue, IssueEvent
from issues.waits import due_as_of

PLATFORM = "平台"
WITH_A_UNIT = (Status.ASSIGNED, Status.HANDLING, Status.RETURN_REVIEW, Status.SUSPENDED)


class Reading:
    """One case up to one event. Two queries at once, the rest when a paper asks for it."""

    def __init__(self, issue: Issue, *, upto: int, now: datetime) -> None:
        self.issue, self.upto, self.now = issue, upto, now
        self.days: Calendar = calendar()
        self.events = list(
            issue.events.filter(seq__lte=upto)
            .select_related(
                "actor",
                "text",
                "posting__place",
                "posting__organisation",
                "posting__deputises_for__user",
            )
            .order_by("seq")
        )
        self.assignments = list(issue.assignments.select_related("unit").order_by("id"))

    def event(self, seq: int | None) -> IssueEvent | None:
        """The event with this number; None where there is none or the reader may not see it."""
        return self.events[seq - 1] if seq and seq <= len(self.events) else None

    # --- words ---

    def words(self, seq: int | None) -> str:
        """What was written at a step, without telephone numbers and without who complained."""
        event = self.event(seq)
        return self.masked(event.text.body) if event and event.text else ""

    def masked(self, text: str) -> str:
        name, phone = self.issue.contact_name.strip(), self.issue.contact_phone.strip()
        if phone:
            text = text.replace(phone, mask_phone(phone))
        if len(name) > 1:  # a single character would be found inside other words
            text = text.replace(name, mask_name(name))
        return scrub(text)

    def who(self, seq: int | None) -> str:
        """``周伟（长桥街道 镇街分管领导）``"""
        event = self.event(seq)
        if event is None:
            return ""
        return f"{self.name(event)}（{event.posting}）" if event.actor else PLATFORM

    def hand(self, event: IssueEvent) -> str:
        """``周伟 · 长桥街道 镇街分管领导``"""
        return f"{self.name(event)} · {event.posting}" if event.actor else PLATFORM

    def name(self, event: IssueEvent) -> str:
        """Who took a step; masked if it is who reported the case."""
        if event.actor is None:
            return PLATFORM
        name = event.actor.full_name
        return mask_name(name) if event.actor_id == self.issue.reporter_id else name

    # --- where the case stood ---

    def state_before(self, seq: int) -> tuple[Level, Status]:
        """Where the case stood when step ``seq`` was taken."""
        event = self.events[seq - 1]
        return Level(event.from_level or event.to_level), Status(
            event.from_status or event.to_status
        )

    def units(self, seq: int) -> tuple[Assignment | None, list[Assignment]]:
        """Lead and co-units when step ``seq`` was taken, those included that left by it."""
        at = self.events[seq - 1].at
        present = [
            row
            for row in self.assignments
            if row.assigned_at <= at and (row.left_seq is None or row.left_seq >= seq)
        ]
        lead = next((row for row in present if row.is_lead), None)
        named = {lead.unit_id} if lead else set()
        return lead, [row for row in present if not row.is_lead and row.unit_id not in named]

    def step_clock(self, at: datetime) -> Clock | None:
        """The clock of the step on which the case was at ``at``; of two the one started later."""
        through = [
            clock
            for clock in self.issue.clocks.filter(
                kind=ClockKind.STEP, started_at__lte=at
            ).prefetch_related("pauses")
            if clock.ended_at is None or clock.ended_at > at
        ]
        return max(through, key=lambda clock: (clock.started_at, clock.pk), default=None)

    def due_then(self, clock: Clock, at: datetime) -> datetime:
        """When ``clock`` was due as one saw it at ``at``."""
        extensions = self.issue.approvals.filter(
            kind=ApprovalKind.EXTENSION, decision=Decision.APPROVED
        )
        return due_as_of(clock, at, self.days, extensions)

    def standing(self, seq: int) -> dict[str, str]:
        """Where the case stood at a step, and how its limit fared then."""
        event = self.events[seq - 1]
        level, status = self.state_before(seq)
        clock = self.step_clock(event.at)
        found = {
            "环节": Issue(level=level, status=status).state_label,
            "办理时限": "",
            "时限情况": "",
        }
        if clock is None or status == Status.SUSPENDED or _stood_still(clock, event.at):
            return found
        due_at = self.due_then(clock, event.at)
        return {**found, "办理时限": moment(due_at), "时限情况": self._distance(due_at, event.at)}

    def _distance(self, due_at: datetime, at: datetime) -> str:
        today, due_day = timezone.localdate(at), timezone.localdate(due_at)
        late = at > due_at
        days = self.days.working_days_between(*((due_day, today) if late else (today, due_day)))
        if late:
            return f"已超期{days}个工作日" if days else "已超期"
        return f"距到期还有{days}个工作日" if days else "当日到期"

    def addressee(self, seq: int) -> str:
        """Who had the case in hand when step ``seq`` was taken."""
        level, status = self.state_before(seq)
        lead, _ = self.units(seq)
        if lead and status in WITH_A_UNIT:
            return lead.unit.name
        if status in (Status.PENDING_FIRST, Status.GRID_HANDLING):
            return self.place()
        return self.organ(level)

    # --- places and bodies ---

    def place(self) -> str:
        return "".join(place.name for place in (self.issue.town, self.issue.community) if place)

    def organ(self, level: Level) -> str:
        """The body that dispatches the case at a level."""
        if level == Level.DISTRICT or self.issue.town is None:
            return organ(self.issue.district)
        return organ(self.issue.town)

    def issuer(self, seq: int) -> str:
        """The body in whose name a step was taken."""
        event = self.events[seq - 1]
        place = event.posting.place if event.posting else None
        return organ(place) if place else self.organ(self.state_before(seq)[0])

    # --- what every paper may say ---

    def common(self, seq: int) -> dict[str, str]:
        issue, (lead, co_units) = self.issue, self.units(seq)
        last = self.events[-1]
        return {
            "问题编号": issue.number,
            "标题": self.masked(issue.title),
            "内容": self.masked(issue.description),
            "类别": issue.category.name,
            "来源": issue.get_source_display(),
            "紧急程度": issue.get_urgency_display(),
            "复杂程度": issue.get_complexity_display(),
            "层级": Level(last.to_level).label,
            "状态": Issue(level=last.to_level, status=last.to_status).state_label,
            "区": issue.district.name,
            "地点": self.place(),
            "网格": issue.grid.name if issue.grid else "",
            "详细地址": self.masked(issue.address),
            "复杂区域": issue.area.name if issue.area else "",
            "受理时间": moment(issue.received_at),
            "主办单位": lead.unit.name if lead else "",
            "协办单位": "、".join(row.unit.name for row in co_units),
            "打印日期": day(timezone.localdate(self.now)),
        }


# --- ways of writing ---


def day(value: date) -> str:
    return f"{value.year}年{value.month}月{value.day}日"


def moment(at: datetime | None) -> str:
    """``2025年3月4日 17:30`` of the clocks of Suzhou; empty where there is none."""
    return f"{day(timezone.localdate(at))} {timezone.localtime(at):%H:%M}" if at else ""


def short(at: datetime | None) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}" if at else ""


def organ(place: Place) -> str:
    """The body that governs at a place, as it signs."""
    if place.level == PlaceLevel.DISTRICT:
        return f"{place.name}复杂区域治理工作专班"
    if place.level == PlaceLevel.TOWN:
        return f"{place.name}{'办事处' if place.name.endswith('街道') else '人民政府'}"
    return place.name


def _stood_still(clock: Clock, at: datetime) -> bool:
    if clock.paused_at and clock.paused_at <= at:
        return True
    return any(pause.started_at <= at < pause.ended_at for pause in clock.pauses.all())
