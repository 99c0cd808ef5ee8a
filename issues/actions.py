"""Every write to an issue: lock, check, change, event, messages, in one transaction.

Pages, the API, the sweeps and the reference loader all come through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import audit
from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.privacy import blind_index
from issues import steps, store
from issues.case import Case
from issues.choices import Action, RevealReason
from issues.models import Issue, IssueEvent
from issues.office import Office
from issues.trail import Trail
from issues.workflow import RULES
from people.models import Posting, User

TITLE_LENGTH = 40


def report(*, by: User, data: Mapping[str, Any], at: datetime | None = None) -> Issue:
    """Register one report, as ``create_issues`` does. Raises Refused for a used ``client_id``."""
    if Issue.objects.filter(reporter=by, client_id=data["client_id"]).exists():
        raise Refused("这份上报已经收到过，不必重复提交。", code="already_reported")
    return create_issues([data], by=by, at=at)[0]


@transaction.atomic
def create_issues(
    reports: Sequence[Mapping[str, Any]], *, by: User, at: datetime | None = None
) -> list[Issue]:
    """Register reports in the shape of ``inputs.ReportInput``, received at ``at`` (default: now).

    Raises NotAllowed when ``by`` has no posting that may report at a place.
    """
    at = at or timezone.now()
    issues = [
        draft(data, reporter=by, received_at=at, ids=ids)
        for data, ids in zip(reports, store.reserve(len(reports)), strict=True)
    ]
    office = Office.for_cases(issues)
    cases = [
        steps.open_case(issue, by=_posting_for_report(by, issue), data=data, at=at, office=office)
        for issue, data in zip(issues, reports, strict=True)
    ]
    store.save(cases, new=True)
    return issues


def draft(
    data: Mapping[str, Any], *, reporter: User | None, received_at: datetime, ids: tuple[int, int]
) -> Issue:
    """An unsaved issue with the words, place and ids of a report, before its first event."""
    pk, day_number = ids
    place, phone = data["place"], data.get("contact_phone", "")
    return Issue(
        pk=pk,
        number=store.number(received_at, day_number),
        client_id=data["client_id"],
        source=data["source"],
        title=data.get("title") or first_sentence(data["text"]),
        description=data["text"],
        category=data["category"],
        urgency=data["urgency"],
        place=place,
        **place.lineage(),
        area=data.get("area"),
        address=data.get("address", ""),
        longitude=data.get("longitude"),
        latitude=data.get("latitude"),
        reporter=reporter,
        contact_name=data.get("contact_name", ""),
        contact_phone=phone,
        contact_phone_index=blind_index(phone) if phone else "",
        captured_at=data.get("captured_at"),
        received_at=received_at,
    )


def first_sentence(text: str) -> str:
    """The start of a report as its title, for reporters who give none."""
    first = text.strip().splitlines()[0]
    for mark in "。！？；":
        first = first.split(mark)[0]
    return first if len(first) <= TITLE_LENGTH else f"{first[: TITLE_LENGTH - 1]}…"


def _posting_for_report(by: User, issue: Issue) -> Posting:
    rule = RULES[None, Action.CREATE]
    case = Case(issue=issue)
    for posting in by.current_postings:
        if case.may(posting, Action.CREATE, rule):
            return posting
    raise NotAllowed("您不能在这个地点上报问题。")


@transaction.atomic
def perform(
    issue_id: int,
    action: Action,
    *,
    by: User | None,
    data: Mapping[str, Any],
    expected_version: int | None,
    at: datetime | None = None,
) -> IssueEvent:
    """Take one step on a case, under the row lock, and return its event.

    ``by=None`` means the platform itself. ``data`` has the shape of ``inputs.INPUTS[action]``.
    Raises NotFoundHere when ``by`` may not see the case, Stale when it is no longer at
    ``expected_version`` (None: whatever it is), NotAllowed or Refused when a rule forbids the step.
    """
    at = at or timezone.now()
    visible = Issue.objects.visible_to(by) if by else Issue.objects.all()
    issue = (
        visible.select_related("category", "lead_unit")
        .select_for_update(of=("self",))
        .filter(pk=issue_id)
        .first()
    )
    if issue is None:
        raise NotFoundHere()
    if expected_version is not None and expected_version != issue.version:
        raise Stale()
    case = Case.load(issue)
    office = Office.for_cases([issue], unit_ids(case, data))
    postings = by.current_postings if by else None
    event = steps.take(case, action, by=postings, data=data, at=at, office=office)
    store.save([case])
    return event


def unit_ids(case: Case, data: Mapping[str, Any]) -> list[int]:
    """The units whose people a step may concern: those in the case and those it brings in."""
    ids = [row.unit_id for row in case.present]
    if lead := data.get("lead_unit"):
        ids.append(lead.pk)
    ids.extend(row["unit"].pk for row in data.get("co_units") or ())
    return ids


def available(issue: Issue, *, by: User, at: datetime | None = None) -> dict[Action, str | None]:
    """The steps that ``by`` has on this case now, each with what still forbids it or None."""
    case = Case.load(issue)
    office = Office.for_cases([issue], unit_ids(case, {}))
    return case.available(by.current_postings, office, at or timezone.now())


@transaction.atomic
def reveal_contact(issue: Issue, *, by: User, reason: RevealReason) -> tuple[str, str]:
    """The unmasked name and telephone of who complained; the look and its reason are on record.

    Only somebody who has a step on this case may look. Raises NotAllowed.
    """
    if not available(issue, by=by):
        raise NotAllowed("只有正在办理本件的人员可以查看诉求人的联系方式。")
    audit.record(by=by, action=Trail.CONTACT_REVEALED, target=issue, detail={"reason": reason})
    return issue.contact_name, issue.contact_phone
