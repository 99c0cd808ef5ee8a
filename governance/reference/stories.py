"""How a matter goes through the loop, as a script: who does what, when, and in what words.

A script is a list of lines. ``governance.reference.scripts`` plays it: by the real actions, or in
bulk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from areas.models import ComplexArea, Place
from core.workdays import SHANGHAI, moment
from governance.reference import words
from governance.reference.chance import full_name, phone, uuid4
from governance.reference.pace import Pace
from governance.reference.stage import Stage
from governance.reference.territory import town_of
from issues.choices import (
    HANDLING_ACTIONS,
    Action,
    Contact,
    EscalationReason,
    FailReason,
    Level,
    Outcome,
    SendDownReason,
    Source,
    Status,
    Urgency,
)
from issues.models import Category
from issues.workflow import GRID_HANDLING, PENDING_FIRST, REVISIT_ATTEMPTS, State
from people.choices import Role
from people.models import Organisation, User

SLOW = 0.06  # how often a step takes longer than it may
ACKNOWLEDGED_LATE = 0.08  # how often a unit lets a case lie until it is deemed acknowledged
FAILED_VERIFICATION = 0.05
REDONE = 0.03
NOT_REACHED = 0.15
SENT_DOWN = 0.03
SWEEP_SECONDS = 300  # within which the platform notices that a deadline has passed
SATISFACTION = ((5, 4, 3, 2, 1), (54, 32, 10, 3, 1))


@dataclass(frozen=True, kw_only=True)
class Matter:
    """What a case is about, and which way it will go."""

    category: Category
    place: Place
    area: ComplexArea | None
    source: Source
    urgency: Urgency
    level: Level  # where it is dealt with in the end
    outcome: Outcome
    lead: Organisation | None = None  # None: the grid itself deals with it
    co_units: Sequence[Organisation] = ()


@dataclass(frozen=True)
class Line:
    """One step of a script. ``by`` None is the platform; ``to`` is where the case then stands."""

    action: Action
    by: User | None
    at: datetime
    data: dict[str, Any]
    to: State


Script = list[Line]


@dataclass
class Story:
    """Tells one matter from the report to the closing.

    With ``pin``, the line of that index happens at that instant, and the rest follows from it.
    """

    stage: Stage
    matter: Matter
    rng: Random
    pin: tuple[int, datetime] | None = None
    lines: Script = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pace = Pace(self.stage.calendar, self.rng)
        self.urgent = self.matter.urgency == Urgency.SAFETY
        roster, place = self.stage.roster, self.matter.place
        lineage = place.lineage()
        workers = roster.at(Role.GRID_WORKER, lineage["grid_id"])
        self.worker = workers[0] if workers else None
        self.officers = roster.at(Role.COMMUNITY_OFFICER, lineage["community_id"])
        self.town_id, self.district_id = lineage["town_id"], lineage["district_id"]
        self.first = self.worker or self.officers[0]
        self.handled_by: set[int] = set()
        self.where = self.matter.area.name if self.matter.area else place.name
        self.trouble = words.trouble(self.matter.category.name, self.where, self.rng)

    @property
    def at(self) -> datetime:
        return self.lines[-1].at

    def tell(self, day: date) -> Script:
        """The whole script of a report that comes in on ``day``."""
        self._report(day)
        level, lead = self.matter.level, self.matter.lead
        if lead is None:
            self._in_the_grid()
        else:
            self._to_the_town()
            if level == Level.DISTRICT:
                self._to_the_district()
            self._by_units(level, lead)
        self._verification()
        self._revisit()
        return self.lines

    def _add(self, action: Action, by: User | None, at: datetime, to: State, **data: Any) -> None:
        if self.pin and self.pin[0] == len(self.lines):
            at = self.pin[1]
        self.lines.append(Line(action, by, at, data, to))
        if by and action in HANDLING_ACTIONS:
            self.handled_by.add(by.pk)

    # --- how long ---

    def _after(self, low: int, high: int, slow: tuple[int, int]) -> datetime:
        """So many working days later, now and then too many; at once where safety is at stake."""
        is_slow = self.rng.random() < SLOW
        if self.urgent:
            return self.pace.soon(self.at, 100)
        return self.pace.days(self.at, *(slow if is_slow else (low, high)))

    # --- report and grid ---

    def _report(self, day: date) -> None:
        matter, rng = self.matter, self.rng
        roster = self.stage.roster
        by = {
            Source.PATROL: self.first,
            Source.RESIDENT: self.first,
            Source.COMMUNITY: self.officers[0],
            Source.HOTLINE: rng.choice(roster.at(Role.TOWN_DISPATCHER, self.town_id)),
            Source.INSPECTION: rng.choice(roster.at(Role.DISTRICT_DISPATCHER, self.district_id)),
        }[matter.source]
        data: dict[str, Any] = {
            "client_id": uuid4(rng),
            "place": matter.place,
            "category": matter.category,
            "urgency": matter.urgency,
            "source": matter.source,
            "title": self.trouble.title,
            "text": self.trouble.text,
            "area": matter.area,
            "address": f"{self.where}{rng.randint(1, 199)}号附近",
        }
        if matter.source in (Source.RESIDENT, Source.HOTLINE):
            data |= {"contact_name": full_name(rng), "contact_phone": phone(rng)}
        at = self.pace.report(day)
        if matter.source == Source.INSPECTION:
            at = self.pace.office(day)
        if self.pin and self.pin[0] == 0:
            at = self.pin[1]
        data["captured_at"] = at - timedelta(seconds=rng.randint(20, 900))
        self._add(Action.CREATE, by, at, PENDING_FIRST, **data)

    def _in_the_grid(self) -> None:
        if self.rng.random() < SENT_DOWN:
            self._escalate_to_town()
            self._send_down(
                Role.TOWN_DISPATCHER,
                self.town_id,
                PENDING_FIRST,
                "此类问题网格可以解决，请网格办理。",
            )
        solved = State(Level.GRID, Status.VERIFY)
        done = self._result()
        if self.worker and self.rng.random() < 0.45:
            self._add(
                Action.RESOLVE_ON_SPOT,
                self.worker,
                self.pace.soon(self.at, 90),
                solved,
                outcome=self.matter.outcome,
                text=done,
            )
            return
        self._first_handle()
        self._add(
            Action.SUBMIT_COMPLETION,
            self.first,
            self._after(0, 3, slow=(4, 6)),
            solved,
            outcome=self.matter.outcome,
            text=done,
        )

    def _first_handle(self) -> None:
        self._add(
            Action.FIRST_HANDLE,
            self.first,
            self._after(0, 1, slow=(2, 3)),
            GRID_HANDLING,
            text="已到现场查看，先行劝导处置，并联系相关方。",
        )

    # --- up and down ---

    def _escalate_to_town(self) -> None:
        self._add(
            Action.ESCALATE_TOWN,
            self.first,
            self._after(0, 1, slow=(2, 3)),
            State(Level.TOWN, Status.TRIAGE),
            reason=self.rng.choice(list(EscalationReason)),
            text="已到现场核实，网格协调后仍无法解决，请镇街统筹。",
        )

    def _to_the_town(self) -> None:
        if self.rng.random() < 0.4:
            self._first_handle()
        self._escalate_to_town()

    def _to_the_district(self) -> None:
        self._consult(Level.TOWN)
        leader = self.stage.roster.at(Role.TOWN_LEADER, self.town_id)[0]
        triage = State(Level.DISTRICT, Status.TRIAGE)
        self._add(
            Action.ESCALATE_DISTRICT,
            leader,
            self._after(0, 1, slow=(2, 3)),
            triage,
            reason=self.rng.choice(list(EscalationReason)),
            text="镇街已组织会诊，所涉事项超出镇街职权，提请区级联诊。",
        )
        if self.rng.random() < SENT_DOWN:
            back = State(Level.TOWN, Status.TRIAGE)
            self._send_down(
                Role.DISTRICT_DISPATCHER, self.district_id, back, "请补充现场情况和权属后再报。"
            )
            self._consult(Level.TOWN)
            self._add(
                Action.ESCALATE_DISTRICT,
                leader,
                self._after(0, 1, slow=(2, 3)),
                triage,
                reason=EscalationReason.SEVERAL_UNITS,
                text="已补充情况，仍须区级部门联合办理。",
            )

    def _send_down(self, role: Role, place_id: int | None, to: State, text: str) -> None:
        self._add(
            Action.SEND_DOWN,
            self.rng.choice(self.stage.roster.at(role, place_id)),
            self._after(0, 1, slow=(2, 3)),
            to,
            reason=(
                SendDownReason.BELOW_THRESHOLD
                if to == PENDING_FIRST
                else SendDownReason.NEEDS_FACTS
            ),
            text=text,
        )

    def _consult(self, level: Level) -> None:
        matter = self.matter
        role, place_id, days = (
            (Role.TOWN_DISPATCHER, self.town_id, 0)  # a town has one day for its triage
            if level == Level.TOWN
            else (Role.DISTRICT_DISPATCHER, self.district_id, 1)
        )
        if level == matter.level and matter.lead:
            units = [matter.lead, *matter.co_units]
        else:
            units = self.stage.offices(matter.category.name, town_of(matter.place)).leads
        names = "、".join(unit.short_name for unit in units)
        self._add(
            Action.CONSULT,
            self.rng.choice(self.stage.roster.at(role, place_id)),
            self._after(0, days, slow=(1, 3)),
            State(level, Status.TRIAGE),
            units=units,
            text=f"会同{names}现场研判，明确责任分工和办理要求。",
        )

    # --- units ---

    def _by_units(self, level: Level, lead: Organisation) -> None:
        matter, roster = self.matter, self.stage.roster
        if matter.co_units or self.rng.random() < 0.3:
            self._consult(level)
        role, place_id = (
            (Role.TOWN_DISPATCHER, self.town_id)
            if level == Level.TOWN
            else (Role.DISTRICT_DISPATCHER, self.district_id)
        )
        self._add(
            Action.ASSIGN,
            self.rng.choice(roster.at(role, place_id)),
            self._after(0, 1, slow=(2, 3)),
            State(level, Status.ASSIGNED),
            lead_unit=lead,
            co_units=[
                {"unit": unit, "task": "配合主办单位办理，并书面回复。", "reply_required": True}
                for unit in matter.co_units
            ],
            limit_days=None,
            text=f"请{lead.short_name}在规定时限内办结，办结后上传现场照片。",
        )
        handler = self._acknowledge(level, lead)
        for unit in matter.co_units:
            self._add(
                Action.CO_REPLY,
                self.rng.choice(roster.of(Role.UNIT_HANDLER, unit)),
                self._after(0, 2, slow=(5, 6)),
                State(level, Status.HANDLING),
                text="已派员到场，协办事项已完成。",
            )
        days, slow = ((1, 4), (8, 12)) if level == Level.TOWN else ((3, 8), (16, 24))
        submitter = handler
        if self.rng.random() < 0.1:
            submitter = roster.of(Role.UNIT_HEAD, lead)[0]
        self._submit(level, submitter, self._after(*days, slow=slow))

    def _acknowledge(self, level: Level, lead: Organisation) -> User:
        """The handler signs for it within a day, or the platform does when the day is over."""
        handler = self.rng.choice(self.stage.roster.of(Role.UNIT_HANDLER, lead))
        handling = State(level, Status.HANDLING)
        is_late = self.rng.random() < ACKNOWLEDGED_LATE
        seconds = self.rng.randint(5, SWEEP_SECONDS)
        natural = self.pace.days(self.at, 0, 1)
        if self.urgent:
            self._add(Action.ACKNOWLEDGE, handler, self.pace.soon(self.at, 60), handling)
            return handler
        due = self.stage.calendar.deadline(self.at, 1).at
        if is_late:
            self._add(Action.AUTO_ACKNOWLEDGE, None, due + timedelta(seconds=seconds), handling)
        else:
            self._add(Action.ACKNOWLEDGE, handler, min(natural, due), handling)
        return handler

    def _submit(self, level: Level, by: User, at: datetime) -> None:
        self._add(
            Action.SUBMIT_COMPLETION,
            by,
            at,
            State(level, Status.VERIFY),
            outcome=self.matter.outcome,
            text=self._result(),
        )

    def _result(self) -> str:
        match self.matter.outcome:
            case Outcome.EXPLAINED:
                return words.EXPLANATION
            case Outcome.UNFOUNDED:
                return words.UNFOUNDED
        rest = words.PARTLY if self.matter.outcome == Outcome.PARTLY else ""
        return f"{self.trouble.remedy}。{rest}"

    # --- verification and revisit ---

    def _verification(self) -> None:
        level = self.matter.level
        fails = self.rng.random() < FAILED_VERIFICATION
        if fails:
            back = GRID_HANDLING if level == Level.GRID else State(level, Status.HANDLING)
            self._add(
                Action.FAIL_VERIFICATION,
                self._verifier(),
                self._after(0, 2, slow=(3, 5)),
                back,
                reason=self.rng.choice(list(FailReason)),
                text="现场仍有遗留问题，请继续处理。",
            )
            self._submit(level, self._worker_again(), self._after(1, 2, slow=(4, 6)))
        called = self._is_called()
        self._add(
            Action.PASS_VERIFICATION,
            self._verifier(),
            self._after(0, 2, slow=(3, 5)),
            State(level, Status.REVISIT if called else Status.CLOSED),
            text="现场核查，情况属实。",
        )

    def _is_called(self) -> bool:
        return "contact_phone" in self.lines[0].data and self.matter.source != Source.PATROL

    def _worker_again(self) -> User:
        """Who submits again after a failed verification: the grid, or the lead unit."""
        if self.matter.lead is None:
            return self.first
        return self.rng.choice(self.stage.roster.of(Role.UNIT_HANDLER, self.matter.lead))

    def _verifier(self) -> User:
        """Somebody independent: the community for the grid's work, the grid or others for units."""
        roster, level = self.stage.roster, self.matter.level
        near = list(self.officers)
        if level != Level.GRID and self.worker:
            near = [self.worker, self.worker, *near]
        place_id = self.district_id if level == Level.DISTRICT else self.town_id
        near += roster.at(Role.VERIFIER, place_id)
        return self.rng.choice([user for user in near if user.pk not in self.handled_by])

    def _revisit(self) -> None:
        level, rng, roster = self.matter.level, self.rng, self.stage.roster
        if not self._is_called():
            return
        place_id = self.district_id if level == Level.DISTRICT else self.town_id
        by = rng.choice(roster.at(Role.REVISITOR, place_id))
        open_, closed = State(level, Status.REVISIT), State(level, Status.CLOSED)
        if rng.random() < REDONE:
            back = GRID_HANDLING if level == Level.GRID else State(level, Status.HANDLING)
            self._add(
                Action.REDO,
                by,
                self._after(0, 2, slow=(4, 5)),
                back,
                reason=rng.choice(list(FailReason)),
                satisfaction=rng.randint(1, 2),
                contact=Contact.REACHED,
                is_solved=False,
                text=rng.choice(words.COMPLAINTS),
            )
            self._submit(level, self._worker_again(), self._after(1, 2, slow=(4, 6)))
            self._add(
                Action.PASS_VERIFICATION,
                self._verifier(),
                self._after(0, 2, slow=(3, 5)),
                open_,
                text="复查合格。",
            )
        failures = 0
        while failures < REVISIT_ATTEMPTS and rng.random() < NOT_REACHED:
            failures += 1
            self._add(
                Action.RECORD_REVISIT,
                by,
                self._after(0, 1, slow=(4, 5)),
                closed if failures == REVISIT_ATTEMPTS else open_,
                contact=Contact.NOT_REACHED,
                text="电话无人接听。",
            )
        if failures < REVISIT_ATTEMPTS:
            self._add(
                Action.RECORD_REVISIT,
                by,
                self._after(0, 2, slow=(4, 5)),
                closed,
                contact=Contact.REACHED,
                is_solved=self.matter.outcome in (Outcome.RESOLVED, Outcome.PARTLY)
                or rng.random() < 0.5,
                satisfaction=rng.choices(*SATISFACTION)[0],
                text=rng.choice(words.FEEDBACK),
            )


def midnight(day: date) -> datetime:
    return moment(day, datetime.min.time())


def day_of(at: datetime) -> date:
    return at.astimezone(SHANGHAI).date()
