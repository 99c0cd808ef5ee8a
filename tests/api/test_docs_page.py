"""The docs page works in a real browser, with our own files and under our security policy."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.processes import Platform


def test_the_docs_page_shows_what_a_report_needs(platform: Platform, page: Page) -> None:
    page.goto(f"{platform.url}/api/v1/docs/")
    page.get_by_text("上报问题").click()
    expect(page.locator("#operations-问题-report_issue")).to_contain_text("就是幂等键")
    expect(page.locator("#operations-问题-report_issue .opblock-body")).to_contain_text("client_id")
