"""The 26 key projects of 2024 and 2025, the drafts beside them, and this year's programme."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from random import Random

from areas.models import ComplexArea, Place
from core.workdays import moment
from governance.reference.chance import stream
from governance.reference.stage import Stage
from governance.reference.territory import stem, town_of
from issues.choices import Lamp
from people.choices import Role
from people.models import Organisation, User
from projects import actions
from projects.models import Project, ProjectAspect

# (aspect, what is done, lead department, office of the town that carries it out, target): 9 for
# safety, 7 for the environment, 6 for services, 4 for organisation.
COUNTED = (
    ("厂中厂整治", "“厂中厂”安全隐患整治", "区应急局", "应急环保办", "整治隐患 48 处"),
    ("厂中厂整治", "“厂中厂”安全生产联盟建设", "区应急局", "应急环保办", "成立联盟 1 个"),
    ("厂中厂整治", "工业集聚点消防分隔改造", "消防大队", "应急环保办", "改造厂房 26 处"),
    ("群租房整治", "群租房清理整治", "公安分局", "平安办", "整改隐患 112 处"),
    ("群租房整治", "出租房屋登记与安全码建设", "区住建局", "平安办", "登记率 100%"),
    (
        "消防与电动车充停",
        "电动自行车集中充停场所建设",
        "消防大队",
        "应急环保办",
        "新建充电口 1200 个",
    ),
    ("消防与电动车充停", "老旧小区消防通道打通", "消防大队", "应急环保办", "打通通道 18 条"),
    ("毗邻区安全联防", "毗邻区安全联防联治", "区应急局", "应急环保办", "联合巡查每月 2 次"),
    ("毗邻区安全联防", "毗邻河道两岸共治", "区水务局", "城建办", "清理排口 35 处"),
    ("停车泊位挖潜", "停车泊位挖潜", "区城管局", "城建办", "新增泊位 860 个"),
    ("停车泊位挖潜", "错时共享停车", "区城管局", "城建办", "共享泊位 420 个"),
    ("停车泊位挖潜", "边角地生态停车场建设", "资规分局", "城建办", "新增泊位 310 个"),
    ("污水管网改造", "雨污管网改造", "区水务局", "城建办", "改造管网 12 公里"),
    ("污水管网改造", "排水户接管整治", "区水务局", "城建办", "整治排水户 240 户"),
    ("背街小巷与飞线", "背街小巷整治提升", "区城管局", "城建办", "整治街巷 22 条"),
    ("背街小巷与飞线", "飞线入地和杆线整治", "区住建局", "城建办", "整治飞线 15 处"),
    ("公交线路优化", "跨区域公交线路优化", "区交通局", "城建办", "优化线路 3 条"),
    ("公交线路优化", "公交社区便民服务", "区交通局", "社会事业办", "增设站点 6 处"),
    ("组团式服务", "组团式服务进片区", "区民政局", "社会事业办", "每月 4 次"),
    ("组团式服务", "健康义诊进片区", "区卫健委", "社会事业办", "义诊 24 场"),
    ("服务时间优化", "“即来即办”绿色通道", "区行政审批局", "社会事业办", "开设窗口 12 个"),
    ("服务时间优化", "午间“不打烊”和周六预约", "区行政审批局", "社会事业办", "开设窗口 14 个"),
    ("党组织与阵地", "片区党群服务阵地建设", "区委组织部", "党建办", "建成阵地 5 处"),
    ("党组织与阵地", "网格党支部全覆盖", "区委组织部", "党建办", "覆盖率 100%"),
    ("业委会（物管会）", "业委会（物管会）组建", "区住建局", "党建办", "组建 16 个"),
    ("新就业群体融合", "骑手驿站和友好片区建设", "区委社会工作部", "党建办", "建成驿站 9 处"),
)
DONE, GREEN, YELLOW, RED = 15, 7, 3, 1  # of the 26, on the last counted day

# This year's programme, placed relative to today: never among the 26. (name, lamp; None: done)
CURRENT: tuple[tuple[int, Lamp | None], ...] = (
    (0, Lamp.GREEN),
    (5, Lamp.GREEN),
    (9, Lamp.GREEN),
    (12, Lamp.GREEN),
    (16, Lamp.YELLOW),
    (18, Lamp.YELLOW),
    (3, Lamp.RED),
    (22, None),
)
DRAFTS = (13, 24)  # never published, not all five elements

PROGRESS_TEXTS = (
    "已完成现场踏勘和方案编制。",
    "已落实资金和施工单位，进场施工。",
    "主体工程过半，正协调交叉作业面。",
    "已完成大部分点位，开展自查。",
)


@dataclass(frozen=True)
class Plan:
    """A project's course: published, reported on, and perhaps accepted."""

    entry: int  # in COUNTED
    published_on: date
    due_date: date
    progress: tuple[tuple[date, int], ...]
    completed_on: date | None = None


def create(stage: Stage, today: date) -> None:
    """Draft, publish, report and accept, each on its day, through the real actions."""
    rng = stream("projects")
    plans = [*_counted(rng, today), *_current(today)]
    steps = Steps(stage, rng)
    for plan in sorted(plans, key=lambda plan: plan.published_on):
        steps.carry_out(plan)
    for entry in DRAFTS:
        steps.draft(entry, today - timedelta(days=12))


def _counted(rng: Random, today: date) -> Iterator[Plan]:
    order = list(range(len(COUNTED)))
    rng.shuffle(order)
    for position, entry in enumerate(order):
        if position < DONE:
            published = date(2024, 3, 15) + timedelta(days=rng.randrange(360))
            due = published + timedelta(days=rng.randrange(180, 260))
            completed = due - timedelta(days=rng.randrange(3, 30))
        elif position < DONE + GREEN:
            published = date(2025, 6, 10) + timedelta(days=rng.randrange(90))
            due = date(2026, 4, 1) + timedelta(days=rng.randrange(80))
            completed = due - timedelta(days=20)
        elif position < DONE + GREEN + YELLOW:
            published = date(2025, 3, 10) + timedelta(days=rng.randrange(60))
            due = date(2026, 1, 10) + timedelta(days=rng.randrange(6))
            completed = due + timedelta(days=4)
        else:
            published = date(2025, 2, 20)
            due = date(2025, 12, 15)
            completed = date(2026, 1, 28)
        yield _plan(entry, published, due, completed, today)


def _plan(entry: int, published: date, due: date, completed: date, today: date) -> Plan:
    """Progress in step with time until it is completed, as far as that lies before ``today``."""
    end = min(completed, today)
    reports = []
    for quarter in (1, 2, 3):
        day = published + (completed - published) * quarter // 4
        if day < end:
            reports.append((day, quarter * 25))
    return Plan(entry, published, due, tuple(reports), completed if completed < today else None)


def _current(today: date) -> Iterator[Plan]:
    """This year's projects with their lamps as they shall be on the morning of ``today``."""
    first = date(2026, 1, 5)
    for number, (entry, lamp) in enumerate(CURRENT):
        published = max(first, today - timedelta(days=150 - 5 * number))
        elapsed = (today - published).days
        match lamp:
            case Lamp.GREEN:
                due, percent = today + timedelta(days=elapsed), 45
            case Lamp.YELLOW:
                due, percent = today + timedelta(days=elapsed // 3), 30
            case Lamp.RED:
                due, percent = today - timedelta(days=6), 80
            case _:
                due, percent = today - timedelta(days=2), 70
        reported = published + timedelta(days=elapsed // 2)
        yield Plan(
            entry,
            published,
            due,
            ((reported, percent),),
            today - timedelta(days=4) if lamp is None else None,
        )


class Steps:
    """Takes the steps of projects by the people whose part it is."""

    def __init__(self, stage: Stage, rng: Random) -> None:
        self.stage = stage
        self.rng = rng
        district = stage.places["吴中区"]
        self.dispatchers = stage.roster.at(Role.DISTRICT_DISPATCHER, district.pk)
        self.aspects = {aspect.name: aspect for aspect in ProjectAspect.objects.all()}
        self.areas = [
            (area, place)
            for place in stage.communities
            for area in stage.areas[place.pk]
            if area.phase != "surveyed"
        ]

    def carry_out(self, plan: Plan) -> None:
        project, by, unit = self.draft(plan.entry, plan.published_on, plan.due_date)
        version = project.version
        actions.publish(
            project.pk, by=by, expected_version=version, at=moment(plan.published_on, time(10))
        )
        handler = self.stage.roster.of(Role.UNIT_HANDLER, unit)[0]
        for number, (day, percent) in enumerate(plan.progress, start=1):
            actions.report_progress(
                project.pk,
                by=handler,
                percent=percent,
                text=PROGRESS_TEXTS[min(percent // 26, 3)],
                expected_version=version + number,
                at=moment(day, time(15)),
            )
        if plan.completed_on:
            actions.complete(
                project.pk,
                by=self.dispatchers[0],
                completed_on=plan.completed_on,
                text="现场核验合格，同意验收。",
                expected_version=version + 1 + len(plan.progress),
                at=moment(plan.completed_on, time(16)),
            )

    def draft(
        self, entry: int, day: date, due: date | None = None
    ) -> tuple[Project, User, Organisation]:
        """A draft of ``day``; without ``due`` it lacks an owner and a due date."""
        aspect, what, department, office, target = COUNTED[entry]
        area, place, town = self._somewhere()
        unit = self.stage.organisations[f"{stem(town.name)}{office}"]
        by = self.dispatchers[-1]
        project = actions.create_draft(
            by=by,
            data={
                "name": f"{area.name}{what}",
                "aspect": self.aspects[aspect],
                "year": day.year,
                "area": area,
                "place": place,
                "target": target,
                "content": f"在{area.name}实施{what}，{target}，按月通报进展，完成后由专班验收。",
                "lead_department": self.stage.organisations[department],
                "responsible_unit": unit,
                "project_owner": self.stage.roster.of(Role.UNIT_HEAD, unit)[0] if due else None,
                "due_date": due,
            },
            at=moment(day, time(9)),
        )
        return project, by, unit

    def _somewhere(self) -> tuple[ComplexArea, Place, Place]:
        """An area, the place at which its project stands (community or town), and the town."""
        area, community = self.rng.choice(self.areas)
        town = town_of(community)
        return area, community if self.rng.random() < 0.6 else town, town
