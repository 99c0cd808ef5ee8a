"""Delta sync loses nothing: neither what is committed late nor what leaves or enters a scope.

These tests commit, because what a transaction has not committed no snapshot shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.core import signing
from django.db import connection, connections, transaction
from django.utils import timezone

from issues import actions
from issues.api import sync
from issues.choices import Action
from issues.models import Issue
from people.choices import Role
from people.models import Posting, User
from tests.api.phone import Phone
from tests.cast import Cast, again, assemble, person, post
from tests.issues.moments import at, with_two_departments


@pytest.fixture
def town(committed_db: str) -> Cast:
    return assemble()


@dataclass
class Device:
    """A phone which keeps what sync gives it, and nothing else."""

    user: User
    limit: int = 100
    cursor: str = ""
    held: dict[int, int] = field(default_factory=dict)  # issue id → version

    def __post_init__(self) -> None:
        self.phone = Phone(self.user)

    def page(self) -> Any:
        """Take one page and keep it."""
        response = self.phone.read("/sync", cursor=self.cursor, limit=self.limit)
        assert response.status_code == 200, response.data
        for row in response.data["changed"]:
            self.held[row["id"]] = row["version"]
        for pk in response.data["removed"]:
            self.held.pop(pk, None)
        self.cursor = response.data["cursor"]
        return response.data

    def sync(self) -> list[int]:
        """Take pages until there are no more; return the ids that were handed out."""
        handed = []
        while True:
            page = self.page()
            handed += [row["id"] for row in page["changed"]]
            if not page["has_more"]:
                return handed

    def is_true(self) -> bool:
        """Whether the device holds exactly what its owner may see now."""
        now = Issue.objects.visible_to(again(self.user)).values_list("pk", "version")
        return self.held == dict(now)


# --- the ordinary course ---


def test_the_first_sync_brings_everything_and_the_next_brings_nothing(town: Cast) -> None:
    issues = [town.report() for _ in range(3)]
    town.report(by=town.li_qiang, place=town.jinshan_grid_1)
    device = Device(town.wang_fang)

    assert device.sync() == [issue.pk for issue in issues]
    assert device.is_true()
    assert device.sync() == []


def test_the_next_sync_brings_what_is_new_and_what_has_changed(town: Cast) -> None:
    changed, untouched = town.report(), town.report()
    device = Device(town.wang_fang)
    device.sync()

    town.step(changed, Action.FIRST_HANDLE, town.wang_fang, text="先看看。")
    new = town.report()

    assert device.sync() == [changed.pk, new.pk]
    assert device.is_true()
    assert untouched.pk in device.held


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_any_size_add_up(town: Cast, limit: int) -> None:
    issues = [town.report() for _ in range(5)]
    device = Device(town.wang_fang, limit)
    assert device.sync() == [issue.pk for issue in issues]

    for issue in issues:
        town.step(issue, Action.FIRST_HANDLE, town.wang_fang, text="先看看。")
    assert device.sync() == [issue.pk for issue in issues]
    assert device.is_true()


def test_many_rows_of_one_transaction_are_paged_too(town: Cast) -> None:
    device = Device(town.wang_fang, limit=2)
    device.sync()
    with transaction.atomic():
        issues = [town.report() for _ in range(5)]
    assert device.sync() == [issue.pk for issue in issues]


def test_an_issue_enters_and_stays_for_a_unit_that_is_called_in(town: Cast) -> None:
    device = Device(town.gao_feng)
    assert device.sync() == []
    issue = with_two_departments(town)
    assert device.sync() == [issue.pk]


# --- what is committed late ---


@contextmanager
def open_transaction(work: Any) -> Iterator[Event]:
    """Do ``work`` in a transaction of another connection that commits when the event is set."""
    done, may_commit = Event(), Event()

    def run() -> None:
        try:
            with transaction.atomic():
                work()
                done.set()
                assert may_commit.wait(30)
        finally:
            done.set()
            connections.close_all()

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run)
        assert done.wait(30)
        try:
            yield may_commit
        finally:
            may_commit.set()
            running.result(30)


def test_a_row_committed_after_a_later_one_was_handed_out_still_arrives(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    with open_transaction(lambda: town.report(text="先写，后提交。")):
        later = town.report(text="后写，先提交。")
        assert device.sync() == [later.pk]
        assert device.sync() == []
    first = Issue.objects.get(title="先写，后提交")
    assert first.pk < later.pk
    assert first.changed_xid < Issue.objects.get(pk=later.pk).changed_xid

    assert device.sync() == [first.pk]
    assert device.is_true()
    assert device.sync() == []


def test_the_very_first_sync_may_meet_an_open_transaction(town: Cast) -> None:
    device = Device(town.wang_fang)
    with open_transaction(lambda: town.report()):
        later = town.report()
        assert device.sync() == [later.pk]
    assert len(device.sync()) == 1
    assert device.is_true()


def test_a_change_committed_between_two_pages_is_not_lost(town: Cast) -> None:
    issues = [town.report() for _ in range(4)]
    device = Device(town.wang_fang, limit=2)
    device.sync()
    for issue in issues:
        town.step(issue, Action.FIRST_HANDLE, town.wang_fang, text="先看看。")
    with open_transaction(lambda: town.report()):
        device.page()  # the first two
        # One that was handed out, and one that was not yet, change again.
        for issue in (issues[0], issues[3]):
            town.step(issue, Action.ESCALATE_TOWN, town.wang_fang, reason="money", text="钱。")
    device.sync()
    assert not device.is_true()  # what was written after the round began belongs to the next
    device.sync()
    assert device.is_true()


def test_a_round_ends_though_others_keep_writing(town: Cast) -> None:
    for _ in range(3):
        town.report()
    device = Device(town.wang_fang, limit=1)
    device.sync()
    for issue in Issue.objects.all():
        town.step(issue, Action.FIRST_HANDLE, town.wang_fang, text="先看看。")
    pages = 0
    while True:
        pages += 1
        more = device.page()["has_more"]
        town.report()
        if not more:
            break
    assert pages == 3


def test_a_writing_that_was_rolled_back_brings_nothing(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    with transaction.atomic():
        town.report()
        transaction.set_rollback(True)
    assert device.sync() == []


# --- what leaves and enters a scope ---


def end(posting: Posting) -> None:
    posting.ends_on = timezone.localdate() - timedelta(days=1)
    posting.save()


def test_what_leaves_the_scope_arrives_as_a_removal(town: Cast) -> None:
    own = town.report(by=town.wang_fang)
    others = [town.report(by=town.zhao_min) for _ in range(3)]
    device = Device(town.wang_fang, limit=2)
    device.sync()

    end(town.wang_fang.postings.get())

    first = device.page()
    assert (first["removed"], first["changed"]) == ([i.pk for i in others[:2]], [])
    device.sync()
    assert device.held == {own.pk: own.version}
    assert device.is_true()
    assert device.sync() == []


def test_a_case_whose_place_was_corrected_leaves_the_wrong_phone_for_the_right_one(
    town: Cast,
) -> None:
    issue, stays = town.report(), town.report()
    first_grid, second_grid = Device(town.wang_fang), Device(town.ma_li)
    dispatcher = Device(town.chen_jing)
    for device in (first_grid, second_grid, dispatcher):
        device.sync()
    # 王芳 reported it herself, so she keeps it; her deputy does not.
    deputy_of_wang = person("deputy", "代岗", Role.GRID_WORKER, town.longxi_grid_1)
    deputy = Device(deputy_of_wang)
    deputy.sync()

    town.step(issue, Action.CORRECT, town.chen_jing, place=town.longxi_grid_2, text="实际在二格。")
    for device in (first_grid, second_grid, dispatcher, deputy):
        device.sync()

    assert set(deputy.held) == {stays.pk}
    assert set(second_grid.held) == {issue.pk}
    assert all(device.is_true() for device in (first_grid, second_grid, dispatcher, deputy))


def test_a_case_corrected_there_and_back_stays(town: Cast) -> None:
    issue = town.report()
    deputy = Device(person("deputy", "代岗", Role.GRID_WORKER, town.longxi_grid_1))
    deputy.sync()
    for place in (town.longxi_grid_2, town.longxi_grid_1):
        town.step(issue, Action.CORRECT, town.chen_jing, place=place, text="更正。")

    deputy.sync()

    assert set(deputy.held) == {issue.pk}
    assert deputy.is_true()


def test_what_another_posting_still_shows_is_not_removed(town: Cast) -> None:
    post(town.wang_fang, Role.COMMUNITY_OFFICER, town.longxi)
    issue = town.report(by=town.ma_li, place=town.longxi_grid_2)
    kept = town.report(by=town.zhao_min)
    device = Device(town.wang_fang)
    device.sync()

    end(town.wang_fang.postings.get(place=town.longxi))

    assert device.page()["removed"] == [issue.pk]
    assert set(device.held) == {kept.pk}


def test_a_unit_that_one_no_longer_works_for_takes_its_cases_along(town: Cast) -> None:
    issue = with_two_departments(town)
    device = Device(town.he_jun)
    device.sync()
    assert device.held == {issue.pk: issue.version}

    end(town.he_jun.postings.get())

    assert device.page()["removed"] == [issue.pk]
    assert device.is_true()


def test_a_new_posting_brings_what_has_long_been_there(town: Cast) -> None:
    old = town.report(by=town.ma_li, place=town.longxi_grid_2)
    device = Device(town.wang_fang)
    assert device.sync() == []

    post(town.wang_fang, Role.GRID_WORKER, town.longxi_grid_2)

    assert device.sync() == [old.pk]
    assert device.is_true()


def test_a_transfer_removes_the_old_and_brings_the_new(town: Cast) -> None:
    left = [town.report(by=town.zhao_min) for _ in range(3)]
    found = [town.report(by=town.ma_li, place=town.longxi_grid_2) for _ in range(3)]
    device = Device(town.wang_fang, limit=2)
    device.sync()
    assert set(device.held) == {issue.pk for issue in left}

    # The same row of the table, moved to another place.
    town.wang_fang.postings.update(place=town.longxi_grid_2)

    device.sync()
    assert set(device.held) == {issue.pk for issue in found}
    assert device.is_true()


def test_a_posting_that_begins_anew_at_the_same_place_changes_nothing(town: Cast) -> None:
    town.report()
    device = Device(town.wang_fang)
    device.sync()
    end(town.wang_fang.postings.get())
    post(town.wang_fang, Role.GRID_WORKER, town.longxi_grid_1)
    page = device.page()
    assert (page["changed"], page["removed"]) == ([], [])


@pytest.mark.parametrize("pages_before", [1, 2, 3])
def test_a_scope_that_changes_between_two_pages_leaves_nothing_behind(
    town: Cast, pages_before: int
) -> None:
    for _ in range(3):
        town.report(by=town.zhao_min)
        town.report(by=town.ma_li, place=town.longxi_grid_2)
    device = Device(town.wang_fang, limit=2)
    device.page()
    town.wang_fang.postings.update(place=town.longxi_grid_2)
    for _ in range(pages_before):
        device.page()
    town.wang_fang.postings.update(place=town.jinshan_grid_1)
    device.sync()
    assert device.is_true()
    town.wang_fang.postings.update(place=town.longxi_grid_1)
    device.sync()
    assert device.is_true()


def test_what_was_lost_and_regained_between_two_pages_comes_back(town: Cast) -> None:
    issues = [town.report(by=town.zhao_min) for _ in range(3)]
    device = Device(town.wang_fang, limit=1)
    device.sync()
    posting = town.wang_fang.postings.get()
    end(posting)
    assert device.page()["removed"] == [issues[0].pk]

    Posting.objects.filter(pk=posting.pk).update(ends_on=None)

    device.sync()
    assert device.is_true()


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_between_any_two_pages_the_device_ends_up_true(
    town: Cast, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    grids = [town.longxi_grid_1, town.longxi_grid_2, town.longxi]
    device = Device(town.wang_fang, limit=2)

    def report() -> None:
        grid = chance.choice(grids)
        town.report(by=again(town.zhao_min), place=grid)

    def change() -> None:
        if waiting := Issue.objects.filter(status="pending_first").order_by("pk"):
            town.step(
                chance.choice(waiting), Action.FIRST_HANDLE, again(town.zhao_min), text="先看看。"
            )

    def move() -> None:
        place = chance.choice([*grids, town.jinshan_grid_1])
        role = Role.COMMUNITY_OFFICER if place == town.longxi else Role.GRID_WORKER
        town.wang_fang.postings.update(place=place, role=role)

    for _ in range(60):
        chance.choices([report, change, move, device.page], weights=[4, 2, 1, 5])[0]()
        if chance.random() < 0.1:
            device.sync()
            device.sync()
            assert device.is_true()
    device.sync()
    device.sync()
    assert device.is_true()


# --- cursors that are not ours ---


def refusal(user: User, cursor: str) -> tuple[int, str]:
    response = Phone(user).read("/sync", cursor=cursor)
    return response.status_code, response.data["code"]


def test_a_cursor_of_somebody_else_is_refused(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    assert refusal(town.ma_li, device.cursor) == (400, "bad_cursor")


def test_an_altered_or_invented_cursor_is_refused(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    altered = device.cursor[:10] + ("A" if device.cursor[10] != "A" else "B") + device.cursor[11:]
    for cursor in (altered, "x", "1:2:3", device.cursor[:-1], "é", "\x00", signing.dumps({"a": 1})):
        assert refusal(town.wang_fang, cursor)[0] == 400


def test_a_cursor_of_another_database_has_expired(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    fields = signing.loads(device.cursor, salt=sync.SALT)
    foreign = signing.dumps({**fields, "database": "7-1"}, salt=sync.SALT)
    assert refusal(town.wang_fang, foreign) == (410, "cursor_expired")


def test_a_cursor_from_after_a_backup_has_expired_when_the_backup_is_restored(town: Cast) -> None:
    device = Device(town.wang_fang)
    device.sync()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        future = int(cursor.fetchone()[0]) + 1000
    fields = signing.loads(device.cursor, salt=sync.SALT)
    ahead = signing.dumps({**fields, "seen": f"{future}:{future}:"}, salt=sync.SALT)
    assert refusal(town.wang_fang, ahead) == (410, "cursor_expired")


def test_rows_that_a_restore_brought_from_another_cluster_arrive(town: Cast) -> None:
    """Such rows carry transaction ids that this cluster has not reached yet."""
    issue = town.report()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE issues_issue DISABLE TRIGGER USER")
        cursor.execute("UPDATE issues_issue SET changed_xid = 4000000000")
        cursor.execute("ALTER TABLE issues_issue ENABLE TRIGGER USER")
    device = Device(town.wang_fang)
    assert device.sync() == [issue.pk]
    assert device.sync() == []
    actions.perform(
        issue.pk,
        Action.FIRST_HANDLE,
        by=again(town.wang_fang),
        data={"text": "先看看。"},
        expected_version=1,
        at=at("2025-03-03"),
    )
    assert device.sync() == [issue.pk]
