"""Counting one quarter. Every number is a ``Metric``'s, or one grouped query over its rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from areas.choices import PlaceLevel
from areas.models import Place
from core.choices import PeriodKind
from core.metrics import Metric, Period, percent
from core.privacy import scrub
from core.workdays import calendar
from issues import metrics as issue_metrics
from issues import populations
from issues.choices import ClockKind, Level, Verdict
from issues.models import Category, Clock, Issue
from meetings import agenda
from meetings import metrics as meeting_metrics
from meetings.choices import ItemKind, MeetingLevel, ResolutionStatus
from meetings.figures import (
    CategoryLine,
    ItemLine,
    KeyFigure,
    KindLine,
    LevelLine,
    MeetingLine,
    OverdueLine,
    ProjectLine,
    QuarterFigures,
    ResolutionLine,
    TownLine,
)
from meetings.models import AgendaItem, MeetingSeries, Resolution
from meetings.quarters import Quarter
from projects import lamps
from projects import metrics as project_metrics
from projects.choices import Category as ProjectCategory
from projects.models import Project, ProjectProgress
from projects.reference import with_reference_data

METRICS: tuple[Metric, ...] = (
    project_metrics.PUBLISHED,
    project_metrics.COMPLETED,
    project_metrics.COMPLETION_RATE,
    project_metrics.LATE,
    *issue_metrics.QUARTERLY,
    *meeting_metrics.QUARTERLY,
)
LIST_LIMIT = 300  # rows of one list in a paper; the number of all stands above it
NOT_ADDED_UP = "/"  # in the column of sums, for what is a state and not a sum


def count_quarter(quarter: Quarter, now: datetime) -> QuarterFigures:
    """Count a quarter that has ended. ``proposals`` are what stands open at ``now``."""
    period = quarter.period
    projects = _projects(quarter)
    overdue, overdue_total = _overdue(period)
    return QuarterFigures(
        quarter=str(quarter),
        first=quarter.first.isoformat(),
        last=quarter.last.isoformat(),
        computed_on=timezone.localdate(now).isoformat(),
        district=_district_name(),
        key_figures=[_key_figure(metric, quarter) for metric in METRICS],
        project_categories=_categories(projects),
        projects=projects,
        levels=_levels(period),
        kinds=_kinds(period),
        meetings=_meetings(period),
        resolutions=_resolutions(period),
        proposals=_proposals(now),
        overdue=overdue,
        overdue_total=overdue_total,
        towns=_towns(period),
    )


def _district_name() -> str:
    district = Place.objects.filter(level=PlaceLevel.DISTRICT, valid_to__isnull=True).first()
    return district.name if district else ""


def _key_figure(metric: Metric, quarter: Quarter) -> KeyFigure:
    this = metric.figure_in(quarter.period)
    year = Period(date(quarter.year, 1, 1), quarter.last)
    adds_up = metric.period_kind != PeriodKind.AS_OF
    return KeyFigure(
        code=metric.code,
        name=metric.name,
        definition=metric.definition,
        this=this.display(),
        previous=metric.figure_in(quarter.previous.period).display(),
        total=metric.figure_in(year).display() if adds_up else NOT_ADDED_UP,
        numerator=this.numerator,
        denominator=this.denominator,
    )


# --- projects ---


def _projects(quarter: Quarter) -> list[ProjectLine]:
    """What had been published by the end of the quarter and was not done before its year began.

    Progress and lamp are those of the quarter's last day, from the progress reported by then.
    """
    reported = (
        ProjectProgress.objects.filter(
            Period(None, quarter.last).times("at"), project=OuterRef("pk")
        )
        .order_by("-at", "-id")
        .values("percent")[:1]
    )
    rows = (
        Project.objects.published_by(quarter.last)
        .exclude(completed_on__lt=date(quarter.year, 1, 1))
        .with_list_data()
        .annotate(percent_then=Coalesce(Subquery(reported), 0, output_field=IntegerField()))
        .order_by("aspect__category", "aspect_id", "number")
    )
    return [_project_line(project, quarter.last) for project in with_reference_data(rows)]


def _project_line(project: Project, day: date) -> ProjectLine:
    is_done = project.completed_on is not None and project.completed_on <= day
    percent_then = 100 if is_done else project.percent_then  # type: ignore[attr-defined]
    return ProjectLine(
        number=project.number,
        name=project.name,
        place=_where(project.town, project.place),
        category=project.category_label,
        aspect=project.aspect.name,
        content=project.content,
        lead_department=str(project.lead_department or ""),
        responsible_unit=str(project.responsible_unit or ""),
        project_owner=str(project.project_owner or ""),
        due_date=f"{project.due_date or ''}",
        target=project.target,
        percent=percent_then,
        lamp="" if is_done else _lamp_then(project, percent_then, day),
    )


def _lamp_then(project: Project, percent_then: int, day: date) -> str:
    if project.published_on is None or project.due_date is None:
        return ""
    yellow_on = lamps.yellow_on(project.published_on, project.due_date, percent_then)
    return lamps.lamp(yellow_on, project.due_date, day) or ""


def _where(town: Place | None, place: Place) -> str:
    return f"{town.name}{place.name}" if town and town != place else place.name


def _categories(projects: Sequence[ProjectLine]) -> list[CategoryLine]:
    lines = []
    for category in ProjectCategory:
        lamp_of = [line.lamp for line in projects if line.category == category.label]
        lines.append(
            CategoryLine(
                name=category.label,
                total=len(lamp_of),
                done=lamp_of.count(""),
                green=lamp_of.count("green"),
                yellow=lamp_of.count("yellow"),
                red=lamp_of.count("red"),
            )
        )
    return lines


# --- issues ---


def _counts(rows: QuerySet[Any], column: str) -> dict[Any, int]:
    """How many rows there are for each value of a column. One query."""
    return dict(rows.order_by().values_list(column).annotate(size=Count("pk")))


def _levels(period: Period) -> list[LevelLine]:
    closed = _counts(populations.closed(period), "level")
    judged = _counts(populations.closed_with_verdict(period), "level")
    on_time = _counts(populations.handled_on_time(period), "level")
    resolved = _counts(populations.confirmed_resolved(period), "level")
    total = sum(closed.values())
    return [
        LevelLine(
            name=level.label,
            closed=closed.get(level, 0),
            share=percent(closed.get(level, 0), total),
            on_time=percent(on_time.get(level, 0), judged.get(level, 0)),
            resolved=percent(resolved.get(level, 0), closed.get(level, 0)),
        )
        for level in Level
    ]


def _kinds(period: Period) -> list[KindLine]:
    """Received issues by top category, the most frequent first."""
    received = populations.received(period).annotate(
        top=Coalesce("category__parent_id", "category_id")
    )
    counts = _counts(received, "top")
    names = dict(Category.objects.filter(pk__in=counts).values_list("pk", "name"))
    total = sum(counts.values())
    return [
        KindLine(name=names[pk], received=size, share=percent(size, total))
        for pk, size in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    ]


def _towns(period: Period) -> list[TownLine]:
    """Every town in the order of its code, also one without a single issue."""
    received = _counts(populations.received(period), "town_id")
    closed = _counts(populations.closed(period), "town_id")
    judged = _counts(populations.closed_with_verdict(period), "town_id")
    on_time = _counts(populations.handled_on_time(period), "town_id")
    rated = populations.rated(period)
    ratings = _counts(rated, "town_id")
    satisfied = _counts(rated.filter(rating__gte=issue_metrics.SATISFIED_FROM), "town_id")
    still_open = _counts(populations.open_at_the_end(period), "town_id")
    overdue = _counts(populations.overdue_at_the_end(period), "town_id")
    towns = Place.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gte=period.last), level=PlaceLevel.TOWN
    )
    return [
        TownLine(
            name=town.name,
            received=received.get(town.pk, 0),
            closed=closed.get(town.pk, 0),
            on_time=percent(on_time.get(town.pk, 0), judged.get(town.pk, 0)),
            satisfied=percent(satisfied.get(town.pk, 0), ratings.get(town.pk, 0)),
            open=still_open.get(town.pk, 0),
            overdue=overdue.get(town.pk, 0),
        )
        for town in towns.order_by("code")
    ]


def _overdue(period: Period) -> tuple[list[OverdueLine], int]:
    """Issues past their limit at the end of the quarter, then those closed late in it."""
    until = Period(None, period.last)
    running = (
        Clock.objects.filter(until.times("started_at"), issue=OuterRef("pk"), kind=ClockKind.STEP)
        .exclude(until.times("ended_at"), ended_at__isnull=False)
        .order_by("-id")
        .values("due_at")[:1]
    )
    judged = (
        Clock.objects.filter(
            issue=OuterRef("pk"),
            kind=ClockKind.STEP,
            step__in=populations.HANDLING_STEPS,
            verdict=Verdict.LATE,
        )
        .order_by("-id")
        .values("due_at")[:1]
    )
    standing = populations.overdue_at_the_end(period).annotate(missed_at=Subquery(running))
    closed = populations.handled_late(period).annotate(missed_at=Subquery(judged))
    lines = [_overdue_line(issue, period, is_closed=False) for issue in _listed(standing)]
    lines += [_overdue_line(issue, period, is_closed=True) for issue in _listed(closed)]
    return lines[:LIST_LIMIT], standing.count() + closed.count()


def _listed(rows: QuerySet[Issue]) -> QuerySet[Issue]:
    return rows.select_related("town", "lead_unit").order_by(F("missed_at"), "id")[:LIST_LIMIT]


def _overdue_line(issue: Issue, period: Period, *, is_closed: bool) -> OverdueLine:
    missed_on = timezone.localdate(issue.missed_at)  # type: ignore[attr-defined]
    if is_closed:
        state = "已结案，办理超期"
    else:
        days = calendar().working_days_between(missed_on, period.last)
        state = f"在办，超期 {days} 个工作日"
    return OverdueLine(
        number=issue.number,
        title=scrub(issue.title),
        town=str(issue.town or ""),
        level=issue.get_level_display(),
        lead_unit=issue.lead_unit.short_name if issue.lead_unit else "",
        due_on=missed_on.isoformat(),
        state=state,
    )


# --- meetings ---


def _meetings(period: Period) -> list[MeetingLine]:
    meetings = (
        meeting_metrics.held_at_district(period)
        .annotate(resolution_total=Count("resolutions"))
        .order_by("held_on", "id")
    )
    items: dict[int, list[ItemLine]] = {}
    for item in (
        AgendaItem.objects.filter(meeting__in=meetings.values("pk"))
        .select_related("issue", "project", "resolution")
        .order_by("meeting_id", "position")
    ):
        items.setdefault(item.meeting_id, []).append(item_line(item))
    return [
        MeetingLine(
            title=meeting.title,
            held_on=meeting.day.isoformat(),
            resolutions=meeting.resolution_total,
            items=items.get(meeting.pk, []),
        )
        for meeting in meetings
    ]


def item_line(item: AgendaItem) -> ItemLine:
    return ItemLine(
        kind=ItemKind(item.kind).label,
        number=item.subject.number if item.subject else "",
        title=scrub(item.subject_title),
        reason=item.reason,
    )


def _resolutions(period: Period) -> list[ResolutionLine]:
    """The district's resolutions that were running at some time in the quarter."""
    rows = (
        Resolution.objects.filter(
            meeting__level=MeetingLevel.DISTRICT, meeting__held_on__lte=period.last
        )
        .exclude(solved_on__lt=period.first)
        .with_list_data()
        .order_by("due_date", "id")
    )
    return [_resolution_line(resolution, period.last) for resolution in rows]


def _resolution_line(resolution: Resolution, day: date) -> ResolutionLine:
    is_solved = (
        resolution.status == ResolutionStatus.SOLVED
        and resolution.solved_on is not None
        and resolution.solved_on <= day
    )
    is_late = not is_solved and resolution.due_date < day
    state = "逾期" if is_late else "落实中"
    if is_solved:
        state = f"已销号（{resolution.solved_on}）"
    return ResolutionLine(
        number=resolution.number,
        meeting=resolution.meeting.title,
        text=resolution.text,
        lead_unit=str(resolution.lead_unit),
        units="、".join(unit.short_name for unit in resolution.units.all()),
        due_date=resolution.due_date.isoformat(),
        state=state,
        is_late=is_late,
    )


def _proposals(now: datetime) -> list[ItemLine]:
    """What the district's next meeting would take in: the same candidates as its agenda."""
    series = (
        MeetingSeries.objects.filter(level=MeetingLevel.DISTRICT)
        .select_related("place")
        .order_by("id")
        .first()
    )
    if series is None:
        return []
    return [item_line(item) for item in agenda.candidates(series, now)][:LIST_LIMIT]
