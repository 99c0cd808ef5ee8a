"""Where things happen: made-up points in made-up boxes, one for each grid of the district.

Only the middle of a town is about where the town lies. From there each community has a cell, each
grid a part of its cell, so that neighbours are near each other and nothing lies in another grid.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, cos, radians, sqrt
from random import Random

from areas.choices import PlaceLevel
from areas.models import Place
from governance.reference.lines import Point

# Longitude and latitude of the middle of each town, WGS84, to the nearest kilometre or so.
MIDDLES = {
    "长桥街道": (120.631, 31.262),
    "城南街道": (120.618, 31.238),
    "越溪街道": (120.585, 31.205),
    "郭巷街道": (120.692, 31.252),
    "横泾街道": (120.555, 31.150),
    "香山街道": (120.440, 31.195),
    "太湖街道": (120.625, 31.190),
    "甪直镇": (120.850, 31.265),
    "木渎镇": (120.515, 31.268),
    "胥口镇": (120.470, 31.228),
    "东山镇": (120.395, 31.075),
    "光福镇": (120.395, 31.290),
    "金庭镇": (120.270, 31.125),
    "临湖镇": (120.490, 31.110),
}
CELL = 0.007  # degrees of a community's side: 650 to 780 m
GAP = 0.0004  # left empty between neighbours
METRES_A_DEGREE = 111_320


@dataclass(frozen=True)
class Box:
    """Degrees, WGS84."""

    west: float
    south: float
    east: float
    north: float

    def point(self, rng: Random) -> Point:
        return (
            round(rng.uniform(self.west, self.east), 6),
            round(rng.uniform(self.south, self.north), 6),
        )

    def stripe(self, number: int, of: int) -> Box:
        """One of ``of`` equal stripes from west to east."""
        width = (self.east - self.west) / of
        west = self.west + number * width
        return Box(west + GAP / 4, self.south, west + width - GAP / 4, self.north)


def boxes(places: Iterable[Place]) -> dict[int, Box]:
    """The box of every community and grid, by the id of the place."""
    towns: defaultdict[str, list[Place]] = defaultdict(list)
    grids: defaultdict[int, list[Place]] = defaultdict(list)
    for place in sorted(places, key=lambda place: place.code):
        if place.level == PlaceLevel.COMMUNITY and place.town:
            towns[place.town.name].append(place)
        elif place.level == PlaceLevel.GRID and place.community_id:
            grids[place.community_id].append(place)
    found = {}
    for name, communities in towns.items():
        for community, box in zip(communities, _cells(name, len(communities)), strict=True):
            found[community.pk] = box
            below = grids[community.pk]
            for number, grid in enumerate(below):
                found[grid.pk] = box.stripe(number, len(below))
    return found


def near(point: Point, metres: float, rng: Random) -> Point:
    """A point not farther than ``metres`` from ``point``."""
    longitude, latitude = point
    reach = metres / sqrt(2)
    north = rng.uniform(-reach, reach) / METRES_A_DEGREE
    east = rng.uniform(-reach, reach) / (METRES_A_DEGREE * cos(radians(latitude)))
    return round(longitude + east, 6), round(latitude + north, 6)


def _cells(town: str, count: int) -> list[Box]:
    """Cells of a square around the middle of a town, row by row."""
    columns = ceil(sqrt(count))
    longitude, latitude = MIDDLES[town]
    west, north = longitude - columns * CELL / 2, latitude + columns * CELL / 2
    cells = []
    for number in range(count):
        row, column = divmod(number, columns)
        left, top = west + column * CELL, north - row * CELL
        cells.append(Box(left + GAP, top - CELL + GAP, left + CELL - GAP, top - GAP))
    return cells
