"""What a step's form proposes: earlier rulings, the unit asked for, whom to choose from."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from issues import options
from issues.choices import Action
from issues.models import Issue
from people.choices import Role
from tests.cast import Cast, person
from tests.issues.moments import assigned, at, in_town_triage, returned, with_the_unit
from tests.queries import queries_of


@pytest.fixture
def ruled(cast: Cast) -> Issue:
    """Sewage, sent back twice: 周伟 ruled that 长桥城建办 leads."""
    head = person("head", "姜岩", Role.UNIT_HEAD, cast.changqiao_patrol)
    ask = {"reason": "not_our_duty", "text": "见职责清单。"}
    day = "2025-03-03"
    issue = cast.step(
        assigned(cast), Action.REQUEST_RETURN, cast.zheng_hua, at(day, "15:00"), **ask
    )
    issue = cast.step(issue, Action.APPROVE_RETURN, cast.chen_jing, at(day, "15:30"), text="同意。")
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at(day, "16:00"),
        lead_unit=cast.changqiao_patrol,
        text="请办理。",
    )
    issue = cast.step(issue, Action.REQUEST_RETURN, head, at(day, "16:30"), **ask)
    return cast.step(
        issue,
        Action.ARBITRATE,
        cast.zhou_wei,
        at(day, "17:00"),
        lead_unit=cast.changqiao_works,
        text="井盖由城建办负责。",
    )


def test_the_next_dispatch_of_a_like_case_proposes_the_unit_of_the_ruling(
    cast: Cast, ruled: Issue, client: Client
) -> None:
    like = in_town_triage(cast)
    assert options.suggestions(Action.ASSIGN, like) == {"lead_unit": cast.changqiao_works.pk}

    client.force_login(cast.chen_jing)
    page = client.get(f"/issues/{like.pk}/assign/").content.decode()

    assert f"裁定库：2025年03月03日长桥街道同类问题（{ruled.number}）裁定" in page
    assert f'<option value="{cast.changqiao_works.pk}" selected>' in page


def test_rulings_are_read_in_the_whole_district_and_their_cases_where_one_may(
    cast: Cast, ruled: Issue, client: Client
) -> None:
    link = f'href="/issues/{ruled.pk}/"'
    for reader, opens in ((cast.chen_jing, True), (cast.tang_jie, False), (cast.luo_bin, False)):
        client.force_login(reader)
        page = client.get("/issues/rulings/").content.decode()
        assert page.count(ruled.number) == 2  # the return that was approved, and the ruling
        assert (link in page) == opens
    client.force_login(cast.sun_li)
    by_unit = client.get(f"/issues/rulings/?unit={cast.changqiao_works.pk}").content.decode()
    assert by_unit.count(ruled.number) == 1
    other = client.get(f"/issues/rulings/?category={cast.parking.pk}").content.decode()
    assert ruled.number not in other


def test_the_rulings_cost_the_same_for_many(cast: Cast, client: Client) -> None:
    returned(cast)
    client.force_login(cast.tang_jie)
    few = queries_of(lambda: client.get("/issues/rulings/"))
    for _ in range(4):
        returned(cast)
    assert queries_of(lambda: client.get("/issues/rulings/")) == few


def test_a_ruling_says_nothing_about_another_kind_of_matter(cast: Cast, ruled: Issue) -> None:
    parking = cast.report(at=at("2025-03-05"), category=cast.parking)
    parking = cast.step(
        parking,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-05", "11:00"),
        reason="beyond_power",
        text="需划线。",
    )
    assert options.precedents(parking) == []
    assert options.suggestions(Action.ASSIGN, parking) == {}


def test_a_unit_that_cannot_be_chosen_any_more_is_not_proposed(cast: Cast, ruled: Issue) -> None:
    cast.changqiao_works.is_active = False
    cast.changqiao_works.save()
    assert options.precedents(in_town_triage(cast)) == []


def test_without_a_ruling_the_unit_that_the_grid_asked_for_is_proposed(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03") + timedelta(hours=1),
        reason="beyond_power",
        suggested_unit=cast.changqiao_patrol,
        text="占道堆放。",
    )
    assert options.suggestions(Action.ASSIGN, issue) == {"lead_unit": cast.changqiao_patrol.pk}


def test_the_first_diagnosis_is_told_of_what_usually_needs_the_town(cast: Cast) -> None:
    issue = cast.report(at=at("2025-03-03"))
    assert options.hints(Action.FIRST_HANDLE, issue) == []
    cast.sewage.usual_complexity = "general"
    cast.sewage.save()
    issue = Issue.objects.get(pk=issue.pk)
    assert options.hints(Action.FIRST_HANDLE, issue) == [
        "“污水管网”通常属于一般复杂问题，宜提级会诊。"
    ]


def test_a_case_is_handed_over_to_somebody_else_of_the_unit(cast: Cast) -> None:
    issue = with_the_unit(cast)
    ((_, people),) = options.choices(Action.HAND_OVER, issue, cast.zheng_hua)["to"]
    assert [name for _, name in people] == ["冯刚"]  # 吴洋 has it


def test_a_report_without_an_urgency_has_the_usual_one_of_its_category(
    cast: Cast, client: Client
) -> None:
    cast.sewage.usual_urgency = "urgent"
    cast.sewage.save()
    client.force_login(cast.wang_fang)
    client.post(
        "/issues/report/",
        {
            "client_id": "7d1f6a3e-90c2-4d0b-8f5e-0d6a1c2b3e4f",
            "place": cast.longxi_grid_1.pk,
            "category": cast.sewage.pk,
            "source": "patrol",
            "text": "井盖松动。",
        },
    )
    assert Issue.objects.get().urgency == "urgent"


def test_who_registers_for_a_caller_writes_down_whom_to_call_back(
    cast: Cast, client: Client
) -> None:
    client.force_login(cast.zhao_min)
    form = {
        "client_id": "7d1f6a3e-90c2-4d0b-8f5e-0d6a1c2b3e4f",
        "place": cast.longxi_grid_1.pk,
        "category": cast.sewage.pk,
        "source": "call",
        "text": "来电反映井盖松动。",
    }
    refused = client.post("/issues/report/", form)
    assert refused.status_code == 422
    assert "来电、来访登记须填写诉求人电话。" in refused.content.decode()
    assert not Issue.objects.exists()

    client.post("/issues/report/", {**form, "contact_phone": "12012345678"})
    assert Issue.objects.get().contact_due_at is not None
