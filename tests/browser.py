"""The system's Chromium, driven by Playwright; whatever goes wrong on a page fails the test."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, Playwright, Response, ViewportSize, expect

expect.set_options(timeout=20_000)  # milliseconds: a busy machine must not fail a test

WIDE = ViewportSize(width=1440, height=900)
NARROW = ViewportSize(width=390, height=844)

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--lang=zh-CN",
]


def find_chromium() -> str | None:
    """Return the path of a Chromium on this machine; the variable CHROMIUM names another one."""
    if "CHROMIUM" in os.environ:
        return shutil.which(os.environ["CHROMIUM"])
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def launch(playwright: Playwright, executable: str) -> Browser:
    """Start Chromium without a window, in Chinese where its words are installed, and without asking
    the system's message bus."""
    more = {
        "LANGUAGE": "zh_CN",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        "DBUS_SYSTEM_BUS_ADDRESS": "disabled:",
    }
    return playwright.chromium.launch(
        executable_path=executable,
        headless=True,
        args=_FLAGS,
        env={**os.environ, **more},
    )


@contextmanager
def open_page(browser: Browser, viewport: ViewportSize, problems: list[str]) -> Iterator[Page]:
    """Open a page of a fresh visitor; script errors, failed requests and answers from 400 up are
    added to ``problems``."""
    context = browser.new_context(viewport=viewport, locale="zh-CN", timezone_id="Asia/Shanghai")
    page = context.new_page()

    def on_response(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"{response.status} {response.request.method} {response.url}")

    page.on("response", on_response)
    page.on("pageerror", lambda error: problems.append(f"script error: {error}"))
    page.on(
        "console",
        lambda message: (
            problems.append(f"console: {message.text}")
            if message.type == "error" and not message.text.startswith("Failed to load resource")
            else None
        ),
    )
    page.on(
        "requestfailed",
        lambda request: (
            problems.append(f"failed: {request.url} ({request.failure})")
            if request.failure != "net::ERR_ABORTED"  # the visitor went on to another page
            else None
        ),
    )
    try:
        yield page
    finally:
        context.close()


def fits_a_phone(page: Page) -> None:
    """Nothing of a wide page lies beyond the right edge when it is shown on a phone."""
    page.set_viewport_size(NARROW)
    beyond = page.evaluate("document.scrollingElement.scrollWidth - innerWidth")
    page.set_viewport_size(WIDE)
    assert beyond <= 0, f"{page.url} is {beyond} pixels too wide"
