"""Sign-ins of the pages: kept in the database, read from the cache, prolonged once a minute.

The database decides. The cache spares a page its reading; where Redis is down or was emptied,
sessions are read from the database as before, and nobody is signed out.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import cached_db, db
from django.contrib.sessions.backends.base import UpdateError
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

SEEN = "seen_at"  # in the session: when it was last prolonged, in seconds since 1970
PROLONG_AFTER = 60  # seconds


class SessionStore(cached_db.SessionStore):
    """Django's cached sessions, which also work without the cache."""

    cache_key_prefix = "session:"

    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except RedisError:
            logger.warning("The cache cannot be reached; sessions are read from the database.")
            return db.SessionStore.load(self)

    def exists(self, session_key: str) -> bool:
        return db.SessionStore.exists(self, session_key)

    def save(self, must_create: bool = False) -> None:
        try:
            super().save(must_create)
        except UpdateError:
            self._forget(self.session_key)  # it was signed out meanwhile; so no request finds it
            raise

    def delete(self, session_key: str | None = None) -> None:
        """End the session. A copy that the cache keeps, being out of reach, ends by its next save:
        there is nothing left to prolong."""
        db.SessionStore.delete(self, session_key)
        self._forget(session_key or self.session_key)

    def _forget(self, session_key: str | None) -> None:
        if session_key is None:
            return
        try:
            cache.delete(f"{self.cache_key_prefix}{session_key}")
        except RedisError:
            logger.warning("The cache cannot be reached; it may keep a session that has ended.")


class IdleSignOutMiddleware:
    """Prolong the session of somebody who is there, at most once a minute.

    So a page costs no write, and who does nothing is signed out 29 to 30 minutes after the last
    page (SESSION_COOKIE_AGE). A view that answers a timer takes ``request.session`` away: it is no
    sign of a person.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        session = getattr(request, "session", None)
        if session is not None and SESSION_KEY in session:
            now = int(time.time())
            if not 0 <= now - session.get(SEEN, 0) < PROLONG_AFTER:
                session[SEEN] = now
        return response
