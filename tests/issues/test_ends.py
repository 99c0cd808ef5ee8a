"""Ends by two persons: void, decline, and a second review where somebody stays discontent."""

from __future__ import annotations

import pytest

from core.errors import NotAllowed
from issues.choices import Action, Contact, Decision, Level, Outcome, Status, Verdict
from issues.models import Issue
from people.models import User
from tests.cast import Cast
from tests.issues.moments import (
    at,
    in_district_triage,
    in_revisit,
    in_town_triage,
    refused,
    told,
    with_the_unit,
    with_void_proposed,
)


def under_review(cast: Cast) -> Issue:
    """韩梅 reached on Wednesday the 5th who complained, and asks 周伟 to decide."""
    return cast.step(
        in_revisit(cast),
        Action.REQUEST_REVIEW,
        cast.han_mei,
        at("2025-03-05"),
        contact=Contact.REACHED,
        is_solved=False,
        satisfaction=1,
        text="诉求超出政策规定，已多次解释。",
    )


# --- void ---


def test_a_proposal_to_void_changes_nothing_yet(cast: Cast) -> None:
    issue = with_void_proposed(cast)
    assert (issue.status, issue.due_at) == (Status.PENDING_FIRST, at("2025-03-04", "17:30"))
    assert told(issue) == ["chen_jing", "zhou_wei"]


def test_whoever_proposed_it_does_not_confirm_it(cast: Cast) -> None:
    issue = with_void_proposed(cast)
    for action in (Action.CONFIRM_VOID, Action.REFUSE_VOID):
        with refused(issue, "须由另一人复核"):
            cast.step(issue, action, cast.zhao_min, at("2025-03-03", "12:00"), text="同意。")


def test_with_a_second_person_the_case_is_void(cast: Cast) -> None:
    issue = cast.step(
        with_void_proposed(cast),
        Action.CONFIRM_VOID,
        cast.zhou_wei,
        at("2025-03-03", "12:00"),
        text="属实。",
    )

    assert (issue.level, issue.status) == (Level.GRID, Status.VOID)
    assert (issue.closed_at, issue.outcome) == (at("2025-03-03", "12:00"), "")
    assert (issue.due_at, issue.overall_due_at) == (None, None)
    assert set(issue.clocks.values_list("verdict", flat=True)) == {Verdict.CANCELLED}
    approval = issue.approvals.get()
    assert (approval.asked_by, approval.reason, approval.decision) == (
        cast.zhao_min,
        "test",
        Decision.APPROVED,
    )
    assert told(issue) == ["chen_jing", "wang_fang", "zhao_min"]


def test_nothing_more_happens_to_a_void_case(cast: Cast) -> None:
    issue = cast.step(
        with_void_proposed(cast),
        Action.CONFIRM_VOID,
        cast.zhou_wei,
        at("2025-03-03", "12:00"),
        text="属实。",
    )
    for action, by in (
        (Action.FIRST_HANDLE, cast.wang_fang),
        (Action.REOPEN, cast.xu_ning),
        (Action.CORRECT, cast.chen_jing),
        (Action.SUPERVISE, cast.xu_ning),
    ):
        with refused(issue, "现为“已作废”"):
            cast.step(issue, action, by, at("2025-03-04"), text="x", reason="relapse", grade="key")


def test_a_case_that_a_second_person_holds_to_be_real_goes_on(cast: Cast) -> None:
    issue = cast.step(
        with_void_proposed(cast),
        Action.REFUSE_VOID,
        cast.chen_jing,
        at("2025-03-03", "12:00"),
        text="有现场照片，请核实。",
    )
    assert (issue.status, issue.approvals.get().decision) == (
        Status.PENDING_FIRST,
        Decision.REFUSED,
    )
    assert told(issue) == ["zhao_min"]
    issue = cast.step(
        issue,
        Action.VOID,
        cast.chen_jing,
        at("2025-03-03", "15:00"),
        reason="test",
        text="经核实为误报。",
    )
    issue = cast.step(
        issue, Action.CONFIRM_VOID, cast.zhao_min, at("2025-03-03", "16:00"), text="同意。"
    )
    assert issue.status == Status.VOID


def test_two_proposals_at_once_are_one_too_many(cast: Cast) -> None:
    issue = with_void_proposed(cast)
    with refused(issue, "已有作废申请等待审批"):
        cast.step(
            issue,
            Action.VOID,
            cast.chen_jing,
            at("2025-03-03", "12:00"),
            reason="test",
            text="误报。",
        )


def test_a_proposal_lapses_when_the_case_moves_on(cast: Cast) -> None:
    issue = cast.step(
        with_void_proposed(cast),
        Action.FIRST_HANDLE,
        cast.wang_fang,
        at("2025-03-03", "13:00"),
        text="马上处理。",
    )
    assert issue.approvals.get().decision == Decision.LAPSED
    with refused(issue, "不能复核同意"):
        cast.step(
            issue, Action.CONFIRM_VOID, cast.zhou_wei, at("2025-03-03", "14:00"), text="同意。"
        )


def test_a_grid_worker_proposes_no_end(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.step(
            cast.report(at=at("2025-03-03")),
            Action.VOID,
            cast.wang_fang,
            at("2025-03-03", "11:00"),
            reason="test",
            text="误报。",
        )


def test_what_a_unit_has_is_not_voided(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不能提请作废"):
        cast.step(
            issue, Action.VOID, cast.chen_jing, at("2025-03-05"), reason="test", text="误报。"
        )


# --- decline ---


@pytest.mark.parametrize(
    ("moment", "first", "second", "heard"),
    [
        (in_town_triage, "chen_jing", "zhou_wei", ["chen_jing", "wang_fang"]),
        (in_district_triage, "sun_li", "qian_jin", ["chen_jing", "sun_li", "wang_fang"]),
    ],
    ids=["town", "district"],
)
def test_declining_takes_two_and_who_reported_it_hears(
    cast: Cast, moment: object, first: str, second: str, heard: list[str]
) -> None:
    issue = moment(cast)
    one: User = cast.people[first]
    issue = cast.step(
        issue,
        Action.DECLINE,
        one,
        at("2025-03-04", "16:00"),
        reason="not_ours",
        text="属市级事权，请向市水务局反映。",
    )
    assert told(issue) == [second]
    with refused(issue, "须由另一人复核"):
        cast.step(issue, Action.CONFIRM_VOID, one, at("2025-03-04", "17:00"), text="同意。")
    issue = cast.step(
        issue, Action.CONFIRM_VOID, cast.people[second], at("2025-03-04", "17:00"), text="同意。"
    )
    assert issue.status == Status.VOID
    assert told(issue) == heard


# --- second review ---


def test_while_a_second_review_is_asked_for_the_case_is_the_leaders(cast: Cast) -> None:
    issue = under_review(cast)

    assert (issue.status, issue.due_at) == (Status.REVISIT, at("2025-03-07", "17:30"))
    assert told(issue) == ["zhou_wei"]
    revisit = issue.revisits.get()
    assert (revisit.contact, revisit.is_solved, revisit.satisfaction) == ("reached", False, 1)
    with refused(issue, "已申请二次审核"):
        cast.step(
            issue,
            Action.RECORD_REVISIT,
            cast.han_mei,
            at("2025-03-06"),
            contact=Contact.REACHED,
            is_solved=True,
        )


def test_the_leader_may_close_the_case_as_it_is(cast: Cast) -> None:
    issue = cast.step(
        under_review(cast),
        Action.CLOSE_ON_REVIEW,
        cast.zhou_wei,
        at("2025-03-06"),
        text="办理符合规定，予以结案。",
    )
    assert (issue.status, issue.outcome, issue.rework_count) == (
        Status.CLOSED,
        Outcome.EXPLAINED,
        0,
    )
    assert issue.approvals.get().decision == Decision.APPROVED
    assert issue.clocks.get(step="revisit").verdict == Verdict.ON_TIME
    assert told(issue) == ["han_mei", "wang_fang"]


def test_the_leader_may_side_with_who_complained(cast: Cast) -> None:
    issue = cast.step(
        under_review(cast),
        Action.REDO,
        cast.zhou_wei,
        at("2025-03-06"),
        reason="poor_quality",
        contact=Contact.REACHED,
        is_solved=False,
        text="解释不到位，请重新上门。",
    )
    assert (issue.status, issue.rework_count, issue.outcome) == (Status.GRID_HANDLING, 1, "")
    assert issue.approvals.get().decision == Decision.REFUSED
    assert issue.revisits.count() == 1  # the leader has called nobody
    assert issue.due_at == at("2025-03-07", "17:30")  # a third of three days
    assert told(issue) == ["han_mei", "wang_fang"]


def test_nobody_reviews_what_was_not_asked_for(cast: Cast) -> None:
    issue = in_revisit(cast)
    for action in (Action.CLOSE_ON_REVIEW, Action.REDO):
        with refused(issue, "没有等待审批的二次审核申请"):
            cast.step(
                issue,
                action,
                cast.zhou_wei,
                at("2025-03-06"),
                reason="poor_quality",
                contact=Contact.REACHED,
                is_solved=False,
                text="结案。",
            )


# --- revisits ---


def test_after_rework_the_attempts_to_reach_somebody_are_counted_anew(cast: Cast) -> None:
    issue = in_revisit(cast)
    for day in ("2025-03-05", "2025-03-06"):
        issue = cast.step(
            issue, Action.RECORD_REVISIT, cast.han_mei, at(day), contact=Contact.NOT_REACHED
        )
    issue = cast.step(
        issue,
        Action.REDO,
        cast.han_mei,
        at("2025-03-07"),
        reason="poor_quality",
        contact=Contact.REACHED,
        is_solved=False,
        text="仍有异响。",
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wang_fang,
        at("2025-03-10"),
        outcome=Outcome.RESOLVED,
        text="已加固。",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-11"))
    for day in ("2025-03-12", "2025-03-13"):
        issue = cast.step(
            issue, Action.RECORD_REVISIT, cast.han_mei, at(day), contact=Contact.NOT_REACHED
        )
        assert issue.status == Status.REVISIT
    issue = cast.step(
        issue, Action.RECORD_REVISIT, cast.han_mei, at("2025-03-14"), contact=Contact.NOT_REACHED
    )
    assert issue.status == Status.CLOSED
