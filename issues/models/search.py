"""What is searched of a case: title, text, address, and the names of its places."""

from __future__ import annotations

from django.db import models

from areas.models import Place
from core.search import SearchEntry as Entry
from core.search import keeping_entries, renaming_in_entries

# Names of places as one writes an address, without spaces.
_ENTRIES = """
    INSERT INTO issues_searchentry (issue_id, body, scope)
    SELECT {row}.id,
        searchable(concat_ws(' ', {row}.title, {row}.description, concat(
            (SELECT name FROM areas_place WHERE id = {row}.town_id),
            (SELECT name FROM areas_place WHERE id = {row}.community_id),
            (SELECT name FROM areas_place WHERE id = {row}.grid_id)), {row}.address)),
        array_remove(ARRAY['#' || {row}.district_id, '#' || {row}.town_id,
            '#' || {row}.community_id, '#' || {row}.grid_id, '~' || {row}.reporter_id], NULL)
    {source}
    ON CONFLICT (issue_id) DO UPDATE SET body = excluded.body, scope = excluded.scope;
    RETURN NULL;
"""
_COLUMNS = ("title", "description", "address", "place_id", "reporter_id")

# Triggers of the issues' own table.
KEEP_ENTRY = keeping_entries(_COLUMNS, _ENTRIES.format(row="NEW", source=""))


class SearchEntry(Entry):
    issue = models.OneToOneField(
        "issues.Issue", models.CASCADE, primary_key=True, related_name="search_entry"
    )

    class Meta(Entry.Meta):
        verbose_name = "检索条目"
        verbose_name_plural = "检索条目"

    def __str__(self) -> str:
        return str(self.issue_id)


class PlaceOfIssues(Place):
    """A place as the entries know it: by its name. Of a renamed town it takes minutes."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = renaming_in_entries(
            "renames_in_issues_search",
            _ENTRIES.format(
                row="issue",
                source="""FROM issues_issue issue
                    WHERE NEW.id IN (issue.town_id, issue.community_id, issue.grid_id)""",
            ),
        )
