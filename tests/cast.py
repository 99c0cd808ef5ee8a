"""The named people and places of the tests: one small district in which everybody has a part.

长桥街道 with 龙西社区 is where things happen; 木渎镇 is the other town that must not see them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from areas.choices import AreaType, PlaceLevel
from areas.models import ComplexArea, Place
from issues import actions
from issues.choices import Action, Source, Urgency
from issues.models import Category, Issue
from people.choices import OrganisationKind, Role
from people.models import Organisation, Posting, User

SINCE = date(2024, 1, 1)
PASSWORD = "Wuzhong-2025!"


@cache
def encoded_password() -> str:
    """Hashing is slow on purpose; once serves everybody."""
    return make_password(PASSWORD)


def place(level: PlaceLevel, name: str, code: str, parent: Place | None = None) -> Place:
    ancestors = {}
    if parent is not None:
        lineage = parent.lineage()
        ancestors = {key: lineage[key] for key in ("district_id", "town_id", "community_id")}
    return Place.objects.create(
        level=level, name=name, code=code, parent=parent, synthetic=True, **ancestors
    )


def organisation(name: str, kind: OrganisationKind, where: Place | None) -> Organisation:
    return Organisation.objects.create(name=name, short_name=name[-4:], kind=kind, place=where)


def person(username: str, full_name: str, role: Role, where: Place | Organisation | None) -> User:
    user = User.objects.create(username=username, full_name=full_name, password=encoded_password())
    post(user, role, where)
    return user


def post(user: User, role: Role, where: Place | Organisation | None) -> Posting:
    return Posting.objects.create(
        user=user,
        role=role,
        place=where if isinstance(where, Place) else None,
        organisation=where if isinstance(where, Organisation) else None,
        starts_on=SINCE,
    )


def again(user: User) -> User:
    """The same account as the next request loads it, without cached postings."""
    return User.objects.get(pk=user.pk)


@dataclass
class Cast:
    """Everybody, under their names. Fields are filled by ``assemble``."""

    district: Place
    changqiao: Place
    mudu: Place
    longxi: Place  # community of 长桥
    xinjia: Place  # another community of 长桥
    jinshan: Place  # community of 木渎
    longxi_grid_1: Place
    longxi_grid_2: Place
    jinshan_grid_1: Place
    lijiajiao: ComplexArea

    changqiao_works: Organisation  # 长桥街道城建办
    changqiao_patrol: Organisation  # 长桥街道执法局
    mudu_works: Organisation
    housing: Organisation  # 区住建局
    water: Organisation  # 区水务局
    police: Organisation  # 吴中公安分局
    bus_company: Organisation  # outside the district, no account

    wang_fang: User  # grid worker, 龙西一格
    ma_li: User  # grid worker, 龙西二格
    li_qiang: User  # grid worker in 木渎
    zhao_min: User  # community officer, 龙西
    chen_jing: User  # dispatcher of 长桥
    zhou_wei: User  # leader of 长桥
    tang_jie: User  # dispatcher of 木渎
    shen_lan: User  # verifier of 长桥
    han_mei: User  # revisitor of 长桥
    wu_yang: User  # handler, 长桥城建办
    zheng_hua: User  # head, 长桥城建办
    xu_lei: User  # handler, 长桥执法局
    he_jun: User  # handler, 区住建局
    luo_bin: User  # head, 区住建局
    gao_feng: User  # handler, 区水务局
    lin_tao: User  # handler, 公安分局: in no case
    sun_li: User  # dispatcher of the district
    qian_jin: User  # leader of the district
    xu_ning: User  # supervisor of the district
    cao_xue: User  # secretary of the district
    feng_gang: User  # verifier of 长桥 and handler in 长桥城建办: two postings
    ma_chao: User  # system administrator
    ding_yi: User  # security administrator
    bai_jie: User  # audit administrator

    sewage: Category
    parking: Category
    people: dict[str, User] = field(default_factory=dict)

    def report_data(self, **changes: Any) -> dict[str, Any]:
        """A report in the shape that ``ReportInput`` gives to the action."""
        return {
            "client_id": uuid.uuid4(),
            "place": self.longxi_grid_1,
            "category": self.sewage,
            "urgency": Urgency.NORMAL,
            "source": Source.PATROL,
            "text": "李家角北侧污水井盖松动，夜间行人易绊倒。",
            **changes,
        }

    def report(self, by: User | None = None, at: Any = None, **changes: Any) -> Issue:
        return actions.report(by=by or self.wang_fang, data=self.report_data(**changes), at=at)

    def step(
        self, issue: Issue, action: Action, by: User | None, at: Any = None, **data: Any
    ) -> Issue:
        """Take one step and return the issue as it stands afterwards."""
        actions.perform(issue.pk, action, by=by, data=data, expected_version=None, at=at)
        return Issue.objects.select_related("category").get(pk=issue.pk)


def assemble() -> Cast:
    """Write the district of the tests into an empty database."""
    district = place(PlaceLevel.DISTRICT, "吴中区", "320506")
    changqiao = place(PlaceLevel.TOWN, "长桥街道", "320506001", district)
    mudu = place(PlaceLevel.TOWN, "木渎镇", "320506103", district)
    longxi = place(PlaceLevel.COMMUNITY, "龙西社区", "320506001901", changqiao)
    xinjia = place(PlaceLevel.COMMUNITY, "新家社区", "320506001902", changqiao)
    jinshan = place(PlaceLevel.COMMUNITY, "金山社区", "320506103901", mudu)
    grid_1 = place(PlaceLevel.GRID, "龙西一格", "320506001901001", longxi)
    grid_2 = place(PlaceLevel.GRID, "龙西二格", "320506001901002", longxi)
    jinshan_grid = place(PlaceLevel.GRID, "金山一格", "320506103901001", jinshan)
    lijiajiao = ComplexArea.objects.create(
        code="WZ-001",
        name="李家角城中村",
        type=AreaType.URBAN_VILLAGE,
        is_pilot=True,
        is_named_pilot=True,
        lead_community=longxi,
        registered_on=SINCE,
    )
    lijiajiao.communities.add(longxi)

    department, office = OrganisationKind.DISTRICT_DEPARTMENT, OrganisationKind.TOWN_OFFICE
    changqiao_works = organisation("长桥街道城建办", office, changqiao)
    changqiao_patrol = organisation("长桥街道执法局", office, changqiao)
    mudu_works = organisation("木渎镇城建办", office, mudu)
    housing = organisation("吴中区住建局", department, district)
    water = organisation("吴中区水务局", department, district)
    police = organisation("吴中公安分局", department, district)
    bus_company = organisation("市公交公司", OrganisationKind.EXTERNAL, None)

    people = {
        name: person(name, full_name, role, where)
        for name, full_name, role, where in [
            ("wang_fang", "王芳", Role.GRID_WORKER, grid_1),
            ("ma_li", "马丽", Role.GRID_WORKER, grid_2),
            ("li_qiang", "李强", Role.GRID_WORKER, jinshan_grid),
            ("zhao_min", "赵敏", Role.COMMUNITY_OFFICER, longxi),
            ("chen_jing", "陈静", Role.TOWN_DISPATCHER, changqiao),
            ("zhou_wei", "周伟", Role.TOWN_LEADER, changqiao),
            ("tang_jie", "唐杰", Role.TOWN_DISPATCHER, mudu),
            ("shen_lan", "沈兰", Role.VERIFIER, changqiao),
            ("han_mei", "韩梅", Role.REVISITOR, changqiao),
            ("wu_yang", "吴洋", Role.UNIT_HANDLER, changqiao_works),
            ("zheng_hua", "郑华", Role.UNIT_HEAD, changqiao_works),
            ("xu_lei", "徐磊", Role.UNIT_HANDLER, changqiao_patrol),
            ("he_jun", "何军", Role.UNIT_HANDLER, housing),
            ("luo_bin", "罗斌", Role.UNIT_HEAD, housing),
            ("gao_feng", "高峰", Role.UNIT_HANDLER, water),
            ("lin_tao", "林涛", Role.UNIT_HANDLER, police),
            ("sun_li", "孙丽", Role.DISTRICT_DISPATCHER, district),
            ("qian_jin", "钱进", Role.DISTRICT_LEADER, district),
            ("xu_ning", "许宁", Role.SUPERVISOR, district),
            ("cao_xue", "曹雪", Role.SECRETARY, district),
            ("feng_gang", "冯刚", Role.VERIFIER, changqiao),
            ("ma_chao", "马超", Role.SYSTEM_ADMIN, None),
            ("ding_yi", "丁一", Role.SECURITY_ADMIN, None),
            ("bai_jie", "白洁", Role.AUDIT_ADMIN, None),
        ]
    }
    post(people["feng_gang"], Role.UNIT_HANDLER, changqiao_works)
    return Cast(
        district=district,
        changqiao=changqiao,
        mudu=mudu,
        longxi=longxi,
        xinjia=xinjia,
        jinshan=jinshan,
        longxi_grid_1=grid_1,
        longxi_grid_2=grid_2,
        jinshan_grid_1=jinshan_grid,
        lijiajiao=lijiajiao,
        changqiao_works=changqiao_works,
        changqiao_patrol=changqiao_patrol,
        mudu_works=mudu_works,
        housing=housing,
        water=water,
        police=police,
        bus_company=bus_company,
        **people,
        sewage=Category.objects.get(name="污水管网"),
        parking=Category.objects.get(name="停车交通"),
        people=people,
    )
