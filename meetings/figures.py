"""The shape of a quarter's figures: what the report's page and paper both show, and its JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class KeyFigure:
    """One metric over the quarter, the quarter before and the year so far, as it is printed."""

    code: str
    name: str
    definition: str
    this: str
    previous: str
    total: str
    numerator: int
    denominator: int | None


@dataclass(frozen=True)
class ProjectLine:
    number: str
    name: str
    place: str
    category: str
    aspect: str
    content: str
    lead_department: str
    responsible_unit: str
    project_owner: str
    due_date: str
    target: str
    percent: int
    lamp: str  # a Lamp, or empty when done


@dataclass(frozen=True)
class CategoryLine:
    """The projects of one category, by where they stood at the end of the quarter."""

    name: str
    total: int
    done: int
    green: int
    yellow: int
    red: int


@dataclass(frozen=True)
class LevelLine:
    name: str
    closed: int
    share: str
    on_time: str
    resolved: str


@dataclass(frozen=True)
class KindLine:
    """Issues received of one top category."""

    name: str
    received: int
    share: str


@dataclass(frozen=True)
class ItemLine:
    kind: str
    number: str
    title: str
    reason: str


@dataclass(frozen=True)
class MeetingLine:
    title: str
    held_on: str
    resolutions: int
    items: list[ItemLine]


@dataclass(frozen=True)
class ResolutionLine:
    number: str
    meeting: str
    text: str
    lead_unit: str
    units: str
    due_date: str
    state: str
    is_late: bool


@dataclass(frozen=True)
class OverdueLine:
    number: str
    title: str
    town: str
    level: str
    lead_unit: str
    due_on: str
    state: str


@dataclass(frozen=True)
class TownLine:
    name: str
    received: int
    closed: int
    on_time: str
    satisfied: str
    open: int
    overdue: int


@dataclass(frozen=True)
class QuarterFigures:
    """Everything that the report of a quarter says in numbers and lists. Days are ISO dates."""

    quarter: str
    first: str
    last: str
    computed_on: str
    district: str
    key_figures: list[KeyFigure]
    project_categories: list[CategoryLine]
    projects: list[ProjectLine]
    levels: list[LevelLine]
    kinds: list[KindLine]
    meetings: list[MeetingLine]
    resolutions: list[ResolutionLine]
    proposals: list[ItemLine]
    overdue: list[OverdueLine]
    overdue_total: int
    towns: list[TownLine]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> QuarterFigures:
        lines = {name: [kind(**row) for row in data[name]] for name, kind in LINES.items()}
        meetings = [
            MeetingLine(**{**row, "items": [ItemLine(**item) for item in row["items"]]})
            for row in data["meetings"]
        ]
        return cls(**{**data, **lines, "meetings": meetings})

    def figure(self, code: str) -> KeyFigure:
        """Raises KeyError for a code that is not among the key figures."""
        for figure in self.key_figures:
            if figure.code == code:
                return figure
        raise KeyError(code)

    @property
    def late_projects(self) -> list[ProjectLine]:
        return [line for line in self.projects if line.lamp == "red"]

    @property
    def late_resolutions(self) -> list[ResolutionLine]:
        return [line for line in self.resolutions if line.is_late]


LINES: dict[str, Callable[..., Any]] = {
    "key_figures": KeyFigure,
    "project_categories": CategoryLine,
    "projects": ProjectLine,
    "levels": LevelLine,
    "kinds": KindLine,
    "resolutions": ResolutionLine,
    "proposals": ItemLine,
    "overdue": OverdueLine,
    "towns": TownLine,
}
