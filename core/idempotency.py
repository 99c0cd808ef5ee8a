"""Writes that may be sent again: the first answer is kept and a retry gets it once more.

A phone that lost the answer repeats the request with the same ``Idempotency-Key``. It must get
neither a second case nor a conflict with its own first try.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.http import QueryDict
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from core.errors import Malformed, Refused
from core.models import IdempotencyKey

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_FOR = timedelta(days=30)

_KEY_FORMAT = re.compile(r"[\x21-\x7e]{8,200}")


@dataclass(frozen=True)
class Part:
    """One of the writes that a request asks for, under a key of its own.

    ``uses`` names what only one write can have, a photo for instance: writes that name the same
    come one after the other, in this request and in others of the account.
    """

    key: str
    body: Any
    uses: Collection[str] = ()

    @property
    def held(self) -> set[str]:
        return {self.key, *self.uses}


@dataclass(frozen=True)
class Answer:
    """What one write gave; ``replayed`` when it had been given before."""

    status: int
    data: Any
    replayed: bool = False

    def as_response(self) -> Response:
        headers = {REPLAYED: "true"} if self.replayed else None
        return Response(self.data, status=self.status, headers=headers)


class _First(NamedTuple):
    """The first answer to a write, as it is kept."""

    body_hash: str
    status: int
    response: str


Outcome = Answer | Exception  # the exception says why a part was refused


def once(request: Request, work: Callable[[], Response], *, forever: bool = False) -> Response:
    """Do ``work`` and keep its answer, or give the answer that the same request got before.

    ``work`` runs in the transaction that keeps the key; it refuses by raising, and a refusal is not
    kept. ``forever`` keeps the answer past 30 days, so such an answer should hold ids rather than
    texts. While the first of two equal requests still runs, the second waits for it.

    Raises Malformed without a proper key, Refused (``key_reused``) if the key came with another
    request before.
    """
    key = _checked_key(request.headers.get(HEADER))
    route = f"{request.method} {request.get_full_path()}"[:300]

    def answer(_: Sequence[int]) -> list[Outcome]:
        response = work()
        return [Answer(response.status_code, response.data)]

    parts = [Part(key, request.data)]
    return answered(once_each(request, parts, answer, route=route, forever=forever)[0])


def once_each(
    request: Request,
    parts: Sequence[Part],
    work: Callable[[Sequence[int]], Sequence[Outcome]],
    *,
    route: str,
    forever: bool = False,
) -> list[Outcome]:
    """Do each part as ``once`` does a whole request: all in one transaction, none stops another.

    ``work`` is given the indices of parts that have no answer yet and gives what became of each, in
    their order; a refusal is given rather than raised, after writing nothing for this part. Parts
    that share a key or what they use come in turn, so that the second finds what the first has
    left. A part is the same in every request that names the same ``route``.
    """
    account_id = request.user.pk
    if account_id is None:
        raise NotAuthenticated
    hashes = [_body_hash(part.body, route) for part in parts]
    outcomes: dict[int, Outcome] = {}
    fresh: dict[str, _First] = {}
    with transaction.atomic():
        first = _wait_and_look_up(account_id, parts)
        for turn in _turns(parts):
            new = []
            for index in turn:
                if known := first.get(parts[index].key):
                    outcomes[index] = _again(known, hashes[index])
                else:
                    new.append(index)
            for index, outcome in zip(new, work(new) if new else (), strict=True):
                outcomes[index] = outcome
                if isinstance(outcome, Answer):
                    response = json.dumps(outcome.data, cls=JSONEncoder, ensure_ascii=False)
                    kept = _First(hashes[index], outcome.status, response)
                    fresh[parts[index].key] = first[parts[index].key] = kept
        IdempotencyKey.objects.bulk_create(
            IdempotencyKey(
                account_id=account_id, key=key, route=route, forever=forever, **kept._asdict()
            )
            for key, kept in fresh.items()
        )
    return [outcomes[index] for index in range(len(parts))]


def answered(outcome: Outcome) -> Response:
    """The response of a request that has one part. Raises what the part was refused with."""
    if isinstance(outcome, Exception):
        raise outcome
    return outcome.as_response()


def forget_old_keys(now: datetime | None = None) -> int:
    """Delete keys older than 30 days, except those kept forever; return how many."""
    before = (now or timezone.now()) - KEPT_FOR
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=before, forever=False).delete()
    return deleted


def _checked_key(key: str | None) -> str:
    if not key:
        raise Malformed(
            f"缺少请求头 {HEADER}，每次写入都要带上一个新的唯一键。",
            code="idempotency_key_required",
        )
    if not _KEY_FORMAT.fullmatch(key):
        raise Malformed(
            f"{HEADER} 须为 8 至 200 个可见的 ASCII 字符。", code="idempotency_key_invalid"
        )
    return key


def _turns(parts: Sequence[Part]) -> list[list[int]]:
    """The indices of the parts; those that share something are in turns after each other."""
    turns: list[list[int]] = []
    next_turn: dict[str, int] = {}
    for index, part in enumerate(parts):
        turn = max(next_turn.get(name, 0) for name in part.held)
        next_turn.update(dict.fromkeys(part.held, turn + 1))
        if turn == len(turns):
            turns.append([])
        turns[turn].append(index)
    return turns


def _again(first: _First, body_hash: str) -> Outcome:
    if first.body_hash != body_hash:
        return Refused("这个幂等键已用于另一个请求，请换一个新键。", code="key_reused")
    return Answer(first.status, json.loads(first.response), replayed=True)


def _wait_and_look_up(account_id: int, parts: Sequence[Part]) -> dict[str, _First]:
    """Hold what the parts name until the transaction ends, and read the answers that were kept.

    Everybody takes the locks in the same order, so that nobody waits in a circle. Two names that
    hash alike merely wait in turn.
    """
    numbers = sorted({lock_number(account_id, name) for part in parts for name in part.held})
    with connection.cursor() as cursor:
        # Two statements, sent together: only a second one sees what the first has waited for.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number;"
            " SELECT key, body_hash, status, response FROM core_idempotencykey"
            " WHERE account_id = %s AND key = ANY(%s)",
            [numbers, account_id, [part.key for part in parts]],
        )
        cursor.nextset()
        return {key: _First(*kept) for key, *kept in cursor.fetchall()}


def lock_number(account_id: int, name: str) -> int:
    digest = hashlib.sha256(f"{account_id}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _body_hash(data: Any, route: str) -> str:
    """SHA-256 (hex) over route and body; the order of fields makes no difference."""
    digest = hashlib.sha256(route.encode())
    if not isinstance(data, QueryDict):
        digest.update(json.dumps(data, sort_keys=True).encode())
        return digest.hexdigest()
    for name in sorted(data):
        for value in data.getlist(name):
            content = _file_hash(value) if isinstance(value, UploadedFile) else str(value)
            digest.update(json.dumps([name, content]).encode())
    return digest.hexdigest()


def _file_hash(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    return digest.hexdigest()
