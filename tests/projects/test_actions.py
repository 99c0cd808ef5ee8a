"""From a draft to acceptance: who may, what it takes, what is on record and who hears of it."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from core import audit
from core.errors import NotAllowed, NotFoundHere, Refused, Stale
from core.models import AuditEntry, Message
from projects import actions
from projects.choices import Status, Step
from projects.models import Project
from projects.trail import Trail
from tests.cast import Cast
from tests.issues.moments import at
from tests.projects.stages import completed, data, drafted, published


def test_a_draft_may_lack_elements_but_is_not_published_without_them(cast: Cast) -> None:
    project = drafted(cast, content="", project_owner=None)

    with pytest.raises(Refused, match="还缺：项目内容、项目负责人"):
        actions.publish(
            project.pk, by=cast.sun_li, expected_version=project.version, at=at("2025-03-03")
        )

    assert Project.objects.get(pk=project.pk).status == Status.DRAFT


@pytest.mark.parametrize(
    "element",
    ["content", "lead_department", "responsible_unit", "project_owner", "due_date"],
)
def test_the_database_keeps_the_five_elements_of_a_published_project(
    cast: Cast, element: str
) -> None:
    project = published(cast)
    empty = "" if element == "content" else None

    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(**{element: empty})


def test_the_database_keeps_the_day_of_completion(cast: Cast) -> None:
    project = published(cast)

    with pytest.raises(IntegrityError), transaction.atomic():
        Project.objects.filter(pk=project.pk).update(status=Status.DONE, percent=100)


def test_a_project_carries_the_ancestors_of_its_place(cast: Cast) -> None:
    project = drafted(cast)

    assert project.lineage() == {
        "district_id": cast.district.pk,
        "town_id": cast.changqiao.pk,
        "community_id": cast.longxi.pk,
        "grid_id": None,
    }


def test_publication_starts_the_time_and_tells_owner_and_units(cast: Cast) -> None:
    project = published(cast)

    assert (project.status, project.published_on) == (Status.PUBLISHED, date(2025, 3, 3))
    told = {m.recipient.username for m in Message.objects.filter(title__startswith="攻坚项目发布")}
    assert told == {
        "zhou_wei",  # project owner
        "he_jun",
        "luo_bin",  # lead department
        "wu_yang",
        "zheng_hua",
        "feng_gang",  # responsible unit
    }


def test_a_due_date_in_the_past_is_refused(cast: Cast) -> None:
    project = drafted(cast, due_date=date(2025, 3, 3))

    with pytest.raises(Refused, match="晚于发布日期"):
        actions.publish(
            project.pk, by=cast.sun_li, expected_version=project.version, at=at("2025-03-03")
        )


def test_an_area_of_another_place_is_refused(cast: Cast) -> None:
    with pytest.raises(Refused, match="不在所选地点"):
        drafted(cast, place=cast.jinshan)


def test_a_body_outside_the_district_can_carry_out_but_not_lead(cast: Cast) -> None:
    drafted(cast, responsible_unit=cast.bus_company)

    with pytest.raises(Refused, match="区内单位"):
        drafted(cast, lead_department=cast.bus_company)


def test_a_town_drafts_and_publishes_in_its_own_territory_only(cast: Cast) -> None:
    project = actions.create_draft(by=cast.chen_jing, data=data(cast))
    actions.publish(
        project.pk, by=cast.chen_jing, expected_version=project.version, at=at("2025-03-03")
    )

    with pytest.raises(NotAllowed):
        actions.create_draft(by=cast.chen_jing, data=data(cast, place=cast.jinshan, area=None))
    with pytest.raises(NotAllowed):
        actions.create_draft(by=cast.chen_jing, data=data(cast, place=cast.district, area=None))


def test_a_draft_cannot_be_moved_into_another_town_by_its_dispatcher(cast: Cast) -> None:
    project = drafted(cast)

    with pytest.raises(NotAllowed):
        actions.update_draft(
            project.pk,
            by=cast.chen_jing,
            data=data(cast, place=cast.jinshan, area=None),
            expected_version=project.version,
        )


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("zhou_wei", True),  # project owner
        ("wu_yang", True),  # handler of the responsible unit
        ("zheng_hua", True),  # its head
        ("he_jun", True),  # handler of the lead department
        ("sun_li", False),  # the task force accepts, it does not report
        ("chen_jing", False),
        ("xu_ning", False),
    ],
)
def test_progress_comes_from_those_who_carry_it_out(cast: Cast, who: str, allowed: bool) -> None:
    project = published(cast)
    user = cast.people[who]

    assert (Step.REPORT_PROGRESS in actions.available(project, by=user)) == allowed
    if not allowed:
        with pytest.raises(NotAllowed):
            _progress(project, user)
        return
    _progress(project, user)
    project.refresh_from_db()
    assert project.percent == 40
    assert project.progress.get().by == user


def _progress(project: Project, user, percent: int = 40):
    return actions.report_progress(
        project.pk,
        by=user,
        percent=percent,
        text="地面已硬化。",
        expected_version=project.version,
        at=at("2025-04-01"),
    )


def test_progress_moves_the_yellow_day(cast: Cast) -> None:
    project = published(cast)
    before = project.yellow_on

    _progress(project, cast.zhou_wei)

    project.refresh_from_db()
    assert project.yellow_on > before


@pytest.mark.parametrize("who", ["zhou_wei", "he_jun", "chen_jing", "qian_jin", "cao_xue"])
def test_only_the_task_force_accepts_a_project(cast: Cast, who: str) -> None:
    project = published(cast)

    with pytest.raises(NotAllowed):
        _complete(project, cast.people[who])


def test_nobody_accepts_a_project_of_their_own(cast: Cast) -> None:
    project = published(cast, project_owner=cast.sun_li)

    with pytest.raises(NotAllowed):
        _complete(project, cast.sun_li)


def _complete(project: Project, user, day: date = date(2025, 6, 20)):
    return actions.complete(
        project.pk,
        by=user,
        completed_on=day,
        text="现场验收合格。",
        expected_version=project.version,
        at=at("2025-06-20"),
    )


def test_acceptance_ends_a_project_with_its_day(cast: Cast) -> None:
    project = completed(cast, "2025-06-20")

    assert (project.status, project.percent) == (Status.DONE, 100)
    assert project.completed_on == date(2025, 6, 20)
    assert actions.available(project, by=cast.sun_li) == []
    with pytest.raises(Refused):
        _progress(project, cast.zhou_wei)


@pytest.mark.parametrize("day", [date(2025, 3, 2), date(2025, 6, 21)])
def test_the_day_of_completion_lies_between_publication_and_today(cast: Cast, day: date) -> None:
    project = published(cast)

    with pytest.raises(Refused, match="完成日期"):
        _complete(project, cast.sun_li, day)


def test_a_stale_page_changes_nothing(cast: Cast) -> None:
    project = published(cast)
    _progress(project, cast.zhou_wei)

    with pytest.raises(Stale):
        _progress(project, cast.zhou_wei, percent=10)  # still with the version from before


def test_what_one_may_not_see_does_not_exist(cast: Cast) -> None:
    project = published(cast)

    with pytest.raises(NotFoundHere):
        _progress(project, cast.tang_jie)


def test_every_step_is_on_record_under_one_posting(cast: Cast) -> None:
    project = completed(cast, "2025-06-20")

    entries = AuditEntry.objects.filter(
        target_type="projects.project", target_id=str(project.pk)
    ).order_by("id")
    assert [entry.action for entry in entries] == [
        Trail.DRAFTED,
        Trail.PUBLISHED,
        Trail.COMPLETED,
    ]
    posting = cast.sun_li.postings.get()
    assert {entry.detail["posting"] for entry in entries} == {posting.pk}


def test_no_change_without_its_audit_entry(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    project = published(cast)

    def broken(**facts: object) -> None:
        raise RuntimeError("the audit table is gone")

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        _progress(project, cast.zhou_wei)

    project.refresh_from_db()
    assert project.percent == 0
    assert not project.progress.exists()
