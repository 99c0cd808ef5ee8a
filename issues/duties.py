"""What of the cases a posting holds: those in its holder's name, those that wait for the role."""

from __future__ import annotations

from datetime import date

from issues import actions
from issues.choices import Action
from issues.models import Issue
from issues.querysets import IssueQuerySet
from people.choices import Role
from people.duties import Duty, register, remaining_postings
from people.models import Posting, User

# The roles under which somebody takes a case in hand at the grid.
OF_THE_GRID = (Role.GRID_WORKER, Role.COMMUNITY_OFFICER)


def handled(posting: Posting, until: date) -> IssueQuerySet:
    """Open cases in the name of the holder, which they could no longer handle if the posting ended
    with ``until``: of the unit, or of the grids of the place."""
    mine = Issue.objects.open().filter(handler=posting.user_id)
    remaining = remaining_postings(posting, until)
    if posting.role == Role.UNIT_HANDLER:
        if remaining.of_same_post(posting).exists():
            return mine.none()
        return mine.filter(lead_unit=posting.organisation_id)
    if posting.role in OF_THE_GRID and posting.place is not None:
        places = remaining.filter(role__in=OF_THE_GRID).values("place_id")
        return (
            mine.filter(lead_unit=None, **{posting.place.lineage_column: posting.place_id})
            .exclude(grid__in=places)
            .exclude(community__in=places)
        )
    return mine.none()


def hand_over(posting: Posting, successor: User, *, by: User | None, until: date) -> int:
    """Who ordered it is in the audit trail; in the history of the cases the platform does it.

    The rows are locked first, in one order, so that nobody else takes one up in between.
    """
    locked = handled(posting, until).select_for_update(of=("self",)).order_by("pk")
    ids = list(locked.values_list("pk", flat=True))
    for issue_id in ids:
        actions.perform(
            issue_id, Action.HAND_OVER, by=None, data={"to": successor}, expected_version=None
        )
    return len(ids)


def waiting(posting: Posting, until: date) -> IssueQuerySet:
    """Cases that wait for the role, there: for any holder of it, by the transition table. Those in
    the name of the one who leaves are counted as ``handled``."""
    holder = User(pk=posting.user_id)
    holder.current_postings = [posting]
    return Issue.objects.waiting_for(holder).exclude(pk__in=handled(posting, until).values("pk"))


register(
    Duty(
        code="handled_issues", label="经办的问题", measure="件", held=handled, hand_over=hand_over
    ),
    Duty(code="waiting_issues", label="待办的问题", measure="件", held=waiting),
)
