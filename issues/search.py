"""Looking for cases: by number, or by words of title, text, address and names of places."""

from __future__ import annotations

import re
from datetime import date, timedelta

from core import search
from core.metrics import Period
from core.search import Hits, words_of
from issues.models import SearchEntry
from issues.querysets import IssueQuerySet
from people.models import User

# How somebody types a case number, the hyphen left out or not: 20250303-00042.
NUMBER = re.compile(r"(20\d{2,6})-?(\d{0,5})")
WHOLE_NUMBER = 14  # characters


def number_in(text: str) -> str:
    """The number, or the beginning of one, that ``text`` is; "" if it is something else."""
    match = NUMBER.fullmatch(" ".join(words_of(text)))
    if match is None:
        return ""
    day, sequence = match.groups()
    return f"{day}-{sequence}" if len(day) == 8 and sequence else day


def is_whole(number: str) -> bool:
    return len(number) == WHOLE_NUMBER


def found(issues: IssueQuerySet, text: str, *, by: User, hits: Hits | None = None) -> IssueQuerySet:
    """Those of ``issues``, which ``by`` may see, with this number or these words; ``hits`` if these
    were looked up before.
    """
    if number := number_in(text):
        if is_whole(number):
            return issues.filter(number=number)
        return _begun(issues, number)
    if hits is None:
        return search.found(issues, SearchEntry, text, scope=scope_of(by))
    return hits.among(issues)


def _begun(issues: IssueQuerySet, number: str) -> IssueQuerySet:
    """Those of ``issues`` whose number begins so. It begins with the day of receipt, or a later one
    where an earlier report was merged into the case: a list need not begin above that.
    """
    year = date(int(number[:4]), 1, 1)
    days = [year + timedelta(days=n) for n in range(366)]
    days = [day for day in days if f"{day:%Y%m%d}".startswith(number[:8])]
    if not days:
        return issues.none()
    return issues.filter(Period(None, days[-1]).times("received_at"), number__startswith=number)


def scope_of(user: User) -> list[str] | None:
    """The tokens of which every case that ``user`` sees has one (core.search.look_up). The units of
    a case come and go, so there are none for them.
    """
    if user.scope.is_whole_district:
        return []
    if user.scope.organisation_ids:
        return None
    return [f"~{user.pk}", *(f"#{place.pk}" for place in user.scope.places)]
