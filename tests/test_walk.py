"""The whole job, against running servers: from a report in a grid to the quarterly report.

The servers' clocks stand in the spring of 2025; they are restarted where time has to pass.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import connection
from docx import Document

from core.models import Message
from governance.celery import app as celery_app
from issues.choices import Action, MessageKind
from issues.models import Issue, IssueEvent
from meetings import actions as meetings
from meetings.models import AgendaItem, Meeting, QuarterlyReport
from tests.api.phone import picture
from tests.cast import Cast, assemble
from tests.issues.moments import at
from tests.processes import Platform
from tests.visitors import act, attempt, eventually, hang_up, ok, sign_in, upload, visit

# Rows of the report's first table.
ISSUE_FIGURES = ("受理问题", "结案问题", "提级联诊问题", "解决率")


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    """Close every connection at the end."""
    yield
    hang_up()


def test_a_report_travels_from_a_grid_to_the_quarterly_report(platform: Platform) -> None:
    cast = assemble()
    set_clock(platform, at("2025-03-03", "10:00"))

    issue = report_with_a_photo(platform, cast)
    escalate_to_the_district(platform, issue, cast)
    meeting = the_meeting_takes_it_in(platform, issue, cast)
    assign_two_departments(platform, issue, cast)
    one_reminder_arrives_though_the_worker_is_killed(platform, issue)
    handle_verify_revisit_and_close(platform, issue)
    the_quarterly_report_counts_it(platform, issue, meeting)


# --- the parts of the walk ---


def report_with_a_photo(platform: Platform, cast: Cast) -> Issue:
    """王芳 reports for a resident; the answer to her first try is lost, and she sends it again."""
    phone = sign_in(platform, "wang_fang")
    body = {
        "client_id": str(uuid.uuid4()),
        "place": cast.longxi_grid_1.pk,
        "category": cast.sewage.pk,
        "source": "resident",
        "text": "李家角北侧污水满溢，路面塌陷，需要住建和水务一起处理。",
        "contact_name": "赵某",
        "contact_phone": "12012345678",
        "photos": [upload(phone, picture())],
    }
    first = phone.post("/issues", json=body)
    again = phone.post("/issues", json=body)
    assert ok(first) == ok(again)
    assert Issue.objects.count() == 1
    issue = Issue.objects.get()
    assert issue.photos.count() == 1
    return issue


def escalate_to_the_district(platform: Platform, issue: Issue, cast: Cast) -> None:
    act(platform, issue, "wang_fang", "escalate_town", reason="several_units", text="已围挡。")
    act(
        platform,
        issue,
        "chen_jing",
        "consult",
        units=[cast.changqiao_works.pk],
        text="超出镇街能力，建议区级联诊。",
    )
    act(
        platform,
        issue,
        "zhou_wei",
        "escalate_district",
        reason="several_units",
        text="提请住建、水务联合处置。",
    )


def the_meeting_takes_it_in(platform: Platform, issue: Issue, cast: Cast) -> Meeting:
    """曹雪 plans the meeting of the quarter on the page and lets it assemble its agenda."""
    series = meetings.create_series(
        by=cast.sun_li, place=cast.district, name="区级联席会议", frequency="quarterly"
    )
    secretary = visit(platform, "cao_xue")
    answer = secretary.submit(
        "/meetings/new/",
        series=series.pk,
        title="2025年第一季度联席会议",
        planned_on="2025-03-20",
        location="区政府三楼会议室",
    )
    assert answer.status_code == 302, answer.text
    meeting = Meeting.objects.get()
    answer = secretary.submit(f"/meetings/{meeting.pk}/assemble/", page=f"/meetings/{meeting.pk}/")
    assert answer.status_code == 302, answer.text
    assert AgendaItem.objects.get(meeting=meeting).issue == issue
    assert issue.title in secretary.get(f"/meetings/{meeting.pk}/").text
    return meeting


def assign_two_departments(platform: Platform, issue: Issue, cast: Cast) -> None:
    act(
        platform,
        issue,
        "sun_li",
        "consult",
        units=[cast.housing.pk, cast.water.pk],
        text="住建局主办，水务局协办。",
    )
    act(
        platform,
        issue,
        "sun_li",
        "assign",
        lead_unit=cast.housing.pk,
        co_units=[{"unit": cast.water.pk, "task": "疏通管网"}],
        text="十五个工作日内完成。",
    )
    act(platform, issue, "he_jun", "acknowledge")


def one_reminder_arrives_though_the_worker_is_killed(platform: Platform, issue: Issue) -> None:
    """Fifteen working days from 3 March end on the 24th; that morning the worker dies at work."""
    issue.refresh_from_db()
    assert issue.due_at == at("2025-03-24", "17:30")

    platform.stop("worker")
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("LOCK TABLE core_message IN SHARE MODE")  # nobody can write a message now
        platform.start_worker(at=at("2025-03-24", "09:05"))
        send("issues.tasks.remind_of_deadlines")
        eventually(lambda: is_waiting_for_lock("core_message"))
        platform.kill("worker")
    assert not reminders(issue).exists()

    platform.start_worker(at=at("2025-03-24", "09:10"))
    for _ in range(3):
        send("issues.tasks.remind_of_deadlines")
    send("core.tasks.deliver_messages")
    eventually(lambda: reminders(issue).filter(delivered_at__isnull=False).count() == 2)
    eventually(lambda: not celery_app.control.inspect().active().popitem()[1])

    told = sorted(reminders(issue).values_list("kind", "recipient__username"))
    assert told == [(MessageKind.DUE, "gao_feng"), (MessageKind.DUE, "he_jun")]
    set_clock(platform, at("2025-03-24", "10:00"))
    inbox = ok(sign_in(platform, "he_jun").get("/inbox"))
    assert [row["title"] for row in inbox["results"]].count(f"到期提醒：{issue.title}") == 1


def handle_verify_revisit_and_close(platform: Platform, issue: Issue) -> None:
    refused = attempt(platform, issue, "he_jun", "submit_completion", outcome="resolved", text="好")
    assert refused.status_code == 422
    assert "1 个协办单位未回复" in refused.json()["message"]

    act(platform, issue, "gao_feng", "co_reply", text="管网已疏通。")
    act(platform, issue, "he_jun", "submit_completion", outcome="resolved", text="路面已修复。")
    act(platform, issue, "wang_fang", "pass_verification", text="现场属实。")
    act(
        platform,
        issue,
        "han_mei",
        "record_revisit",
        contact="reached",
        is_solved=True,
        satisfaction=5,
    )
    issue.refresh_from_db()
    assert (issue.status, issue.outcome) == ("closed", "resolved")
    timeline = ok(sign_in(platform, "zhao_min").get(f"/issues/{issue.pk}/timeline"))
    assert [entry["action"] for entry in timeline] == list(
        IssueEvent.objects.filter(issue=issue).order_by("seq").values_list("action", flat=True)
    )


def the_quarterly_report_counts_it(platform: Platform, issue: Issue, meeting: Meeting) -> None:
    """In the first days of April the worker drafts the report, once; its figures are SQL's."""
    secretary = visit(platform, "cao_xue")
    page = secretary.get(f"/meetings/{meeting.pk}/")
    attendees = re.findall(r'name="attendees"[^>]*value="(\d+)"', page.text) or re.findall(
        r'value="(\d+)"[^>]*name="attendees"', page.text
    )
    answer = secretary.submit(
        f"/meetings/{meeting.pk}/hold/",
        page=f"/meetings/{meeting.pk}/",
        held_on="2025-03-24",
        attendees=attendees[:2],
    )
    assert answer.status_code == 302, answer.text

    platform.stop("worker")
    platform.start_worker(at=at("2025-04-02", "08:40"))
    for _ in range(2):
        send("meetings.tasks.draft_quarterly_report")
    eventually(lambda: QuarterlyReport.objects.exists())
    eventually(lambda: not celery_app.control.inspect().active().popitem()[1])
    report = QuarterlyReport.objects.get()

    set_clock(platform, at("2025-04-02", "09:00"))
    secretary = visit(platform, "cao_xue")
    paper = secretary.get(f"/meetings/reports/{report.quarter}/file/")
    document = Document(io.BytesIO(paper.content))
    key_figures, *others = document.tables
    cells = [[cell.text for cell in row.cells] for row in key_figures.rows]
    printed = {name: this for _, name, this, *_ in cells if name in ISSUE_FIGURES}
    assert printed["受理问题"] == f"{counted('received_at')}件"
    assert printed["结案问题"] == f"{counted('closed_at')}件"
    assert printed["提级联诊问题"] == f"{escalated_in_sql()}件"
    assert printed["解决率"] == "100.0%"
    assert (counted("received_at"), counted("closed_at"), escalated_in_sql()) == (1, 1, 1)
    words = [paragraph.text for paragraph in document.paragraphs]
    words += [cell.text for table in others for row in table.rows for cell in row.cells]
    assert issue.number in "\n".join(words)  # as a matter on the meeting's agenda


# --- independent counts ---


def counted(column: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM issues_issue WHERE {column} >= '2025-01-01 00:00+08'"  # noqa: S608
            f" AND {column} < '2025-04-01 00:00+08'"
        )
        return int(cursor.fetchone()[0])


def escalated_in_sql() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT issue_id) FROM issues_issueevent WHERE action = %s"
            " AND at >= '2025-01-01 00:00+08' AND at < '2025-04-01 00:00+08'",
            [Action.ESCALATE_DISTRICT],
        )
        return int(cursor.fetchone()[0])


# --- servers ---


def set_clock(platform: Platform, moment: datetime) -> None:
    platform.stop("web")
    platform.start_web(at=moment)


def send(task: str) -> None:
    celery_app.send_task(task)


def is_waiting_for_lock(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = %s::regclass AND NOT granted)",
            [table],
        )
        return bool(cursor.fetchone()[0])


def reminders(issue: Issue) -> Any:
    clocks = issue.clocks.values_list("pk", flat=True)
    return Message.objects.filter(
        kind__in=[MessageKind.NEAR_DUE, MessageKind.DUE, MessageKind.OVERDUE],
        url=issue.get_absolute_url(),
    ).filter(key__regex=rf"^clock:({'|'.join(map(str, clocks))}):")
