"""What the pages with forms here and upstairs share: the version that was seen, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest

from core.errors import Malformed, NotAllowed, NotFoundHere, Refused

VERSION_LIMIT = 10**9


def expected_version(request: HttpRequest) -> int:
    """The version of the row that the person saw when they pressed the button. Raises Malformed."""
    text = request.POST.get("expected_version", "")
    if not (text.isascii() and text.isdigit()) or int(text) > VERSION_LIMIT:
        raise Malformed("缺少版本号，请刷新页面后再试。")
    return int(text)


def refused_by(form: forms.Form, act: Callable[[], Any]) -> Refused | None:
    """Do ``act``; put a refusal onto the form, at the fields it names, and return it.

    What concerns the person rather than the input (NotAllowed, NotFoundHere) goes on upwards.
    """
    try:
        act()
    except (NotAllowed, NotFoundHere):
        raise
    except Refused as refused:
        named = {name: texts for name, texts in refused.fields.items() if name in form.fields}
        for name, texts in named.items():
            form.add_error(name, texts)
        if not named:
            form.add_error(None, refused.message)
        return refused
    return None
