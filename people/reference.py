"""The organisations, kept in memory."""

from __future__ import annotations

from collections.abc import Iterable

from areas.models import Place
from areas.reference import places
from core.kept import Kept
from people.choices import OrganisationKind
from people.models import Organisation, Posting


def _load() -> dict[int, Organisation]:
    return {row.pk: row for row in Organisation.objects.select_related("place").order_by("id")}


_kept = Kept(_load, Organisation, Place)


def organisations() -> dict[int, Organisation]:
    """All organisations by id, each with the place that it serves. Read-only."""
    return _kept.get()


def with_reference_data(postings: Iterable[Posting]) -> None:
    """Give postings their place and organisation from memory; one added since is left to be read
    when it is asked for.
    """
    bodies, territory = organisations(), places()
    for posting in postings:
        if organisation := bodies.get(posting.organisation_id or 0):
            posting.organisation = organisation
        if place := territory.get(posting.place_id or 0):
            posting.place = place


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
