"""Delta sync: what a device has to change to show what its owner may see, and where to go on.

The trigger on issues stamps each row with the id of the transaction that wrote it. A cursor keeps
the database's snapshot of the hand-out, so the next hand-out is exactly what that snapshot did not
show: a row whose transaction was still open then arrives later, whatever came in between. Times
play no part.

A hand-out may take several pages, a *round*. A round has an upper snapshot, taken before its first
page: what is written after that belongs to the next round, so a round always ends.

The cursor also keeps the territory (places and organisations) for which the device holds issues.
What the owner has lost since then arrives as removals, first of all; if they have gained something,
the round brings everything anew. A case whose place was corrected leaves a ``Relocation`` behind,
stamped like the issue itself; where it left the owner's sight, it is a removal too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from django.core import signing
from django.db import connection
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Value

from areas.models import Place
from areas.reference import places
from areas.scopes import Scope
from core import keyset
from core.branches import branches_of
from core.errors import Refused
from core.keyset import bad_cursor
from issues.models import Issue, Relocation
from issues.orders import BY_CHANGE
from people.models import User

Rows = TypeVar("Rows", bound=QuerySet[Any])

PAGE_SIZE = 100
MAX_PAGE_SIZE = 500
CURSOR_LENGTH = 8000  # characters; a longer cursor is not one of ours
BEYOND = 2**63 - 1  # past every id
SALT = "issues.api.sync"


class CursorExpired(Refused):
    """The cursor belongs to a past life of the database. HTTP 410."""

    http_status = 410
    default_code = "cursor_expired"
    default_message = "同步位置已失效，请清空本机数据后重新同步。"


@dataclass(frozen=True)
class Territory:
    """The ids from which a person's scope is made."""

    places: tuple[int, ...] = ()
    organisations: tuple[int, ...] = ()

    @classmethod
    def of(cls, user: User) -> Territory:
        return cls(
            _ordered(place.pk for place in user.scope.places),
            _ordered(user.scope.organisation_ids),
        )

    def __or__(self, other: Territory) -> Territory:
        return Territory(
            _ordered({*self.places, *other.places}),
            _ordered({*self.organisations, *other.organisations}),
        )

    def __sub__(self, other: Territory) -> Territory:
        return Territory(
            _ordered(set(self.places) - set(other.places)),
            _ordered(set(self.organisations) - set(other.organisations)),
        )

    def __bool__(self) -> bool:
        return bool(self.places or self.organisations)


@dataclass(frozen=True)
class Round:
    """A hand-out under way. ``removed`` and ``changed`` are where the last page ended."""

    upper: str
    territory: Territory
    removed: int = 0
    changed: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Cursor:
    """What a device holds: every issue of ``held`` as the snapshot ``seen`` showed it.

    ``seen`` is None while the device has not got everything once. Snapshots are PostgreSQL's texts.
    """

    account: int
    database: str
    held: Territory
    seen: str | None
    round: Round | None = None


@dataclass(frozen=True)
class Page:
    changed: list[Issue]
    removed: list[int]
    cursor: str
    has_more: bool


def hand_out(user: User, token: str = "", *, limit: int = PAGE_SIZE) -> Page:
    """The next page for ``user``, after the cursor ``token`` or from the beginning.

    Raises Malformed (``bad_cursor``) for a cursor that is not of this person, and CursorExpired for
    one of another database, or of this one before it was restored.
    """
    # Before the rows are read: they are then at least as new as this snapshot.
    snapshot, database = _database_now()
    territory = Territory.of(user)
    cursor = _read(token) if token else Cursor(user.pk, database, territory, None)
    if cursor.account != user.pk:
        raise bad_cursor()
    if cursor.database != database or _is_ahead_of(cursor, snapshot):
        raise CursorExpired()

    round_ = cursor.round
    if round_ is None or round_.territory != territory:
        cursor, round_ = _begin_round(cursor, territory, snapshot)
    removed, more = _removed(user, cursor, round_, limit)
    if more:
        round_ = replace(round_, removed=removed[-1])
        return Page([], removed, _write(replace(cursor, round=round_)), has_more=True)
    changed, more = _changed(user, cursor.seen, round_, limit)
    if more:
        last = changed[-1]
        round_ = replace(round_, removed=BEYOND, changed=(last.changed_xid, last.pk))
        return Page(changed, removed, _write(replace(cursor, round=round_)), has_more=True)
    cursor = replace(cursor, held=territory, seen=round_.upper, round=None)
    return Page(changed, removed, _write(cursor), has_more=False)


def _begin_round(cursor: Cursor, territory: Territory, snapshot: str) -> tuple[Cursor, Round]:
    """A new round; also in place of one whose territory has changed before its last page."""
    held, seen, broken_off = cursor.held, cursor.seen, cursor.round
    if broken_off is not None:
        if broken_off.removed and held - broken_off.territory:
            seen = None  # of what was taken away, some may be the owner's again
        held |= broken_off.territory
    if territory - held:
        seen = None
    return replace(cursor, held=held, seen=seen), Round(snapshot, territory)


def _removed(user: User, cursor: Cursor, round_: Round, limit: int) -> tuple[list[int], bool]:
    """Ids of what the device may hold and its owner no longer sees, and whether there are more."""
    if round_.removed == BEYOND:
        return [], False
    gone = _moved_away(cursor, round_)
    if lost := cursor.held - round_.territory:
        before = User(pk=user.pk)
        before.scope = Scope(places=_places(lost), organisation_ids=lost.organisations)
        gone = gone.union(Issue.objects.visible_to(before).order_by().values("pk"))
    elif not gone.exists():  # as nearly always
        return [], False
    # Asked of each case that is gone from somewhere; all that one sees is never put together.
    still_seen = [
        Exists(branch.rows.filter(pk=OuterRef("pk")))
        for branch in branches_of(Issue.objects.visible_to(user))
    ]
    rows = (
        Issue.objects.filter(pk__in=gone, pk__gt=round_.removed)
        .filter(*(~seen for seen in still_seen))
        .order_by("pk")
    )
    ids = list(rows.values_list("pk", flat=True)[: limit + 1])
    return ids[:limit], len(ids) > limit


def _places(territory: Territory) -> tuple[Place, ...]:
    known = places()
    return tuple(known[pk] for pk in territory.places if pk in known)


def _moved_away(cursor: Cursor, round_: Round) -> QuerySet[Any]:
    """Ids of cases that were moved out of what the device holds, since it was last told."""
    moves = Relocation.objects.filter(from_place__in=Place.objects.under(*_places(cursor.held)))
    if cursor.seen is not None:
        moves = _between(moves, cursor.seen, round_.upper)
    return moves.order_by().values("issue_id")


def _changed(user: User, seen: str | None, round_: Round, limit: int) -> tuple[list[Issue], bool]:
    """What the device has to take over, in the order of writing, and whether there is more."""
    rows = Issue.objects.visible_to(user)
    if seen is not None:
        rows = _between(rows, seen, round_.upper)
    found = list(keyset.following(rows.for_rows(), BY_CHANGE, round_.changed, limit + 1))
    return found[:limit], len(found) > limit


def _between(rows: Rows, seen: str, upper: str) -> Rows:
    """Rows written by transactions that ``upper`` shows and ``seen`` does not."""
    oldest_open, _ = _bounds(seen)
    return rows.filter(
        ~Q(_ShownIn(seen)),
        _ShownIn(upper),
        changed_xid__gte=oldest_open,  # implied by the first; lets the index start there
    )


class _ShownIn(Func):
    """Whether a snapshot shows what the transaction of ``changed_xid`` wrote."""

    function = "pg_visible_in_snapshot"
    output_field = BooleanField()

    def __init__(self, snapshot: str) -> None:
        super().__init__(
            Func(F("changed_xid"), template="(%(expressions)s)::text::xid8"),
            Func(Value(snapshot), template="(%(expressions)s)::pg_snapshot"),
        )


# --- the database ---


def _database_now() -> tuple[str, str]:
    """The present snapshot, and what tells this database from every other and from its copies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text, c.system_identifier || '-' || d.oid"
            " FROM pg_control_system() c, pg_database d WHERE d.datname = current_database()"
        )
        return cursor.fetchone()


def _bounds(snapshot: str) -> tuple[int, int]:
    """The oldest transaction that was open, and the first that had not begun."""
    oldest_open, first_unborn, _ = snapshot.split(":")
    return int(oldest_open), int(first_unborn)


def _is_ahead_of(cursor: Cursor, snapshot: str) -> bool:
    """Whether the cursor knows transactions that this database has not seen: it was set back."""
    known = [seen for seen in (cursor.seen, cursor.round and cursor.round.upper) if seen]
    return any(_bounds(seen)[1] > _bounds(snapshot)[1] for seen in known)


# --- on the wire ---


def _write(cursor: Cursor) -> str:
    return signing.dumps(asdict(cursor), salt=SALT, compress=True)


def _read(token: str) -> Cursor:
    try:
        fields: dict[str, Any] = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError) as error:
        raise bad_cursor() from error
    fields["held"] = _territory(fields["held"])
    if under_way := fields["round"]:
        under_way["territory"] = _territory(under_way["territory"])
        under_way["changed"] = tuple(under_way["changed"])
        fields["round"] = Round(**under_way)
    return Cursor(**fields)


def _territory(fields: dict[str, list[int]]) -> Territory:
    return Territory(tuple(fields["places"]), tuple(fields["organisations"]))


def _ordered(ids: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(ids)))
