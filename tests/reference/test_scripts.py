"""The bulk writer and the real actions leave the same rows behind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from core.models import Message
from governance.reference import besides, history, scripts, twists
from governance.reference.besides import Counts
from governance.reference.duplicates import Doubles
from governance.reference.lines import Script, midnight
from governance.reference.matters import Matters
from governance.reference.pictures import Album
from governance.reference.stage import Stage
from governance.reference.stories import Story
from issues import chain
from issues.choices import Action, Level, Source
from issues.inputs import INPUTS
from issues.models import (
    Approval,
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Instruction,
    Issue,
    IssueEvent,
    Photo,
    Relocation,
    Revisit,
    Ruling,
    Supervision,
)
from tests.reference.playing import act

UNREAD_SINCE = scripts.unread_since(date(2025, 3, 20))

# What differs between two runs of the same script: keys, salts, and the hashes over them.
KEYS = {
    Issue: {"id", "number", "changed_xid", "head_hash"},
    Assignment: {"id", "issue"},
    Clock: {"id", "issue", "assignment"},
    ClockPause: {"id", "clock"},
    IssueEvent: {"id", "issue", "text", "text_sha256", "prev_hash", "hash"},
    EventText: {"id", "salt"},
    Revisit: {"id", "issue"},
    Approval: {"id", "issue"},
    Ruling: {"id", "issue"},
    Supervision: {"id", "issue", "clock", "serial"},  # the loader numbers them all anew
    Instruction: {"id", "issue", "clock"},
    Relocation: {"id", "issue", "changed_xid"},
    Photo: {"id", "issue"},
    Message: {"id", "key", "url", "body"},
}


# What neither a story nor anything beside it does: other rooms do, or the calendar.
ELSEWHERE = {Action.RECALCULATE, Action.CONVERT_TO_PROJECT, Action.APPLY_RESOLUTION}
OF_THE_PLATFORM = {"grade", "cause", "text", "merged"}  # what it knows when it takes a step
END = midnight(date(2025, 12, 1))


def some_scripts(stage: Stage) -> list[Script]:
    """Stories of all levels and twists, enough for every action of the table to come up."""
    rng = Random("stories of a test")  # noqa: S311 - no secret
    matters = Matters(stage, rng)
    told = []
    for number, twist in enumerate([*8 * [*twists.COUNTS], *150 * [None]]):
        day = date(2025, 3, 3) + timedelta(days=number % 11)
        matter = matters.draw(list(Level)[number % 3], with_contact=number % 2 == 0)
        while twist and not twists.may_take(stage, matter, twist):
            matter = matters.draw(rng.choice(list(Level)), with_contact=rng.random() < 0.5)
        matter = twists.with_twist(matter, twist) if twist else matter
        told.append(Story(stage, matter, Random(f"test {number}")).tell(day))  # noqa: S311
    wanted = set(Action) - ELSEWHERE
    needed: list[Script] = []
    for script in told:  # as few as will do: the real actions take their time
        fresh = wanted & {line.action for line in script}
        if fresh or len(needed) < 12:
            needed.append(script)
            wanted -= fresh
    # A wrong place is only entered by who reports from elsewhere.
    needed += [s for s in told if s[0].data["source"] == Source.INSPECTION and s not in needed][:4]
    doubles = Doubles(stage, rng, END)
    needed += [*doubles.merged(needed, 2), *doubles.unmerged(needed, 1)]
    counts = Counts(corrections=1, co_units=2, urged=2, orders=9, instructions=3)
    needed = besides.add(stage, needed, counts, purpose="test", until=END)
    wanted -= {line.action for script in needed for line in script}
    assert not wanted, f"no story has {wanted}"
    return sorted(needed, key=lambda script: script[0].at)


def played(stories: Iterable[Script]) -> list[Issue]:
    """The issues that were made from the scripts, in their order."""
    return [Issue.objects.get(client_id=script[0].data["client_id"]) for script in stories]


def rows_of(issue: Issue) -> dict[str, list[dict[str, Any]]]:
    """Every row of a case without its keys, in the order of writing."""
    clocks = list(Clock.objects.filter(issue=issue).order_by("id"))
    assignments = list(Assignment.objects.filter(issue=issue).order_by("id"))
    events = list(IssueEvent.objects.filter(issue=issue).order_by("seq"))
    messages = Message.objects.filter(key__startswith=f"issue:{issue.pk}:")
    return {
        "issue": [values(issue) | {"master": issue.master and issue.master.client_id}],
        "assignments": [values(row) for row in assignments],
        "clocks": [
            values(row)
            | {"assignment": assignments.index(row.assignment) if row.assignment else None}
            for row in clocks
        ],
        "pauses": [
            values(row) | {"clock": clocks.index(row.clock)}
            for row in ClockPause.objects.filter(clock__issue=issue).order_by("id")
        ],
        "events": [
            values(row)
            | {"text": row.text.body if row.text else None, "data": without_ids(row.data)}
            for row in events
        ],
        "revisits": [values(row) for row in Revisit.objects.filter(issue=issue).order_by("id")],
        "approvals": [values(row) for row in Approval.objects.filter(issue=issue).order_by("id")],
        "rulings": [values(row) for row in Ruling.objects.filter(issue=issue).order_by("id")],
        "orders": [
            values(row) | {"clock": clocks.index(row.clock)}
            for model in (Supervision, Instruction)
            for row in model._default_manager.filter(issue=issue).order_by("id")
        ],
        "relocations": [values(row) for row in Relocation.objects.filter(issue=issue)],
        "photos": [values(row) for row in Photo.objects.filter(issue=issue).order_by("id")],
        "messages": [
            values(row)
            | {
                "key": row.key.removeprefix(f"issue:{issue.pk}:"),
                "url": re.sub(r"/\d+/", "/#/", row.url),  # a follower's leads to the own report
                "body": row.body.replace(issue.number, "#"),
            }
            for row in messages.order_by("created_at", "recipient_id", "key")
        ],
    }


def without_ids(data: dict[str, Any]) -> dict[str, Any]:
    """What an event keeps, whatever the id of the case on the other side of a merge."""
    return {
        name: Issue.objects.get(pk=value).title if name in ("master_id", "merged_id") else value
        for name, value in data.items()
    }


def values(row: Any) -> dict[str, Any]:
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in KEYS.get(type(row), ())
    }


def assert_chain_holds(issue: Issue) -> None:
    previous = ""
    for event in IssueEvent.objects.filter(issue=issue).select_related("text").order_by("seq"):
        assert event.prev_hash == previous
        assert event.hash == chain.digest_of_event(event)
        if event.text:
            assert event.text_sha256 == chain.digest_of_text(event.text.salt, event.text.body)
        previous = event.hash
    assert issue.head_hash == previous
    assert issue.event_count == issue.events.count() == issue.version


def test_bulk_writer_and_real_actions_make_the_same_rows(stage: Stage) -> None:
    stories = some_scripts(stage)
    stories.append(stories[0][:2])  # one that stands open, with a photo of it
    stories[-1][0] = replace(stories[-1][0], data=stories[-1][0].data | {"client_id": uuid4()})
    with Album() as album:
        album.illustrate(stories, history.Size.SMALL)

    with transaction.atomic():
        act(stories)
        scripts.deliver(unread_since=UNREAD_SINCE)
        by_actions = played(stories)
        expected = [rows_of(issue) for issue in by_actions]
        for issue in by_actions:
            assert_chain_holds(issue)
        transaction.set_rollback(True)

    scripts.write(stories, unread_since=UNREAD_SINCE)
    in_bulk = played(stories)
    for issue, rows in zip(in_bulk, expected, strict=True):
        assert rows_of(issue) == rows
        assert_chain_holds(issue)

    all_rows = {name for rows in expected for name, found in rows.items() if found}
    assert all_rows == set(expected[0])  # each kind of row has been compared
    read = {row["read_at"] is not None for rows in expected for row in rows["messages"]}
    assert read == {True, False}  # both kinds of messages have been compared


def test_each_line_leads_where_the_script_says(stage: Stage) -> None:
    stories = some_scripts(stage)

    scripts.write(stories, unread_since=UNREAD_SINCE)

    for issue, script in zip(played(stories), stories, strict=True):
        events = issue.events.order_by("seq").values_list("action", "at", "to_level", "to_status")
        assert list(events) == [
            (line.action, line.at, line.to.level, line.to.status) for line in script
        ]


def test_lines_have_the_shape_of_the_inputs(stage: Stage) -> None:
    for script in some_scripts(stage):
        for line in script:
            known = set(INPUTS[line.action]().fields) if line.by else OF_THE_PLATFORM
            if line.action in (Action.REDO, Action.REQUEST_REVIEW):
                known |= {"contact", "is_solved"}  # their validate() adds them
            assert set(line.data) <= known, line.action


def test_the_same_seed_tells_the_same_stories(stage: Stage) -> None:
    assert some_scripts(stage) == some_scripts(stage)


@pytest.mark.parametrize("level", list(Level))
def test_steps_of_a_script_follow_each_other_in_time(stage: Stage, level: Level) -> None:
    matters = Matters(stage, Random("times"))  # noqa: S311 - no secret
    for number in range(30):
        script = Story(stage, matters.draw(level), Random(number)).tell(date(2025, 5, 6))  # noqa: S311
        times = [line.at for line in script]
        assert times == sorted(times)
