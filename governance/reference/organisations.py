"""The bodies of the district, and which of them deal with what."""

from __future__ import annotations

from areas.choices import PlaceLevel
from areas.models import Place
from governance.reference.territory import stem
from people.choices import OrganisationKind
from people.models import Organisation

# (name, short name) of the 46 district organs.
DEPARTMENTS = (
    ("中共吴中区委组织部", "区委组织部"),
    ("中共吴中区委宣传部", "区委宣传部"),
    ("中共吴中区委统一战线工作部", "区委统战部"),
    ("中共吴中区委政法委员会", "区委政法委"),
    ("中共吴中区委社会工作部", "区委社会工作部"),
    ("中共吴中区委机构编制委员会办公室", "区委编办"),
    ("中共吴中区委区级机关工作委员会", "区级机关工委"),
    ("吴中区发展和改革委员会", "区发改委"),
    ("吴中区教育局", "区教育局"),
    ("吴中区科学技术局", "区科技局"),
    ("吴中区工业和信息化局", "区工信局"),
    ("吴中区民政局", "区民政局"),
    ("吴中区司法局", "区司法局"),
    ("吴中区财政局", "区财政局"),
    ("吴中区人力资源和社会保障局", "区人社局"),
    ("自然资源和规划局吴中分局", "资规分局"),
    ("吴中区生态环境局", "区生态环境局"),
    ("吴中区住房和城乡建设局", "区住建局"),
    ("吴中区城市管理局", "区城管局"),
    ("吴中区水务局", "区水务局"),
    ("吴中区交通运输局", "区交通局"),
    ("吴中区农业农村局", "区农业农村局"),
    ("吴中区商务局", "区商务局"),
    ("吴中区文化体育和旅游局", "区文体旅局"),
    ("吴中区卫生健康委员会", "区卫健委"),
    ("吴中区退役军人事务局", "区退役军人局"),
    ("吴中区应急管理局", "区应急局"),
    ("吴中区审计局", "区审计局"),
    ("吴中区市场监督管理局", "区市场监管局"),
    ("吴中区统计局", "区统计局"),
    ("吴中区医疗保障局", "区医保局"),
    ("吴中区数据局", "区数据局"),
    ("吴中区信访局", "区信访局"),
    ("吴中区行政审批局", "区行政审批局"),
    ("公安局吴中分局", "公安分局"),
    ("吴中区消防救援大队", "消防大队"),
    ("公安局吴中分局交通警察大队", "交警大队"),
    ("吴中区税务局", "区税务局"),
    ("吴中区总工会", "区总工会"),
    ("共青团吴中区委员会", "团区委"),
    ("吴中区妇女联合会", "区妇联"),
    ("吴中区残疾人联合会", "区残联"),
    ("吴中区红十字会", "区红十字会"),
    ("吴中区工商业联合会", "区工商联"),
    ("吴中区科学技术协会", "区科协"),
    ("吴中区机关事务管理局", "区机关事务局"),
)
INSTITUTIONS = (
    ("吴中区环境卫生管理中心", "区环卫中心"),
    ("吴中区市政设施养护中心", "区市政养护中心"),
    ("吴中区排水管理中心", "区排水中心"),
    ("吴中区园林绿化管理中心", "区园林中心"),
    ("吴中区停车管理服务中心", "区停管中心"),
    ("吴中区疾病预防控制中心", "区疾控中心"),
    ("吴中区法律援助中心", "区法援中心"),
    ("吴中区社会福利中心", "区福利中心"),
)
EXTERNAL = (
    ("市公共交通有限公司", "市公交公司"),
    ("市民政局", "市民政局"),
    ("市人力资源和社会保障局", "市人社局"),
    ("市应急管理局", "市应急局"),
    ("供电公司吴中营业部", "供电公司"),
    ("燃气公司吴中营业部", "燃气公司"),
)
# (name, short name) of the offices that every town has; the names are prefixed with the town's.
OFFICES = (
    ("建设管理办公室", "城建办"),
    ("综合行政执法局", "综合执法局"),
    ("社会事业办公室", "社会事业办"),
    ("政法和社会治理办公室", "平安办"),
    ("应急管理和生态环境办公室", "应急环保办"),
    ("党的建设办公室", "党建办"),
)

# Who leads, and who may assist, by category of issue: district organs.
ORGANS_FOR = {
    "市容环境": ("区城管局", "区住建局 区市场监管局 公安分局"),
    "环境提升": ("区城管局 区住建局", "资规分局 区生态环境局 区农业农村局 区财政局"),
    "污水管网": ("区水务局", "区住建局 区生态环境局 区财政局"),
    "垃圾清运": ("区城管局", "区住建局 区生态环境局"),
    "道路设施": ("区交通局 区住建局", "区城管局 交警大队 区财政局"),
    "停车交通": ("交警大队 区交通局 区城管局", "资规分局 区住建局 公安分局"),
    "公共设施": ("区住建局", "区城管局 区文体旅局 区财政局"),
    "违法建设": ("区城管局 资规分局", "区住建局 公安分局 区农业农村局"),
    "消防安全": ("消防大队", "区应急局 公安分局 区住建局"),
    "厂中厂隐患": ("区应急局", "消防大队 区工信局 区生态环境局 区市场监管局"),
    "群租房隐患": ("公安分局 区住建局", "消防大队 区市场监管局 区委政法委"),
    "电动车充停": ("消防大队 区住建局", "区市场监管局 公安分局 区城管局"),
    "公共服务": ("区民政局 区行政审批局 区卫健委", "区人社局 区医保局 区数据局 区残联"),
    "公交出行": ("区交通局", "资规分局 交警大队 区财政局"),
    "物业服务": ("区住建局", "区民政局 区委社会工作部 区市场监管局"),
    "为老助残": ("区民政局 区残联", "区卫健委 区妇联 区红十字会"),
    "治安隐患": ("公安分局", "区委政法委 区司法局"),
    "噪声扰民": ("公安分局 区生态环境局", "区城管局 区文体旅局"),
    "邻里纠纷": ("区司法局", "公安分局 区妇联 区委政法委"),
    "物业纠纷": ("区住建局 区司法局", "区信访局 区委社会工作部 区市场监管局"),
    "劳资纠纷": ("区人社局", "区总工会 区司法局 区工商联"),
}
# The same at the town's level: short names of OFFICES.
OFFICES_FOR = {
    "市容环境": "综合执法局",
    "环境提升": "城建办 综合执法局",
    "污水管网": "城建办",
    "垃圾清运": "综合执法局",
    "道路设施": "城建办",
    "停车交通": "综合执法局 平安办",
    "公共设施": "城建办",
    "违法建设": "综合执法局",
    "消防安全": "应急环保办",
    "厂中厂隐患": "应急环保办",
    "群租房隐患": "平安办 应急环保办",
    "电动车充停": "应急环保办 平安办",
    "公共服务": "社会事业办",
    "公交出行": "城建办",
    "物业服务": "城建办 党建办",
    "为老助残": "社会事业办",
    "治安隐患": "平安办",
    "噪声扰民": "综合执法局 平安办",
    "邻里纠纷": "平安办",
    "物业纠纷": "平安办 城建办",
    "劳资纠纷": "社会事业办 平安办",
}
# Public institutions that may assist at the district's level without any district organ.
INSTITUTION_FOR = {
    "市容环境": "区环卫中心",
    "垃圾清运": "区环卫中心",
    "道路设施": "区市政养护中心",
    "公共设施": "区市政养护中心",
    "环境提升": "区园林中心",
    "污水管网": "区排水中心",
    "停车交通": "区停管中心",
    "公共服务": "区疾控中心",
    "为老助残": "区福利中心",
    "劳资纠纷": "区法援中心",
}


def create(district: Place) -> list[Organisation]:
    """Write all organisations of the district, those of towns and communities included."""
    rows = [
        Organisation(
            name=name, short_name=short, kind=OrganisationKind.DISTRICT_DEPARTMENT, place=district
        )
        for name, short in DEPARTMENTS
    ]
    rows += [
        Organisation(
            name=name, short_name=short, kind=OrganisationKind.PUBLIC_INSTITUTION, place=district
        )
        for name, short in INSTITUTIONS
    ]
    rows += [
        Organisation(name=name, short_name=short, kind=OrganisationKind.EXTERNAL)
        for name, short in EXTERNAL
    ]
    places = Place.objects.under(district).select_related("town").order_by("code")
    for town in places.filter(level=PlaceLevel.TOWN):
        rows += [
            Organisation(
                name=f"{town.name}{name}",
                short_name=f"{stem(town.name)}{short}",
                kind=OrganisationKind.TOWN_OFFICE,
                place=town,
            )
            for name, short in OFFICES
        ]
    for community in places.filter(level=PlaceLevel.COMMUNITY):
        committee = "居民委员会" if community.name.endswith("社区") else "村民委员会"
        rows.append(
            Organisation(
                name=f"{community.town}{community.name}{committee}",
                short_name=f"{community.name}{committee[0]}委会",
                kind=OrganisationKind.COMMUNITY,
                place=community,
            )
        )
    # A body that no longer exists must not be counted or offered.
    rows.append(
        Organisation(
            name="吴中区城市建设指挥部办公室（已撤销）",
            short_name="原城建指挥部办",
            kind=OrganisationKind.DISTRICT_DEPARTMENT,
            place=district,
            is_active=False,
        )
    )
    return Organisation.objects.bulk_create(rows)
