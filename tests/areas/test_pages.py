"""The pages of the complex areas, for everybody who may see them and for those who may not."""

from __future__ import annotations

import pytest
from django.test import Client

from areas.choices import AreaType, DemandCategory, Phase, PlaceLevel
from areas.models import ComplexArea, Counterpart, Demand, ResponsibilityLink
from tests.cast import SINCE, Cast
from tests.queries import queries_of


def signed_in(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(cast.people[name])
    return client


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status, response.content.decode()
    return response.content.decode()


def detail_of(area: ComplexArea) -> str:
    return f"/areas/{area.pk}/"


def make_areas(cast: Cast, count: int) -> None:
    for number in range(count):
        area = ComplexArea.objects.create(
            code=f"WZ-1{number:02}",
            name=f"第{number}安置小区",
            type=AreaType.RESETTLEMENT_ESTATE,
            phase=Phase.TACKLING,
            lead_community=cast.longxi,
            registered_on=SINCE,
        )
        area.communities.set([cast.longxi, cast.xinjia])


SEES_THE_AREA = {
    "wang_fang": 200,
    "zhao_min": 200,
    "chen_jing": 200,
    "he_jun": 200,  # a department of the district
    "wu_yang": 200,  # an office of the town
    "sun_li": 200,
    "xu_ning": 200,
    "tang_jie": 404,  # the other town
    "li_qiang": 404,
    "ma_chao": 403,  # the three administrators see no business
    "ding_yi": 403,
    "bai_jie": 403,
}


@pytest.mark.parametrize(("name", "expected"), SEES_THE_AREA.items())
def test_an_area_is_open_to_its_territory_alone(
    client: Client, cast: Cast, name: str, expected: int
) -> None:
    signed_in(client, cast, name)
    assert client.get(detail_of(cast.lijiajiao)).status_code == expected
    page = client.get("/areas/")
    assert page.status_code == (403 if expected == 403 else 200)
    assert ("李家角城中村" in page.content.decode()) == (expected == 200)


def test_a_visitor_is_asked_to_sign_in(client: Client, cast: Cast) -> None:
    for url in ("/areas/", detail_of(cast.lijiajiao)):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")


@pytest.mark.parametrize("url", ["/areas/999999/", "/areas/99999999999999999999999/"])
def test_an_area_that_does_not_exist_is_not_found(client: Client, cast: Cast, url: str) -> None:
    signed_in(client, cast, "sun_li")
    assert client.get(url).status_code == 404


def test_the_list_is_narrowed_by_what_an_area_is(client: Client, cast: Cast) -> None:
    make_areas(cast, 1)
    signed_in(client, cast, "sun_li")
    for query, shown in {
        "type=urban_village": "李家角城中村",
        "type=resettlement_estate": "第0安置小区",
        "phase=tackling": "第0安置小区",
        "pilot=named": "李家角城中村",
        "q=李家角": "李家角城中村",
        "q=wz-1": "第0安置小区",
        f"town={cast.changqiao.pk}": "第0安置小区",
    }.items():
        page = text(client, f"/areas/?{query}")
        assert shown in page, query
        if "town" not in query:
            assert ("李家角城中村" in page) != ("第0安置小区" in page), query
    assert "没有符合条件的记录" in text(client, f"/areas/?town={cast.mudu.pk}")


def test_an_area_of_two_communities_of_one_town_is_listed_once(client: Client, cast: Cast) -> None:
    make_areas(cast, 1)
    signed_in(client, cast, "sun_li")
    page = text(client, f"/areas/?town={cast.changqiao.pk}&type=resettlement_estate")
    assert "共 <strong>1</strong> 个" in page


def test_only_who_sees_several_towns_is_offered_the_choice_of_one(
    client: Client, cast: Cast
) -> None:
    assert 'name="town"' not in text(signed_in(client, cast, "chen_jing"), "/areas/")
    assert 'name="town"' in text(signed_in(client, cast, "he_jun"), "/areas/")


@pytest.mark.parametrize("query", ["type=bogus", "town=x", "pilot=1", "q=%00"])
def test_a_wrong_filter_is_answered_with_a_sentence(client: Client, cast: Cast, query: str) -> None:
    signed_in(client, cast, "sun_li")
    assert client.get(f"/areas/?{query}").status_code == 400


def test_a_retired_area_leaves_the_list_and_keeps_its_page(client: Client, cast: Cast) -> None:
    ComplexArea.objects.update(retired_on="2025-06-01")
    signed_in(client, cast, "sun_li")
    assert "李家角城中村" not in text(client, "/areas/")
    assert "已退出" in text(client, detail_of(cast.lijiajiao))


def test_the_page_shows_the_demands_by_category_and_how_many_are_pressing(
    client: Client, cast: Cast
) -> None:
    made = [(DemandCategory.CONSTRUCTION, 3), (DemandCategory.SAFETY, 1)]
    Demand.objects.bulk_create(
        Demand(
            area=cast.lijiajiao,
            category=category,
            text="…",
            recorded_on=SINCE,
            is_pressing=number == 0,
        )
        for category, count in made
        for number in range(count)
    )
    withdrawn = Demand(area=cast.lijiajiao, category=DemandCategory.OTHER, recorded_on=SINCE)
    withdrawn.withdrawn_on = SINCE
    withdrawn.save()

    response = signed_in(client, cast, "zhao_min").get(detail_of(cast.lijiajiao))

    shares = response.context["demands"]
    assert [(s.label, s.count, s.pressing, s.percent) for s in shares] == [
        ("建设", 3, 1, 75),
        ("安全", 1, 1, 25),
    ]


def test_the_chain_runs_from_the_district_down_to_the_grid(client: Client, cast: Cast) -> None:
    for level, user in [
        (PlaceLevel.GRID, cast.wang_fang),
        (PlaceLevel.DISTRICT, cast.qian_jin),
        (PlaceLevel.TOWN, cast.zhou_wei),
    ]:
        ResponsibilityLink.objects.create(area=cast.lijiajiao, level=level, user=user, duty="包干")
    Counterpart.objects.create(area=cast.lijiajiao, name="横塘街道", jurisdiction="虎丘区")

    page = text(signed_in(client, cast, "chen_jing"), detail_of(cast.lijiajiao))

    assert page.index("钱进") < page.index("周伟") < page.index("王芳")
    assert "横塘街道" in page


def test_thirty_areas_take_as_many_queries_as_three(client: Client, cast: Cast) -> None:
    signed_in(client, cast, "sun_li")
    counts = []
    for number in (3, 30):
        ComplexArea.objects.exclude(pk=cast.lijiajiao.pk).delete()
        make_areas(cast, number)
        counts.append(queries_of(lambda: client.get("/areas/")))
    assert counts[0] == counts[1]


def test_thirty_demands_and_persons_take_as_many_queries_as_three(
    client: Client, cast: Cast
) -> None:
    signed_in(client, cast, "sun_li")
    people = list(cast.people.values())
    counts = []
    for number in (3, 20):
        Demand.objects.all().delete()
        ResponsibilityLink.objects.all().delete()
        Demand.objects.bulk_create(
            Demand(
                area=cast.lijiajiao,
                category=DemandCategory.values[n % 7],
                text="…",
                recorded_on=SINCE,
            )
            for n in range(number)
        )
        ResponsibilityLink.objects.bulk_create(
            ResponsibilityLink(
                area=cast.lijiajiao, level=PlaceLevel.GRID, user=people[n], duty="包干"
            )
            for n in range(number)
        )
        counts.append(queries_of(lambda: client.get(detail_of(cast.lijiajiao))))
    assert counts[0] == counts[1]
