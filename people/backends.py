"""Who is signed in on the pages: the account with today's postings, in one statement."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend

from people.models import User


class AccountBackend(ModelBackend):
    """Checks names and passwords as Django does, and reads the account of each request."""

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.with_postings(pk=user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
