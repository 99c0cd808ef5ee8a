"""Floor B: the bare SQL of the same work over psycopg, one transaction each, written by hand.

Nothing is rendered, checked, authenticated or counted here: it is what the database alone needs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json

Row = dict[str, Any]

PAGE = 51  # rows of a list page: one more says whether there is a next one

# What a list shows of an issue and of what it refers to.
LIST = """
    SELECT i.*, c.name, p.name, t.name, m.name, u.short_name, a.name
      FROM issues_issue i
      JOIN issues_category c ON c.id = i.category_id
      JOIN areas_place p ON p.id = i.place_id
 LEFT JOIN areas_place t ON t.id = i.town_id
 LEFT JOIN areas_place m ON m.id = i.community_id
 LEFT JOIN people_organisation u ON u.id = i.lead_unit_id
 LEFT JOIN areas_complexarea a ON a.id = i.area_id
"""
# What contains a word: the entries in which its pairs of characters occur, and it itself.
HOLDS = (
    "(bigrams(body) || scope) @> bigrams(folded(%(word)s)) AND strpos(body, folded(%(word)s)) > 0"
)
SEARCHES = (
    (
        "issues_searchentry",
        f"{LIST} JOIN hits ON hits.issue_id = i.id"
        f" ORDER BY i.received_at DESC, i.id DESC LIMIT {PAGE}",
    ),
    (
        "areas_searchentry",
        "SELECT a.* FROM areas_complexarea a JOIN hits ON hits.area_id = a.id"
        f" ORDER BY a.registered_on DESC, a.id DESC LIMIT {PAGE}",
    ),
    (
        "projects_searchentry",
        "SELECT p.* FROM projects_project p JOIN hits ON hits.project_id = p.id"
        f" ORDER BY p.number DESC LIMIT {PAGE}",
    ),
)
# The rows of a case that its detail shows.
DETAIL = (
    f"{LIST} WHERE i.id = %(id)s",
    "SELECT e.*, t.body FROM issues_issueevent e LEFT JOIN issues_eventtext t ON t.id = e.text_id"
    " WHERE e.issue_id = %(id)s ORDER BY e.seq",
    "SELECT * FROM issues_clock WHERE issue_id = %(id)s ORDER BY id",
    "SELECT a.*, u.short_name FROM issues_assignment a JOIN people_organisation u"
    " ON u.id = a.unit_id WHERE a.issue_id = %(id)s ORDER BY a.id",
    "SELECT * FROM issues_photo WHERE issue_id = %(id)s",
)

# What waits for a town's dispatcher: in these states all that is open, and what a record names.
WAITING_STATES = (
    "status = 'pending_first' AND due_at <= now()",
    "status = 'grid_handling' AND due_at <= now()",
    "status = 'triage' AND level = 'town'",
)
WAITING_RECORDS = """
    SELECT i.id FROM issues_approval r JOIN issues_issue i ON i.id = r.issue_id
     WHERE r.decision = '' AND i.town_id = %(town)s AND i.level <> 'district'
       AND (r.kind = 'return' AND r.asked_of = 'dispatcher' AND i.due_at > now()
            OR r.kind = 'extension' AND r.asked_of IN ('dispatcher', 'second_person')
            OR r.kind = 'void' AND r.asked_by_id <> %(user)s)
 UNION ALL
    SELECT i.id FROM issues_supervision r JOIN issues_issue i ON i.id = r.issue_id
     WHERE r.answered_at IS NULL AND r.struck_off_at IS NULL
       AND i.town_id = %(town)s AND i.level = 'town' AND i.lead_unit_id IS NULL
 UNION ALL
    SELECT i.id FROM issues_instruction r JOIN issues_issue i ON i.id = r.issue_id
     WHERE r.answered_at IS NULL AND i.town_id = %(town)s AND i.level <> 'district'
       AND (r.respondent = 'dispatcher'
            OR r.respondent = 'lead_unit' AND i.level = 'town' AND i.lead_unit_id IS NULL)
"""
WATCHED = (  # what the desk counts of the open cases besides, each up to MOST_COUNTED
    "yellow_at <= now() AND due_at > now()",
    "due_at <= now()",
    "id = ANY(ARRAY(SELECT issue_id FROM issues_supervision WHERE struck_off_at IS NULL))",
    "true",
)
DESK_PAGE, MOST_COUNTED = 41, 1001


@dataclass(frozen=True)
class Scope:
    """Whose list: the column and key of a territory, units, and who reported."""

    user_id: int
    territory: tuple[tuple[str, int], ...] = ()
    units: tuple[int, ...] = ()
    is_whole_district: bool = False


class Floors:
    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection = connection
        self.written: list[int] = []  # cases that hold rows of these floors

    # --- reading ---

    def page(self, scope: Scope, *, order: str = "received", past: Row | None = None) -> int:
        """One page of a list: each part of the scope in order, as much as the page needs."""
        column, direction, beyond = ("received_at", "DESC", "<")
        where = ""
        if order == "due":
            column, direction, beyond = "due_at", "ASC", ">"
        if order in ("due", "open"):
            where = "AND closed_at IS NULL"
        if order == "closed":
            where = "AND status = 'closed'"
        if past:
            where += f" AND ({column}, id) {beyond} (%(at)s, %(id)s)"
        tail = f"ORDER BY {column} {direction}, id {direction} LIMIT {PAGE}"
        parts = [
            f"(SELECT id, {column} FROM issues_issue WHERE {name} = {key} {where} {tail})"
            for name, key in scope.territory
        ]
        parts += [_of_unit(unit, f"{where} {tail}", column) for unit in scope.units]
        if not scope.is_whole_district:
            parts.append(
                f"(SELECT id, {column} FROM issues_issue WHERE reporter_id = {scope.user_id}"
                f" {where} {tail})"
            )
        inside = " UNION ".join(parts)
        statement = (
            f"WITH page AS (SELECT id FROM ({inside}) x {tail})"
            f" {LIST} JOIN page ON page.id = i.id"
            f" ORDER BY i.{column} {direction}, i.id {direction}"
        )
        return self._read(statement, past or {})

    def waiting(self, scope: Scope) -> int:
        """One page of what waits for a town's dispatcher, newest first."""
        tail = f"ORDER BY received_at DESC, id DESC LIMIT {PAGE}"
        return self._read(
            f"{LIST} WHERE i.id IN (SELECT id FROM ({_waiting(tail)}) w {tail})"
            " ORDER BY i.received_at DESC, i.id DESC",
            _of_town(scope),
        )

    def desk(self, scope: Scope) -> int:
        """The desk of a town's dispatcher: how many wait, by status, and how many of the town are
        watched, as far as they are counted; and the page of those that are due first.
        """
        town = _of_town(scope)
        with self.connection.transaction():
            self._read(
                "SELECT status, count(*) FROM issues_issue WHERE id IN"
                f" (SELECT id FROM ({_waiting(f'LIMIT {MOST_COUNTED}')}) w) GROUP BY status",
                town,
            )
            counted = ", ".join(
                "(SELECT count(*) FROM (SELECT FROM issues_issue WHERE town_id = %(town)s"
                f" AND closed_at IS NULL AND {watched} LIMIT {MOST_COUNTED}) w)"
                for watched in WATCHED
            )
            self._read(f"SELECT {counted}", town)
            tail = f"ORDER BY due_at, received_at, id LIMIT {DESK_PAGE}"
            return self._read(
                f"{LIST} WHERE i.id IN (SELECT id FROM ({_waiting(tail)}) w {tail})"
                " ORDER BY i.due_at, i.received_at, i.id",
                town,
            )

    def detail(self, issue_id: int) -> int:
        with self.connection.transaction():
            return sum(self._read(statement, {"id": issue_id}) for statement in DETAIL)

    def changes(self, column: str, key: int, since: int, limit: int) -> int:
        """What a device has to take over: rows of one territory since a transaction."""
        return self._read(
            f"{LIST} WHERE i.{column} = %(key)s AND i.changed_xid >= %(since)s"
            " ORDER BY i.changed_xid, i.id LIMIT %(limit)s",
            {"key": key, "since": since, "limit": limit},
        )

    def containing(self, word: str) -> int:
        """The newest page of the cases that contain a word, how many there are, and the same of the
        areas and projects: found by the indexes of the entries.
        """
        found = 0
        with self.connection.transaction():
            for entries, statement in SEARCHES:
                hits = f"WITH hits AS MATERIALIZED (SELECT * FROM {entries} WHERE {HOLDS})"
                page = f"SELECT x.*, (SELECT count(*) FROM hits) FROM ({statement}) x"
                found += self._read(f"{hits} {page}", {"word": word})
        return found

    def everything(self, district_id: int) -> int:
        """All rows of the district's list, through a cursor of the server's."""
        return self._stream(
            f"{LIST} WHERE i.district_id = {district_id} AND i.closed_at IS NULL"
            " ORDER BY i.received_at DESC, i.id DESC"
        )

    def chains(self) -> int:
        """All events with their words and the head of their case, in the order of the chains."""
        return self._stream(
            "SELECT e.*, t.body, t.salt, i.number, i.event_count, i.head_hash, i.level, i.status"
            " FROM issues_issueevent e JOIN issues_issue i ON i.id = e.issue_id"
            " LEFT JOIN issues_eventtext t ON t.id = e.text_id ORDER BY e.issue_id, e.seq"
        )

    def _read(self, statement: str, values: Mapping[str, Any]) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return len(cursor.fetchall())

    def _stream(self, statement: str) -> int:
        count = 0
        with (
            self.connection.transaction(),
            self.connection.cursor("everything") as cursor,
        ):
            cursor.itersize = 2000
            cursor.execute(statement)
            for _ in cursor:
                count += 1
        return count

    # --- writing ---

    def step_of(self, issue_id: int, seq: int) -> Step:
        """The rows that the platform wrote with one step of a case, to be written again."""
        return Step(
            issue=self._rows("issues_issue", "id = %s", issue_id)[0],
            event=self._rows("issues_issueevent", "issue_id = %s AND seq = %s", issue_id, seq)[0],
            texts=self._rows(
                "issues_eventtext",
                "id IN (SELECT text_id FROM issues_issueevent WHERE issue_id = %s AND seq = %s)",
                issue_id,
                seq,
            ),
            clocks=self._rows(
                "issues_clock",
                "issue_id = %s AND started_at = (SELECT at FROM issues_issueevent"
                " WHERE issue_id = %s AND seq = %s)",
                issue_id,
                issue_id,
                seq,
            ),
            messages=self._rows("core_message", "key LIKE %s", f"issue:{issue_id}:{seq}:%"),
        )

    def _rows(self, table: str, where: str, *values: Any) -> list[Row]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(f"SELECT * FROM {table} WHERE {where}", values)
            return cursor.fetchall()

    def create(self, step: Step, count: int = 1) -> None:
        """``count`` reports like the one whose rows are given, set-wise."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT nextval('issues_issue_id_seq'), nextval('issues_day_number')"
                " FROM generate_series(1, %s)",
                [count],
            )
            ids = cursor.fetchall()
            day = step.issue["number"][:8]
            issues = [
                {**step.issue, "id": pk, "number": f"{day}-{n:05d}", "client_id": uuid.uuid4()}
                for pk, n in ids
            ]
            keys = [self._key(step, issue["client_id"]) for issue in issues]
            _insert(cursor, "issues_issue", issues)
            self._insert_step(cursor, step, [issue["id"] for issue in issues])
            self.written += [issue["id"] for issue in issues]
            _insert(cursor, "core_idempotencykey", keys)

    def act(self, step: Step, issue_id: int) -> None:
        """The step whose rows are given, on another case that stands where that one stood."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute("SELECT * FROM issues_issue WHERE id = %s FOR UPDATE", [issue_id])
            cursor.execute("SELECT * FROM issues_clock WHERE issue_id = %s", [issue_id])
            cursor.execute("SELECT * FROM issues_assignment WHERE issue_id = %s", [issue_id])
            cursor.execute(
                "UPDATE issues_issue SET status = %(status)s, level = %(level)s,"
                " version = version + 1, due_at = %(due_at)s, yellow_at = %(yellow_at)s,"
                " handler_id = %(handler_id)s, event_count = event_count + 1,"
                " head_hash = %(head_hash)s WHERE id = %(pk)s",
                {**step.issue, "pk": issue_id},
            )
            if step.clocks:
                cursor.execute(
                    "UPDATE issues_clock SET ended_at = %s, verdict = 'on_time',"
                    " next_reminder_at = NULL WHERE issue_id = %s AND kind = 'step'"
                    " AND ended_at IS NULL",
                    [step.event["at"], issue_id],
                )
            self._insert_step(cursor, step, [issue_id])
            _insert(cursor, "core_idempotencykey", [self._key(step, uuid.uuid4())])
        self.written.append(issue_id)

    def _insert_step(self, cursor: Any, step: Step, issue_ids: Sequence[int]) -> None:
        """The rows of one step for each of the cases, one statement a table."""
        texts, events, clocks, messages = [], [], [], []
        old = step.issue["id"]
        for pk in issue_ids:
            text_id = None
            for row in step.texts:
                text_id = uuid.uuid4()
                texts.append({**row, "id": text_id})
            events.append(_without_id({**step.event, "issue_id": pk, "text_id": text_id}))
            clocks += [_without_id({**row, "issue_id": pk}) for row in step.clocks]
            messages += [
                _without_id(
                    {**row, "key": row["key"].replace(f":{old}:", f":{pk}:"), "delivered_at": None}
                )
                for row in step.messages
            ]
        _insert(cursor, "issues_eventtext", texts)
        _insert(cursor, "issues_issueevent", events)
        _insert(cursor, "issues_clock", clocks)
        _insert(cursor, "core_message", messages)

    def _key(self, step: Step, key: uuid.UUID) -> Row:
        return {
            "account_id": step.event["actor_id"],
            "key": f"floor:{key}",
            "route": "POST /floor",
            "body_hash": step.event["hash"],
            "status": 201,
            "response": "{}",
            "forever": False,
            "created_at": step.event["at"],
        }

    def forget(self) -> None:
        """Take away the cases with rows of these floors: their chains are not true. No trigger and
        no key stands in the way; their messages stay, as nobody can tell.
        """
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "DELETE FROM issues_eventtext WHERE id IN"
                " (SELECT text_id FROM issues_issueevent WHERE issue_id = ANY(%s))",
                [self.written],
            )
            for table in ("issues_issueevent", "issues_clock", "issues_searchentry"):
                cursor.execute(f"DELETE FROM {table} WHERE issue_id = ANY(%s)", [self.written])
            cursor.execute("DELETE FROM issues_issue WHERE id = ANY(%s)", [self.written])
        self.written.clear()

    # --- sweeps ---

    def newest_message(self) -> Row:
        return self._rows("core_message", "true ORDER BY id DESC LIMIT 1")[0]

    def remind(self, now: datetime, later: datetime, like: Row, messages: int) -> int:
        """Look at the clocks that are due, write ``messages`` like the one given, and say when to
        look again.
        """
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT k.*, i.*, a.* FROM issues_clock k JOIN issues_issue i ON i.id = k.issue_id"
                " LEFT JOIN issues_assignment a ON a.id = k.assignment_id"
                " WHERE k.next_reminder_at <= %s ORDER BY k.next_reminder_at, k.id"
                " FOR UPDATE OF k SKIP LOCKED",
                [now],
            )
            ids = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                "SELECT * FROM issues_assignment WHERE left_seq IS NULL AND issue_id IN"
                " (SELECT issue_id FROM issues_clock WHERE id = ANY(%s))",
                [ids],
            )
            cursor.fetchall()
            row = _without_id(like)
            _insert(
                cursor,
                "core_message",
                [
                    {**row, "key": f"floor:{uuid.uuid4()}", "delivered_at": None, "read_at": None}
                    for _ in range(messages)
                ],
            )
            cursor.execute(
                "UPDATE issues_clock SET next_reminder_at = %s WHERE id = ANY(%s)", [later, ids]
            )
        return len(ids)

    def deem_acknowledged(self, now: datetime, step: Step) -> int:
        """The platform's step on each case whose unit has let the limit pass, set-wise."""
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT a.id, i.* FROM issues_assignment a JOIN issues_issue i ON i.id = a.issue_id"
                " WHERE a.is_lead AND a.left_seq IS NULL AND a.acknowledged_at IS NULL"
                " AND a.acknowledge_due_at <= %s AND i.status = 'assigned' FOR UPDATE",
                [now],
            )
            rows = cursor.fetchall()
            assignments, ids = [row[0] for row in rows], [row[1] for row in rows]
            cursor.execute("SELECT * FROM issues_clock WHERE issue_id = ANY(%s)", [ids])
            cursor.fetchall()
            cursor.execute(
                "UPDATE issues_assignment SET acknowledged_at = %s, deemed_acknowledged = true"
                " WHERE id = ANY(%s)",
                [now, assignments],
            )
            cursor.execute(
                "UPDATE issues_issue SET status = 'handling', version = version + 1,"
                " event_count = event_count + 1 WHERE id = ANY(%s)",
                [ids],
            )
            events = [_without_id({**step.event, "issue_id": pk, "seq": 1000}) for pk in ids]
            _insert(cursor, "issues_issueevent", [{**row, "text_id": None} for row in events])
            messages = [row for _ in ids for row in step.messages]
            _insert(
                cursor,
                "core_message",
                [_without_id({**row, "key": f"floor:{uuid.uuid4()}"}) for row in messages],
            )
        return len(ids)


def _of_unit(unit: int, rest: str, column: str) -> str:
    """A unit's newest cases: those that it leads, and those in which it has another part or had
    one.
    """
    return (
        f"(SELECT id, {column} FROM issues_issue WHERE lead_unit_id = {unit} {rest})"
        f" UNION (SELECT id, {column} FROM (SELECT issue_id AS id, * FROM issues_involvement) i"
        f" WHERE unit_id = {unit} {rest})"
    )


@dataclass(frozen=True)
class Step:
    """What one step of a case has left in the database."""

    issue: Row
    event: Row
    texts: list[Row]
    clocks: list[Row]
    messages: list[Row]


def _without_id(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "id"}


PARAMETERS = 60_000  # of one statement; PostgreSQL takes 65,535


def _insert(cursor: Any, table: str, rows: Iterable[Row]) -> None:
    """One INSERT for all rows, or as few as the number of parameters allows."""
    rows = list(rows)
    if not rows:
        return
    names = list(rows[0])
    most = PARAMETERS // len(names)
    columns = ", ".join(f'"{name}"' for name in names)
    one = f"({', '.join(['%s'] * len(names))})"
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        values = [
            Json(value) if isinstance(value, dict | list) else value
            for row in some
            for value in row.values()
        ]
        cursor.execute(
            f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(some))}", values
        )


# --- what waits for a town's dispatcher ---


def _of_town(scope: Scope) -> Row:
    """The values that ``_waiting`` asks for."""
    ((_, town),) = scope.territory
    return {"town": town, "user": scope.user_id}


def _waiting(tail: str) -> str:
    """What waits for a town's dispatcher, of each part as many as ``tail`` takes."""
    read = "SELECT id, due_at, received_at FROM issues_issue WHERE closed_at IS NULL AND"
    named = f"id = ANY(ARRAY({WAITING_RECORDS}))"
    parts = [f"town_id = %(town)s AND {state}" for state in WAITING_STATES]
    return " UNION ".join(f"({read} {part} {tail})" for part in (*parts, named))
