"""How many statements a page costs, wherever it is read the second time."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def queries_of(work: Callable[[], object]) -> int:
    """The number of statements of a work that changes nothing, with reference data in memory."""
    work()
    with CaptureQueriesContext(connection) as queries:
        work()
    return len(queries)
