"""Joint meetings at three levels since 2024, their agendas and what they decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from areas.models import Place
from core.workdays import Calendar, moment
from governance.reference.chance import stream
from governance.reference.lines import midnight
from governance.reference.organisations import OFFICES
from governance.reference.stage import Stage
from governance.reference.territory import stem
from issues.choices import Decision, Level, Status, SuspensionKind
from issues.models import Approval, Issue
from meetings import actions, following, reporting
from meetings.choices import Frequency, ItemKind
from meetings.models import AgendaItem, MeetingSeries, Resolution
from meetings.quarters import Quarter, quarters_between
from people.choices import Role
from people.models import Organisation, User
from projects.models import ProjectAspect

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 12, 31)
SERIES_SINCE = date(2023, 12, 4)
DAY_OF_QUARTER = 80  # about when the district's meeting is held

TOWN_MEETINGS = 26  # two in each of the 13 towns with areas
COMMUNITY_MEETINGS = 40
BEFORE_2024 = 2  # town meetings, not to be counted "since last year"
CANCELLED = 3  # town meetings that were planned and never held

# Cross-department matters of district and town meetings by the end of 2025: 72.
SOLVED, RUNNING, LATE = 65, 5, 2
SINGLE_UNIT = 24  # not cross-department
OF_COMMUNITIES = 8  # cross-department, but decided in a community: not counted
OF_THE_SPECIAL_MEETING = 3  # cases
OF_THIS_YEAR = 4  # of each district meeting since: not counted

MATTERS = (
    ("{area}雨污管网改造由水务、住建、财政三方会商资金和交叉施工", "区水务局 区住建局 区财政局"),
    ("{area}停车泊位挖潜，明确边角地权属和施划标准", "区城管局 资规分局 交警大队"),
    ("{area}“厂中厂”联合执法，每月通报", "区应急局 消防大队 区市场监管局"),
    ("{area}公交线路延伸和站点增设", "区交通局 资规分局 交警大队"),
    ("{area}群租房清理整治联合行动", "公安分局 区住建局 消防大队"),
    ("{area}毗邻区边界河道管护责任划分", "区水务局 区生态环境局"),
    ("{area}物业失管兜底和业委会组建", "区住建局 区民政局 区委社会工作部"),
    ("{area}电动自行车充电场所用地和用电保障", "区住建局 消防大队"),
    ("{area}务工人员居住证和医保就近办理", "区行政审批局 区医保局 区人社局"),
    ("{area}为老助餐点布设和补贴标准", "区民政局 区财政局"),
    ("{area}违法建设存量处置和拆后利用", "区城管局 资规分局"),
    ("{area}建筑垃圾临时堆放点设置", "区城管局 区生态环境局 区住建局"),
)
RESULTS = ("已办结并通过现场核验。", "联合行动完成，转入常态管理。", "方案已实施，群众反映良好。")
TOPICS = ("通报攻坚项目进展", "会商跨部门难题", "部署下一阶段重点工作")


@dataclass
class Held:
    """A meeting that was held, and the version it has come to."""

    pk: int
    version: int
    held_on: date
    by: User
    town: Place | None


def meeting_day(quarter: Quarter, calendar: Calendar) -> date:
    """When the district's meeting of a quarter is held."""
    return calendar.add_working_days(quarter.first + timedelta(days=DAY_OF_QUARTER), 0)


def next_meeting_day(day: date, calendar: Calendar) -> date:
    """The district's first meeting after ``day``."""
    quarter = Quarter.of(day)
    held = meeting_day(quarter, calendar)
    return held if held > day else meeting_day(quarter.next, calendar)


def create(stage: Stage, today: date) -> None:
    """Write the meetings of the past and the district's next one, through the real actions."""
    Calls(stage, today).create()


class Calls:
    def __init__(self, stage: Stage, today: date) -> None:
        self.stage = stage
        self.today = today
        self.rng = stream("meetings")
        self.district = stage.places["吴中区"]
        self.held: list[Held] = []
        self.towns = [
            place
            for place in stage.places.values()
            if place.pk in {community.town_id for community in self._with_areas()}
        ]

    def create(self) -> None:
        self.district_series = self._series(self.district, "党建引领复杂区域治理联席会议")
        district = self._district_meetings()
        towns = self._town_meetings()
        self._community_meetings()
        self._resolutions([*district, *towns])
        self._this_year()
        self._special_meeting()
        self._countersign()
        self._reports()

    # --- meetings ---

    def _district_meetings(self) -> list[Held]:
        return [
            self._hold(
                self.district_series,
                f"{quarter.label}联席会议",
                meeting_day(quarter, self.stage.calendar),
                topics=len(TOPICS),
            )
            for quarter in quarters_between(FIRST_DAY, LAST_DAY)
        ]

    def _town_meetings(self) -> list[Held]:
        rng, held = self.rng, []
        for number, town in enumerate(self.towns):
            series = self._series(town, f"{stem(town.name)}复杂区域治理联席会议")
            if number < BEFORE_2024:
                self._hold(series, f"{town.name}2023年联席会议", date(2023, 12, 20), town=town)
            for year in (2024, 2025):
                day = self._working(date(year, 2 + rng.randrange(10), rng.randint(1, 28)))
                title = f"{town.name}{year}年联席会议"
                held.append(self._hold(series, title, day, town=town))
            if number < CANCELLED:
                self._cancel(series, f"{town.name}2025年第二次联席会议")
        return held

    def _community_meetings(self) -> None:
        """One in each of 40 communities; what the first of them decide doesn't count above."""
        communities = self.rng.sample(self._with_areas(), COMMUNITY_MEETINGS)
        for number, community in enumerate(communities):
            series = self._series(community, f"{stem(community.name)}联席会议")
            day = self._working(date(2025, 1, 6) + timedelta(days=self.rng.randrange(330)))
            held = self._hold(
                series, f"{community.name}2025年联席会议", day, town=community.town, topics=0
            )
            if number < OF_COMMUNITIES:
                self._resolve(held, solved_on=held.held_on + timedelta(days=20))

    def _this_year(self) -> None:
        """The district's meetings since 2025; the one of this quarter is planned or just held."""
        for quarter in quarters_between(date(2026, 1, 1), self.today):
            day = meeting_day(quarter, self.stage.calendar)
            title = f"{quarter.label}联席会议"
            if day < self.today:
                held = self._hold(self.district_series, title, day, topics=len(TOPICS))
                for number in range(OF_THIS_YEAR):
                    late = number == 0 and quarter != Quarter.of(self.today)
                    solved_on = day + timedelta(days=25 + 5 * number)
                    self._resolve(held, solved_on=None if late else solved_on)
            else:
                self._plan(title, day)

    def _plan(self, title: str, day: date) -> None:
        """The next meeting, with everything on its agenda that stands open this morning."""
        dispatcher = self.stage.roster.at(Role.DISTRICT_DISPATCHER, self.district.pk)[0]
        evening = moment(self.today - timedelta(days=1), time(16, 30))
        meeting = actions.schedule_meeting(
            by=dispatcher,
            series=self.district_series,
            title=title,
            planned_on=day,
            location="区政府第一会议室",
            at=evening,
        )
        actions.assemble_agenda(meeting.pk, by=dispatcher, at=evening)

    def _series(self, place: Place, name: str) -> MeetingSeries:
        frequency = Frequency.QUARTERLY if place == self.district else Frequency.AS_NEEDED
        return actions.create_series(
            by=self._secretary(place),
            place=place,
            name=name,
            frequency=frequency,
            at=moment(SERIES_SINCE, time(10)),
        )

    def _hold(
        self,
        series: MeetingSeries,
        title: str,
        day: date,
        *,
        town: Place | None = None,
        topics: int = 1,
        planned_on: date | None = None,
    ) -> Held:
        by = self._secretary(series.place)
        planned_at = moment(planned_on or day - timedelta(days=8), time(10))
        meeting = actions.schedule_meeting(
            by=by, series=series, title=title, planned_on=day, location="会议室", at=planned_at
        )
        for number, topic in enumerate(TOPICS[:topics]):
            actions.add_item(
                meeting.pk,
                by=by,
                title=topic,
                reason="例行议题",
                expected_version=meeting.version + number,
                at=planned_at,
            )
        meeting = actions.hold_meeting(
            meeting.pk,
            by=by,
            held_on=day,
            attendees=self._offices(town, 4) if town else self._organs(),
            expected_version=meeting.version + topics,
            at=moment(day, time(17)),
        )
        held = Held(meeting.pk, meeting.version, day, by, town)
        self.held.append(held)
        return held

    def _cancel(self, series: MeetingSeries, title: str) -> None:
        by = self._secretary(series.place)
        meeting = actions.schedule_meeting(
            by=by,
            series=series,
            title=title,
            planned_on=date(2025, 11, 20),
            at=moment(date(2025, 11, 10), time(10)),
        )
        actions.cancel_meeting(
            meeting.pk,
            by=by,
            expected_version=meeting.version,
            at=moment(date(2025, 11, 18), time(10)),
        )

    # --- resolutions ---

    def _resolutions(self, meetings: Sequence[Held]) -> None:
        """72 across departments, spread over the meetings, and those of a single unit beside them.

        What is still open at the end of 2025 was decided at the last two meetings of the district.
        """
        ordered = sorted(meetings, key=lambda meeting: meeting.held_on)
        of_district = [meeting for meeting in ordered if meeting.town is None]
        of_towns = [meeting for meeting in ordered if meeting.town is not None]
        last, before = of_district[-1], of_district[-2]
        for number in range(SOLVED):
            # Every other matter is the district's: its meetings decide more than a town's.
            choices = of_towns if number % 2 else of_district[:-1]
            meeting = choices[number // 2 % len(choices)]
            day = self._working(meeting.held_on + timedelta(days=self.rng.randint(20, 75)))
            self._resolve(meeting, solved_on=min(day, LAST_DAY))
        for number in range(RUNNING):
            day = date(2026, 1, 12) + timedelta(days=4 * number)
            self._resolve(last, solved_on=day, due_date=date(2026, 1, 31))
        for number in range(LATE):
            solved_on = date(2026, 1, 20) if number else None  # one is late to this day
            self._resolve(before, solved_on=solved_on, due_date=date(2025, 12, 10))
        for number in range(SINGLE_UNIT):
            meeting = ordered[number % len(ordered)]
            day = self._working(meeting.held_on + timedelta(days=15))
            self._resolve(meeting, solved_on=min(day, LAST_DAY), alone=True)

    def _resolve(
        self,
        meeting: Held,
        *,
        solved_on: date | None,
        due_date: date | None = None,
        alone: bool = False,
    ) -> None:
        """Decide a matter at a meeting, and strike it off if it was carried out before today."""
        text, units = self._matter(meeting.town)
        lead, *others = units[:1] if alone else units
        resolution = actions.add_resolution(
            meeting.pk,
            by=meeting.by,
            text=text,
            lead_unit=lead,
            units=others,
            responsible_person=self.stage.roster.of(Role.UNIT_HEAD, lead)[0],
            due_date=due_date or meeting.held_on + timedelta(days=60),
            expected_version=meeting.version,
            at=moment(meeting.held_on, time(17, 20)),
        )
        meeting.version += 1
        if solved_on and solved_on < self.today:
            actions.solve_resolution(
                resolution.pk,
                by=meeting.by,
                solved_on=solved_on,
                result=self.rng.choice(RESULTS),
                expected_version=resolution.version,
                at=moment(solved_on, time(16)),
            )

    def _matter(self, town: Place | None) -> tuple[str, list[Organisation]]:
        """What is decided, and by which units it is carried out: two at least."""
        text, organs = self.rng.choice(MATTERS)
        places = [c for c in self._with_areas() if town is None or c.town_id == town.pk]
        area = self.rng.choice(self.stage.areas[self.rng.choice(places).pk])
        units = (
            [self.stage.organisations[name] for name in organs.split()]
            if town is None
            else self._offices(town, 2)
        )
        return text.format(area=area.name), units

    # --- cases that were suspended until a meeting ---

    def _special_meeting(self) -> None:
        """A meeting of this week on cases that have waited longest for one.

        One goes to its unit, one becomes a key project, what is left waits for the secretary.
        """
        working = self.stage.calendar.add_working_days
        planned, held_on, signed = (working(self.today, -days) for days in (8, 3, 1))
        cases = self._waiting_since(moment(planned, time(9)))[:OF_THE_SPECIAL_MEETING]
        if not cases:
            return  # soon after New Year nothing has waited so long
        title = f"{Quarter.of(held_on).label}复杂区域治理专题会议"
        meeting = self._hold(self.district_series, title, held_on, topics=0, planned_on=planned)
        resolutions = [self._decide(meeting, case) for case in cases]
        actions.countersign_minutes(
            meeting.pk,
            by=meeting.by,
            countersigned_on=signed,
            expected_version=meeting.version,
            at=moment(signed, time(10)),
        )
        self.held.remove(meeting)
        afternoon = moment(signed, time(15))
        for resolution, carry_out in zip(resolutions, (self._apply, self._convert), strict=False):
            carry_out(resolution, afternoon)

    def _waiting_since(self, at: datetime) -> list[Issue]:
        asked = Approval.objects.filter(
            reason=SuspensionKind.MEETING, decision=Decision.APPROVED, asked_at__lt=at
        )
        waiting = Issue.objects.filter(
            level=Level.DISTRICT, status=Status.SUSPENDED, pk__in=asked.values("issue_id")
        )
        return list(waiting.select_related("category", "town", "area").order_by("review_at", "pk"))

    def _decide(self, meeting: Held, issue: Issue) -> Resolution:
        last = AgendaItem.objects.filter(meeting=meeting.pk).count()
        item = AgendaItem.objects.create(
            meeting_id=meeting.pk,
            position=last + 1,
            kind=ItemKind.PROPOSED_ISSUE,
            issue=issue,
            reason="涉及多个部门职责和资金，提请联席会议议定。",
        )
        units = self.stage.organs(issue.category.name)
        lead = units.leads[0]
        resolution = actions.add_resolution(
            meeting.pk,
            by=meeting.by,
            text=f"{issue.title}由{lead.short_name}牵头办理，有关单位配合，资金在年度预算内统筹",
            lead_unit=lead,
            units=units.others[:1],
            responsible_person=self.stage.roster.of(Role.UNIT_HEAD, lead)[0],
            due_date=self._working(self.today + timedelta(days=30)),
            agenda_item=item,
            expected_version=meeting.version,
            at=moment(meeting.held_on, time(17, 20)),
        )
        meeting.version += 1
        return resolution

    def _apply(self, resolution: Resolution, at: datetime) -> None:
        following.apply_resolution(
            resolution.pk,
            by=self._secretary(self.district),
            expected_version=resolution.version,
            at=at,
        )

    def _convert(self, resolution: Resolution, at: datetime) -> None:
        """All five elements are decided with it: it is published at once."""
        issue, day = resolution.case, resolution.due_date + timedelta(days=120)
        if issue is None or issue.town is None:
            raise LookupError("a case of a town was decided on")
        office = self.stage.organisations[f"{stem(issue.town.name)}城建办"]
        following.convert_by_resolution(
            resolution.pk,
            by=self.stage.roster.at(Role.DISTRICT_LEADER, self.district.pk)[0],
            data={
                "name": f"{issue.title}综合整治",
                "aspect": ProjectAspect.objects.get(name="背街小巷与飞线"),
                "year": day.year,
                "area": issue.area,
                "place": issue.town,
                "target": "整治点位 6 处",
                "content": "由联席会议议定的问题转来，一次规划、分步实施，完成后由专班验收。",
                "lead_department": resolution.lead_unit,
                "responsible_unit": office,
                "project_owner": self.stage.roster.of(Role.UNIT_HEAD, office)[0],
                "due_date": day,
            },
            text="单件难以根治，按项目推进。",
            expected_version=resolution.version,
            at=at,
        )

    def _countersign(self) -> None:
        """The minutes of meetings that were held a while ago are final."""
        for meeting in self.held:
            day = self._working(meeting.held_on + timedelta(days=5))
            if day < self.today:
                actions.countersign_minutes(
                    meeting.pk,
                    by=meeting.by,
                    countersigned_on=day,
                    expected_version=meeting.version,
                    at=moment(day, time(10)),
                )

    # --- the quarterly reports ---

    def _reports(self) -> None:
        """The last quarter's report as a draft, the one before it in its final form."""
        quarter = Quarter.of(self.today).previous
        secretary = self._secretary(self.district)
        for ended in (quarter.previous, quarter):
            drafted = moment(ended.next.first, time(8, 35))
            if drafted >= midnight(self.today):
                return  # the platform will draft it this morning
            report = reporting.draft_report(ended, by=None, at=drafted)
            if ended != quarter:
                reporting.finalise_report(
                    ended,
                    by=secretary,
                    expected_version=report.version,
                    at=drafted + timedelta(days=9),
                )

    # --- who and when ---

    def _organs(self) -> list[Organisation]:
        """The district organs that sit at its meetings."""
        names = dict.fromkeys(name for _, organs in MATTERS for name in organs.split())
        return [self.stage.organisations[name] for name in names]

    def _secretary(self, place: Place) -> User:
        return self.stage.roster.at(Role.SECRETARY, place.pk)[0]

    def _with_areas(self) -> list[Place]:
        return [place for place in self.stage.communities if self.stage.areas[place.pk]]

    def _offices(self, town: Place, count: int) -> list[Organisation]:
        prefix = stem(town.name)
        names = [f"{prefix}{short}" for _, short in OFFICES]
        return [self.stage.organisations[name] for name in self.rng.sample(names, count)]

    def _working(self, day: date) -> date:
        return self.stage.calendar.add_working_days(day, 0)
