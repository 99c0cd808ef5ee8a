"""Two reports of one matter become one case and can be parted again; both histories say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from core.errors import NotAllowed, NotFoundHere, Refused
from core.models import Message
from issues import actions
from issues.choices import Action, Level, Status, Verdict
from issues.models import Issue
from issues.querysets import last_visible_seq
from tests.cast import Cast, again, assemble
from tests.issues.moments import (
    assigned,
    at,
    closed,
    in_district_triage,
    in_town_triage,
    is_whole,
    merged,
    overall_clock,
    refused,
    told,
    with_extension_requested,
    with_the_departments,
    with_the_unit,
    with_void_proposed,
)
from tests.issues.test_concurrency import at_once


def merge(cast: Cast, issue: Issue, master: Issue, day: str = "2025-03-04") -> Issue:
    return cast.step(issue, Action.MERGE, cast.chen_jing, at(day), master=master)


def part(cast: Cast, issue: Issue, day: str = "2025-03-05") -> Issue:
    return cast.step(issue, Action.UNMERGE, cast.chen_jing, at(day), text="经核实不是同一处。")


def fresh(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


# --- merging ---


def test_a_duplicate_ends_and_its_master_keeps_the_earlier_receipt(cast: Cast) -> None:
    duplicate, master = merged(cast)

    assert (duplicate.level, duplicate.status) == (Level.GRID, Status.MERGED)
    assert (duplicate.master, duplicate.closed_at) == (master, at("2025-03-04"))
    assert set(duplicate.clocks.values_list("verdict", flat=True)) == {Verdict.CANCELLED}
    assert master.status == Status.TRIAGE
    assert master.received_at == at("2025-03-01")
    assert master.due_at == at("2025-03-04", "17:30")  # its limits are its own
    assert overall_clock(master).started_at == at("2025-03-03", "11:00")


def test_both_histories_name_the_other_case(cast: Cast) -> None:
    duplicate, master = merged(cast)
    own, other = duplicate.events.latest("seq"), master.events.latest("seq")
    assert (own.action, own.actor, own.data) == (
        Action.MERGE,
        cast.chen_jing,
        {"master_id": master.pk},
    )
    assert (other.action, other.actor) == (Action.ABSORB, None)
    assert other.data["merged_id"] == duplicate.pk
    assert [value[:10] for value in other.data["received_at"]] == ["2025-03-03", "2025-03-01"]
    for issue, events in ((duplicate, 2), (master, 3)):
        assert (issue.version, issue.event_count) == (events, events)
        assert is_whole(issue)


def test_who_merged_the_cases_hears_of_neither_side(cast: Cast) -> None:
    """陈静 is at work on the master, and knows."""
    duplicate, master = merged(cast)
    assert told(duplicate) == ["ma_li"]
    assert told(master) == []


def test_the_masters_unit_hears_that_there_is_one_more(cast: Cast) -> None:
    duplicate = cast.report(by=cast.ma_li, at=at("2025-03-04"), place=cast.longxi_grid_2)
    master = assigned(cast)
    merge(cast, duplicate, master)
    assert told(fresh(master)) == ["feng_gang", "wu_yang"]


def test_who_reported_a_duplicate_follows_its_master_by_way_of_the_own_report(cast: Cast) -> None:
    """马丽 sees only her grid: a link to the other grid's case would lead nowhere."""
    duplicate, master = merged(cast)
    master = cast.step(
        master,
        Action.DECLINE,
        cast.chen_jing,
        at("2025-03-04", "11:00"),
        reason="not_ours",
        text="属市级事权。",
    )
    master = cast.step(
        master, Action.CONFIRM_VOID, cast.zhou_wei, at("2025-03-04", "12:00"), text="同意。"
    )
    assert told(master) == ["chen_jing", "ma_li", "wang_fang"]
    url = dict(
        Message.objects.filter(
            key__startswith=f"issue:{master.pk}:{master.event_count}:"
        ).values_list("recipient__username", "url")
    )
    assert url["wang_fang"] == master.get_absolute_url()
    assert url["ma_li"] == duplicate.get_absolute_url()
    assert not Issue.objects.visible_to(again(cast.ma_li)).filter(pk=master.pk).exists()


def test_the_unit_of_a_duplicate_is_let_go_and_told(cast: Cast) -> None:
    duplicate, master = assigned(cast), in_town_triage(cast)
    duplicate = merge(cast, duplicate, master)
    assert (duplicate.level, duplicate.lead_unit) == (Level.TOWN, None)
    assert told(duplicate) == ["feng_gang", "wang_fang", "wu_yang", "zheng_hua"]
    assert last_visible_seq(duplicate, again(cast.zheng_hua)) == duplicate.event_count


def test_what_was_asked_for_a_duplicate_lapses(cast: Cast) -> None:
    duplicate = merge(cast, with_extension_requested(cast), in_town_triage(cast), "2025-03-07")
    assert duplicate.approvals.get().decision == "lapsed"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("itself", "不能并入自身"),
        ("ended", "主件现为“已结案”"),
        ("lower", "只能并入同级或更高层级"),
        ("elsewhere", "只能并入同一镇街"),
        ("unlike", "只能并入同一类别"),
    ],
)
def test_only_a_like_open_case_of_this_level_or_above_can_be_the_master(
    cast: Cast, name: str, why: str
) -> None:
    issue = in_town_triage(cast)
    masters: dict[str, Callable[[], Issue]] = {
        "itself": lambda: issue,
        "ended": lambda: closed(cast),
        "lower": lambda: cast.report(at=at("2025-03-03")),
        "elsewhere": lambda: _in_mudu(cast),
        "unlike": lambda: cast.step(
            cast.report(at=at("2025-03-03"), category=cast.parking),
            Action.ESCALATE_TOWN,
            cast.wang_fang,
            at("2025-03-03", "11:00"),
            reason="money",
            text="需经费。",
        ),
    }
    master = masters[name]()
    before = fresh(master).version
    with refused(issue, why, field="master"):
        cast.step(issue, Action.MERGE, cast.sun_li, at("2025-03-07"), master=master)
    assert fresh(master).version == before


def _in_mudu(cast: Cast) -> Issue:
    issue = cast.report(by=cast.li_qiang, at=at("2025-03-03"), place=cast.jinshan_grid_1)
    return cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.li_qiang,
        at("2025-03-03", "11:00"),
        reason="money",
        text="需经费。",
    )


def test_nobody_merges_into_what_they_do_not_see(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))
    other = cast.report(by=cast.ma_li, at=at("2025-03-03"), place=cast.longxi_grid_2)
    with pytest.raises(NotFoundHere, match="主件"):
        cast.step(issue, Action.MERGE, cast.wang_fang, at("2025-03-03", "11:00"), master=other)


def test_a_community_officer_does_not_merge(cast: Cast) -> None:
    issue, other = cast.report(at=at("2025-03-03")), cast.report(at=at("2025-03-03"))
    with pytest.raises(NotAllowed):
        cast.step(issue, Action.MERGE, cast.zhao_min, at("2025-03-03", "11:00"), master=other)


def test_an_order_is_not_got_rid_of_by_a_merge(cast: Cast) -> None:
    issue = cast.step(
        in_town_triage(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-04"),
        grade="key",
        text="请说明。",
    )
    master = in_town_triage(cast)
    with refused(issue, "有未销号的督办单"):
        merge(cast, issue, master)


# --- parting ---


def test_a_parted_case_is_where_it_was_with_new_limits(cast: Cast) -> None:
    duplicate, master = merged(cast)
    duplicate = part(cast, duplicate)

    assert (duplicate.level, duplicate.status, duplicate.master) == (
        Level.GRID,
        Status.PENDING_FIRST,
        None,
    )
    assert duplicate.closed_at is None
    assert duplicate.due_at == at("2025-03-06", "17:30")
    assert duplicate.overall_due_at == at("2025-03-12", "17:30")
    assert duplicate.received_at == at("2025-03-01")
    assert told(duplicate) == ["ma_li"]
    master = fresh(master)
    assert master.received_at == at("2025-03-03")
    release = master.events.latest("seq")
    assert (release.action, release.data["merged_id"]) == (Action.RELEASE, duplicate.pk)
    assert (master.version, master.event_count) == (4, 4)
    assert is_whole(master)


def test_what_a_unit_had_is_dispatched_anew(cast: Cast) -> None:
    duplicate = part(cast, merge(cast, with_the_unit(cast), in_town_triage(cast)))
    assert (duplicate.level, duplicate.status) == (Level.TOWN, Status.TRIAGE)
    assert duplicate.due_at == at("2025-03-06", "17:30")
    assert duplicate.overall_due_at == at("2025-03-19", "17:30")


def test_what_the_grid_had_in_hand_goes_back_into_its_hands(cast: Cast) -> None:
    duplicate = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    duplicate = part(cast, merge(cast, duplicate, in_town_triage(cast)))
    assert (duplicate.status, duplicate.handler) == (Status.GRID_HANDLING, None)
    assert duplicate.due_at == at("2025-03-10", "17:30")  # three working days from the 5th
    assert told(duplicate) == ["wang_fang"]


def test_a_case_can_be_parted_after_its_master_was_closed(cast: Cast) -> None:
    duplicate = cast.report(by=cast.ma_li, at=at("2025-03-01"), place=cast.longxi_grid_2)
    master = with_the_unit(cast)
    duplicate = merge(cast, duplicate, master, "2025-03-05")
    master = cast.step(
        master,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-06"),
        outcome="resolved",
        text="已更换。",
    )
    master = cast.step(master, Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-07"))
    assert "ma_li" in told(master)

    duplicate = part(cast, duplicate, "2025-03-10")

    assert duplicate.status == Status.PENDING_FIRST
    master = fresh(master)
    assert (master.status, master.received_at) == (Status.CLOSED, at("2025-03-03"))
    assert master.events.latest("seq").action == Action.RELEASE
    assert master.closed_at == at("2025-03-07")


def test_a_case_can_be_parted_after_its_master_was_voided(cast: Cast) -> None:
    master = with_void_proposed(cast)
    duplicate = cast.report(at=at("2025-03-03", "10:30"))
    duplicate = merge(cast, duplicate, master, "2025-03-03")
    cast.step(master, Action.CONFIRM_VOID, cast.zhou_wei, at("2025-03-04"), text="同意。")
    duplicate = part(cast, duplicate)
    assert duplicate.status == Status.PENDING_FIRST
    assert fresh(master).events.latest("seq").action == Action.RELEASE


def test_only_what_was_merged_is_parted(cast: Cast) -> None:
    issue = in_town_triage(cast)
    with refused(issue, "不能拆案"):
        part(cast, issue)


# --- duplicates of duplicates ---


def chained(cast: Cast) -> tuple[Issue, Issue, Issue]:
    """马丽's report of the 1st into 王芳's of the 3rd, and that one into the district's case."""
    first = cast.report(by=cast.ma_li, at=at("2025-03-01"), place=cast.longxi_grid_2)
    second = in_town_triage(cast)
    third = in_district_triage(cast)
    first = merge(cast, first, second)
    second = merge(cast, second, third, "2025-03-05")
    return first, second, fresh(third)


def test_what_was_merged_before_follows_to_the_new_master(cast: Cast) -> None:
    first, second, third = chained(cast)

    assert (first.master, second.master, third.master) == (second, third, None)
    assert third.received_at == at("2025-03-01")
    third = cast.step(
        third,
        Action.DECLINE,
        cast.sun_li,
        at("2025-03-06"),
        reason="not_ours",
        text="属市级事权。",
    )
    third = cast.step(third, Action.CONFIRM_VOID, cast.qian_jin, at("2025-03-06"), text="同意。")
    assert "ma_li" in told(third)


def test_parted_at_the_end_of_the_chain_each_master_takes_back_its_own_receipt(cast: Cast) -> None:
    first, second, third = chained(cast)
    first = part(cast, first, "2025-03-06")

    assert first.status == Status.PENDING_FIRST
    second, third = fresh(second), fresh(third)
    assert (second.status, second.received_at) == (Status.MERGED, at("2025-03-03"))
    assert third.received_at == at("2025-03-03")
    for master in (second, third):
        release = master.events.latest("seq")
        assert (release.action, release.data["merged_id"]) == (Action.RELEASE, first.pk)
        assert is_whole(master)


def test_parted_in_the_middle_a_case_takes_its_own_duplicates_along(cast: Cast) -> None:
    first, second, third = chained(cast)
    second = part(cast, second, "2025-03-06")

    assert (second.level, second.status) == (Level.TOWN, Status.TRIAGE)
    assert second.received_at == at("2025-03-01")
    assert fresh(third).received_at == at("2025-03-03")
    assert fresh(first).master == second
    assert told(second) == ["ma_li", "wang_fang"]


def test_a_case_that_has_duplicates_keeps_the_earliest_of_those_that_stay(cast: Cast) -> None:
    early = cast.report(by=cast.ma_li, at=at("2025-03-01"), place=cast.longxi_grid_2)
    later = cast.report(by=cast.ma_li, at=at("2025-03-02"), place=cast.longxi_grid_2)
    master = in_town_triage(cast)
    early, later = merge(cast, early, master), merge(cast, later, master)
    part(cast, early)
    assert fresh(master).received_at == at("2025-03-02")
    part(cast, later)
    assert fresh(master).received_at == at("2025-03-03")


# --- at the same moment ---


def test_two_who_merge_the_same_cases_crosswise_make_one_merge(committed_db: str) -> None:
    cast = assemble()
    one, other = in_town_triage(cast), in_town_triage(cast)
    when = at("2025-03-04")

    def into(issue: Issue, master: Issue) -> Callable[[], object]:
        return lambda: actions.perform(
            issue.pk,
            Action.MERGE,
            by=again(cast.chen_jing),
            data={"master": master},
            expected_version=None,
            at=when,
        )

    outcomes = at_once([into(one, other), into(other, one)] * 4)

    assert outcomes.count("done") == 1
    assert set(outcomes) <= {"done", "refused", "wrong_state"}
    statuses = sorted(Issue.objects.values_list("status", flat=True))
    assert statuses == [Status.MERGED, Status.TRIAGE]
    for issue in Issue.objects.all():
        assert is_whole(issue)


def test_a_master_that_is_merged_while_a_duplicate_is_parted_loses_no_count(
    committed_db: str,
) -> None:
    cast = assemble()
    first = cast.report(by=cast.ma_li, at=at("2025-03-01"), place=cast.longxi_grid_2)
    second, third = in_town_triage(cast), in_town_triage(cast)
    first = merge(cast, first, second)
    when = at("2025-03-05")

    def try_until_not_stale(action: Action, issue: Issue, **data: object) -> Callable[[], object]:
        def act() -> None:
            for _ in range(5):
                try:
                    actions.perform(
                        issue.pk,
                        action,
                        by=again(cast.chen_jing),
                        data=data,
                        expected_version=None,
                        at=when + timedelta(minutes=1),
                    )
                    return
                except Refused as refusal:
                    if refusal.code != "stale":
                        raise

        return act

    outcomes = at_once(
        [
            try_until_not_stale(Action.UNMERGE, first, text="不是同一处。"),
            try_until_not_stale(Action.MERGE, second, master=third),
        ]
    )

    assert outcomes == ["done", "done"]
    first, second, third = fresh(first), fresh(second), fresh(third)
    assert (first.status, second.status) == (Status.PENDING_FIRST, Status.MERGED)
    assert second.received_at == third.received_at == at("2025-03-03")


def test_a_case_with_departments_merged_and_parted_is_the_districts_again(cast: Cast) -> None:
    duplicate, master = with_the_departments(cast), in_district_triage(cast)
    duplicate = cast.step(duplicate, Action.MERGE, cast.sun_li, at("2025-03-06"), master=master)
    assert told(duplicate) == ["gao_feng", "he_jun", "luo_bin", "wang_fang"]
    with pytest.raises(NotAllowed):
        part(cast, duplicate, "2025-03-07")
    duplicate = cast.step(
        duplicate, Action.UNMERGE, cast.sun_li, at("2025-03-07"), text="不是同一处。"
    )
    assert (duplicate.level, duplicate.status) == (Level.DISTRICT, Status.TRIAGE)
    assert duplicate.due_at == at("2025-03-12", "17:30")
