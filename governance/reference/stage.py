"""Everything that a story of the district needs, read from the database once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from core.workdays import calendar
from governance.reference.coordinates import boxes
from governance.reference.lines import Matter
from governance.reference.organisations import (
    INSTITUTION_FOR,
    OFFICES,
    OFFICES_FOR,
    ORGANS_FOR,
)
from governance.reference.staff import Roster
from governance.reference.territory import stem, town_of
from issues.choices import Level
from issues.models import Category
from issues.office import Limits
from people.choices import OrganisationKind
from people.models import Organisation


@dataclass(frozen=True)
class Units:
    """Who may take on a matter: leads to choose from, and others who may assist them."""

    leads: list[Organisation]
    others: list[Organisation]


class Stage:
    """The places, bodies, categories and people of the loaded district, as of ``day``."""

    def __init__(self, day: date) -> None:
        self.roster = Roster(day)
        self.calendar = calendar()
        self.limits = Limits.load()
        self.categories = {
            row.name: row
            for row in Category.objects.filter(parent__isnull=False).select_related("parent")
        }
        self.organisations = {
            row.short_name: row
            for row in Organisation.objects.filter(is_active=True).select_related("place")
        }
        self.grids: defaultdict[int, list[Place]] = defaultdict(list)
        self.communities: list[Place] = []
        self.places: dict[str, Place] = {}
        for place in Place.objects.select_related("district", "town", "community").order_by("code"):
            self.places[place.name] = place
            if place.level == PlaceLevel.COMMUNITY:
                self.communities.append(place)
            elif place.level == PlaceLevel.GRID and place.community_id:
                self.grids[place.community_id].append(place)
        self.areas: defaultdict[int, list[ComplexArea]] = defaultdict(list)
        for area in ComplexArea.objects.active(day).order_by("code"):
            self.areas[area.lead_community_id].append(area)
        self.boxes = boxes(self.places.values())
        # Where more areas are, more happens; communities without any have a little too.
        self.weights = [1 + 4 * len(self.areas[place.pk]) for place in self.communities]

    def organs(self, category: str) -> Units:
        """The district organs for a category."""
        leads, others = ORGANS_FOR[category]
        return Units(self._named(leads), self._named(others))

    def offices(self, category: str, town: Place) -> Units:
        """The same in a town; the community's own committee may assist."""
        prefix = stem(town.name)
        offices = [self.organisations[prefix + short] for short in OFFICES_FOR[category].split()]
        others = [self.organisations[f"{prefix}{short}"] for short in ("党建办", "社会事业办")]
        return Units(offices, [unit for unit in others if unit not in offices])

    def wrong_units(self, matter: Matter) -> list[Organisation]:
        """Who might be given a matter by mistake. None of them has a part in it in the end.

        What town offices deal with at the district's level, an organ may have been given first.
        """
        category = matter.category.name
        organ = OrganisationKind.DISTRICT_DEPARTMENT
        if matter.level == Level.DISTRICT:
            units = self.organs(category)
            candidates = units.leads + units.others
            if matter.lead and matter.lead.kind != organ:
                candidates = units.leads
        else:
            town = stem(town_of(matter.place).name)
            candidates = [self.organisations[f"{town}{short}"] for _, short in OFFICES]
        taking_part = {matter.lead, *matter.co_units}
        return [unit for unit in candidates if unit not in taking_part]

    def institution(self, category: str) -> Organisation | None:
        name = INSTITUTION_FOR.get(category)
        return self.organisations[name] if name else None

    def _named(self, names: str) -> list[Organisation]:
        return [self.organisations[name] for name in names.split()]
