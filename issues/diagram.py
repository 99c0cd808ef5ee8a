"""The transition table as diagrams and tables for the docs, drawn from ``issues.workflow``."""

from __future__ import annotations

from collections.abc import Iterable

from issues.choices import TERMINAL, Level, Status
from issues.rulebook import Line, lines
from issues.side_paths import SIDE_PATHS
from issues.states import State
from issues.workflow import BESIDE, WAY

BEGIN, END = "<!-- drawn from the table: begin -->", "<!-- drawn from the table: end -->"


def markdown() -> str:
    """The diagrams and a table of every row, as they stand between BEGIN and END."""
    parts = [
        BEGIN,
        "### The way 主流程",
        _mermaid(_way()),
        _table(lines(WAY)),
        "### Side paths 分支流程",
        _mermaid(_side_paths()),
        _table(lines(SIDE_PATHS)),
        "### Beside the way 在任何未结状态",
        _table(lines(BESIDE), anywhere=True),
        END,
    ]
    return "\n\n".join(parts)


def renewed(page: str) -> str:
    """``page`` with what stands between its marks drawn anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{markdown()}{after}"


# --- diagrams: a step that leaves a case where it stands is left to the tables ---


def _mermaid(diagram: Iterable[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *diagram, "```"])


def _way() -> list[str]:
    """Level by level, state by state."""
    drawn = ["    direction TB"]
    states = dict.fromkeys(
        state for (origin, _), rule in WAY.items() for state in (origin, *rule.to) if state
    )
    states = {state: None for state in states if state.status != Status.RETURN_REVIEW}
    for level in Level:
        drawn.append(f'    state "{level.label}" as {level.value} {{')
        drawn += [
            f'        state "{state.label}" as {_id(state)}'
            for state in states
            if state.level == level
        ]
        drawn.append("    }")
    arrows: dict[tuple[str, str], list[str]] = {}
    for (origin, action), rule in WAY.items():
        for target in rule.to:
            if target != origin:
                start = _id(origin) if origin else "[*]"
                arrows.setdefault((start, _id(target)), []).append(action.label)
    drawn += _drawn(arrows)
    drawn += [f"    {_id(state)} --> [*]" for state in states if state.status in TERMINAL]
    return drawn


def _side_paths() -> list[str]:
    """Status by status: what happens at the town happens at the district likewise."""
    arrows: dict[tuple[str, str], list[str]] = {}
    named: dict[Status, str] = {}
    for (origin, action), rule in SIDE_PATHS.items():
        for target in rule.to:
            if origin and target.status != origin.status:
                names = arrows.setdefault((origin.status.value, target.status.value), [])
                names += [] if action.label in names else [action.label]
                named |= {state.status: _of_status(state.status) for state in (origin, target)}
    return [
        "    direction LR",
        *(f'    state "{label}" as {status.value}' for status, label in named.items()),
        *_drawn(arrows),
    ]


def _drawn(arrows: dict[tuple[str, str], list[str]]) -> list[str]:
    return [f"    {start} --> {to}: {'、'.join(names)}" for (start, to), names in arrows.items()]


def _id(state: State) -> str:
    return f"{state.level.value}_{state.status.value}"


def _of_status(status: Status) -> str:
    return "/".join(dict.fromkeys(State(level, status).label for level in Level if level != "grid"))


# --- tables ---


def _table(rows: Iterable[Line], *, anywhere: bool = False) -> str:
    head = ["状态", "动作", "到", "谁", "条件", "时钟", "告知"]
    written = [head, ["---"] * len(head)]
    for line in rows:
        written.append(
            [
                line.anywhere if anywhere else line.where or "—",
                f"{line.action.label} `{line.action.value}`",
                "<br>".join(line.goes_to),
                "<br>".join(line.who),
                "<br>".join(line.asks) or "—",
                "<br>".join(line.clocks) or "不变",
                "、".join(line.hears) or "—",
            ]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in written)
