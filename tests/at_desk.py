"""What staff do on the pages, in Chromium: log in, open a case, fill in the form of a step.

Every page on the way is also looked at in the width of a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, expect

from issues.models import Issue
from tests.browser import fits_a_phone
from tests.cast import PASSWORD
from tests.processes import Platform


@contextmanager
def at_desk(page: Page, platform: Platform, username: str) -> Iterator[None]:
    """Log in through the page; log out again at the end."""
    page.goto(f"{platform.url}/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")
    fits_a_phone(page)
    yield
    page.get_by_role("button", name="的菜单").click()
    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_label("用户名")).to_be_visible()


def open_waiting(page: Page, issue: Issue) -> None:
    """Open the case from what waits on the home page."""
    page.get_by_role("region", name="等我办理").get_by_role("link", name=issue.title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(issue.title)
    fits_a_phone(page)


def begin(page: Page, label: str) -> Locator:
    """Unfold the form of a step, and return it."""
    offers = page.get_by_role("region", name="现在可以办理")
    named = page.get_by_text(label, exact=True)
    folded = offers.locator("details:not([open])").filter(has=named)
    if folded.count():
        folded.locator("summary").click()
    offers.locator(".offer").filter(has=named).first.click()
    step = page.get_by_role("region", name=label, exact=True)
    expect(step.get_by_role("heading", name=label)).to_be_focused()
    fits_a_phone(page)
    return step


def finish(page: Page, step: Locator, label: str) -> None:
    """Send the form; the page says that the step is taken."""
    step.get_by_role("button", name=label, exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text(f"已{label}，现为")


def complete(page: Page, words: str) -> None:
    step = begin(page, "办结申请")
    step.get_by_label("已解决").check()
    step.get_by_label("办理情况").fill(words)
    finish(page, step, "办结申请")


def address(platform: Platform, issue: Issue) -> str:
    return f"{platform.url}{issue.get_absolute_url()}"
