"""What is searched of a complex area: code, name, overview, and the names of its communities and
towns. The database keeps it (core.search).
"""

import pgtrigger

from core.search import keeping_entries, renaming_in_entries

_ENTRIES = """
    INSERT INTO areas_searchentry (area_id, body, scope)
    SELECT area.id,
        searchable(concat_ws(' ', area.code, area.name, area.summary, (
            SELECT string_agg(concat(town.name, community.name), ' ')
            FROM areas_complexarea_communities link
            JOIN areas_place community ON community.id = link.place_id
            JOIN areas_place town ON town.id = community.town_id
            WHERE link.complexarea_id = area.id
        ))),
        '{{}}'
    FROM areas_complexarea area
    WHERE {which}
    ON CONFLICT (area_id) DO UPDATE SET body = excluded.body;
    RETURN NULL;
"""
_COLUMNS = ("code", "name", "summary")

OF_AREA = keeping_entries(_COLUMNS, _ENTRIES.format(which="area.id = NEW.id"))
OF_COMMUNITIES = (
    pgtrigger.Trigger(
        name="renews_search_entry",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=_ENTRIES.format(which="area.id IN (OLD.complexarea_id, NEW.complexarea_id)"),
    ),
)
OF_PLACE = renaming_in_entries(
    "renames_in_areas_search",
    _ENTRIES.format(
        which="""area.id IN (
                SELECT link.complexarea_id
                FROM areas_complexarea_communities link
                JOIN areas_place community ON community.id = link.place_id
                WHERE NEW.id IN (community.id, community.town_id)
            )"""
    ),
)
