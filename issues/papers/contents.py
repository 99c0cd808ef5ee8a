"""What a paper says of a case: the value of each tag of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from io import BytesIO
from typing import Any

from django.utils import timezone
from PIL import Image

from core.models import Attachment
from core.privacy import mask_name, mask_phone
from issues import story
from issues.case import Case
from issues.choices import (
    Action,
    ApprovalKind,
    ClockKind,
    Decider,
    Decision,
    Level,
    PaperKind,
    PhotoStage,
    ReturnReason,
    RulingKind,
    Status,
    Step,
    SupervisionCause,
    Visibility,
)
from issues.models import Approval, IssueEvent, Ruling
from issues.papers.reading import PLATFORM, Reading, day, moment, short
from issues.papers.tags import Picture
from people.models import Organisation

PICTURE_SIDE = 1200  # pixels: sharp enough at six centimetres, a tenth of the bytes


# --- 工单 ---


def work_order(reading: Reading, seq: int) -> dict[str, Any]:
    issue = reading.issue
    checked = _last(reading, Action.PASS_VERIFICATION, Action.FAIL_VERIFICATION)
    closing = _closing(reading)
    submitted = _last(reading, Action.SUBMIT_COMPLETION, Action.RESOLVE_ON_SPOT)
    entries = story.history(Case.load(issue), upto=reading.upto, calendar=reading.days)
    is_whole = reading.upto >= issue.event_count
    until = None if is_whole else reading.events[-1].at
    return {
        "诉求人": mask_name(issue.contact_name),
        "诉求人电话": mask_phone(issue.contact_phone),
        "上报人": _reporter(reading),
        "办理结果": issue.get_outcome_display() if is_whole else "",
        "办结时间": moment(submitted.at) if submitted else "",
        "结案时间": moment(closing.at) if closing else "",
        "核查结论": checked.get_action_display() if checked else "",
        "核查意见": reading.words(checked.seq) if checked else "",
        "上报照片": _pictures(entries, PhotoStage.REPORT),
        "办理后照片": _pictures(entries, PhotoStage.AFTER, PhotoStage.VERIFICATION),
        "承办单位": [
            _unit(reading, line, until)
            for line in story.unit_lines(reading.assignments, [], until=until)
        ],
        "办理过程": [
            {
                "序号": str(event.seq),
                "时间": short(event.at),
                "动作": event.get_action_display(),
                "经手": reading.hand(event),
                "情况": _told(reading, event, entry),
            }
            for event, entry in zip(reading.events, entries, strict=True)
        ],
        "时限": [_clock(line, until) for line in _clock_lines(reading, until)],
        "回访": [
            {
                "时间": short(row.at),
                "联系情况": row.get_contact_display(),
                "是否解决": {True: "是", False: "否", None: ""}[row.is_solved],
                "满意度": f"{row.satisfaction} 分" if row.satisfaction else "",
            }
            for row in issue.revisits.filter(seq__lte=reading.upto).order_by("id")
        ],
    }


def _unit(reading: Reading, line: story.UnitLine, until: datetime | None) -> dict[str, str]:
    """One unit; what it did after ``until`` is not told."""
    row = line.assignment
    later = until is not None and any(
        at is not None and at > until for at in (row.acknowledged_at, row.replied_at)
    )
    return {
        "性质": "主办" if row.is_lead else "协办",
        "名称": row.unit.name,
        "任务": reading.masked(row.task),
        "交办时间": short(row.assigned_at),
        "签收时间": "" if later else short(row.acknowledged_at),
        "情况": "" if later else line.standing,
    }


def _last(reading: Reading, *actions: Action) -> IssueEvent | None:
    return next((e for e in reversed(reading.events) if e.action in actions), None)


def _closing(reading: Reading) -> IssueEvent | None:
    """The step that closed the case, if it is closed; others may have followed that left it so."""
    if reading.events[-1].to_status != Status.CLOSED:
        return None
    return next(
        (
            event
            for event in reversed(reading.events)
            if event.to_status == Status.CLOSED and event.from_status != Status.CLOSED
        ),
        None,
    )


def _reporter(reading: Reading) -> str:
    created = reading.events[0]
    return f"{created.posting} {reading.name(created)}" if created.actor else PLATFORM


def _told(reading: Reading, event: IssueEvent, entry: story.Entry) -> str:
    """What was decided and written; what is for insiders alone is left out of a paper."""
    if event.action == Action.CREATE:
        return ""  # the form above the history says it
    if event.data.get("visibility") == Visibility.INTERNAL:
        return f"（{Visibility.INTERNAL.label}）"
    facts = "；".join(f"{name}：{reading.masked(value)}" for name, value in entry.facts)
    return "\n".join(part for part in (facts, reading.words(event.seq)) if part)


def _pictures(entries: list[story.Entry], *stages: PhotoStage) -> list[dict[str, Picture]]:
    photos = [photo for entry in entries for photo in entry.photos if photo.stage in stages]
    small = (_reduced(photo.attachment) for photo in photos)
    return [{"图片": picture} for picture in small if picture]


def _reduced(attachment: Attachment) -> Picture | None:
    """The photo at the size of a paper; None where its file is gone."""
    output = BytesIO()
    try:
        with attachment.file.open("rb") as file, Image.open(file) as image:
            image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
            image.convert("RGB").save(output, "JPEG", quality=80)
    except FileNotFoundError:
        return None
    return Picture(output.getvalue())


def _clock_lines(reading: Reading, until: datetime | None) -> list[story.ClockLine]:
    clocks = list(
        reading.issue.clocks.select_related("assignment__unit")
        .prefetch_related("pauses")
        .order_by("id")
    )
    return story.clock_lines(clocks, calendar=reading.days, now=reading.now, until=until)


def _clock(line: story.ClockLine, until: datetime | None) -> dict[str, str]:
    """One limit; what became of it after ``until`` is not told."""
    clock = line.clock
    ended = clock.ended_at is not None and (until is None or clock.ended_at <= until)
    return {
        "名称": line.name,
        "时限": line.limit,
        "开始": short(clock.started_at),
        "到期": short(clock.due_at),
        "停止": short(clock.ended_at) if ended else "",
        "结论": clock.get_verdict_display() if ended else "进行中",
    }


# --- 督办单 ---


def supervision(reading: Reading, seq: int) -> dict[str, Any]:
    order = reading.issue.supervisions.select_related("clock").get(issued_seq=seq)
    answered, ended = reading.event(order.answered_seq), reading.event(order.struck_off_seq)
    by_hand = order.cause == SupervisionCause.BY_HAND
    return {
        "发文单位": reading.issuer(seq),
        "督办编号": order.number,
        "督办等级": order.get_grade_display(),
        "督办依据": order.get_cause_display()
        if by_hand
        else f"{order.get_cause_display()}，自动督办",
        "督办要求": reading.words(seq),
        "承办单位": reading.addressee(seq),
        **reading.standing(seq),
        "发出时间": moment(order.issued_at),
        "督办人": reading.who(seq),
        "反馈时限": moment(order.clock.due_at),
        "反馈时间": moment(order.answered_at) if answered else "",
        "反馈人": reading.who(answered.seq) if answered else "",
        "反馈内容": reading.words(answered.seq) if answered else "",
        "审核意见": reading.words(ended.seq) if ended and not order.is_automatic_end else "",
        "审核人": reading.who(ended.seq) if ended and not order.is_automatic_end else "",
        "销号时间": moment(order.struck_off_at) if ended else "",
        "销号方式": ("随结案自动销号" if order.is_automatic_end else "人工销号") if ended else "",
    }


# --- 催办通知 ---


def urge(reading: Reading, seq: int) -> dict[str, Any]:
    event = reading.events[seq - 1]
    nth = str(sum(e.action == Action.URGE for e in reading.events[:seq]))
    return {
        "发文单位": reading.issuer(seq),
        "催办次数": nth,
        "催办编号": f"{reading.issue.number} 催办第{nth}次",
        "被催办单位": reading.addressee(seq),
        "催办内容": reading.words(seq),
        "催办时间": moment(event.at),
        "催办日期": day(timezone.localdate(event.at)),
        "催办人": reading.who(seq),
        **reading.standing(seq),
    }


# --- 延期审批表 ---


def extension(reading: Reading, seq: int) -> dict[str, Any]:
    asked = reading.issue.approvals.select_related("unit").get(
        kind=ApprovalKind.EXTENSION, asked_seq=seq
    )
    decided = reading.event(asked.decided_seq)
    # What lapsed was ended by a step that was about something else.
    opinion = decided if asked.decision != Decision.LAPSED else None
    approved = decided is not None and asked.decision == Decision.APPROVED
    old = asked.old_due_at if approved else None
    if old is None and (clock := reading.step_clock(asked.asked_at)):
        old = reading.due_then(clock, asked.asked_at)
    days = (
        reading.days.working_days_between(timezone.localdate(old), asked.until)
        if old and asked.until
        else None
    )
    return {
        "申请编号": f"{reading.issue.number} 延期第{_nth(reading, asked)}次",
        "申请单位": asked.unit.name if asked.unit else "",
        "申请人": reading.who(seq),
        "申请时间": moment(asked.asked_at),
        "申请次数": str(asked.nth),
        "原办理时限": moment(old),
        "申请延期至": day(asked.until) if asked.until else "",
        "延长天数": str(days) if days else "",
        "理由和计划": reading.words(seq),
        "审批岗位": Decider(asked.asked_of).label,
        "审批结果": asked.get_decision_display() if decided else "",
        "审批意见": reading.words(opinion.seq) if opinion else "",
        "审批人": reading.who(opinion.seq) if opinion else "",
        "审批时间": moment(asked.decided_at) if opinion else "",
        "新办理时限": moment(asked.new_due_at) if approved else "",
        "原总时限": moment(asked.old_overall_due_at) if approved else "",
        "新总时限": moment(asked.new_overall_due_at) if approved else "",
    }


def _nth(reading: Reading, asked: Approval) -> int:
    """The how manieth of its kind in the whole case, also over several rounds."""
    return reading.issue.approvals.filter(kind=asked.kind, asked_seq__lte=asked.asked_seq).count()


# --- 退回裁定书 ---


def ruling(reading: Reading, seq: int) -> dict[str, Any]:
    found = reading.issue.rulings.select_related("from_unit", "unit").get(seq=seq)
    asked = reading.issue.approvals.get(kind=ApprovalKind.RETURN, decided_seq=seq)
    request = reading.event(asked.asked_seq)
    suggested = request.data.get("suggested_unit_id") if request else None
    nth = reading.issue.rulings.filter(seq__lte=seq).count()
    parties = [found.from_unit, *([found.unit] if found.unit else [])]
    co_units = [row for row in reading.units(seq)[1] if row.unit_id not in {u.pk for u in parties}]
    return {
        "发文单位": reading.issuer(seq),
        "裁定编号": f"{reading.issue.number} 裁定第{nth}次",
        "裁定结论": found.get_kind_display(),
        "退回单位": found.from_unit.name,
        "退回人": reading.who(asked.asked_seq),
        "退回时间": moment(asked.asked_at),
        "退回次数": str(_nth(reading, asked)),
        "退回原因": ReturnReason(asked.reason).label if asked.reason else "",
        "退回依据": reading.words(asked.asked_seq),
        "建议单位": Organisation.objects.get(pk=suggested).name if suggested else "",
        "裁定意见": reading.words(seq),
        "裁定人": reading.who(seq),
        "裁定时间": moment(found.at),
        "裁定日期": day(timezone.localdate(found.at)),
        "确定的单位": found.unit.name if found.unit else "",
        "办理时限": _limit_given(reading, found),
        "裁定效力": _effect(reading, found),
        "主送单位": "、".join(dict.fromkeys(unit.name for unit in parties)),
        "抄送单位": "、".join([*(row.unit.name for row in co_units), reading.place()]),
    }


def _limit_given(reading: Reading, found: Ruling) -> str:
    """Until when the unit that has to act has time, as it was when the ruling was made."""
    if found.unit is None:
        return ""
    clock = (
        reading.issue.clocks.filter(
            kind=ClockKind.STEP, step=Step.HANDLING, assignment__unit=found.unit
        )
        .filter(started_at__lte=found.at)
        .prefetch_related("pauses")
        .order_by("-started_at", "-id")
        .first()
    )
    return moment(reading.due_then(clock, found.at)) if clock else ""


def _effect(reading: Reading, found: Ruling) -> str:
    """What holds from now on."""
    if found.kind == RulingKind.APPROVE_RETURN:
        return f"同意{found.from_unit.name}退回，由{reading.organ(Level(found.level))}重新交办。"
    if found.kind == RulingKind.REFUSE_RETURN:
        return f"驳回退回，本件仍由{found.from_unit.name}主办，办理时限接续计算。"
    unit = found.unit.name if found.unit else ""
    return (
        f"本件由{unit}主办。本裁定自作出之日起执行，{unit}不得再退回；"
        "同类问题今后交办时以本裁定为参考。"
    )


BUILDERS: Mapping[PaperKind, Callable[[Reading, int], dict[str, Any]]] = {
    PaperKind.WORK_ORDER: work_order,
    PaperKind.SUPERVISION: supervision,
    PaperKind.URGE: urge,
    PaperKind.EXTENSION: extension,
    PaperKind.RULING: ruling,
}


def contents(kind: PaperKind, reading: Reading, seq: int) -> dict[str, Any]:
    """The value of every tag of ``kind``; ``seq`` is the step that the paper is about."""
    return {**reading.common(seq), **BUILDERS[kind](reading, seq)}
