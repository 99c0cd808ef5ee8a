"""One case through everything that can happen to it, in Chromium, each at their own desk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from core.workdays import calendar
from issues.choices import Level, Status
from issues.models import Issue
from people.choices import Role
from tests.at_desk import address, at_desk, begin, complete, finish
from tests.browser import fits_a_phone
from tests.cast import Cast, assemble, person
from tests.processes import Platform
from tests.visitors import act, hang_up, ok, sign_in


@pytest.fixture(scope="module")
def people(platform: Platform) -> Cast:
    cast = assemble()
    cast.people["jiang_yan"] = person("jiang_yan", "姜岩", Role.UNIT_HEAD, cast.changqiao_patrol)
    return cast


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    yield
    hang_up()


def reported(platform: Platform, people: Cast) -> Issue:
    """A resident's complaint, sent up to the town by the grid worker."""
    phone = sign_in(platform, "wang_fang")
    report = {
        "client_id": str(uuid.uuid4()),
        "place": people.longxi_grid_1.pk,
        "category": people.sewage.pk,
        "source": "resident",
        "text": "李家角北侧污水管堵塞，污水漫过路面。",
        "contact_name": "赵某",
        "contact_phone": "12012345678",
    }
    issue = Issue.objects.get(pk=ok(phone.post("/issues", json=report))["id"])
    act(platform, issue, "wang_fang", "escalate_town", reason="beyond_power", text="已围挡。")
    return issue


def now(issue: Issue) -> Issue:
    return Issue.objects.get(pk=issue.pk)


def working_day(after: date, days: int) -> str:
    return calendar().add_working_days(after, days).isoformat()


def test_a_case_goes_through_everything_and_comes_out_one_level_up(
    platform: Platform, people: Cast, page: Page, page_problems: list[str]
) -> None:
    issue = reported(platform, people)
    case = address(platform, issue)

    def dispatch(unit: str) -> None:
        step = begin(page, "交办")
        step.get_by_label("主办单位").select_option(unit)
        step.get_by_label("办理要求").fill("七个工作日内疏通。")
        finish(page, step, "交办")

    def send_back(words: str) -> None:
        step = begin(page, "退回")
        step.get_by_label("不属于本单位职责").check()
        step.get_by_label("退回依据").fill(words)
        finish(page, step, "退回")

    # --- sent back once, sent back again, and ruled ---
    with at_desk(page, platform, "chen_jing"):
        page.goto(case)
        dispatch("长桥街道城建办")
    with at_desk(page, platform, "zheng_hua"):
        page.goto(case)
        send_back("职责清单第 3 条：管网由执法局牵头。")
    with at_desk(page, platform, "chen_jing"):
        page.goto(case)
        expect(page.get_by_role("list", name="须注意")).to_contain_text("退回申请，待派单员审批")
        step = begin(page, "同意退回")
        step.get_by_label("意见").fill("同意，改派。")
        finish(page, step, "同意退回")
        dispatch("长桥街道执法局")
    with at_desk(page, platform, "jiang_yan"):
        page.goto(case)
        send_back("执法局没有疏通队伍。")
    with at_desk(page, platform, "zhou_wei"):
        page.goto(case)
        step = begin(page, "裁定")
        step.get_by_label("主办单位").select_option("长桥街道城建办")
        step.get_by_label("裁定意见").fill("管网疏通由城建办主办。")
        finish(page, step, "裁定")
    assert now(issue).lead_unit == people.changqiao_works

    # --- extended ---
    due_day = timezone.localdate(now(issue).due_at)
    with at_desk(page, platform, "zheng_hua"):
        page.goto(case)
        expect(page.get_by_role("region", name="现在可以办理")).not_to_contain_text("退回")
        step = begin(page, "延期申请")
        step.get_by_label("延期至").fill(working_day(due_day, 30))
        step.get_by_label("延期理由和后续计划").fill("等待管件，下周三到货。")
        step.get_by_role("button", name="延期申请").click()
        expect(page.get_by_text("最多延期 10 个工作日").first).to_be_visible()
        assert page_problems == [f"422 POST {case}request_extension/"]
        page_problems.clear()
        step.get_by_label("延期至").fill(working_day(due_day, 5))
        finish(page, step, "延期申请")
    with at_desk(page, platform, "chen_jing"):
        page.goto(case)
        step = begin(page, "批准延期")
        step.get_by_label("意见").fill("同意。")
        finish(page, step, "批准延期")
    extended = calendar().add_working_days(due_day, 5)
    assert timezone.localdate(now(issue).due_at) == extended

    # --- suspended, and taken up again ---
    review = (timezone.localdate() + timedelta(days=30)).isoformat()
    with at_desk(page, platform, "zheng_hua"):
        page.goto(case)
        step = begin(page, "挂起申请")
        step.get_by_label("工程施工").check()
        step.get_by_label("复核日期").fill(review)
        step.get_by_label("挂起理由和临时措施").fill("主管改造期间抽排。")
        finish(page, step, "挂起申请")
    with at_desk(page, platform, "zhou_wei"):
        page.goto(case)
        step = begin(page, "批准挂起")
        step.get_by_label("意见").fill("同意，注意抽排。")
        finish(page, step, "批准挂起")
        expect(page.get_by_role("list", name="须注意")).to_contain_text("挂起：工程施工")
        assert now(issue).status == Status.SUSPENDED
        step = begin(page, "恢复办理")
        step.get_by_label("意见").fill("主管已通。")
        finish(page, step, "恢复办理")
    # Suspended and resumed within one day: nothing has moved.
    assert timezone.localdate(now(issue).due_at) == extended

    # --- not good enough, and under supervision ---
    with at_desk(page, platform, "wu_yang"):
        page.goto(case)
        complete(page, "已疏通。")
    with at_desk(page, platform, "shen_lan"):
        page.goto(case)
        step = begin(page, "核查不通过")
        step.get_by_label("部分未完成").check()
        step.get_by_label("核查意见").fill("路面仍有积水。")
        finish(page, step, "核查不通过")
    with at_desk(page, platform, "xu_ning"):
        page.goto(case)
        step = begin(page, "督办")
        step.get_by_label("重点督办").check()
        step.get_by_label("督办要求").fill("两日内排清积水。")
        finish(page, step, "督办")
    with at_desk(page, platform, "zheng_hua"):
        page.goto(case)
        expect(page.get_by_role("list", name="须注意")).to_contain_text("重点督办 督〔")
        step = begin(page, "督办反馈")
        step.get_by_label("反馈内容").fill("今日排清。")
        finish(page, step, "督办反馈")
        complete(page, "积水已排清。")
    assert now(issue).rework_count == 1

    # --- not satisfied ---
    act(platform, issue, "shen_lan", "pass_verification", text="现场属实。")
    with at_desk(page, platform, "han_mei"):
        page.goto(case)
        step = begin(page, "不满意重办")
        step.get_by_label("质量不合格").check()
        step.get_by_role("group", name="满意度（1–5）").get_by_label("2").check()
        step.get_by_label("诉求人意见").fill("雨后又堵。")
        finish(page, step, "不满意重办")
    act(platform, issue, "wu_yang", "submit_completion", outcome="resolved", text="已换管。")
    act(platform, issue, "shen_lan", "pass_verification", text="属实。")
    act(
        platform,
        issue,
        "han_mei",
        "record_revisit",
        contact="reached",
        is_solved=True,
        satisfaction=4,
    )
    assert now(issue).status == Status.CLOSED
    assert now(issue).supervisions.get().is_automatic_end

    # --- it comes back: first to the same unit, then one level up ---
    for expected in ((Level.TOWN, Status.HANDLING), (Level.DISTRICT, Status.TRIAGE)):
        with at_desk(page, platform, "xu_ning"):
            page.goto(case)
            step = begin(page, "重开")
            step.get_by_label("问题回潮").check()
            step.get_by_label("情况说明").fill("现场又有积水。")
            finish(page, step, "重开")
        assert (now(issue).level, now(issue).status) == expected
        if expected[0] == Level.TOWN:
            act(platform, issue, "wu_yang", "submit_completion", outcome="resolved", text="疏通。")
            act(platform, issue, "shen_lan", "pass_verification", text="属实。")
            act(platform, issue, "han_mei", "record_revisit", contact="reached", is_solved=True)

    with at_desk(page, platform, "sun_li"):
        page.goto(case)
        fits_a_phone(page)
        expect(page.locator(".timeline-head strong")).to_have_text(
            [
                *("登记上报", "提级会诊", "交办", "退回", "同意退回", "交办", "退回", "裁定"),
                *("延期申请", "批准延期", "挂起申请", "批准挂起", "恢复办理", "办结申请"),
                *("核查不通过", "督办", "督办反馈", "办结申请", "核查通过", "不满意重办"),
                *("办结申请", "核查通过", "回访", "重开"),
                *("办结申请", "核查通过", "回访", "重开", "现在：待联诊"),
            ]
        )
