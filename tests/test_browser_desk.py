"""The desk in Chromium: keys, the case beside the list, numbers that refresh, bulk dispatch.

On the small reference district. A page that logs an error or fetches something in vain fails by its
fixture.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from governance.reference import demo
from issues import actions
from issues.choices import Action, Status
from issues.models import Issue
from people.models import Organisation, User
from tests.processes import Platform

POLL = 46_000  # milliseconds: a little more than the page waits between two looks


@pytest.fixture
def desk(reference_platform: Platform, page: Page) -> Page:
    """The district dispatcher's desk on a wide screen, with the cases to be dispatched."""
    page.clock.install()
    sign_in(reference_platform, page, "district")
    page.goto(f"{reference_platform.url}/issues/desk/?queue=triage")
    return page


def sign_in(platform: Platform, page: Page, username: str) -> None:
    page.goto(f"{platform.url}/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")


def rows(page: Page) -> Locator:
    return page.locator(".desk-row-link")


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def case_of(row: Locator) -> str:
    pk = row.locator("xpath=ancestor::li").get_attribute("data-case")
    assert pk
    return pk


def send_down(issue_id: int) -> None:
    """What somebody else does meanwhile."""
    actions.perform(
        issue_id,
        Action.SEND_DOWN,
        by=User.objects.get(username="district"),
        data={"reason": "needs_facts", "text": "补充情况。"},
        expected_version=None,
    )


def test_a_walk_through_the_queue_by_keys_alone(desk: Page) -> None:
    first, second, third = (rows(desk).nth(number) for number in range(3))
    desk.keyboard.press("j")
    expect(first).to_be_focused()
    desk.keyboard.press("j")
    desk.keyboard.press("ArrowDown")
    expect(third).to_be_focused()
    desk.keyboard.press("k")
    expect(second).to_be_focused()

    desk.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-current", "true")
    assert query(desk)["case"] == [case_of(second)]
    title = second.locator(".desk-row-title").inner_text()
    expect(desk.locator("#case-title")).to_have_text(title)
    expect(desk.locator("#desk-live")).to_have_text(f"已打开：{title}")
    expect(second).to_be_focused()
    desk.keyboard.press("Enter")
    expect(desk.locator("#case-title")).to_be_focused()

    desk.keyboard.press("3")
    expect(desk.get_by_role("heading", name="下沉")).to_be_focused()
    desk.keyboard.press("Escape")
    expect(desk.locator("#step")).to_be_empty()
    desk.keyboard.press("Escape")
    expect(second).to_be_focused()

    with desk.expect_response(re.compile(r"/desk/\?")):
        desk.keyboard.press("r")
    expect(second).to_be_focused()
    expect(second).to_have_attribute("aria-current", "true")

    desk.keyboard.press("?")
    sheet = desk.get_by_role("dialog", name="快捷键")
    expect(sheet).to_be_visible()
    expect(sheet.locator("dt")).to_have_count(11)
    desk.keyboard.press("j")  # not while the sheet is open
    desk.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    expect(second).to_be_focused()

    desk.keyboard.press("/")
    search = desk.locator("#desk-filters").get_by_role("searchbox")
    expect(search).to_be_focused()
    desk.keyboard.type("jk?")
    expect(search).to_have_value("jk?")
    expect(sheet).to_be_hidden()


def test_keys_with_modifiers_belong_to_the_browser(desk: Page) -> None:
    rows(desk).first.focus()
    for key in ("Control+j", "Alt+j", "Meta+j"):
        desk.keyboard.press(key)
    expect(rows(desk).first).to_be_focused()
    desk.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'j', isComposing: true, bubbles: true}))"
    )
    expect(rows(desk).first).to_be_focused()


def test_a_step_is_taken_in_the_pane_and_the_next_case_follows(desk: Page) -> None:
    total = rows(desk).count()
    done, following = rows(desk).nth(0), rows(desk).nth(1)
    pk, next_pk = case_of(done), case_of(following)
    next_title = following.locator(".desk-row-title").inner_text()
    done.click()
    actions_bar = desk.get_by_role("group", name="现在可以办理")
    actions_bar.get_by_role("link", name="下沉").click()
    form = desk.locator("#step")
    expect(form).to_contain_text("会诊研判时限就此停止")
    form.get_by_label("说明").fill("请网格补充现场情况。")

    rows(desk).nth(2).click()  # words would be lost: the desk asks
    expect(form.get_by_label("说明")).to_have_value("请网格补充现场情况。")

    form.get_by_text("事实不清").click()
    form.get_by_role("button", name="下沉").click()
    expect(desk.locator("#desk-notice")).to_contain_text("已下沉，现为“待会诊”")
    expect(desk.locator("#case-title")).to_have_text(next_title)
    expect(desk.locator("#case-title")).to_be_focused()
    expect(rows(desk)).to_have_count(total - 1)
    expect(desk.locator("#count-triage")).to_have_text(str(total - 1))
    assert query(desk)["case"] == [next_pk]
    assert Issue.objects.get(pk=pk).level == "town"


def test_a_form_that_came_too_late_keeps_its_words(desk: Page, page_problems: list[str]) -> None:
    row = rows(desk).first
    pk = int(case_of(row))
    row.click()
    desk.get_by_role("link", name="交办").click()
    form = desk.locator("#step")
    form.get_by_label("办理要求").fill("请尽快修复。")
    form.get_by_label("主办单位", exact=True).select_option(index=1)
    send_down(pk)
    form.get_by_role("button", name="交办").click()
    expect(form.get_by_role("alert")).to_contain_text("您填写期间，本件已被更新")
    expect(form.get_by_role("alert")).to_contain_text("下沉")
    expect(form.get_by_label("办理要求")).to_have_value("请尽快修复。")
    assert len(page_problems) == 1
    assert page_problems.pop().startswith("409 POST")


def test_numbers_refresh_without_moving_the_focus(desk: Page) -> None:
    before = int(desk.locator("#count-triage").inner_text())
    rows(desk).first.click()
    desk.get_by_role("link", name="交办").click()
    words = desk.locator("#step").get_by_label("办理要求")
    words.fill("写到一半")
    send_down(int(case_of(rows(desk).last)))

    with desk.expect_response(re.compile("/desk/counts/")):
        desk.clock.fast_forward(POLL)
    expect(desk.locator("#count-triage")).to_have_text(str(before - 1))
    expect(words).to_be_focused()
    expect(words).to_have_value("写到一半")
    expect(desk.locator("#desk-live")).to_contain_text(f"待联诊 {before - 1}")
    expect(rows(desk)).to_have_count(before)  # the list waits until it is asked
    desk.locator("#desk-refresh").click()
    expect(rows(desk)).to_have_count(before - 1)
    expect(words).to_have_value("写到一半")


def test_a_signed_out_desk_keeps_what_was_typed(desk: Page, page_problems: list[str]) -> None:
    rows(desk).first.click()
    desk.get_by_role("link", name="交办").click()
    form = desk.locator("#step")
    form.get_by_label("办理要求").fill("写了很久")
    form.get_by_label("主办单位", exact=True).select_option(index=1)
    desk.context.clear_cookies()
    with desk.expect_response(re.compile("/desk/counts/")):
        desk.clock.fast_forward(POLL)
    expect(desk.locator("#desk-notice")).to_contain_text("登录可能已经过期")
    form.get_by_role("button", name="交办").click()
    expect(form.get_by_label("办理要求")).to_have_value("写了很久")
    expect(form.get_by_role("button", name="交办")).to_be_enabled()
    page_problems.clear()  # the refusal of the form without its cookie


def test_filters_and_a_saved_view_survive_a_reload(desk: Page) -> None:
    desk.get_by_role("link", name=re.compile("^全部在办")).click()
    desk.locator(".desk-more summary").click()
    desk.get_by_label("层级").select_option("town")
    expect(desk.locator(".register-chips")).to_contain_text("层级：镇街")
    rows(desk).first.click()
    expect(desk.locator(".desk-case")).to_be_visible()
    pk = case_of(rows(desk).first)
    shown = rows(desk).count()
    assert query(desk) == {"queue": ["all"], "level": ["town"], "case": [pk]}

    desk.reload()
    expect(desk.locator(f".desk-case[data-case='{pk}']")).to_be_visible()
    expect(rows(desk)).to_have_count(shown)
    expect(desk.locator(".register-chips")).to_contain_text("层级：镇街")

    desk.locator("#desk-views summary").click()
    desk.get_by_label("视图名称").fill("镇街在办")
    desk.get_by_role("button", name="保存").click()
    expect(desk.get_by_role("status").filter(has_text="已存为视图")).to_be_visible()
    desk.get_by_role("link", name=re.compile("^等我办理")).click()
    desk.locator("#desk-views summary").click()
    desk.get_by_role("link", name="镇街在办").click()
    expect(desk.locator(".register-chips")).to_contain_text("层级：镇街")
    desk.reload()
    expect(desk.locator("#desk-views summary")).to_contain_text("镇街在办")
    assert query(desk) == {"queue": ["all"], "level": ["town"]}


def test_the_back_button_leads_through_the_cases_one_saw(desk: Page) -> None:
    one, two = case_of(rows(desk).nth(0)), case_of(rows(desk).nth(1))
    rows(desk).nth(0).click()
    expect(desk.locator(f".desk-case[data-case='{one}']")).to_be_visible()
    rows(desk).nth(1).click()
    expect(desk.locator(f".desk-case[data-case='{two}']")).to_be_visible()
    desk.go_back()
    expect(desk.locator(f".desk-case[data-case='{one}']")).to_be_visible()
    assert query(desk)["case"] == [one]


def test_several_cases_are_dispatched_at_once_after_a_preview(desk: Page) -> None:
    button = desk.locator("#desk-bulk-button")
    expect(button).to_be_disabled()
    chosen = [int(case_of(rows(desk).nth(number))) for number in range(2)]
    desk.keyboard.press("j")
    desk.keyboard.press("x")
    desk.keyboard.press("j")
    desk.keyboard.press("x")
    expect(button).to_have_text("批量交办 2 件")
    button.click()
    unit = Organisation.objects.get(name="吴中区住房和城乡建设局")
    desk.get_by_label("主办单位").select_option(str(unit.pk))
    desk.get_by_label("办理时限").fill("5")
    desk.get_by_label("办理要求").fill("五个工作日内完成整改。")
    desk.get_by_role("button", name="预览").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("预览：将交办 2 件")
    assert Issue.objects.filter(pk__in=chosen, status=Status.TRIAGE).count() == 2
    desk.get_by_role("button", name="确认交办 2 件").click()
    expect(desk.get_by_role("heading", level=1)).to_have_text("已交办 2 件")
    dispatched = Issue.objects.filter(pk__in=chosen, status=Status.ASSIGNED, lead_unit=unit)
    assert dispatched.count() == 2


def test_on_a_phone_there_is_one_thing_at_a_time_and_nothing_beyond_the_edge(
    reference_platform: Platform, phone_page: Page
) -> None:
    sign_in(reference_platform, phone_page, "town")
    url = f"{reference_platform.url}/issues/desk/"
    phone_page.goto(url)
    fits(phone_page)
    phone_page.goto(f"{url}?queue=triage")
    rows(phone_page).first.click()
    expect(phone_page.locator("#case-title")).to_be_visible()
    expect(rows(phone_page).first).to_be_hidden()
    fits(phone_page)
    phone_page.get_by_role("link", name="交办").click()
    expect(phone_page.locator("#step").get_by_label("办理要求")).to_be_visible()
    fits(phone_page)
    phone_page.get_by_role("link", name="返回队列").click()
    expect(rows(phone_page).first).to_be_visible()
    boxes = phone_page.get_by_role("checkbox")
    boxes.nth(0).check()
    phone_page.locator("#desk-bulk-button").click()
    expect(phone_page.get_by_label("办理要求")).to_be_visible()
    fits(phone_page)
    phone_page.get_by_label("主办单位").select_option(index=1)
    phone_page.get_by_label("办理要求").fill("请整改。")
    phone_page.get_by_role("button", name="预览").click()
    expect(phone_page.get_by_role("heading", level=1)).to_contain_text("预览")
    fits(phone_page)
    phone_page.goto(f"{url}views/")
    fits(phone_page)


def fits(page: Page) -> None:
    beyond = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    assert beyond <= 0, f"{page.url} is {beyond} pixels too wide"
