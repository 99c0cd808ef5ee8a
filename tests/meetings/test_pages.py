"""The meeting pages: each role's answer, bad input, and query counts that do not grow."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from docx import Document

from meetings import actions, reporting
from meetings.choices import MeetingStatus, ReportStatus
from meetings.models import Meeting, MeetingSeries, QuarterlyReport, Resolution
from meetings.quarters import Quarter
from tests.cast import Cast
from tests.issues.moments import at, in_district_triage
from tests.meetings.stages import closed_on_the_spot, held, planned, resolved, series
from tests.projects import stages as projects
from tests.queries import queries_of

Q2 = Quarter(2025, 2)


@pytest.fixture(autouse=True)
def _media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def signed_in(client: Client):
    def sign_in(user) -> Client:
        client.force_login(user)
        return client

    return sign_in


def get(client: Client, page: str, /, *args: object):
    return client.get(reverse(f"meetings:{page}", args=args))


def post(client: Client, step: str, /, *args: object, **sent: Any):
    return client.post(reverse(f"meetings:{step}", args=args), sent)


def content_of(answer) -> bytes:
    """All of an answer; reading a stream to its end also closes its file."""
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def tomorrow() -> str:
    return (date.today() + timedelta(days=1)).isoformat()  # noqa: DTZ011


# --- the way of a meeting ---


def test_a_meeting_goes_its_way_on_the_pages(cast: Cast, signed_in) -> None:
    client = signed_in(cast.cao_xue)
    of = series(cast)
    issue = in_district_triage(cast)

    answer = post(
        client,
        "schedule",
        series=of.pk,
        title="第四季度会议",
        planned_on=tomorrow(),
        location="302",
    )
    meeting = Meeting.objects.get()
    assert answer.url == meeting.get_absolute_url()

    post(client, "assemble", meeting.pk)
    assert issue.number in get(client, "detail", meeting.pk).text

    post(client, "add_item", meeting.pk, title="公交", reason="临时", expected_version=2)
    item = meeting.items.get(title="公交")
    post(client, "remove_item", meeting.pk, item.pk, expected_version=3)
    assert meeting.items.count() == 1

    today = date.today().isoformat()  # noqa: DTZ011
    post(
        client,
        "hold",
        meeting.pk,
        held_on=today,
        attendees=[cast.housing.pk],
        expected_version=4,
    )
    meeting.refresh_from_db()
    assert meeting.status == MeetingStatus.HELD

    post(
        client,
        "add_resolution",
        meeting.pk,
        agenda_item=meeting.items.get().pk,
        text="限期整改",
        lead_unit=cast.housing.pk,
        units=[cast.water.pk],
        due_date="2099-01-01",
        expected_version=5,
    )
    resolution = Resolution.objects.get()
    assert resolution.is_cross_department

    post(client, "solve", resolution.pk, solved_on=today, result="完成", expected_version=1)
    resolution.refresh_from_db()
    assert resolution.solved_on == date.today()  # noqa: DTZ011


def test_a_series_is_set_up_and_its_quarters_shown(cast: Cast, signed_in) -> None:
    client = signed_in(cast.cao_xue)

    post(
        client,
        "create_series",
        place=cast.district.pk,
        name="区级联席会议",
        frequency="quarterly",
    )

    assert MeetingSeries.objects.get().level == "district"
    page = get(client, "series")
    ((_, cells),) = [(row.series, row.by_quarter) for row in page.context["rows"]]
    assert [cell.missing for _, cell in cells] == [True] * 7 + [False]  # the last still runs


# --- scope ---


@pytest.mark.parametrize(
    ("who", "listed", "detail", "assemble", "schedule", "reports", "report"),
    [
        ("cao_xue", 200, 200, 422, 200, 200, 200),
        ("sun_li", 200, 200, 422, 200, 200, 200),
        ("qian_jin", 200, 200, 422, 200, 200, 200),
        ("xu_ning", 200, 200, 403, 403, 200, 200),
        ("chen_jing", 200, 200, 403, 200, 403, 404),
        ("tang_jie", 200, 200, 403, 200, 403, 404),
        ("he_jun", 200, 200, 403, 403, 403, 404),
        ("zhao_min", 200, 404, 404, 200, 403, 404),
        ("wang_fang", 200, 404, 404, 403, 403, 404),
        ("lin_tao", 200, 404, 404, 403, 403, 404),
        ("bai_jie", 403, 403, 403, 403, 403, 403),
        ("ma_chao", 403, 403, 403, 403, 403, 403),
    ],
)
def test_each_role_gets_its_answer(
    cast: Cast,
    signed_in,
    who: str,
    listed: int,
    detail: int,
    assemble: int,
    schedule: int,
    reports: int,
    report: int,
) -> None:
    meeting = held(cast)  # attended by 住建局
    reporting.draft_report(Q2, by=None)
    client = signed_in(cast.people[who])

    assert get(client, "list").status_code == listed
    assert get(client, "resolutions").status_code == listed
    assert get(client, "series").status_code == listed
    assert get(client, "detail", meeting.pk).status_code == detail
    assert post(client, "assemble", meeting.pk).status_code == assemble
    assert get(client, "schedule").status_code == schedule
    assert get(client, "reports").status_code == reports
    assert get(client, "report", "2025Q2").status_code == report
    paper = get(client, "report_file", "2025Q2")
    assert paper.status_code == report
    assert content_of(paper)
    assert get(client, "report_rows", "2025Q2", "issues_closed").status_code == report


def test_without_signing_in_one_is_sent_to_the_sign_in(cast: Cast, client: Client) -> None:
    for name, args in (("list", ()), ("reports", ()), ("report_file", ("2025Q2",))):
        assert get(client, name, *args).status_code == 302


def test_an_agenda_opens_no_case_to_who_may_not_see_it(cast: Cast, signed_in) -> None:
    issue = in_district_triage(cast)
    late = projects.published(cast)
    meeting = planned(cast, "2025-07-10")
    actions.assemble_agenda(meeting.pk, by=cast.cao_xue, at=at("2025-07-03"))

    theirs = get(signed_in(cast.tang_jie), "detail", meeting.pk).text
    assert "不在您的查看范围内" in theirs
    for secret in (issue.title, issue.number, late.name, "长桥街道 2025"):
        assert secret not in theirs

    own = get(signed_in(cast.chen_jing), "detail", meeting.pk).text
    assert issue.title in own
    assert late.name in own


def test_the_lists_can_be_filtered(cast: Cast, signed_in) -> None:
    meeting = held(cast)
    planned(cast, "2025-07-10")
    both, alone = resolved(cast, meeting), resolved(cast, meeting, units=[])
    client = signed_in(cast.sun_li)

    def rows(name: str, query: str) -> list[Any]:
        return list(client.get(f"{reverse(f'meetings:{name}')}?{query}").context["page"].rows)

    assert rows("list", "status=held") == [meeting]
    assert rows("list", "level=town") == []
    assert rows("list", "day_to=2025-06-01") == [meeting]
    assert rows("resolutions", "cross=yes") == [both]
    assert rows("resolutions", "cross=no&status=late") == [alone]
    assert rows("resolutions", "status=solved") == []
    assert rows("resolutions", f"q={both.number}") == [both]


@pytest.mark.parametrize("query", ["status=x", "level=grid", "day_from=2025-02-30", "sort=x"])
def test_a_filter_of_the_wrong_form_is_answered_with_400(cast: Cast, signed_in, query: str) -> None:
    assert signed_in(cast.sun_li).get(f"{reverse('meetings:list')}?{query}").status_code == 400


# --- bad input ---


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "长" * 81},
        {"planned_on": "明天"},
        {"planned_on": "9999-12-31"},
        {"planned_on": "2020-01-01"},
        {"series": "999999"},
        {"series": "x"},
        {"location": "\x00"},
    ],
)
def test_a_plan_of_the_wrong_form_writes_nothing(
    cast: Cast, signed_in, changes: dict[str, str]
) -> None:
    of = series(cast)
    sent = {"series": of.pk, "title": "会议", "planned_on": tomorrow(), **changes}

    answer = post(signed_in(cast.cao_xue), "schedule", **sent)

    assert answer.status_code in (400, 422)
    assert answer.context["form"].errors.keys() == changes.keys()
    assert not Meeting.objects.exists()


def test_nobody_plans_a_meeting_of_somebody_elses_series(cast: Cast, signed_in) -> None:
    of = series(cast)

    sent = {"series": of.pk, "title": "会议", "planned_on": tomorrow()}
    answer = post(signed_in(cast.chen_jing), "schedule", **sent)

    assert answer.status_code == 400
    assert not Meeting.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"text": ""},
        {"text": "长" * 501},
        {"lead_unit": "999999"},
        {"units": ["x"]},
        {"due_date": "2025-03-20"},
        {"due_date": "x"},
        {"agenda_item": "1"},
        {"responsible_person": "{grid_worker}"},
    ],
)
def test_a_resolution_of_the_wrong_form_writes_nothing(
    cast: Cast, signed_in, changes: dict[str, Any]
) -> None:
    meeting = held(cast)
    if "responsible_person" in changes:
        changes = {"responsible_person": cast.wang_fang.pk}
    sent = {
        "text": "限期整改",
        "lead_unit": cast.housing.pk,
        "due_date": "2099-01-01",
        "expected_version": meeting.version,
        **changes,
    }

    answer = post(signed_in(cast.cao_xue), "add_resolution", meeting.pk, **sent)

    assert answer.status_code in (400, 422)
    assert answer.context["form"].errors.keys() == changes.keys()
    assert not Resolution.objects.exists()


def test_an_item_of_another_meeting_is_not_removed(cast: Cast, signed_in) -> None:
    other, meeting = planned(cast), planned(cast, "2025-03-25")
    item = actions.add_item(
        other.pk, by=cast.cao_xue, title="其他", reason="—", expected_version=other.version
    )

    answer = post(
        signed_in(cast.cao_xue),
        "remove_item",
        meeting.pk,
        item.pk,
        expected_version=meeting.version,
    )

    assert answer.status_code == 404
    assert other.items.exists()


@pytest.mark.parametrize("version", ["", "x", "9" * 30])
def test_a_step_without_a_proper_version_is_malformed(cast: Cast, signed_in, version: str) -> None:
    meeting = planned(cast)
    client = signed_in(cast.cao_xue)

    answer = post(client, "cancel", meeting.pk, expected_version=version)

    assert answer.status_code == 400
    meeting.refresh_from_db()
    assert meeting.status == MeetingStatus.PLANNED


@pytest.mark.parametrize("code", ["2025Q5", "2025", "x", "2024Q1"])
def test_a_report_that_does_not_exist_is_not_found(cast: Cast, signed_in, code: str) -> None:
    client = signed_in(cast.sun_li)

    assert get(client, "report", code).status_code == 404
    assert get(client, "report_file", code).status_code == 404


def test_rows_of_an_unknown_figure_are_not_found(cast: Cast, signed_in) -> None:
    reporting.draft_report(Q2, by=None)

    assert get(signed_in(cast.sun_li), "report_rows", "2025Q2", "nonsense").status_code == 404


# --- the report ---


def test_the_page_shows_the_figures_that_the_paper_shows(cast: Cast, signed_in) -> None:
    closed_on_the_spot(cast)
    projects.published(cast, due_date=date(2025, 6, 1))
    resolved(cast, held(cast))
    report = reporting.draft_report(Q2, by=None)
    client = signed_in(cast.qian_jin)

    page = get(client, "report", "2025Q2")
    sent = get(client, "report_file", "2025Q2")

    assert sent["Content-Type"].endswith("wordprocessingml.document")
    assert "2025%E5%B9%B4" in sent["Content-Disposition"]
    paper = Document(BytesIO(content_of(sent)))
    printed = {cell.text for table in paper.tables for row in table.rows for cell in row.cells}
    for figure in page.context["figures"].key_figures:
        assert figure.this in page.text
        assert figure.this in printed
    assert page.context["report"] == report


def test_a_figure_leads_to_the_rows_that_it_counts(cast: Cast, signed_in) -> None:
    counted = closed_on_the_spot(cast)
    closed_on_the_spot(cast, "2025-07-01")
    late = projects.published(cast, due_date=date(2025, 6, 1))
    resolution = resolved(cast, held(cast), due_date=date(2025, 6, 1))
    meeting = held(cast, "2025-06-20")
    reporting.draft_report(Q2, by=None)
    client = signed_in(cast.sun_li)

    for code, row in (
        ("issues_closed", counted),
        ("projects_late", late),
        ("resolutions_late", resolution),
        ("district_meetings_held", meeting),
    ):
        page = get(client, "report_rows", "2025Q2", code)
        assert list(page.context["page"].rows) == [row]


def test_every_figure_of_the_report_has_its_rows(cast: Cast, signed_in) -> None:
    report = reporting.draft_report(Q2, by=None)
    client = signed_in(cast.sun_li)

    for figure in report.figures["key_figures"]:
        assert get(client, "report_rows", "2025Q2", figure["code"]).status_code == 200


def test_a_report_is_drafted_counted_anew_and_finalised_on_the_pages(cast: Cast, signed_in) -> None:
    client = signed_in(cast.cao_xue)

    post(client, "draft_report", "2025Q2")
    closed_on_the_spot(cast)
    post(client, "redraft_report", "2025Q2", expected_version=1)
    assert post(client, "finalise_report", "2025Q2", expected_version=1).status_code == 409
    post(client, "finalise_report", "2025Q2", expected_version=2)

    report = QuarterlyReport.objects.get()
    assert report.status == ReportStatus.FINAL
    again = post(client, "redraft_report", "2025Q2", expected_version=3)
    assert again.status_code == 422
    assert "已定稿" in again.text


@pytest.mark.parametrize("who", ["qian_jin", "xu_ning", "chen_jing"])
def test_a_report_is_not_drafted_by_its_readers(cast: Cast, signed_in, who: str) -> None:
    assert post(signed_in(cast.people[who]), "draft_report", "2025Q2").status_code == 403
    assert not QuarterlyReport.objects.exists()


# --- cost ---


def test_the_pages_cost_the_same_for_many_rows(cast: Cast, signed_in) -> None:
    client = signed_in(cast.sun_li)
    meeting = held(cast)
    resolved(cast, meeting)
    in_district_triage(cast)
    agenda = planned(cast, "2025-07-10")
    actions.assemble_agenda(agenda.pk, by=cast.cao_xue, at=at("2025-07-03"))
    reporting.draft_report(Quarter(2025, 1), by=None)
    pages: list[tuple[str, tuple[int | str, ...]]] = [
        ("list", ()),
        ("resolutions", ()),
        ("series", ()),
        ("detail", (meeting.pk,)),
        ("detail", (agenda.pk,)),
        ("report_rows", ("2025Q1", "issues_received")),
    ]
    few = [queries_of(lambda p=page: get(client, p[0], *p[1])) for page in pages]

    for _ in range(5):
        resolved(cast, meeting)
        in_district_triage(cast)
        held(cast, "2025-03-25")
    series(cast, cast.changqiao, cast.chen_jing)
    actions.assemble_agenda(agenda.pk, by=cast.cao_xue, at=at("2025-07-03"))

    assert [queries_of(lambda p=page: get(client, p[0], *p[1])) for page in pages] == few
