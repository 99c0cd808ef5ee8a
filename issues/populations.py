"""The rows that figures of the issues count and divide by.

All periods are whole days of Shanghai. Each population is a queryset, so that the very rows can be
listed.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from core.metrics import Period
from issues.choices import (
    Action,
    ApprovalKind,
    ClockKind,
    Contact,
    Decision,
    Outcome,
    Status,
    Step,
    Verdict,
)
from issues.models import (
    Approval,
    Assignment,
    Clock,
    Issue,
    IssueEvent,
    Revisit,
    Supervision,
)
from issues.waiting import named_by
from people.choices import OrganisationKind

HANDLING_STEPS = (Step.GRID_HANDLING, Step.HANDLING)


def received(period: Period) -> QuerySet[Issue]:
    return Issue.objects.filter(period.times("received_at"))


def closed(period: Period) -> QuerySet[Issue]:
    return Issue.objects.filter(period.times("closed_at"), status=Status.CLOSED)


def open_at_the_end(period: Period) -> QuerySet[Issue]:
    """Received by the end of the period's last day and not closed by then."""
    until = Period(None, period.last)
    return Issue.objects.filter(until.times("received_at")).exclude(
        until.times("closed_at"), closed_at__isnull=False
    )


def overdue_at_the_end(period: Period) -> QuerySet[Issue]:
    """Open at the end of the period, with the step that then ran past its limit."""
    until = Period(None, period.last)
    running = Clock.objects.filter(
        until.times("started_at"),
        until.times("due_at"),
        kind=ClockKind.STEP,
        paused_at__isnull=True,
    ).exclude(until.times("ended_at"), ended_at__isnull=False)
    return open_at_the_end(period).filter(pk__in=running.order_by().values("issue_id"))


def closed_with_verdict(period: Period) -> QuerySet[Any]:
    """Closed issues whose last handling clock was judged, annotated with its ``handling_verdict``.

    The last handling clock is that of the submission which verification passed. What was resolved
    on the spot before anybody took it over has none.
    """
    last = (
        Clock.objects.filter(
            issue=OuterRef("pk"),
            kind=ClockKind.STEP,
            step__in=HANDLING_STEPS,
            verdict__in=[Verdict.ON_TIME, Verdict.LATE],
        )
        .order_by("-id")
        .values("verdict")[:1]
    )
    return (
        closed(period)
        .annotate(handling_verdict=Subquery(last))
        .filter(handling_verdict__isnull=False)
    )


def handled_on_time(period: Period) -> QuerySet[Any]:
    return closed_with_verdict(period).filter(handling_verdict=Verdict.ON_TIME)


def handled_late(period: Period) -> QuerySet[Any]:
    return closed_with_verdict(period).filter(handling_verdict=Verdict.LATE)


def confirmed_resolved(period: Period) -> QuerySet[Any]:
    """Closed as resolved, and confirmed by the last answer of who complained or by a verifier."""
    answer = (
        Revisit.objects.filter(issue=OuterRef("pk"), contact=Contact.REACHED)
        .order_by("-id")
        .values("is_solved")[:1]
    )
    verified = IssueEvent.objects.filter(
        issue=OuterRef("pk"), action=Action.PASS_VERIFICATION
    ).order_by()
    return (
        closed(period)
        .filter(outcome=Outcome.RESOLVED)
        .annotate(is_confirmed=Coalesce(Subquery(answer), Exists(verified)))
        .filter(is_confirmed=True)
    )


def escalated(period: Period, action: Action) -> QuerySet[Issue]:
    steps = IssueEvent.objects.filter(period.times("at"), action=action)
    return Issue.objects.filter(named_by(steps))


def reworked(period: Period) -> QuerySet[Issue]:
    return closed(period).filter(rework_count__gt=0)


def rated(period: Period) -> QuerySet[Any]:
    """Issues whose last rating was given in the period, annotated with the ``rating``."""
    last = (
        Revisit.objects.filter(period.times("at"), issue=OuterRef("pk"), satisfaction__isnull=False)
        .order_by("-id")
        .values("satisfaction")[:1]
    )
    given = Revisit.objects.filter(period.times("at"), satisfaction__isnull=False)
    return Issue.objects.filter(named_by(given)).annotate(rating=Subquery(last))


def solved_with_district_organ(period: Period) -> QuerySet[Issue]:
    """Closed as resolved while a district department was lead or co-unit."""
    organs = Assignment.objects.filter(
        left_seq__isnull=True, unit__kind=OrganisationKind.DISTRICT_DEPARTMENT
    )
    return closed(period).filter(
        outcome=Outcome.RESOLVED, pk__in=organs.order_by().values("issue_id")
    )


def taken_in(period: Period) -> QuerySet[Issue]:
    """What was received and not found void since."""
    return received(period).exclude(status=Status.VOID)


def with_contact_due(period: Period) -> QuerySet[Issue]:
    """Issues whose complainant was to be contacted by a day of the period."""
    return Issue.objects.filter(period.times("contact_due_at")).exclude(status=Status.VOID)


def lead_orders(period: Period) -> QuerySet[Assignment]:
    """Orders to lead units. A binding one leaves nothing to acknowledge."""
    return Assignment.objects.filter(
        period.times("assigned_at"), is_lead=True, is_binding=False
    ).order_by()


def acknowledged_in_time(period: Period) -> QuerySet[Assignment]:
    return lead_orders(period).filter(
        deemed_acknowledged=False, acknowledged_at__lte=F("acknowledge_due_at")
    )


def asked(period: Period, kind: ApprovalKind) -> QuerySet[Issue]:
    """Issues for which this was asked in the period, each once."""
    asked = Approval.objects.filter(period.times("asked_at"), kind=kind)
    return Issue.objects.filter(named_by(asked))


def granted(period: Period, kind: ApprovalKind) -> QuerySet[Issue]:
    granted = Approval.objects.filter(
        period.times("decided_at"), kind=kind, decision=Decision.APPROVED
    )
    return Issue.objects.filter(named_by(granted))


def ordered(period: Period) -> QuerySet[Issue]:
    """Issues given to a lead unit in the period, each once."""
    return Issue.objects.filter(named_by(lead_orders(period)))


def due_to_close(period: Period) -> QuerySet[Clock]:
    """The last overall clock of each issue, where it falls due in the period (应结案).

    What stands still is left out (缓办), and so is what was merged, void or made a project.
    """
    later = Clock.objects.filter(
        issue=OuterRef("issue"), kind=ClockKind.OVERALL, pk__gt=OuterRef("pk")
    )
    return Clock.objects.filter(
        period.times("due_at"),
        ~Exists(later),
        kind=ClockKind.OVERALL,
        paused_at__isnull=True,
    ).exclude(verdict=Verdict.CANCELLED)


def due_to_be_handled(period: Period) -> QuerySet[Clock]:
    """The last handling clock of each issue, where it falls due in the period (应办结).

    What stands still is left out (缓办), and so is what was taken away before it was handled.
    """
    later = Clock.objects.filter(
        issue=OuterRef("issue"),
        kind=ClockKind.STEP,
        step__in=HANDLING_STEPS,
        pk__gt=OuterRef("pk"),
    )
    return Clock.objects.filter(
        period.times("due_at"),
        ~Exists(later),
        kind=ClockKind.STEP,
        step__in=HANDLING_STEPS,
        paused_at__isnull=True,
    ).exclude(verdict=Verdict.CANCELLED)


def submitted(period: Period) -> QuerySet[Issue]:
    """Issues whose completion was asked for in the period, each once."""
    asked_for = IssueEvent.objects.filter(period.times("at"), action=Action.SUBMIT_COMPLETION)
    return Issue.objects.filter(named_by(asked_for))


def closed_of_due(period: Period) -> QuerySet[Clock]:
    until = Period(None, period.last)
    return due_to_close(period).filter(until.times("issue__closed_at"), issue__status=Status.CLOSED)


def that_took(rows: QuerySet[Issue], action: Action) -> QuerySet[Issue]:
    """Those of ``rows`` in whose history the step occurs."""
    took = IssueEvent.objects.filter(issue=OuterRef("pk"), action=action).order_by()
    return rows.filter(Exists(took))


def reopened(period: Period) -> QuerySet[Issue]:
    again = IssueEvent.objects.filter(period.times("at"), action=Action.REOPEN)
    return Issue.objects.filter(named_by(again))


def supervised(period: Period) -> QuerySet[Supervision]:
    return Supervision.objects.filter(period.times("issued_at"))
