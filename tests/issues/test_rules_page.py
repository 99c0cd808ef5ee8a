"""The transition table as people read it: nothing of it is missing, and who may open it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from django.test import Client

from issues.choices import Action, LimitUnit, Status, Step
from issues.models import TimeLimit
from issues.rulebook import Line, lines, rows_of
from issues.side_paths import SIDE_PATHS
from issues.workflow import BESIDE, RULES, WAY
from tests.cast import Cast


def line(table: list[Line], action: Action) -> Line:
    return next(line for line in table if line.action == action)


@pytest.fixture
def open_as(cast: Cast) -> Callable[[str], str]:
    def page(name: str) -> str:
        client = Client()
        client.force_login(cast.people[name])
        return client.get("/issues/rules/").content.decode()

    return page


def test_each_row_of_the_table_stands_in_exactly_one_line() -> None:
    told = Counter(
        (origin, line.action)
        for part in (WAY, SIDE_PATHS, BESIDE)
        for line in lines(part)
        for origin, _ in line.rows
    )
    assert told == Counter(RULES.keys())


def test_rows_that_differ_in_more_than_their_roles_are_lines_of_their_own() -> None:
    for line in lines(RULES):
        said = {(rule.clocks, rule.notify, rule.needs, rule.conditions) for _, rule in line.rows}
        assert len(said) == 1


def test_a_line_names_the_roles_level_by_level_only_where_they_differ() -> None:
    table = lines(rows_of(Status.ASSIGNED, RULES))
    assert line(table, Action.ACKNOWLEDGE).who == ("承办经办",)
    assert line(table, Action.ACKNOWLEDGE).where == "镇街、区级·待签收"
    assert line(table, Action.ADD_CO).who == (
        "镇街：镇街派单员、承办负责人",
        "区级：承办负责人、区级派单员（专班）",
    )
    assert line(table, Action.AUTO_ACKNOWLEDGE).who == ("平台",)


def test_a_line_says_where_a_step_leads_and_by_what() -> None:
    table = lines(SIDE_PATHS)
    assert line(table, Action.APPROVE_RETURN).goes_to == ("待会诊/待联诊",)
    assert line(table, Action.REQUEST_EXTENSION).goes_to == ("不变",)
    assert line(table, Action.RESUME).asks == (
        "去向：已有主办单位的，继续办理；还没有的，回到研判",
    )


def test_what_is_possible_nearly_everywhere_is_told_by_its_exceptions() -> None:
    table = lines(BESIDE)
    assert line(table, Action.SUPERVISE).anywhere == "任何未结状态"
    assert line(table, Action.URGE).anywhere == "任何未结状态（挂起除外）"
    assert line(table, Action.CORRECT).anywhere == "任何未结状态，已结案"


def test_the_administrators_read_the_rules_and_find_them_in_their_menu(
    open_as: Callable[[str], str],
) -> None:
    for name in ("ma_chao", "ding_yi", "bai_jie", "sun_li"):
        page = open_as(name)
        assert 'href="/issues/rules/" aria-current="page"' in " ".join(page.split()), name
    assert 'href="/issues/rules/"' not in open_as("chen_jing")


def test_the_page_shows_every_step_and_every_condition(open_as: Callable[[str], str]) -> None:
    page = open_as("bai_jie")
    for (_, action), rule in RULES.items():
        assert action.label in page
        for condition in (*rule.needs, *rule.conditions, *rule.guards):
            assert condition.meaning in page


def test_the_limits_on_the_page_are_those_in_force(open_as: Callable[[str], str]) -> None:
    TimeLimit.objects.create(
        step=Step.RULING,
        level="town",
        urgency="normal",
        value=2,
        unit=LimitUnit.DAYS,
        effective_from="2025-01-01",
    )
    TimeLimit.objects.create(
        step=Step.RULING,
        level="district",
        urgency="normal",
        value=9,
        unit=LimitUnit.DAYS,
        effective_from="2099-01-01",
    )
    assert "退回裁定时限：镇街 2 个工作日，区级 1 个工作日" in open_as("bai_jie")
