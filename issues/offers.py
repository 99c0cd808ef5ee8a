"""What a step will do, said before it is taken: where the case goes, its clocks, who hears."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from issues.audiences import BY_LEVEL, TERRITORIAL
from issues.choices import Action, Level, Status
from issues.inputs import INPUTS
from issues.models import Issue
from issues.workflow import RULES, Audience, Rule, State

AUDIENCES = {
    Audience.REPORTER: "上报人",
    Audience.UNIT_HANDLERS: "主办单位经办",
    Audience.UNIT_HEADS: "主办单位负责人",
    Audience.CO_UNITS: "协办单位",
    Audience.VERIFIERS: "核查人员",
}


@dataclass(frozen=True)
class Offer:
    """A step that somebody has on a case. ``refusal`` says what still forbids it, if anything does.

    ``needs_input`` is false where the decision alone is enough.
    """

    action: Action
    url: str
    refusal: str
    goes_to: str
    clocks: tuple[str, ...]
    hears: tuple[str, ...]
    needs_input: bool

    @property
    def label(self) -> str:
        return self.action.label


def offers(issue: Issue, available: dict[Action, str | None]) -> list[Offer]:
    """The steps of ``actions.available`` with their consequences, in the order of the loop."""
    return [offer(issue, action, available[action]) for action in Action if action in available]


def offer(issue: Issue, action: Action, refusal: str | None) -> Offer:
    state = State(Level(issue.level), Status(issue.status))
    rule = RULES[state, action]
    stays = rule.to == (state,)
    return Offer(
        action=action,
        url=reverse("issues:act", args=[issue.pk, action]),
        refusal=refusal or "",
        goes_to="" if stays else " 或 ".join(_label(target) for target in rule.to),
        clocks=tuple(clock.value for clock in rule.clocks) or ("照常计算",),
        hears=tuple(dict.fromkeys(_audience(rule, audience) for audience in rule.notify)),
        needs_input=bool(INPUTS[action]().fields),
    )


def _label(state: State) -> str:
    return Issue(level=state.level, status=state.status).state_label


def _audience(rule: Rule, audience: Audience) -> str:
    """Whom a step tells, by their role where the role is known before the step is taken."""
    if audience in AUDIENCES:
        return AUDIENCES[audience]
    roles = TERRITORIAL.get(audience) or (BY_LEVEL[audience, rule.to[0].level],)
    return "、".join(dict.fromkeys(role.label for role, _ in roles))
