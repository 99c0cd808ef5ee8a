"""What a step will do, said before it is taken: where the case goes, its clocks, who hears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from issues.case import Case
from issues.choices import Action, Level, Status
from issues.foresight import foresee
from issues.inputs import INPUTS
from issues.models import Issue
from issues.office import Office
from issues.states import State
from issues.workflow import RULES, TAKEN_ELSEWHERE


@dataclass(frozen=True)
class Offer:
    """A step that somebody has on a case. ``refusal`` says what still forbids it, if anything does.

    ``is_owed``: the case waits for it, or for another one that is. ``needs_input`` is false where
    the decision alone is enough. ``is_elsewhere``: ``url`` is a page of its own in another app.
    """

    action: Action
    url: str
    refusal: str
    is_owed: bool
    goes_to: str
    clocks: tuple[str, ...]
    hears: tuple[str, ...]
    needs_input: bool
    is_elsewhere: bool

    @property
    def label(self) -> str:
        return self.action.label


@dataclass(frozen=True)
class Offers:
    """The steps of one person on one case: those that bring it on, those beside the way, and those
    that something still forbids."""

    owed: tuple[Offer, ...] = ()
    others: tuple[Offer, ...] = ()
    blocked: tuple[Offer, ...] = ()

    @property
    def possible(self) -> tuple[Offer, ...]:
        return self.owed + self.others

    def __bool__(self) -> bool:
        return bool(self.owed or self.others or self.blocked)


def offers(
    case: Case, available: Mapping[Action, str | None], office: Office, at: datetime
) -> Offers:
    """The steps of ``Case.available`` with their consequences, in the order of the loop."""
    rows = [
        offer(case, action, available[action], office, at)
        for action in Action
        if action in available
    ]
    return Offers(
        owed=tuple(row for row in rows if row.is_owed and not row.refusal),
        others=tuple(row for row in rows if not row.is_owed and not row.refusal),
        blocked=tuple(row for row in rows if row.refusal),
    )


def offer(case: Case, action: Action, refusal: str | None, office: Office, at: datetime) -> Offer:
    issue = case.issue
    state = State(Level(issue.level), Status(issue.status))
    rule = RULES[state, action]
    stays = rule.to == (state,)
    page = TAKEN_ELSEWHERE.get(action, "")
    return Offer(
        action=action,
        url=reverse(page, args=[issue.pk]) if page else _act_url(issue, action),
        refusal=refusal or "",
        is_owed=rule.owed,
        goes_to="" if stays else " 或 ".join(dict.fromkeys(_label(target) for target in rule.to)),
        clocks=foresee(case, action, rule, office, at) or ("照常计算",),
        hears=tuple(audience.value for audience in rule.notify),
        needs_input=bool(INPUTS[action]().fields),
        is_elsewhere=bool(page),
    )


def _act_url(issue: Issue, action: Action) -> str:
    return reverse("issues:act", args=[issue.pk, action])


def _label(state: State) -> str:
    return Issue(level=state.level, status=state.status).state_label
