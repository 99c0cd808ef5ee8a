"""Beside the way: urging, calling who complained, and putting right what was entered wrongly."""

from __future__ import annotations

import pytest

from areas.choices import AreaType, PlaceLevel
from areas.models import ComplexArea
from core.errors import NotAllowed, Refused
from core.models import Message
from issues.choices import Action, Contact, Level, Outcome, Source, Status, Urgency
from issues.models import Issue, Relocation
from people.choices import Role
from tests.cast import Cast, again, person, place
from tests.issues.moments import (
    at,
    closed,
    complained,
    in_town_triage,
    is_whole,
    overall_clock,
    own_clock,
    refused,
    submitted,
    suspended,
    told,
    with_return_requested,
    with_the_departments,
    with_the_unit,
)

# --- urging ---


def test_urging_reaches_who_is_at_work_and_moves_nothing(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-06"), text="请抓紧。"
    )
    assert told(issue) == ["wu_yang", "zheng_hua"]
    assert (issue.status, issue.due_at) == (Status.HANDLING, at("2025-03-12", "17:30"))
    assert issue.urged_at == at("2025-03-06")


def test_a_case_is_urged_once_a_day_whoever_urges(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-06", "08:00"), text="请抓紧。"
    )
    with refused(issue, "今天已经催办过"):
        cast.step(issue, Action.URGE, cast.xu_ning, at("2025-03-06", "23:59"), text="请抓紧。")
    issue = cast.step(issue, Action.URGE, cast.xu_ning, at("2025-03-07", "00:01"), text="请抓紧。")
    assert issue.urged_at == at("2025-03-07", "00:01")


def test_a_case_in_dispute_is_urged_with_who_decides(cast: Cast) -> None:
    issue = cast.step(
        with_return_requested(cast), Action.URGE, cast.zhou_wei, at("2025-03-04"), text="请裁定。"
    )
    assert told(issue) == ["chen_jing", "zheng_hua"]


def test_a_case_to_be_verified_is_urged_with_who_can_verify_it(cast: Cast) -> None:
    issue = cast.step(
        submitted(cast), Action.URGE, cast.chen_jing, at("2025-03-07"), text="请核查。"
    )
    assert told(issue) == ["wang_fang", "zheng_hua"]


def test_what_stands_still_is_not_urged(cast: Cast) -> None:
    issue = suspended(cast)
    with refused(issue, "不能催办"):
        cast.step(issue, Action.URGE, cast.chen_jing, at("2025-03-10"), text="请抓紧。")


def test_those_at_work_do_not_urge_themselves(cast: Cast) -> None:
    issue = with_the_unit(cast)
    for other in (cast.wu_yang, cast.wang_fang, cast.shen_lan):
        with pytest.raises(NotAllowed):
            cast.step(issue, Action.URGE, other, at("2025-03-06"), text="请抓紧。")


# --- calling who complained ---


def call(cast: Cast, issue: Issue, contact: Contact, time: str) -> Issue:
    return cast.step(
        issue, Action.CONTACT, cast.wang_fang, at("2025-03-03", time), how="phone", contact=contact
    )


@pytest.mark.parametrize(
    ("urgency", "day", "time", "due"),
    [
        (Urgency.NORMAL, "2025-03-03", "10:00", ("2025-03-04", "17:30")),
        (Urgency.NORMAL, "2025-03-07", "18:00", ("2025-03-11", "17:30")),  # as if on Monday
        (Urgency.SAFETY, "2025-03-07", "23:00", ("2025-03-08", "01:00")),
    ],
)
def test_who_complained_is_to_be_called_within_a_day_or_two_hours(
    cast: Cast, urgency: Urgency, day: str, time: str, due: tuple[str, str]
) -> None:
    issue = cast.report(
        at=at(day, time), source=Source.RESIDENT, contact_phone="12012345678", urgency=urgency
    )
    assert (issue.contact_due_at, issue.contacted_at) == (at(*due), None)


def test_where_nobody_can_be_called_nobody_has_to_be(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))
    assert issue.contact_due_at is None
    with refused(issue, "没有留下联系方式"):
        call(cast, issue, Contact.REACHED, "11:00")


def test_the_first_time_that_somebody_was_reached_counts(cast: Cast) -> None:
    issue = call(cast, complained(cast), Contact.NOT_REACHED, "10:30")
    assert issue.contacted_at is None
    issue = call(cast, issue, Contact.REACHED, "11:00")
    issue = call(cast, issue, Contact.REACHED, "15:00")
    assert issue.contacted_at == at("2025-03-03", "11:00")
    assert issue.contact_due_at == at("2025-03-04", "17:30")
    kept = [event.data for event in issue.events.filter(action=Action.CONTACT)]
    assert [data["contact"] for data in kept] == ["not_reached", "reached", "reached"]


def test_a_call_is_nobodys_news_and_moves_no_clock(cast: Cast) -> None:
    issue = complained(cast)
    before = Message.objects.count()
    issue = call(cast, issue, Contact.REACHED, "11:00")
    assert Message.objects.count() == before
    assert (issue.status, issue.due_at) == (Status.PENDING_FIRST, at("2025-03-04", "17:30"))


def test_a_revisit_is_a_contact_too(cast: Cast) -> None:
    issue = cast.step(
        complained(cast),
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))
    issue = cast.step(
        issue,
        Action.RECORD_REVISIT,
        cast.han_mei,
        at("2025-03-05"),
        contact=Contact.REACHED,
        is_solved=True,
    )
    assert issue.contacted_at == at("2025-03-05")


# --- corrections ---


def correct(
    cast: Cast, issue: Issue, day: str = "2025-03-06", by: str = "chen_jing", **more: object
) -> Issue:
    return cast.step(
        issue, Action.CORRECT, cast.people[by], at(day), **{"text": "录入有误。", **more}
    )


def test_words_are_kept_before_and_after_in_the_text_and_not_in_the_event(cast: Cast) -> None:
    issue = correct(cast, with_the_unit(cast), title="长蠡路井盖松动", address="长蠡路 8 号")
    event = issue.events.latest("seq")
    assert (issue.title, issue.address) == ("长蠡路井盖松动", "长蠡路 8 号")
    assert event.data == {"changes": {"title": True, "address": True}}
    assert event.text.body == (
        "录入有误。\n"
        "标题：李家角北侧污水井盖松动，夜间行人易绊倒 → 长蠡路井盖松动\n"
        "详细地址：（空） → 长蠡路 8 号"
    )
    assert told(issue) == ["wu_yang"]
    assert is_whole(issue)


def test_codes_are_kept_before_and_after_and_no_limit_moves(cast: Cast) -> None:
    issue = with_the_unit(cast)
    clocks = (own_clock(issue), overall_clock(issue))
    issue = correct(cast, issue, category=cast.parking, urgency=Urgency.URGENT)
    assert (issue.category, issue.urgency) == (cast.parking, Urgency.URGENT)
    assert issue.events.latest("seq").data == {
        "changes": {
            "category": [cast.sewage.pk, cast.parking.pk],
            "urgency": ["normal", "urgent"],
        }
    }
    assert [clock.due_at for clock in clocks] == [issue.due_at, issue.overall_due_at]


def test_a_correction_corrects_something(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "没有改动"):
        correct(cast, issue, title=issue.title, urgency=Urgency.NORMAL, place=issue.place)


def test_only_dispatchers_correct(cast: Cast) -> None:
    issue = with_the_unit(cast)
    for other in ("wang_fang", "zheng_hua", "zhou_wei"):
        with pytest.raises(NotAllowed):
            correct(cast, issue, by=other, title="别的标题")


def test_a_closed_case_is_corrected_without_news_and_stays_closed(cast: Cast) -> None:
    issue = correct(cast, closed(cast), "2025-03-10", category=cast.parking)
    assert (issue.status, issue.closed_at) == (Status.CLOSED, at("2025-03-07"))
    assert told(issue) == []


def test_a_case_with_a_unit_moves_within_its_town(cast: Cast) -> None:
    issue = with_the_unit(cast)
    issue = correct(cast, issue, place=cast.longxi_grid_2)

    assert (issue.place, issue.grid_id) == (cast.longxi_grid_2, cast.longxi_grid_2.pk)
    assert (issue.status, issue.lead_unit, issue.handler) == (
        Status.HANDLING,
        cast.changqiao_works,
        cast.wu_yang,
    )
    assert issue.events.latest("seq").data["changes"]["place"] == [
        cast.longxi_grid_1.pk,
        cast.longxi_grid_2.pk,
    ]
    mark = Relocation.objects.get()
    assert (mark.issue, mark.from_place, mark.at) == (issue, cast.longxi_grid_1, at("2025-03-06"))
    assert mark.changed_xid == Issue.objects.get(pk=issue.pk).changed_xid > 0
    assert Issue.objects.visible_to(again(cast.ma_li)).filter(pk=issue.pk).exists()


def test_a_grids_case_that_moves_is_the_other_grids_and_in_nobodys_hands(cast: Cast) -> None:
    issue = cast.step(
        cast.report(by=cast.zhao_min, at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    issue = correct(cast, issue, "2025-03-03", place=cast.longxi_grid_2)
    assert (issue.status, issue.handler) == (Status.GRID_HANDLING, None)
    assert told(issue) == ["ma_li"]
    assert not Issue.objects.visible_to(again(cast.wang_fang)).filter(pk=issue.pk).exists()
    with pytest.raises(Refused):
        cast.step(
            issue,
            Action.SUBMIT_COMPLETION,
            cast.wang_fang,
            at("2025-03-03", "15:00"),
            outcome=Outcome.RESOLVED,
            text="已复位。",
        )


def test_what_the_community_has_in_hand_it_keeps_in_another_of_its_grids(cast: Cast) -> None:
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.zhao_min,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    issue = correct(cast, issue, "2025-03-03", place=cast.longxi_grid_2)
    assert issue.handler == cast.zhao_min


def test_a_dispatcher_moves_a_case_within_the_own_territory_only(cast: Cast) -> None:
    issue = in_town_triage(cast)
    with refused(issue, "只能更正到您的辖区之内", field="place"):
        correct(cast, issue, "2025-03-04", place=cast.jinshan_grid_1)


def test_the_district_moves_a_case_to_the_other_town_unless_a_town_unit_has_it(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with refused(issue, "不能更正到另一个镇街", field="place"):
        correct(cast, issue, by="sun_li", place=cast.jinshan_grid_1)


def test_at_the_table_a_case_moves_to_the_other_towns_table(cast: Cast) -> None:
    issue = cast.step(
        in_town_triage(cast),
        Action.CONSULT,
        cast.chen_jing,
        at("2025-03-04"),
        units=[cast.changqiao_works],
        text="城建办和执法局共同整改。",
    )
    issue = correct(cast, issue, "2025-03-04", by="sun_li", place=cast.jinshan_grid_1)
    assert (issue.town, issue.status, issue.consulted_at) == (cast.mudu, Status.TRIAGE, None)
    assert issue.due_at == at("2025-03-04", "17:30")
    assert told(issue) == ["tang_jie"]
    assert not Issue.objects.visible_to(again(cast.chen_jing)).filter(pk=issue.pk).exists()


def test_what_a_department_has_moves_to_another_town_and_stays_with_it(cast: Cast) -> None:
    issue = correct(
        cast, with_the_departments(cast), "2025-03-06", by="sun_li", place=cast.jinshan_grid_1
    )
    assert (issue.level, issue.town, issue.lead_unit) == (
        Level.DISTRICT,
        cast.mudu,
        cast.housing,
    )
    assert told(issue) == ["gao_feng", "he_jun"]


def test_a_place_without_a_grid_worker_is_the_communitys(cast: Cast) -> None:
    grid = place(PlaceLevel.GRID, "新家一格", "320506001902001", cast.xinjia)
    person("xiao_ling", "肖玲", Role.COMMUNITY_OFFICER, cast.xinjia)
    issue = correct(cast, cast.report(at=at("2025-03-03")), "2025-03-03", place=grid)
    assert told(issue) == ["xiao_ling"]


def test_a_case_that_moves_out_of_its_complex_area_leaves_it(cast: Cast) -> None:
    grid = place(PlaceLevel.GRID, "新家一格", "320506001902001", cast.xinjia)
    issue = cast.report(at=at("2025-03-03"), area=cast.lijiajiao)
    issue = correct(cast, issue, "2025-03-03", place=grid)
    assert issue.area is None
    assert issue.events.latest("seq").data["changes"]["area"] == [cast.lijiajiao.pk, None]


def test_a_case_is_put_into_an_area_only_where_it_lies(cast: Cast) -> None:
    elsewhere = ComplexArea.objects.create(
        code="WZ-002",
        name="金山工业园",
        type=AreaType.URBAN_VILLAGE,
        lead_community=cast.jinshan,
        registered_on="2024-01-01",
    )
    elsewhere.communities.add(cast.jinshan)
    issue = in_town_triage(cast)
    with refused(issue, "复杂区域不在问题所在的村（社区）", field="area"):
        correct(cast, issue, "2025-03-04", area=elsewhere)
    issue = correct(cast, issue, "2025-03-04", area=cast.lijiajiao)
    assert issue.area == cast.lijiajiao


# --- who is asked to verify ---


def test_a_community_officer_who_handled_it_is_not_asked_to_verify_it(cast: Cast) -> None:
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.zhao_min,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.zhao_min,
        at("2025-03-03", "15:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    assert told(issue) == ["feng_gang", "shen_lan"]  # the town's verifiers instead


def test_who_began_it_is_not_asked_to_verify_what_another_finished(cast: Cast) -> None:
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.FIRST_HANDLE,
        cast.zhao_min,
        at("2025-03-03", "11:00"),
        text="马上处理。",
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wang_fang,
        at("2025-03-03", "15:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    assert told(issue) == ["feng_gang", "shen_lan"]


def test_a_verifier_who_serves_in_the_unit_is_not_asked(cast: Cast) -> None:
    """Where the grid and the community have nobody, the town's verifiers are asked: 冯刚 is one."""
    issue = with_the_unit(cast)
    for other in (cast.wang_fang, cast.zhao_min):
        other.postings.update(ends_on="2025-03-05")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-06"),
        outcome=Outcome.RESOLVED,
        text="已更换。",
    )
    assert told(issue) == ["shen_lan"]
