"""Who sees which meeting and which report, written out by hand for the whole cast."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model

from meetings.models import Meeting, MeetingSeries, Resolution
from meetings.querysets import reads_reports
from tests.cast import Cast, again
from tests.meetings.stages import held, planned, resolved, series

DISTRICT = {"sun_li", "qian_jin", "xu_ning", "cao_xue"}
CHANGQIAO = {"chen_jing", "zhou_wei", "shen_lan", "han_mei", "feng_gang"}
MUDU = {"tang_jie"}


def who_sees(cast: Cast, row: Model) -> set[str]:
    rows: Any = type(row)._default_manager
    return {
        name
        for name, user in cast.people.items()
        if rows.visible_to(again(user)).filter(pk=row.pk).exists()
    }


def test_a_district_meeting_is_seen_at_the_district_and_by_its_towns(cast: Cast) -> None:
    assert who_sees(cast, planned(cast)) == DISTRICT | CHANGQIAO | MUDU


def test_a_town_meeting_is_seen_above_by_its_town_and_its_communities(cast: Cast) -> None:
    meeting = planned(cast, of=series(cast, cast.changqiao, cast.chen_jing))

    assert who_sees(cast, meeting) == DISTRICT | CHANGQIAO | {"zhao_min"}


def test_a_community_meeting_is_seen_above_and_by_its_grids(cast: Cast) -> None:
    of = series(cast, cast.longxi, cast.zhao_min)
    meeting = Meeting.objects.create(
        series=of,
        title="龙西议事",
        planned_on="2025-03-20",
        level=of.level,
        place=cast.longxi,
        **cast.longxi.lineage(),
    )

    assert who_sees(cast, meeting) == DISTRICT | CHANGQIAO | {"zhao_min", "wang_fang", "ma_li"}


def test_a_unit_sees_the_meetings_it_attended(cast: Cast) -> None:
    assert who_sees(cast, held(cast)) == DISTRICT | CHANGQIAO | MUDU | {"he_jun", "luo_bin"}


def test_a_unit_with_a_resolution_sees_the_meeting_and_what_it_decided(cast: Cast) -> None:
    resolution = resolved(cast, responsible_person=cast.lin_tao)
    expected = DISTRICT | CHANGQIAO | MUDU | {"he_jun", "luo_bin", "gao_feng", "lin_tao"}

    assert who_sees(cast, resolution.meeting) == expected
    assert who_sees(cast, resolution) == expected


def test_a_series_is_seen_by_its_territory_and_from_one_level_below(cast: Cast) -> None:
    assert who_sees(cast, series(cast)) == DISTRICT | CHANGQIAO | MUDU
    town = series(cast, cast.changqiao, cast.chen_jing)
    assert who_sees(cast, town) == DISTRICT | CHANGQIAO | {"zhao_min"}
    community = series(cast, cast.longxi, cast.zhao_min)
    assert who_sees(cast, community) == DISTRICT | CHANGQIAO | {"zhao_min", "wang_fang", "ma_li"}


def test_the_quarterly_report_is_for_the_district(cast: Cast) -> None:
    readers = {name for name, user in cast.people.items() if reads_reports(again(user))}

    assert readers == DISTRICT


def test_without_an_account_nothing_is_seen(cast: Cast) -> None:
    resolved(cast)
    for rows in (Meeting.objects, MeetingSeries.objects, Resolution.objects):
        assert not rows.visible_to(AnonymousUser()).exists()
