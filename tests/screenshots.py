"""``python -m tests.screenshots``: take the pictures of the documentation again.

It runs the platform on servers of its own with the full reference district, logs in with the demo
accounts, and writes ``docs/screenshots/<name>.png`` in the width of a desk and
``<name>-phone.png`` in that of a phone. The dates on them are those of the day.
"""

# ruff: noqa: E402 - the environment and Django come first, models after them
from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlencode

from tests import plugin  # it says where the servers will be

os.environ["DJANGO_SETTINGS_MODULE"] = "governance.settings"

import django

django.setup()

from django.db import connections
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Browser, StorageState, ViewportSize, sync_playwright

from areas.models import ComplexArea
from core import export_files, exports
from governance import embedded
from governance.reference import demo
from issues.models import Issue
from meetings.choices import MeetingStatus
from meetings.models import Meeting, QuarterlyReport
from people.models import User
from projects.models import Project
from tests import databases
from tests.browser import NARROW, WIDE, find_chromium, launch
from tests.processes import Platform, running_platform

FOLDER = plugin.BASE_DIR / "docs" / "screenshots"
LARGEST = 250_000  # bytes of one picture
TALL = ViewportSize(width=WIDE["width"], height=1200)


Colour = tuple[int, int, int]


class Picture(NamedTuple):
    name: str
    username: str  # of the demo account that sees it; empty: nobody is logged in
    path: str
    desk: ViewportSize = WIDE
    ready: str = ""  # selector of what a script draws last


def main() -> None:
    executable = find_chromium()
    if executable is None:
        sys.exit("需要 Chromium：请安装 chromium 和 fonts-noto-cjk，或用环境变量 CHROMIUM 指定。")
    FOLDER.mkdir(parents=True, exist_ok=True)
    use = embedded.use(plugin.SERVERS, disposable=True)
    try:
        databases.clone("empty", connections.settings["default"]["NAME"])
        with running_platform("full") as platform, sync_playwright() as playwright:
            browser = launch(playwright, executable)
            shown = list(pictures())
            sessions = {
                username: sign_in(browser, platform, username)
                for username in {picture.username for picture in shown if picture.username}
            }
            for picture in shown:
                take(browser, platform, picture, sessions.get(picture.username))
            browser.close()
    finally:
        use.release()
        use.wait_until_stopped()


def pictures() -> Iterator[Picture]:
    """What is shown, and whose eyes see it."""
    dispatcher = User.objects.get(username="district")
    # The one with the longest story among those that wait for the district's dispatcher.
    issue = Issue.objects.waiting_for(dispatcher).order_by("-event_count", "id")[0]
    town = User.objects.get(username="town")
    # In the order of the desk, a few rows down: one that has not been waiting for weeks.
    waiting = Issue.objects.waiting_for(town).order_by("due_at", "id")[2]
    area = ComplexArea.objects.get(name="李家角城中村")
    project = Project.objects.exclude(area=None).filter(percent__range=(1, 99)).earliest("due_date")
    meeting = Meeting.objects.filter(
        status=MeetingStatus.PLANNED, place=dispatcher.current_postings[0].place
    ).earliest("planned_on")
    report = QuarterlyReport.objects.latest("quarter")

    yield Picture("login", "", "/login/")
    yield Picture("home", "district", "/")
    yield Picture("issues", "district", "/issues/")
    yield Picture("desk", "town", f"/issues/desk/?case={waiting.pk}", TALL)
    yield Picture("owing", "district", "/issues/owing/")
    yield Picture("search", "district", f"/search/?{urlencode({'q': '停车'})}")
    yield Picture("rules", "district", "/issues/rules/", TALL)
    yield Picture("issue", "district", issue.get_absolute_url(), TALL)
    yield Picture("assign", "district", f"{issue.get_absolute_url()}assign/", TALL)
    yield Picture("grid-home", "grid", "/")
    yield Picture("report-issue", "grid", "/issues/report/", TALL)
    yield Picture("areas", "district", "/areas/")
    yield Picture("area", "district", reverse("areas:detail", args=[area.pk]), TALL)
    yield Picture("projects", "district", "/projects/")
    yield Picture("project", "district", project.get_absolute_url(), TALL)
    yield Picture("meetings", "secretary", "/meetings/")
    yield Picture("meeting", "secretary", meeting.get_absolute_url(), TALL)
    yield Picture("resolutions", "secretary", "/meetings/resolutions/")
    yield Picture("report", "secretary", report.get_absolute_url(), TALL)
    make_a_file(User.objects.get(username="leader"))
    yield Picture("exports", "leader", "/exports/")
    yield Picture("inbox", "grid", "/inbox/")
    yield Picture("audit", "auditor", "/audit/")
    yield Picture("api", "", "/api/v1/docs/", ready=".opblock")


def make_a_file(user: User) -> None:
    """Have an Excel file of all cases made, as the export worker would."""
    query = "status=all"
    file = export_files.ask(exports.choose("issues", query, by=user), by=user)
    export_files.make(file.pk)


def sign_in(browser: Browser, platform: Platform, username: str) -> StorageState:
    """Log in through the page and return the cookies."""
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{platform.url}/login/")
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{platform.url}/")
    session = context.storage_state()
    context.close()
    return session


def take(
    browser: Browser, platform: Platform, picture: Picture, session: StorageState | None
) -> None:
    """Take a picture in both widths; a narrow page behaves as on a phone."""
    for width, name in ((picture.desk, picture.name), (NARROW, f"{picture.name}-phone")):
        is_phone = width == NARROW
        context = browser.new_context(
            viewport=width,
            is_mobile=is_phone,
            has_touch=is_phone,
            device_scale_factor=2 if is_phone else 1,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            storage_state=session,
        )
        page = context.new_page()
        page.goto(f"{platform.url}{picture.path}", wait_until="networkidle")
        if picture.ready:
            page.locator(picture.ready).first.wait_for()
        write(name, page.screenshot())
        context.close()


def write(name: str, png: bytes) -> None:
    """Write a picture in its 256 most frequent colours: a third of the bytes, and nothing flat
    changes its colour. (Pillow's own palettes shift a nearly white ground.)"""
    path = FOLDER / f"{name}.png"
    image = Image.open(io.BytesIO(png)).convert("RGB")
    counted = sorted(image.getcolors(image.width * image.height), reverse=True)
    colours = [colour for _, colour in counted]
    kept = colours[:256]
    index = {colour: number for number, colour in enumerate(kept)}
    for colour in colours[256:]:
        nearest = min(kept, key=lambda other: distance(other, colour))
        index[colour] = index[nearest]
    reduced = Image.new("P", image.size)
    reduced.putpalette([part for colour in kept for part in colour])
    reduced.putdata([index[colour] for colour in image.get_flattened_data()])
    reduced.save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST:
        sys.exit(f"{path} 有 {size} 字节，超过 {LARGEST}。")
    sys.stdout.write(f"{path.relative_to(plugin.BASE_DIR)}  {size // 1024} kB\n")


def distance(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


if __name__ == "__main__":
    main()
