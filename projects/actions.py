"""Every write to a project: lock, check, change, audit entry, messages, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from areas.models import ComplexArea, Place
from core import audit, outbox
from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import Message
from issues import actions as issue_actions
from issues.choices import Action
from people.choices import ORGANISATIONAL, OrganisationKind, Role
from people.directory import Directory
from people.models import Posting, User
from projects import numbers
from projects.choices import FIVE_ELEMENTS, MessageKind, Status, Step
from projects.models import Project, ProjectOrigin, ProjectProgress
from projects.querysets import DRAFTERS
from projects.trail import Trail

NUMBER_PREFIX = "GJ"

# What a draft may say; the shape of ``data`` of create_draft and update_draft (forms.ProjectForm).
DRAFT_FIELDS = ("name", "aspect", "year", "area", "target", *FIVE_ELEMENTS)


@transaction.atomic
def create_draft(*, by: User, data: Mapping[str, Any], at: datetime | None = None) -> Project:
    """Draft a project at ``data["place"]``. Elements may still be missing.

    Raises NotAllowed when ``by`` prepares no projects there, Refused when the area lies elsewhere.
    """
    place: Place = data["place"]
    posting = _drafter(by, place.lineage())
    pk = numbers.reserve_id(Project)
    project = Project(pk=pk, number=numbers.number(NUMBER_PREFIX, data["year"], pk))
    _fill_in(project, data)
    project.save(force_insert=True)
    _record(project, Trail.DRAFTED, by=by, posting=posting, at=at)
    return project


@transaction.atomic
def update_draft(
    project_id: int,
    *,
    by: User,
    data: Mapping[str, Any],
    expected_version: int,
    at: datetime | None = None,
) -> Project:
    """Change a draft, also its place. Raises what ``create_draft`` does, and Stale."""
    project = _lock(project_id, by=by, expected_version=expected_version)
    posting = _drafter(by, project.lineage())
    _drafter(by, data["place"].lineage())
    _require_status(project, Status.DRAFT, "只有草稿可以修改。")
    _fill_in(project, data)
    _save(project)
    _record(project, Trail.EDITED, by=by, posting=posting, at=at)
    return project


@transaction.atomic
def publish(
    project_id: int, *, by: User, expected_version: int, at: datetime | None = None
) -> Project:
    """Publish a draft; its time runs from this day. Raises Refused naming the missing elements."""
    at = at or timezone.now()
    today = timezone.localdate(at)
    project = _lock(project_id, by=by, expected_version=expected_version)
    posting = _drafter(by, project.lineage())
    _require_status(project, Status.DRAFT, "这个项目已经发布。")
    _start(project, today)
    _save(project)
    _record(project, Trail.PUBLISHED, by=by, posting=posting, at=at)
    _tell(
        project,
        [project.project_owner_id, *_unit_people(project, today)],
        title=f"攻坚项目发布：{project.name}",
        body=f"{project.number}，完成时限 {project.due_date:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return project


@transaction.atomic
def convert_issue(
    *,
    by: User,
    issue_id: int,
    expected_version: int | None,
    data: Mapping[str, Any],
    text: str,
    at: datetime | None = None,
) -> Project:
    """Open a project for what a suspended case is about, and close the case as turned into it.

    ``data`` is that of a draft with all five elements; the place is the case's town or community,
    or the district. The project is published at once: the matter has somebody who answers for it
    every day. By the district's leader. Raises what ``issues.actions.perform`` does, and Refused
    naming the missing elements.
    """
    at = at or timezone.now()
    pk = numbers.reserve_id(Project)
    number = numbers.number(NUMBER_PREFIX, data["year"], pk)
    event = issue_actions.perform(
        issue_id,
        Action.CONVERT_TO_PROJECT,
        by=by,
        data={"text": f"转为攻坚项目 {number}。{text}"},
        expected_version=expected_version,
        at=at,
    )
    issue = event.issue
    if data["place"].pk not in (issue.district_id, issue.town_id, issue.community_id):
        message = "实施地点须是问题所在的村（社区）、镇街或全区。"
        raise Refused(message, fields={"place": [message]})
    project = Project(pk=pk, number=number)
    _fill_in(project, data)
    _start(project, timezone.localdate(at))
    project.save(force_insert=True)
    ProjectOrigin.objects.create(project=project, issue=issue, event=event)
    _record(project, Trail.CONVERTED, by=by, posting=event.posting, at=at, issue=issue.pk)
    _tell(
        project,
        [
            project.project_owner_id,
            *_unit_people(project, timezone.localdate(at)),
            *_dispatchers(project, timezone.localdate(at)),
        ],
        title=f"攻坚项目发布：{project.name}",
        body=f"{project.number}，由问题 {issue.number} 转来，"
        f"完成时限 {project.due_date:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return project


@transaction.atomic
def report_progress(
    project_id: int,
    *,
    by: User,
    percent: int,
    text: str,
    expected_version: int,
    at: datetime | None = None,
) -> ProjectProgress:
    """Report how far a project has come, in percent of the whole. A correction may go down.

    By the project owner and the people of the lead department and the responsible unit.
    """
    at = at or timezone.now()
    project = _lock(project_id, by=by, expected_version=expected_version)
    posting = _reporter(by, project)
    _require_status(project, Status.PUBLISHED, "只有推进中的项目可以填报进展。")
    project.set_percent(percent)
    _save(project)
    progress = _add_progress(project, by=by, percent=percent, text=text, at=at)
    _record(project, Trail.PROGRESSED, by=by, posting=posting, at=at, percent=percent)
    _tell(
        project,
        _dispatchers(project, timezone.localdate(at)),
        title=f"项目进展 {percent}%：{project.name}",
        body=f"{project.number}。",
        by=by,
        at=at,
    )
    return progress


@transaction.atomic
def complete(
    project_id: int,
    *,
    by: User,
    completed_on: date,
    text: str,
    expected_version: int,
    at: datetime | None = None,
) -> Project:
    """Accept a project as completed on ``completed_on``, with the opinion ``text``.

    By the district's task force alone: who carries a project out does not accept it.
    """
    at = at or timezone.now()
    project = _lock(project_id, by=by, expected_version=expected_version)
    posting = _accepter(by, project)
    _require_status(project, Status.PUBLISHED, "只有推进中的项目可以验收。")
    published_on = project.published_on or completed_on
    if not published_on <= completed_on <= timezone.localdate(at):
        message = "完成日期应在发布日期与今天之间。"
        raise Refused(message, fields={"completed_on": [message]})
    project.status = Status.DONE
    project.completed_on = completed_on
    project.set_percent(100)
    _save(project)
    _add_progress(project, by=by, percent=100, text=text, at=at)
    _record(project, Trail.COMPLETED, by=by, posting=posting, at=at, completed_on=completed_on)
    _tell(
        project,
        [project.project_owner_id, *_unit_people(project, timezone.localdate(at))],
        title=f"攻坚项目验收完成：{project.name}",
        body=f"{project.number}，完成日期 {completed_on:%Y-%m-%d}。",
        by=by,
        at=at,
    )
    return project


@transaction.atomic
def change_owner(
    project_id: int, *, by: User | None, owner: User, at: datetime | None = None
) -> Project:
    """Make somebody else answer for a project that is not yet done, because its owner leaves.

    Who may order it, ``people.actions`` has asked: ``by`` need not see the project.
    """
    at = at or timezone.now()
    project = Project.objects.select_for_update(of=("self",)).get(pk=project_id)
    if project.status == Status.DONE:
        raise Refused("这个项目已经完成。", code="wrong_state")
    former = project.project_owner_id
    project.project_owner = owner
    _save(project)
    facts = {"former_owner": former, "owner": owner.pk}
    _record(project, Trail.OWNER_CHANGED, by=by, posting=None, at=at, **facts)
    _tell(
        project,
        [owner.pk, *_dispatchers(project, timezone.localdate(at))],
        title=f"项目负责人变更：{project.name}",
        body=f"{project.number}，现由{owner}负责。",
        by=by,
        at=at,
    )
    return project


def available(project: Project, *, by: User) -> list[Step]:
    """What ``by`` may do with a project now, in the order of the page."""
    asked: dict[Status, dict[Step, Any]] = {
        Status.DRAFT: {
            Step.PUBLISH: lambda: _drafter(by, project.lineage()),
            Step.EDIT: lambda: _drafter(by, project.lineage()),
        },
        Status.PUBLISHED: {
            Step.REPORT_PROGRESS: lambda: _reporter(by, project),
            Step.COMPLETE: lambda: _accepter(by, project),
        },
        Status.DONE: {},
    }
    return [step for step, ask in asked[Status(project.status)].items() if _is_allowed(ask)]


def may_draft(user: User) -> bool:
    return user.has_role(*DRAFTERS)


# --- who ---


def _drafter(by: User, lineage: Mapping[str, int | None]) -> Posting:
    """The posting under which ``by`` prepares projects at a place. Raises NotAllowed."""
    for posting in by.current_postings:
        place = posting.place
        if posting.role in DRAFTERS and place and lineage[place.lineage_column] == place.pk:
            return posting
    raise NotAllowed("只有区级专班和项目所在镇街的派单员可以起草、发布项目。")


def _reporter(by: User, project: Project) -> Posting | None:
    """The posting under which ``by`` reports progress; None for the project owner as such."""
    units = (project.responsible_unit_id, project.lead_department_id)
    for posting in by.current_postings:
        if posting.role in ORGANISATIONAL and posting.organisation_id in units:
            return posting
    if project.project_owner_id == by.pk:
        return None
    raise NotAllowed("只有项目负责人、责任单位和牵头部门可以填报进展。")


def _accepter(by: User, project: Project) -> Posting:
    for posting in by.current_postings:
        if (
            posting.role == Role.DISTRICT_DISPATCHER
            and posting.place_id == project.district_id
            and by.pk != project.project_owner_id
        ):
            return posting
    raise NotAllowed("项目由区级专班验收，项目负责人不能验收自己的项目。")


def _is_allowed(ask: Any) -> bool:
    try:
        ask()
    except NotAllowed:
        return False
    return True


# --- the parts of every action ---


def _lock(project_id: int, *, by: User, expected_version: int) -> Project:
    """The locked row, if ``by`` may see it. Raises NotFoundHere, Stale."""
    project = (
        Project.objects.visible_to(by)
        .select_related("place", "lead_department", "responsible_unit")
        .select_for_update(of=("self",))
        .filter(pk=project_id)
        .first()
    )
    if project is None:
        raise NotFoundHere()
    if project.version != expected_version:
        raise Stale()
    return project


def _require_status(project: Project, status: Status, message: str) -> None:
    if project.status != status:
        raise Refused(message, code="wrong_state")


def _fill_in(project: Project, data: Mapping[str, Any]) -> None:
    place: Place = data["place"]
    _check_area(data.get("area"), place)
    lead = data.get("lead_department")
    if lead and lead.kind == OrganisationKind.EXTERNAL:
        message = "牵头部门须是区内单位。"
        raise Refused(message, fields={"lead_department": [message]})
    for name in DRAFT_FIELDS:
        if name in data:
            setattr(project, name, data[name])
    project.place = place
    for column, pk in place.lineage().items():
        setattr(project, column, pk)


def _start(project: Project, today: date) -> None:
    """Publish it. Raises Refused naming what is missing of the five elements."""
    missing = project.missing_elements()
    if missing or project.due_date is None:
        raise Refused(
            f"五要素不齐全，不能发布，还缺：{'、'.join(missing)}。", code="elements_missing"
        )
    if project.due_date <= today:
        message = "完成时限须晚于发布日期。"
        raise Refused(message, fields={"due_date": [message]})
    project.status = Status.PUBLISHED
    project.published_on = today
    project.set_percent(0)


def _check_area(area: ComplexArea | None, place: Place) -> None:
    """An area goes with a place above, at or below one of its communities."""
    if area is None:
        return
    below = area.communities.under(place)
    above = area.communities.filter(pk__in=[place.lineage()["community_id"]])
    if not below.exists() and not above.exists():
        message = "这个复杂区域不在所选地点。"
        raise Refused(message, fields={"area": [message]})


def _save(project: Project) -> None:
    project.version += 1
    project.save()


def _add_progress(
    project: Project, *, by: User, percent: int, text: str, at: datetime
) -> ProjectProgress:
    return ProjectProgress.objects.create(project=project, by=by, percent=percent, text=text, at=at)


def _record(
    project: Project,
    action: Trail,
    *,
    by: User | None,
    posting: Posting | None,
    at: datetime | None,
    **facts: Any,
) -> None:
    audit.record(
        by=by,
        action=action,
        target=project,
        detail={
            "version": project.version,
            "posting": posting.pk if posting else None,
            **facts,
        },
        at=at,
    )


# --- who hears of it ---


def _unit_people(project: Project, day: date) -> list[int]:
    units = [project.lead_department_id, project.responsible_unit_id]
    directory = Directory.around([], units)
    return [
        posting.user_id
        for unit_id in units
        for role in (Role.UNIT_HEAD, Role.UNIT_HANDLER)
        for posting in directory.in_organisation(role, unit_id, day)
    ]


def _dispatchers(project: Project, day: date) -> list[int]:
    directory = Directory.around([project.district_id, project.town_id], [])
    return [
        posting.user_id
        for role, place_id in (
            (Role.DISTRICT_DISPATCHER, project.district_id),
            (Role.TOWN_DISPATCHER, project.town_id),
        )
        for posting in directory.at_place(role, place_id, day)
    ]


def _tell(
    project: Project,
    user_ids: Iterable[int | None],
    *,
    title: str,
    body: str,
    by: User | None,
    at: datetime,
) -> None:
    """One message a person, never to the one who acted."""
    actor_id = by.pk if by else None
    recipients = dict.fromkeys(pk for pk in user_ids if pk and pk != actor_id)
    outbox.post(
        Message(
            key=f"project:{project.pk}:{project.version}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.PROJECT,
            title=title,
            body=body,
            url=project.get_absolute_url(),
            created_at=at,
        )
        for user_id in recipients
    )
