"""Writes that may be sent again: the first answer is kept and a retry gets it once more.

A phone that lost the answer repeats the request with the same ``Idempotency-Key``. It must get
neither a second case nor a conflict with its own first try.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta

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


def once(
    request: Request, work: Callable[[], Response], *, key: str | None = None, forever: bool = False
) -> Response:
    """Do ``work`` and keep its answer, or give the answer that the same request got before.

    ``work`` runs in the transaction that keeps the key; it refuses by raising, and a refusal is not
    kept. ``key`` replaces the header where the body carries one (``client_id``); ``forever`` keeps
    the answer past 30 days, so such an answer should hold ids rather than texts. While the first of
    two equal requests still runs, the second waits for it.

    Raises Malformed without a proper key, Refused (``key_reused``) if the key came with another
    request before.
    """
    key = _checked_key(request.headers.get(HEADER) if key is None else key)
    account_id = request.user.pk
    if account_id is None:
        raise NotAuthenticated
    route = f"{request.method} {request.get_full_path()}"[:300]
    body_hash = _body_hash(request, route)
    with transaction.atomic():
        _wait_for_my_turn(account_id, key)
        first = IdempotencyKey.objects.filter(account_id=account_id, key=key).first()
        if first is not None:
            return _replay(first, body_hash)
        response = work()
        IdempotencyKey.objects.create(
            account_id=account_id,
            key=key,
            route=route,
            body_hash=body_hash,
            status=response.status_code,
            response=json.dumps(response.data, cls=JSONEncoder, ensure_ascii=False),
            forever=forever,
        )
        return response


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


def _replay(first: IdempotencyKey, body_hash: str) -> Response:
    if first.body_hash != body_hash:
        raise Refused("这个幂等键已用于另一个请求，请换一个新键。", code="key_reused")
    return Response(json.loads(first.response), status=first.status, headers={REPLAYED: "true"})


def _wait_for_my_turn(account_id: int, key: str) -> None:
    """Hold the key until the transaction ends. Two keys that hash alike merely wait in turn."""
    digest = hashlib.sha256(f"{account_id}:{key}".encode()).digest()
    number = int.from_bytes(digest[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _body_hash(request: Request, route: str) -> str:
    """SHA-256 (hex) over route and body; the order of fields makes no difference."""
    data = request.data
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
