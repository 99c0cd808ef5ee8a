"""One issue, its append-only history, its clocks, and the records that stand beside it.

Nobody writes ``status``, ``level`` or a clock from outside ``issues.steps``; see
``issues.actions``.
"""

from issues.models.anchor import Anchor, AnchoredHead
from issues.models.clocks import Clock, ClockPause
from issues.models.history import EventText, IssueEvent, Photo, Revisit
from issues.models.involvement import Involvement
from issues.models.issue import Assignment, Issue, lamp
from issues.models.limits import Category, TimeLimit
from issues.models.paper import PaperTemplate
from issues.models.records import (
    Approval,
    Instruction,
    Relocation,
    Ruling,
    Supervision,
    SupervisionSerial,
)
from issues.models.saved_view import SavedView
from issues.models.search import PlaceOfIssues, SearchEntry

__all__ = [
    "Anchor",
    "AnchoredHead",
    "Approval",
    "Assignment",
    "Category",
    "Clock",
    "ClockPause",
    "EventText",
    "Instruction",
    "Involvement",
    "Issue",
    "IssueEvent",
    "PaperTemplate",
    "Photo",
    "PlaceOfIssues",
    "Relocation",
    "Revisit",
    "Ruling",
    "SavedView",
    "SearchEntry",
    "Supervision",
    "SupervisionSerial",
    "TimeLimit",
    "lamp",
]
