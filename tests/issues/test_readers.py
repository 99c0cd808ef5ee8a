"""One rule for what a reader sees beside a case: it follows from the steps of its story."""

from __future__ import annotations

from django.test import Client
from django.utils.html import escape

from issues.choices import Action, Grade
from issues.models import Issue
from tests.api.phone import Phone
from tests.cast import Cast, again
from tests.issues.moments import at, in_town_triage, with_the_unit


def supervised(cast: Cast) -> Issue:
    return cast.step(
        with_the_unit(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-06"),
        grade=Grade.GENERAL,
        text="请说明进度。",
    )


def test_page_and_api_tell_who_only_reported_a_case_of_the_same_orders(
    cast: Cast, client: Client
) -> None:
    """李强 of 木渎 reported it when he still worked in 长桥."""
    issue = supervised(cast)
    Issue.objects.filter(pk=issue.pk).update(reporter=cast.li_qiang)
    client.force_login(cast.li_qiang)
    context = client.get(issue.get_absolute_url()).context
    (note,) = context["notes"]
    assert note.words == "请说明进度。"
    by_api = Phone(again(cast.li_qiang)).read(f"/issues/{issue.pk}").data["supervisions"]
    assert [row["number"] for row in by_api] == [note.title.split()[-1]]
    assert any(note.title.split()[-1] in paper.label for paper in context["papers"])


def test_a_unit_that_left_is_told_of_no_order_that_came_later(cast: Cast, client: Client) -> None:
    issue = cast.step(
        with_the_unit(cast),
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-05"),
        lead_unit=cast.changqiao_patrol,
        text="改由执法局办理。",
    )
    issue = cast.step(
        issue,
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-06"),
        grade=Grade.GENERAL,
        text="请说明进度。",
    )
    client.force_login(cast.wu_yang)
    context = client.get(issue.get_absolute_url()).context
    assert context["has_left"]
    assert not context["notes"]
    assert len(context["papers"]) == 1  # the work order


def test_of_a_case_that_was_merged_a_reader_elsewhere_gets_the_number_alone(
    cast: Cast, client: Client
) -> None:
    master, duplicate = in_town_triage(cast), in_town_triage(cast)
    Issue.objects.filter(pk=duplicate.pk).update(title="三号楼前积水")
    cast.step(duplicate, Action.MERGE, cast.chen_jing, at("2025-03-04"), master=master)
    Issue.objects.filter(pk=master.pk).update(reporter=cast.li_qiang)
    for reader, sees in ((cast.chen_jing, True), (cast.li_qiang, False)):
        client.force_login(reader)
        page = client.get(master.get_absolute_url()).text
        assert duplicate.number in page
        assert ("三号楼前积水" in page) == sees
        assert (f'href="{escape(duplicate.get_absolute_url())}"' in page) == sees
