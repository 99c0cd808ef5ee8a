"""What is measured. Each measure is a request or a task, and the bare SQL of the same work."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import psycopg
from django.db.models import Q
from django.urls import reverse

from benchmarks import people
from benchmarks.district import RARE
from benchmarks.floors import Floors, Row
from benchmarks.people import WHO
from benchmarks.timing import Answer, Client, Run, Unexpected
from issues.choices import Level, Status
from issues.models import Category, Issue

COMMON = "停车"
API_PAGES, HTML_PAGES = 40, 40  # how deep the deep pages lie: pages of 200 and of 50 rows
BATCH = 200
MANY = 20_000  # rows of a file, from which on it is made once
CHANGES = 50  # that a device is behind
TEXT = "巡查发现新村3号楼前垃圾堆放，影响通行。"


@dataclass
class Measure:
    """One line of the table.

    ``run`` does it once, ``floor`` is the bare SQL; what each needs before lies outside the time.
    ``counted`` does it once more, for its statements and bytes. ``repeat`` fixes how often.
    """

    name: str
    label: str
    run: Run
    floor: Run | None = None
    before_run: Run | None = None
    before_floor: Run | None = None
    counted: Callable[[], Answer] | None = None
    repeat: int = 0
    warm_up: int = 2
    has_view_floor: bool = True


# Measures that need the same of the platform; it raises Unexpected where the platform has it not.
Group = tuple[str, Callable[[], list[Measure]]]


@dataclass
class Bench:
    """One database with its web server, and the clients that ask it."""

    address: str
    connection: psycopg.Connection
    client: type[Client] = Client
    floors: Floors = field(init=False)
    phones: dict[str, Client] = field(default_factory=dict)
    browsers: dict[str, Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.floors = Floors(self.connection)
        for who in WHO:
            owner = people.user(who.username)
            self.phones[who.name] = self.client(self.address, people.token_of(owner))
            self.browsers[who.name] = self.client(self.address, people.session_of(owner))

    def close(self) -> None:
        self.floors.forget()
        for client in (*self.phones.values(), *self.browsers.values()):
            client.close()


def over_http(bench: Bench) -> Iterator[Group]:
    yield "list", lambda: list(_lists(bench))
    yield "list.api.waiting", lambda: [_waiting(bench)]
    yield "desk.html", lambda: [_desk(bench)]
    yield "deep.api", lambda: [_deep_api(bench)]
    yield "deep.html", lambda: [_deep_html(bench)]
    yield "search", lambda: list(_searches(bench))
    yield "detail", lambda: list(_details(bench))
    yield "sync", lambda: [_sync(bench)]
    yield "export.csv", lambda: [_export(bench)]
    yield "create", lambda: [_create(bench)]
    yield "action", lambda: [_action(bench)]
    yield "batch", lambda: [_batch(bench)]


def ok(answer: Answer, *statuses: int) -> Answer:
    if answer.status not in (statuses or (200,)):
        raise Unexpected(f"HTTP {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}")
    return answer


def view_floor(phone: Client) -> Run:
    """Floor A, asked by the device of a grid worker."""
    path = reverse("bench-floor", args=[Issue.objects.values_list("pk", flat=True)[0]])
    return lambda: ok(phone.get(path))


def _get(client: Client, path: str) -> dict[str, Any]:
    return {
        "run": lambda: ok(client.get(path)),
        "counted": lambda: ok(client.counted(path)),
    }


# --- lists ---


def _lists(bench: Bench) -> Iterator[Measure]:
    for who in WHO:
        scope = people.scope_of(people.user(who.username))
        yield Measure(
            f"list.api.{who.name}",
            f"列表 API：{who.label}",
            floor=lambda scope=scope: bench.floors.page(scope),  # type: ignore[misc]
            **_get(bench.phones[who.name], "/api/v1/issues"),
        )
    for who in WHO:
        scope = people.scope_of(people.user(who.username))
        order = "due" if who.name in ("district", "town") else "open"
        path = "/issues/"
        if who.name == "grid":  # what is open in one grid fills no page
            order, path = "closed", f"/issues/?status={Status.CLOSED}"
        yield Measure(
            f"list.html.{who.name}",
            f"列表页：{who.label}",
            floor=lambda scope=scope, order=order: bench.floors.page(  # type: ignore[misc]
                scope, order=order
            ),
            **_get(bench.browsers[who.name], path),
        )


def _waiting(bench: Bench) -> Measure:
    scope = people.scope_of(people.user("town"))
    return Measure(
        "list.api.waiting",
        "列表 API：待镇街派单员办理",
        floor=lambda: bench.floors.waiting(scope),
        **_get(bench.phones["town"], "/api/v1/issues?waiting=true"),
    )


def _desk(bench: Bench) -> Measure:
    scope = people.scope_of(people.user("town"))
    return Measure(
        "desk.html",
        "工作台：镇街派单员",
        floor=lambda: bench.floors.desk(scope),
        **_get(bench.browsers["town"], "/issues/desk/"),
    )


def _deep_api(bench: Bench) -> Measure:
    """The page after ``API_PAGES`` pages of 200, by the cursor that leads there."""
    client, path = bench.phones["district"], "/api/v1/issues?limit=200"
    last: Row = {}
    for _ in range(API_PAGES):
        found = ok(client.get(path)).json()
        last = found["results"][-1]
        if not found["next"]:
            break
        cursor = found["next"]
        path = f"/api/v1/issues?limit=200&cursor={cursor}"
    position = _position(last["id"])
    scope = people.scope_of(people.user("district"))
    return Measure(
        "deep.api",
        f"深页 API：{API_PAGES * 200:,} 条之后",
        floor=lambda: bench.floors.page(scope, past=position),
        **_get(client, f"/api/v1/issues?cursor={cursor}"),
    )


NEXT = re.compile(rb'href="(\?[^"]*after=[^"]*)"')


def _deep_html(bench: Bench) -> Measure:
    """The page after ``HTML_PAGES`` pages of closed cases, newest first."""
    client = bench.browsers["district"]
    path = f"/issues/?status={Status.CLOSED}&sort=-received"
    for _ in range(HTML_PAGES):
        found = NEXT.search(ok(client.get(path, Accept_Encoding="identity")).body)
        if not found:
            break
        path = f"/issues/{found[1].decode().replace('&amp;', '&')}"
    closed = Issue.objects.filter(status=Status.CLOSED).order_by("-received_at", "-id")
    deep = min(HTML_PAGES * 50, closed.count() // 2)
    position = _position(closed.values_list("pk", flat=True)[deep])
    scope = people.scope_of(people.user("district"))
    return Measure(
        "deep.html",
        f"深页：{HTML_PAGES * 50:,} 条之后",
        floor=lambda: bench.floors.page(scope, order="closed", past=position),
        **_get(client, path),
    )


def _position(issue_id: int) -> Row:
    at = Issue.objects.values_list("received_at", flat=True).get(pk=issue_id)
    return {"at": at, "id": issue_id}


def _searches(bench: Bench) -> Iterator[Measure]:
    client = bench.browsers["district"]
    for name, label, word in (
        ("rare", f"搜索：{RARE}（40 件）", RARE),
        ("common", f"搜索：{COMMON}（{_hits(COMMON):,} 件）", COMMON),
    ):
        yield Measure(
            f"search.{name}",
            label,
            floor=lambda word=word: bench.floors.containing(word),  # type: ignore[misc]
            **_get(client, search_path(word)),
        )


def _hits(word: str) -> int:
    return Issue.objects.filter(Q(title__contains=word) | Q(description__contains=word)).count()


def search_path(word: str) -> str:
    return f"{reverse('search')}?{urlencode({'q': word})}"


# --- one case ---


def _details(bench: Bench) -> Iterator[Measure]:
    issue = Issue.objects.filter(level=Level.DISTRICT, status=Status.CLOSED, event_count__gte=9)
    pk = issue.order_by("-received_at").values_list("pk", flat=True)[0]
    yield Measure(
        "detail.api",
        "详情 API",
        floor=lambda: bench.floors.detail(pk),
        **_get(bench.phones["district"], f"/api/v1/issues/{pk}"),
    )
    yield Measure(
        "detail.html",
        "详情页",
        floor=lambda: bench.floors.detail(pk),
        **_get(bench.browsers["district"], f"/issues/{pk}/"),
    )


def _sync(bench: Bench) -> Measure:
    """A phone that is in step, and then 50 changes behind."""
    owner = people.busiest_grid_worker()
    client = bench.phones["grid"]
    path = "/api/v1/sync?limit=500"
    while True:
        page = ok(client.get(path)).json()
        path = f"/api/v1/sync?limit=100&cursor={page['cursor']}"
        if not page["has_more"]:
            break
        path = path.replace("limit=100", "limit=500")
    (column, key), *_ = people.scope_of(owner).territory
    mine = Issue.objects.filter(**{column: key}).order_by("-pk")
    ids = list(mine.values_list("pk", flat=True)[:CHANGES])
    for pk in ids:  # a transaction each, as people work
        bench.connection.execute("UPDATE issues_issue SET title = title WHERE id = %s", [pk])
    since = min(mine.filter(pk__in=ids).values_list("changed_xid", flat=True))
    return Measure(
        "sync",
        f"增量同步：落后 {CHANGES} 处",
        floor=lambda: bench.floors.changes(column, key, since, 101),
        **_get(client, path),
    )


# --- writing ---


def _report(place_id: int, category_id: int) -> Row:
    return {
        "client_id": str(uuid.uuid4()),
        "place": place_id,
        "category": category_id,
        "text": TEXT,
        "source": "patrol",
    }


def report_here() -> Callable[[], Row]:
    """Reports of the grid, each a new one."""
    place = people.busiest_grid_worker().current_postings[0].place
    category = Category.objects.filter(parent__isnull=False).order_by("pk")[0]
    if place is None:
        raise LookupError("the grid worker has no grid")
    return lambda: _report(place.pk, category.pk)


def _create(bench: Bench) -> Measure:
    client, report = bench.phones["grid"], report_here()
    made = ok(client.post("/api/v1/issues", report()), 201).json()
    step = bench.floors.step_of(made["id"], 1)
    return Measure(
        "create",
        "上报（API）",
        run=lambda: ok(client.post("/api/v1/issues", report()), 201),
        floor=lambda: bench.floors.create(step),
        counted=lambda: ok(client.counted("/api/v1/issues", report()), 201),
    )


def _action(bench: Bench) -> Measure:
    """The grid worker takes on a report that has just come in."""
    client, report = bench.phones["grid"], report_here()

    def fresh() -> int:
        return int(ok(client.post("/api/v1/issues", report()), 201).json()["id"])

    def path(pk: int) -> str:
        return f"/api/v1/issues/{pk}/actions/first_handle"

    def body() -> tuple[Row, dict[str, str]]:
        return {"version": 1, "text": "已到现场处理。"}, {"Idempotency_Key": str(uuid.uuid4())}

    def act(pk: int) -> Answer:
        data, headers = body()
        return ok(client.post(path(pk), data, **headers))

    def counted() -> Answer:
        data, headers = body()
        return ok(client.counted(path(fresh()), data, **headers))

    model = fresh()
    act(model)
    step = bench.floors.step_of(model, 2)
    waiting: list[int] = []
    return Measure(
        "action",
        "办理动作（API）",
        run=lambda: act(waiting.pop()),
        before_run=lambda: waiting.append(fresh()),
        floor=lambda: bench.floors.act(step, waiting.pop()),
        before_floor=lambda: waiting.append(fresh()),
        counted=counted,
    )


def _batch(bench: Bench) -> Measure:
    client, report = bench.phones["grid"], report_here()

    def body() -> Row:
        return {"reports": [report() for _ in range(BATCH)]}

    path = "/api/v1/issues/batch"
    first = ok(client.post(path, body())).json()["results"]
    if any(result["status"] not in (200, 201) for result in first):
        raise Unexpected(str(first[0])[:200])
    step = bench.floors.step_of(first[0]["issue"]["id"], 1)
    return Measure(
        "batch",
        f"批量上报 {BATCH} 件",
        run=lambda: ok(client.post(path, body())),
        floor=lambda: bench.floors.create(step, BATCH),
        counted=lambda: ok(client.counted(path, body())),
        repeat=10,
    )


# --- exports ---


def _export(bench: Bench) -> Measure:
    """The open cases of the district as CSV, to the last byte. Its statements go on behind the
    head of the answer, where they cannot be counted any more.
    """
    client, owner = bench.browsers["district"], people.user("district")
    wanted = {"list": "issues", "query": "", "format": "csv"}

    def fetch() -> Answer:
        return ok(client.submit("/exports/new/", wanted))

    def sized() -> Answer:
        return replace(fetch(), headers={})

    rows = Issue.objects.filter(closed_at=None).count()
    return Measure(
        "export.csv",
        f"导出 CSV：{rows:,} 行",
        run=fetch,
        floor=lambda: bench.floors.everything(owner.scope.places[0].pk),
        counted=sized,
        repeat=1 if rows > MANY else 3,
        warm_up=0 if rows > MANY else 1,
    )
