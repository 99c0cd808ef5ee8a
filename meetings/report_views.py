"""The pages of the quarterly report: the list, the figures of one quarter, its rows, its paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core import attachments
from core.choices import AttachmentKind
from core.errors import NotAllowed, NotFoundHere
from core.models import Attachment
from core.pages import business_page
from core.registers import Register
from issues.models import Issue
from issues.views import ISSUES
from meetings import reporting
from meetings.choices import ReportStatus
from meetings.figures import QuarterFigures
from meetings.models import Meeting, QuarterlyReport, Resolution
from meetings.quarters import Quarter
from meetings.querysets import reads_reports
from meetings.report import METRICS
from meetings.views import MEETINGS, RESOLUTIONS
from people.requests import signed_in
from projects.models import Project
from projects.pages import expected_version, refused_by
from projects.views import PROJECTS

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

# How the rows behind a figure are listed, by what they are.
REGISTERS: dict[type[Any], Register] = {
    Issue: ISSUES,
    Project: PROJECTS,
    Meeting: MEETINGS,
    Resolution: RESOLUTIONS,
}


@business_page
@require_GET
def report_list(request: HttpRequest) -> HttpResponse:
    if not reads_reports(signed_in(request)):
        raise NotAllowed("季度报告由区级领导、专班、会议秘书和督查员查看。")
    ended = Quarter.of(timezone.localdate()).previous
    reports = list(
        QuarterlyReport.objects.visible_to(signed_in(request)).defer("figures").order_by("-quarter")
    )
    is_missing = all(report.quarter != str(ended) for report in reports)
    context = {
        "reports": reports,
        "missing": ended if is_missing and reporting.may_write(signed_in(request)) else None,
    }
    return render(request, "meetings/reports.html", context)


@business_page
@require_GET
def report_detail(request: HttpRequest, quarter: str) -> HttpResponse:
    return _detail(request, _visible(request, quarter))


@business_page
@require_GET
def report_rows(request: HttpRequest, quarter: str, code: str) -> HttpResponse:
    """The very rows that a figure of the report counts, as they stand today."""
    report = _visible(request, quarter)
    metric = next((metric for metric in METRICS if metric.code == code), None)
    if metric is None:
        raise NotFoundHere("没有这项指标。")
    rows: Any = metric.numerator(Quarter.parse(report.quarter).period)
    register = replace(
        REGISTERS[rows.model],
        title=f"{report.label}{metric.name}",
        filterset=None,
        search="",
        export="",  # its rows are the figure's
        template="meetings/rows.html",
    )
    listed = as_listed(rows.visible_to(signed_in(request)))
    return register.respond(request, listed, report=report, metric=metric)


def as_listed(rows: Any) -> Any:
    """The rows of a figure with what their list shows of them."""
    return rows.for_rows() if rows.model is Issue else rows.with_list_data()


@business_page
@require_GET
def report_file(request: HttpRequest, quarter: str) -> HttpResponseBase:
    """The paper. It leaves by the same way as every upload, but has no row among them."""
    report = _visible(request, quarter)
    paper = Attachment(
        kind=AttachmentKind.FILE,
        file=report.file,
        original_name=f"{report}.docx",
        content_type=DOCX,
        sha256=report.sha256,
    )
    return attachments.respond(paper, request)


@business_page
@require_POST
def report_draft(request: HttpRequest, quarter: str) -> HttpResponse:
    report = reporting.draft_report(_parse(quarter), by=signed_in(request))
    messages.success(request, f"{report}草稿已生成。")
    return redirect(report)


@business_page
@require_POST
def report_redraft(request: HttpRequest, quarter: str) -> HttpResponse:
    return _act(request, quarter, reporting.redraft_report, "已按最新数据重新编制。")


@business_page
@require_POST
def report_finalise(request: HttpRequest, quarter: str) -> HttpResponse:
    return _act(request, quarter, reporting.finalise_report, "报告已定稿。")


def _parse(code: str) -> Quarter:
    try:
        return Quarter.parse(code)
    except ValueError:
        raise NotFoundHere("没有这个季度。") from None


def _visible(request: HttpRequest, quarter: str) -> QuarterlyReport:
    report = QuarterlyReport.objects.visible_to(signed_in(request)).filter(quarter=quarter).first()
    if report is None:
        raise NotFoundHere()
    return report


def _act(
    request: HttpRequest, quarter: str, act: Callable[..., QuarterlyReport], done: str
) -> HttpResponse:
    report = _visible(request, quarter)
    version = expected_version(request)
    form = forms.Form(request.POST)
    refused = refused_by(
        form, lambda: act(_parse(quarter), by=signed_in(request), expected_version=version)
    )
    if refused is None:
        messages.success(request, done)
        return redirect(report)
    messages.error(request, refused.message)
    return _detail(request, _visible(request, quarter), status=refused.http_status)


def _detail(request: HttpRequest, report: QuarterlyReport, status: int = 200) -> HttpResponse:
    context = {
        "report": report,
        "figures": QuarterFigures.from_json(report.figures),
        "may_write": report.status == ReportStatus.DRAFT
        and reporting.may_write(signed_in(request)),
    }
    return render(request, "meetings/report.html", context, status=status)
