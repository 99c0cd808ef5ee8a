"""Units come and go while a case is handled: transfer, co-units, notes of progress."""

from __future__ import annotations

import pytest

from core.errors import NotAllowed
from issues.choices import Action, ClockKind, Level, Status, Verdict
from issues.models import Issue
from issues.querysets import last_visible_seq
from people.choices import OrganisationKind
from tests.cast import Cast, again, organisation
from tests.issues.moments import (
    assigned,
    at,
    co_clock,
    overall_clock,
    own_clock,
    refused,
    suspended,
    told,
    with_extension_requested,
    with_the_departments,
    with_the_unit,
    with_two_departments,
)


def transferred(cast: Cast) -> Issue:
    """From 城建办 to 执法局, on Thursday the 6th at 10:00."""
    return cast.step(
        with_the_unit(cast),
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-06"),
        lead_unit=cast.changqiao_patrol,
        text="涉及占道，改由执法局办理。",
    )


def with_a_helper(cast: Cast, day: str = "2025-03-06", **co_unit: object) -> Issue:
    """With 城建办, and 执法局 is asked to help."""
    return cast.step(
        with_the_unit(cast),
        Action.ADD_CO,
        cast.chen_jing,
        at(day),
        co_units=[{"unit": cast.changqiao_patrol, "task": "清理占道", **co_unit}],
    )


# --- transfer ---


def test_a_transfer_starts_the_new_units_clock_and_leaves_the_overall_clock(cast: Cast) -> None:
    issue = transferred(cast)

    assert (issue.status, issue.lead_unit, issue.handler) == (
        Status.ASSIGNED,
        cast.changqiao_patrol,
        None,
    )
    assert issue.due_at == at("2025-03-17", "17:30")  # seven working days from the 6th
    assert issue.overall_due_at == at("2025-03-17", "17:30")
    assert overall_clock(issue).started_at == at("2025-03-03", "11:00")
    lead = issue.assignments.get(left_seq=None)
    assert (lead.acknowledge_due_at, lead.acknowledged_at) == (at("2025-03-07", "17:30"), None)
    before = issue.clocks.filter(kind=ClockKind.STEP, verdict=Verdict.CANCELLED).get()
    assert before.ended_at == at("2025-03-06")


def test_both_units_hear_of_a_transfer(cast: Cast) -> None:
    assert told(transferred(cast)) == ["feng_gang", "wu_yang", "xu_lei", "zheng_hua"]


def test_the_unit_before_reads_up_to_the_transfer_and_does_nothing_more(cast: Cast) -> None:
    issue = transferred(cast)
    transfer = issue.event_count
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.xu_lei, at("2025-03-06", "11:00"))
    assert last_visible_seq(issue, again(cast.wu_yang)) == transfer
    with pytest.raises(NotAllowed):
        cast.step(
            issue,
            Action.SUBMIT_COMPLETION,
            cast.wu_yang,
            at("2025-03-07"),
            outcome="resolved",
            text="已办结。",
        )


def test_a_transfer_may_give_a_limit_of_its_own(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-06"),
        lead_unit=cast.changqiao_patrol,
        limit_days=2,
        text="请尽快。",
    )
    assert issue.due_at == at("2025-03-10", "17:30")


def test_a_case_is_not_transferred_to_the_unit_that_has_it(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "请选择另一个单位", field="lead_unit"):
        cast.step(
            issue,
            Action.TRANSFER,
            cast.chen_jing,
            at("2025-03-06"),
            lead_unit=cast.changqiao_works,
            text="转办。",
        )


def test_a_case_is_not_transferred_to_another_town(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不在您的派单范围内"):
        cast.step(
            issue,
            Action.TRANSFER,
            cast.chen_jing,
            at("2025-03-06"),
            lead_unit=cast.mudu_works,
            text="转办。",
        )


def test_a_case_is_not_transferred_to_a_unit_without_handlers(cast: Cast) -> None:
    cast.xu_lei.postings.update(ends_on="2025-01-01")
    issue = with_the_unit(cast)
    with refused(issue, "没有在职的承办经办", field="lead_unit"):
        cast.step(
            issue,
            Action.TRANSFER,
            cast.chen_jing,
            at("2025-03-06"),
            lead_unit=cast.changqiao_patrol,
            text="转办。",
        )


def test_no_unit_transfers_a_case_by_itself(cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        cast.step(
            with_the_unit(cast),
            Action.TRANSFER,
            cast.zheng_hua,
            at("2025-03-06"),
            lead_unit=cast.changqiao_patrol,
            text="转办。",
        )


def test_a_co_unit_to_which_the_case_is_transferred_leads_and_helps_no_more(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.TRANSFER,
        cast.sun_li,
        at("2025-03-06"),
        lead_unit=cast.water,
        text="改由水务局主办。",
    )
    assert co_clock(issue).verdict == Verdict.CANCELLED
    present = issue.assignments.filter(left_seq=None)
    assert [(row.unit, row.is_lead) for row in present] == [(cast.water, True)]
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin"]


def test_other_co_units_stay_with_a_transferred_case(cast: Cast) -> None:
    issue = with_a_helper(cast)
    unit = organisation("长桥街道环卫所", OrganisationKind.TOWN_OFFICE, cast.changqiao)
    cast.wu_yang.postings.create(role="unit_handler", organisation=unit, starts_on="2024-01-01")
    issue = cast.step(
        issue, Action.TRANSFER, cast.chen_jing, at("2025-03-07"), lead_unit=unit, text="转环卫所。"
    )
    co = co_clock(issue)
    assert (co.assignment.unit, co.ended_at) == (cast.changqiao_patrol, None)


def test_what_the_unit_before_had_asked_for_lapses_with_the_transfer(cast: Cast) -> None:
    issue = cast.step(
        with_extension_requested(cast),
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-07"),
        lead_unit=cast.changqiao_patrol,
        text="转执法局。",
    )
    approval = issue.approvals.get()
    assert (approval.decision, approval.decided_seq) == ("lapsed", issue.event_count)
    assert issue.due_at == at("2025-03-18", "17:30")


# --- co-units ---


def test_who_joins_later_has_time_until_the_overall_limit_at_most(cast: Cast) -> None:
    issue = with_a_helper(cast, "2025-03-10")  # seven working days would be the 19th
    assert co_clock(issue).due_at == at("2025-03-17", "17:30")
    assert issue.due_at == at("2025-03-12", "17:30")
    assert told(issue) == ["wu_yang", "xu_lei"]


def test_who_joins_early_has_the_whole_limit(cast: Cast) -> None:
    issue = cast.step(
        with_the_departments(cast),
        Action.ADD_CO,
        cast.luo_bin,
        at("2025-03-06"),
        co_units=[{"unit": cast.police}],
    )
    assert co_clock(issue).due_at == at("2025-03-27", "17:30")  # fifteen from the 6th


def test_who_joins_when_the_overall_limit_has_passed_is_not_late_from_the_start(
    cast: Cast,
) -> None:
    issue = with_a_helper(cast, "2025-03-18")  # it passed on the 17th
    assert co_clock(issue).due_at == at("2025-03-27", "17:30")


def test_a_co_units_limit_does_not_go_past_the_overall_limit(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不能长于总时限的剩余时间", field="co_units"):
        cast.step(
            issue,
            Action.ADD_CO,
            cast.chen_jing,
            at("2025-03-06"),
            co_units=[{"unit": cast.changqiao_patrol, "limit_days": 8}],
        )


def test_a_co_unit_that_joined_holds_up_the_completion_until_it_replies(cast: Cast) -> None:
    issue = with_a_helper(cast)
    with refused(issue, "还有 1 个协办单位未回复"):
        cast.step(
            issue,
            Action.SUBMIT_COMPLETION,
            cast.wu_yang,
            at("2025-03-07"),
            outcome="resolved",
            text="已办结。",
        )
    issue = cast.step(issue, Action.CO_REPLY, cast.xu_lei, at("2025-03-07"), text="已清理。")
    assert (issue.level, issue.status) == (Level.TOWN, Status.HANDLING)
    assert co_clock(issue).verdict == Verdict.ON_TIME
    assert told(issue) == ["wu_yang"]


@pytest.mark.parametrize("name", ["changqiao_works", "changqiao_patrol"])
def test_a_unit_is_in_a_case_once(cast: Cast, name: str) -> None:
    issue = with_a_helper(cast)
    with refused(issue, "不能重复交办", field="co_units"):
        cast.step(
            issue,
            Action.ADD_CO,
            cast.chen_jing,
            at("2025-03-07"),
            co_units=[{"unit": getattr(cast, name)}],
        )


def test_a_unit_without_people_is_not_made_to_reply(cast: Cast) -> None:
    """Else the case could never be completed."""
    empty = organisation("长桥街道环卫所", OrganisationKind.TOWN_OFFICE, cast.changqiao)
    issue = with_the_unit(cast)
    with refused(issue, "没有在职的承办人员，不能要求回复", field="co_units"):
        cast.step(
            issue, Action.ADD_CO, cast.chen_jing, at("2025-03-06"), co_units=[{"unit": empty}]
        )
    issue = cast.step(
        issue,
        Action.ADD_CO,
        cast.chen_jing,
        at("2025-03-06"),
        co_units=[{"unit": empty, "reply_required": False}],
    )
    assert issue.assignments.filter(unit=empty, left_seq=None).exists()


def test_the_head_of_the_lead_unit_may_ask_for_help_but_not_outside_the_town(cast: Cast) -> None:
    issue = assigned(cast)
    with refused(issue, "不在您的派单范围内"):
        cast.step(
            issue,
            Action.ADD_CO,
            cast.zheng_hua,
            at("2025-03-03", "15:00"),
            co_units=[{"unit": cast.water}],
        )
    issue = cast.step(
        issue,
        Action.ADD_CO,
        cast.zheng_hua,
        at("2025-03-03", "15:00"),
        co_units=[{"unit": cast.changqiao_patrol}],
    )
    assert issue.status == Status.ASSIGNED
    with pytest.raises(NotAllowed):
        cast.step(
            issue,
            Action.ADD_CO,
            cast.wu_yang,
            at("2025-03-03", "15:00"),
            co_units=[{"unit": cast.changqiao_patrol}],
        )


def test_urging_reaches_the_co_units_for_which_the_case_waits(cast: Cast) -> None:
    issue = with_two_departments(cast)
    issue = cast.step(issue, Action.URGE, cast.sun_li, at("2025-03-10"), text="请抓紧。")
    assert told(issue) == ["gao_feng", "he_jun", "luo_bin"]
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-10"), text="已疏通。")
    issue = cast.step(issue, Action.URGE, cast.sun_li, at("2025-03-11"), text="请抓紧。")
    assert told(issue) == ["he_jun", "luo_bin"]


# --- progress ---


def test_public_progress_reaches_who_reported_it_and_internal_progress_does_not(
    cast: Cast,
) -> None:
    issue = cast.report(by=cast.zhao_min, at=at("2025-03-03"))
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="money",
        text="需经费。",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "14:00"),
        lead_unit=cast.changqiao_works,
        text="请办理。",
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.wu_yang, at("2025-03-04"))
    due = issue.due_at
    issue = cast.step(
        issue,
        Action.PROGRESS,
        cast.wu_yang,
        at("2025-03-05"),
        visibility="public",
        percent=50,
        text="管材已到场。",
    )
    assert told(issue) == ["wang_fang", "zhao_min"]
    issue = cast.step(
        issue,
        Action.PROGRESS,
        cast.wu_yang,
        at("2025-03-06"),
        visibility="internal",
        text="施工队报价偏高，正在比选。",
    )
    assert told(issue) == ["wang_fang"]
    assert (issue.status, issue.due_at) == (Status.HANDLING, due)
    event = issue.events.latest("seq")
    assert event.data == {"visibility": "internal"}
    assert event.text.body == "施工队报价偏高，正在比选。"


def test_who_noted_progress_has_worked_on_the_case_and_does_not_verify_it(cast: Cast) -> None:
    """冯刚 is also a verifier of the town, and leaves the unit afterwards."""
    issue = cast.step(
        with_the_unit(cast),
        Action.PROGRESS,
        cast.feng_gang,
        at("2025-03-05"),
        visibility="internal",
        text="已到现场。",
    )
    cast.feng_gang.postings.filter(role="unit_handler").update(ends_on="2025-03-05")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-06"),
        outcome="resolved",
        text="已更换。",
    )
    with refused(issue, "参与过办理"):
        cast.step(issue, Action.PASS_VERIFICATION, again(cast.feng_gang), at("2025-03-07"))


def test_nobody_notes_progress_on_a_case_that_stands_still(cast: Cast) -> None:
    issue = suspended(cast)
    with refused(issue, "不能阶段反馈"):
        cast.step(
            issue,
            Action.PROGRESS,
            cast.wu_yang,
            at("2025-03-10"),
            visibility="public",
            text="施工中。",
        )
    assert own_clock(issue).paused_at is not None
