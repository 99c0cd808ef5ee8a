"""Taking the people out of a case that has ended, for good. Its history stays and still verifies.

What goes: title, description, address and position; name and telephone of who complained; the words
of all events and orders; the photos; the case's title in messages, and the exported lists that may
have it. What stays: codes, dates, units, places down to the grid, who of the staff did what, and
the hash of every word and photo.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import CharField, Exists, IntegerField, OuterRef, Q, QuerySet, TextChoices
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from core import audit, export_files
from core.errors import NotAllowed, NotFoundHere, Refused
from core.models import Attachment, AuditEntry, Message
from issues.choices import OPEN_STATUSES
from issues.models import Assignment, Clock, EventText, Issue, Photo
from issues.trail import Trail
from people.choices import Role
from people.models import User

TITLE = "（已匿名化）"
DESCRIPTION = "本件已匿名化：内容、地址、照片、办理文字和诉求人信息均已清除，办理过程保留。"


class Reason(TextChoices):
    RETENTION = "retention", "保存期限届满"
    REQUEST = "request", "个人要求删除"


def records(issue_id: Any, *, upto: Any) -> QuerySet[AuditEntry]:
    """The audit entries which say that a case was anonymised up to its event ``upto`` at least.

    Both are expressions of the query that asks.
    """
    return AuditEntry.objects.annotate(
        upto=Cast(KeyTextTransform("events", "detail"), IntegerField())
    ).filter(
        target_type=Issue._meta.label_lower,
        target_id=Cast(issue_id, CharField()),
        action=Trail.ANONYMISED,
        upto__gte=upto,
    )


def not_yet(issues: QuerySet[Issue]) -> QuerySet[Issue]:
    """Those of ``issues`` that have ended and still hold words."""
    return issues.exclude(status__in=OPEN_STATUSES).filter(
        ~Exists(records(OuterRef("pk"), upto=OuterRef("event_count")))
    )


@transaction.atomic(durable=True)
def anonymise(issue: Issue, *, by: User | None, reason: Reason) -> None:
    """Empty everything personal in a case that has ended; the audit trail says by whom and why.

    It cannot be taken back. ``by`` is of the task force of the case's district; None is the
    platform itself. Raises NotFoundHere, NotAllowed, or Refused while the case is open or when
    there is nothing left to empty.
    """
    visible = Issue.objects.visible_to(by) if by else Issue.objects.all()
    locked = visible.select_for_update(of=("self",)).filter(pk=issue.pk).first()
    if locked is None:
        raise NotFoundHere()
    if by and not _is_task_force(by, locked):
        raise NotAllowed("只有区级派单员（专班）可以将问题匿名化。")
    if locked.status in OPEN_STATUSES:
        raise Refused("问题尚未办结，不能匿名化。", code="wrong_state")
    if not not_yet(Issue.objects.filter(pk=locked.pk)).exists():
        raise Refused("问题已经匿名化，不必重复操作。", code="already_anonymised")
    _empty(locked)
    audit.record(
        by=by,
        action=Trail.ANONYMISED,
        target=locked,
        detail={"reason": reason, "events": locked.event_count},
    )
    _remove_photos(locked)
    # Of the lists, this one has titles of cases.
    export_files.withdraw("issues", reason="有问题刚被匿名化，文件没有生成，请重新导出。")


def _is_task_force(user: User, issue: Issue) -> bool:
    return any(
        posting.role == Role.DISTRICT_DISPATCHER and posting.place_id == issue.district_id
        for posting in user.current_postings
    )


def _empty(issue: Issue) -> None:
    issue.title, issue.description, issue.address = TITLE, DESCRIPTION, ""
    issue.longitude = issue.latitude = None
    issue.contact_name = issue.contact_phone = issue.contact_phone_index = ""
    issue.save(
        update_fields=[
            "title",
            "description",
            "address",
            "longitude",
            "latitude",
            "contact_name",
            "contact_phone",
            "contact_phone_index",
        ]
    )
    EventText.objects.filter(event__issue=issue).update(body="", salt="")
    Assignment.objects.filter(issue=issue).update(task="")
    # Keys begin with what a message is about, and have an index.
    about = Q(key__startswith=f"issue:{issue.pk}:")
    for pk in Clock.objects.filter(issue=issue).values_list("pk", flat=True):
        about |= Q(key__startswith=f"clock:{pk}:")
    Message.objects.filter(about).update(title=TITLE)


def _remove_photos(issue: Issue) -> None:
    """Delete files and rows; the events keep that there were photos, and their hashes.

    The files go last: if the transaction fails after all, the case has not been anonymised and the
    next try finishes it. The other order could leave a file behind that nothing points to.
    """
    photos = Photo.objects.filter(issue=issue)
    attachments = list(Attachment.objects.filter(pk__in=photos.values("attachment")))
    photos.delete()
    Attachment.objects.filter(pk__in=[attachment.pk for attachment in attachments]).delete()
    for attachment in attachments:
        attachment.file.delete(save=False)
