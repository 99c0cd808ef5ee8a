"""The pages beside the list ask no more of the database where there are more cases."""

from __future__ import annotations

import pytest
from django.test import Client

from issues.choices import Action
from issues.models import Issue
from tests.cast import Cast
from tests.issues.moments import at
from tests.queries import queries_of


@pytest.fixture(autouse=True)
def _on_tuesday_morning(time_machine) -> None:  # type: ignore[no-untyped-def]
    time_machine.move_to("2025-03-04T09:30:00+08:00", tick=False)


def in_the_village(cast: Cast) -> Issue:
    """Another report of the same matter at the same address, brought before the town."""
    issue = cast.report(at=at("2025-03-03"), area=cast.lijiajiao, address="龙西路 1 号")
    return cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="money",
        text="需资金。",
    )


def test_the_duplicates_that_are_offered_cost_the_same_for_many(cast: Cast, client: Client) -> None:
    client.force_login(cast.chen_jing)
    url = f"/issues/{in_the_village(cast).pk}/merge/"

    def offered(number: int) -> int:
        for _ in range(number):
            in_the_village(cast)
        return client.get(url).content.decode().count("candidate-title")

    assert offered(1) == 1
    few = queries_of(lambda: client.get(url))
    assert offered(4) == 5
    assert queries_of(lambda: client.get(url)) == few


def test_the_latest_of_an_area_cost_the_same_for_many(cast: Cast, client: Client) -> None:
    client.force_login(cast.chen_jing)
    url = f"/issues/of-area/{cast.lijiajiao.pk}/"
    in_the_village(cast)
    few = queries_of(lambda: client.get(url))
    newest = [in_the_village(cast) for _ in range(4)][-1]
    assert queries_of(lambda: client.get(url)) == few
    assert client.get(url).context["issues"][0] == newest


def test_an_order_for_many_costs_the_same_as_for_two(cast: Cast, client: Client) -> None:
    client.force_login(cast.chen_jing)
    issues = [in_the_village(cast) for _ in range(6)]

    def order_for(number: int) -> str:
        return "/issues/desk/dispatch/?" + "&".join(f"id={row.pk}" for row in issues[:number])

    assert len(client.get(order_for(6)).context["chosen"].ready) == 6
    few = queries_of(lambda: client.get(order_for(2)))
    assert queries_of(lambda: client.get(order_for(6))) == few
