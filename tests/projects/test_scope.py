"""Who sees which project, written out by hand for the whole cast."""

from __future__ import annotations

from projects.models import Project
from tests.cast import Cast, again
from tests.projects.stages import drafted, published

DISTRICT = {"sun_li", "qian_jin", "xu_ning", "cao_xue"}
CHANGQIAO = {"chen_jing", "zhou_wei", "shen_lan", "han_mei", "feng_gang"}


def who_sees(cast: Cast, project: Project) -> set[str]:
    return {
        name
        for name, user in cast.people.items()
        if Project.objects.visible_to(again(user)).filter(pk=project.pk).exists()
    }


def test_a_published_project_is_seen_by_its_territory_and_its_units(cast: Cast) -> None:
    project = published(cast)

    assert who_sees(cast, project) == {
        *DISTRICT,
        *CHANGQIAO,
        "zhao_min",  # the community in which it lies
        "he_jun",
        "luo_bin",  # lead department
        "wu_yang",
        "zheng_hua",  # responsible unit
    }


def test_its_owner_sees_a_project_anywhere(cast: Cast) -> None:
    project = published(cast, place=cast.mudu, area=None, project_owner=cast.lin_tao)

    assert "lin_tao" in who_sees(cast, project)
    assert "chen_jing" not in who_sees(cast, project)


def test_a_draft_is_seen_by_those_alone_who_may_edit_it(cast: Cast) -> None:
    assert who_sees(cast, drafted(cast)) == {"sun_li", "chen_jing"}


def test_a_project_of_the_whole_district_is_seen_at_the_district_and_by_its_units(
    cast: Cast,
) -> None:
    project = published(
        cast,
        place=cast.district,
        area=None,
        responsible_unit=cast.bus_company,
        project_owner=cast.luo_bin,
    )

    assert who_sees(cast, project) == {*DISTRICT, "he_jun", "luo_bin"}
