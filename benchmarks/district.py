"""What every database of the bench begins with, and the cases that the seed multiplies.

The territory, the bodies and the people are those of the reference district. The templates are
cases of that district, told and played by its own machinery: some thousand, so that each town,
grid and body has its share as in a district, and every actor, unit and recipient is the right one
for the place. What is open is a case cut off in the middle of its way.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core.models import Message
from governance.reference import (
    besides,
    complex_areas,
    demo,
    key_projects,
    organisations,
    scripts,
    staff,
    territory,
    twists,
)
from governance.reference.chance import SEED, stream, uuid4
from governance.reference.lines import Script, midnight
from governance.reference.matters import Matters
from governance.reference.staff import Roster
from governance.reference.stage import Stage
from governance.reference.stories import Story
from issues.choices import OPEN_STATUSES, Level, Status
from issues.models import (
    Approval,
    Assignment,
    Clock,
    ClockPause,
    EventText,
    Instruction,
    Issue,
    IssueEvent,
    Revisit,
    Ruling,
    Supervision,
)
from people.choices import OrganisationKind, Role
from people.models import Organisation, Posting, User

CLOSED_TEMPLATES = 2400  # at most; fewer for a small seed
OPEN_SHARE = 0.25  # of the templates, cut off on their way
ARCHIVE = "区档案馆"  # the department with 50 cases
ARCHIVE_CASES = 50
TWO_POSTINGS = "bench_two"
ARCHIVE_HANDLER = "bench_archive"
YEAR = 2025  # the templates happen in it; its calendar is published
LEVELS = (list(Level), (44, 30, 26))
RARE = "窨井盖"  # in no template, so that the seed can put it where it wants it

# The tables that hang on a case, in the order of their references.
CHILDREN: tuple[type[models.Model], ...] = (
    Assignment,
    Clock,
    Approval,
    Supervision,
    Instruction,
    EventText,
    IssueEvent,
    Revisit,
    Ruling,
    ClockPause,
    Message,
)


@dataclass
class Template:
    """A case with its rows, as the reference loader has written them.

    ``start`` and ``end`` are its first and last step; ``next_at`` is when an open one went on.
    """

    issue: Issue
    start: datetime
    end: datetime
    next_at: datetime | None
    rows: dict[type[models.Model], list[Any]] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.next_at is not None


@dataclass
class Templates:
    closed: list[Template]
    open: list[Template]
    archive: list[Template]  # of the department with 50 cases, each used once


def build_base() -> None:
    """The reference district's places, bodies, people, areas and projects, and one more
    department.
    """
    today = timezone.localdate()
    with transaction.atomic():
        district = territory.create()
        organisations.create(district)
        archive = Organisation.objects.create(
            name="吴中区档案馆",
            short_name=ARCHIVE,
            kind=OrganisationKind.DISTRICT_DEPARTMENT,
            place=district,
        )
        staff.create(district)
        handler = Posting.objects.filter(organisation=archive, role=Role.UNIT_HANDLER)[0].user
        User.objects.filter(pk=handler.pk).update(username=ARCHIVE_HANDLER)
        complex_areas.create(district, Roster(today))
        key_projects.create(Stage(today), today)


def add_two_postings() -> None:
    """Somebody with a posting of territory and one in a body. Takes part in no template: the
    reference district's stories know nobody of both kinds.
    """
    two = User.objects.create(username=TWO_POSTINGS, full_name="双岗")
    community = Place.objects.get(level=PlaceLevel.COMMUNITY, name=demo.ACCOUNTS["community"][1])
    unit = Organisation.objects.get(short_name=demo.ACCOUNTS["handler"][1])
    Posting.objects.bulk_create(
        [
            Posting(user=two, role=Role.COMMUNITY_OFFICER, place=community, starts_on=staff.SINCE),
            Posting(user=two, role=Role.UNIT_HANDLER, organisation=unit, starts_on=staff.SINCE),
        ]
    )


# --- templates ---


def build_templates(path: Path, *, at_most: int) -> None:
    """Tell, play and write the templates into this database; read them back into ``path``."""
    stage = Stage(timezone.localdate())
    count = min(CLOSED_TEMPLATES, at_most)
    archive = stage.organisations[ARCHIVE]
    told = _with_what_is_beside(stage, list(_scripts(stage, count, purpose="bench")))
    own = list(_scripts(stage, ARCHIVE_CASES, purpose="archive", lead=archive))
    going_on = list(_cut_off(told, max(1, round(count * OPEN_SHARE))))
    everything = [*told, *(script for script, _ in going_on), *own]
    scripts.write(everything, unread_since=midnight(date(YEAR + 1, 12, 31)))
    next_at = {scripts.key_of(script): at for script, at in going_on}
    found = _read_back(next_at)
    archived = {scripts.key_of(script) for script in own}
    templates = Templates(
        closed=[t for t in found if not t.is_open and t.issue.client_id not in archived],
        open=[t for t in found if t.is_open],
        archive=[t for t in found if t.issue.client_id in archived],
    )
    path.write_bytes(pickle.dumps(templates, protocol=pickle.HIGHEST_PROTOCOL))


def load_templates(path: Path) -> Templates:
    templates: Templates = pickle.loads(path.read_bytes())  # noqa: S301 - written by us
    return templates


def templates_path() -> Path:
    return Path(settings.VAR_DIR) / "templates.pickle"


def _scripts(
    stage: Stage, count: int, *, purpose: str, lead: Organisation | None = None
) -> Iterator[Script]:
    """Scripts of cases that are closed within the year, spread over its days."""
    rng = stream(f"bench {purpose}")
    matters = Matters(stage, rng)
    number = 0
    while number < count:
        if lead is None:
            level = rng.choices(*LEVELS)[0]
            matter = twists.by_chance(stage, matters.draw(level), rng)
        else:
            matter = matters.draw(Level.DISTRICT, lead=lead)
        seed = f"{SEED}:{purpose}:{number}:{rng.random()}"
        day = date(YEAR, 1, 5) + timedelta(days=rng.randrange(300))
        script = Story(stage, matter, random.Random(seed)).tell(day)  # noqa: S311 - fiction
        if script[-1].at < midnight(date(YEAR + 1, 1, 1)) and not _names(script, RARE[:2]):
            number += 1
            yield script


def _with_what_is_beside(stage: Stage, told: list[Script]) -> list[Script]:
    """Contacts and notes as usual; of what few cases have, the share of the full district."""
    few = besides.Counts(
        corrections=0,
        co_units=len(told) // 50,
        urged=len(told) // 50,
        orders=len(told) // 200,
        instructions=len(told) // 400,
    )
    until = midnight(date(YEAR + 1, 1, 1))
    return besides.add(stage, told, few, purpose="bench", until=until)


def _names(script: Script, word: str) -> bool:
    return any(word in str(line.data) for line in script)


def _cut_off(told: list[Script], count: int) -> Iterator[tuple[Script, datetime]]:
    """Some of the scripts up to a step after which they stood open, and when they went on.

    Longer stays are cut more often, as more cases are found in them at any one moment.
    """
    rng = stream("bench cut off")
    stays = [
        (script, n, (after.at - line.at).total_seconds())
        for script in told
        for n, (line, after) in enumerate(pairwise(script))
        if line.to.status in OPEN_STATUSES and line.to.status != Status.SUSPENDED
    ]
    for script, n, _ in rng.choices(stays, [seconds for *_, seconds in stays], k=count):
        first, *others = script[: n + 1]
        report = replace(first, data={**first.data, "client_id": uuid4(rng)})
        yield [report, *others], script[n + 1].at


def _read_back(next_at: dict[Any, datetime]) -> list[Template]:
    """Every case of this database with its rows, as plain instances."""
    templates = {
        issue.pk: Template(issue, issue.received_at, issue.received_at, None)
        for issue in Issue.objects.order_by("pk")
    }
    by_text = dict(IssueEvent.objects.exclude(text=None).values_list("text_id", "issue_id"))
    clocks = dict(Clock.objects.values_list("pk", "issue_id"))
    for model in CHILDREN:
        for row in model._default_manager.order_by("pk"):
            owner = _owner(row, by_text, clocks)
            if owner is not None:
                templates[owner].rows.setdefault(model, []).append(row)
    for template in templates.values():
        events = template.rows[IssueEvent]
        template.start, template.end = events[0].at, events[-1].at
        template.next_at = next_at.get(template.issue.client_id)
    return list(templates.values())


def _owner(row: Any, by_text: dict[Any, int], clocks: dict[int, int]) -> int | None:
    """The case to which a row belongs."""
    if isinstance(row, EventText):
        return by_text[row.pk]
    if isinstance(row, ClockPause):
        return clocks[row.clock_id]
    if isinstance(row, Message):
        kind, number = row.key.split(":")[:2]
        return int(number) if kind == "issue" else None
    return int(row.issue_id)
