"""Eight people at once take random steps, allowed and not, on the same twenty cases by API.

They hold old versions, send requests twice, merge cases into each other crosswise and order
supervision of the same year, while the sweeps run beside them. Afterwards every case is whole.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone
from rest_framework.throttling import UserRateThrottle

from core import outbox
from core.workdays import calendar
from issues import chain, recalculation, sweeps
from issues.choices import Action, Level, Source, Status
from issues.inputs import INPUTS
from issues.models import Assignment, Clock, Issue, IssueEvent, Supervision
from issues.states import State
from issues.workflow import rules_from
from people.choices import ADMINISTRATORS, Role
from people.models import DeviceToken, Posting
from tests.api.phone import Phone
from tests.cast import assemble, post
from tests.issues.holds import check_saved

WORKERS = 8
STEPS_EACH = 110
CASES = 20


@dataclass(frozen=True)
class Answer:
    """What one request was and what became of it."""

    worker: int
    issue_id: int
    action: Action
    version: int  # sent
    was_stale: bool  # when it was sent
    status: int
    data: Any

    @property
    def done(self) -> bool:
        return self.status == 200


# --- who acts, and what they send ---


class Worker:
    """One person after the other at one keyboard, by dice of its own."""

    def __init__(self, number: int, storm: Storm) -> None:
        self.number, self.storm = number, storm
        self.dice = Random(f"{storm.seed}-{number}")  # noqa: S311 (to be repeated, not a secret)
        self.phones = {user_id: Phone() for user_id in storm.keys}
        for user_id, phone in self.phones.items():
            phone.credentials(HTTP_AUTHORIZATION=f"Token {storm.keys[user_id]}")

    def work(self) -> list[Answer]:
        try:
            return [answer for _ in range(STEPS_EACH) for answer in self.one_step()]
        finally:
            connections.close_all()

    def one_step(self) -> Iterator[Answer]:
        in_the_eye = self.dice.random() < 0.4
        issue_id = self.storm.eye if in_the_eye else self.dice.choice(self.storm.ids)
        issue = Issue.objects.get(pk=issue_id)
        action, posting = self.allowed(issue) if self.dice.random() < 0.75 else self.anything()
        version, was_stale = issue.version, False
        if self.dice.random() < 0.15:
            version, was_stale = self.dice.randrange(issue.version), True
        body = {"version": version, **self.body(action, issue)}
        phone, key = self.phones[posting.user_id], str(uuid.UUID(int=self.dice.getrandbits(128)))
        response = phone.send(f"/issues/{issue.pk}/actions/{action}", body, key=key)
        yield self.answered(issue.pk, action, version, was_stale, response)
        if response.status_code == 200 and self.dice.random() < 0.2:
            again = phone.send(f"/issues/{issue.pk}/actions/{action}", body, key=key)
            assert again.headers.get("Idempotency-Replayed") == "true"
            assert (again.status_code, again.data) == (200, json.loads(response.content))

    def answered(
        self, issue_id: int, action: Action, version: int, was_stale: bool, response: Any
    ) -> Answer:
        return Answer(
            self.number,
            issue_id,
            action,
            version,
            was_stale,
            response.status_code,
            json.loads(response.content or "null"),
        )

    def allowed(self, issue: Issue) -> tuple[Action, Posting]:
        """A step that leaves the state of the case, and somebody whose role takes it there."""
        rules = rules_from(State(Level(issue.level), Status(issue.status)))
        steps = [(action, rule) for action, rule in rules.items() if action in self.storm.actions]
        self.dice.shuffle(steps)
        if self.dice.random() < 0.5:
            steps.sort(key=lambda pair: issue.status in [state.status for state in pair[1].to])
        for action, rule in steps:
            able = [
                posting
                for posting in self.storm.postings
                if posting.role in rule.roles
                and (posting.place_id or posting.organisation_id == issue.lead_unit_id)
            ]
            if able:
                return action, self.dice.choice(able)
        return self.anything()

    def anything(self) -> tuple[Action, Posting]:
        return self.dice.choice(self.storm.actions), self.dice.choice(self.storm.postings)

    def body(self, action: Action, issue: Issue) -> dict[str, Any]:
        """What the action's form asks for, by chance; not all of it is acceptable."""
        dice, cast = self.dice, self.storm.cast
        units = [cast.changqiao_works, cast.changqiao_patrol]
        if issue.level == Level.DISTRICT:
            units += [cast.housing, cast.water]
        dice.shuffle(units)
        in_some_days = timezone.localdate() + timedelta(days=dice.randrange(1, 12))
        reasons = {
            Action.ESCALATE_TOWN: "money",
            Action.ESCALATE_DISTRICT: "disputed",
            Action.SEND_DOWN: "needs_facts",
            Action.REQUEST_RETURN: "not_our_duty",
            Action.REOPEN: "relapse",
            Action.VOID: "test",
            Action.DECLINE: "not_ours",
        }
        body: dict[str, Any] = {
            "text": "按规定办理。",
            "reason": reasons.get(action, "not_done"),
            "outcome": dice.choice(["resolved", "explained"]),
            "lead_unit": units[0].pk,
            "units": [unit.pk for unit in units[:2]],
            "until": in_some_days.isoformat(),
            "kind": "engineering",
            "visibility": "public",
            "how": "phone",
            "grade": "general",
            "leader_name": "周伟",
            "master": dice.choice(self.storm.ids),
            "to": dice.choice(self.storm.postings).user_id,
            "title": f"更正 {dice.randrange(1000)}",
            "contact": "reached" if dice.random() < 0.7 else "not_reached",
        }
        if body["contact"] == "reached":
            body["is_solved"] = dice.random() < 0.5
        if action == Action.CO_REPLY or dice.random() < 0.5:
            body["limit_days"] = dice.randrange(1, 8)
        if action == Action.ADD_CO or dice.random() < 0.3:
            body["co_units"] = [{"unit": units[1].pk, "task": "协助。"}]
        if action == Action.CORRECT:
            places = [cast.longxi_grid_1, cast.longxi_grid_2]
            body = {"title": body["title"], "place": dice.choice(places).pk, "text": "登记有误。"}
        return body


class Storm:
    """The people, the cases, and what all of them have been answered."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cast = cast = assemble()
        post(cast.xu_lei, Role.UNIT_HEAD, cast.changqiao_patrol)
        post(cast.gao_feng, Role.UNIT_HEAD, cast.water)
        self.postings: Sequence[Posting] = list(
            Posting.objects.exclude(role__in=ADMINISTRATORS).exclude(place=cast.mudu).order_by("id")
        )
        people = {posting.user_id: posting.user for posting in self.postings}
        self.keys = {
            user_id: DeviceToken.objects.create(user=user, device_name="测试机")[1]
            for user_id, user in people.items()
        }
        self.actions = [action for action in INPUTS if action != Action.CREATE]
        self.ids = [issue.pk for issue in self.cases()]
        self.over = threading.Event()

    def cases(self) -> Iterator[Issue]:
        """Twenty in one grid and of one category, so that they can be merged; some further on."""
        cast = self.cast
        for n in range(CASES):
            issue = cast.report(
                source=Source.RESIDENT if n % 3 else Source.PATROL,
                contact_phone="12012345678" if n % 3 else "",
            )
            if n % 4:
                issue = cast.step(
                    issue,
                    Action.ESCALATE_TOWN,
                    cast.wang_fang,
                    reason="beyond_power",
                    text="须更换井盖。",
                )
            if n % 4 == 2:
                issue = cast.step(
                    issue,
                    Action.ASSIGN,
                    cast.chen_jing,
                    lead_unit=cast.changqiao_works,
                    text="更换井盖。",
                )
            if n % 4 == 3:
                issue = cast.step(
                    issue,
                    Action.CONSULT,
                    cast.chen_jing,
                    units=[cast.changqiao_works],
                    text="提请联诊。",
                )
                issue = cast.step(
                    issue,
                    Action.ESCALATE_DISTRICT,
                    cast.zhou_wei,
                    reason="several_units",
                    text="提请联诊。",
                )
            yield issue

    @property
    def eye(self) -> int:
        """The case on which many act at this very moment."""
        return self.ids[int(time.monotonic() * 4) % CASES]

    def blow(self) -> list[Answer]:
        workers = [Worker(number, self) for number in range(WORKERS)]
        with ThreadPoolExecutor(WORKERS + 1) as pool:
            sweeping = pool.submit(self.sweep)
            try:
                answers = [*itertools.chain(*pool.map(Worker.work, workers))]
            finally:
                self.over.set()
            sweeping.result()
        return answers

    def sweep(self) -> None:
        """What time brings, beside the people."""
        try:
            while not self.over.wait(0.2):
                self.make_due()
                sweeps.remind_of_deadlines()
                sweeps.acknowledge_overdue_assignments()
                sweeps.resume_suspended()
                sweeps.supervise_neglected()
                recalculation.recalculate_provisional()
                outbox.deliver_all()
        finally:
            connections.close_all()

    def make_due(self) -> None:
        """Row by row: a test must not hold many rows at once, as the platform never does."""
        past = timezone.now() - timedelta(minutes=1)
        for rows, field in [
            (Clock.objects.filter(next_reminder_at__isnull=False), "next_reminder_at"),
            (Assignment.objects.filter(acknowledged_at=None, is_lead=True), "acknowledge_due_at"),
            (Issue.objects.filter(status=Status.SUSPENDED), "review_at"),
        ]:
            for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
                rows.filter(pk=pk).update(**{field: past})


def test_twenty_cases_stay_whole_in_a_storm_of_steps(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UserRateThrottle, "rate", "1000000/min", raising=False)
    seed = int(os.environ.get("STORM_SEED", "20250303"))
    storm = Storm(seed)
    connection.close()  # no transaction of this thread stands in the way

    answers = storm.blow()

    try:
        check_answers(answers)
        check_cases(storm, answers)
        check_database()
    except AssertionError as error:
        error.add_note(f"STORM_SEED={seed}")
        raise


def check_answers(answers: list[Answer]) -> None:
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {200, 400, 403, 404, 409, 422}, statuses
    assert statuses[200] >= len(answers) // 10, statuses  # it was a storm, not a lull
    raced = sum(answer.status == 409 and not answer.was_stale for answer in answers)
    assert raced > 0, "nobody was too late: these were no workers at once"
    for answer in answers:
        if answer.was_stale:
            assert answer.status in (400, 404, 409), answer
        if answer.status == 409:
            assert answer.data["code"] == "stale", answer
        if answer.done:
            assert answer.data["version"] == answer.version + 1, answer
    # A version was used up by whoever came first; everybody else who held it was stale.
    taken = Counter((answer.issue_id, answer.version) for answer in answers if answer.done)
    assert set(taken.values()) <= {1}


def check_cases(storm: Storm, answers: list[Answer]) -> None:
    days = calendar()
    done = Counter((answer.issue_id, answer.action) for answer in answers if answer.done)
    for issue in Issue.objects.filter(pk__in=storm.ids):
        check_saved(issue, days)
        events = Counter(issue.events.values_list("action", flat=True))
        for action in storm.actions:  # what was answered as done is done, once
            assert events[action] >= done[issue.pk, action]
        check_assignments(issue)
        check_masters(issue)
    assert [*chain.verify_cases(chain.Tally())] == []


def check_assignments(issue: Issue) -> None:
    """Each order to a lead unit comes from one step, and each such step made one."""
    orders = issue.events.filter(
        action__in=[Action.ASSIGN, Action.TRANSFER, Action.APPLY_RESOLUTION]
    ).count()
    rulings = issue.rulings.filter(kind=Action.ARBITRATE)
    moved = sum(row.unit_id != row.from_unit_id for row in rulings)
    leads = Assignment.objects.filter(issue=issue, is_lead=True)
    assert leads.count() == orders + moved
    assert leads.filter(left_seq=None).count() <= 1


def check_masters(issue: Issue) -> None:
    """Merging crosswise makes no circle; both sides of each merge tell of it."""
    seen = {issue.pk}
    above = issue.master
    while above is not None:
        assert above.pk not in seen
        seen.add(above.pk)
        above = above.master
    for event in issue.events.filter(action=Action.MERGE):
        assert IssueEvent.objects.filter(
            issue=event.data["master_id"],
            action=Action.ABSORB,
            data__merged_id=issue.pk,
            at=event.at,
        ).exists()


def check_database() -> None:
    serials = list(Supervision.objects.order_by("serial").values_list("serial", flat=True))
    assert serials == list(range(1, len(serials) + 1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert cursor.fetchone() == (0,)
