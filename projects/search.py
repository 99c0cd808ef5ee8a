"""What is searched of a project: number, name, content, target, and the names of its places. The
database keeps it (core.search).
"""

from core.search import keeping_entries, renaming_in_entries

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
_COLUMNS = ("number", "name", "content", "target", "place_id")

OF_PROJECT = keeping_entries(_COLUMNS, _ENTRIES.format(row="NEW", source=""))
OF_PLACE = renaming_in_entries(
    "renames_in_projects_search",
    _ENTRIES.format(
        row="project",
        source="""FROM projects_project project
            WHERE NEW.id IN (project.town_id, project.community_id, project.grid_id)""",
    ),
)
