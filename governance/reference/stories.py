"""How a matter goes through the loop, as a script: who does what, when, and in what words.

A script is a list of lines. ``governance.reference.scripts`` plays it: by the real actions, or in
bulk. How a matter ends is in ``governance.reference.closing``, the side paths are in ``detours``;
what happens beside the way is added by ``besides``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from governance.reference import words
from governance.reference.chance import full_name, phone, uuid4
from governance.reference.closing import Closing
from governance.reference.lines import Script, Twist
from governance.reference.telling import SLOW
from governance.reference.territory import town_of
from issues.choices import (
    Action,
    EscalationReason,
    Level,
    SendDownReason,
    Source,
    Status,
)
from issues.states import GRID_HANDLING, PENDING_FIRST, State
from people.choices import Role
from people.models import Organisation, User

ACKNOWLEDGED_LATE = 0.08  # how often a unit lets a case lie until it is deemed acknowledged
SENT_DOWN = 0.03
HANDED_OVER = 0.02
MERGED_BY_THE_TOWN = 0.25  # of the duplicates; the others by the grid worker
NEGLECTED = 0.006  # how often a unit takes so long that the platform sends an order

HANDLING_DAYS = {Level.TOWN: (1, 4), Level.DISTRICT: (3, 8)}  # working days that a unit takes
LATE_DAYS = (1, 3)  # working days after the limit, when it is slow
NEGLECTED_DAYS = (5, 9)
WITH_POINT = (Source.PATROL, Source.RESIDENT, Source.COMMUNITY)  # others come by telephone or paper


@dataclass
class Story(Closing):
    """Tells one matter from the report to the closing."""

    def tell(self, day: date) -> Script:
        """The whole script of a report that comes in on ``day``."""
        self._report(day)
        if self._tell_of_its_arrival():
            return self.lines
        self._tell_of_its_handling()
        if self.lines[-1].to.status == Status.VOID:
            return self.lines
        self._close()
        if self.twist == Twist.REOPENED:
            self._reopen(self._back_to_work(), called=self._is_called())
            self._again()
        return self.lines

    def _tell_of_its_arrival(self) -> bool:
        """What may happen before anybody takes it on; returns whether that was the end of it."""
        match self.twist:
            case Twist.MERGED:
                self._merge()
                return True
            case Twist.UNMERGED:
                self._merge()
                self._unmerge()
            case Twist.VOIDED | Twist.VOID_REFUSED if self.matter.level == Level.GRID:
                self._void(confirmed=self.twist == Twist.VOIDED)
        return self.lines[-1].to.status == Status.VOID

    def _tell_of_its_handling(self) -> None:
        level, lead = self.matter.level, self.matter.lead
        if lead is None:
            self._in_the_grid()
            return
        if self.twist == Twist.REOPENED_TWICE:
            self._twice_below()
        else:
            self._to_the_town()
            if level == Level.DISTRICT:
                self._to_the_district()
            if self.twist in (Twist.VOIDED, Twist.DECLINED, Twist.VOID_REFUSED):
                self._void(confirmed=self.twist != Twist.VOID_REFUSED)
                if self.twist != Twist.VOID_REFUSED:
                    return
        self._by_units(lead)

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
        if matter.source in WITH_POINT:
            longitude, latitude = matter.point or self.stage.boxes[matter.place.pk].point(rng)
            data |= {"longitude": longitude, "latitude": latitude}
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
        self._submit(self.first, self._after(0, 3, slow=(4, 6)))

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

    def _by_units(self, lead: Organisation) -> None:
        """From the triage of the level at which the case now stands to the submission."""
        if self.twist == Twist.TO_MEETING:
            self._wait_for_the_meeting()
        self._dispatch(lead)
        if self.lines[-1].to.status == Status.ASSIGNED:
            handler = self._acknowledge()
        else:
            handler = self._handler(lead)  # a ruling leaves nothing to acknowledge
        if self.rng.random() < HANDED_OVER and not self.urgent:
            handler = self._hand_over(handler)
        self._wait_or_ask()
        for unit in self.matter.co_units:
            self._add(
                Action.CO_REPLY,
                self._handler(unit),
                self._after(0, 2, slow=(5, 6)),
                self._state(Status.HANDLING),
                text=words.CO_REPLIED,
            )
        submitter = self._head(lead) if self.rng.random() < 0.1 else handler
        self._submit(submitter, self._done_at())

    def _dispatch(self, lead: Organisation) -> None:
        """To the unit itself, or by the way round over units that say it is not theirs."""
        matter = self.matter
        if matter.co_units or self.rng.random() < 0.3:
            self._consult(self.level)
        wrong = self.stage.wrong_units(matter)
        match self.twist:
            case Twist.RETURNED:
                self._assign(self.rng.choice(wrong))
                self._request_return(lead)
                self._approve_return()
                if matter.co_units:
                    self._consult(self.level)
                self._assign(lead)
            case Twist.RETURN_REFUSED:
                self._assign(lead)
                self._request_return(None)
                self._refuse_return()
            case Twist.RULED:
                first, *others = self.rng.sample(wrong, min(2, len(wrong)))
                self._assign(first)
                self._request_return(lead)
                self._approve_return()
                if matter.co_units:
                    self._consult(self.level)
                # Now and then the unit that it really is objects as well.
                objects = others[0] if others and self.rng.random() < 0.6 else lead
                self._assign(objects)
                self._request_return(None if objects == lead else lead)
                self._arbitrate(lead, self._soon())
            case Twist.RULED_LATE:
                self._assign(self.rng.choice(wrong))
                self._request_return(lead)
                self._rule_late(lead)
            case Twist.TRANSFERRED:
                self._assign(self.rng.choice(wrong))
                self._acknowledge()
                self._transfer(lead)
            case _:
                self._assign(lead)

    def _assign(self, lead: Organisation) -> None:
        self._add(
            Action.ASSIGN,
            self._dispatcher(),
            self._after(0, 1, slow=(2, 3)),
            self._state(Status.ASSIGNED),
            lead_unit=lead,
            co_units=self._co_units(),
            limit_days=None,
            text=f"请{lead.short_name}在规定时限内办结，办结后上传现场照片。",
        )

    def _wait_or_ask(self) -> None:
        """What a unit may ask for while it works."""
        match self.twist:
            case Twist.EXTENDED:
                self._extend()
            case Twist.EXTENSION_REFUSED:
                self._extend(approved=False)
            case Twist.EXTENDED_TWICE:
                self._extend()
                self._extend(again=True)
            case Twist.SUSPENDED:
                self._suspend()
            case Twist.SUSPENSION_REFUSED:
                self._refuse_suspension()

    def _done_at(self) -> datetime:
        """When the unit says that it is done: mostly in time, and hardly ever long after."""
        chance, due = self.rng.random(), self.watch.due
        asked = self.twist in (Twist.EXTENDED, Twist.EXTENDED_TWICE, Twist.EXTENSION_REFUSED)
        usual = (1, 3) if asked else HANDLING_DAYS[self.level]
        done = self.pace.days(self.at, *usual)
        if due is None or self.urgent:
            return self._after(*usual, slow=usual)
        late = NEGLECTED_DAYS if chance < NEGLECTED else LATE_DAYS
        delayed = self.pace.days(max(due, self.at), *late)
        if chance < NEGLECTED + SLOW:
            return delayed
        return done if done <= due else min(done, delayed)

    def _acknowledge(self) -> User:
        """The handler signs for it within a day, or the platform does when the day is over."""
        handler = self._handler(self._lead())
        handling = self._state(Status.HANDLING)
        is_late = self.rng.random() < ACKNOWLEDGED_LATE
        natural = self.pace.days(self.at, 0, 1)
        if self.urgent:
            self._add(Action.ACKNOWLEDGE, handler, self.pace.soon(self.at, 60), handling)
            return handler
        due = self.stage.calendar.deadline(self.at, 1).at
        if is_late:
            self._add(Action.AUTO_ACKNOWLEDGE, None, self._platform(due), handling)
        else:
            self._add(Action.ACKNOWLEDGE, handler, min(natural, due), handling)
        return handler

    # --- duplicates ---

    def _merge(self) -> None:
        """Seen by the grid at once, or by the town when it has come there."""
        by, at = self.first, self.pace.soon(self.at, 200)
        if self.twist == Twist.MERGED and self.rng.random() < MERGED_BY_THE_TOWN:
            self._escalate_to_town()
            by, at = self._dispatcher(), self.pace.days(self.at, 0, 1)
        self._add(
            Action.MERGE,
            by,
            at,
            self._state(Status.MERGED),
            master=self.matter.master,
            text=words.MERGED,
        )

    def _unmerge(self) -> None:
        self._add(
            Action.UNMERGE,
            self.rng.choice(self.stage.roster.at(Role.TOWN_DISPATCHER, self.town_id)),
            self._after(1, 2, slow=(3, 3)),
            PENDING_FIRST,
            text=words.UNMERGED,
        )

    # --- again ---

    def _again(self) -> None:
        """Handled once more by who handled it before, and closed."""
        days, slow = ((1, 3), (4, 5)) if self.level == Level.GRID else ((2, 5), (6, 7))
        self._submit(self._worker_again(), self._after(*days, slow=slow))
        self._close()

    def _twice_below(self) -> None:
        """Closed and reopened twice on the level below, the second time one level up."""
        if self.matter.level == Level.TOWN:
            self._in_the_grid()
            above = State(Level.TOWN, Status.TRIAGE)
        else:
            self._to_the_town()
            office = self.rng.choice(
                self.stage.offices(self.matter.category.name, town_of(self.matter.place)).leads
            )
            self._assign_alone(office)
            handler = self._acknowledge()
            self._submit(handler, self._after(1, 4, slow=(5, 6)))
            above = State(Level.DISTRICT, Status.TRIAGE)
        self._close()
        self._reopen(self._back_to_work(), called=self._is_called())
        self._again()
        self._reopen(above, called=self._is_called())

    def _assign_alone(self, office: Organisation) -> None:
        self._add(
            Action.ASSIGN,
            self._dispatcher(),
            self._after(0, 1, slow=(2, 3)),
            self._state(Status.ASSIGNED),
            lead_unit=office,
            co_units=[],
            limit_days=None,
            text=f"请{office.short_name}在规定时限内办结，办结后上传现场照片。",
        )
