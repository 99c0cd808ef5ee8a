"""Papers of a case: what they say and to whom, their form, and the templates of an office."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from docx import Document
from docx.oxml.ns import qn

from core import attachments
from core.errors import NotAllowed, NotFoundHere, Refused, TooLarge
from core.models import AuditEntry
from issues.case import Case
from issues.choices import Action, Grade, Outcome, PaperKind, Source
from issues.models import Issue, PaperTemplate
from issues.papers import checking, of_case, rendering, templates
from issues.papers.contents import contents
from issues.papers.defaults import default_template
from issues.papers.of_case import papers_of
from issues.papers.reading import Reading
from issues.papers.tags import Rows, sample_of, tags_of
from people.choices import Role
from tests.api.phone import picture
from tests.cast import Cast, again, person
from tests.issues.moments import assigned, at, with_the_unit, with_two_departments

NOW = at("2025-06-02")
NAME, PHONE = "张桂兰", "12000000001"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def sign_in() -> Callable[[Any], Client]:
    def signed_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


# --- cases in which there is something to print ---


def photo(cast: Cast, colour: str = "navy") -> Any:
    return attachments.accept(SimpleUploadedFile("现场.jpg", picture(colour)), by=cast.wang_fang)


def complained_of(cast: Cast) -> Issue:
    """Reported by 王芳 for somebody who left name and telephone, and wrote both into the text."""
    issue = cast.report(
        at=at("2025-03-03"),
        source=Source.RESIDENT,
        contact_name=NAME,
        contact_phone=PHONE,
        text=f"{NAME}反映污水井盖松动，请回电{PHONE}，或 12011112222。",
        photos=[photo(cast)],
    )
    issue = cast.step(
        issue,
        Action.ESCALATE_TOWN,
        cast.wang_fang,
        at("2025-03-03", "11:00"),
        reason="beyond_power",
        text=f"已联系{NAME}。",
    )
    issue = cast.step(
        issue,
        Action.CONSULT,
        cast.chen_jing,
        at("2025-03-03", "13:00"),
        units=[cast.changqiao_works, cast.changqiao_patrol],
        text="会诊。",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "14:00"),
        lead_unit=cast.changqiao_works,
        co_units=[{"unit": cast.changqiao_patrol, "task": f"联系{NAME}，电话{PHONE}"}],
        text="更换井盖。",
    )
    return cast.step(issue, Action.ACKNOWLEDGE, cast.wu_yang, at("2025-03-04"))


def ended(cast: Cast) -> Issue:
    issue = complained_of(cast)
    steps: list[tuple[Action, Any, str, dict[str, Any]]] = [
        (
            Action.PROGRESS,
            cast.wu_yang,
            "2025-03-05",
            {"visibility": "internal", "text": "经费待批"},
        ),
        (Action.PROGRESS, cast.wu_yang, "2025-03-05", {"visibility": "public", "text": "已订货"}),
        (Action.CO_REPLY, cast.xu_lei, "2025-03-05", {"text": "已围挡"}),
        (
            Action.SUBMIT_COMPLETION,
            cast.wu_yang,
            "2025-03-06",
            {"outcome": Outcome.RESOLVED, "text": "井盖已更换", "photos": [photo(cast, "green")]},
        ),
        (Action.PASS_VERIFICATION, cast.shen_lan, "2025-03-07", {"text": "路面平整"}),
        (
            Action.RECORD_REVISIT,
            cast.han_mei,
            "2025-03-10",
            {"contact": "reached", "is_solved": True, "satisfaction": 5, "text": "表示感谢"},
        ),
    ]
    for action, by, day, data in steps:
        issue = cast.step(issue, action, by, at(day), **data)
    return issue


def supervised(cast: Cast) -> Issue:
    return cast.step(
        with_the_unit(cast),
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-17"),
        grade=Grade.KEY,
        limit_days=3,
        text="请说明原因，提出办结日期。",
    )


def asked_for_more_time(cast: Cast) -> Issue:
    return cast.step(
        with_the_unit(cast),
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-10"),
        until=date(2025, 3, 19),
        text="管材未到货，3 月 18 日前完成安装。",
    )


def returned(cast: Cast) -> Issue:
    return cast.step(
        assigned(cast),
        Action.REQUEST_RETURN,
        cast.zheng_hua,
        at("2025-03-03", "15:00"),
        reason="not_our_duty",
        suggested_unit=cast.changqiao_patrol,
        text="职责清单第 12 项。",
    )


def ruled(cast: Cast) -> Issue:
    """The second return of the case, decided by the town's leader: 执法局 has to do it."""
    issue = cast.step(
        returned(cast),
        Action.APPROVE_RETURN,
        cast.chen_jing,
        at("2025-03-03", "16:00"),
        text="同意",
    )
    issue = cast.step(
        issue,
        Action.ASSIGN,
        cast.chen_jing,
        at("2025-03-03", "16:10"),
        lead_unit=cast.changqiao_patrol,
        text="请办理。",
    )
    head = person("jin_bo", "金波", Role.UNIT_HEAD, cast.changqiao_patrol)
    issue = cast.step(
        issue,
        Action.REQUEST_RETURN,
        head,
        at("2025-03-03", "16:20"),
        reason="another_leads",
        text="市政设施由城建办牵头。",
    )
    return cast.step(
        issue,
        Action.ARBITRATE,
        cast.zhou_wei,
        at("2025-03-04", "16:20"),
        lead_unit=cast.changqiao_works,
        text="井盖属于市政设施，由城建办主办。",
    )


def paper(issue: Issue, kind: PaperKind, user: Any, seq: int | None = None) -> bytes:
    loaded = Issue.objects.with_detail_data().get(pk=issue.pk)
    return of_case.write(loaded, kind, seq, user=again(user), now=NOW).content


def text_of(content: bytes) -> str:
    """Everything that can be read in a file, the head and foot of its pages included."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        parts = [
            archive.read(name).decode()
            for name in archive.namelist()
            if re.fullmatch(r"word/(document|header\d*|footer\d*)\.xml", name)
        ]
    lines = re.sub(r"</w:p>", "\n", "\n".join(parts))
    return re.sub(r"<[^>]+>", "", lines)


def filled(kind: PaperKind) -> bytes:
    return rendering.fill(default_template(kind), sample_of(kind), title=kind.label)


# --- what they say ---


def test_the_work_order_tells_the_whole_case(cast: Cast) -> None:
    issue = ended(cast)

    content = paper(issue, PaperKind.WORK_ORDER, cast.chen_jing)

    text = text_of(content)
    for said in (
        issue.number,
        "长桥街道龙西社区",
        "污水管网",
        "长桥街道城建办",
        "吴洋 · 长桥街道城建办 承办经办",
        "2025-03-04 10:00",
        "井盖已更换",
        "核查通过：路面平整",
        "7 个工作日",
        "按期",
        "是否解决：是",
        "满意度：5 分",
        "2025年3月10日 10:00",
        "打印日期：2025年6月2日",
    ):
        assert said in text, said
    assert len(Document(BytesIO(content)).inline_shapes) == 2  # before and after


def test_what_is_for_insiders_alone_stays_out_of_the_work_order(cast: Cast) -> None:
    text = text_of(paper(ended(cast), PaperKind.WORK_ORDER, cast.chen_jing))

    assert "已订货" in text
    assert "经费待批" not in text


def test_who_complained_and_who_reported_is_masked_wherever_it_was_written(cast: Cast) -> None:
    issue = ended(cast)
    issue = cast.step(
        issue, Action.REOPEN, cast.xu_ning, at("2025-03-11"), reason="relapse", text="x"
    )
    issue = cast.step(
        issue,
        Action.SUPERVISE,
        cast.xu_ning,
        at("2025-03-11"),
        grade=Grade.GENERAL,
        text=f"请联系{NAME}（{PHONE}）。",
    )
    issue = cast.step(
        issue, Action.URGE, cast.chen_jing, at("2025-03-11"), text=f"{NAME}再次来电12011112222。"
    )

    papers = papers_of(Case.load(issue), issue.events.all(), upto=issue.event_count)
    assert {one.kind for one in papers} == {
        PaperKind.WORK_ORDER,
        PaperKind.SUPERVISION,
        PaperKind.URGE,
    }
    for one in papers:
        text = text_of(paper(issue, one.kind, cast.sun_li, one.seq))
        for secret in (NAME, PHONE, "12011112222", "王芳"):
            assert secret not in text, (one.kind, secret)
    work_order = text_of(paper(issue, PaperKind.WORK_ORDER, cast.sun_li))
    for shown in ("张*反映污水井盖松动", "120****0001", "120****2222", "王* · 龙西一格 网格员"):
        assert shown in work_order


def test_the_supervision_order_has_number_matter_requirement_and_limit(cast: Cast) -> None:
    issue = supervised(cast)

    text = text_of(paper(issue, PaperKind.SUPERVISION, cast.zheng_hua))

    for said in (
        "吴中区复杂区域治理工作专班",
        "督〔2025〕第1号",
        "重点督办",
        issue.title,
        "督查发现",
        "本环节时限2025年3月12日 17:30，已超期3个工作日",
        "长桥街道城建办",
        "请说明原因，提出办结日期。",
        "2025年3月20日 17:30",
        "许宁（吴中区 督查员）",
        "签字（盖章）",
    ):
        assert said in text, said
    assert "人工销号" not in text


def test_answer_and_end_of_a_supervision_come_onto_its_order(cast: Cast) -> None:
    issue = cast.step(
        supervised(cast), Action.ANSWER_SUPERVISION, cast.zheng_hua, at("2025-03-18"), text="已开工"
    )
    answered = text_of(paper(issue, PaperKind.SUPERVISION, cast.xu_ning))
    issue = cast.step(issue, Action.STRIKE_OFF, cast.xu_ning, at("2025-03-19"), text="整改到位")
    struck_off = text_of(paper(issue, PaperKind.SUPERVISION, cast.xu_ning))

    assert "已开工" in answered
    assert "郑华（长桥街道城建办 承办负责人）" in answered
    assert "整改到位" not in answered
    assert "整改到位" in struck_off
    assert "人工销号" in struck_off


def test_an_order_that_ended_with_its_case_says_so(cast: Cast) -> None:
    issue = supervised(cast)
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.zheng_hua, at("2025-03-18"), text="已开工"
    )
    issue = cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-18"),
        outcome=Outcome.RESOLVED,
        text="好了",
    )
    issue = cast.step(issue, Action.PASS_VERIFICATION, cast.shen_lan, at("2025-03-19"))

    text = text_of(paper(issue, PaperKind.SUPERVISION, cast.xu_ning))

    assert "随结案自动销号" in text
    assert "沈兰" not in text  # who closed the case did not examine the order


def test_the_notice_urges_who_had_the_case_and_says_how_late_it_was_then(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-14"), text="请尽快更换。"
    )
    first = issue.event_count
    issue = cast.step(issue, Action.URGE, cast.sun_li, at("2025-03-17"), text="再次催办。")
    issue = cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-18"),
        lead_unit=cast.changqiao_patrol,
        text="转办",
    )

    one = text_of(paper(issue, PaperKind.URGE, cast.chen_jing, first))
    two = text_of(paper(issue, PaperKind.URGE, cast.chen_jing, first + 1))

    assert "长桥街道办事处" in one
    assert "长桥街道城建办：" in one
    assert "2025年3月12日 17:30，已超期2个工作日" in one
    assert "第1次催办" in one
    assert "请尽快更换。" in one
    assert "2025年3月14日" in one
    assert "第2次催办" in two
    assert "吴中区复杂区域治理工作专班" in two


def test_a_notice_keeps_the_limit_of_its_day_when_it_is_extended_later(cast: Cast) -> None:
    issue = cast.step(
        with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-06"), text="请抓紧。"
    )
    seq = issue.event_count
    issue = cast.step(
        issue,
        Action.REQUEST_EXTENSION,
        cast.zheng_hua,
        at("2025-03-10"),
        until=date(2025, 3, 19),
        text="管材未到货",
    )
    issue = cast.step(
        issue, Action.APPROVE_EXTENSION, cast.chen_jing, at("2025-03-10"), text="同意"
    )

    text = text_of(paper(issue, PaperKind.URGE, cast.chen_jing, seq))

    assert "2025年3月12日 17:30，距到期还有4个工作日" in text


def test_the_extension_form_has_old_and_new_dates_reason_and_opinions(cast: Cast) -> None:
    issue = asked_for_more_time(cast)
    pending = text_of(paper(issue, PaperKind.EXTENSION, cast.zheng_hua))
    issue = cast.step(
        issue, Action.APPROVE_EXTENSION, cast.chen_jing, at("2025-03-11"), text="同意，抓紧。"
    )
    approved = text_of(paper(issue, PaperKind.EXTENSION, cast.zheng_hua))

    for said in (
        "第1次",
        "长桥街道城建办",
        "郑华（长桥街道城建办 承办负责人）",
        "2025年3月12日 17:30",
        "2025年3月19日（延长5个工作日）",
        "管材未到货",
        "派单员审批意见",
        "签字（盖章）",
    ):
        assert said in pending, said
        assert said in approved, said
    assert "审批结果" not in pending
    assert "审批结果：同意" in approved
    assert "同意，抓紧。" in approved
    assert "陈静（长桥街道 镇街派单员）" in approved
    assert "2025年3月19日 17:30" in approved
    approval = issue.approvals.get()
    assert approval.old_overall_due_at is not None
    assert f"（原为{approval.old_overall_due_at.astimezone(NOW.tzinfo):%Y}年" in approved


def test_a_refused_extension_moves_no_date(cast: Cast) -> None:
    issue = cast.step(
        asked_for_more_time(cast),
        Action.REFUSE_EXTENSION,
        cast.chen_jing,
        at("2025-03-11"),
        text="理由不足。",
    )

    text = text_of(paper(issue, PaperKind.EXTENSION, cast.zheng_hua))

    assert "审批结果：不同意" in text
    assert "理由不足。" in text
    assert "2025年3月19日 17:30" not in text


def test_an_extension_that_lapsed_has_nobodys_opinion(cast: Cast) -> None:
    issue = cast.step(
        asked_for_more_time(cast),
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-11"),
        outcome=Outcome.RESOLVED,
        text="井盖已更换",
    )

    text = text_of(paper(issue, PaperKind.EXTENSION, cast.zheng_hua))

    assert "审批结果：已失效" in text
    assert "井盖已更换" not in text
    assert "吴洋" not in text


def test_the_ruling_names_both_sides_the_ground_and_who_is_bound(cast: Cast) -> None:
    issue = ruled(cast)

    text = text_of(paper(issue, PaperKind.RULING, cast.sun_li, issue.event_count))

    for said in (
        "长桥街道办事处",
        "裁定第2次",
        "长桥街道执法局、长桥街道城建办：",
        "本件第2次",
        "职责清单明确由其他单位牵头",
        "市政设施由城建办牵头。",
        "井盖属于市政设施，由城建办主办。",
        "本件由长桥街道城建办主办",
        "不得再退回",
        "长桥街道城建办的办理时限为2025年3月13日 17:30",
        "2025年3月4日",
        "抄送：长桥街道龙西社区",
    ):
        assert said in text, said


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action.APPROVE_RETURN, "同意长桥街道城建办退回，由长桥街道办事处重新交办。"),
        (Action.REFUSE_RETURN, "驳回退回，本件仍由长桥街道城建办主办"),
    ],
)
def test_a_decision_on_a_first_return_is_a_ruling_too(
    cast: Cast, action: Action, said: str
) -> None:
    issue = cast.step(
        returned(cast), action, cast.chen_jing, at("2025-03-03", "16:00"), text="如此"
    )

    text = text_of(paper(issue, PaperKind.RULING, cast.chen_jing))

    assert said in text
    assert "不属于本单位职责" in text
    assert "退回单位建议由长桥街道执法局主办。" in text


def test_what_somebody_wrote_is_never_read_as_a_tag_or_as_markup(cast: Cast) -> None:
    words = "{{ 主办单位 }}{% for %} <w:p/>&amp; \x0b\x07“引号”\n第二段"
    issue = cast.step(
        with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-14"), text=words
    )

    document = Document(BytesIO(paper(issue, PaperKind.URGE, cast.chen_jing)))

    lines = [paragraph.text for paragraph in document.paragraphs]
    assert "{{ 主办单位 }}{% for %} <w:p/>&amp; “引号”" in lines
    assert "第二段" in lines


def test_a_photo_whose_file_is_gone_leaves_the_paper_whole(cast: Cast) -> None:
    issue = ended(cast)
    Path(issue.photos.earliest("id").attachment.file.path).unlink()

    document = Document(BytesIO(paper(issue, PaperKind.WORK_ORDER, cast.chen_jing)))

    assert len(document.inline_shapes) == 1


def test_every_tag_has_its_value_and_every_value_its_tag(cast: Cast) -> None:
    for issue, kind in (
        (ended(cast), PaperKind.WORK_ORDER),
        (supervised(cast), PaperKind.SUPERVISION),
        (
            cast.step(
                with_the_unit(cast), Action.URGE, cast.chen_jing, at("2025-03-14"), text="催"
            ),
            PaperKind.URGE,
        ),
        (asked_for_more_time(cast), PaperKind.EXTENSION),
        (ruled(cast), PaperKind.RULING),
    ):
        values = contents(kind, Reading(issue, upto=issue.event_count, now=NOW), issue.event_count)
        assert set(values) == {tag.name for tag in tags_of(kind)}
        for tag in tags_of(kind):
            if isinstance(tag, Rows):
                assert values[tag.name], tag.name
                columns = {column.name for column in tag.columns}
                assert all(set(row) == columns for row in values[tag.name])


# --- who gets which ---


def test_a_unit_that_left_gets_no_paper_about_later_things(cast: Cast) -> None:
    issue = with_the_unit(cast)
    issue = cast.step(issue, Action.URGE, cast.chen_jing, at("2025-03-05"), text="请抓紧。")
    urged = issue.event_count
    issue = cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-06"),
        lead_unit=cast.changqiao_patrol,
        text="转办",
    )
    issue = cast.step(issue, Action.ACKNOWLEDGE, cast.xu_lei, at("2025-03-06", "11:00"))
    issue = cast.step(issue, Action.URGE, cast.chen_jing, at("2025-03-07"), text="执法局请抓紧。")

    assert "请抓紧。" in text_of(paper(issue, PaperKind.URGE, cast.wu_yang, urged))
    with pytest.raises(NotFoundHere):
        paper(issue, PaperKind.URGE, cast.wu_yang, issue.event_count)
    order = text_of(paper(issue, PaperKind.WORK_ORDER, cast.wu_yang))
    assert "转办" in order
    assert "执法局请抓紧。" not in order
    assert "徐磊" not in order
    assert "2025-03-06 11:00" not in order  # when the next unit acknowledged
    assert "执法局请抓紧。" in text_of(paper(issue, PaperKind.WORK_ORDER, cast.xu_lei))


def test_an_answer_given_after_a_unit_left_is_not_on_its_copy_of_the_order(cast: Cast) -> None:
    issue = supervised(cast)
    ordered = issue.event_count
    issue = cast.step(
        issue,
        Action.TRANSFER,
        cast.chen_jing,
        at("2025-03-18"),
        lead_unit=cast.changqiao_patrol,
        text="转办",
    )
    issue = cast.step(
        issue, Action.ANSWER_SUPERVISION, cast.chen_jing, at("2025-03-19"), text="已换单位"
    )

    assert "已换单位" in text_of(paper(issue, PaperKind.SUPERVISION, cast.xu_ning, ordered))
    assert "已换单位" not in text_of(paper(issue, PaperKind.SUPERVISION, cast.wu_yang, ordered))


def test_the_page_of_a_case_lists_its_papers(cast: Cast, sign_in: Callable[[Any], Client]) -> None:
    issue = supervised(cast)
    page = sign_in(cast.chen_jing).get(issue.get_absolute_url()).content.decode()

    assert f"/issues/{issue.pk}/papers/work-order/" in page
    assert f"/issues/{issue.pk}/papers/supervision/{issue.event_count}/" in page
    assert "督办单 督〔2025〕第1号" in page


def test_a_paper_leaves_as_a_named_file_that_is_never_kept(
    cast: Cast, sign_in: Callable[[Any], Client]
) -> None:
    issue = supervised(cast)
    url = f"/issues/{issue.pk}/papers/supervision/{issue.event_count}/"

    response = sign_in(cast.chen_jing).get(url)

    content = b"".join(response.streaming_content)
    assert response["Content-Type"].endswith("wordprocessingml.document")
    assert (
        "attachment; filename*=utf-8''%E7%9D%A3%E5%8A%9E%E5%8D%95"
        in (response["Content-Disposition"])
    )
    assert "no-store" in response["Cache-Control"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "督〔2025〕第1号" in text_of(content)


@pytest.mark.parametrize("path", ["supervision/1/", "urge/99/", "nothing/1/", "ruling/0/"])
def test_a_paper_that_there_is_not_is_not_found(
    cast: Cast, sign_in: Callable[[Any], Client], path: str
) -> None:
    issue = supervised(cast)

    assert sign_in(cast.chen_jing).get(f"/issues/{issue.pk}/papers/{path}").status_code == 404


def test_who_does_not_see_the_case_gets_no_paper_of_it(
    cast: Cast, sign_in: Callable[[Any], Client]
) -> None:
    issue = supervised(cast)
    for path in ("work-order/", f"supervision/{issue.event_count}/"):
        assert sign_in(cast.tang_jie).get(f"/issues/{issue.pk}/papers/{path}").status_code == 404


def test_listing_the_papers_costs_the_same_for_few_and_for_many(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    issue = with_two_departments(cast)
    for day in range(6, 10):
        issue = cast.step(issue, Action.URGE, cast.sun_li, at(f"2025-03-{day:02}"), text="催办")

    case, steps = Case.load(issue), list(issue.events.all())
    with django_assert_num_queries(1):
        assert len(papers_of(case, steps, upto=issue.event_count)) == 5


# --- their form ---

EVERY = pytest.mark.parametrize("kind", list(PaperKind))


@EVERY
def test_the_page_is_that_of_the_standard(kind: PaperKind) -> None:
    section = Document(BytesIO(filled(kind))).sections[0]

    millimetres = [
        round(length.mm)
        for length in (
            section.page_width,
            section.page_height,
            section.top_margin,
            section.bottom_margin,
            section.left_margin,
            section.right_margin,
        )
    ]
    assert millimetres == [210, 297, 37, 35, 28, 26]


@EVERY
def test_fonts_are_named_and_none_is_embedded(kind: PaperKind) -> None:
    content = filled(kind)
    with zipfile.ZipFile(BytesIO(content)) as archive:
        names = archive.namelist()
        xml = archive.read("word/document.xml").decode()

    fonts = set(re.findall(r'w:eastAsia="([^"]+)"', xml))
    assert {"方正小标宋简体", "仿宋_GB2312"} <= fonts <= {"方正小标宋简体", "仿宋_GB2312", "黑体"}
    assert not [name for name in names if name.startswith("word/fonts/")]


@EVERY
def test_what_runs_over_pages_is_numbered_and_a_single_sheet_is_not(kind: PaperKind) -> None:
    section = Document(BytesIO(filled(kind))).sections[0]
    numbered = "PAGE" in section.footer._element.xml

    assert numbered is (kind not in (PaperKind.SUPERVISION, PaperKind.EXTENSION))


@pytest.mark.parametrize("kind", [PaperKind.URGE, PaperKind.RULING])
def test_a_letter_has_22_lines_of_28_characters(kind: PaperKind) -> None:
    document = Document(BytesIO(filled(kind)))

    grid = document.sections[0]._sectPr.find(qn("w:docGrid"))
    assert (grid.get(qn("w:type")), grid.get(qn("w:linePitch"))) == ("lines", "579")
    body = [p for p in document.paragraphs if p.text.endswith("如下：")]
    assert [p.paragraph_format.line_spacing.pt for p in body] == [28.95]
    assert "FF0000" in (document.sections[0].first_page_header._element.xml + document._element.xml)


@EVERY
def test_a_paper_names_no_author_and_no_tool(kind: PaperKind) -> None:
    properties = Document(BytesIO(filled(kind))).core_properties

    assert properties.author == properties.comments == properties.last_modified_by == ""
    assert properties.title == kind.label


def test_the_papers_open_as_pages(tmp_path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("no LibreOffice on this machine")
    for kind in PaperKind:
        (tmp_path / f"{kind}.docx").write_bytes(filled(kind))

    subprocess.run(
        [office, "--headless", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
         "--convert-to", "pdf", "--outdir", str(tmp_path),
         *(str(tmp_path / f"{kind}.docx") for kind in PaperKind)],
        check=True, capture_output=True, timeout=240,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip

    for kind in PaperKind:
        assert (tmp_path / f"{kind}.pdf").read_bytes().startswith(b"%PDF-"), kind


# --- templates: what an office may upload ---


def upload(content: bytes, name: str = "督办单.docx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def saying(*lines: str, header: str = "") -> bytes:
    """A template of these paragraphs."""
    document = Document()
    for line in lines:
        document.add_paragraph(line)
    if header:
        document.sections[0].header.paragraphs[0].text = header
    output = BytesIO()
    document.save(output)
    return output.getvalue()


def with_part(name: str, change: Callable[[str], str], content: bytes | None = None) -> bytes:
    """A template in which the text of one part was changed; an empty one is made."""
    output = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(content or saying("{{ 标题 }}"))) as source,
        zipfile.ZipFile(output, "w") as target,
    ):
        parts = {one: source.read(one) for one in source.namelist()}
        parts[name] = change(parts.get(name, b"").decode()).encode()
        for one, part in parts.items():
            target.writestr(one, part)
    return output.getvalue()


def refusal_of(content: bytes, kind: PaperKind = PaperKind.SUPERVISION) -> str:
    with pytest.raises(Refused) as refused:
        checking.read(upload(content), kind)
    return refused.value.message


@EVERY
def test_a_default_template_can_be_uploaded_as_it_was_downloaded(kind: PaperKind) -> None:
    content = checking.read(upload(default_template(kind)), kind)

    assert text_of(rendering.fill(content, sample_of(kind), title="")) == text_of(filled(kind))


def test_an_unknown_tag_is_named(cast: Cast) -> None:
    message = refusal_of(saying("{{ 督办编号 }}", "{{ 督办编码 }}{{ 环节.时间 }}"))

    assert "“督办编码”、“环节.时间”" in message
    assert "督办编号" not in message


def test_tags_of_another_kind_are_unknown(cast: Cast) -> None:
    assert "“裁定意见”" in refusal_of(saying("{{ 裁定意见 }}"))


def test_tags_in_the_head_of_a_page_are_checked_and_filled(cast: Cast) -> None:
    assert "“发文机关”" in refusal_of(saying("文", header="{{ 发文机关 }}"))

    content = checking.read(upload(saying("文", header="{{ 发文单位 }}")), PaperKind.SUPERVISION)
    text = text_of(rendering.fill(content, sample_of(PaperKind.SUPERVISION), title=""))
    assert "吴中区复杂区域治理工作专班" in text


@pytest.mark.parametrize(
    "line",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ 标题.__class__ }}",
        "{{ 标题['__class__'] }}",
        "{{ 标题.format(1) }}",
        "{{ range(9) }}",
        "{{ 标题|length }}",
        "{{ 标题 * 999999 }}",
        "{{ 标题 ~ 标题 }}",
        "{{ self }}",
        "{{ cycler('a') }}",
        "{% set x = 标题 %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% macro a() %}{% endmacro %}",
        "{% for x in 标题 %}{% endfor %}",
        "{% for x in [1, 2] %}{% endfor %}",
        "{% if 标题 is defined %}{% endif %}",
        "{% raw %}{{ x }}{% endraw %}{{ y }}",
        "{{r 标题 }}",
        "{{p 标题 }}",
        "{%tc for x in 标题 %}",
        "{%- if 标题 %}{% endif %}",
        "{{ 标题",
        "标题 }}",
        "{% if 标题 %}",
        "{% endfor %}",
        "{% cellbg 标题 %}",
        "｛｛ 标题 ｝｝",
        "{％ if 标题 ％}",
    ],
)
def test_what_is_not_a_plain_tag_is_refused(line: str) -> None:
    assert re.search("模板|标签|不能使用", refusal_of(saying(line)))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["{% for 环节 in 办理过程 %}{% for 单位 in 承办单位 %}{% endfor %}{% endfor %}"],
            "另一个循环里面",
        ),
        (["{{ 办理过程 }}"], "for 循环逐行写出"),
        (["{% for 标题 in 办理过程 %}{% endfor %}"], "写法不能使用"),
        (["{% for 环节 in 办理过程 %}", "{{ 环节.电话 }}{% endfor %}"], "“环节.电话”"),
        (["{% for 环节 in 过程 %}{% endfor %}"], "“过程”"),
    ],
)
def test_loops_go_over_known_lists_and_not_into_each_other(lines: list[str], said: str) -> None:
    assert said in refusal_of(saying(*lines), PaperKind.WORK_ORDER)


def test_a_loop_that_tears_a_table_apart_is_refused(cast: Cast) -> None:
    document = Document()
    document.add_table(rows=1, cols=1).cell(0, 0).text = "{% for 环节 in 办理过程 %}"
    document.add_paragraph("{{ 环节.动作 }}{% endfor %}")
    output = BytesIO()
    document.save(output)

    assert "跨过了表格" in refusal_of(output.getvalue(), PaperKind.WORK_ORDER)


def test_conditions_and_comparisons_are_possible(cast: Cast) -> None:
    template = saying(
        "{% if 督办等级 == “重点督办” and not 销号时间 %}重点{% else %}一般{% endif %}"
    )

    content = checking.read(upload(template), PaperKind.SUPERVISION)

    values = {**sample_of(PaperKind.SUPERVISION), "销号时间": ""}
    assert "重点" in text_of(rendering.fill(content, values, title=""))


RELATION = (
    '<Relationship Id="rId99" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/{}" Target="{}"{}/></Relationships>'
)


@pytest.mark.parametrize(
    ("kind", "target", "mode", "said"),
    [
        ("hyperlink", "https://example.org/", ' TargetMode="External"', "超链接"),
        ("image", "https://example.org/a.png", ' TargetMode="External"', "外部"),
        ("attachedTemplate", "file:///c:/a.dotm", ' TargetMode="External"', "附加的模板"),
        ("oleObject", "embeddings/a.bin", "", "嵌入的对象"),
        ("aFChunk", "a.html", "", "外部内容"),
        ("vbaProject", "vbaProject.bin", "", "宏"),
        ("font", "fonts/a.odttf", "", "字体"),
        ("comments", "comments.xml", "", "批注"),
        ("subDocument", "a.docx", "", "subDocument"),
    ],
)
def test_what_leads_out_of_the_file_or_runs_in_it_is_refused(
    kind: str, target: str, mode: str, said: str
) -> None:
    content = with_part(
        "word/_rels/document.xml.rels",
        lambda xml: xml.replace("</Relationships>", RELATION.format(kind, target, mode)),
    )

    assert said in refusal_of(content)


def test_a_file_with_macros_is_refused_by_its_type() -> None:
    content = with_part(
        "[Content_Types].xml",
        lambda xml: xml.replace(
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
            "application/vnd.ms-word.document.macroEnabled.main+xml",
        ),
    )

    assert "宏" in refusal_of(content)


FIELD = (
    '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>{}</w:instrText></w:r>'
    '<w:r><w:instrText>{}</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>'
)


def test_fields_other_than_page_numbers_are_refused() -> None:
    def field(first: str, rest: str) -> bytes:
        return with_part(
            "word/document.xml",
            lambda xml: xml.replace("<w:body>", "<w:body>" + FIELD.format(first, rest)),
        )

    for first, rest in ((" DDE", 'AUTO c:\\\\windows "x"'), ("INCLUDEPICTURE ", "x"), ("", "LINK")):
        assert "不能使用的域" in refusal_of(field(first, rest))
    checking.read(upload(field(" PA", "GE ")), PaperKind.SUPERVISION)


def test_revisions_have_to_be_accepted_first() -> None:
    content = with_part(
        "word/document.xml",
        lambda xml: xml.replace(
            "<w:body>", '<w:body><w:p><w:ins w:id="1" w:author="x"><w:r/></w:ins></w:p>'
        ),
    )

    assert "修订" in refusal_of(content)


def test_entities_are_refused() -> None:
    content = with_part(
        "word/document.xml",
        lambda xml: re.sub(
            r"(<\?xml[^>]+>)", r'\1<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', xml
        ),
    )

    assert "不正常" in refusal_of(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04", b"%PDF-1.7", picture(), with_part("word/document.xml", lambda x: "<w:")],
)
def test_what_is_no_word_file_is_refused(content: bytes) -> None:
    assert "docx" in refusal_of(content)


def test_a_huge_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge, match="2 MB"):
        checking.read(upload(b"x" * (checking.LARGEST_FILE + 1)), PaperKind.URGE)


def bomb(declared: int | None = None) -> bytes:
    """A template with 40 MB of zeros in it, packed into a few thousand bytes."""
    output = BytesIO(saying("{{ 标题 }}"))
    with zipfile.ZipFile(output, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/image1.png", bytes(40 * 1024 * 1024))
        if declared is not None:
            archive.infolist()[-1].file_size = declared  # what the directory will say
    return output.getvalue()


def test_a_zip_bomb_is_refused_also_when_it_lies_about_its_size() -> None:
    assert len(bomb()) < checking.LARGEST_FILE
    with pytest.raises(TooLarge, match="过大"):
        checking.read(upload(bomb()), PaperKind.SUPERVISION)
    assert "docx" in refusal_of(bomb(declared=1000))


def test_too_many_parts_are_refused() -> None:
    output = BytesIO(saying("{{ 标题 }}"))
    with zipfile.ZipFile(output, "a") as archive:
        for number in range(checking.MOST_PARTS):
            archive.writestr(f"word/media/{number}.png", b"")

    with pytest.raises(TooLarge):
        checking.read(upload(output.getvalue()), PaperKind.SUPERVISION)


# --- templates: in use ---


def test_what_an_office_changes_comes_out(cast: Cast) -> None:
    issue = supervised(cast)
    document = Document(BytesIO(default_template(PaperKind.SUPERVISION)))
    document.add_paragraph("联系人：督查科")
    output = BytesIO()
    document.save(output)

    template = templates.upload_template(
        PaperKind.SUPERVISION, upload(output.getvalue()), by=cast.sun_li
    )

    text = text_of(paper(issue, PaperKind.SUPERVISION, cast.zheng_hua))
    assert "联系人：督查科" in text
    assert "督〔2025〕第1号" in text
    assert (template.version, template.is_active, template.uploaded_by) == (1, True, cast.sun_li)
    assert template.file_name == "督办单.docx"


def test_versions_are_kept_and_any_of_them_can_be_used_again(cast: Cast) -> None:
    issue = supervised(cast)
    for line in ("第一版", "第二版"):
        templates.upload_template(PaperKind.SUPERVISION, upload(saying(line)), by=cast.sun_li)

    def printed() -> str:
        return text_of(paper(issue, PaperKind.SUPERVISION, cast.zheng_hua))

    assert "第二版" in printed()
    templates.use_template(PaperKind.SUPERVISION, 1, by=cast.sun_li)
    assert "第一版" in printed()
    templates.use_template(PaperKind.SUPERVISION, 0, by=cast.sun_li)
    assert "督〔2025〕第1号" in printed()
    assert PaperTemplate.objects.count() == 2
    assert not PaperTemplate.objects.filter(is_active=True).exists()


def test_each_change_of_templates_is_in_the_audit_trail(cast: Cast) -> None:
    template = templates.upload_template(
        PaperKind.URGE, upload(saying("{{ 催办内容 }}")), by=cast.sun_li
    )
    templates.use_template(PaperKind.URGE, 0, by=cast.sun_li)

    entries = AuditEntry.objects.filter(action__startswith="paper_template").order_by("id")
    assert [(e.action, e.actor, e.detail["version"]) for e in entries] == [
        ("paper_template.uploaded", cast.sun_li, 1),
        ("paper_template.used", cast.sun_li, 0),
    ]
    assert entries[0].target_id == str(template.pk)
    assert entries[0].detail["sha256"] == template.sha256


def test_a_refused_template_changes_nothing(cast: Cast) -> None:
    templates.upload_template(PaperKind.URGE, upload(saying("{{ 催办内容 }}")), by=cast.sun_li)
    with pytest.raises(Refused):
        templates.upload_template(PaperKind.URGE, upload(saying("{{ 不存在 }}")), by=cast.sun_li)

    assert PaperTemplate.objects.get().is_active


@pytest.mark.parametrize("who", ["chen_jing", "qian_jin", "xu_ning", "wang_fang", "he_jun"])
def test_only_the_task_force_changes_templates(cast: Cast, who: str) -> None:
    with pytest.raises(NotAllowed):
        templates.upload_template(PaperKind.URGE, upload(saying("x")), by=cast.people[who])
    with pytest.raises(NotAllowed):
        templates.use_template(PaperKind.URGE, 0, by=cast.people[who])


def test_the_database_knows_one_template_in_use(cast: Cast) -> None:
    first = templates.upload_template(PaperKind.URGE, upload(saying("x")), by=cast.sun_li)
    templates.upload_template(PaperKind.URGE, upload(saying("y")), by=cast.sun_li)

    with pytest.raises(IntegrityError), transaction.atomic():
        PaperTemplate.objects.filter(pk=first.pk).update(is_active=True)


def test_a_version_whose_tags_are_no_longer_known_is_not_put_to_use(cast: Cast) -> None:
    old = templates.upload_template(PaperKind.URGE, upload(saying("x")), by=cast.sun_li)
    PaperTemplate.objects.filter(pk=old.pk).update(content=saying("{{ 旧标签 }}"), is_active=False)

    with pytest.raises(Refused, match="“旧标签”"):
        templates.use_template(PaperKind.URGE, old.version, by=cast.sun_li)
    assert not PaperTemplate.objects.filter(is_active=True).exists()


def test_a_template_that_no_longer_fits_says_so_instead_of_failing(
    cast: Cast, sign_in: Callable[[Any], Client]
) -> None:
    issue = supervised(cast)
    templates.upload_template(PaperKind.SUPERVISION, upload(saying("x")), by=cast.sun_li)
    PaperTemplate.objects.update(content=saying("{{ 旧标签 }}"))

    url = f"/issues/{issue.pk}/papers/supervision/{issue.event_count}/"
    response = sign_in(cast.chen_jing).get(url)

    assert response.status_code == 422
    assert "恢复默认模板" in response.content.decode()


# --- the pages of the templates ---


def test_the_page_explains_each_tag(cast: Cast, sign_in: Callable[[Any], Client]) -> None:
    client = sign_in(cast.sun_li)
    for kind in PaperKind:
        page = client.get(f"/issues/papers/templates/{kind}/").content.decode()
        for tag in tags_of(kind):
            if isinstance(tag, Rows):
                assert f"for {tag.each} in {tag.name}" in page
                assert all(f"{{{{ {tag.each}.{one.name} }}}}" in page for one in tag.columns)
            else:
                assert f"{{{{ {tag.name} }}}}" in page
                assert tag.meaning in page


def test_uploading_and_restoring_on_the_page(cast: Cast, sign_in: Callable[[Any], Client]) -> None:
    client = sign_in(cast.sun_li)
    url = "/issues/papers/templates/urge/"

    response = client.post(
        f"{url}upload/", {"file": upload(saying("{{ 催办内容 }}"), "新.docx")}, follow=True
    )
    assert "催办通知模板第 1 版已启用" in response.content.decode()
    listed = client.get("/issues/papers/templates/").content.decode()
    assert "第 1 版" in listed
    sample = client.get(f"{url}1/sample/")
    assert "请尽快办理，并报告进展。" in text_of(b"".join(sample.streaming_content))
    own = client.get(f"{url}1/")
    assert "{{ 催办内容 }}" in text_of(b"".join(own.streaming_content))

    response = client.post(f"{url}use/", {"version": "0"}, follow=True)
    assert "已恢复默认模板" in response.content.decode()
    assert client.get(f"{url}2/").status_code == 404


def test_a_refusal_is_shown_on_the_page(cast: Cast, sign_in: Callable[[Any], Client]) -> None:
    client = sign_in(cast.sun_li)
    url = "/issues/papers/templates/urge/"

    wrong = client.post(f"{url}upload/", {"file": upload(saying("{{ 催办人名 }}"))})
    assert wrong.status_code == 422
    assert "不认识的标签：“催办人名”" in wrong.content.decode()
    assert client.post(f"{url}upload/").status_code == 400
    assert client.post(f"{url}use/", {"version": "x"}).status_code == 400
    assert client.post(f"{url}use/", {"version": "7"}).status_code == 404
