"""What the first page of a list costs over the wire, to a browser that has never been here and to
one that has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, StorageState

from governance.reference import demo
from tests.browser import WIDE
from tests.processes import Platform

COLD = 300_000  # bytes
WARM = 40_000


@pytest.fixture(scope="module")
def signed_in(reference_platform: Platform, browser: Browser) -> StorageState:
    """The cookies of the district's dispatcher."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{reference_platform.url}/login/")
    page.get_by_label("用户名").fill("district")
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{reference_platform.url}/")
    cookies = context.storage_state()
    context.close()
    return cookies


class Wire:
    """What came over the wire: bytes with their headers, by address. What a cache had is not."""

    def __init__(self, page: Page) -> None:
        self.bytes: dict[str, int] = {}
        self._urls: dict[str, str] = {}
        session = page.context.new_cdp_session(page)
        session.on("Network.responseReceived", self._named)
        session.on("Network.loadingFinished", self._received)
        session.send("Network.enable")

    def _named(self, event: dict[str, Any]) -> None:
        response = event["response"]
        if not response.get("fromDiskCache") and not response["url"].startswith("data:"):
            self._urls[event["requestId"]] = response["url"]

    def _received(self, event: dict[str, Any]) -> None:
        if (url := self._urls.get(event["requestId"])) and event["encodedDataLength"]:
            self.bytes[url] = self.bytes.get(url, 0) + int(event["encodedDataLength"])

    def take(self) -> dict[str, int]:
        taken, self.bytes = self.bytes, {}
        return taken


@contextmanager
def empty_browser(browser: Browser, cookies: StorageState) -> Iterator[Page]:
    context = browser.new_context(viewport=WIDE, locale="zh-CN", storage_state=cookies)
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("path", ["/issues/", "/issues/desk/", "/", "/areas/"])
def test_a_first_page_is_light_and_a_second_visit_fetches_the_page_alone(
    reference_platform: Platform, browser: Browser, signed_in: StorageState, path: str
) -> None:
    url = f"{reference_platform.url}{path}"
    with empty_browser(browser, signed_in) as page:
        wire = Wire(page)
        page.goto(url, wait_until="networkidle")
        cold = wire.take()
        page.goto(url, wait_until="networkidle")
        warm = wire.take()

    assert sum(cold.values()) <= COLD, cold
    assert list(warm) == [url]  # every other file is kept by the browser
    assert warm[url] <= WARM


def test_the_list_of_these_limits_is_a_full_page(
    reference_platform: Platform, browser: Browser, signed_in: StorageState
) -> None:
    with empty_browser(browser, signed_in) as page:
        page.goto(f"{reference_platform.url}/issues/")
        assert page.locator("#register tbody tr").count() == 50
