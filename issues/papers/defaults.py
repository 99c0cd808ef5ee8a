"""The templates that are in use until an office uploads its own.

They are written by code instead of lying here as files, so that a change can be read and a form
follows ``core.papers``. The notice (催办通知) is a letter, the ruling (退回裁定书) a paper with
its red head and note on copies; both have pages of 22 lines. The forms (工单, 督办单, 延期审批表)
are tables, with room for pens where somebody signs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from core.papers import (
    FORM_SIZE,
    TABLE_SIZE,
    Cell,
    Paper,
    entry,
    fields,
    label,
    pictures,
    signing,
)
from issues.choices import PaperKind

FORM = (27, 51, 27, 51)  # widths of a form's columns in millimetres, 156 in all


@cache
def default_template(kind: PaperKind) -> bytes:
    return WRITERS[kind]()


def _work_order() -> bytes:
    paper = Paper(PaperKind.WORK_ORDER.label)
    paper.title("复杂区域治理问题工单")
    paper.line("编号：{{ 问题编号 }}　　　　打印日期：{{ 打印日期 }}", size=FORM_SIZE)
    paper.form(
        [
            fields(label("标题"), entry("{{ 标题 }}", span=3)),
            fields(label("类别"), entry("{{ 类别 }}"), label("来源"), entry("{{ 来源 }}")),
            fields(
                label("紧急程度"),
                entry("{{ 紧急程度 }}"),
                label("复杂程度"),
                entry("{{ 复杂程度 }}"),
            ),
            fields(
                label("受理时间"),
                entry("{{ 受理时间 }}"),
                label("现在状态"),
                entry("{{ 层级 }}·{{ 状态 }}"),
            ),
            fields(label("地点"), entry("{{ 地点 }}"), label("网格"), entry("{{ 网格 }}")),
            fields(
                label("详细地址"),
                entry("{{ 详细地址 }}"),
                label("复杂区域"),
                entry("{{ 复杂区域 }}"),
            ),
            fields(
                label("诉求人"), entry("{{ 诉求人 }}"), label("联系电话"), entry("{{ 诉求人电话 }}")
            ),
            fields(label("上报人"), entry("{{ 上报人 }}", span=3)),
            fields(label("内容"), entry("{{ 内容 }}", span=3), height=24, whole=False),
            fields(label("上报照片"), _photos("上报照片"), height=16, whole=False),
            fields(
                label("办理结果"),
                entry("{{ 办理结果 }}"),
                label("办结时间"),
                entry("{{ 办结时间 }}"),
            ),
            fields(
                label("核查"),
                entry("{{ 核查结论 }}{% if 核查意见 %}：{{ 核查意见 }}{% endif %}", span=3),
                whole=False,
            ),
            fields(label("办理后照片"), _photos("办理后照片"), height=16, whole=False),
            fields(
                label("回访"),
                entry(
                    "{%p for 记录 in 回访 %}",
                    "{{ 记录.时间 }}　{{ 记录.联系情况 }}{% if 记录.是否解决 %}，"
                    "是否解决：{{ 记录.是否解决 }}{% endif %}{% if 记录.满意度 %}，"
                    "满意度：{{ 记录.满意度 }}{% endif %}",
                    "{%p endfor %}",
                    "",
                    span=3,
                ),
                whole=False,
            ),
            fields(label("结案时间"), entry("{{ 结案时间 }}", span=3)),
        ],
        widths=FORM,
    )
    _listing(
        paper,
        "承办单位",
        "单位",
        {"性质": 14, "名称": 36, "任务": 38, "交办时间": 26, "签收时间": 26, "情况": 16},
    )
    _listing(
        paper,
        "办理过程",
        "环节",
        {"序号": 11, "时间": 24, "动作": 21, "经手": 33, "情况": 67},
        whole=False,
    )
    _listing(
        paper,
        "时限",
        "时钟",
        {"名称": 30, "时限": 26, "开始": 27, "到期": 27, "停止": 27, "结论": 19},
    )
    paper.note("诉求人、上报人信息已遮盖；本单由复杂区域治理平台生成，以平台记录为准。")
    return paper.content()


def _photos(name: str) -> Cell:
    return pictures(f"{{% for 照片 in {name} %}}{{{{ 照片.图片 }}}} {{% endfor %}}", span=3)


def _listing(
    paper: Paper, name: str, each: str, columns: dict[str, float], *, whole: bool = True
) -> None:
    """A table with a row for each of several, and none at all where there is not one."""
    over = len(columns)
    paper.note(f"{{%p if {name} %}}")
    paper.caption(name)
    paper.form(
        [
            fields(*(label(column) for column in columns), heads=True),
            fields(entry(f"{{%tr for {each} in {name} %}}", span=over)),
            fields(*(entry(f"{{{{ {each}.{column} }}}}") for column in columns), whole=whole),
            fields(entry("{%tr endfor %}", span=over)),
        ],
        widths=list(columns.values()),
        size=TABLE_SIZE,
    )
    paper.note("{%p endif %}")


def _supervision() -> bytes:
    paper = Paper(PaperKind.SUPERVISION.label, numbered=False)
    paper.title("{{ 发文单位 }}\n督办单")
    paper.line("编号：{{ 督办编号 }}", size=FORM_SIZE)
    paper.form(
        [
            fields(
                label("督办等级"),
                entry("{{ 督办等级 }}"),
                label("发出时间"),
                entry("{{ 发出时间 }}"),
            ),
            fields(
                label("事项"),
                entry(
                    "{{ 标题 }}（{{ 问题编号 }}）",
                    "{{ 地点 }}{{ 网格 }}　{{ 受理时间 }}受理",
                    span=3,
                ),
                height=16,
            ),
            fields(
                label("督办依据"),
                entry(
                    "{{ 督办依据 }}{% if 办理时限 %}。督办时为“{{ 环节 }}”，"
                    "本环节时限{{ 办理时限 }}，{{ 时限情况 }}{% endif %}。",
                    span=3,
                ),
            ),
            fields(
                label("承办单位"),
                entry("{{ 承办单位 }}"),
                label("协办单位"),
                entry("{{ 协办单位 }}"),
            ),
            fields(label("督办要求"), entry("{{ 督办要求 }}", span=3), height=22, whole=False),
            fields(
                label("反馈时限"), entry("{{ 反馈时限 }}"), label("督办人"), entry("{{ 督办人 }}")
            ),
            fields(label("签收"), signing("", span=3), height=18),
            fields(
                label("反馈情况"),
                entry(
                    "{{ 反馈内容 }}",
                    "{% if 反馈时间 %}{{ 反馈人 }}　{{ 反馈时间 }}{% endif %}",
                    span=3,
                ),
                height=26,
                whole=False,
            ),
            fields(
                label("审核意见"),
                signing("{{ 审核意见 }}", "{% if 审核人 %}{{ 审核人 }}{% endif %}", span=3),
                height=24,
            ),
            fields(
                label("销号"), entry("{{ 销号方式 }}"), label("销号时间"), entry("{{ 销号时间 }}")
            ),
        ],
        widths=FORM,
    )
    return paper.content()


def _urge() -> bytes:
    paper = Paper(PaperKind.URGE.label)
    paper.letter_head("{{ 发文单位 }}", "{{ 催办编号 }}")
    paper.title("催办通知")
    paper.addressee("{{ 被催办单位 }}")
    paper.body(
        "你单位承办的问题“{{ 标题 }}”（编号{{ 问题编号 }}，{{ 地点 }}{{ 网格 }}），"
        "于{{ 受理时间 }}受理，"
        "现为“{{ 环节 }}”{% if 办理时限 %}，本环节时限为{{ 办理时限 }}，{{ 时限情况 }}{% endif %}。"
        "现作第{{ 催办次数 }}次催办，要求如下："
    )
    paper.body("{{ 催办内容 }}")
    paper.body("请抓紧办理，并在平台反馈进展。")
    paper.sealed("{{ 发文单位 }}", "{{ 催办日期 }}")
    return paper.content()


def _extension() -> bytes:
    paper = Paper(PaperKind.EXTENSION.label, numbered=False)
    paper.title("问题办理延期审批表")
    paper.line("编号：{{ 申请编号 }}", size=FORM_SIZE)
    paper.form(
        [
            fields(
                label("问题"),
                entry(
                    "{{ 标题 }}（{{ 问题编号 }}）",
                    "{{ 地点 }}{{ 网格 }}　{{ 受理时间 }}受理",
                    span=3,
                ),
                height=16,
            ),
            fields(
                label("申请单位"),
                entry("{{ 申请单位 }}"),
                label("申请次数"),
                entry("第{{ 申请次数 }}次"),
            ),
            fields(
                label("申请人"), entry("{{ 申请人 }}"), label("申请时间"), entry("{{ 申请时间 }}")
            ),
            fields(
                label("原办理时限"),
                entry("{{ 原办理时限 }}"),
                label("申请延期至"),
                entry("{{ 申请延期至 }}{% if 延长天数 %}（延长{{ 延长天数 }}个工作日）{% endif %}"),
                height=14,
            ),
            fields(
                label("延期理由和后续计划"),
                entry("{{ 理由和计划 }}", span=3),
                height=36,
                whole=False,
            ),
            fields(label("申请单位负责人意见"), signing("", span=3), height=26),
            fields(
                label("{{ 审批岗位 }}审批意见"),
                signing(
                    "{% if 审批结果 %}审批结果：{{ 审批结果 }}{% endif %}",
                    "{{ 审批意见 }}",
                    "{% if 审批人 %}{{ 审批人 }}　{{ 审批时间 }}{% endif %}",
                    span=3,
                ),
                height=34,
            ),
            fields(
                label("批准后办理时限"),
                entry("{{ 新办理时限 }}"),
                label("批准后总时限"),
                entry("{{ 新总时限 }}{% if 原总时限 %}（原为{{ 原总时限 }}）{% endif %}"),
                height=14,
            ),
        ],
        widths=FORM,
    )
    paper.note(
        "延期每轮不超过两次，每次不超过十个工作日；第一次由派单员审批，第二次由分管领导审批。"
    )
    return paper.content()


def _ruling() -> bytes:
    paper = Paper(PaperKind.RULING.label)
    paper.head("{{ 发文单位 }}", "{{ 裁定编号 }}")
    paper.title("问题承办单位裁定书")
    paper.addressee("{{ 主送单位 }}")
    paper.body(
        "问题“{{ 标题 }}”（编号{{ 问题编号 }}，类别{{ 类别 }}，{{ 地点 }}{{ 网格 }}）"
        "于{{ 受理时间 }}受理。交办后，{{ 退回单位 }}于{{ 退回时间 }}提出退回"
        "（本件第{{ 退回次数 }}次）。经研究，现裁定如下："
    )
    paper.heading("退回的理由和依据")
    paper.body("{{ 退回单位 }}提出：{{ 退回原因 }}。{{ 退回依据 }}")
    paper.body("{%p if 建议单位 %}")
    paper.body("退回单位建议由{{ 建议单位 }}主办。")
    paper.body("{%p endif %}")
    paper.heading("裁定意见")
    paper.body("{{ 裁定意见 }}")
    paper.heading("裁定结论")
    paper.body("{{ 裁定效力 }}")
    paper.body("{%p if 办理时限 %}")
    paper.body("{{ 确定的单位 }}的办理时限为{{ 办理时限 }}。")
    paper.body("{%p endif %}")
    paper.sealed("{{ 发文单位 }}", "{{ 裁定日期 }}")
    paper.imprint("{{ 抄送单位 }}", "{{ 发文单位 }}", "{{ 裁定日期 }}")
    return paper.content()


WRITERS: dict[PaperKind, Callable[[], bytes]] = {
    PaperKind.WORK_ORDER: _work_order,
    PaperKind.SUPERVISION: _supervision,
    PaperKind.URGE: _urge,
    PaperKind.EXTENSION: _extension,
    PaperKind.RULING: _ruling,
}
