"""Projects brought to a state by the real actions: 120 days from Monday 3 March 2025."""

from __future__ import annotations

from datetime import date
from typing import Any

from projects import actions
from projects.models import Project, ProjectAspect
from tests.cast import Cast, again
from tests.issues.moments import at

PUBLISHED = date(2025, 3, 3)
DUE = date(2025, 7, 1)


def data(cast: Cast, **changes: Any) -> dict[str, Any]:
    """A draft with all five elements, in the shape that ``ProjectForm`` gives to the action."""
    return {
        "name": "李家角停车泊位挖潜",
        "aspect": ProjectAspect.objects.get(name="停车泊位挖潜"),
        "year": 2025,
        "place": cast.longxi,
        "area": cast.lijiajiao,
        "content": "利用村口闲置地块新建停车场，划线并安装道闸。",
        "lead_department": cast.housing,
        "responsible_unit": cast.changqiao_works,
        "project_owner": cast.zhou_wei,
        "due_date": DUE,
        "target": "新增泊位 300 个",
        **changes,
    }


def drafted(cast: Cast, **changes: Any) -> Project:
    return actions.create_draft(by=cast.sun_li, data=data(cast, **changes), at=at("2025-03-01"))


def published(cast: Cast, **changes: Any) -> Project:
    project = drafted(cast, **changes)
    return actions.publish(
        project.pk, by=cast.sun_li, expected_version=project.version, at=at("2025-03-03")
    )


def progressed(cast: Cast, percent: int, day: str, **changes: Any) -> Project:
    project = published(cast, **changes)
    actions.report_progress(
        project.pk,
        by=cast.zhou_wei,
        percent=percent,
        text="地面已硬化。",
        expected_version=project.version,
        at=at(day),
    )
    return Project.objects.get(pk=project.pk)


def completed(cast: Cast, day: str, **changes: Any) -> Project:
    project = published(cast, **changes)
    return actions.complete(
        project.pk,
        by=again(cast.sun_li),
        completed_on=at(day).date(),
        text="现场验收合格。",
        expected_version=project.version,
        at=at(day),
    )
