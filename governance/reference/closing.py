"""The end of a story: what was done is handed in, verified, asked about, and the case closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.reference import words
from governance.reference.detours import Detours
from governance.reference.lines import Twist
from issues.choices import Action, Contact, FailReason, Level, Outcome, Source, Status
from issues.conditions import REVISIT_ATTEMPTS
from people.choices import Role
from people.models import User

FAILED_VERIFICATION = 0.05
REDONE = 0.03
NOT_REACHED = 0.15
SATISFACTION = ((5, 4, 3, 2, 1), (54, 32, 10, 3, 1))
REVIEWS = (Twist.SECOND_REVIEW, Twist.REVIEW_REDONE)


@dataclass
class Closing(Detours):
    """Tells the end of a matter."""

    def _submit(self, by: User, at: datetime) -> None:
        self._add(
            Action.SUBMIT_COMPLETION,
            by,
            at,
            self._state(Status.VERIFY),
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

    def _close(self) -> None:
        self._verification()
        self._revisit()

    def _verification(self) -> None:
        if self.twist == Twist.FAILED or self.rng.random() < FAILED_VERIFICATION:
            self._add(
                Action.FAIL_VERIFICATION,
                self._verifier(),
                self._after(0, 2, slow=(3, 5)),
                self._back_to_work(),
                reason=self.rng.choice(list(FailReason)),
                text="现场仍有遗留问题，请继续处理。",
            )
            self._submit(self._worker_again(), self._after(1, 2, slow=(4, 6)))
        self._add(
            Action.PASS_VERIFICATION,
            self._verifier(),
            self._after(0, 2, slow=(3, 5)),
            self._state(Status.REVISIT if self._is_called() else Status.CLOSED),
            text="现场核查，情况属实。",
        )

    def _is_called(self) -> bool:
        return "contact_phone" in self.lines[0].data and self.matter.source != Source.PATROL

    def _worker_again(self) -> User:
        """Who submits again after a failed verification: the grid, or the lead unit."""
        lead = self.watch.lead
        return self._handler(lead) if lead else self.first

    def _verifier(self) -> User:
        """Somebody independent: the community for the grid's work, the grid or others for units."""
        near = list(self.officers)
        if self.level != Level.GRID and self.worker:
            near = [self.worker, self.worker, *near]
        near += self._at_the_level(Role.VERIFIER)
        return self.rng.choice([user for user in near if user.pk not in self.handled_by])

    def _revisit(self) -> None:
        if not self._is_called():
            return
        by = self.rng.choice(self._at_the_level(Role.REVISITOR))
        open_, closed = self._state(Status.REVISIT), self._state(Status.CLOSED)
        if self.twist in REVIEWS:
            self._review(by)
            if self.twist == Twist.SECOND_REVIEW:
                self._close_on_review()
                return
            self._redo(self._leader(), words.REVIEW_REDONE)
        elif self.twist == Twist.REDONE or self.rng.random() < REDONE:
            self._redo(by, self.rng.choice(words.COMPLAINTS))
        failures = 0
        while failures < REVISIT_ATTEMPTS and self.rng.random() < NOT_REACHED:
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
                or self.rng.random() < 0.5,
                satisfaction=self.rng.choices(*SATISFACTION)[0],
                text=self.rng.choice(words.FEEDBACK),
            )

    def _redo(self, by: User, text: str) -> None:
        """Back to work, and verified again."""
        self._add(
            Action.REDO,
            by,
            self._after(0, 2, slow=(4, 5)),
            self._back_to_work(),
            reason=self.rng.choice(list(FailReason)),
            satisfaction=self.rng.randint(1, 2),
            contact=Contact.REACHED,
            is_solved=False,
            text=text,
        )
        self._submit(self._worker_again(), self._after(1, 2, slow=(4, 6)))
        self._add(
            Action.PASS_VERIFICATION,
            self._verifier(),
            self._after(0, 2, slow=(3, 5)),
            self._state(Status.REVISIT),
            text="复查合格。",
        )
