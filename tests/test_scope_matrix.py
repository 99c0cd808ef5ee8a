"""Who gets what from every page, written out by hand for the whole cast.

One case of 龙西一格 stands with two departments: 住建局 leads, 水务局 helps. 住建局 also leads a
project of 龙西, and a district meeting was held with it. The endpoints of the API have a matrix of
their own in ``tests/api/test_scope.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from core import attachments, export_files, outbox
from core.models import ExportFile, Message
from issues import saved_views
from issues.choices import Action, PaperKind
from issues.models import Issue, SavedView
from issues.papers.defaults import default_template
from meetings import reporting
from meetings.models import AgendaItem, Meeting, QuarterlyReport, Resolution
from meetings.quarters import Quarter
from projects.models import Project
from tests.api.phone import picture
from tests.cast import Cast, again
from tests.issues.moments import at
from tests.meetings import stages as meeting_stages
from tests.projects import stages as project_stages

# anonymous, other town, own grid, own town, department involved, not involved, district, auditor
NAMES = (None, "tang_jie", "wang_fang", "chen_jing", "he_jun", "lin_tao", "sun_li", "bai_jie")


@dataclass
class District:
    """One of each thing that a page can show."""

    cast: Cast
    issue: Issue
    draft: Project
    project: Project
    planned: Meeting
    held: Meeting
    resolution: Resolution
    decision: Resolution  # on a case proposed to the district's meeting, its minutes countersigned
    report: QuarterlyReport
    message: Message
    view: SavedView  # of wang_fang's desk
    file: ExportFile  # made for wang_fang

    def ids(self) -> dict[str, Any]:
        return {
            "area": self.cast.lijiajiao.pk,
            "issue": self.issue.pk,
            "photo": self.issue.photos.get().attachment_id,
            "draft": self.draft.pk,
            "project": self.project.pk,
            "planned": self.planned.pk,
            "held": self.held.pk,
            "item": AgendaItem.objects.filter(meeting=self.planned).values_list("pk", flat=True)[0],
            "resolution": self.resolution.pk,
            "decision": self.decision.pk,
            "proposed": self.decision.case.pk if self.decision.case else None,
            "quarter": self.report.quarter,
            "message": self.message.pk,
            "view": self.view.pk,
            "file": self.file.pk,
            "posting": self.cast.wang_fang.postings.get().pk,
            "version": self.issue.version,
            "urged": self.issue.events.get(action=Action.URGE).seq,
            "held_version": self.held.version,
            "planned_version": self.planned.version,
            "resolution_version": self.resolution.version,
            "report_version": self.report.version,
            "housing": self.cast.housing.pk,
        }


@pytest.fixture
def district(cast: Cast) -> District:
    photo = attachments.accept(SimpleUploadedFile("现场.jpg", picture()), by=cast.wang_fang)
    issue = cast.report(
        at=at("2025-03-03"), photos=[photo], source="resident", contact_phone="12012345678"
    )
    for action, by, data in [
        (Action.ESCALATE_TOWN, cast.wang_fang, {"reason": "several_units", "text": "提级。"}),
        (Action.CONSULT, cast.chen_jing, {"units": [cast.changqiao_works], "text": "会诊。"}),
        (Action.ESCALATE_DISTRICT, cast.zhou_wei, {"reason": "several_units", "text": "提请。"}),
        (Action.CONSULT, cast.sun_li, {"units": [cast.housing, cast.water], "text": "联诊。"}),
        (
            Action.ASSIGN,
            cast.sun_li,
            {
                "lead_unit": cast.housing,
                "co_units": [{"unit": cast.water, "task": "疏通", "reply_required": True}],
                "text": "整改。",
            },
        ),
        (Action.URGE, cast.sun_li, {"text": "请抓紧。"}),
    ]:
        issue = cast.step(issue, action, by, at("2025-03-03", "11:00"), **data)
    held = meeting_stages.held(cast, "2025-03-20")
    resolution = meeting_stages.resolved(cast, held)
    decision = meeting_stages.decided(cast, meeting_stages.proposed(cast))
    planned = meeting_stages.planned(cast, "2025-06-20")
    meeting_stages.actions.assemble_agenda(planned.pk, by=again(cast.cao_xue))
    report = reporting.draft_report(Quarter.of(date(2025, 3, 31)), by=None, at=at("2025-04-02"))
    outbox.post([Message(key="to wang_fang", recipient=cast.wang_fang, kind="event", title="新")])
    outbox.deliver_all()
    file = ExportFile.objects.create(owner=cast.wang_fang, listing="issues", title="问题")
    export_files.make(file.pk)
    return District(
        cast=cast,
        issue=issue,
        draft=project_stages.drafted(
            cast, name="毗邻道路整治", due_date=timezone.localdate() + timedelta(days=90)
        ),
        project=project_stages.published(cast),
        planned=Meeting.objects.get(pk=planned.pk),
        held=Meeting.objects.get(pk=held.pk),
        resolution=resolution,
        decision=decision,
        report=report,
        message=Message.objects.get(key="to wang_fang"),
        view=saved_views.save(by=cast.wang_fang, name="全部在办", query="queue=all"),
        file=ExportFile.objects.get(),
    )


# What anybody with an account gets, what anybody with business gets.
ACCOUNT = (302, 200, 200, 200, 200, 200, 200, 200)
BUSINESS = (302, 200, 200, 200, 200, 200, 200, 403)
# For heads of units and community officers, none of whom is here: tests/people/test_deputy_pages.
LEADING = (302, 403, 403, 403, 403, 403, 403, 403)
# What the district's task force keeps.
TASK_FORCE = (302, 403, 403, 403, 403, 403, 200, 403)

# A dispatcher of either level may open it, whatever was ticked.
DISPATCHING = (302, 200, 403, 200, 403, 403, 200, 403)

GET = [
    ("home", "/", ACCOUNT),
    ("inbox", "/inbox/", ACCOUNT),
    ("search", "/search/?q=李家角", BUSINESS),
    ("inbox_open", "/inbox/{message}/", (302, 404, 302, 404, 404, 404, 404, 404)),
    ("exports:list", "/exports/", BUSINESS),
    ("exports:file", "/exports/{file}/", (302, 404, 200, 404, 404, 404, 404, 403)),
    ("audit", "/audit/", (302, 403, 403, 403, 403, 403, 403, 200)),
    ("figure", "/figures/issues_open/", (302, 403, 403, 403, 403, 403, 200, 403)),
    ("login", "/login/", (200, 302, 302, 302, 302, 302, 302, 302)),
    ("password_change", "/password/", ACCOUNT),
    ("password_change_done", "/password/done/", ACCOUNT),
    ("deputies", "/deputies/", LEADING),
    ("deputy_appoint", "/deputies/{posting}/appoint/", LEADING),
    ("deputy_end", "/deputies/{posting}/end/", LEADING),
    ("deputy_hand_over", "/deputies/{posting}/hand-over/", LEADING),
    ("areas:list", "/areas/", BUSINESS),
    ("areas:detail", "/areas/{area}/", (302, 404, 200, 200, 200, 200, 200, 403)),
    ("issues:list", "/issues/", BUSINESS),
    ("issues:report", "/issues/report/", (302, 200, 200, 200, 403, 403, 200, 403)),
    ("issues:rules", "/issues/rules/", (302, 403, 403, 403, 403, 403, 200, 200)),
    ("issues:owing", "/issues/owing/", BUSINESS),
    ("issues:rulings", "/issues/rulings/", BUSINESS),
    ("issues:of_area", "/issues/of-area/{area}/", BUSINESS),
    ("issues:desk", "/issues/desk/", BUSINESS),
    ("issues:desk_counts", "/issues/desk/counts/", BUSINESS),
    (
        "issues:desk_act",
        "/issues/desk/{issue}/acknowledge/",
        (302, 404, 403, 403, 200, 404, 403, 403),
    ),
    ("issues:views", "/issues/desk/views/", BUSINESS),
    ("issues:dispatch", "/issues/desk/dispatch/?id={issue}", DISPATCHING),
    (
        "issues:dispatch_result",
        "/issues/desk/dispatch/result/",
        (302, 302, 302, 302, 302, 302, 302, 403),
    ),
    ("issues:detail", "/issues/{issue}/", (302, 404, 200, 200, 200, 404, 200, 403)),
    ("issues:photo", "/issues/{issue}/photos/{photo}/", (302, 404, 200, 200, 200, 404, 200, 403)),
    ("issues:act", "/issues/{issue}/acknowledge/", (302, 404, 403, 403, 200, 404, 403, 403)),
    (
        "issues:work_order",
        "/issues/{issue}/papers/work-order/",
        (302, 404, 200, 200, 200, 404, 200, 403),
    ),
    (
        "issues:paper",
        "/issues/{issue}/papers/urge/{urged}/",
        (302, 404, 200, 200, 200, 404, 200, 403),
    ),
    ("issues:paper_templates", "/issues/papers/templates/", TASK_FORCE),
    ("issues:paper_template", "/issues/papers/templates/urge/", TASK_FORCE),
    ("issues:paper_template_file", "/issues/papers/templates/urge/0/", TASK_FORCE),
    ("issues:paper_template_sample", "/issues/papers/templates/urge/0/sample/", TASK_FORCE),
    ("projects:list", "/projects/", BUSINESS),
    ("projects:create", "/projects/new/", (302, 200, 403, 200, 403, 403, 200, 403)),
    ("projects:detail", "/projects/{project}/", (302, 404, 404, 200, 200, 404, 200, 403)),
    ("projects:edit", "/projects/{draft}/edit/", (302, 404, 404, 200, 404, 404, 200, 403)),
    ("projects:of_issue", "/projects/of-issue/{issue}/", (302, 404, 200, 200, 200, 404, 200, 403)),
    (
        "projects:convert",
        "/projects/from-issue/{proposed}/",
        (302, 404, 403, 403, 404, 404, 403, 403),
    ),
    ("meetings:list", "/meetings/", BUSINESS),
    ("meetings:of_issue", "/meetings/of-issue/{issue}/", (302, 404, 200, 200, 200, 404, 200, 403)),
    (
        "meetings:convert",
        "/meetings/resolutions/{decision}/convert/",
        (302, 404, 404, 403, 404, 404, 403, 403),
    ),
    ("meetings:schedule", "/meetings/new/", (302, 200, 403, 200, 403, 403, 200, 403)),
    ("meetings:series", "/meetings/series/", BUSINESS),
    ("meetings:create_series", "/meetings/series/new/", (302, 200, 403, 200, 403, 403, 200, 403)),
    ("meetings:detail", "/meetings/{held}/", (302, 200, 404, 200, 200, 404, 200, 403)),
    (
        "meetings:add_resolution",
        "/meetings/{held}/resolutions/new/",
        (302, 403, 404, 403, 403, 404, 200, 403),
    ),
    ("meetings:resolutions", "/meetings/resolutions/", BUSINESS),
    ("meetings:reports", "/meetings/reports/", (302, 403, 403, 403, 403, 403, 200, 403)),
    ("meetings:report", "/meetings/reports/{quarter}/", (302, 404, 404, 404, 404, 404, 200, 403)),
    (
        "meetings:report_file",
        "/meetings/reports/{quarter}/file/",
        (302, 404, 404, 404, 404, 404, 200, 403),
    ),
    (
        "meetings:report_rows",
        "/meetings/reports/{quarter}/rows/issues_received/",
        (302, 404, 404, 404, 404, 404, 200, 403),
    ),
]

# A form as its page would send it. Where it is accepted the answer leads on (302).
ANSWERS: list[tuple[str, str, dict[str, Any], tuple[int, ...]]] = [
    ("logout", "/logout/", {}, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("inbox_read", "/inbox/{message}/read/", {}, (302, 404, 302, 404, 404, 404, 404, 404)),
    ("inbox_read_all", "/inbox/read/", {}, (302, 302, 302, 302, 302, 302, 302, 302)),
    ("exports:new", "/exports/new/", {"list": "issues", "format": "csv"}, BUSINESS),
    (
        "issues:reveal",
        "/issues/{issue}/reveal/",
        {"reason": "check_facts"},
        (302, 404, 403, 403, 200, 404, 200, 403),
    ),
    (
        "issues:act",
        "/issues/{issue}/acknowledge/",
        {"expected_version": "{version}"},
        (302, 404, 403, 403, 302, 404, 403, 403),
    ),
    (
        "issues:desk_act",
        "/issues/desk/{issue}/acknowledge/",
        {"expected_version": "{version}"},
        (302, 404, 403, 403, 302, 404, 403, 403),
    ),
    (
        "issues:dispatch_preview",
        "/issues/desk/dispatch/preview/",
        {"id": "{issue}", "lead_unit": "{housing}", "text": "整改。"},
        # It has left the dispatchers' hands: the preview says so.
        (302, 200, 403, 200, 403, 403, 200, 403),
    ),
    (
        "issues:dispatch_confirm",
        "/issues/desk/dispatch/confirm/",
        {"case": "{issue}:{version}", "lead_unit": "{housing}", "text": "整改。"},
        # What is refused is told case by case.
        (302, 302, 403, 302, 403, 403, 302, 403),
    ),
    (
        "issues:save_view",
        "/issues/desk/views/save/?queue=all",
        {"name": "全部"},
        (302, 302, 302, 302, 302, 302, 302, 403),
    ),
    (
        "issues:rename_view",
        "/issues/desk/views/{view}/rename/",
        {"name": "改名"},
        (302, 404, 302, 404, 404, 404, 404, 403),
    ),
    (
        "issues:delete_view",
        "/issues/desk/views/{view}/delete/",
        {},
        (302, 404, 302, 404, 404, 404, 404, 403),
    ),
    (
        "issues:paper_template_upload",
        "/issues/papers/templates/urge/upload/",
        {"file": default_template(PaperKind.URGE)},
        (302, 403, 403, 403, 403, 403, 302, 403),
    ),
    (
        "issues:paper_template_use",
        "/issues/papers/templates/urge/use/",
        {"version": "0"},
        (302, 403, 403, 403, 403, 403, 302, 403),
    ),
    (
        "projects:publish",
        "/projects/{draft}/publish/",
        {"expected_version": "1"},
        (302, 404, 404, 302, 404, 404, 302, 403),
    ),
    (
        "projects:progress",
        "/projects/{project}/progress/",
        {"expected_version": "2", "percent": "40", "text": "已进场。"},
        (302, 404, 404, 403, 302, 404, 403, 403),
    ),
    (
        "projects:complete",
        "/projects/{project}/complete/",
        {"expected_version": "2", "completed_on": "2025-05-06", "text": "验收合格。"},
        (302, 404, 404, 403, 403, 404, 302, 403),
    ),
    (
        "meetings:assemble",
        "/meetings/{planned}/assemble/",
        {"expected_version": "{planned_version}"},
        (302, 403, 404, 403, 404, 404, 302, 403),
    ),
    (
        "meetings:add_item",
        "/meetings/{planned}/items/",
        {"expected_version": "{planned_version}", "title": "年度安排", "reason": "例行。"},
        (302, 403, 404, 403, 404, 404, 302, 403),
    ),
    (
        "meetings:remove_item",
        "/meetings/{planned}/items/{item}/remove/",
        {"expected_version": "{planned_version}"},
        (302, 403, 404, 403, 404, 404, 302, 403),
    ),
    (
        "meetings:cancel",
        "/meetings/{planned}/cancel/",
        {"expected_version": "{planned_version}"},
        (302, 403, 404, 403, 404, 404, 302, 403),
    ),
    (
        "meetings:hold",
        "/meetings/{planned}/hold/",
        {
            "expected_version": "{planned_version}",
            "held_on": "2025-06-20",
            "attendees": "{housing}",
        },
        (302, 403, 404, 403, 404, 404, 302, 403),
    ),
    (
        "meetings:countersign",
        "/meetings/{held}/countersign/",
        {"expected_version": "{held_version}", "countersigned_on": "2025-03-21"},
        (302, 403, 404, 403, 403, 404, 302, 403),
    ),
    (
        "meetings:apply",
        "/meetings/resolutions/{decision}/apply/",
        {"expected_version": "1"},
        (302, 404, 404, 403, 404, 404, 403, 403),
    ),
    (
        "meetings:resume",
        "/meetings/resolutions/{decision}/resume/",
        {"expected_version": "1", "text": "恢复办理。"},
        (302, 404, 404, 403, 404, 404, 403, 403),
    ),
    (
        "meetings:solve",
        "/meetings/resolutions/{resolution}/solve/",
        {
            "expected_version": "{resolution_version}",
            "solved_on": "2025-06-02",
            "result": "管网已贯通。",
        },
        (302, 403, 404, 403, 403, 404, 302, 403),
    ),
    (
        "meetings:draft_report",
        "/meetings/reports/2024Q4/draft/",
        {},
        (302, 403, 403, 403, 403, 403, 302, 403),
    ),
    (
        "meetings:redraft_report",
        "/meetings/reports/{quarter}/redraft/",
        {"expected_version": "{report_version}"},
        (302, 404, 404, 404, 404, 404, 302, 403),
    ),
    (
        "meetings:finalise_report",
        "/meetings/reports/{quarter}/finalise/",
        {"expected_version": "{report_version}", "problems": "管网老化。", "next_steps": "继续。"},
        (302, 404, 404, 404, 404, 404, 302, 403),
    ),
]


def answers(
    district: District, method: str, path: str, form: dict[str, str | bytes] | None = None
) -> dict[str | None, int]:
    """What each of NAMES is answered; what one of them did is undone before the next."""
    ids = district.ids()
    url = path.format(**ids)
    found: dict[str | None, int] = {}
    for name in NAMES:
        client = Client(raise_request_exception=False)
        if name:
            client.force_login(district.cast.people[name])
        with transaction.atomic():
            filled = {
                name: value.format(**ids)
                if isinstance(value, str)
                else SimpleUploadedFile("模板.docx", value)
                for name, value in (form or {}).items()
            }
            response = client.get(url) if method == "GET" else client.post(url, filled)
            if response.streaming:
                b"".join(response.streaming_content)
            found[name] = response.status_code
            transaction.set_rollback(True)
    return found


def test_looking(district: District) -> None:
    found = {page: answers(district, "GET", path) for page, path, _ in GET}
    assert found == {page: expect(expected) for page, _, expected in GET}


def test_sending(district: District) -> None:
    found = {page: answers(district, "POST", path, form) for page, path, form, _ in ANSWERS}
    assert found == {page: expect(expected) for page, _, _, expected in ANSWERS}


def expect(answers: tuple[int, ...]) -> dict[str | None, int]:
    """One code for each of NAMES, in their order."""
    return dict(zip(NAMES, answers, strict=True))


def test_no_page_is_missing_from_this_matrix() -> None:
    there_are = set(_page_names(get_resolver().url_patterns))
    assert there_are == {row[0] for row in GET} | {row[0] for row in ANSWERS} | {"health"}


def _page_names(patterns: Any, namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace != "admin":
            below = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _page_names(pattern.url_patterns, below)
        elif isinstance(pattern, URLPattern) and not str(pattern.name).startswith("api-"):
            yield f"{namespace}{pattern.name}"
