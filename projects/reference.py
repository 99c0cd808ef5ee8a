"""Projects with what they name from memory."""

from __future__ import annotations

from collections.abc import Iterable

from areas.reference import places
from people.reference import organisations
from projects.models import Project

PLACES = ("place", "district", "town", "community", "grid")
UNITS = ("lead_department", "responsible_unit")


def with_reference_data(projects: Iterable[Project]) -> list[Project]:
    """The projects with their places and units; what was added to these since they were read is
    left to be read when it is asked for.
    """
    rows, territory, units = list(projects), places(), organisations()
    for project in rows:
        for names, known in ((PLACES, territory), (UNITS, units)):
            for name in names:
                if named := known.get(getattr(project, f"{name}_id") or 0):
                    setattr(project, name, named)
    return rows
