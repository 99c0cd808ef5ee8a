"""The side paths of a story: returns and rulings, extensions, suspensions, voids, reopenings."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from governance.reference import words
from governance.reference.joint_meetings import next_meeting_day
from governance.reference.lines import Twist, day_of
from governance.reference.telling import Teller
from issues import clocks
from issues.choices import (
    Action,
    Contact,
    Level,
    ReopenReason,
    ReturnReason,
    Status,
    Step,
    SuspensionKind,
    VoidReason,
)
from issues.conditions import REOPENING_DAYS
from issues.effects.approvals import LONGEST_EXTENSION, LONGEST_WAIT_FOR_A_MEETING
from issues.states import GRID_HANDLING, State
from people.choices import Role
from people.models import Organisation, User

LONG_WAITS = [kind for kind in SuspensionKind if kind != SuspensionKind.MEETING]


class Detours(Teller):
    """Ways that leave the straight one and come back to it, or end."""

    # --- returns and rulings ---

    def _request_return(self, suggested: Organisation | None) -> None:
        """The unit says, before it has to sign for the case, that it is not its own."""
        reason = self.rng.choice(list(ReturnReason))
        due = self.watch.acknowledge_due or self.at
        self._add(
            Action.REQUEST_RETURN,
            self._head(self._lead()),
            min(self.pace.days(self.at, 0, 1), due),
            self._state(Status.RETURN_REVIEW),
            reason=reason,
            suggested_unit=suggested,
            text=words.RETURN_BASES[reason],
        )

    def _ruling_due(self) -> datetime:
        limit = self.watch.limit(Step.RULING, self.level, self.at)
        return clocks.due(self.at, limit, self.calendar).at

    def _approve_return(self) -> None:
        self._add(
            Action.APPROVE_RETURN,
            self._dispatcher(),
            self._before(self._ruling_due(), self.pace.days(self.at, 0, 1)),
            self._state(Status.TRIAGE),
            text=words.RETURN_APPROVED,
        )

    def _refuse_return(self) -> None:
        self._add(
            Action.REFUSE_RETURN,
            self._dispatcher(),
            self._before(self._ruling_due(), self.pace.days(self.at, 0, 1)),
            self._state(Status.HANDLING),
            text=words.RETURN_REFUSED,
        )

    def _arbitrate(self, unit: Organisation, at: datetime) -> None:
        self._add(
            Action.ARBITRATE,
            self._leader(),
            at,
            self._state(Status.HANDLING),
            lead_unit=unit,
            limit_days=None,
            text=words.RULING.format(unit=unit.short_name),
        )

    def _rule_late(self, unit: Organisation) -> None:
        """The dispatcher has left it lying, so it is the leader's."""
        after = day_of(self._ruling_due())
        self._arbitrate(unit, self.pace.office(self.calendar.add_working_days(after, 1)))

    # --- changes while a unit works ---

    def _transfer(self, unit: Organisation) -> None:
        self._add(
            Action.TRANSFER,
            self._dispatcher(),
            self._after(0, 2, slow=(3, 4)),
            self._state(Status.ASSIGNED),
            lead_unit=unit,
            limit_days=None,
            text=words.TRANSFERRED.format(unit=unit.short_name),
        )

    def _hand_over(self, handler: User) -> User:
        """A colleague takes over, if the unit has one."""
        lead = self._lead()
        colleague = self._handler(lead, apart_from=[handler])
        if colleague != handler:
            self._add(
                Action.HAND_OVER,
                self._head(lead),
                self._after(0, 1, slow=(2, 2)),
                self._state(Status.HANDLING),
                to=colleague,
                text=words.HANDED_OVER,
            )
        return colleague

    def _extend(self, *, again: bool = False, approved: bool = True) -> None:
        """The head asks before the work falls due; the second time the leader decides."""
        due = self.watch.due or self.at
        left = self.calendar.working_days_between(day_of(self.at), day_of(due))
        asked = self.pace.days(self.at, max(1, left - 4), max(1, left - 1))
        handling = self._state(Status.HANDLING)
        more = self.rng.randint(3, LONGEST_EXTENSION)
        self._add(
            Action.REQUEST_EXTENSION,
            self._head(self._lead()),
            self._before(due, asked),
            handling,
            until=self.calendar.add_working_days(day_of(due), more),
            text=words.EXTENSION_AGAIN if again else self.rng.choice(words.EXTENSIONS),
        )
        text = words.EXTENSION_APPROVED_AGAIN if again else words.EXTENSION_APPROVED
        self._add(
            Action.APPROVE_EXTENSION if approved else Action.REFUSE_EXTENSION,
            self._leader() if again else self._dispatcher(),
            self._soon(),
            handling,
            text=text if approved else words.EXTENSION_REFUSED,
        )

    # --- suspension and the joint meeting ---

    def _request_suspension(self) -> date:
        """The head asks; returns the review date."""
        kind = self.rng.choice(LONG_WAITS)
        at = self._after(1, 3, slow=(4, 4))
        until = day_of(at) + timedelta(days=self.rng.randint(25, 85))
        self._add(
            Action.REQUEST_SUSPENSION,
            self._head(self._lead()),
            at,
            self._state(Status.HANDLING),
            kind=kind,
            until=until,
            text=words.SUSPENSIONS[kind],
        )
        return until

    def _suspend(self) -> None:
        """Granted, and taken up again by the leader or, on the review date, by the platform."""
        until = self._request_suspension()
        self._add(
            Action.SUSPEND,
            self._leader(),
            self._soon(),
            self._state(Status.SUSPENDED),
            text=words.SUSPENDED,
        )
        days = (until - day_of(self.at)).days
        resumed = self.pace.office(self._days_later(self.rng.randint(days // 3, days - 6)))
        if self.rng.random() < 0.5 and day_of(resumed) < until:
            self._resume(resumed, self._state(Status.HANDLING))
        else:
            self._resume_on(until, self._state(Status.HANDLING))

    def _refuse_suspension(self) -> None:
        self._request_suspension()
        self._add(
            Action.REFUSE_SUSPENSION,
            self._leader(),
            self._soon(),
            self._state(Status.HANDLING),
            text=words.SUSPENSION_REFUSED,
        )

    def _resume(self, at: datetime, to: State, text: str = words.RESUMED) -> None:
        self._add(Action.RESUME, self._leader(), at, to, text=text)

    def _resume_on(self, until: date, to: State) -> None:
        self._add(Action.AUTO_RESUME, None, self._platform(clocks.morning(until)), to)

    def _wait_for_the_meeting(self) -> None:
        """Suspended until the joint meeting has said who is to do it; then it is dispatched.

        If the next meeting is too far away, the review date takes it up again.
        """
        at = self._after(0, 2, slow=(3, 3))
        day = day_of(at)
        until = day + timedelta(days=LONGEST_WAIT_FOR_A_MEETING)
        meeting = next_meeting_day(day, self.calendar)
        self._add(
            Action.TO_MEETING,
            self._dispatcher(),
            at,
            self._state(Status.SUSPENDED),
            until=until,
            text=words.TO_MEETING,
        )
        resumed = self.pace.office(self.calendar.add_working_days(meeting, 1))
        triage = self._state(Status.TRIAGE)
        if day_of(resumed) < until:
            self._resume(resumed, triage, words.AFTER_THE_MEETING)
        else:
            self._resume_on(until, triage)

    def _co_units(self) -> list[dict[str, object]]:
        return [
            {"unit": unit, "task": "配合主办单位办理，并书面回复。", "reply_required": True}
            for unit in self.matter.co_units
        ]

    # --- ends by two persons ---

    def _void(self, *, confirmed: bool) -> None:
        """Somebody proposes to void the case, and another person agrees or does not."""
        state = self.lines[-1].to
        dispatchers = self._at_the_level(
            Role.DISTRICT_DISPATCHER if self.level == Level.DISTRICT else Role.TOWN_DISPATCHER
        )
        if self.level == Level.GRID:
            *others, proposes = self.officers
            decides = [*others, *dispatchers]
        else:
            proposes = self.rng.choice(dispatchers)
            decides = [user for user in dispatchers if user != proposes] + [self._leader()]
        declines = self.twist == Twist.DECLINED
        reason = VoidReason.NOT_OURS if declines else self.rng.choice(list(VoidReason))
        self._add(
            Action.DECLINE if declines else Action.VOID,
            proposes,
            self._soon(),
            state,
            reason=reason,
            text=words.DECLINED if declines else words.VOID_WORDS[reason],
        )
        self._add(
            Action.CONFIRM_VOID if confirmed else Action.REFUSE_VOID,
            self.rng.choice(decides),
            self._soon(),
            self._state(Status.VOID) if confirmed else state,
            text=words.VOID_CONFIRMED if confirmed else words.VOID_REFUSED,
        )

    # --- second review ---

    def _review(self, by: User) -> None:
        """Who complained is not content with what is lawful; the leader looks at it again."""
        revisit = self._state(Status.REVISIT)
        self._add(
            Action.REQUEST_REVIEW,
            by,
            self._after(0, 2, slow=(4, 5)),
            revisit,
            satisfaction=self.rng.randint(1, 2),
            contact=Contact.REACHED,
            is_solved=False,
            text=self.rng.choice(words.REVIEW_REQUESTS),
        )

    def _close_on_review(self) -> None:
        self._add(
            Action.CLOSE_ON_REVIEW,
            self._leader(),
            self._soon(),
            self._state(Status.CLOSED),
            text=words.REVIEW_CLOSED,
        )

    # --- again ---

    def _reopen(self, to: State, *, called: bool) -> None:
        """Found not to be solved, by who watches over it or on the word of who complained."""
        roster, rng = self.stage.roster, self.rng
        watching = [
            *roster.at(Role.SUPERVISOR, self._place_id),
            *roster.at(Role.VERIFIER, self._place_id),
        ]
        by = rng.choice(watching)
        reason = rng.choice((ReopenReason.RELAPSE, ReopenReason.NOT_AS_REPORTED))
        at = self.pace.office(self._days_later(rng.randint(2, 30)))
        if called and rng.random() < 0.5:
            soon = self.pace.office(self._days_later(rng.randint(2, REOPENING_DAYS - 5)))
            if (day_of(soon) - day_of(self.at)).days <= REOPENING_DAYS:  # no holidays in between
                by, at = rng.choice(self._at_the_level(Role.REVISITOR)), soon
                reason = ReopenReason.NOT_SOLVED
        self._add(
            Action.REOPEN,
            by,
            at,
            to,
            reason=reason,
            text=words.REOPENED[reason],
        )

    def _back_to_work(self) -> State:
        """Where it is worked on again by who handled it."""
        return GRID_HANDLING if self.level == Level.GRID else self._state(Status.HANDLING)
