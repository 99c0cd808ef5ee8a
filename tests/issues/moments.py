"""Cases brought to a state by the real actions, in the working week from Monday 3 March 2025."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import Refused
from core.models import Message
from issues import chain
from issues.choices import (
    Action,
    ClockKind,
    Grade,
    Outcome,
    Respondent,
    Source,
    SuspensionKind,
    Urgency,
    VoidReason,
)
from issues.models import Clock, Issue
from tests.cast import Cast

SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(day: str, time: str = "10:00") -> datetime:
    """An instant on the clocks of Suzhou."""
    return datetime.fromisoformat(f"{day} {time}").replace(tzinfo=SHANGHAI)


def in_town_triage(cast: Cast) -> Issue:
    issue = cast.report(at=at("2025-03-03"))
    return cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="beyond_power",
        text="已现场围挡，需更换井盖。",
    )


def assigned(cast: Cast) -> Issue:
    """To 长桥城建办, on Monday at 14:00: to be acknowledged by Tuesday evening."""
    return cast.step(
        in_town_triage(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "14:00"),
        lead_unit=cast.changqiao_works,
        text="更换井盖。",
    )


def with_the_unit(cast: Cast) -> Issue:
    """Handled by 长桥城建办 and acknowledged by 吴洋; due on Wednesday the 12th."""
    return cast.step(assigned(cast), Action.ACKNOWLEDGE, cast.wu_yang, at("2025-03-04"))


def submitted(cast: Cast) -> Issue:
    return cast.step(
        with_the_unit(cast),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-06"),
        outcome=Outcome.RESOLVED,
        text="井盖已更换。",
    )


def in_district_triage(cast: Cast) -> Issue:
    issue = cast.step(
        in_town_triage(cast),
        Action.CONSULT,
        cast.chen_jing,
        at("2025-03-04"),
        units=[cast.changqiao_works],
        text="需区级统筹。",
    )
    return cast.step(
        issue,
        Action.ESCALATE_DISTRICT,
        cast.zhou_wei,
        at("2025-03-04", "15:00"),
        reason="several_units",
        text="提请区级联诊。",
    )


def with_two_departments(cast: Cast) -> Issue:
    """Assigned by the district to 住建局, with 水务局 as co-unit, on Wednesday the 5th."""
    issue = cast.step(
        in_district_triage(cast),
        Action.CONSULT,
        cast.sun_li,
        at("2025-03-05", "09:30"),
        units=[cast.housing, cast.water],
        text="住建局主办，水务局协办。",
    )
    return cast.step(
        issue,
        Action.ASSIGN,
        cast.sun_li,
        at("2025-03-05", "10:00"),
        lead_unit=cast.housing,
        co_units=[{"unit": cast.water, "task": "疏通管网", "reply_required": True}],
        text="限期整改。",
    )


def with_the_departments(cast: Cast) -> Issue:
    """As above, acknowledged by 何军: due on Wednesday the 26th, as is 水务局's part."""
    return cast.step(
        with_two_departments(cast), Action.ACKNOWLEDGE, cast.he_jun, at("2025-03-05", "16:00")
    )


# --- side paths ---


def urgent(cast: Cast) -> Issue:
    """Urgent safety, to 长桥城建办 on Monday at 11:30: 24 hours, to be acknowledged in two."""
    issue = cast.report(at=at("2025-03-03"), urgency=Urgency.SAFETY)
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="beyond_power",
        text="井盖缺失，已围挡。",
    )
    return cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "11:30"),
        lead_unit=cast.changqiao_works,
        text="立即处置。",
    )


def with_return_requested(cast: Cast) -> Issue:
    """郑华 returns it on Monday at 15:00; 陈静 has until Tuesday evening to decide."""
    return cast.step(
        assigned(cast),
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-03-03", "15:00"),
        reason="not_our_duty",
        suggested_unit=cast.changqiao_patrol,
        text="依据职责清单第 3 条。",
    )


def returned(cast: Cast) -> Issue:
    """Taken back from 长桥城建办 on Tuesday at 11:00, to be dispatched by Wednesday evening."""
    return cast.step(
        with_return_requested(cast),
        Action.APPROVE_RETURN,
        cast.chen_jing,
        at("2025-03-04", "11:00"),
        text="同意。",
    )


def with_extension_requested(cast: Cast) -> Issue:
    """郑华 asks on Thursday the 6th for Friday the 14th instead of Wednesday the 12th."""
    return cast.step(
        with_the_unit(cast),
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-06"),
        until=date(2025, 3, 14),
        text="等待配件，到货后两天内完成。",
    )


def with_suspension_requested(cast: Cast) -> Issue:
    """郑华 asks on Thursday the 6th, to be reviewed on Monday 7 April."""
    return cast.step(
        with_the_unit(cast),
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-06"),
        kind=SuspensionKind.ENGINEERING,
        until=date(2025, 4, 7),
        text="管网改造施工中，已设围挡。",
    )


def suspended(cast: Cast) -> Issue:
    """Granted by 周伟 on Friday the 7th at 10:00."""
    return cast.step(
        with_suspension_requested(cast),
        Action.SUSPEND,
        cast.zhou_wei,
        at("2025-03-07"),
        text="同意。",
    )


def waiting_for_the_meeting(cast: Cast) -> Issue:
    """Proposed by 孙丽 on Wednesday the 5th at 10:00, to be reviewed on Thursday 24 April."""
    return cast.step(
        in_district_triage(cast),
        Action.TO_MEETING,
        cast.sun_li,
        at("2025-03-05"),
        until=date(2025, 4, 24),
        text="提请联席会议议定。",
    )


def with_void_proposed(cast: Cast) -> Issue:
    """赵敏 proposes on Monday at 11:00 to void what 王芳 reported at 10:00."""
    return cast.step(
        cast.report(at=at("2025-03-03")),
        Action.VOID,
        cast.zhao_min,
        at("2025-03-03", "11:00"),
        reason=VoidReason.TEST,
        text="演练时误报。",
    )


def closed(cast: Cast) -> Issue:
    """Handled by 长桥城建办, found in order by 沈兰 and closed on Friday the 7th at 10:00."""
    return cast.step(submitted(cast), Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-07"))


def closed_by_the_grid(cast: Cast) -> Issue:
    """Resolved by 王芳 on the spot, closed by 赵敏 on Tuesday the 4th."""
    issue = cast.step(
        cast.report(at=at("2025-03-03")),
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.RESOLVED,
        text="已复位。",
    )
    return cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))


def closed_in_the_district(cast: Cast) -> Issue:
    """Handled by 住建局 with 水务局, closed on Friday the 14th at 10:00."""
    issue = cast.step(
        with_the_departments(cast),
        Action.CO_REPLY,
        cast.gao_feng,
        at("2025-03-12"),
        text="已疏通。",
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.he_jun,
        at("2025-03-13"),
        outcome=Outcome.RESOLVED,
        text="路面已修复。",
    )
    return cast.step(issue, Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-14"))


def in_revisit(cast: Cast) -> Issue:
    """What a resident complained of, resolved by 王芳; 韩梅 is to call from Tuesday the 4th on."""
    issue = cast.step(
        complained(cast),
        Action.RESOLVE_ON_SPOT,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        outcome=Outcome.EXPLAINED,
        text="已解释。",
    )
    return cast.step(issue, Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-04"))


def complained(cast: Cast) -> Issue:
    """Registered by 王芳 on Monday at 10:00 for a resident who can be called."""
    return cast.report(
        at=at("2025-03-03"),
        source=Source.RESIDENT,
        contact_name="赵某",
        contact_phone="12012345678",
    )


def merged(cast: Cast) -> tuple[Issue, Issue]:
    """A duplicate and its master: what 马丽 reported on Saturday the 1st, merged by 陈静 on Tuesday
    into the case that 王芳 brought before the town.
    """
    duplicate = cast.report(by=cast.ma_li, at=at("2025-03-01"), place=cast.longxi_grid_2)
    master = in_town_triage(cast)
    duplicate = cast.step(duplicate, Action.MERGE, cast.chen_jing, at("2025-03-04"), master=master)
    master.refresh_from_db()
    return duplicate, master


def ordered(cast: Cast) -> Issue:
    """With the unit, and 许宁 has sent an order on Thursday the 6th: an answer in three days."""
    return cast.step(
        with_the_unit(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-06"),
        grade=Grade.KEY,
        text="请说明进度。",
    )


def instructed(cast: Cast) -> Issue:
    """With the unit, and 周伟 wrote on it on Thursday the 6th: an answer by Monday the 10th."""
    return cast.step(
        with_the_unit(cast),
        Action.INSTRUCT,
        cast.zhou_wei,
        at("2025-03-06"),
        leader_name="周伟",
        until=date(2025, 3, 10),
        respondent=Respondent.LEAD_UNIT,
        text="请抓紧办理。",
    )


# --- what became of it ---


def told(issue: Issue, seq: int | None = None) -> list[str]:
    """The accounts that heard of a step, by default of the last one; once for each message."""
    seq = seq or issue.event_count
    messages = Message.objects.filter(key__startswith=f"issue:{issue.pk}:{seq}:")
    return sorted(messages.values_list("recipient__username", flat=True))


def own_clock(issue: Issue) -> Clock:
    """The last step clock of the case."""
    return issue.clocks.filter(kind=ClockKind.STEP).latest("id")


def overall_clock(issue: Issue) -> Clock:
    return issue.clocks.filter(kind=ClockKind.OVERALL).latest("id")


def co_clock(issue: Issue) -> Clock:
    return issue.clocks.filter(kind=ClockKind.CO_UNIT).latest("id")


def as_it_stands(issue: Issue) -> dict[str, Any]:
    """Everything that a refused step must leave alone."""
    return {
        "issue": Issue.objects.filter(pk=issue.pk).values().get(),
        **{
            name: list(getattr(issue, name).order_by("pk").values())
            for name in (
                "events",
                "clocks",
                "assignments",
                "approvals",
                "rulings",
                "supervisions",
                "instructions",
                "relocations",
                "duplicates",
            )
        },
        "messages": Message.objects.count(),
    }


@contextmanager
def refused(issue: Issue, match: str, field: str = "") -> Iterator[None]:
    """What happens inside is refused with these words, at this field, and changes nothing."""
    before = as_it_stands(issue)
    with pytest.raises(Refused, match=match) as refusal:
        yield
    assert list(refusal.value.fields) == ([field] if field else [])
    assert as_it_stands(issue) == before


def is_whole(issue: Issue) -> bool:
    """Whether the history is one unbroken chain, as long as the case says."""
    return not list(chain.verify_cases(chain.Tally(), issue=issue))
