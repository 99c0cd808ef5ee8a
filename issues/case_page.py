"""What one reader is shown of one case: for its own page and for the pane of the desk."""

from __future__ import annotations

from typing import Any

from django.db.models import prefetch_related_objects
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
from issues.reference import with_reference_data
from people.requests import signed_in

# What a case names that is not kept in memory.
NAMED = ("area", "reporter", "handler", "master")


def where(issue: Issue) -> str:
    """``长桥街道 龙西社区``: as far down as the case's place is known."""
    return " ".join(place.name for place in (issue.town, issue.community) if place)


def visible(request: HttpRequest, pk: int) -> Issue:
    """The issue, if this person may see it; else 404."""
    rows = Issue.objects.visible_to(signed_in(request)).select_related(*NAMED)
    return with_reference_data([get_object_or_404(rows, pk=pk)])[0]


def case_context(request: HttpRequest, issue: Issue) -> dict[str, Any]:
    """The case, its story and clocks, and what this reader may do; the contact stays masked.

    What is shown beside the case follows from the steps that the reader may see.
    """
    user, now, days = signed_in(request), timezone.now(), calendar()
    case = Case.load(issue)
    prefetch_related_objects(case.clocks, "pauses")
    clocks = case.clocks
    upto = last_visible_seq(issue, user, case.assignments)
    internal = reads_internal_notes(issue, user, case.assignments)
    entries = story.history(case, upto=upto, clocks=clocks, calendar=days, internal=internal)
    # Who left the case sees of its clocks and units, too, only what was there by then.
    until = entries[-1].at if entries and upto < issue.event_count else None
    lines = story.clock_lines(clocks, calendar=days, now=now, until=until)
    running = {line.clock.kind: line for line in lines if line.lamp}
    office = Office.for_cases([issue], actions.unit_ids(case, {}))
    available = case.available(user.current_postings, office, now)
    return {
        "issue": issue,
        "where": where(issue),
        "entries": entries,
        "notes": [] if until else notes.notes(case, entries, user=user, now=now, calendar=days),
        "present_wait": waits.present(clocks, entries[-1].at, now, days)
        if entries and not until
        else None,
        "clocks": lines,
        "ended_clocks": sum(line.lamp is None for line in lines),
        "units": story.unit_lines(case.assignments, clocks, until=until),
        "has_left": until is not None,
        "step_clock": running.get(ClockKind.STEP),
        "overall_clock": running.get(ClockKind.OVERALL),
        "report_photos": entries[0].photos if entries else [],
        "offers": offers.offers(case, available, office, now),
        "papers": papers_of(case, entries, upto=upto),
        "contact": None,
        "contact_masked": (mask_name(issue.contact_name), mask_phone(issue.contact_phone)),
        "reveal_reasons": RevealReason.choices if Action.CONTACT in available else [],
    }
