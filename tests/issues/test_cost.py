"""What lists, reports and steps ask of the database: little, and no more with a longer history."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from issues.choices import Action
from issues.models import Issue
from tests.api.phone import Phone
from tests.cast import Cast
from tests.issues.moments import assigned, at, in_town_triage
from tests.queries import queries_of

MOST = 12  # with authentication and idempotency, without the frame of the transaction
MOST_OF_A_LIST = 6  # with authentication, session and the frame of the page
FRAME = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def cost(send: Callable[[], Any], status: int = 200) -> int:
    """How many statements a request takes that finds the reference data in memory."""
    with CaptureQueriesContext(connection) as captured:
        answer = send()
    assert answer.status_code == status, answer.data
    statements = [query["sql"] for query in captured if not query["sql"].startswith(FRAME)]
    return len(statements) + sum(sql.rstrip("; ").count(";") for sql in statements)


def savepoints(send: Callable[[], Any]) -> int:
    with CaptureQueriesContext(connection) as captured:
        send()
    return sum(query["sql"].startswith("SAVEPOINT") for query in captured)


@pytest.mark.parametrize("name", ["sun_li", "chen_jing", "wang_fang", "wu_yang", "feng_gang"])
def test_a_list_takes_few_statements_whoever_reads_it(
    cast: Cast, client: Client, name: str
) -> None:
    issue, reader = assigned(cast), cast.people[name]
    client.force_login(reader)
    phone = Phone(reader)
    assert issue.number in client.get("/issues/").text
    assert [row["id"] for row in phone.read("/issues").data["results"]] == [issue.pk]
    assert queries_of(lambda: client.get("/issues/")) <= MOST_OF_A_LIST
    assert queries_of(lambda: phone.read("/issues")) <= MOST_OF_A_LIST


def a_report(cast: Cast, phone: Phone) -> Callable[[], Any]:
    def send() -> Any:
        body = {
            "client_id": str(uuid.uuid4()),
            "place": cast.longxi_grid_1.pk,
            "category": cast.sewage.pk,
            "text": "污水外溢。",
            "source": "patrol",
        }
        return phone.send("/issues", body)

    return send


def test_a_report_takes_few_statements(cast: Cast) -> None:
    send = a_report(cast, Phone(cast.wang_fang))
    send()
    assert cost(send, 201) <= MOST


def test_a_step_in_the_grid_takes_few_statements(cast: Cast) -> None:
    phone = Phone(cast.wang_fang)
    phone.step(cast.report(), "first_handle", text="先设围挡。")
    issue = cast.report()
    assert cost(lambda: phone.step(issue, "first_handle", text="先设围挡。")) <= MOST


def test_an_assignment_with_co_units_takes_few_statements(cast: Cast) -> None:
    phone = Phone(cast.chen_jing)
    body = {
        "lead_unit": cast.changqiao_works.pk,
        "co_units": [{"unit": cast.changqiao_patrol.pk, "task": "维持秩序"}],
        "text": "三日内更换。",
    }

    def consulted() -> Issue:
        units = [cast.changqiao_works, cast.changqiao_patrol]
        said = {"units": units, "text": "城建办主办。"}
        return cast.step(in_town_triage(cast), Action.CONSULT, cast.chen_jing, **said)

    phone.step(consulted(), "assign", **body)
    issue = consulted()
    assert cost(lambda: phone.step(issue, "assign", **body)) <= MOST


def test_an_acknowledgement_takes_few_statements(cast: Cast) -> None:
    phone = Phone(cast.wu_yang)
    phone.step(assigned(cast), "acknowledge")
    issue = assigned(cast)
    assert cost(lambda: phone.step(issue, "acknowledge")) <= MOST


def test_a_long_history_costs_no_more(cast: Cast) -> None:
    phone, short, long = Phone(cast.wu_yang), assigned(cast), assigned(cast)
    for hour in range(9, 17):
        long = cast.step(
            long, Action.SUPERVISE, cast.xu_ning, at("2025-03-04", f"{hour:02}:00"), **ORDER
        )
    phone.step(assigned(cast), "acknowledge")
    costs = {cost(partial(phone.step, issue, "acknowledge")) for issue in (short, long)}
    assert len(costs) == 1


ORDER: dict[str, Any] = {"grade": "general", "text": "抓紧办理。"}


def test_a_write_is_one_transaction_without_savepoints_inside(cast: Cast) -> None:
    # The test's own transaction makes the one of the request a savepoint.
    phone = Phone(cast.wang_fang)
    issue: Issue = cast.report()
    assert savepoints(a_report(cast, phone)) == 1
    assert savepoints(lambda: phone.step(issue, "first_handle", text="先设围挡。")) == 1
