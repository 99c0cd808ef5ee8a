"""What was done to the history of cases behind the platform's back is found."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import AuditEntry
from issues import anchors, chain, tasks
from issues.choices import Action, Level, Status
from issues.models import Anchor, AnchoredHead, EventText, Issue, IssueEvent
from issues.trail import Trail
from tests.cast import Cast, assemble
from tests.issues.moments import at, in_town_triage, submitted, with_the_unit

# PostgreSQL takes neither NUL nor lone surrogates.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))

HISTORY = ("issues_issueevent", "issues_anchor", "issues_anchoredhead")


@contextmanager
def behind_the_platform() -> Iterator[CursorWrapper]:
    """As the owner of the database, with triggers and foreign keys switched off."""
    with connection.cursor() as cursor:
        # What the test itself has written is checked now, while it is still whole.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield cursor
        cursor.execute("SET LOCAL session_replication_role = origin")


def found(issue: Issue | None = None, noted: dict[int, str] | None = None) -> list[str]:
    """All findings, or those about one case, as the command prints them."""
    tally = chain.Tally()
    if issue:
        findings = [*chain.verify_cases(tally, issue=issue), *anchors.verify_heads(issue)]
    else:
        findings = [
            *chain.verify_cases(tally),
            *anchors.verify_anchors(tally, noted=noted or {}),
        ]
    return [str(finding) for finding in findings]


@pytest.fixture
def issue(cast: Cast) -> Issue:
    """A case with seven events, beside another one that nobody touches."""
    in_town_triage(cast)
    issue = cast.step(
        submitted(cast),
        Action.FAIL_VERIFICATION,
        cast.shen_lan,
        at("2025-03-07"),
        reason="not_done",
        text="现场未完成。",
    )
    return cast.step(
        issue,
        Action.SUBMIT_COMPLETION,
        cast.wu_yang,
        at("2025-03-10"),
        outcome="resolved",
        text="已返工完成。",
    )


def event(issue: Issue, seq: int) -> Any:
    return IssueEvent.objects.filter(issue=issue, seq=seq)


def cut_off_after(issue: Issue, seq: int) -> None:
    """Remove the tail and say on the case that it was never there."""
    last = event(issue, seq).get()
    with behind_the_platform():
        IssueEvent.objects.filter(issue=issue, seq__gt=seq).delete()
        Issue.objects.filter(pk=issue.pk).update(
            event_count=seq, head_hash=last.hash, level=last.to_level, status=last.to_status
        )


def write_anew(issue: Issue) -> None:
    """Tell another story from the second event on, with every hash in order."""
    head = ""
    with behind_the_platform():
        for row in IssueEvent.objects.filter(issue=issue).order_by("seq"):
            row.prev_hash = head
            if row.seq == 2:
                row.at -= timedelta(hours=1)
            row.hash = head = chain.digest_of_event(row)
            event(issue, row.seq).update(at=row.at, prev_hash=row.prev_hash, hash=row.hash)
        Issue.objects.filter(pk=issue.pk).update(head_hash=head)


def vanish(issue: Issue, *, with_events: bool = True) -> None:
    with behind_the_platform() as cursor:
        if with_events:
            cursor.execute("DELETE FROM issues_issueevent WHERE issue_id = %s", [issue.pk])
        cursor.execute("DELETE FROM issues_clock WHERE issue_id = %s", [issue.pk])
        cursor.execute("DELETE FROM issues_assignment WHERE issue_id = %s", [issue.pk])
        cursor.execute("DELETE FROM issues_issue WHERE id = %s", [issue.pk])


# --- a case's own chain ---


def test_a_history_that_nobody_touched_has_no_findings(issue: Issue) -> None:
    anchors.set_anchor()
    assert issue.event_count == 7
    assert found() == []
    assert found(issue) == []


def test_the_reference_district_has_no_findings(reference_db: None) -> None:
    anchors.set_anchor()
    tally = chain.Tally()
    assert [*chain.verify_cases(tally), *anchors.verify_anchors(tally, noted={})] == []
    assert tally.cases == Issue.objects.count() > 0
    assert tally.events == IssueEvent.objects.count()


CHANGES = {
    "action": st.sampled_from(Action.values),
    "at": st.timedeltas(timedelta(microseconds=1), timedelta(days=400)).map(
        lambda moved: at("2025-03-31") + moved
    ),
    "actor_id": st.none() | st.integers(1, 40),
    "posting_id": st.none() | st.integers(1, 40),
    "from_level": st.sampled_from(["", *Level.values]),
    "from_status": st.sampled_from(["", *Status.values]),
    "to_level": st.sampled_from(Level.values),
    "to_status": st.sampled_from(Status.values),
    "data": st.dictionaries(st.sampled_from(["reason", "limit_days"]), st.integers(0, 9)),
    "text_id": st.none(),
    "text_sha256": st.text("0123456789abcdef", max_size=64),
    "prev_hash": st.text("0123456789abcdef", max_size=64),
    "hash": st.text("0123456789abcdef", max_size=64),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_event_is_found(issue: Issue, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, issue.event_count))
    field = data.draw(st.sampled_from(sorted(CHANGES)))
    value = data.draw(CHANGES[field])
    before = event(issue, seq).values_list(field, flat=True).get()
    with transaction.atomic():
        with behind_the_platform():
            event(issue, seq).update(**{field: value})
        assert bool(found(issue)) == (value != before)
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"reason": "several_units"}},
        {"actor_id": F("actor_id") + 1},
        {"at": F("at") + timedelta(minutes=1)},
        {"to_status": Status.CLOSED},
        {"text_sha256": "0" * 64},
    ],
)
def test_a_changed_event_is_named(issue: Issue, change: dict[str, Any]) -> None:
    with behind_the_platform():
        event(issue, 2).update(**change)
    assert f"{issue.number} 第 2 条：内容与摘要不符，已被改动。" in found()


@given(
    words=st.lists(TEXT, min_size=7, max_size=7),
    numbers=st.lists(st.none() | st.integers(1), min_size=2, max_size=2),
    data=st.dictionaries(TEXT, TEXT | st.integers() | st.none() | st.booleans()),
)
def test_what_is_hashed_is_the_canonical_json_of_all_that_the_event_says(
    words: list[str], numbers: list[int | None], data: dict[str, Any]
) -> None:
    """Whatever the words are, quotes and braces too: no two events say the same."""
    action, from_level, from_status, to_level, to_status, text_sha256, prev_hash = words
    row = IssueEvent(
        issue_id=5,
        seq=3,
        action=action,
        at=at("2025-03-03", "10:00"),
        actor_id=numbers[0],
        posting_id=numbers[1],
        from_level=from_level,
        from_status=from_status,
        to_level=to_level,
        to_status=to_status,
        data=data,
        text_id=uuid.UUID(int=7),
        text_sha256=text_sha256,
        prev_hash=prev_hash,
    )
    content = {
        "issue": 5,
        "seq": 3,
        "action": action,
        "at": "2025-03-03T02:00:00.000000+00:00",
        "actor": numbers[0],
        "posting": numbers[1],
        "from": [from_level, from_status],
        "to": [to_level, to_status],
        "data": data,
        "text": "00000000-0000-0000-0000-000000000007",
        "text_sha256": text_sha256,
    }
    said = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert chain.digest_of_event(row) == hashlib.sha256(f"{prev_hash}{said}".encode()).hexdigest()


def test_changed_words_are_found(issue: Issue) -> None:
    with behind_the_platform():
        EventText.objects.filter(event__issue=issue, event__seq=3).update(body="不必更换。")
    assert found() == [f"{issue.number} 第 3 条：文字与摘要不符，已被改动。"]


def test_lost_words_are_found(issue: Issue) -> None:
    with behind_the_platform() as cursor:
        text_id = event(issue, 3).get().text_id
        cursor.execute("DELETE FROM issues_eventtext WHERE id = %s", [text_id])
    assert found() == [f"{issue.number} 第 3 条：文字已丢失。"]


def test_words_that_were_emptied_by_hand_are_found(issue: Issue) -> None:
    EventText.objects.filter(event__issue=issue, event__seq=3).update(body="", salt="")
    assert found() == [f"{issue.number} 第 3 条：文字被清空，但没有匿名化的审计记录。"]


@pytest.mark.parametrize(
    ("gone", "said"),
    [([1], "缺少第 1 条"), ([4], "缺少第 4 条"), ([4, 5], "缺少第 4 至 5 条")],
)
def test_missing_events_are_found(issue: Issue, gone: list[int], said: str) -> None:
    with behind_the_platform():
        IssueEvent.objects.filter(issue=issue, seq__in=gone).delete()
    assert found() == [f"{issue.number}：{said}办理记录。"]


def test_a_cut_off_tail_is_found(issue: Issue) -> None:
    with behind_the_platform():
        IssueEvent.objects.filter(issue=issue, seq__gte=6).delete()
    assert found() == [f"{issue.number}：末尾缺少第 6 至 7 条办理记录。"]


def test_events_that_changed_places_are_found(issue: Issue) -> None:
    with behind_the_platform():
        event(issue, 3).update(seq=99)
        event(issue, 4).update(seq=3)
        event(issue, 99).update(seq=4)
    assert found() == [
        f"{issue.number} 第 3 条：与上一条不衔接。",
        f"{issue.number} 第 3 条：内容与摘要不符，已被改动。",
        f"{issue.number} 第 4 条：与上一条不衔接。",
        f"{issue.number} 第 4 条：内容与摘要不符，已被改动。",
        f"{issue.number} 第 5 条：与上一条不衔接。",
    ]


def test_an_event_that_was_slipped_in_is_found(issue: Issue) -> None:
    forged = event(issue, 7).get()
    forged.pk, forged.seq, forged.text = None, 8, None
    forged.save()
    assert found() == [
        f"{issue.number} 第 8 条：与上一条不衔接。",
        f"{issue.number} 第 8 条：内容与摘要不符，已被改动。",
        f"{issue.number}：问题上登记的办理记录为 7 条，实有至第 8 条。",
    ]


def test_a_status_set_without_an_event_is_found(issue: Issue) -> None:
    Issue.objects.filter(pk=issue.pk).update(status=Status.HANDLING)
    assert found() == [f"{issue.number}：问题的层级或状态与末条办理记录不符，已被改动。"]


def test_a_case_without_any_event_is_found(issue: Issue) -> None:
    with behind_the_platform():
        IssueEvent.objects.filter(issue=issue).delete()
        Issue.objects.filter(pk=issue.pk).update(event_count=0, head_hash="")
    assert found() == [f"{issue.number}：没有任何办理记录。"]


def test_events_whose_case_vanished_are_found(issue: Issue) -> None:
    vanish(issue, with_events=False)
    assert found() == [f"内部编号 {issue.pk}：问题已消失，只剩 7 条办理记录。"]


# --- anchors ---


def test_only_an_anchor_tells_of_a_tail_cut_off_with_its_count(issue: Issue) -> None:
    with transaction.atomic():
        cut_off_after(issue, 5)
        assert found() == []
        transaction.set_rollback(True)

    anchors.set_anchor()
    cut_off_after(issue, 5)
    said = f"{issue.number} 第 7 条：存证 1 记有这一条，现已不存在。"
    assert found() == [said]
    assert found(issue) == [said]


def test_what_was_cut_off_stays_missed_at_every_later_anchor(issue: Issue) -> None:
    anchors.set_anchor()
    cut_off_after(issue, 5)
    assert anchors.set_anchor().cases == 0
    assert found() == [f"{issue.number} 第 7 条：存证 1 记有这一条，现已不存在。"]


def test_a_history_written_anew_is_found(issue: Issue) -> None:
    with transaction.atomic():
        write_anew(issue)
        assert found() == []
        transaction.set_rollback(True)

    anchors.set_anchor()
    write_anew(issue)
    assert found() == [f"{issue.number} 第 7 条：与存证 1 所记不符，办理记录被改写。"]


def test_a_vanished_case_is_named(issue: Issue) -> None:
    anchors.set_anchor()
    vanish(issue)
    assert found() == [f"{issue.number}：问题已消失，存证 1 记有它的 7 条办理记录。"]


def test_a_case_under_another_number_is_found(issue: Issue) -> None:
    anchors.set_anchor()
    Issue.objects.filter(pk=issue.pk).update(number="20990101-00001")
    assert found() == [f"{issue.number}：编号被改为 20990101-00001，与存证 1 所记不符。"]


def test_a_case_that_vanished_with_its_heads_is_missed_by_the_anchor(issue: Issue) -> None:
    anchors.set_anchor()
    vanish(issue)
    with behind_the_platform():
        AnchoredHead.objects.filter(issue_id=issue.pk).delete()
    assert found() == ["存证 1：内容与摘要不符，存证或其明细已被改动。"]


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Anchor, {"at": F("at") + timedelta(days=1)}),
        (Anchor, {"cases": 5}),
        (AnchoredHead, {"event_count": F("event_count") + 40}),
        (AnchoredHead, {"head_hash": "0" * 64}),
        (AnchoredHead, {"number": "20990101-00001"}),
    ],
)
def test_a_changed_anchor_is_found(issue: Issue, model: Any, change: dict[str, Any]) -> None:
    anchors.set_anchor()
    with behind_the_platform():
        model.objects.all().update(**change)
    assert "存证 1：内容与摘要不符，存证或其明细已被改动。" in found()


def three_anchors(cast: Cast) -> list[Anchor]:
    return [(with_the_unit(cast), anchors.set_anchor())[1] for _ in range(3)]


def remove_anchors(*numbers: int) -> None:
    with behind_the_platform():
        AnchoredHead.objects.filter(anchor_id__in=numbers).delete()
        Anchor.objects.filter(number__in=numbers).delete()


def test_a_removed_anchor_is_found(cast: Cast) -> None:
    three_anchors(cast)
    remove_anchors(2)
    assert found() == [
        "存证 2：已消失。",
        "存证 2：审计记录中有，存证已消失或已被改动。",
    ]


def test_anchors_cut_off_at_the_end_are_in_the_audit_trail(cast: Cast) -> None:
    three_anchors(cast)
    remove_anchors(2, 3)
    assert found() == [
        "存证 2：审计记录中有，存证已消失或已被改动。",
        "存证 3：审计记录中有，存证已消失或已被改动。",
    ]


def test_heads_without_their_anchor_are_found(cast: Cast) -> None:
    three_anchors(cast)
    with behind_the_platform() as cursor:
        cursor.execute("DELETE FROM issues_anchor WHERE number = 3")
    assert "存证 3：已消失，只剩 1 条明细。" in found()


def test_an_anchor_that_the_audit_trail_does_not_know_is_found(issue: Issue) -> None:
    anchors.set_anchor()
    with behind_the_platform():
        AuditEntry.objects.filter(action=Trail.ANCHORED).delete()
    assert found() == ["存证 1：没有相应的审计记录。"]


def test_a_hash_kept_elsewhere_tells_of_anchors_made_anew(issue: Issue) -> None:
    noted = {anchor.number: anchor.hash for anchor in [anchors.set_anchor()]}
    assert found(noted=noted) == []

    # Everything that is in the database, written anew.
    remove_anchors(1)
    with behind_the_platform():
        AuditEntry.objects.filter(action=Trail.ANCHORED).delete()
    write_anew(issue)
    assert found(noted=noted) == ["存证 1：另行记有摘要，存证已消失。"]

    anchors.set_anchor()
    assert found() == []
    assert found(noted=noted) == ["存证 1：与另行记下的摘要不符。"]


def test_an_anchor_holds_the_cases_that_have_grown_since_the_last(cast: Cast) -> None:
    quiet, busy = in_town_triage(cast), with_the_unit(cast)
    assert anchors.set_anchor().cases == 2
    cast.step(busy, Action.SUBMIT_COMPLETION, cast.wu_yang, outcome="resolved", text="完成。")
    assert anchors.set_anchor().cases == 1
    assert anchors.set_anchor().cases == 0

    heads = AnchoredHead.objects.order_by("anchor_id", "issue_id")
    assert list(heads.values_list("anchor_id", "issue_id", "event_count")) == [
        (1, quiet.pk, 2),
        (1, busy.pk, 4),
        (2, busy.pk, 5),
    ]
    assert found() == []


def test_the_nightly_task_tells_log_and_audit_trail_the_hash(
    issue: Issue, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="issues.anchors"):
        tasks.anchor_chains()
    anchor = Anchor.objects.get()
    assert f"anchor 1:{anchor.hash} over 2 cases" in caplog.text
    entry = AuditEntry.objects.get(action=Trail.ANCHORED)
    assert (entry.target_id, entry.detail) == ("1", {"sha256": anchor.hash})


def test_a_step_under_way_belongs_to_the_next_anchor(committed_db: str) -> None:
    cast = assemble()
    slow, quick = in_town_triage(cast), in_town_triage(cast)
    taken, anchored = threading.Event(), threading.Event()

    def slow_step() -> None:
        try:
            with transaction.atomic():
                cast.step(slow, Action.CONSULT, cast.chen_jing, units=[], text="再议。")
                taken.set()
                assert anchored.wait(60)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow_step)
        assert taken.wait(60)
        cast.step(quick, Action.CONSULT, cast.chen_jing, units=[], text="再议。")
        anchors.set_anchor()
        anchored.set()
        running.result()
    anchors.set_anchor()

    heads = AnchoredHead.objects.order_by("anchor_id", "issue_id")
    assert list(heads.values_list("anchor_id", "issue_id", "event_count")) == [
        (1, slow.pk, 2),
        (1, quick.pk, 3),
        (2, slow.pk, 3),
    ]
    assert found() == []


def test_anchors_set_at_once_follow_each_other(committed_db: str) -> None:
    cast = assemble()
    in_town_triage(cast)

    def set_one(_: int) -> int:
        try:
            return anchors.set_anchor().cases
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(set_one, range(4))) == [0, 0, 0, 1]
    assert list(Anchor.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
    assert found() == []


# --- what the database refuses ---


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET issue_id = 0", "DELETE FROM {}", "TRUNCATE {}", "TRUNCATE {} CASCADE"],
)
def test_the_database_refuses_to_change_history(issue: Issue, table: str, statement: str) -> None:
    anchors.set_anchor()
    column = "cases" if table == "issues_anchor" else "issue_id"
    statement = statement.format(table).replace("issue_id", column)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        # Before its triggers are asked, a table that others refer to refuses a plain TRUNCATE.
        refusal = "pgtrigger: Cannot|referenced in a foreign key"
        with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
            cursor.execute(statement)
    assert found() == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE issues_eventtext SET body = '不必更换。'",
        "UPDATE issues_eventtext SET salt = ''",
        "UPDATE issues_eventtext SET body = ''",
        "UPDATE issues_eventtext SET id = gen_random_uuid(), body = '', salt = ''",
        "DELETE FROM issues_eventtext",
        "TRUNCATE issues_eventtext",
        "TRUNCATE issues_eventtext CASCADE",
    ],
)
def test_the_database_refuses_to_change_or_delete_words(issue: Issue, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        refusal = "pgtrigger: Cannot|referenced in a foreign key"
        with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
            cursor.execute(statement)
    assert found() == []


# --- the command ---


def verify(*arguments: str) -> str:
    output = StringIO()
    call_command("verify_chain", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_says_what_it_has_looked_at_and_the_last_anchor(issue: Issue) -> None:
    assert verify() == "查验了 2 件问题的 9 条办理记录和 0 个存证，没有发现异常。\n"
    anchor = anchors.set_anchor(at("2025-03-11", "02:30"))
    assert verify() == (
        "查验了 2 件问题的 9 条办理记录和 1 个存证，没有发现异常。\n"
        f"最近的存证（2025-03-11 02:30）：1:{anchor.hash}\n"
    )
    assert verify("--issue", issue.number) == "查验了 1 件问题的 7 条办理记录，没有发现异常。\n"


def test_the_command_prints_each_finding_and_fails(issue: Issue) -> None:
    with behind_the_platform():
        event(issue, 2).update(data={})
        event(issue, 5).delete()
    other = Issue.objects.exclude(pk=issue.pk).get()
    output = StringIO()
    with pytest.raises(CommandError) as failed:
        call_command("verify_chain", stdout=output)
    assert failed.value.returncode == 1
    assert str(failed.value) == "查验了 2 件问题的 8 条办理记录和 0 个存证，发现 2 处异常。"
    assert output.getvalue().splitlines() == [
        f"{issue.number} 第 2 条：内容与摘要不符，已被改动。",
        f"{issue.number}：缺少第 5 条办理记录。",
    ]
    assert verify("--issue", other.number).startswith("查验了 1 件问题的 2 条办理记录，没有")


def test_the_command_compares_with_a_noted_anchor(issue: Issue) -> None:
    anchor = anchors.set_anchor()
    assert "没有发现异常" in verify("--anchor", f"1:{anchor.hash}")
    with pytest.raises(CommandError, match="发现 1 处异常"):
        verify("--anchor", f"1:{'0' * 64}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--issue", "20990101-00001"], "没有编号为 20990101-00001 的问题"),
        (["--anchor", "1"], "应为“存证号:64 位摘要”"),
        (["--anchor", f"0:{'0' * 64}"], "应为“存证号:64 位摘要”"),
    ],
)
def test_the_command_refuses_what_it_cannot_look_up(
    issue: Issue, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError, match=message):
        verify(*arguments)


def test_one_case_is_not_compared_with_a_noted_anchor(issue: Issue) -> None:
    anchor = anchors.set_anchor()
    with pytest.raises(CommandError, match="不能同时使用"):
        verify("--issue", issue.number, "--anchor", f"1:{anchor.hash}")


def test_the_number_of_queries_does_not_grow(cast: Cast) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            verify()
        return len(captured)

    three_anchors(cast)
    before = queries()
    for _ in range(9):
        three_anchors(cast)
    assert Issue.objects.count() == Anchor.objects.count() == 30
    assert queries() == before
