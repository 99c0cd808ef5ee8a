"""The 186 complex areas by type and town, what their people ask for, and who answers for them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random

from areas.choices import AreaType, DemandCategory, Phase, PlaceLevel, ProblemKind
from areas.models import ComplexArea, Counterpart, Demand, Place, ProblemType, ResponsibilityLink
from governance.reference.chance import stream
from governance.reference.staff import Roster
from governance.reference.territory import stem, towns
from people.choices import Role

TYPES = {
    AreaType.URBAN_VILLAGE: 111,
    AreaType.RESETTLEMENT_ESTATE: 42,
    AreaType.OPEN_BLOCK: 18,
    AreaType.ADJOINING_AREA: 15,
}
# The first area of its community.
NAMED_PILOTS = {
    "龙西社区": (AreaType.URBAN_VILLAGE, "李家角城中村"),
    "花苑社区": (AreaType.OPEN_BLOCK, "花苑片区"),
    "东湖社区": (AreaType.ADJOINING_AREA, "东湖社区毗邻区"),
}
OTHER_PILOTS = 9
REGISTERED = date(2024, 3, 1)  # the first day of the survey
SURVEY_DAYS = 100
# Not among the 186: (community, name, type) of areas retired before the end of 2025, or registered
# afterwards.
RETIRED = (
    ("石公村", "石公山脚城中村", AreaType.URBAN_VILLAGE),
    ("金山村", "金山浜城中村", AreaType.URBAN_VILLAGE),
)
REGISTERED_LATER = ("双浜社区", "双浜新村二区", AreaType.RESETTLEMENT_ESTATE)

SMALL_PLACES = "家角 家浜 家桥 家湾 家巷 家场 家村 家里 家弄 家泾"
FAMILIES = "李王张陆沈顾朱徐周吴钱姚金许蒋严陶邹潘费"
ESTATES = "花园 新村 佳苑 家园 雅苑 嘉园 新城 名苑"
STREETS = "东街 西街 南街 北街 商业街 老街 新街 中街"
NEIGHBOURS = (
    ("姑苏区", "街道综合治理办公室"),
    ("虎丘区", "街道安全生产办公室"),
    ("相城区", "社区居民委员会"),
    ("吴江区", "镇社会治理局"),
    ("工业园区", "街道社区工作站"),
)

DEMANDS = {
    DemandCategory.CONSTRUCTION: 408,
    DemandCategory.SAFETY: 330,
    DemandCategory.SERVICE: 204,
    DemandCategory.ENVIRONMENT: 120,
    DemandCategory.SECURITY: 60,
    DemandCategory.DISPUTE: 48,
    DemandCategory.OTHER: 30,
}
WITHDRAWN = 36  # before the end of 2025: not among the 1,200
WITHDRAWN_LATER = 10  # among the 1,200 at the end of 2025, and no longer in 2026
RECORDED_LATER = 24  # in 2026
DEMAND_TEXTS = {
    DemandCategory.CONSTRUCTION: (
        "增加停车泊位",
        "修补破损的路面和路沿",
        "改造雨污管网，雨天不再积水",
        "增设路灯和监控",
        "拆除违章搭建，打通消防通道",
        "整修外墙渗水和屋面",
    ),
    DemandCategory.SAFETY: (
        "整治“厂中厂”的消防隐患",
        "清理群租房",
        "增设电动自行车集中充电处",
        "清理楼道杂物",
        "更换老化的电线和飞线",
        "增设微型消防站",
    ),
    DemandCategory.SERVICE: (
        "延长办事窗口的服务时间",
        "公交线路绕进来一站",
        "增加为老助餐点",
        "社区增加便民服务日",
        "希望有儿童暑托班",
        "增设快递和外卖骑手歇脚点",
    ),
    DemandCategory.ENVIRONMENT: ("增加垃圾分类投放点", "河道清淤除臭", "清理卫生死角", "补种绿化"),
    DemandCategory.SECURITY: ("加强夜间巡逻", "整治夜间噪声", "出租屋登记要及时"),
    DemandCategory.DISPUTE: ("调解租金纠纷", "物业费收支要公开", "邻里占用公共部位要有人管"),
    DemandCategory.OTHER: ("多办文化活动", "恢复老地名路牌", "加强养犬管理"),
}

COMMON_PROBLEMS = ("建设类短板", "安全隐患", "服务缺口")
SPECIFIC_PROBLEMS = {
    AreaType.URBAN_VILLAGE: (
        "违章搭建多",
        "飞线充电多",
        "雨污合流",
        "出租屋底数不清",
        "消防通道狭窄",
        "垃圾清运不及时",
    ),
    AreaType.RESETTLEMENT_ESTATE: (
        "物业失管",
        "群租多",
        "停车泊位不足",
        "公共收益不公开",
        "毁绿种菜",
        "房屋渗漏",
    ),
    AreaType.OPEN_BLOCK: (
        "无主管楼多",
        "沿街占道经营",
        "无物业管理",
        "外墙附着物脱落",
        "机动车乱停",
        "夜间扰民",
    ),
    AreaType.ADJOINING_AREA: (
        "管辖边界不清",
        "跨区偷倒垃圾",
        "公交接驳不便",
        "河道两岸标准不一",
        "流动摊点两头跑",
        "监控覆盖有断点",
    ),
}


def create(district: Place, roster: Roster) -> None:
    areas = _create_areas(district)
    _create_chains(areas, roster)
    _create_demands(areas)
    ProblemType.objects.bulk_create(
        [
            *(ProblemType(kind=ProblemKind.COMMON, name=name) for name in COMMON_PROBLEMS),
            *(
                ProblemType(kind=ProblemKind.SPECIFIC, area_type=type_, name=name)
                for type_, names in SPECIFIC_PROBLEMS.items()
                for name in names
            ),
        ]
    )


def _create_areas(district: Place) -> list[ComplexArea]:
    """Write all areas, and return those that are registered today, in the order of their codes."""
    rng = stream("areas")
    communities: defaultdict[str, list[Place]] = defaultdict(list)
    places = Place.objects.under(district).filter(level=PlaceLevel.COMMUNITY)
    for place in places.select_related("town").order_by("code"):
        communities[str(place.town)].append(place)
    # The real codes sort before the invented ones, so a named pilot is not always the first.
    leads = [
        (town.name, lead)
        for town in towns()
        for lead in _spread(communities[town.name], town.areas, rng)
    ]
    types = [type_ for type_, count in TYPES.items() for _ in range(count)]
    for type_, _ in NAMED_PILOTS.values():
        types.remove(type_)
    rng.shuffle(types)
    named = dict(NAMED_PILOTS)
    areas, others, numbers, used = [], [], defaultdict[str, int](int), set[str]()
    for town_name, lead in leads:
        pilot_type, name = named.pop(lead.name, (None, ""))
        type_ = pilot_type or types.pop()
        numbers[town_name] += 1
        area = _area(
            lead, type_, name or _unused_name(type_, lead, rng, used), numbers[town_name], rng
        )
        area.phase = rng.choices(
            [Phase.SURVEYED, Phase.TACKLING, Phase.PROMOTED, Phase.ROUTINE], [2, 5, 6, 3]
        )[0]
        if pilot_type:
            area.is_pilot, area.is_named_pilot, area.phase = True, True, Phase.ROUTINE
        areas.append(area)
        neighbours = [c for c in communities[town_name] if c != lead]
        others.append(_others(type_, neighbours, communities, town_name, rng))
    for area in rng.sample([area for area in areas if not area.is_pilot], OTHER_PILOTS):
        area.is_pilot, area.phase = True, Phase.PROMOTED
    _write(areas, others)
    _write_noise(district, numbers, rng)
    return areas


def _spread(communities: list[Place], count: int, rng: Random) -> list[Place]:
    """Each community once, then chance, ``count`` in all."""
    if not count:
        return []
    return [*communities, *rng.choices(communities, k=count - len(communities))]


def _unused_name(type_: AreaType, lead: Place, rng: Random, used: set[str]) -> str:
    while True:
        name = _name(type_, lead, rng)
        if name not in used:
            used.add(name)
            return name


def _name(type_: AreaType, lead: Place, rng: Random) -> str:
    match type_:
        case AreaType.URBAN_VILLAGE:
            return f"{rng.choice(FAMILIES)}{rng.choice(SMALL_PLACES.split())}城中村"
        case AreaType.RESETTLEMENT_ESTATE:
            return f"{stem(lead.name)}{rng.choice(ESTATES.split())}"
        case AreaType.OPEN_BLOCK:
            return f"{stem(lead.name)}{rng.choice(STREETS.split())}片区"
    return f"{lead.name}{rng.choice(['东', '西', '南', '北'])}侧毗邻区"


def _area(lead: Place, type_: str, name: str, number: int, rng: Random) -> ComplexArea:
    households = rng.randint(120, 1800)
    return ComplexArea(
        code=f"FZ-{lead.code[6:9]}-{number:02d}",
        name=name,
        type=type_,
        lead_community=lead,
        households=households,
        registered_residents=round(households * rng.uniform(1.2, 2.4)),
        migrant_residents=round(households * rng.uniform(0.4, 3.5)),
        registered_on=REGISTERED + timedelta(days=rng.randrange(SURVEY_DAYS)),
        summary=f"{name}位于{lead.town}{lead.name}，经 2024 年摸排登记为{AreaType(type_).label}。",
    )


def _others(
    type_: str,
    neighbours: list[Place],
    communities: dict[str, list[Place]],
    town_name: str,
    rng: Random,
) -> list[Place]:
    """The further communities of an adjoining area; every third one lies in another town."""
    if type_ != AreaType.ADJOINING_AREA:
        return []
    found = rng.sample(neighbours, min(len(neighbours), rng.randint(1, 2)))
    if not found or rng.random() < 1 / 3:
        elsewhere = [town.name for town in towns() if town.areas and town.name != town_name]
        found.append(rng.choice(communities[rng.choice(elsewhere)]))
    return found


def _write(areas: list[ComplexArea], others: list[list[Place]]) -> None:
    ComplexArea.objects.bulk_create(areas)
    rng = stream("counterparts")
    through = ComplexArea.communities.through
    through.objects.bulk_create(
        through(complexarea_id=area.pk, place_id=place.pk)
        for area, more in zip(areas, others, strict=True)
        for place in (area.lead_community, *more)
    )
    Counterpart.objects.bulk_create(
        Counterpart(area=area, name=f"{jurisdiction}{name}", jurisdiction=jurisdiction)
        for area in areas
        if area.type == AreaType.ADJOINING_AREA
        for jurisdiction, name in rng.sample(NEIGHBOURS, rng.randint(1, 2))
    )


def _write_noise(district: Place, numbers: dict[str, int], rng: Random) -> None:
    """Two areas that were retired and one that came later: none of them is among the 186."""
    places = {
        place.name: place
        for place in Place.objects.under(district)
        .filter(level=PlaceLevel.COMMUNITY)
        .select_related("town")
    }
    areas = []
    for community, name, type_ in (*RETIRED, REGISTERED_LATER):
        lead = places[community]
        numbers[str(lead.town)] += 1
        area = _area(lead, type_, name, numbers[str(lead.town)], rng)
        if (community, name, type_) == REGISTERED_LATER:
            area.registered_on = date(2026, 1, 12)
        else:
            area.retired_on, area.phase = date(2025, 6, 30), Phase.ROUTINE
        areas.append(area)
    _write(areas, [[] for _ in areas])


def _create_chains(areas: list[ComplexArea], roster: Roster) -> None:
    """From the district's leader down to one grid worker, four named persons per area."""
    rng = stream("responsibility")
    grids: defaultdict[int, list[Place]] = defaultdict(list)
    for grid in Place.objects.filter(level=PlaceLevel.GRID).order_by("code"):
        if grid.community_id and roster.at(Role.GRID_WORKER, grid.pk):
            grids[grid.community_id].append(grid)
    links = []
    for area in areas:
        lead = area.lead_community
        grid = rng.choice(grids[lead.pk])
        chain = (
            (PlaceLevel.DISTRICT, Role.DISTRICT_LEADER, lead.district_id, "统筹协调"),
            (PlaceLevel.TOWN, Role.TOWN_LEADER, lead.town_id, "属地主责"),
            (PlaceLevel.COMMUNITY, Role.COMMUNITY_OFFICER, lead.pk, "组织实施"),
            (PlaceLevel.GRID, Role.GRID_WORKER, grid.pk, "日常巡查"),
        )
        links += [
            ResponsibilityLink(area=area, level=level, user=roster.at(role, place)[0], duty=duty)
            for level, role, place, duty in chain
        ]
    ResponsibilityLink.objects.bulk_create(links)


def _create_demands(areas: list[ComplexArea]) -> None:
    rng = stream("demands")
    counted = [category for category, count in DEMANDS.items() for _ in range(count)]
    rng.shuffle(counted)
    rows = [_demand(category, rng.choice(areas), rng) for category in counted]
    for row in rng.sample(rows, WITHDRAWN_LATER):
        row.withdrawn_on = date(2026, 1, rng.randint(5, 30))
    for _ in range(WITHDRAWN):
        row = _demand(rng.choice(list(DEMANDS)), rng.choice(areas), rng)
        row.withdrawn_on = date(2025, rng.randint(1, 12), rng.randint(1, 28))
        rows.append(row)
    for _ in range(RECORDED_LATER):
        row = _demand(rng.choice(list(DEMANDS)), rng.choice(areas), rng)
        row.recorded_on = date(2026, 1, rng.randint(5, 30))
        rows.append(row)
    Demand.objects.bulk_create(rows)


def _demand(category: DemandCategory, area: ComplexArea, rng: Random) -> Demand:
    return Demand(
        area=area,
        category=category,
        text=f"{area.name}：{rng.choice(DEMAND_TEXTS[category])}",
        is_pressing=rng.random() < 0.2,
        recorded_on=area.registered_on + timedelta(days=rng.randint(5, 60)),
    )
