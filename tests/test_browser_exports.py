"""The export button in Chromium: a file at once, and a long one by way of the inbox."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Download, Page, expect

from core.export_files import AT_ONCE
from governance.reference import demo
from issues.choices import Status
from issues.models import Issue
from tests.browser import fits_a_phone
from tests.processes import Platform


@pytest.fixture
def issues(reference_platform: Platform, page: Page) -> Page:
    """The district dispatcher's list of issues."""
    page.goto(f"{reference_platform.url}/login/")
    page.get_by_label("用户名").fill("district")
    page.get_by_label("密码").fill(demo.PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("您好")
    page.goto(f"{reference_platform.url}/issues/")
    return page


@pytest.fixture
def exporter(reference_platform: Platform) -> Iterator[Platform]:
    reference_platform.start_worker("exporter")
    yield reference_platform
    reference_platform.stop("exporter")


def export(page: Page, form: str) -> None:
    page.get_by_role("button", name="导出", exact=True).click()
    page.get_by_role("button", name=form).click()


def sheet_of(download: Download) -> Any:
    with Path(download.path()).open("rb") as file:  # its name is not one of a workbook
        return openpyxl.load_workbook(file).active


def more_closed_cases(number: int) -> None:
    """Copies of a closed case: a long list, quickly."""
    one = Issue.objects.filter(status=Status.CLOSED).earliest("id")
    copies = []
    for n in range(number):
        row = copy(one)
        row.pk, row.client_id, row.number = None, uuid.uuid4(), f"20240101-{10_000 + n}"
        copies.append(row)
    Issue.objects.bulk_create(copies)


def test_a_file_of_what_is_shown(issues: Page) -> None:
    # Chosen on the page, in place: the button goes with what is shown now.
    with issues.expect_response(lambda answer: "lamp=red" in answer.url):
        issues.get_by_label("环节时限").select_option("red")
    expect(issues.get_by_role("link", name="去掉条件 环节时限")).to_be_visible()
    shown = issues.locator(".register-table tbody th a").first.inner_text()
    with issues.expect_download() as downloading:
        export(issues, "CSV")

    download = downloading.value
    assert download.suggested_filename.startswith("问题_")
    with Path(download.path()).open(encoding="utf-8-sig", newline="") as file:
        heading, first, *_ = csv.reader(file)
    assert heading[:2] == ["编号", "标题"]
    assert first[0] == shown
    assert "超期" in first[6]
    # The page is as it was, and the button works again.
    with issues.expect_download() as downloading:
        export(issues, "Excel")
    assert sheet_of(downloading.value)["A2"].value == shown


def test_a_long_file_arrives_in_the_inbox(exporter: Platform, issues: Page) -> None:
    more_closed_cases(AT_ONCE)
    issues.goto(f"{exporter.url}/issues/?status=all")
    export(issues, "Excel")

    expect(issues.get_by_role("heading", level=1)).to_have_text("导出文件")
    expect(issues.get_by_text("状态：全部（含已结案）")).to_be_visible()
    # The page looks by itself until the file is there.
    expect(issues.get_by_role("link", name="下载：问题")).to_be_visible()
    expect(issues.locator("#exports-said")).to_have_text("没有正在生成的文件。")  # read aloud
    fits_a_phone(issues)

    issues.goto(f"{exporter.url}/inbox/?unread=1&kind=export")
    message = issues.get_by_role("link", name="导出文件已生成：问题")
    expect(message).to_be_visible()
    with issues.expect_download() as downloading:
        message.click()
    assert sheet_of(downloading.value).max_row == Issue.objects.count() + 1
