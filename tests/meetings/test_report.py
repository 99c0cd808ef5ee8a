"""The quarterly report: drafted once, frozen, counted as SQL counts, printed as counted."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from docx import Document

from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import Message
from issues.choices import Action, Level
from meetings import papers, reporting
from meetings.choices import ReportStatus
from meetings.figures import QuarterFigures
from meetings.models import QuarterlyReport
from meetings.quarters import Quarter
from meetings.report import count_quarter
from tests.cast import Cast
from tests.issues.moments import at, in_district_triage, in_town_triage
from tests.meetings.stages import (
    closed_late_by_two_departments,
    closed_on_the_spot,
    held,
    resolved,
    solved,
)
from tests.projects import stages as projects

Q2 = Quarter(2025, 2)
AFTER = at("2025-07-02")


@pytest.fixture(autouse=True)
def _media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def a_quarter(cast: Cast) -> None:
    """Something of everything in the second quarter of 2025, and beside it what must not count."""
    closed_late_by_two_departments(cast)  # received in the first quarter, closed in the second
    closed_on_the_spot(cast)
    closed_on_the_spot(cast, "2025-03-31")  # closed the day before the quarter
    closed_on_the_spot(cast, "2025-07-01")  # received the day after it
    in_district_triage(cast)  # since March, open and overdue
    in_town_triage(cast)
    projects.completed(cast, "2025-06-20")
    projects.published(cast, due_date=date(2025, 6, 1))
    projects.published(cast, name="在途项目", due_date=date(2026, 6, 1))
    projects.drafted(cast)
    first = held(cast, "2025-03-28")
    resolved(cast, first, due_date=date(2025, 5, 1))
    solved(cast, resolved(cast, first), "2025-06-01")
    held(cast, "2025-06-20")


# --- counting ---


def scalar(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


# A second way to the same numbers, written without the code that computes them.
COUNTS = {
    "issues_received": """SELECT count(*) FROM issues_issue
        WHERE received_at >= '2025-04-01 00:00+08' AND received_at < '2025-07-01 00:00+08'""",
    "issues_closed": """SELECT count(*) FROM issues_issue
        WHERE closed_at >= '2025-04-01 00:00+08' AND closed_at < '2025-07-01 00:00+08'""",
    "issues_open": """SELECT count(*) FROM issues_issue WHERE received_at < '2025-07-01 00:00+08'
        AND (closed_at IS NULL OR closed_at >= '2025-07-01 00:00+08')""",
    "issues_overdue": """SELECT count(DISTINCT issue_id) FROM issues_clock WHERE kind = 'step'
        AND due_at < '2025-07-01 00:00+08' AND started_at < '2025-07-01 00:00+08'
        AND (ended_at IS NULL OR ended_at >= '2025-07-01 00:00+08')""",
    "issues_on_time_rate": """SELECT count(*) FROM issues_issue i
        WHERE closed_at >= '2025-04-01 00:00+08' AND closed_at < '2025-07-01 00:00+08'
        AND 'on_time' = (SELECT verdict FROM issues_clock c WHERE c.issue_id = i.id
        AND kind = 'step' AND step IN ('handling', 'grid_handling') AND verdict <> 'cancelled'
        ORDER BY c.id DESC LIMIT 1)""",
    "issues_resolution_rate": """SELECT count(*) FROM issues_issue WHERE outcome = 'resolved'
        AND closed_at >= '2025-04-01 00:00+08' AND closed_at < '2025-07-01 00:00+08'""",
    "issues_first_diagnosis_rate": """SELECT count(*) FROM issues_issue WHERE level = 'grid'
        AND closed_at >= '2025-04-01 00:00+08' AND closed_at < '2025-07-01 00:00+08'""",
    "issues_escalated_town": """SELECT count(DISTINCT issue_id) FROM issues_issueevent
        WHERE action = 'escalate_town'
        AND at >= '2025-04-01 00:00+08' AND at < '2025-07-01 00:00+08'""",
    "issues_satisfaction_rate": """SELECT count(*) FROM issues_revisit WHERE satisfaction >= 4
        AND at >= '2025-04-01 00:00+08' AND at < '2025-07-01 00:00+08'""",
    "projects_late": """SELECT count(*) FROM projects_project WHERE due_date < '2025-06-30'
        AND status = 'published'""",
    "projects_published": "SELECT count(*) FROM projects_project WHERE status <> 'draft'",
    "district_meetings_held": """SELECT count(*) FROM meetings_meeting WHERE status = 'held'
        AND level = 'district' AND held_on BETWEEN '2025-04-01' AND '2025-06-30'""",
    "resolutions_on_time_rate": """SELECT count(*) FROM meetings_resolution r
        JOIN meetings_meeting m ON m.id = r.meeting_id AND m.level = 'district'
        WHERE due_date BETWEEN '2025-04-01' AND '2025-06-30' AND solved_on <= due_date""",
    "resolutions_late": """SELECT count(*) FROM meetings_resolution WHERE due_date < '2025-06-30'
        AND solved_on IS NULL""",
}
EXPECTED = {
    "issues_received": 1,
    "issues_closed": 2,
    "issues_open": 2,
    "issues_overdue": 2,
    "issues_on_time_rate": 1,
    "issues_resolution_rate": 2,
    "issues_first_diagnosis_rate": 1,
    "issues_escalated_town": 0,
    "issues_satisfaction_rate": 1,
    "projects_late": 1,
    "projects_published": 3,
    "district_meetings_held": 1,
    "resolutions_on_time_rate": 1,
    "resolutions_late": 1,
}


def test_the_figures_are_what_sql_counts(cast: Cast) -> None:
    a_quarter(cast)

    figures = count_quarter(Q2, AFTER)

    counted = {code: scalar(sql) for code, sql in COUNTS.items()}
    assert counted == EXPECTED
    assert {code: figures.figure(code).numerator for code in COUNTS} == counted


def test_rates_have_their_denominators(cast: Cast) -> None:
    a_quarter(cast)

    figures = count_quarter(Q2, AFTER)

    shown = {code: figures.figure(code).this for code in EXPECTED if code.endswith("rate")}
    assert shown == {
        "issues_on_time_rate": "50.0%",  # the department was late, the grid was not
        "issues_resolution_rate": "100.0%",
        "issues_first_diagnosis_rate": "50.0%",
        "issues_satisfaction_rate": "100.0%",
        "resolutions_on_time_rate": "50.0%",  # one of the two that were due was solved in time
    }


def test_nothing_to_divide_by_is_a_dash(cast: Cast) -> None:
    figures = count_quarter(Q2, AFTER)

    rates = {x.this for x in figures.key_figures if x.denominator is not None}
    assert rates == {"—"}


def test_levels_towns_and_kinds_add_up_to_the_key_figures(cast: Cast) -> None:
    a_quarter(cast)

    figures = count_quarter(Q2, AFTER)

    closed = figures.figure("issues_closed").numerator
    assert [line.name for line in figures.levels] == list(Level.labels)
    assert sum(line.closed for line in figures.levels) == closed
    assert [line.name for line in figures.towns] == ["长桥街道", "木渎镇"]  # by code, no ranking
    assert sum(line.closed for line in figures.towns) == closed
    assert sum(line.overdue for line in figures.towns) == 2
    assert sum(x.received for x in figures.kinds) == figures.figure("issues_received").numerator


def test_the_lamps_are_those_of_the_quarters_last_day(cast: Cast) -> None:
    late = projects.published(cast, due_date=date(2025, 6, 29))
    on_its_day = projects.published(cast, due_date=date(2025, 6, 30))
    slow = projects.published(cast, due_date=date(2025, 12, 1))
    done_later = projects.completed(cast, "2025-07-01", due_date=date(2025, 8, 1))
    reported_later = projects.progressed(cast, 90, "2025-07-01", due_date=date(2025, 12, 1))

    lines = {line.number: line for line in count_quarter(Q2, at("2025-07-09")).projects}

    assert lines[late.number].lamp == "red"
    assert lines[on_its_day.number].lamp == "yellow"
    assert lines[slow.number].lamp == "yellow"
    assert (lines[done_later.number].lamp, lines[done_later.number].percent) == ("yellow", 0)
    assert (lines[reported_later.number].lamp, lines[reported_later.number].percent) == (
        "yellow",
        0,
    )


def test_what_is_late_is_listed_with_how_late(cast: Cast) -> None:
    a_quarter(cast)

    figures = count_quarter(Q2, AFTER)

    assert figures.overdue_total == len(figures.overdue) == 3
    *standing, closed = figures.overdue
    assert all(re.fullmatch(r"在办，超期 \d+ 个工作日", line.state) for line in standing)
    assert (closed.state, closed.due_on) == ("已结案，办理超期", "2025-03-26")
    assert [line.name for line in figures.late_projects] == ["李家角停车泊位挖潜"]
    assert [line.state for line in figures.resolutions] == ["逾期", "已销号（2025-06-01）"]


def test_telephone_numbers_in_titles_are_masked(cast: Cast) -> None:
    issue = in_district_triage(cast)
    issue.title = "请回电12012345678"
    issue.save(update_fields=["title"])

    figures = count_quarter(Q2, AFTER)

    assert "12012345678" not in str(figures.as_json())
    assert figures.overdue[0].title.startswith("请回电")


def test_frozen_figures_come_back_as_they_were(cast: Cast) -> None:
    a_quarter(cast)
    figures = count_quarter(Q2, AFTER)

    assert QuarterFigures.from_json(figures.as_json()) == figures


# --- drafting ---


def test_a_draft_is_made_in_the_first_days_of_a_quarter_and_told(cast: Cast) -> None:
    report = reporting.draft_quarterly_report(at("2025-07-10"))

    assert report is not None
    assert (report.quarter, report.status) == ("2025Q2", ReportStatus.DRAFT)
    assert (report.period_from, report.period_to) == (date(2025, 4, 1), date(2025, 6, 30))
    told = Message.objects.filter(kind="report")
    assert {message.recipient.username for message in told} == {"cao_xue", "sun_li"}


@pytest.mark.parametrize("day", ["2025-07-11", "2025-06-30", "2025-08-01", "2025-05-05"])
def test_no_draft_is_made_on_any_other_day(cast: Cast, day: str) -> None:
    assert reporting.draft_quarterly_report(at(day)) is None
    assert not QuarterlyReport.objects.exists()


def test_drafting_twice_makes_one_report_and_one_message_each(cast: Cast) -> None:
    first = reporting.draft_quarterly_report(AFTER)
    closed_on_the_spot(cast, "2025-06-27")
    second = reporting.draft_quarterly_report(AFTER + timedelta(days=1))

    assert first == second
    assert QuarterlyReport.objects.get().figures == first.figures
    assert Message.objects.filter(kind="report").count() == 2


def test_a_worker_that_lost_the_race_finds_the_other_ones_report(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = reporting._write_draft

    def overtaken(*args, **kwargs) -> QuarterlyReport:
        write(*args, **kwargs)  # the other worker, a moment before
        return write(*args, **kwargs)

    monkeypatch.setattr(reporting, "_write_draft", overtaken)
    report = reporting.draft_quarterly_report(AFTER)

    assert report == QuarterlyReport.objects.get()


def test_a_draft_that_fails_half_way_leaves_no_report(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(name: str, content: bytes) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(reporting, "_store", full_disk)
        with pytest.raises(OSError, match="no space"):
            reporting.draft_quarterly_report(AFTER)
    assert not QuarterlyReport.objects.exists()
    assert not Message.objects.filter(kind="report").exists()

    assert reporting.draft_quarterly_report(AFTER) is not None


def test_a_quarter_that_runs_is_not_reported(cast: Cast) -> None:
    with pytest.raises(Refused, match="尚未结束"):
        reporting.draft_report(Q2, by=cast.cao_xue, at=at("2025-06-30", "23:59"))


@pytest.mark.parametrize("who", ["qian_jin", "xu_ning", "chen_jing", "he_jun", "bai_jie"])
def test_only_secretary_and_task_force_write_reports(cast: Cast, who: str) -> None:
    with pytest.raises(NotAllowed):
        reporting.draft_report(Q2, by=cast.people[who], at=AFTER)


def test_a_draft_is_counted_anew_until_it_is_final(cast: Cast) -> None:
    report = reporting.draft_report(Q2, by=cast.cao_xue, at=AFTER)
    closed_on_the_spot(cast, "2025-06-27")

    report = reporting.redraft_report(Q2, by=cast.sun_li, expected_version=1, at=AFTER)
    assert QuarterFigures.from_json(report.figures).figure("issues_closed").numerator == 1

    report = reporting.finalise_report(Q2, by=cast.cao_xue, expected_version=2, at=AFTER)
    assert report.status == ReportStatus.FINAL
    with pytest.raises(Refused, match="已定稿"):
        reporting.redraft_report(Q2, by=cast.cao_xue, expected_version=3, at=AFTER)


def test_a_report_is_changed_by_its_writers_from_a_fresh_page_alone(cast: Cast) -> None:
    reporting.draft_report(Q2, by=cast.cao_xue, at=AFTER)

    with pytest.raises(Stale):
        reporting.finalise_report(Q2, by=cast.cao_xue, expected_version=7)
    with pytest.raises(NotAllowed):
        reporting.finalise_report(Q2, by=cast.qian_jin, expected_version=1)
    with pytest.raises(NotFoundHere):
        reporting.finalise_report(Q2, by=cast.chen_jing, expected_version=1)


# --- the paper ---


def text_of(content: bytes) -> str:
    document = Document(BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def test_the_paper_lies_whole_in_the_media_folder(cast: Cast) -> None:
    a_quarter(cast)
    report = reporting.draft_quarterly_report(AFTER)
    assert report is not None

    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    assert [path.relative_to(settings.MEDIA_ROOT).as_posix() for path in files] == [report.file]
    assert text_of(files[0].read_bytes()).startswith("吴中区复杂区域治理工作\n2025年第二季度报告")


def test_the_paper_says_what_the_frozen_figures_say(cast: Cast) -> None:
    a_quarter(cast)
    figures = count_quarter(Q2, AFTER)

    text = text_of(papers.quarterly_report(figures))

    for figure in figures.key_figures:
        for said in (figure.name, figure.this, figure.previous, figure.definition):
            assert said in text
    for line in (*figures.overdue, *figures.resolutions, *figures.proposals):
        assert line.number in text
    for project in figures.projects:
        assert {project.name, project.content, project.project_owner} <= set(text.split("\n"))
    assert "受理问题 1件，结案 2件，季末在办 2件，其中超期 2件" in text


def test_the_paper_has_its_sections_and_annexes_in_order(cast: Cast) -> None:
    a_quarter(cast)

    text = text_of(papers.quarterly_report(count_quarter(Q2, AFTER)))

    headings = re.findall(r"^([一二三四五六七八九十]、.+)$", text, re.M)
    assert headings == [
        "一、总体情况",
        "二、攻坚项目推进",
        "三、问题闭环处置",
        "四、联席会议与议定事项落实",
        "五、提请研究事项",
        "六、存在问题与下步安排",
    ]
    annexes = re.findall(r"^附件(\d)$\n(.+)", text, re.M)
    assert annexes == [
        ("1", "攻坚项目清单"),
        ("2", "提请研究事项清单"),
        ("3", "超期清单"),
        ("4", "各镇（街道）情况表"),
        ("5", "数据口径说明"),
    ]


def test_a_section_without_data_is_left_out_with_its_number(cast: Cast) -> None:
    closed_on_the_spot(cast)

    text = text_of(papers.quarterly_report(count_quarter(Q2, AFTER)))

    assert re.findall(r"^([一二三四五六七八九十]、.+)$", text, re.M) == [
        "一、总体情况",
        "二、问题闭环处置",
        "三、存在问题与下步安排",  # no meeting was held
    ]
    assert "攻坚项目清单" not in text


def test_a_case_on_the_agenda_stands_in_the_report_of_its_quarter(cast: Cast) -> None:
    issue = in_district_triage(cast)
    meeting = held(cast, "2025-06-20")
    meeting.items.create(
        position=1, kind="escalated_issue", issue=issue, reason="提级联诊：长桥街道"
    )

    text = text_of(papers.quarterly_report(count_quarter(Q2, AFTER)))

    assert "区级联席会议议题清单" in text
    assert text.count(issue.number) == 3  # agenda, what to put to the next meeting, overdue


def test_a_list_longer_than_a_paper_says_how_long_it_is(cast: Cast) -> None:
    a_quarter(cast)
    figures = replace(count_quarter(Q2, AFTER), overdue_total=301)

    assert "问题共 301 件，本表列前 3 件。" in text_of(papers.quarterly_report(figures))


def test_the_paper_names_no_tool_and_no_author(cast: Cast) -> None:
    properties = Document(
        BytesIO(papers.quarterly_report(count_quarter(Q2, AFTER)))
    ).core_properties

    assert properties.author == properties.comments == ""
    assert properties.title == "吴中区2025年第二季度复杂区域治理工作报告"


def test_a_send_down_within_the_quarter_is_no_escalation(cast: Cast) -> None:
    issue = in_district_triage(cast)
    cast.step(
        issue,
        Action.SEND_DOWN,
        cast.sun_li,
        at("2025-04-02"),
        reason="below_threshold",
        text="镇街可以解决。",
    )

    figures = count_quarter(Q2, AFTER)

    assert figures.figure("issues_escalated_town").numerator == 0
