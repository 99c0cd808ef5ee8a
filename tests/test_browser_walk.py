"""The staff half of the walk, in Chromium; grid workers and the co-unit are on the phone.

Every page that somebody sees on the way is also looked at in the width of a phone. Script errors,
failed requests and refusals fail a test by its fixture.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.models import Message
from issues.choices import Action, Urgency
from issues.models import Issue, IssueEvent
from tests.api.phone import picture
from tests.at_desk import address, at_desk, begin, complete, finish, open_waiting
from tests.browser import fits_a_phone
from tests.cast import PASSWORD, Cast, assemble
from tests.processes import Platform
from tests.visitors import act, eventually, hang_up, ok, sign_in, upload


@pytest.fixture(scope="module")
def people(platform: Platform) -> Cast:
    """The named people and places, on record for the servers too."""
    return assemble()


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    """Close every connection at the end."""
    yield
    hang_up()


def test_staff_take_a_case_from_the_town_to_its_end(
    platform: Platform, people: Cast, page: Page
) -> None:
    issue = report_with_a_photo(platform, people)
    act(platform, issue, "wang_fang", "escalate_town", reason="several_units", text="已围挡。")

    with at_desk(page, platform, "chen_jing"):
        open_waiting(page, issue)
        expect(page.get_by_role("list", name="上报照片").get_by_role("img")).to_be_visible()
        step = begin(page, "会诊")
        step.get_by_label("长桥街道城建办").check()
        step.get_by_label("会诊意见").fill("超出镇街能力，建议区级联诊。")
        finish(page, step, "会诊")

    with at_desk(page, platform, "zhou_wei"):
        open_waiting(page, issue)
        step = begin(page, "提级联诊")
        step.get_by_label("涉及多个部门").check()
        step.get_by_label("提请事项").fill("提请住建、水务联合处置。")
        finish(page, step, "提级联诊")

    with at_desk(page, platform, "sun_li"):
        open_waiting(page, issue)
        step = begin(page, "会诊")
        step.get_by_label("吴中区住建局").check()
        step.get_by_label("吴中区水务局").check()
        step.get_by_label("会诊意见").fill("住建局主办，水务局协办。")
        finish(page, step, "会诊")

        step = begin(page, "交办")
        step.get_by_label("主办单位").select_option("吴中区住建局")
        co_unit = step.get_by_role("group").filter(has=page.get_by_text("协办单位 1"))
        co_unit.last.locator("summary").click()
        co_unit.last.get_by_label("协办单位").select_option("吴中区水务局")
        co_unit.last.get_by_label("协办任务").fill("疏通管网。")
        step.get_by_label("办理要求").fill("十五个工作日内完成。")
        finish(page, step, "交办")

    eventually(lambda: unread("he_jun") == 1)
    with at_desk(page, platform, "he_jun"):
        expect(bell(page)).to_have_accessible_name("消息，1 条未读")
        bell(page).click()
        fits_a_phone(page)
        page.get_by_role("link", name=f"交办：{issue.title}").click()
        expect(page).to_have_url(address(platform, issue))
        expect(bell(page)).to_have_accessible_name("消息，0 条未读")
        page.get_by_role("button", name="签收").click()
        expect(page.get_by_role("status")).to_have_text("已签收，现为“办理中”。")
        page.get_by_text("暂不能办理（1）").click()
        expect(page.get_by_text("还有 1 个协办单位未回复，不能申请办结。")).to_be_visible()

        act(platform, issue, "gao_feng", "co_reply", text="管网已疏通。")
        page.reload()
        complete(page, "路面已修复。")

    act(
        platform,
        issue,
        "wang_fang",
        "fail_verification",
        reason="partly_done",
        text="北侧仍有塌陷。",
    )
    with at_desk(page, platform, "he_jun"):
        open_waiting(page, issue)
        expect(page.get_by_text("返工 1 次")).to_be_visible()
        complete(page, "北侧已补修。")

    # The grid's worker is told of the verification; the town's verifier may take it as well.
    with at_desk(page, platform, "shen_lan"):
        open_waiting(page, issue)
        step = begin(page, "核查通过")
        step.get_by_label("核查意见").fill("现场属实。")
        finish(page, step, "核查通过")

    with at_desk(page, platform, "han_mei"):
        open_waiting(page, issue)
        step = begin(page, "回访")
        step.get_by_label("已联系上").check()
        step.get_by_role("group", name="问题是否解决").get_by_label("是").check()
        step.get_by_role("group", name="满意度（1–5）").get_by_label("5").check()
        finish(page, step, "回访")

    with at_desk(page, platform, "cao_xue"):
        page.goto(f"{platform.url}/issues/")
        page.get_by_label("状态").select_option("已结案")
        page.get_by_role("link", name=issue.number).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(issue.title)
        fits_a_phone(page)
        expect(page.locator(".timeline-head strong")).to_have_text(
            [
                *("登记上报", "提级会诊", "会诊", "提级联诊", "会诊", "交办", "签收"),
                *("协办回复", "办结申请", "核查不通过", "办结申请", "核查通过", "回访"),
            ]
        )
        told = page.get_by_role("region", name="办理过程")
        for words in ("陈静", "主办单位吴中区住建局", "管网已疏通。", "北侧仍有塌陷。", "→ 已结案"):
            expect(told).to_contain_text(words)
        assert IssueEvent.objects.filter(issue=issue).count() == 13


def test_the_first_waiting_case_is_opened_without_a_mouse(
    platform: Platform, people: Cast, page: Page
) -> None:
    escalated(people, "公厕门口地砖松动，老人容易绊倒。")
    page.goto(f"{platform.url}/login/")
    expect(page.locator("[name=username]")).to_be_focused()
    page.keyboard.type("chen_jing")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("陈静，您好")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.keyboard.press("Enter")
    first = page.locator(".home-row-link").first
    for _ in range(8):  # past the way to the desk, the numbers and the queues
        if first.evaluate("link => link === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(first).to_be_focused()
    opened = f"{platform.url}{first.get_attribute('href')}"
    page.keyboard.press("Enter")
    expect(page).to_have_url(opened)
    expect(page.get_by_role("region", name="办理过程")).to_be_visible()


def test_filters_stay_in_the_address_and_come_back(
    platform: Platform, people: Cast, page: Page
) -> None:
    plain = escalated(people, "东门口堆放装修垃圾，无人清理。")
    urgent = escalated(people, "西门口电线垂落，孩子够得着。", urgency=Urgency.URGENT)
    rows = page.get_by_role("table").get_by_role("row")
    urgency = page.get_by_role("combobox", name="紧急程度")
    with at_desk(page, platform, "chen_jing"):
        page.goto(f"{platform.url}/issues/")
        expect(rows.filter(has_text=plain.number)).to_be_visible()
        fits_a_phone(page)
        page.evaluate("window.isSamePage = true")

        urgency.select_option("紧急")
        expect(page).to_have_url(re.compile(r"/issues/\?(.*&)?urgency=urgent"))
        expect(rows.filter(has_text=plain.number)).to_have_count(0)
        expect(rows.filter(has_text=urgent.number)).to_be_visible()
        page.get_by_role("link", name="受理", exact=True).click()
        expect(page).to_have_url(re.compile(r"urgency=urgent.*sort=received"))
        assert page.evaluate("window.isSamePage")  # only the table was fetched

        page.reload()
        expect(urgency).to_have_value("urgent")
        expect(rows.filter(has_text=plain.number)).to_have_count(0)

        back(page)
        expect(urgency).to_have_value("urgent")
        back(page)
        expect(page).to_have_url(f"{platform.url}/issues/")
        expect(urgency).to_have_value("")
        expect(rows.filter(has_text=plain.number)).to_be_visible()


def test_a_form_filled_in_while_the_case_moved_on_is_refused_and_kept(
    platform: Platform, people: Cast, page: Page, page_problems: list[str]
) -> None:
    issue = escalated(people, "巷口路灯不亮，夜里看不清台阶。")
    with at_desk(page, platform, "chen_jing"):
        page.goto(address(platform, issue))
        step = begin(page, "会诊")
        step.get_by_label("长桥街道城建办").check()
        step.get_by_label("会诊意见").fill("由城建办更换灯头。")

        second_tab = page.context.new_page()
        second_tab.goto(address(platform, issue))
        other = begin(second_tab, "会诊")
        other.get_by_label("长桥街道执法局").check()
        other.get_by_label("会诊意见").fill("先由执法局核实。")
        finish(second_tab, other, "会诊")

        step.get_by_role("button", name="会诊").click()
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("您填写期间，本件已被更新，现为“待会诊”")
        expect(alert.get_by_role("listitem")).to_contain_text("陈静（长桥街道 镇街派单员） 会诊")
        expect(page.get_by_label("会诊意见")).to_have_value("由城建办更换灯头。")
        expect(page.get_by_label("长桥街道城建办")).to_be_checked()
        fits_a_phone(page)
        refused = f"409 POST {address(platform, issue)}consult/"
        assert page_problems == [refused]
        page_problems.clear()

        page.get_by_role("button", name="会诊").click()
        expect(page.get_by_role("status")).to_have_text("已会诊，现为“待会诊”。")
    assert IssueEvent.objects.filter(issue=issue, action="consult").count() == 2


# --- on the phone ---


def report_with_a_photo(platform: Platform, people: Cast) -> Issue:
    phone = sign_in(platform, "wang_fang")
    report = {
        "client_id": str(uuid.uuid4()),
        "place": people.longxi_grid_1.pk,
        "category": people.sewage.pk,
        "area": people.lijiajiao.pk,
        "source": "resident",
        "text": "李家角北侧污水满溢，路面塌陷。",
        "contact_name": "赵某",
        "contact_phone": "12012345678",
        "photos": [upload(phone, picture())],
    }
    return Issue.objects.get(pk=ok(phone.post("/issues", json=report))["id"])


def escalated(people: Cast, text: str, **more: Any) -> Issue:
    """A case that the dispatcher of 长桥 has to see to."""
    issue = people.report(text=text, **more)
    return people.step(
        issue, Action.ESCALATE_TOWN, people.wang_fang, reason="beyond_power", text="已现场查看。"
    )


# --- what the browser shows ---


def back(page: Page) -> None:
    """Go back to a page of which only a part was fetched; htmx asks for the whole again."""
    page.evaluate("document.body.dataset.left = 'yes'; history.back()")
    expect(page.locator("body[data-left]")).to_have_count(0)
    page.wait_for_load_state()


def bell(page: Page) -> Locator:
    return page.get_by_role("banner").get_by_role("link", name="消息")


def unread(username: str) -> int:
    return Message.objects.filter(
        recipient__username=username, delivered_at__isnull=False, read_at__isnull=True
    ).count()
