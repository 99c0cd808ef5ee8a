"""Every write to an issue: lock, check, change, event, messages, in one transaction.

Pages, the API, the sweeps and the reference loader all come through here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core import audit
from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.kept import forget_marks
from core.privacy import blind_index
from issues import steps, store
from issues.case import Case
from issues.choices import Action, RevealReason
from issues.models import Issue, IssueEvent
from issues.office import Office
from issues.reference import with_reference_data
from issues.trail import Trail
from issues.workflow import RULES
from people.models import Posting, User

TITLE_LENGTH = 40
BATCH = 500  # cases of one transaction


Asked = Mapping[str, Any] | Callable[[Issue], Mapping[str, Any]]


def report(*, by: User, data: Mapping[str, Any], at: datetime | None = None) -> Issue:
    """Register one report, as ``create_issues`` does."""
    return create_issues([data], by=by, at=at)[0]


@transaction.atomic
def create_issues(
    reports: Sequence[Mapping[str, Any]], *, by: User, at: datetime | None = None
) -> list[Issue]:
    """Register reports in the shape of ``ReportInput``, received at ``at`` (default: now).

    All or none: raises NotAllowed when ``by`` has no posting that may report at a place, Refused
    for a ``client_id`` that was reported before.
    """
    issues = []
    for outcome in try_create_issues(reports, by=by, at=at):
        if isinstance(outcome, Refused):
            raise outcome
        issues.append(outcome)
    return issues


def try_create_issues(
    reports: Sequence[Mapping[str, Any]], *, by: User, at: datetime | None = None
) -> list[Issue | Refused]:
    """The issue or the refusal of each report, in their order: one that is refused stops no other.

    Otherwise as ``create_issues``, in the caller's transaction.
    """
    at = at or timezone.now()
    ids = store.reserve_for(by, [data["client_id"] for data in reports])
    issues: list[Issue | Refused] = []
    for data, pair in zip(reports, ids, strict=True):
        if pair is None:
            issues.append(Refused("这份上报已经收到过，不必重复提交。", code="already_reported"))
        else:
            issues.append(draft(data, reporter=by, received_at=at, ids=pair))
    office = Office.for_cases([issue for issue in issues if isinstance(issue, Issue)])
    cases: list[Case] = []
    for index, issue in enumerate(issues):
        if isinstance(issue, Refused):
            continue
        try:
            posting = _posting_for_report(by, issue)
            case = steps.open_case(issue, by=posting, data=reports[index], at=at, office=office)
        except Refused as refusal:
            issues[index] = refusal
        else:
            cases.append(case)
    if cases:
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
    data: Asked,
    expected_version: int | None,
    at: datetime | None = None,
) -> IssueEvent:
    """Take one step on a case, in a transaction of its own; see ``perform_within``."""
    return perform_within(
        issue_id, action, by=by, data=data, expected_version=expected_version, at=at
    )


def perform_within(
    issue_id: int,
    action: Action,
    *,
    by: User | None,
    data: Asked,
    expected_version: int | None,
    at: datetime | None = None,
) -> IssueEvent:
    """Take one step on a case, under the row lock, and return its event. The transaction is the
    caller's, who gives it up when this raises.

    ``by=None`` means the platform itself. ``data`` has the shape of ``inputs.INPUTS[action]``; a
    function of the locked case gives it to who checks the input against the case, and need not
    read it twice. (Not for a merge, which locks the master that the data names.)
    Raises NotFoundHere when ``by`` may not see the case, Stale when it is no longer at
    ``expected_version`` (None: whatever it is), NotAllowed or Refused when a rule forbids the step.
    ``at`` (default: now) is put off to the last step of the case if it lies before that.
    """
    pressed_at = at or timezone.now()
    locked = _lock(issue_id, action, by=by, data=data)
    issue = locked.get(issue_id)
    if issue is None:
        raise NotFoundHere("没有找到这个问题，或您无权查看。")
    if callable(data):
        data = data(issue)
    if expected_version is not None and expected_version != issue.version:
        raise Stale()
    case, *others = Case.load_many([issue, *_others(issue, action, data, locked)])
    at = max(pressed_at, *(one.last_at or pressed_at for one in (case, *others)))
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


def perform_each(
    issue_ids: Iterable[int],
    action: Action,
    *,
    data: Asked,
    at: datetime | None = None,
    batch: int = BATCH,
) -> int:
    """Take the platform's own step on many cases; return on how many.

    Each batch is one transaction. A case that somebody else holds just now, or on which the step is
    refused, is left out and stops no other.
    """
    ids, at = list(dict.fromkeys(issue_ids)), at or timezone.now()
    return sum(
        _perform_batch(ids[start : start + batch], action, data, at)
        for start in range(0, len(ids), batch)
    )


@transaction.atomic
def _perform_batch(ids: Sequence[int], action: Action, data: Asked, pressed_at: datetime) -> int:
    forget_marks()  # the batches before may have taken long
    rows = Issue.objects.filter(pk__in=ids).order_by("pk")
    issues = with_reference_data(rows.select_for_update(skip_locked=True))
    if not issues:
        return 0
    cases = Case.load_many(issues)
    given = {issue.pk: data(issue) if callable(data) else data for issue in issues}
    office = Office.for_cases(
        issues,
        [pk for case in cases for pk in unit_ids(case, given[case.issue.pk])],
        [pk for one in given.values() for pk in place_ids(one)],
    )
    taken: list[Case] = []
    for case in cases:
        at = max(pressed_at, case.last_at or pressed_at)
        try:
            steps.take(case, action, by=None, data=given[case.issue.pk], at=at, office=office)
        except Refused:
            continue
        taken.append(case)
    if taken:
        store.save(taken)
    return len(taken)


def _lock(issue_id: int, action: Action, *, by: User | None, data: Asked) -> dict[int, Issue]:
    """The case and, where cases are joined or parted, the others, locked in a fixed order.

    What ``by`` may not see is left out, but for the masters of a case that is parted from them.
    """
    visible = Issue.objects.all() if by is None else Issue.objects.visible_to(by)
    if action == Action.MERGE and not callable(data):
        rows = visible.filter(pk__in=[issue_id, data["master"].pk])
    elif action == Action.UNMERGE:
        seen = visible.filter(pk=issue_id).order_by().values("pk")
        rows = Issue.objects.filter(Q(pk__in=seen) | Q(pk__in=_master_ids(issue_id)))
    else:
        rows = visible.filter(pk=issue_id)
    locked = with_reference_data(rows.select_for_update(of=("self",)).order_by("pk"))
    return {issue.pk: issue for issue in locked}


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
