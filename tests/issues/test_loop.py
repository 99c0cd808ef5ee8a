"""The spine of the loop: a case from its report to its end, through every level."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import Message
from issues import actions, chain
from issues.choices import (
    Action,
    ClockKind,
    Contact,
    Level,
    Outcome,
    Source,
    Status,
    Verdict,
)
from issues.models import Clock, Issue, IssueEvent
from tests.cast import Cast, again
from tests.issues.moments import (
    at,
    in_district_triage,
    in_revisit,
    in_town_triage,
    ordered,
    submitted,
    told,
    with_return_requested,
    with_the_unit,
    with_two_departments,
)


def test_a_report_waits_for_the_grids_first_diagnosis(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))

    assert (issue.level, issue.status) == (Level.GRID, Status.PENDING_FIRST)
    assert issue.number.startswith("20250303-")
    assert issue.title == "李家角北侧污水井盖松动，夜间行人易绊倒"
    assert issue.due_at == at("2025-03-04", "17:30")
    assert issue.overall_due_at == at("2025-03-10", "17:30")


def test_a_case_travels_from_the_grid_to_the_district_and_back_to_its_reporter(cast: Cast) -> None:
    issue = cast.report(
        by=cast.zhao_min,
        at=at("2025-03-03"),
        source=Source.RESIDENT,
        contact_name="赵某",
        contact_phone="12012345678",
    )
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="several_units",
        text="涉及管网和道路。",
    )
    issue = cast.step(
        issue,
        Action.CONSULT,
        cast.chen_jing,
        at("2025-03-04", "09:30"),
        units=[cast.changqiao_works],
        text="需区级统筹。",
    )
    issue = cast.step(
        issue,
        Action.ESCALATE_DISTRICT,
        cast.zhou_wei,
        at("2025-03-04", "15:00"),
        reason="several_units",
        text="提请区级联诊。",
    )
    assert (issue.level, issue.status) == (Level.DISTRICT, Status.TRIAGE)
    issue = cast.step(
        issue,
        Action.CONSULT,
        cast.sun_li,
        at("2025-03-05", "09:30"),
        units=[cast.housing, cast.water],
        text="住建局主办，水务局协办。",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.sun_li,
        at("2025-03-05", "10:00"),
        lead_unit=cast.housing,
        co_units=[{"unit": cast.water, "task": "疏通管网", "reply_required": True}],
        text="限期整改。",
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "16:00"))
    with pytest.raises(Refused, match="1 个协办单位未回复"):
        cast.step(
            issue,
            Action.SUBMIT_COMPLETION,
            cast.he_jun,
            at("2025-03-12"),
            outcome=Outcome.RESOLVED,
            text="路面已修复。",
        )
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-12"), text="已疏通。")
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.he_jun,
        at("2025-03-13"),
        outcome=Outcome.RESOLVED,
        text="路面已修复。",
    )
    issue = cast.step(
        issue, Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-14"), text="属实。"
    )
    assert issue.status == Status.REVISIT
    issue = cast.step(
        issue,
        Action.RECORD_REVISIT,
        cast.han_mei,
        at("2025-03-17"),
        contact=Contact.REACHED,
        is_solved=True,
        satisfaction=5,
    )

    assert issue.status == Status.CLOSED
    assert issue.outcome == Outcome.RESOLVED
    assert issue.closed_at == at("2025-03-17")
    verdicts = {
        (clock.level, clock.verdict)
        for clock in Clock.objects.filter(issue=issue, kind=ClockKind.OVERALL)
    }
    assert verdicts == {(level, Verdict.ON_TIME) for level in Level}


def test_each_step_is_one_event_in_an_unbroken_chain(cast: Cast) -> None:
    issue = submitted(cast)
    events = list(IssueEvent.objects.filter(issue=issue).order_by("seq"))

    assert [event.action for event in events] == [
        Action.CREATE,
        Action.ESCALATE_TOWN,
        Action.ASSIGN,
        Action.ACKNOWLEDGE,
        Action.SUBMIT_COMPLETION,
    ]
    assert [event.seq for event in events] == [1, 2, 3, 4, 5]
    previous = ""
    for event in events:
        assert event.prev_hash == previous
        assert event.hash == chain.digest_of_event(event)
        previous = event.hash
    assert (issue.event_count, issue.head_hash) == (5, previous)


def test_an_event_holds_no_free_text_only_its_salted_hash(cast: Cast) -> None:
    event = IssueEvent.objects.select_related("text").get(issue=submitted(cast), seq=5)

    assert "井盖" not in str(event.data)
    assert event.text is not None
    assert event.text_sha256 == chain.digest_of_text(event.text.salt, "井盖已更换。")


def test_the_units_clock_runs_from_assignment_not_from_acknowledgement(cast: Cast) -> None:
    issue = with_the_unit(cast)

    assert issue.due_at == at("2025-03-12", "17:30")  # 7 working days after 3 March
    assert Clock.objects.get(issue=issue, kind=ClockKind.STEP, ended_at=None).started_at == at(
        "2025-03-03", "14:00"
    )


def test_a_failed_verification_annuls_the_stop_of_the_overall_clock(cast: Cast) -> None:
    issue = submitted(cast)
    overall = Clock.objects.get(issue=issue, kind=ClockKind.OVERALL, level=Level.TOWN)
    due_before = overall.due_at
    assert overall.verdict == Verdict.ON_TIME

    issue = cast.step(
        issue,
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2025-03-10"),
        reason="poor_quality",
        text="井盖仍有异响。",
    )

    overall.refresh_from_db()
    assert (issue.status, issue.rework_count, issue.outcome) == (Status.HANDLING, 1, "")
    assert overall.ended_at is None
    assert overall.due_at > due_before
    pause = overall.pauses.get()
    assert (pause.started_at, pause.ended_at) == (at("2025-03-06"), at("2025-03-10"))
    rework = Clock.objects.get(issue=issue, kind=ClockKind.STEP, ended_at=None)
    assert rework.limit_value == 3  # a third of 7, rounded up


def test_a_case_found_on_patrol_closes_on_verification(cast: Cast) -> None:
    issue = cast.step(submitted(cast), Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-07"))
    assert issue.status == Status.CLOSED


def test_the_reporting_grid_worker_may_verify_what_a_unit_has_done(cast: Cast) -> None:
    issue = cast.step(submitted(cast), Action.PASS_VERIFICATION, cast.wang_fang, at("2025-03-07"))
    assert issue.status == Status.CLOSED


def test_who_also_serves_in_the_lead_unit_may_not_verify(cast: Cast) -> None:
    issue = submitted(cast)
    with pytest.raises(Refused, match="不能核查本件"):
        cast.step(issue, Action.PASS_VERIFICATION, cast.feng_gang, at("2025-03-07"))


def test_what_the_grid_handled_is_not_verified_by_a_grid_worker(cast: Cast) -> None:
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已复位井盖。",
    )
    with pytest.raises(Refused, match="不能核查本件"):
        cast.step(issue, Action.PASS_VERIFICATION, cast.wang_fang, at("2025-03-04"))
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))
    assert issue.status == Status.CLOSED


def test_several_units_are_assigned_only_after_a_consultation(cast: Cast) -> None:
    with pytest.raises(Refused, match="会诊"):
        cast.step(
            in_town_triage(cast),
            Action.ASSIGN,
            cast.chen_jing,
            at("2025-03-04"),
            lead_unit=cast.changqiao_works,
            co_units=[{"unit": cast.changqiao_patrol}],
            text="共同整改。",
        )


def test_a_town_assigns_only_units_of_its_own(cast: Cast) -> None:
    issue = in_town_triage(cast)
    for unit in (cast.mudu_works, cast.housing):
        with pytest.raises(Refused, match="派单范围"):
            cast.step(
                issue,
                Action.ASSIGN,
                cast.chen_jing,
                at("2025-03-04"),
                lead_unit=unit,
                text="请办理。",
            )


def test_a_unit_without_handlers_can_not_lead(cast: Cast) -> None:
    cast.wu_yang.postings.update(ends_on="2025-01-01")
    cast.feng_gang.postings.filter(organisation=cast.changqiao_works).update(ends_on="2025-01-01")
    with pytest.raises(Refused, match="没有在职的承办经办"):
        cast.step(
            in_town_triage(cast),
            Action.ASSIGN,
            cast.chen_jing,
            at("2025-03-04"),
            lead_unit=cast.changqiao_works,
            text="请办理。",
        )


def test_escalation_is_refused_outside_own_grid(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))
    with pytest.raises(NotFoundHere):
        cast.step(issue, Action.ESCALATE_TOWN, cast.li_qiang, reason="money", text="无")
    with pytest.raises(NotAllowed):
        actions.report(by=cast.li_qiang, data=cast.report_data())


def test_a_stale_version_is_refused_and_changes_nothing(cast: Cast) -> None:
    issue = cast.report()
    with pytest.raises(Stale):
        actions.perform(
            issue.pk,
            Action.FIRST_HANDLE,
            by=cast.wang_fang,
            data={"text": "马上处理。"},
            expected_version=issue.version + 1,
        )
    assert Issue.objects.get(pk=issue.pk).version == issue.version


def test_whoever_acts_is_not_told_of_the_own_step(cast: Cast) -> None:
    issue = in_town_triage(cast)
    told = set(
        Message.objects.filter(key__startswith=f"issue:{issue.pk}:2:").values_list(
            "recipient__username", flat=True
        )
    )
    assert told == {"chen_jing", "zhou_wei", "zhao_min"}


def test_three_failed_attempts_close_the_case_as_not_reached(cast: Cast) -> None:
    issue = cast.report(
        by=cast.zhao_min, at=at("2025-03-03"), source=Source.RESIDENT, contact_phone="12012345678"
    )
    issue = cast.step(
        issue,
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))
    due = issue.due_at
    for day in ("2025-03-05", "2025-03-06"):
        issue = cast.step(
            issue, Action.RECORD_REVISIT, cast.han_mei, at(day), contact=Contact.NOT_REACHED
        )
        assert (issue.status, issue.due_at) == (Status.REVISIT, due)
    issue = cast.step(
        issue, Action.RECORD_REVISIT, cast.han_mei, at("2025-03-07"), contact=Contact.NOT_REACHED
    )
    assert issue.status == Status.CLOSED


def test_somebody_with_nothing_to_do_has_no_actions(cast: Cast) -> None:
    issue = with_the_unit(cast)
    assert actions.available(issue, by=again(cast.he_jun)) == {}
    assert set(actions.available(issue, by=again(cast.wu_yang))) == {
        Action.SUBMIT_COMPLETION,
        Action.PROGRESS,
    }


def test_a_co_units_reply_stops_its_own_clock_alone(cast: Cast) -> None:
    issue = with_two_departments(cast)
    issue = cast.step(issue, Action.CO_REPLY, cast.gao_feng, at("2025-03-10"), text="已疏通。")

    co_clock = Clock.objects.get(issue=issue, kind=ClockKind.CO_UNIT)
    assert (co_clock.ended_at, co_clock.verdict) == (at("2025-03-10"), Verdict.ON_TIME)
    assert Clock.objects.get(issue=issue, kind=ClockKind.STEP, ended_at=None).due_at == issue.due_at


def test_a_co_unit_that_need_not_reply_does_not_hold_up_completion(cast: Cast) -> None:
    issue = in_district_triage(cast)
    issue = cast.step(
        issue, Action.CONSULT, cast.sun_li, at("2025-03-05"), units=[cast.water], text="联诊。"
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.sun_li,
        at("2025-03-05", "11:00"),
        lead_unit=cast.housing,
        co_units=[{"unit": cast.water, "task": "知悉", "reply_required": False}],
        text="请办理。",
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-06"))
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.he_jun,
        at("2025-03-07"),
        outcome=Outcome.RESOLVED,
        text="已修复。",
    )
    assert issue.status == Status.VERIFY
    assert Clock.objects.get(issue=issue, kind=ClockKind.CO_UNIT).verdict == Verdict.CANCELLED


def test_sending_down_starts_the_lower_levels_clocks_anew(cast: Cast) -> None:
    issue = cast.step(
        in_town_triage(cast),
        Action.SEND_DOWN,
        cast.chen_jing,
        at("2025-03-04"),
        reason="below_threshold",
        text="网格可以处理。",
    )
    assert (issue.level, issue.status) == (Level.GRID, Status.PENDING_FIRST)
    assert issue.due_at == at("2025-03-05", "17:30")
    assert issue.received_at == at("2025-03-03")
    overall = list(Clock.objects.filter(issue=issue, kind=ClockKind.OVERALL).order_by("id"))
    assert [(clock.level, clock.verdict) for clock in overall] == [
        (Level.GRID, Verdict.ON_TIME),
        (Level.TOWN, Verdict.ON_TIME),
        (Level.GRID, ""),
    ]


def test_an_unsatisfied_answer_sends_the_case_back_to_its_unit(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"), source=Source.RESIDENT, contact_phone="12012345678")
    issue = cast.step(
        issue,
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))
    issue = cast.step(
        issue,
        Action.REDO,
        cast.han_mei,
        at("2025-03-05"),
        reason="poor_quality",
        text="仍有异响。",
        contact=Contact.REACHED,
        is_solved=False,
    )
    assert (issue.status, issue.rework_count, issue.outcome) == (Status.GRID_HANDLING, 1, "")
    revisit = issue.revisits.get()
    assert (revisit.contact, revisit.is_solved) == (Contact.REACHED, False)


# --- who steps in, and who hears ---


def test_the_dispatcher_escalates_what_the_grid_leaves_lying_but_not_before(
    cast: Cast, time_machine
) -> None:
    issue = cast.report(at=at("2025-03-03"))  # due on Tuesday at 17:30
    asked = {"reason": "beyond_power", "text": "网格逾期未处理。"}
    in_time, late = at("2025-03-04", "17:00"), at("2025-03-05", "09:00")

    assert Action.ESCALATE_TOWN not in actions.available(
        issue, by=again(cast.chen_jing), at=in_time
    )
    with pytest.raises(Refused, match="超过时限"):
        cast.step(issue, Action.ESCALATE_TOWN, cast.chen_jing, in_time, **asked)
    for now, waits in ((in_time, False), (late, True)):
        time_machine.move_to(now, tick=False)
        assert Issue.objects.waiting_for(again(cast.chen_jing)).exists() == waits
    issue = cast.step(issue, Action.ESCALATE_TOWN, cast.chen_jing, late, **asked)
    assert (issue.level, issue.status) == (Level.TOWN, Status.TRIAGE)


def test_the_district_rules_on_a_towns_dispute_that_nobody_there_decides(cast: Cast) -> None:
    issue = with_return_requested(cast)
    ruling = {"lead_unit": cast.changqiao_works, "text": "属城建办职责。"}
    assert issue.due_at is not None
    with pytest.raises(Refused, match="超过时限"):
        cast.step(issue, Action.ARBITRATE, cast.qian_jin, issue.due_at - timedelta(1), **ruling)
    issue = cast.step(issue, Action.ARBITRATE, cast.qian_jin, issue.due_at + timedelta(1), **ruling)
    assert issue.status == Status.HANDLING


def test_a_second_review_waits_for_the_towns_leader_and_then_for_the_districts(cast: Cast) -> None:
    issue = cast.step(
        in_revisit(cast),
        Action.REQUEST_REVIEW,
        cast.han_mei,
        at("2025-03-07", "11:00"),
        contact=Contact.REACHED,
        is_solved=False,
        text="诉求超出政策范围。",
    )
    assert issue.due_at is not None
    with pytest.raises(Refused, match="超过时限"):
        cast.step(
            issue, Action.CLOSE_ON_REVIEW, cast.qian_jin, at("2025-03-07", "12:00"), text="属实。"
        )
    issue = cast.step(
        issue, Action.CLOSE_ON_REVIEW, cast.qian_jin, issue.due_at + timedelta(1), text="属实。"
    )
    assert issue.status == Status.CLOSED


def test_a_binding_order_can_be_moved_once_its_unit_has_nobody_left(cast: Cast) -> None:
    issue = with_return_requested(cast)
    assert issue.due_at is not None
    issue = cast.step(
        issue,
        Action.ARBITRATE,
        cast.zhou_wei,
        issue.due_at + timedelta(1),
        lead_unit=cast.changqiao_works,
        text="属城建办职责。",
    )
    order = {"lead_unit": cast.changqiao_patrol, "text": "请接手。"}
    with pytest.raises(Refused, match="经裁定"):
        cast.step(issue, Action.TRANSFER, cast.chen_jing, **order)
    for person in (cast.wu_yang, cast.feng_gang):
        person.postings.filter(organisation=cast.changqiao_works).update(ends_on="2025-03-01")
    issue = cast.step(issue, Action.TRANSFER, cast.chen_jing, **order)
    assert (issue.status, issue.lead_unit) == (Status.ASSIGNED, cast.changqiao_patrol)


def test_what_is_under_supervision_is_not_merged_away(cast: Cast) -> None:
    issue, master = ordered(cast), with_the_unit(cast)
    with pytest.raises(Refused, match="未销号的督办单"):
        cast.step(issue, Action.MERGE, cast.chen_jing, master=master)
    assert cast.step(master, Action.MERGE, cast.chen_jing, master=issue).status == Status.MERGED


def test_what_the_community_officer_did_alone_is_told_to_somebody_who_may_verify_it(
    cast: Cast,
) -> None:
    issue = cast.report(by=cast.wang_fang, at=at("2025-03-03"))
    issue = cast.step(
        issue, Action.FIRST_HANDLE, cast.zhao_min, at("2025-03-03", "11:00"), text="上门。"
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.zhao_min,
        at("2025-03-03", "15:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    assert set(told(issue)) == {"shen_lan", "feng_gang"}


def test_a_passed_verification_tells_the_revisitor_only_if_there_is_somebody_to_call(
    cast: Cast,
) -> None:
    found_on_patrol = cast.step(
        submitted(cast), Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-07")
    )
    assert "han_mei" not in told(found_on_patrol)
    assert "wu_yang" in told(found_on_patrol)
    assert "han_mei" in told(in_revisit(cast))


def test_a_report_from_a_grid_without_a_worker_goes_to_the_community(cast: Cast) -> None:
    cast.wang_fang.postings.update(ends_on="2025-01-01")
    issue = cast.report(by=cast.chen_jing, at=at("2025-03-03"))
    assert told(issue) == ["zhao_min"]
