"""The figures of the quarter, and the page that shows the very rows behind one of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from redis.exceptions import RedisError

from core.errors import Malformed
from core.metrics import Figure, Metric, period_of
from issues import metrics as issue_metrics
from issues.models import Issue
from meetings import metrics as meeting_metrics
from meetings.report_views import REGISTERS, as_listed
from people.models import User
from projects import metrics as project_metrics

# On the home page of those who see the whole district. All of them count rows.
OF_THE_QUARTER: tuple[Metric, ...] = (
    issue_metrics.RECEIVED,
    issue_metrics.CLOSED,
    issue_metrics.ESCALATED_DISTRICT,
    issue_metrics.ON_TIME_RATE,
    issue_metrics.RESOLUTION_RATE,
    issue_metrics.SATISFACTION_RATE,
    project_metrics.COMPLETED,
    meeting_metrics.DISTRICT_MEETINGS,
)
METRICS: dict[str, Metric] = {
    metric.code: metric
    for metrics in (issue_metrics.METRICS, project_metrics.METRICS, meeting_metrics.METRICS)
    for metric in metrics
}
KEPT_FOR = 5 * 60  # seconds
PARTS = {"numerator": "计入的", "denominator": "作为分母的"}


@dataclass(frozen=True)
class Quarter:
    """The figures of the quarter as they stood at ``at``."""

    at: datetime
    figures: Sequence[Figure]


def of_the_quarter(now: datetime) -> Quarter:
    """The figures up to today, counted at most once in ``KEPT_FOR`` for everybody: with a million
    cases that is too much for each page. The page behind a figure counts anew.
    """
    day = timezone.localdate(now)
    at, numbers = _kept(day) or _keep(day, now)
    figures = []
    for metric, (numerator, denominator) in zip(OF_THE_QUARTER, numbers, strict=True):
        period = period_of(metric.period_kind, day)
        figures.append(
            Figure(metric=metric, period=period, numerator=numerator, denominator=denominator)
        )
    return Quarter(at, figures)


Numbers = list[tuple[int, int | None]]


def _kept(day: date) -> tuple[datetime, Numbers] | None:
    try:
        kept: tuple[datetime, Numbers] | None = cache.get(f"figures:{day}")
    except RedisError:
        return None  # then they are counted
    return kept


def _keep(day: date, now: datetime) -> tuple[datetime, Numbers]:
    figures = [metric.figure(day) for metric in OF_THE_QUARTER]
    counted = now, [(figure.numerator, figure.denominator) for figure in figures]
    with suppress(RedisError):
        cache.set(f"figures:{day}", counted, KEPT_FOR)
    return counted


def respond(request: HttpRequest, user: User, code: str, as_of: date) -> HttpResponse:
    """Answer with the rows that a figure counts, or with those that it divides by.

    Raises Http404 for an unknown figure and for one that is no count of rows, Malformed for a
    part that no figure has.
    """
    if code not in METRICS:
        raise Http404
    part = request.GET.get("of", "numerator")
    if part not in PARTS:
        raise Malformed("没有这种列表。")
    figure = METRICS[code].figure(as_of)
    listed = _listed(_rows(figure, part), user)
    register = replace(
        REGISTERS[listed.model],
        title=figure.metric.name,
        filterset=None,
        search="",
        export="",  # its rows are the figure's
        template="governance/figure.html",
    )
    return register.respond(request, as_listed(listed), figure=figure, part=part, parts=PARTS)


def _listed(rows: Any, user: User) -> QuerySet[Any]:
    """What is listed for these rows: themselves, or the issues to which they belong."""
    if rows.model in REGISTERS:
        found: QuerySet[Any] = rows.visible_to(user)
        return found
    return Issue.objects.visible_to(user).filter(pk__in=rows.order_by().values("issue_id"))


def _rows(figure: Figure, part: str) -> QuerySet[Any]:
    population = getattr(figure.metric, part)
    rows = population(figure.period) if population else None
    if not isinstance(rows, QuerySet):
        raise Http404
    return rows
