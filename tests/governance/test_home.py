"""The home page says what waits for this person, and each number on it opens its rows."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.figures import OF_THE_QUARTER
from meetings import actions as meeting_actions
from meetings.choices import Frequency
from tests.governance.test_admin_access import EVERYBODY
from tests.issues.moments import assigned, in_district_triage, in_town_triage, submitted
from tests.projects.stages import published
from tests.queries import queries_of

ADMINISTRATORS = ("ma_chao", "ding_yi", "bai_jie")


@pytest.fixture
def march(time_machine):
    """Monday 17 March 2025, in the morning."""
    time_machine.move_to("2025-03-17T09:30:00+08:00", tick=False)


def home(client, user):
    client.force_login(user)
    return client.get("/")


def waiting(client, user):
    return [issue.pk for issue in home(client, user).context["home"].waiting.rows]


def test_an_issue_waits_for_those_who_have_a_step_on_it_and_for_nobody_else(client, cast, march):
    issue = assigned(cast)
    here = {name for name in EVERYBODY if name not in ADMINISTRATORS}
    found = {name for name in {*here, "wu_yang", "tang_jie"} if waiting(client, cast.people[name])}
    assert found == {"wu_yang"}
    assert waiting(client, cast.wu_yang) == [issue.pk]


def test_what_is_due_first_stands_on_top(client, cast, march):
    later = cast.report(at=None)
    sooner = in_town_triage(cast)
    in_town_triage(cast)
    assert waiting(client, cast.wang_fang) == [later.pk]
    assert waiting(client, cast.chen_jing)[0] == sooner.pk


@pytest.mark.parametrize("name", [n for n in EVERYBODY if n not in ADMINISTRATORS])
def test_every_number_of_issues_opens_exactly_its_rows(client, cast, march, name):
    for stage in (in_town_triage, assigned, submitted, in_district_triage):
        stage(cast)
    cast.report()
    content = home(client, cast.people[name]).context["home"]
    for number in (*content.waiting.numbers, *content.open_issues):
        listed = client.get(number.url)
        assert listed.status_code == 200
        assert listed.context["page"].total.number == number.value, number


def test_the_figures_of_the_quarter_are_for_those_who_see_the_whole_district(client, cast, march):
    shown = {
        name
        for name in EVERYBODY
        if name not in ADMINISTRATORS and home(client, cast.people[name]).context["home"].quarter
    }
    assert shown == {"sun_li", "qian_jin", "xu_ning", "cao_xue"}


def test_every_figure_opens_exactly_its_rows(client, cast, march):
    in_town_triage(cast)
    in_district_triage(cast)
    figures = home(client, cast.sun_li).context["home"].quarter.figures
    assert {figure.metric.code: figure.numerator for figure in figures}["issues_received"] == 2
    for figure in figures:
        page = client.get(f"/figures/{figure.metric.code}/")
        assert page.context["page"].total.number == figure.numerator
        assert figure.metric.definition in page.text
        if figure.denominator is not None:
            divided = client.get(f"/figures/{figure.metric.code}/?of=denominator")
            assert divided.context["page"].total.number == figure.denominator


@pytest.mark.parametrize("name", EVERYBODY)
def test_the_rows_of_a_figure_are_for_the_district_alone(client, cast, name):
    client.force_login(cast.people[name])
    expected = 200 if name in {"sun_li", "qian_jin", "xu_ning", "cao_xue"} else 403
    assert client.get("/figures/issues_received/").status_code == expected


def test_an_unknown_figure_or_part_is_refused(client, cast):
    client.force_login(cast.sun_li)
    assert client.get("/figures/unknown/").status_code == 404
    assert client.get("/figures/issues_received/?of=denominator").status_code == 404
    assert client.get("/figures/district_quarters_with_meeting/").status_code == 404
    assert client.get("/figures/issues_received/?of=everything").status_code == 400


def test_a_late_project_is_shown_to_its_town_and_not_to_another(client, cast, march):
    project = published(cast, due_date=date(2025, 3, 14))
    mine = home(client, cast.chen_jing).context["home"]
    assert [row.pk for row in mine.late_projects] == [project.pk]
    assert (
        client.get("/projects/?lamp=red").context["page"].total.number == mine.late_projects_total
    )
    assert home(client, cast.tang_jie).context["home"].late_projects_total == 0


def test_the_next_meeting_is_shown_to_those_who_see_it(client, cast, march):
    series = meeting_actions.create_series(
        by=cast.cao_xue,
        place=cast.district,
        name="吴中区联席会议",
        frequency=Frequency.QUARTERLY,
    )
    meeting = meeting_actions.schedule_meeting(
        by=cast.cao_xue, series=series, title="一季度联席会议", planned_on=date(2025, 3, 28)
    )
    assert home(client, cast.chen_jing).context["home"].meetings == [meeting]
    assert home(client, cast.wang_fang).context["home"].meetings == []


@pytest.mark.parametrize("name", ADMINISTRATORS)
def test_the_three_administrators_see_no_business_data(client, cast, march, name):
    issue = in_town_triage(cast)
    page = home(client, cast.people[name])
    assert page.status_code == 200
    assert "home" not in page.context
    assert issue.title not in page.text
    assert 'href="/issues/"' not in page.text


def test_an_account_without_a_posting_is_told_so(client, cast):
    cast.wang_fang.postings.update(ends_on=date(2024, 12, 31))
    assert "还没有任职" in home(client, cast.wang_fang).text


def test_who_is_not_signed_in_is_led_to_the_sign_in_page(client, db):
    assert client.get("/").url == "/login/?next=/"
    assert client.get("/figures/issues_received/").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_issues(client, cast, march):
    def queries(user):
        client.force_login(user)
        client.get("/")  # what is kept in memory is read
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/").status_code == 200
        assert len(captured) <= 12
        return len(captured)

    for _ in range(2):
        in_district_triage(cast)
    before = [queries(cast.sun_li), queries(cast.chen_jing)]
    for _ in range(5):
        in_district_triage(cast)
    assert [queries(cast.sun_li), queries(cast.chen_jing)] == before


def test_the_rows_of_a_figure_cost_the_same_for_many_issues(client, cast, march):
    client.force_login(cast.sun_li)
    pages = [f"/figures/{metric.code}/" for metric in OF_THE_QUARTER]
    in_district_triage(cast)
    before = [queries_of(lambda page=page: client.get(page)) for page in pages]
    for _ in range(5):
        in_district_triage(cast)
    assert [queries_of(lambda page=page: client.get(page)) for page in pages] == before
