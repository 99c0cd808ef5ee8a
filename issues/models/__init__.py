"""One issue, its append-only history, its clocks, and the records that stand beside it.

Nobody writes ``status``, ``level`` or a clock from outside ``issues.steps``; see ``issues.actions``.
"""

from issues.models.clocks import Clock, ClockPause
from issues.models.history import EventText, IssueEvent, Photo, Revisit
from issues.models.issue import Assignment, Issue, lamp
from issues.models.limits import Category, TimeLimit

__all__ = [
    "Assignment",
    "Category",
    "Clock",
    "ClockPause",
    "EventText",
    "Issue",
    "IssueEvent",
    "Photo",
    "Revisit",
    "TimeLimit",
    "lamp",
]
