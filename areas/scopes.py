"""What a person's postings let them see. People build it; every app below reads it."""

from dataclasses import dataclass, field

from areas.choices import PlaceLevel
from areas.models import Place


@dataclass(frozen=True)
class Scope:
    """The territory and the organisations of one person on one day.

    ``places`` are whole subtrees; ``organisation_ids`` are bodies whose work the person shares.
    """

    places: tuple[Place, ...] = ()
    organisation_ids: tuple[int, ...] = ()
    organisation_places: tuple[Place, ...] = field(default=())

    @property
    def territories(self) -> tuple[Place, ...]:
        """The places that lie under no other of them, each once."""
        return tuple(
            place
            for pk, place in {place.pk: place for place in self.places}.items()
            if not any(
                other.pk != pk and place.lineage()[other.lineage_column] == other.pk
                for other in self.places
            )
        )

    @property
    def is_whole_district(self) -> bool:
        return any(place.level == PlaceLevel.DISTRICT for place in self.places)

    def covers(self, lineage: dict[str, int | None]) -> bool:
        """Whether a row with these ``district_id … grid_id`` lies in the territory."""
        return any(lineage[place.lineage_column] == place.pk for place in self.places)
