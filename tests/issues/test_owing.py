"""Who owes what: each number counts exactly the rows that it opens."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issues import owing
from issues.choices import Action, Owed
from issues.models import Issue
from people.models import User
from tests.cast import Cast, again
from tests.issues.moments import assigned, at, with_the_unit, with_two_departments

NOW = at("2025-03-11", "10:00")  # 长桥城建办 has to have done by the 12th


def numbers(user: User) -> dict[str, list[int]]:
    found = owing.lines(Issue.objects.visible_to(again(user)), NOW)
    return {line.unit.name: [n.count for n in line.numbers] for line in found if line.unit}


@pytest.fixture
def owed(cast: Cast) -> Cast:
    """长桥城建办: one to acknowledge, one near due, one returned, one suspended. 住建局: one."""
    assigned(cast)
    with_the_unit(cast)
    returned = assigned(cast)
    cast.step(
        returned,
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-03-03", "16:00"),
        reason="not_our_duty",
        text="见职责清单。",
    )
    still = with_the_unit(cast)
    still = cast.step(
        still,
        Action.REQUEST_SUSPENSION,
        cast.zheng_hua,
        at("2025-03-05"),
        kind="engineering",
        until=date(2025, 5, 7),
        text="管网改造。",
    )
    cast.step(still, Action.SUSPEND, cast.zhou_wei, at("2025-03-05"), text="同意。")
    with_two_departments(cast)
    return cast


def test_a_unit_owes_what_waits_for_it(owed: Cast) -> None:
    # in hand, to acknowledge, near due, overdue, returned, suspended
    works, housing = [4, 1, 2, 0, 1, 1], [1, 1, 0, 0, 0, 0]
    assert numbers(owed.sun_li) == {"长桥街道城建办": works, "吴中区住建局": housing}


def test_each_sees_the_units_of_the_own_cases_alone(owed: Cast) -> None:
    assert set(numbers(owed.zheng_hua)) == {"长桥街道城建办"}
    assert set(numbers(owed.luo_bin)) == {"吴中区住建局"}
    assert numbers(owed.tang_jie) == {}


def test_every_number_opens_its_rows(owed: Cast, client: Client) -> None:
    client.force_login(owed.sun_li)
    found = owing.lines(Issue.objects.visible_to(again(owed.sun_li)), NOW)
    with time_machine.travel(NOW, tick=False):
        for line in [*found, owing.together(found)]:
            for number in line.numbers:
                listed = client.get(number.url)
                assert listed.status_code == 200
                rows = Issue.objects.visible_to(again(owed.sun_li)).filter(
                    lead_unit=line.unit.pk if line.unit else None
                )
                if line.unit:
                    rows = owing.owing(rows, number.owed, NOW)
                    assert rows.count() == number.count
                    for issue in rows:
                        assert issue.number in listed.content.decode()


def test_the_sum_adds_up(owed: Cast) -> None:
    found = owing.lines(Issue.objects.visible_to(again(owed.sun_li)), NOW)
    together = owing.together(found)
    assert {n.owed: n.count for n in together.numbers} == {
        Owed.ANYTHING: 5,
        Owed.ACKNOWLEDGEMENT: 2,
        Owed.NEAR_DUE: 2,
        Owed.OVERDUE: 0,
        Owed.RETURNED: 1,
        Owed.SUSPENDED: 1,
    }


def test_more_cases_take_no_more_queries(owed: Cast, client: Client) -> None:
    client.force_login(owed.sun_li)
    client.get("/issues/owing/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/issues/owing/")
    for _ in range(3):
        with_the_unit(owed)
    with CaptureQueriesContext(connection) as many:
        client.get("/issues/owing/")
    assert len(many) == len(few)


def test_a_town_is_chosen_by_those_who_see_several(owed: Cast, client: Client) -> None:
    client.force_login(owed.sun_li)
    assert "住建局" in client.get(f"/issues/owing/?town={owed.changqiao.pk}").content.decode()
    assert "住建局" not in client.get(f"/issues/owing/?town={owed.mudu.pk}").content.decode()
    client.force_login(owed.chen_jing)
    assert 'name="town"' not in client.get("/issues/owing/").content.decode()
