"""What the rows of the transition table ask before a step is taken, and where it leads.

Conditions, guards and choosers, each with its meaning as the table shows it. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from issues.choices import (
    ApprovalKind,
    Contact,
    Level,
    Outcome,
    Source,
    Status,
    SuspensionKind,
)
from issues.roles import LEADER_ROLES, ROLES_OF
from issues.states import GRID_HANDLING, Chooser, Condition, Facts, Guard, State
from people.choices import Role

REVISIT_ATTEMPTS = 3  # so many failed attempts close the case as not reached
MAX_EXTENSIONS = 2  # a round
REOPENING_DAYS = 15  # after closing, on the word of who complained; natural days

Data = Mapping[str, Any]

# --- conditions: the way ---


@partial(Condition, "已有会诊记录")
def consulted_before_escalation(facts: Facts) -> str | None:
    return None if facts.consulted else "提级联诊前须先记录镇街会诊意见。"


@partial(Condition, "须回复的协办单位都已回复")
def co_units_have_replied(facts: Facts) -> str | None:
    if facts.required_replies_missing:
        return f"还有 {facts.required_replies_missing} 个协办单位未回复，不能申请办结。"
    return None


@partial(Condition, "没有参与办理，不在承办单位任职；网格办理的，不由网格员核查")
def verifier_is_independent(facts: Facts) -> str | None:
    if facts.actor_took_part or facts.actor_is_in_units:
        return "参与过办理或在承办单位任职的人员，不能核查本件。"
    if facts.state.level == Level.GRID and facts.actor_role == Role.GRID_WORKER:
        return "网格办理的问题，由村社干部或核查员核查。"
    return None


# Somebody above may act when nobody else has in time: so an absence holds up no case.


@partial(Condition, "镇街派单员仅在本环节超过时限后代为提级")
def dispatcher_steps_in_when_late(facts: Facts) -> str | None:
    if facts.actor_role == Role.TOWN_DISPATCHER and not facts.is_overdue:
        return "首诊、速办超过时限后，方可由镇街派单员代为提级。"
    return None


@partial(Condition, "区级以下的问题，区级分管领导仅在本环节超过时限后代为决定")
def district_leader_steps_in_when_late(facts: Facts) -> str | None:
    below = facts.state.level != Level.DISTRICT
    if facts.actor_role == Role.DISTRICT_LEADER and below and not facts.is_overdue:
        return "超过时限后，方可由区级分管领导代为决定。"
    return None


# --- conditions: returns and rulings ---


@partial(Condition, "在签收期限内")
def return_is_in_time(facts: Facts) -> str | None:
    return "已过签收期限，不能再退回。" if facts.acknowledgement_is_late else None


@partial(Condition, "本单位没有退回过")
def unit_returns_once(facts: Facts) -> str | None:
    return "本单位已退回过一次，不能再次退回。" if facts.unit_has_returned else None


@partial(Condition, "不是经裁定或议定交办")
def order_is_not_binding(facts: Facts) -> str | None:
    return "本件经裁定或议定交办，不能退回或转办。" if facts.order_is_binding else None


@partial(Condition, "不是经裁定或议定交办，或主办单位已无人办理")
def order_may_be_moved(facts: Facts) -> str | None:
    return order_is_not_binding(facts) if facts.lead_can_work else None


@partial(Condition, "第一次退回，且未超过裁定时限")
def dispute_is_the_dispatchers(facts: Facts) -> str | None:
    if facts.returns > 1:
        return "本件已是第二次退回，须由分管领导裁定。"
    if facts.is_overdue:
        return "退回争议已超过裁定时限，须由分管领导裁定。"
    return None


@partial(Condition, "再次退回，或已超过裁定时限")
def dispute_is_the_leaders(facts: Facts) -> str | None:
    if dispute_is_the_dispatchers(facts) is None:
        return "第一次退回先由派单员处理；再次退回或超过裁定时限的，由分管领导裁定。"
    return None


# --- conditions: what is asked and decided ---


@cache
def nothing_pending(kind: ApprovalKind) -> Condition:
    def check(facts: Facts) -> str | None:
        return f"已有{kind.label}申请等待审批。" if kind in facts.pending else None

    return Condition(f"没有待审批的{kind.label}申请", check)


@cache
def pending_for_the_actor(kind: ApprovalKind) -> Condition:
    """There is something to decide, and it is this role's to decide it."""

    def check(facts: Facts) -> str | None:
        decider = facts.pending.get(kind)
        if decider is None:
            return f"没有等待审批的{kind.label}申请。"
        if facts.actor_role is not None and facts.actor_role not in ROLES_OF[decider]:
            return f"这次{kind.label}申请由{decider.label}审批。"
        return None

    return Condition(f"有{kind.label}申请等本岗位审批", check)


@partial(Condition, f"办理时限未过，本轮延期不足 {MAX_EXTENSIONS} 次")
def extension_is_possible(facts: Facts) -> str | None:
    if facts.is_overdue:
        return "办理时限已过，不能再申请延期。"
    if facts.extensions >= MAX_EXTENSIONS:
        return f"最多延期 {MAX_EXTENSIONS} 次。"
    return None


@partial(Condition, "不是提请人本人")
def another_person_decides(facts: Facts) -> str | None:
    if ApprovalKind.VOID in facts.actor_asked:
        return "须由另一人复核。"
    return None


@partial(Condition, "没有申请二次审核的，由回访员办理；已申请的，由分管领导办理")
def review_is_the_leaders(facts: Facts) -> str | None:
    is_leader = facts.actor_role in LEADER_ROLES
    if ApprovalKind.REVIEW in facts.pending:
        return None if is_leader else "已申请二次审核，等待审核结果。"
    return "没有等待审批的二次审核申请。" if is_leader else None


@partial(Condition, "因待联席会议议定而挂起")
def suspended_for_a_meeting(facts: Facts) -> str | None:
    if facts.suspension != SuspensionKind.MEETING:
        return "本件不是因待联席会议议定而挂起。"
    return None


# --- conditions: again ---


@partial(Condition, "没有转为攻坚项目")
def was_handled_here(facts: Facts) -> str | None:
    if facts.outcome == Outcome.TO_PROJECT:
        return "本件已转为攻坚项目，请在项目中跟进。"
    return None


@partial(Condition, f"回访员须在结案后 {REOPENING_DAYS} 天内提出")
def reopened_in_time(facts: Facts) -> str | None:
    late = facts.days_since_closing > REOPENING_DAYS
    if late and facts.actor_role == Role.REVISITOR:
        return f"结案已超过 {REOPENING_DAYS} 天，请重新登记。"
    return None


# --- conditions: beside the way ---


@partial(Condition, "诉求人留有联系方式")
def there_is_somebody_to_contact(facts: Facts) -> str | None:
    return None if facts.is_contactable else "没有留下联系方式。"


@partial(Condition, "当天没有催办过")
def not_urged_today(facts: Facts) -> str | None:
    return "今天已经催办过。" if facts.was_urged_today else None


@partial(Condition, "有未反馈的督办单")
def an_order_is_unanswered(facts: Facts) -> str | None:
    return None if facts.unanswered_orders else "没有待反馈的督办单。"


@partial(Condition, "有已反馈、未销号的督办单")
def an_order_is_answered(facts: Facts) -> str | None:
    return None if facts.answered_orders else "没有已反馈、待销号的督办单。"


@partial(Condition, "有未反馈的领导批示")
def an_instruction_is_unanswered(facts: Facts) -> str | None:
    return None if facts.unanswered_instructions else "没有待反馈的领导批示。"


@partial(Condition, "没有未销号的督办单、未反馈的批示")
def nobody_watches_over_it(facts: Facts) -> str | None:
    """Else a merge would be a way to be rid of an order."""
    if facts.unanswered_orders or facts.answered_orders or facts.unanswered_instructions:
        return "本件有未销号的督办单或未反馈的批示，不能并入别的问题，可以作为主件。"
    return None


# --- guards ---


@partial(Guard, "填写处理情况，或上传处理后的照片")
def words_or_photo(facts: Facts, data: Data) -> str | None:
    if data.get("text") or data.get("photos"):
        return None
    return "请填写处理情况，或上传处理后的照片。"


@partial(Guard, "涉及两个以上单位的，已有会诊记录")
def consulted_when_several_units(facts: Facts, data: Data) -> str | None:
    if data.get("co_units") and not facts.consulted:
        return "涉及两个以上单位时，须先记录会诊意见再交办。"
    return None


# --- choosers ---


@partial(Chooser, "类别要求核查的，待核查；否则结案")
def after_resolution_on_the_spot(facts: Facts, data: Data) -> State:
    status = Status.VERIFY if facts.needs_verification else Status.CLOSED
    return State(facts.state.level, status)


@partial(Chooser, "有人反映、能够联系的，待回访；巡查发现或无法联系的，结案")
def after_passed_verification(facts: Facts, data: Data) -> State:
    called = facts.is_contactable and facts.source != Source.PATROL
    return State(facts.state.level, Status.REVISIT if called else Status.CLOSED)


@partial(Chooser, f"联系上的，结案；{REVISIT_ATTEMPTS} 次未联系上，也结案")
def after_revisit(facts: Facts, data: Data) -> State:
    reached = data.get("contact") == Contact.REACHED
    done = reached or facts.revisit_attempts + 1 >= REVISIT_ATTEMPTS
    return State(facts.state.level, Status.CLOSED if done else Status.REVISIT)


@partial(Chooser, "已有主办单位的，继续办理；还没有的，回到研判")
def after_suspension(facts: Facts, data: Data) -> State:
    status = Status.HANDLING if facts.has_lead else Status.TRIAGE
    return State(facts.state.level, status)


@partial(Chooser, "第一次回到原来办理的网格或单位，单位已无人办理的重新研判；再次重开上提一级")
def after_reopening(facts: Facts, data: Data) -> State:
    level = facts.state.level
    if facts.round > 1:
        return State(Level.TOWN if level == Level.GRID else Level.DISTRICT, Status.TRIAGE)
    if level == Level.GRID:
        return GRID_HANDLING
    return State(level, Status.HANDLING if facts.lead_can_work else Status.TRIAGE)


@partial(Chooser, "回到并案前的环节；已交办单位的，重新研判")
def before_the_merge(facts: Facts, data: Data) -> State:
    """What a unit had is dispatched anew, since the unit left with the merge."""
    before = facts.before_merge or facts.state
    if before.level != Level.GRID:
        return State(before.level, Status.TRIAGE)
    return before
