"""The organisations, kept in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db.models import prefetch_related_objects

from areas.models import Place
from areas.reference import places
from core.kept import Kept
from people.choices import OrganisationKind
from people.models.organisations import Organisation  # accounts ask here for their postings

if TYPE_CHECKING:
    from people.models import Posting


def _load() -> dict[int, Organisation]:
    return {row.pk: row for row in Organisation.objects.select_related("place").order_by("id")}


_kept = Kept(_load, Organisation, Place)


def organisations() -> dict[int, Organisation]:
    """All organisations by id, each with the place that it serves. Read-only."""
    return _kept.get()


def with_reference_data(postings: Iterable[Posting]) -> list[Posting]:
    """The postings with place and organisation from memory; one added since is left to be read
    when it is asked for. Whose deputies they are is read, if they are any.
    """
    rows, bodies, territory = list(postings), organisations(), places()
    for posting in rows:
        if organisation := bodies.get(posting.organisation_id or 0):
            posting.organisation = organisation
        if place := territory.get(posting.place_id or 0):
            posting.place = place
    if deputies := [posting for posting in rows if posting.deputises_for_id is not None]:
        prefetch_related_objects(deputies, "deputises_for__user")
    return rows


def assignable_in(place: Place) -> dict[int, Organisation]:
    """As ``OrganisationQuerySet.assignable_in``, from memory."""
    return {
        pk: unit
        for pk, unit in organisations().items()
        if unit.is_active
        and unit.kind != OrganisationKind.EXTERNAL
        and unit.place is not None
        and place.pk in (unit.place_id, getattr(unit.place, place.lineage_column))
    }
