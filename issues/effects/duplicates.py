"""Effects of joining and parting cases, on both sides.

A case that was merged keeps its own duplicates, and takes them along when it is parted again; so
masters form a tree whose root is the only case that is open.
"""

from __future__ import annotations

from datetime import datetime

from core.errors import Refused
from issues.choices import TERMINAL, Level
from issues.effects.units import all_units_leave
from issues.models import Issue
from issues.taking import Taking


def merge(step: Taking) -> None:
    master: Issue = step.data["master"]
    issue = step.case.issue
    step.case.before_merge = step.case.state
    _check_master(issue, master)
    issue.master = master
    all_units_leave(step)


def _check_master(issue: Issue, master: Issue) -> None:
    levels = list(Level)
    why = None
    if master.pk == issue.pk:
        why = "不能并入自身。"
    elif master.status in TERMINAL:
        why = f"主件现为“{master.state_label}”，不能并入。"
    elif levels.index(Level(master.level)) < levels.index(Level(issue.level)):
        why = "只能并入同级或更高层级的问题。"
    elif master.town_id != issue.town_id:
        why = "只能并入同一镇街的问题。"
    elif master.category_id != issue.category_id:
        why = "只能并入同一类别的问题。"
    if why:
        raise Refused(why, fields={"master": [why]})


def unmerge(step: Taking) -> None:
    step.case.issue.master = step.case.issue.closed_at = None


def absorb(step: Taking) -> None:
    """The master keeps the earliest receipt, and who reported the duplicate follows it."""
    merged: Issue = step.data["merged"]
    if merged.reporter_id:
        step.case.followers.setdefault(merged.reporter_id, merged.pk)
    _received(step, min(step.case.issue.received_at, merged.received_at))


def release(step: Taking) -> None:
    released: Issue = step.data["merged"]
    if step.case.followers.get(released.reporter_id or 0) == released.pk:
        del step.case.followers[released.reporter_id or 0]
    _received(step, step.data["received_at"])


def _received(step: Taking, at: datetime) -> None:
    issue = step.case.issue
    if at != issue.received_at:
        step.facts["received_at"] = [issue.received_at.isoformat(), at.isoformat()]
        issue.received_at = at
