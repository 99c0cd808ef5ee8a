"""Several people, or a person and a sweep, act on one case at the same moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from django.db import connection

from core.errors import Refused
from issues import actions, sweeps
from issues.choices import Action, Status
from issues.models import Assignment, Issue, IssueEvent
from tests.cast import Cast, again, assemble
from tests.issues.moments import assigned, at, in_town_triage


def at_once(tries: Sequence[Callable[[], object]]) -> list[str]:
    """Run all in threads of their own; tell what became of each: "done" or the refusal's code."""

    def attempt(act: Callable[[], object]) -> str:
        try:
            act()
            return "done"
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(tries)) as pool:
        return sorted(pool.map(attempt, tries))


def test_of_several_assignments_at_once_one_counts_and_the_others_are_stale(
    committed_db: str,
) -> None:
    cast = assemble()
    issue = in_town_triage(cast)

    def assign_to(unit: object) -> Callable[[], object]:
        return lambda: actions.perform(
            issue.pk,
            Action.ASSIGN,
            by=again(cast.chen_jing),
            data={"lead_unit": unit, "text": "请办理。"},
            expected_version=issue.version,
        )

    outcomes = at_once([assign_to(cast.changqiao_works), assign_to(cast.changqiao_patrol)] * 3)

    assert outcomes == ["done", *["stale"] * 5]
    assert Assignment.objects.filter(issue=issue).count() == 1
    assert IssueEvent.objects.filter(issue=issue, action=Action.ASSIGN).count() == 1


def test_an_acknowledgement_and_the_sweep_make_one_acknowledgement(committed_db: str) -> None:
    cast = assemble()
    issue = assigned(cast)
    late = at("2025-03-05")

    at_once(
        [
            lambda: actions.perform(
                issue.pk,
                Action.ACKNOWLEDGE,
                by=again(cast.wu_yang),
                data={},
                expected_version=issue.version,
                at=late,
            ),
            lambda: sweeps.acknowledge_overdue_assignments(late),
            lambda: sweeps.acknowledge_overdue_assignments(late),
        ]
    )

    taken = IssueEvent.objects.filter(
        issue=issue, action__in=[Action.ACKNOWLEDGE, Action.AUTO_ACKNOWLEDGE]
    )
    assert taken.count() == 1
    assert Issue.objects.get(pk=issue.pk).status == Status.HANDLING


def test_a_step_that_waited_for_another_is_not_dated_before_it(cast: Cast) -> None:
    """Nor one from a machine whose clock goes slow: a pause would end before it began."""
    issue = assigned(cast)  # at 14:00
    issue = cast.step(
        issue, Action.URGE, cast.chen_jing, at("2025-03-03", "13:59"), text="请抓紧。"
    )
    assert [event.at for event in issue.events.order_by("-seq")[:2]] == [
        at("2025-03-03", "14:00"),
        at("2025-03-03", "14:00"),
    ]
