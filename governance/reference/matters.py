"""What happens in the district: matters of all kinds, drawn by chance in believable proportions."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from areas.models import Place
from governance.reference.lines import Matter
from governance.reference.stage import Stage
from governance.reference.territory import town_of
from issues.choices import Level, Outcome, Source, Urgency
from people.models import Organisation

# How often each category comes up where no figure fixes it.
CATEGORY_WEIGHTS = {
    "市容环境": 12,
    "环境提升": 6,
    "污水管网": 3,
    "垃圾清运": 10,
    "道路设施": 6,
    "停车交通": 9,
    "公共设施": 6,
    "违法建设": 4,
    "消防安全": 7,
    "厂中厂隐患": 2,
    "群租房隐患": 5,
    "电动车充停": 8,
    "公共服务": 5,
    "公交出行": 2,
    "物业服务": 5,
    "为老助残": 3,
    "治安隐患": 3,
    "噪声扰民": 6,
    "邻里纠纷": 5,
    "物业纠纷": 3,
    "劳资纠纷": 2,
}
SAFETY_CATEGORIES = {"消防安全", "厂中厂隐患", "群租房隐患", "电动车充停"}

SOURCES = (
    (Source.PATROL, Source.RESIDENT, Source.COMMUNITY, Source.HOTLINE, Source.INSPECTION),
    (52, 26, 8, 10, 4),
)
WITH_CONTACT = ((Source.RESIDENT, Source.HOTLINE), (7, 3))
OUTCOMES = (
    (Outcome.RESOLVED, Outcome.PARTLY, Outcome.EXPLAINED, Outcome.UNFOUNDED),
    (90, 4, 4, 2),
)


class Matters:
    """Draws matters for a stage from one stream of chance."""

    def __init__(self, stage: Stage, rng: Random) -> None:
        self.stage = stage
        self.rng = rng

    def draw(
        self,
        level: Level,
        *,
        categories: Sequence[str] = (),
        place: Place | None = None,
        outcome: Outcome | None = None,
        lead: Organisation | None = None,
        with_organ: bool = True,
        with_contact: bool = False,
        may_be_urgent: bool = True,
    ) -> Matter:
        """A matter that will be dealt with at ``level``; what is not given is left to chance.

        ``with_organ`` False: at the district's level, but by a town office and an institution.
        """
        rng = self.rng
        category = rng.choice(categories) if categories else self._category()
        place = place or self._place()
        co_units: list[Organisation] = []
        if level != Level.GRID:
            lead, co_units = self._units(level, category, place, lead, with_organ=with_organ)
        areas = self.stage.areas[place.lineage()["community_id"] or 0]
        return Matter(
            category=self.stage.categories[category],
            place=place,
            area=rng.choice(areas) if areas and rng.random() < 0.85 else None,
            source=rng.choices(*(WITH_CONTACT if with_contact else SOURCES))[0],
            urgency=self._urgency(category) if may_be_urgent else Urgency.NORMAL,
            level=level,
            outcome=outcome or rng.choices(*OUTCOMES)[0],
            lead=lead,
            co_units=co_units,
        )

    def _category(self) -> str:
        return self.rng.choices(list(CATEGORY_WEIGHTS), list(CATEGORY_WEIGHTS.values()))[0]

    def _place(self) -> Place:
        community = self.rng.choices(self.stage.communities, self.stage.weights)[0]
        grids = self.stage.grids[community.pk]
        return self.rng.choice(grids) if grids else community

    def _urgency(self, category: str) -> Urgency:
        if category in SAFETY_CATEGORIES and self.rng.random() < 0.08:
            return Urgency.SAFETY
        return Urgency.URGENT if self.rng.random() < 0.05 else Urgency.NORMAL

    def _units(
        self,
        level: Level,
        category: str,
        place: Place,
        lead: Organisation | None,
        *,
        with_organ: bool,
    ) -> tuple[Organisation, list[Organisation]]:
        rng, town = self.rng, town_of(place)
        offices = self.stage.offices(category, town)
        if level == Level.TOWN:
            lead = lead or rng.choice(offices.leads)
            return lead, self._some(lead, offices.others + offices.leads, (78, 19, 3))
        if not with_organ:
            institution = self.stage.institution(category)
            return rng.choice(offices.leads), [institution] if institution else []
        organs = self.stage.organs(category)
        if lead is None and rng.random() < 0.06:
            # The town stays in charge and a district organ assists.
            return rng.choice(offices.leads), [rng.choice(organs.leads)]
        lead = lead or rng.choice(organs.leads)
        return lead, self._some(lead, organs.others + organs.leads, (45, 35, 20))

    def _some(
        self, lead: Organisation, others: list[Organisation], weights: tuple[int, int, int]
    ) -> list[Organisation]:
        """None, one or two of ``others``."""
        count = self.rng.choices((0, 1, 2), weights)[0]
        candidates = [unit for unit in others if unit != lead]
        return self.rng.sample(candidates, min(count, len(candidates)))
