"""What of the key projects a posting holds: those that its holder answers for by name."""

from __future__ import annotations

from datetime import date

from django.db.models import Q

from people.duties import Duty, leaves_service, leaves_unit, register
from people.models import Posting, User
from projects import actions
from projects.choices import Status
from projects.models import Project
from projects.querysets import ProjectQuerySet


def owned(posting: Posting, until: date) -> ProjectQuerySet:
    """Projects not yet done whose owner would be no longer at work, or no longer in one of the
    project's units, if the posting ended with ``until``."""
    projects = Project.objects.filter(project_owner=posting.user_id).exclude(status=Status.DONE)
    if leaves_service(posting, until):
        return projects
    if leaves_unit(posting, until):
        unit = posting.organisation_id
        return projects.filter(Q(lead_department=unit) | Q(responsible_unit=unit))
    return projects.none()


def hand_over(posting: Posting, successor: User, *, by: User | None, until: date) -> int:
    ids = list(owned(posting, until).order_by("pk").values_list("pk", flat=True))
    for project_id in ids:
        actions.change_owner(project_id, by=by, owner=successor)
    return len(ids)


register(
    Duty(code="owned_projects", label="攻坚项目", measure="个", held=owned, hand_over=hand_over)
)
