"""The search box in the page frame: a key leads to it, and Enter to what was found."""

from __future__ import annotations

from django.urls import reverse
from playwright.sync_api import Page, expect

from governance.reference import demo
from issues.models import Issue
from tests.browser import fits_a_phone
from tests.processes import Platform


def sign_in(platform: Platform, page: Page) -> None:
    page.goto(f"{platform.url}/login/")
    page.get_by_label("用户名").fill("district")
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")


def test_a_key_leads_to_the_box_and_enter_to_the_hits(
    reference_platform: Platform, page: Page
) -> None:
    sign_in(reference_platform, page)
    page.goto(f"{reference_platform.url}{reverse('areas:list')}")
    page.keyboard.press("/")
    box = page.locator("#search-box")
    expect(box).to_be_focused()
    page.keyboard.type("城中村/停车")  # in the box, the key is a letter like others
    expect(box).to_have_value("城中村/停车")
    box.fill("城中村 停车")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("搜索")
    expect(page.locator("mark", has_text="停车").first).to_be_visible()
    fits_a_phone(page)

    issue = Issue.objects.latest("id")
    page.keyboard.press("/")
    page.keyboard.type(issue.number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(issue.title)


def test_the_search_is_reached_on_a_phone(reference_platform: Platform, phone_page: Page) -> None:
    sign_in(reference_platform, phone_page)
    phone_page.get_by_role("link", name="搜索", exact=True).click()
    box = phone_page.get_by_role("searchbox", name="搜索问题、区域和项目")
    expect(box).to_be_focused()
    box.fill("城中村")
    phone_page.get_by_role("button", name="搜索").click()
    expect(phone_page.get_by_role("heading", name="问题", exact=False).first).to_be_visible()
    phone_page.get_by_role("link", name="问题：全部结果").click()
    expect(phone_page.get_by_role("heading", level=1)).to_have_text("问题")
