"""When a project's lamp turns yellow and red. Pure functions of days and progress."""

from __future__ import annotations

from datetime import date, timedelta

from issues.choices import Lamp

BEHIND_POINTS = 20
LAST_DAYS = 7


def yellow_on(starts_on: date, due_date: date, percent: int) -> date:
    """The first day on which a project that stands at ``percent`` is yellow.

    That is the day on which the share of its time that has passed is more than 20 percentage points
    ahead of its progress, or the day on which its last tenth (at least 7 days) begins, if earlier.
    """
    span = (due_date - starts_on).days
    behind = starts_on + timedelta(days=span * (percent + BEHIND_POINTS) // 100 + 1)
    near = due_date - timedelta(days=max(LAST_DAYS, span // 10))
    return min(behind, near)


def lamp(yellow_on: date | None, due_date: date | None, today: date) -> Lamp | None:
    """The lamp of a running project on ``today``; the due day itself is not late."""
    if yellow_on is None or due_date is None:
        return None
    if due_date < today:
        return Lamp.RED
    return Lamp.YELLOW if yellow_on <= today else Lamp.GREEN
