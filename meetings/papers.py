"""The quarterly report as a paper in the official form. It says what the frozen figures say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from core.papers import Paper
from issues.choices import Lamp
from meetings.figures import ItemLine, MeetingLine, QuarterFigures
from meetings.quarters import Quarter

NOTHING = "—"
SMALL = 9  # points, for the wide tables of the annexes

# The key figures that the opening paragraph names, in its words.
OPENING = (
    ("issues_received", "受理问题"),
    ("issues_closed", "结案"),
    ("issues_open", "季末在办"),
    ("issues_overdue", "其中超期"),
)


def quarterly_report(figures: QuarterFigures) -> bytes:
    """The .docx of a quarter. A section without any data is left out, and so is its number."""
    quarter = Quarter.parse(figures.quarter)
    subject = f"{figures.district}{quarter.label}复杂区域治理工作报告"
    paper = Paper(subject)
    paper.title(f"{figures.district}复杂区域治理工作\n{quarter.label}报告")
    paper.addressee(f"{figures.district}复杂区域治理联席会议")
    paper.body(
        f"现将{quarter.label}（{_day(figures.first)}至{_day(figures.last)}）"
        f"复杂区域治理工作情况报告如下。"
    )
    _general(paper, figures)
    if figures.projects:
        _projects(paper, figures)
    _issues(paper, figures)
    if figures.meetings or figures.resolutions:
        _resolutions(paper, figures)
    if figures.proposals:
        _proposals(paper, figures)
    _problems(paper, figures)
    annexes = _annexes(figures)
    paper.annex_list(annexes)
    paper.signature(f"{figures.district}复杂区域治理工作专班", _date(figures.computed_on))
    for number, name in enumerate(annexes, start=1):
        WRITERS[name](paper, number, figures)
    return paper.content()


def _day(iso: str) -> str:
    day = _date(iso)
    return f"{day.year}年{day.month}月{day.day}日"


def _date(iso: str) -> date:
    return date.fromisoformat(iso)


# --- the sections ---


def _general(paper: Paper, figures: QuarterFigures) -> None:
    paper.heading("总体情况")
    said = "，".join(f"{words} {figures.figure(code).this}" for code, words in OPENING)
    paper.body(
        f"本季度{said}；按期办结率 {figures.figure('issues_on_time_rate').this}，"
        f"解决率 {figures.figure('issues_resolution_rate').this}，"
        f"满意率 {figures.figure('issues_satisfaction_rate').this}。"
        f"各项指标见下表，口径见附件{_number(figures, DEFINITIONS)}。"
    )
    paper.caption("主要指标")
    paper.table(
        ["序号", "指标", "本季", "上季", "本年累计"],
        [
            [number, figure.name, figure.this, figure.previous, figure.total]
            for number, figure in enumerate(figures.key_figures, start=1)
        ],
        widths=[12, 66, 26, 26, 26],
        left=(1,),
    )


def _projects(paper: Paper, figures: QuarterFigures) -> None:
    paper.heading("攻坚项目推进")
    lines = [line for line in figures.project_categories if line.total]
    total = sum(line.total for line in lines)
    done = sum(line.done for line in lines)
    late = figures.late_projects
    yellow = sum(line.yellow for line in lines)
    paper.body(
        f"列入统计的攻坚项目 {total} 个，五要素均已明确；季末已完成 {done} 个，"
        f"推进中 {total - done} 个，其中黄灯 {yellow} 个、红灯 {len(late)} 个。"
    )
    paper.caption("攻坚项目分类情况")
    paper.table(
        ["类别", "项目数", "已完成", "绿灯", "黄灯", "红灯"],
        [[x.name, x.total, x.done, x.green, x.yellow, x.red] for x in lines],
        widths=[46, 22, 22, 22, 22, 22],
    )
    if late:
        paper.subheading("超期项目")
        paper.numbered(
            [
                f"{line.name}：完成时限{_day(line.due_date)}，完成率 {line.percent}%，"
                f"责任单位{line.responsible_unit}，负责人{line.project_owner}。"
                for line in late
            ]
        )


def _issues(paper: Paper, figures: QuarterFigures) -> None:
    paper.heading("问题闭环处置")
    paper.subheading("分级处置情况")
    paper.body(
        f"提级会诊 {figures.figure('issues_escalated_town').this}，"
        f"提级联诊 {figures.figure('issues_escalated_district').this}；"
        f"首诊解决率 {figures.figure('issues_first_diagnosis_rate').this}，"
        f"返工率 {figures.figure('issues_rework_rate').this}。"
    )
    paper.caption("结案问题分级情况")
    paper.table(
        ["层级", "结案（件）", "占比", "按期办结率", "解决率"],
        [[x.name, x.closed, x.share, x.on_time, x.resolved] for x in figures.levels],
        widths=[32, 31, 31, 31, 31],
    )
    if figures.kinds:
        paper.subheading("问题结构")
        paper.caption("受理问题分类情况")
        paper.table(
            ["类别", "受理（件）", "占比"],
            [[line.name, line.received, line.share] for line in figures.kinds],
            widths=[76, 40, 40],
        )


def _resolutions(paper: Paper, figures: QuarterFigures) -> None:
    paper.heading("联席会议与议定事项落实")
    if figures.meetings:
        paper.subheading("会议召开情况")
        for meeting in figures.meetings:
            _meeting(paper, meeting)
        if AGENDAS in _annexes(figures):
            paper.body(f"议题见附件{_number(figures, AGENDAS)}。")
    if figures.resolutions:
        late = figures.late_resolutions
        paper.subheading("议定事项落实情况")
        paper.body(
            f"季内在办的区级议定事项 {len(figures.resolutions)} 项，季末逾期 {len(late)} 项；"
            f"按期落实率 {figures.figure('resolutions_on_time_rate').this}。"
        )
        paper.table(
            ["编号", "议定事项", "牵头单位", "时限", "状态"],
            [[x.number, x.text, x.lead_unit, x.due_date, x.state] for x in figures.resolutions],
            widths=[26, 58, 26, 25, 21],
            left=(1,),
        )


def _meeting(paper: Paper, meeting: MeetingLine) -> None:
    paper.body(
        f"{_day(meeting.held_on)}召开{meeting.title}，审议议题 {len(meeting.items)} 项，"
        f"议定事项 {meeting.resolutions} 项。"
    )


def _proposals(paper: Paper, figures: QuarterFigures) -> None:
    paper.heading("提请研究事项")
    kinds = Counter(line.kind for line in figures.proposals)
    listed = "、".join(f"{kind} {size} 项" for kind, size in kinds.items())
    paper.body(
        f"截至{_day(figures.computed_on)}，提请联席会议研究{listed}，"
        f"详见附件{_number(figures, PROPOSALS)}。"
    )


def _problems(paper: Paper, figures: QuarterFigures) -> None:
    """What the figures themselves show; the secretary writes the rest."""
    found = []
    if late := figures.late_projects:
        found.append(f"{len(late)} 个攻坚项目超期，须由责任单位说明原因，重排节点。")
    overdue = figures.figure("issues_overdue")
    if overdue.numerator:
        found.append(f"季末在办问题中 {overdue.numerator} 件超期，须逐件明确办结日期。")
    if late_resolutions := figures.late_resolutions:
        found.append(f"{len(late_resolutions)} 项议定事项逾期未销号，提请下次会议听取说明。")
    if not figures.meetings:
        found.append("本季度未召开区级联席会议，须补开。")
    if found:
        paper.heading("存在问题与下步安排")
        paper.numbered(found)


# --- the annexes ---

PROJECTS = "攻坚项目清单"
PROPOSALS = "提请研究事项清单"
AGENDAS = "区级联席会议议题清单"
OVERDUE = "超期清单"
TOWNS = "各镇（街道）情况表"
DEFINITIONS = "数据口径说明"


def _annexes(figures: QuarterFigures) -> list[str]:
    present = {
        PROJECTS: figures.projects,
        PROPOSALS: figures.proposals,
        AGENDAS: [line for meeting in figures.meetings for line in meeting.items],
        OVERDUE: figures.overdue or figures.late_projects or figures.late_resolutions,
        TOWNS: figures.towns,
        DEFINITIONS: figures.key_figures,
    }
    return [name for name, rows in present.items() if rows]


def _number(figures: QuarterFigures, name: str) -> int:
    """The number of an annex in this report."""
    return _annexes(figures).index(name) + 1


def _project_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, PROJECTS, landscape=True)
    paper.table(
        [
            "序号", "项目名称", "地点", "类别—方面", "项目内容", "牵头部门", "责任单位",
            "项目负责人", "完成时限", "量化目标", "完成率", "灯",
        ],
        [
            [
                position,
                line.name,
                line.place,
                f"{line.category}—{line.aspect}",
                line.content,
                line.lead_department,
                line.responsible_unit,
                line.project_owner,
                line.due_date,
                line.target or NOTHING,
                f"{line.percent}%",
                LAMP_WORDS[line.lamp],
            ]
            for position, line in enumerate(figures.projects, start=1)
        ],
        widths=[9, 27, 19, 20, 40, 19, 19, 13, 21, 18, 11, 9],
        left=(1, 4),
        size=SMALL,
    )  # fmt: skip


LAMP_WORDS = {"": "完成", Lamp.GREEN: "绿", Lamp.YELLOW: "黄", Lamp.RED: "红"}


def _proposal_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, PROPOSALS, landscape=True)
    _items(paper, figures.proposals)


def _agenda_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, AGENDAS, landscape=True)
    for meeting in figures.meetings:
        if meeting.items:
            paper.caption(f"{meeting.title}（{_day(meeting.held_on)}）")
            _items(paper, meeting.items)


def _items(paper: Paper, items: Sequence[ItemLine]) -> None:
    paper.table(
        ["序号", "来源", "编号", "议题", "列入理由"],
        [[number, x.kind, x.number, x.title, x.reason] for number, x in enumerate(items, start=1)],
        widths=[12, 26, 32, 70, 85],
        left=(3, 4),
        size=SMALL,
    )


def _overdue_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, OVERDUE, landscape=True)
    rows: list[list[object]] = [
        ["攻坚项目", x.number, x.name, x.place, x.responsible_unit, x.due_date, "红灯"]
        for x in figures.late_projects
    ]
    rows += [
        ["议定事项", x.number, x.text, x.meeting, x.lead_unit, x.due_date, x.state]
        for x in figures.late_resolutions
    ]
    rows += [
        [f"问题（{x.level}）", x.number, x.title, x.town, x.lead_unit or NOTHING, x.due_on, x.state]
        for x in figures.overdue
    ]
    paper.table(
        ["种类", "编号", "事项", "镇街／会议", "责任单位", "时限", "情况"],
        rows,
        widths=[22, 32, 60, 32, 27, 24, 28],
        left=(2,),
        size=SMALL,
    )
    if figures.overdue_total > len(figures.overdue):
        paper.note(f"问题共 {figures.overdue_total} 件，本表列前 {len(figures.overdue)} 件。")


def _town_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, TOWNS)
    paper.table(
        ["镇（街道）", "受理", "结案", "按期办结率", "满意率", "季末在办", "季末超期"],
        [
            [x.name, x.received, x.closed, x.on_time, x.satisfied, x.open, x.overdue]
            for x in figures.towns
        ],
        widths=[36, 18, 18, 24, 20, 20, 20],
    )
    paper.note("按区划代码排列，不作排名。")


def _definition_annex(paper: Paper, number: int, figures: QuarterFigures) -> None:
    paper.annex(number, DEFINITIONS)
    paper.table(
        ["序号", "指标", "口径", "本季分子／分母"],
        [
            [
                position,
                x.name,
                x.definition,
                x.numerator if x.denominator is None else f"{x.numerator}／{x.denominator}",
            ]
            for position, x in enumerate(figures.key_figures, start=1)
        ],
        widths=[12, 40, 78, 26],
        left=(1, 2),
    )
    paper.note(
        f"统计期间 {figures.first} 至 {figures.last}，数据于 {figures.computed_on} 固定，"
        "此后的更正不改变本报告。分母为零时记“—”；截至期末的状态指标不作累计，记“/”。"
        "项目的灯按期末当日的时限和已填报的完成率判定。"
    )


WRITERS = {
    PROJECTS: _project_annex,
    PROPOSALS: _proposal_annex,
    AGENDAS: _agenda_annex,
    OVERDUE: _overdue_annex,
    TOWNS: _town_annex,
    DEFINITIONS: _definition_annex,
}
