"""Which papers a reader may have of a case, and the writing of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.urls import reverse

from core.errors import NotFoundHere
from issues.case import Case
from issues.choices import Action, ApprovalKind, PaperKind
from issues.models import Issue
from issues.papers import rendering, templates
from issues.papers.contents import contents
from issues.papers.reading import Reading
from issues.querysets import last_visible_seq


@dataclass(frozen=True)
class PaperOfCase:
    """A paper that exists of a case: what it is, and by which step it came.

    The work order is of the whole case; its ``seq`` is the last step that the reader may see.
    """

    issue_id: int
    kind: PaperKind
    seq: int
    label: str
    at: datetime | None = None

    @property
    def url(self) -> str:
        if self.kind == PaperKind.WORK_ORDER:
            return reverse("issues:work_order", args=[self.issue_id])
        return reverse("issues:paper", args=[self.issue_id, self.kind.value, self.seq])


class Step(Protocol):
    """An event, or an entry of the story."""

    @property
    def seq(self) -> int: ...
    @property
    def action(self) -> str: ...
    @property
    def at(self) -> datetime: ...


def papers_of(case: Case, steps: Iterable[Step], *, upto: int) -> list[PaperOfCase]:
    """The papers of a case for a reader who sees ``steps`` of it, up to the event ``upto``.

    One query. Words that are internal stand in no paper.
    """
    pk = case.issue.pk
    beside = sorted(_beside(case, steps, upto), key=lambda paper: paper.seq)
    return [PaperOfCase(pk, PaperKind.WORK_ORDER, upto, PaperKind.WORK_ORDER.label), *beside]


def _beside(case: Case, steps: Iterable[Step], upto: int) -> Iterator[PaperOfCase]:
    issue = case.issue
    for order in case.supervisions:
        if order.issued_seq <= upto:
            label = f"{PaperKind.SUPERVISION.label} {order.number}"
            yield PaperOfCase(
                issue.pk, PaperKind.SUPERVISION, order.issued_seq, label, order.issued_at
            )
    urged = [step for step in steps if step.action == Action.URGE]
    for nth, step in enumerate(urged, start=1):
        label = f"{PaperKind.URGE.label}（第 {nth} 次）"
        yield PaperOfCase(issue.pk, PaperKind.URGE, step.seq, label, step.at)
    asked = [
        row
        for row in case.approvals
        if row.kind == ApprovalKind.EXTENSION and row.asked_seq <= upto
    ]
    for nth, approval in enumerate(asked, start=1):
        label = f"{PaperKind.EXTENSION.label}（第 {nth} 次）"
        yield PaperOfCase(
            issue.pk, PaperKind.EXTENSION, approval.asked_seq, label, approval.asked_at
        )
    for ruling in issue.rulings.filter(seq__lte=upto):
        label = f"{PaperKind.RULING.label}（{ruling.get_kind_display()}）"
        yield PaperOfCase(issue.pk, PaperKind.RULING, ruling.seq, label, ruling.at)


@dataclass(frozen=True)
class Written:
    file_name: str
    content: bytes


def write(issue: Issue, kind: PaperKind, seq: int | None, *, user: Any, now: datetime) -> Written:
    """The paper of ``kind`` that step ``seq`` called for, as ``user`` may read it.

    Raises NotFoundHere where there is none, or none for this reader.
    """
    upto = last_visible_seq(issue, user)
    steps = issue.events.filter(seq__lte=upto).order_by("seq")
    paper = next(
        (
            found
            for found in papers_of(Case.load(issue), steps, upto=upto)
            if found.kind == kind and (seq is None or found.seq == seq)
        ),
        None,
    )
    if paper is None:
        raise NotFoundHere("没有这份文书。")
    reading = Reading(issue, upto=upto, now=now)
    return Written(
        f"{paper.label} {issue.number}.docx",
        rendering.fill(
            templates.content_in_use(kind, issue.district_id),
            contents(kind, reading, paper.seq),
            title=f"{paper.label} {issue.number}",
        ),
    )
