"""What is searched of a project: number, name, content, target, and the names of its places. The
database keeps it (core.search).
"""

import pgtrigger

_ENTRIES = """
    INSERT INTO projects_searchentry (project_id, body, scope)
    SELECT {row}.id,
        searchable(concat_ws(' ', {row}.number, {row}.name, {row}.content, {row}.target, concat(
            (SELECT name FROM areas_place WHERE id = {row}.town_id),
            (SELECT name FROM areas_place WHERE id = {row}.community_id),
            (SELECT name FROM areas_place WHERE id = {row}.grid_id)))),
        '{{}}'
    {source}
    ON CONFLICT (project_id) DO UPDATE SET body = excluded.body;
    RETURN NULL;
"""
_OF_NEW_ROW = _ENTRIES.format(row="NEW", source="")
_COLUMNS = ("number", "name", "content", "target", "place_id")

OF_PROJECT = (
    pgtrigger.Trigger(
        name="makes_search_entry",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        func=_OF_NEW_ROW,
    ),
    pgtrigger.Trigger(
        name="renews_search_entry",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf(*_COLUMNS),
        condition=pgtrigger.AnyChange(*_COLUMNS),
        func=_OF_NEW_ROW,
    ),
)
OF_PLACE = (
    pgtrigger.Trigger(
        name="renames_in_projects_search",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("name"),
        condition=pgtrigger.AnyChange("name"),
        func=_ENTRIES.format(
            row="project",
            source="""FROM projects_project project
            WHERE NEW.id IN (project.town_id, project.community_id, project.grid_id)""",
        ),
    ),
)
