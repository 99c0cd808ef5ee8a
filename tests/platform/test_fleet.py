"""Two web servers and three workers share one PostgreSQL and one Redis; one of each dies at work.

Eight grid workers report and take first steps meanwhile. A phone that gets no answer sends the very
same request to the other server, as a load balancer would let it. Afterwards nothing that was
accepted is lost, and nothing is there twice.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from core.models import IdempotencyKey, Message
from governance.celery import app as celery_app
from issues import chain, sweeps
from issues.choices import Action, ClockKind, LimitUnit, MessageKind
from issues.models import Category, Clock, Issue, IssueEvent
from people.choices import Role
from people.models import DeviceToken, Posting
from tests.processes import Platform, running_platform

Result = TypeVar("Result")

PHONES = 8
REPORTS_EACH = 12
BEFORE_THE_KILL = 24  # reports accepted
PATIENCE = 60  # seconds


@pytest.fixture(scope="module")
def fleet(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Platform]:
    """Two web servers and three workers on the small reference district."""
    os.environ["THROTTLE_USER"] = "100000/min"
    try:
        with django_db_blocker.unblock(), running_platform("small") as running:
            running.start_web("web-2")
            running.start_worker("worker-2")
            running.start_worker("worker-3")
            yield running
    finally:
        del os.environ["THROTTLE_USER"]


@dataclass
class Phone:
    """A grid worker's phone: each request goes out until it is answered, to one server or other."""

    token: str
    grid_id: int
    servers: list[str]
    accepted: list[uuid.UUID] = field(default_factory=list)
    unanswered: int = 0

    def work(self, category_id: int) -> None:
        for _ in range(REPORTS_EACH):
            client_id = uuid.uuid4()
            report = {
                "client_id": str(client_id),
                "place": self.grid_id,
                "category": category_id,
                "text": "河道护栏松动，请尽快处理。",
            }
            issue = self.send("/issues", report)
            step = {"version": issue["version"], "text": "已到现场设置警示。"}
            self.send(f"/issues/{issue['id']}/actions/first_handle", step)
            self.accepted.append(client_id)

    def send(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "Authorization": f"Token {self.token}",
            "Idempotency-Key": str(uuid.uuid4()),
        }
        for attempt in range(PATIENCE):
            server = self.servers[attempt % len(self.servers)]
            try:
                answer = httpx.post(
                    f"{server}/api/v1{path}", json=body, headers=headers, timeout=PATIENCE
                )
            except httpx.TransportError:
                self.unanswered += 1
                time.sleep(0.1)
                continue
            assert answer.status_code in (200, 201), answer.text
            done: dict[str, Any] = answer.json()
            return done
        raise AssertionError(f"no server answered {path}")


def test_one_of_each_dies_under_load_and_nothing_is_lost_or_doubled(fleet: Platform) -> None:
    make_reminders_due()
    expected = reminders_that_a_sweep_writes()
    assert len(expected) >= 20
    before = set(Message.objects.values_list("key", flat=True))
    category_id = Category.objects.filter(parent__isnull=False).values_list("pk", flat=True)[0]
    phones = the_phones(fleet)

    with ThreadPoolExecutor(PHONES) as pool:
        working = [pool.submit(phone.work, category_id) for phone in phones]
        eventually(lambda: sum(len(p.accepted) for p in phones) >= BEFORE_THE_KILL)
        kill_one_of_each_at_work(fleet)
        for done in working:
            done.result()
    assert sum(phone.unanswered for phone in phones) > 0

    as_the_clock_would()
    eventually(lambda: expected <= reminders())
    eventually(lambda: not undelivered())

    accepted = [client_id for phone in phones for client_id in phone.accepted]
    assert len(set(accepted)) == PHONES * REPORTS_EACH
    rows = Issue.objects.filter(client_id__in=accepted)
    assert sorted(rows.values_list("client_id", flat=True)) == sorted(accepted)
    steps = list(
        IssueEvent.objects.filter(issue__in=rows)
        .order_by("issue_id", "seq")
        .values_list("action", flat=True)
    )
    assert steps == [Action.CREATE, Action.FIRST_HANDLE] * len(accepted)
    assert IdempotencyKey.objects.count() == 2 * len(accepted)
    assert reminders() - before == expected - before
    assert list(chain.verify_cases(chain.Tally())) == []


# --- the load ---


def the_phones(fleet: Platform) -> list[Phone]:
    """One for each of eight grid workers; every other one turns to the second server first."""
    today = timezone.localdate()
    postings = Posting.objects.in_force(today).filter(role=Role.GRID_WORKER).order_by("user_id")
    servers = [fleet.url_of("web"), fleet.url_of("web-2")]
    phones = []
    for number, posting in enumerate(postings.distinct("user_id")[:PHONES]):
        _, key = DeviceToken.objects.create(user=posting.user, device_name="测试机")
        mine = servers if number % 2 else servers[::-1]
        phones.append(Phone(key, posting.place_id or 0, mine))
    assert len(phones) == PHONES
    return phones


def kill_one_of_each_at_work(fleet: Platform) -> None:
    """Hold up everybody who writes, so that the two die in the midst of a transaction."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("LOCK TABLE core_message, issues_issueevent IN SHARE MODE")
        for _ in range(3):
            celery_app.send_task("issues.tasks.remind_of_deadlines")
        busy = eventually(who_reminds)
        eventually(lambda: held_up() > PHONES // 2)
        fleet.kill("web-2")
        fleet.kill(busy)


def who_reminds() -> str:
    """The worker that is at the sweep of reminders."""
    active = celery_app.control.inspect(timeout=2).active() or {}
    return next(
        (
            name.partition("@")[0]
            for name, tasks in active.items()
            if any(task["name"] == "issues.tasks.remind_of_deadlines" for task in tasks)
        ),
        "",
    )


def held_up() -> int:
    """How many sessions of the database wait to write."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            " AND relation IN ('core_message'::regclass, 'issues_issueevent'::regclass)"
        )
        return int(cursor.fetchone()[0])


def as_the_clock_would() -> None:
    """What the beat sends every few minutes anyway, also when a task died with its worker."""
    for name in ("issues.tasks.remind_of_deadlines", "core.tasks.deliver_messages"):
        celery_app.send_task(name)


# --- what is due ---


def make_reminders_due() -> None:
    """All open step clocks turn red now; in hours, as those remind at any time of the day."""
    now = timezone.now()
    Clock.objects.filter(kind=ClockKind.STEP, ended_at=None, paused_at=None).update(
        limit_unit=LimitUnit.HOURS,
        limit_value=4,
        yellow_at=now - timedelta(hours=2),
        due_at=now - timedelta(hours=1),
        next_reminder_at=now - timedelta(minutes=1),
    )


def reminders_that_a_sweep_writes() -> set[str]:
    """The keys of the messages that one undisturbed sweep writes; nothing of it stays."""
    with transaction.atomic():
        sweeps.remind_of_deadlines()
        keys = reminders()
        transaction.set_rollback(True)
    return keys


def reminders() -> set[str]:
    kinds = (MessageKind.NEAR_DUE, MessageKind.DUE, MessageKind.OVERDUE)
    return set(Message.objects.filter(kind__in=kinds).values_list("key", flat=True))


def undelivered() -> int:
    later = Q(not_before__gt=timezone.now())
    return Message.objects.filter(delivered_at=None).exclude(later).count()


def eventually(happens: Callable[[], Result]) -> Result:
    """Wait until it gives something true, and return that."""
    deadline = time.monotonic() + PATIENCE
    while not (result := happens()):
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.05)
    return result
