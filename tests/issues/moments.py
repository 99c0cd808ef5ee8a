"""Cases brought to a state by the real actions, in the working week from Monday 3 March 2025."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from issues.choices import Action, Outcome
from issues.models import Issue
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
