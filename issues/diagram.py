"""The transition table as a diagram and a table for the docs, drawn from ``issues.workflow``."""

from __future__ import annotations

from issues.choices import Action, Level, Status
from issues.workflow import RULES, Rule, State

BEGIN, END = "<!-- drawn from the table: begin -->", "<!-- drawn from the table: end -->"


def markdown() -> str:
    """A Mermaid state diagram and a table of every row, as they stand between BEGIN and END."""
    return f"{BEGIN}\n\n```mermaid\n{_diagram()}\n```\n\n{_table()}\n\n{END}"


def renewed(page: str) -> str:
    """``page`` with what stands between its marks drawn anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{markdown()}{after}"


def _diagram() -> str:
    lines = ["stateDiagram-v2", "    direction TB"]
    states = dict.fromkeys(
        state for (origin, _), rule in RULES.items() for state in (origin, *rule.to) if state
    )
    for level in Level:
        lines.append(f'    state "{level.label}" as {level.value} {{')
        lines += [
            f'        state "{_status(state)}" as {_id(state)}'
            for state in states
            if state.level == level
        ]
        lines.append("    }")
    arrows: dict[tuple[str, str], list[str]] = {}
    for (origin, action), rule in RULES.items():
        start = _id(origin) if origin else "[*]"
        for target in rule.to:
            arrows.setdefault((start, _id(target)), []).append(action.label)
    lines += [f"    {start} --> {to}: {'、'.join(names)}" for (start, to), names in arrows.items()]
    lines += [f"    {_id(state)} --> [*]" for state in states if state.status == Status.CLOSED]
    return "\n".join(lines)


def _table() -> str:
    lines = [
        "| 状态 From | 动作 Action | 到 To | 谁 Who | 时钟 Clocks |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(origin, action, rule) for (origin, action), rule in RULES.items()]
    return "\n".join(lines)


def _row(origin: State | None, action: Action, rule: Rule) -> str:
    cells = [
        _name(origin) if origin else "—",
        f"{action.label} `{action.value}`",
        "<br>".join(_name(state) for state in rule.to),
        "、".join(sorted(role.label for role in rule.roles)) or "系统",
        "；".join(clock.value for clock in rule.clocks) or "不变",
    ]
    return f"| {' | '.join(cells)} |"


def _id(state: State) -> str:
    return f"{state.level.value}_{state.status.value}"


def _status(state: State) -> str:
    if state.status == Status.TRIAGE and state.level == Level.DISTRICT:
        return "待联诊"
    return state.status.label


def _name(state: State) -> str:
    return f"{state.level.label}·{_status(state)}"
