"""Cases of those who leave: in whose name they then are, and that none waits for an empty post."""

from __future__ import annotations

from datetime import date

import pytest

from core.errors import Refused
from core.models import AuditEntry, Message
from core.workdays import calendar
from issues.case import Case
from issues.choices import OPEN_STATUSES, Action, Level, Outcome, Status
from issues.duties import handled
from issues.models import Issue
from issues.story import history
from issues.workflow import RULES
from people import actions
from people.choices import Role
from people.models import Posting, User
from people.trail import Trail
from tests.cast import Cast, again, person
from tests.issues.moments import (
    assigned,
    at,
    in_district_triage,
    in_town_triage,
    submitted,
    with_the_unit,
)

TODAY = date(2025, 3, 10)
LAST_DAY = date(2025, 3, 31)


@pytest.fixture(autouse=True)
def _a_week_later(time_machine) -> None:  # type: ignore[no-untyped-def]
    time_machine.move_to("2025-03-10T09:00:00+08:00")


@pytest.fixture
def gu_yan(cast: Cast) -> User:
    """A second grid worker of 龙西一格."""
    return person("gu_yan", "顾燕", Role.GRID_WORKER, cast.longxi_grid_1)


def held(user: User, role: Role | None = None) -> Posting:
    postings = user.postings.filter(deputises_for=None)
    return postings.get(role=role) if role else postings.get()


def end(
    cast: Cast, posting: Posting, *, successor: User | None = None, ends_on: date = LAST_DAY
) -> Posting:
    return actions.end_posting(
        by=cast.ding_yi, posting_id=posting.pk, ends_on=ends_on, successor=successor
    )


def handler(issue: Issue) -> User | None:
    return Issue.objects.get(pk=issue.pk).handler


def taken_over(cast: Cast, by: User) -> Issue:
    """Handled by the grid, in the name of ``by``."""
    issue = cast.report(at=at("2025-03-10", "09:10"))
    return cast.step(issue, Action.FIRST_HANDLE, by, at("2025-03-10", "09:20"), text="现场处理。")


# --- in somebody's name ---


def test_a_handler_with_open_cases_does_not_leave_without_a_successor(cast: Cast) -> None:
    issue = with_the_unit(cast)
    with pytest.raises(Refused, match="吴洋还有 1 件经办的问题，请选择接手人"):
        end(cast, held(cast.wu_yang))
    assert handler(issue) == cast.wu_yang


def test_the_cases_go_to_the_successor_by_a_step_of_their_own(cast: Cast) -> None:
    issue = with_the_unit(cast)
    due_at = issue.due_at
    end(cast, held(cast.wu_yang), successor=cast.feng_gang)
    issue = Issue.objects.get(pk=issue.pk)
    assert (issue.handler, issue.status, issue.due_at) == (cast.feng_gang, "handling", due_at)
    event = issue.events.latest("seq")
    assert (event.action, event.actor) == (Action.HAND_OVER, None)
    ended = AuditEntry.objects.get(action=Trail.POSTING_ENDED)
    assert (ended.actor, ended.detail["handled_issues"]) == (cast.ding_yi, 1)


def test_the_successor_may_do_what_the_handler_might(cast: Cast) -> None:
    issue = with_the_unit(cast)
    end(cast, held(cast.wu_yang), successor=cast.feng_gang)
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        again(cast.feng_gang),
        at("2025-03-11"),
        outcome=Outcome.RESOLVED,
        text="井盖已更换。",
    )
    assert issue.status == Status.VERIFY


def test_what_waits_for_verification_is_handed_over_too_as_it_may_come_back(cast: Cast) -> None:
    issue = submitted(cast)
    end(cast, held(cast.wu_yang), successor=cast.feng_gang)
    assert handler(issue) == cast.feng_gang


def test_the_cases_of_other_units_and_closed_ones_stay(cast: Cast) -> None:
    """吴洋 also works in 执法局, and goes from 城建办 alone."""
    Posting.objects.create(
        user=cast.wu_yang,
        role=Role.UNIT_HANDLER,
        organisation=cast.changqiao_patrol,
        starts_on=date(2024, 1, 1),
    )
    closed = cast.step(submitted(cast), Action.PASS_VERIFICATION, cast.zhao_min, at("2025-03-07"))
    elsewhere = cast.step(
        in_town_triage(cast),
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-04"),
        lead_unit=cast.changqiao_patrol,
        text="清理占道。",
    )
    elsewhere = cast.step(elsewhere, Action.ACKNOWLEDGE, again(cast.wu_yang), at("2025-03-05"))
    posting = cast.wu_yang.postings.get(organisation=cast.changqiao_works)
    end(cast, posting)
    assert handler(closed) == cast.wu_yang
    assert handler(elsewhere) == cast.wu_yang


def test_a_posting_that_is_renewed_leaves_nothing_behind(cast: Cast) -> None:
    with_the_unit(cast)
    posting = held(cast.wu_yang)
    Posting.objects.create(
        user=cast.wu_yang,
        role=posting.role,
        organisation=posting.organisation,
        starts_on=date(2025, 4, 1),
    )
    assert end(cast, posting).ends_on == LAST_DAY


def test_a_grid_workers_cases_go_to_another_worker_of_the_grid(cast: Cast, gu_yan: User) -> None:
    issue = taken_over(cast, cast.wang_fang)
    with pytest.raises(Refused, match="1 件经办的问题"):
        end(cast, held(cast.wang_fang))
    with pytest.raises(Refused):
        end(cast, held(cast.wang_fang), successor=cast.ma_li)
    end(cast, held(cast.wang_fang), successor=gu_yan)
    assert handler(issue) == gu_yan


def test_an_officers_cases_go_to_another_officer(cast: Cast) -> None:
    issue = taken_over(cast, cast.zhao_min)
    second = person("second", "顾燕", Role.COMMUNITY_OFFICER, cast.longxi)
    with pytest.raises(Refused, match="1 件经办的问题"):
        end(cast, held(cast.zhao_min))
    end(cast, held(cast.zhao_min), successor=second)
    assert handler(issue) == second


def test_wherever_a_case_is_in_somebodys_name_it_can_be_handed_over() -> None:
    """Only states in which nobody's name stands on a case lack the step."""
    without = {
        (state.level, state.status)
        for (state, action) in RULES
        if state and state.status in OPEN_STATUSES and (state, Action.HAND_OVER) not in RULES
    }
    assert without == {
        (Level.GRID, Status.PENDING_FIRST),
        (Level.TOWN, Status.TRIAGE),
        (Level.TOWN, Status.ASSIGNED),
        (Level.DISTRICT, Status.TRIAGE),
        (Level.DISTRICT, Status.ASSIGNED),
    }


# --- waiting for the role ---


def test_the_only_worker_of_a_grid_does_not_leave_while_cases_wait_there(cast: Cast) -> None:
    cast.report(at=at("2025-03-10", "09:10"))
    with pytest.raises(Refused, match="1 件待办的问题，这里没有其他网格员可以接手"):
        end(cast, held(cast.wang_fang))
    person("gu_yan", "顾燕", Role.GRID_WORKER, cast.longxi_grid_1)
    assert end(cast, held(cast.wang_fang)).ends_on == LAST_DAY


@pytest.mark.parametrize(
    ("reached", "name"),
    [
        (in_town_triage, "chen_jing"),
        (in_district_triage, "sun_li"),
        (submitted, "shen_lan"),
        (submitted, "wang_fang"),
    ],
)
def test_the_last_of_a_role_does_not_leave_while_cases_wait_for_it(
    cast: Cast,
    reached,
    name: str,  # type: ignore[no-untyped-def]
) -> None:
    reached(cast)
    cast.feng_gang.postings.filter(role=Role.VERIFIER).update(ends_on=date(2025, 3, 9))
    with pytest.raises(Refused, match="1 件待办的问题"):
        end(cast, held(cast.people[name]))


def test_the_only_handler_of_a_unit_does_not_leave_while_it_has_orders(cast: Cast) -> None:
    assigned(cast)
    end(cast, held(cast.feng_gang, Role.UNIT_HANDLER))
    with pytest.raises(Refused, match="1 件待办的问题"):
        end(cast, held(cast.wu_yang))


def test_a_verifier_of_the_district_stands_in_for_the_towns_last(cast: Cast) -> None:
    submitted(cast)
    cast.feng_gang.postings.filter(role=Role.VERIFIER).update(ends_on=date(2025, 3, 9))
    person("second", "顾燕", Role.VERIFIER, cast.district)
    assert end(cast, held(cast.shen_lan)).ends_on == LAST_DAY


def test_a_deputy_does_not_fill_the_post_of_who_leaves(cast: Cast) -> None:
    cast.report(at=at("2025-03-10", "09:10"))
    stand_in(cast)
    with pytest.raises(Refused, match="1 件待办的问题"):
        end(cast, held(cast.wang_fang))


# --- deputies ---


def stand_in(cast: Cast) -> Posting:
    """马丽 for 王芳, from today to the end of the month."""
    return actions.appoint_deputy(
        by=again(cast.zhao_min),
        posting=held(cast.wang_fang),
        user=cast.ma_li,
        starts_on=TODAY,
        ends_on=LAST_DAY,
    )


def test_a_deputy_acts_and_the_history_says_for_whom(cast: Cast) -> None:
    deputy = stand_in(cast)
    issue = taken_over(cast, again(cast.ma_li))
    event = issue.events.get(action=Action.FIRST_HANDLE)
    assert (event.actor, event.posting) == (cast.ma_li, deputy)
    told = history(Case.load(issue), upto=issue.event_count, calendar=calendar())[-1]
    assert told.by == "马丽 · 龙西一格 网格员（代王芳）"


def test_when_the_time_is_over_the_deputys_cases_go_back(  # type: ignore[no-untyped-def]
    cast: Cast, time_machine
) -> None:
    stand_in(cast)
    issue = taken_over(cast, again(cast.ma_li))
    time_machine.move_to("2025-04-01T00:10:00+08:00")
    actions.settle_ended_postings()
    assert handler(issue) == cast.wang_fang


def test_a_deputy_who_stops_today_gives_the_cases_back_at_once(cast: Cast) -> None:
    deputy = stand_in(cast)
    issue = taken_over(cast, again(cast.ma_li))
    actions.end_posting(by=again(cast.zhao_min), posting_id=deputy.pk, ends_on=TODAY)
    assert handler(issue) == cast.wang_fang


def test_the_deputys_own_grid_is_not_touched(cast: Cast) -> None:
    deputy = stand_in(cast)
    own = cast.report(by=cast.ma_li, at=at("2025-03-10", "09:10"), place=cast.longxi_grid_2)
    own = cast.step(own, Action.FIRST_HANDLE, again(cast.ma_li), at("2025-03-10"), text="处理。")
    actions.end_posting(by=again(cast.zhao_min), posting_id=deputy.pk, ends_on=TODAY)
    assert handler(own) == cast.ma_li


def test_who_leaves_takes_the_deputy_along_and_all_cases_go_to_the_successor(
    cast: Cast, gu_yan: User
) -> None:
    stand_in(cast)
    issues = [taken_over(cast, cast.wang_fang), taken_over(cast, again(cast.ma_li))]
    earlier = date(2025, 3, 30)
    with pytest.raises(Refused, match="2 件经办的问题"):
        end(cast, held(cast.wang_fang), ends_on=earlier)
    end(cast, held(cast.wang_fang), ends_on=earlier, successor=gu_yan)
    assert [handler(issue) for issue in issues] == [gu_yan, gu_yan]


# --- an account that is closed ---


def test_of_the_cases_of_a_closed_account_the_head_hears_and_hands_them_on(cast: Cast) -> None:
    issue = with_the_unit(cast)
    actions.deactivate_account(by=cast.ma_chao, user=cast.wu_yang)
    told = Message.objects.get(recipient=cast.zheng_hua, title="吴洋离任，1 件经办的问题待移交")
    posting = held(cast.wu_yang)
    assert told.url == f"/deputies/{posting.pk}/hand-over/"
    assert handled(posting, TODAY).get() == issue
    actions.hand_over_work(
        by=again(cast.zheng_hua), posting_id=posting.pk, successor=cast.feng_gang
    )
    assert handler(issue) == cast.feng_gang


def test_when_a_closed_account_leaves_a_post_empty_the_security_administrator_hears_too(
    cast: Cast,
) -> None:
    cast.report(at=at("2025-03-10", "09:10"))
    actions.deactivate_account(by=cast.ma_chao, user=cast.wang_fang)
    told = Message.objects.filter(title="王芳离任，1 件待办的问题待移交")
    assert {message.recipient for message in told} == {cast.zhao_min, cast.ding_yi}
    assert {message.url for message in told} == {
        f"/deputies/{held(cast.wang_fang).pk}/hand-over/",
        f"/admin/people/posting/{held(cast.wang_fang).pk}/change/",
    }


def test_a_closed_deputys_cases_go_back_at_once(cast: Cast) -> None:
    stand_in(cast)
    issue = taken_over(cast, again(cast.ma_li))
    actions.deactivate_account(by=cast.ma_chao, user=cast.ma_li)
    assert handler(issue) == cast.wang_fang
