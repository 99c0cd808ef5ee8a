"""Every write to an issue: lock, check, change, event, messages, in one transaction.

Pages, the API, the sweeps and the reference loader all come through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
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
    ``at`` (default: now) is put off to the last step of the case if it lies before that.
    """
    pressed_at = at or timezone.now()
    locked = _lock(issue_id, action, by=by, data=data)
    issue = locked.get(issue_id)
    if issue is None:
        raise NotFoundHere()
    if expected_version is not None and expected_version != issue.version:
        raise Stale()
    at = _not_before_the_last_step(locked, pressed_at)
    case = Case.load(issue)
    others = [Case.load(other) for other in _others(issue, action, data, locked)]
    units = [pk for one in (case, *others) for pk in unit_ids(one, data)]
    office = Office.for_cases(locked.values(), units, place_ids(data))
    postings = by.current_postings if by else None
    if action == Action.MERGE:
        data = {**data, "master": locked[data["master"].pk]}
    elif action == Action.UNMERGE:
        _release(issue, others, by=by, at=at, office=office)
    event = steps.take(case, action, by=postings, data=data, at=at, office=office)
    if action == Action.MERGE:
        _absorb(issue, others[0], by=by, at=at, office=office)
    store.save([case, *others])
    return event


def _lock(
    issue_id: int, action: Action, *, by: User | None, data: Mapping[str, Any]
) -> dict[int, Issue]:
    """The case and, where cases are joined or parted, the others, locked in a fixed order.

    What ``by`` may not see is left out, but for the masters of a case that is parted from them.
    """
    named = [issue_id, data["master"].pk] if action == Action.MERGE else [issue_id]
    ids = Issue.objects.filter(pk__in=named).order_by().values("pk")
    if by is not None:
        ids = Issue.objects.visible_to(by).filter(pk__in=named).order_by().values("pk")
    wanted = Q(pk__in=ids)
    if action == Action.UNMERGE:
        wanted |= Q(pk__in=_master_ids(issue_id))
    rows = (
        Issue.objects.select_related("category", "lead_unit")
        .filter(wanted)
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    return {issue.pk: issue for issue in rows}


def _master_ids(issue_id: int) -> list[int]:
    """The ids of a case's master, of that one's master, and so on; read before they are locked."""
    ids: list[int] = []
    merged_id: int | None = issue_id
    while merged_id is not None:
        merged_id = Issue.objects.filter(pk=merged_id).values_list("master_id", flat=True).first()
        if merged_id is not None:
            ids.append(merged_id)
    return ids


def _others(
    issue: Issue, action: Action, data: Mapping[str, Any], locked: Mapping[int, Issue]
) -> list[Issue]:
    """The other cases that the step changes: the master to be, or the masters so far, upwards."""
    if action == Action.MERGE:
        master = locked.get(data["master"].pk)
        if master is None:
            raise NotFoundHere("没有找到主件，或您无权查看。")
        return [master] if master != issue else []
    masters: list[Issue] = []
    while action == Action.UNMERGE and issue.master_id is not None:
        if issue.master_id not in locked:
            raise Stale()  # its master was merged in its turn while we waited for the locks
        issue = locked[issue.master_id]
        masters.append(issue)
    return masters


def _not_before_the_last_step(locked: Mapping[int, Issue], at: datetime) -> datetime:
    """A case's history runs forward, though clocks of machines differ and locks make one wait."""
    heads = IssueEvent.objects.filter(issue__in=locked, seq=F("issue__event_count"))
    return max([at, *heads.values_list("at", flat=True)])


def _absorb(issue: Issue, master: Case, *, by: User | None, at: datetime, office: Office) -> None:
    """The other side of a merge."""
    steps.take(master, Action.ABSORB, by=None, data={"merged": issue}, at=at, office=office)
    _spare(by, master)


def _release(
    issue: Issue, masters: Sequence[Case], *, by: User | None, at: datetime, office: Office
) -> None:
    """The other side of a split: each master is received again when what it still holds was."""
    below = issue
    for case in masters:
        master = case.issue
        rest = master.duplicates.exclude(pk=below.pk).values_list("received_at", flat=True)
        received = [master.events.get(seq=1).at, *rest]
        if below != issue:
            received.append(below.received_at)
        data = {"merged": issue, "received_at": min(received)}
        steps.take(case, Action.RELEASE, by=None, data=data, at=at, office=office)
        _spare(by, case)
        below = master


def _spare(by: User | None, case: Case) -> None:
    """Who joined or parted the cases knows it, though it was the platform's step on the other."""
    case.messages[:] = [row for row in case.messages if by is None or row.recipient_id != by.pk]


def unit_ids(case: Case, data: Mapping[str, Any]) -> list[int]:
    """The units whose people a step may concern: those in the case and those it brings in."""
    ids = [row.unit_id for row in case.present]
    if lead := data.get("lead_unit"):
        ids.append(lead.pk)
    ids.extend(row["unit"].pk for row in data.get("co_units") or ())
    return ids


def place_ids(data: Mapping[str, Any]) -> list[int | None]:
    """The places to which a step may bring a case, beside those where it lies."""
    place = data.get("place")
    return list(place.lineage().values()) if place else []


def available(issue: Issue, *, by: User, at: datetime | None = None) -> dict[Action, str | None]:
    """The steps that ``by`` has on this case now, each with what still forbids it or None."""
    case = Case.load(issue)
    office = Office.for_cases([issue], unit_ids(case, {}))
    return case.available(by.current_postings, office, at or timezone.now())


@transaction.atomic
def reveal_contact(issue: Issue, *, by: User, reason: RevealReason) -> tuple[str, str]:
    """The unmasked name and telephone of who complained; the look and its reason are on record.

    Only those may look whose turn it is to talk to them. Raises NotAllowed.
    """
    if Action.CONTACT not in available(issue, by=by):
        raise NotAllowed("只有正在办理本件的人员可以查看诉求人的联系方式。")
    audit.record(by=by, action=Trail.CONTACT_REVEALED, target=issue, detail={"reason": reason})
    return issue.contact_name, issue.contact_phone
