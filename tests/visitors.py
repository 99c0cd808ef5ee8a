"""Those who talk to a running platform over HTTP: grid workers' phones, and visitors of its pages.

What they open is closed by ``hang_up``.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx

from issues.models import Issue
from tests.cast import PASSWORD
from tests.processes import Platform

PATIENCE = 60  # seconds for something that another process has to do

_connections = ExitStack()


class Visitor(httpx.Client):
    """Somebody at the pages, without scripts: cookies, forms and their hidden fields."""

    def submit(self, url: str, *, page: str = "", **fields: Any) -> httpx.Response:
        """Open the page that has the form, then post it with what is hidden in it."""
        form = self.get(page or url).text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        return self.post(url, data={**hidden, **fields}, headers={"Referer": str(self.base_url)})


def visit(platform: Platform, username: str) -> Visitor:
    visitor = _connections.enter_context(Visitor(base_url=platform.url, timeout=30))
    answer = visitor.submit("/login/", username=username, password=PASSWORD)
    assert answer.status_code == 302, answer.text
    return visitor


def sign_in(platform: Platform, username: str) -> httpx.Client:
    """A phone with a token of its own."""
    phone = _connections.enter_context(httpx.Client(base_url=f"{platform.url}/api/v1", timeout=30))
    answer = phone.post(
        "/tokens", json={"username": username, "password": PASSWORD, "device_name": "手机"}
    )
    phone.headers["Authorization"] = f"Token {ok(answer)['token']}"
    return phone


def upload(phone: httpx.Client, photo: bytes) -> str:
    """Send a photo and return its id."""
    answer = phone.post(
        "/uploads",
        files={"photo": ("现场.jpg", photo, "image/jpeg")},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )
    return str(ok(answer)["id"])


def attempt(
    platform: Platform, issue: Issue, username: str, action: str, **data: Any
) -> httpx.Response:
    """Take a step as the phone knows the case: it reads the version first."""
    phone = sign_in(platform, username)
    version = ok(phone.get(f"/issues/{issue.pk}"))["version"]
    return phone.post(
        f"/issues/{issue.pk}/actions/{action}",
        json={"version": version, **data},
        headers={"Idempotency-Key": str(uuid.uuid4())},
    )


def act(platform: Platform, issue: Issue, username: str, action: str, **data: Any) -> None:
    ok(attempt(platform, issue, username, action, **data))


def ok(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text[:2000]}"
    return answer.json()


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for what another process has to do."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def hang_up() -> None:
    """Close every connection."""
    _connections.close()
