"""The transition table as people read it: rows that say the same for several states are one line.

The docs and the page of the rules are drawn from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from issues.choices import OPEN_STATUSES, Action, Level, Status
from issues.states import Rows, Rule, State
from people.choices import Role

STAYS = "不变"
PLATFORM = "平台"


@dataclass(frozen=True)
class Line:
    """Rows by one action that differ in their states and roles alone.

    All of them lead to the same statuses, of the own level or of the same other one.
    """

    action: Action
    rows: tuple[tuple[State | None, Rule], ...]

    @property
    def rule(self) -> Rule:
        """Any of the rules, for what they have in common."""
        return self.rows[0][1]

    @property
    def states(self) -> tuple[State, ...]:
        return tuple(origin for origin, _ in self.rows if origin is not None)

    @property
    def where(self) -> str:
        """``镇街、区级·待签收、办理中``; empty for a case that stands nowhere yet."""
        return _named(self.states)

    @property
    def levels(self) -> str:
        return "、".join(_once(state.level.label for state in self.states))

    @property
    def anywhere(self) -> str:
        """Where a line holds which holds nearly everywhere, by its exceptions."""
        held = {state.status for state in self.states}
        missing = [status.label for status in OPEN_STATUSES if status not in held]
        more = [status.label for status in Status if status in held - {*OPEN_STATUSES}]
        text = "任何未结状态"
        if missing:
            text += f"（{'、'.join(missing)}除外）"
        return f"{text}，{'、'.join(more)}" if more else text

    @property
    def goes_to(self) -> tuple[str, ...]:
        """Each target, in words; ``STAYS`` for the state in which the case stands already."""
        targets = zip(*(_targets(origin, rule) for origin, rule in self.rows), strict=True)
        return tuple("/".join(_once(labels)) for labels in targets)

    @property
    def who(self) -> tuple[str, ...]:
        """The roles; where they differ, by level or by state. The platform is one of them."""
        groups: dict[tuple[str, ...], list[State]] = {}
        for origin, rule in self.rows:
            groups.setdefault(_people(rule), []).extend([origin] if origin else [])
        if len(groups) == 1:
            return tuple("、".join(people) for people in groups)
        by_level = len(groups) <= len({state.level for state in self.states})
        return tuple(
            f"{'、'.join(_once(s.level.label for s in states)) if by_level else _named(states)}："
            f"{'、'.join(people)}"
            for people, states in groups.items()
        )

    @property
    def asks(self) -> tuple[str, ...]:
        """What has to be so before, and by what one of several targets is chosen."""
        rule = self.rule
        return (
            *(condition.meaning for condition in (*rule.needs, *rule.conditions)),
            *(guard.meaning for guard in rule.guards),
            *([f"去向：{rule.choose.meaning}"] if rule.choose else []),
        )

    @property
    def clocks(self) -> tuple[str, ...]:
        return tuple(clock.value for clock in self.rule.clocks)

    @property
    def hears(self) -> tuple[str, ...]:
        return tuple(audience.value for audience in self.rule.notify)


def lines(rows: Rows) -> list[Line]:
    """The rows as lines, in the order of the table."""
    found: dict[tuple[object, ...], list[tuple[State | None, Rule]]] = {}
    actions: dict[tuple[object, ...], Action] = {}
    for (origin, action), rule in rows.items():
        key = (action, *_what_it_says(origin, rule))
        found.setdefault(key, []).append((origin, rule))
        actions[key] = action
    return [Line(actions[key], tuple(same)) for key, same in found.items()]


def rows_of(status: Status, rows: Rows) -> Rows:
    return {key: rule for key, rule in rows.items() if key[0] and key[0].status == status}


def _what_it_says(origin: State | None, rule: Rule) -> tuple[object, ...]:
    """Equal for rules that belong into one line."""
    return (
        tuple(
            STAYS
            if target == origin
            else (target.status, None if origin and target.level == origin.level else target.level)
            for target in rule.to
        ),
        *(rule.clocks, rule.notify, rule.needs, rule.conditions, rule.guards, rule.choose),
        *(rule.system, rule.owed),
    )


def _targets(origin: State | None, rule: Rule) -> list[str]:
    words = []
    for target in rule.to:
        if target == origin:
            words.append(STAYS)
        elif origin and target.level == origin.level:
            words.append(target.label)
        else:
            words.append(f"{target.level.label}·{target.label}")
    return words


def _people(rule: Rule) -> tuple[str, ...]:
    people = tuple(role.label for role in Role if role in rule.roles)
    return (*people, PLATFORM) if rule.system else people


def _named(states: Iterable[State]) -> str:
    """States in words; levels that stand with the same statuses are named together."""
    labels: dict[Level, list[str]] = {}
    for state in states:
        labels.setdefault(state.level, []).append(state.label)
    levels: dict[tuple[str, ...], list[str]] = {}
    for level, of_level in _in_order(labels).items():
        levels.setdefault(tuple(of_level), []).append(level.label)
    return "；".join(f"{'、'.join(of)}·{'、'.join(said)}" for said, of in levels.items())


def _in_order(labels: Mapping[Level, list[str]]) -> dict[Level, list[str]]:
    return {level: labels[level] for level in Level if level in labels}


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
