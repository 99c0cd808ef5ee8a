"""What one reader is shown of one case: for its own page and for the pane of the desk."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from core.privacy import mask_name, mask_phone
from core.workdays import calendar
from issues import actions, notes, offers, story, waits
from issues.case import Case
from issues.choices import Action, ClockKind, RevealReason
from issues.models import Issue
from issues.office import Office
from issues.papers.of_case import papers_of
from issues.querysets import last_visible_seq, reads_internal_notes
from people.requests import signed_in


def where(issue: Issue) -> str:
    """``长桥街道 龙西社区``: as far down as the case's place is known."""
    return " ".join(place.name for place in (issue.town, issue.community) if place)


def visible(request: HttpRequest, pk: int) -> Issue:
    """The issue, if this person may see it; else 404."""
    return get_object_or_404(Issue.objects.visible_to(signed_in(request)).with_detail_data(), pk=pk)


def case_context(request: HttpRequest, issue: Issue) -> dict[str, Any]:
    """The case, its story and clocks, and what this reader may do; the contact stays masked."""
    now, days = timezone.now(), calendar()
    upto = last_visible_seq(issue, signed_in(request))
    clocks = list(
        issue.clocks.select_related("assignment__unit").prefetch_related("pauses").order_by("id")
    )
    internal = reads_internal_notes(issue, signed_in(request))
    entries = story.history(issue, upto=upto, clocks=clocks, calendar=days, internal=internal)
    # Who left the case sees of its clocks and units, too, only what was there by then.
    until = entries[-1].at if entries and upto < issue.event_count else None
    lines = story.clock_lines(clocks, calendar=days, now=now, until=until)
    running = {line.clock.kind: line for line in lines if line.lamp}
    case = Case.load(issue)
    office = Office.for_cases([issue], actions.unit_ids(case, {}))
    available = case.available(signed_in(request).current_postings, office, now)
    return {
        "issue": issue,
        "where": where(issue),
        "entries": entries,
        "notes": notes.notes(case, entries, now=now, calendar=days)
        if internal and not until
        else [],
        "present_wait": waits.present(clocks, entries[-1].at, now, days)
        if entries and not until
        else None,
        "clocks": lines,
        "ended_clocks": sum(line.lamp is None for line in lines),
        "units": story.unit_lines(
            list(issue.assignments.select_related("unit")), clocks, until=until
        ),
        "has_left": until is not None,
        "step_clock": running.get(ClockKind.STEP),
        "overall_clock": running.get(ClockKind.OVERALL),
        "report_photos": entries[0].photos if entries else [],
        "offers": offers.offers(case, available, office, now),
        "papers": papers_of(issue, upto=upto),
        "contact": None,
        "contact_masked": (mask_name(issue.contact_name), mask_phone(issue.contact_phone)),
        "reveal_reasons": RevealReason.choices if Action.CONTACT in available else [],
    }
