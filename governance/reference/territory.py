"""The place tree: the district, 14 towns, 86 communities with areas and 4 without, 430 grids."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from areas.choices import PlaceLevel
from areas.models import Place

TOWNS_CSV = Path(__file__).parent / "data" / "wuzhong_towns.csv"

DISTRICT_CODE = "320506"
GRIDS_PER_COMMUNITY = 5

# Communities by town. Those of 金庭镇 have no complex area and no grid. Three names and one code
# are real; the others are invented, and so are their codes.
COMMUNITIES = {
    "长桥街道": (
        "龙西社区 花苑社区 长蠡社区 新桥社区 南塘社区 石湖社区 宝丰社区 澹台社区 吴苑社区 先锋社区 "
        "湄长社区 枫津社区 水香社区 锦程社区"
    ),
    "城南街道": (
        "东湖社区 红庄社区 宝南社区 南石湖社区 古塘社区 碧波社区 双银社区 新江社区 文溪社区 "
        "迎春社区 田上社区 蓝湾社区"
    ),
    "越溪街道": "溪上社区 旺山村 张桥村 莫舍社区 木林社区 珠村社区 吴山社区",
    "郭巷街道": (
        "国泰社区 姜庄社区 双浜社区 尹东社区 官浦社区 戈湾社区 独墅社区 黄潦社区 六庄社区 通达社区"
    ),
    "横泾街道": "上巷社区 东林渡社区 尧南社区 新齐村",
    "香山街道": "梅舍社区 渔帆社区 长沙社区 蒋墩社区 香泾社区",
    "太湖街道": "东太湖社区 天鹅社区 塔韵社区 龙翔社区",
    "甪直镇": "龙潭社区 甫澄社区 淞浦村 澄北村 瑶盛村 湖浜村 长巨村 前港村",
    "木渎镇": (
        "金枫社区 灵岩社区 香溪社区 白塔社区 塔影社区 姑苏村 天平村 五峰村 金山村 藏北社区 "
        "沈巷社区 尧峰社区"
    ),
    "胥口镇": "胥江社区 采香社区 箭泾村 新峰村 马舍村",
    "东山镇": "洞庭社区 湖湾村",
    "光福镇": "邓尉社区 香雪村",
    "临湖镇": "浦庄社区",
    "金庭镇": "石公村 东蔡村 林屋村 堂里村",
}
REAL_CODES = {"东湖社区": "320506009005"}


@dataclass(frozen=True)
class Town:
    """A row of the table from which the district is built."""

    code: str
    name: str
    communities: int
    areas: int


def towns() -> list[Town]:
    with TOWNS_CSV.open(encoding="utf-8", newline="") as file:
        return [
            Town(row["code"], row["name"], int(row["communities"]), int(row["areas"]))
            for row in csv.DictReader(file)
        ]


def stem(name: str) -> str:
    """龙西社区 → 龙西, 旺山村 → 旺山, 长桥街道 → 长桥, 木渎镇 → 木渎."""
    for ending in ("社区", "街道", "村", "镇"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def town_of(place: Place) -> Place:
    """The town of a community or a grid."""
    if place.town is None:
        raise LookupError(f"{place} lies in no town")
    return place.town


def create() -> Place:
    """Write the place tree and return the district."""
    district = Place.objects.create(level=PlaceLevel.DISTRICT, name="吴中区", code=DISTRICT_CODE)
    rows = towns()
    town_places = Place.objects.bulk_create(
        Place(
            level=PlaceLevel.TOWN, name=row.name, code=row.code, parent=district, district=district
        )
        for row in rows
    )
    communities = Place.objects.bulk_create(
        Place(
            level=PlaceLevel.COMMUNITY,
            name=name,
            code=REAL_CODES.get(name, f"{town.code}{900 + number}"),
            parent=town,
            district=district,
            town=town,
            synthetic=name not in REAL_CODES,
        )
        for town in town_places
        for number, name in enumerate(COMMUNITIES[town.name].split(), start=1)
    )
    with_grids = {row.name for row in rows if row.communities}
    Place.objects.bulk_create(
        Place(
            level=PlaceLevel.GRID,
            name=f"{stem(community.name)}第{number}网格",
            code=f"{community.code}{number:03d}",
            parent=community,
            district=district,
            town=community.town,
            community=community,
            synthetic=True,
        )
        for community in communities
        if community.town is not None and community.town.name in with_grids
        for number in range(1, GRIDS_PER_COMMUNITY + 1)
    )
    return district
