"""The audit trail is the audit administrator's to read, and nobody's to change."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core import audit
from core.models import AuditEntry
from governance.audit import ACTIONS, target_types
from people.trail import Trail
from tests.governance.test_admin_access import EVERYBODY


@pytest.fixture
def auditor(client, cast):
    client.force_login(cast.bai_jie)
    return client


@pytest.mark.parametrize("name", EVERYBODY)
def test_only_the_audit_administrator_reads_it(client, cast, name):
    client.force_login(cast.people[name])
    assert client.get("/audit/").status_code == (200 if name == "bai_jie" else 403)


def test_who_is_not_signed_in_is_led_to_the_sign_in_page(client, db):
    assert client.get("/audit/").url == "/login/?next=/audit/"


def test_it_takes_no_writes(auditor):
    assert auditor.post("/audit/").status_code == 405


def test_an_entry_says_who_did_what_to_whom(auditor, cast):
    audit.record(by=cast.ma_chao, action=Trail.PASSWORD_RESET, target=cast.wang_fang)
    page = auditor.get("/audit/").text
    assert "马超（ma_chao）" in page
    assert "重置密码" in page
    assert "王芳（wang_fang）" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("actor=ma_chao", {"account.renamed"}),
        ("actor=马超", {"account.renamed"}),
        ("actor=nobody", set()),
        ("action=posting.ended", {"posting.ended"}),
        ("target_type=people.posting", {"posting.ended"}),
        ("day_from=2025-03-04", {"posting.ended"}),
        ("day_to=2025-03-03", {"account.renamed"}),
        ("day_from=2025-03-03&day_to=2025-03-04", {"account.renamed", "posting.ended"}),
    ],
)
def test_entries_are_found_by_actor_action_target_and_day(
    auditor, cast, time_machine, query, expected
):
    time_machine.move_to("2025-03-03T23:59:00+08:00")
    audit.record(by=cast.ma_chao, action="account.renamed", target=cast.wang_fang)
    time_machine.move_to("2025-03-04T00:00:00+08:00")
    audit.record(by=cast.ding_yi, action="posting.ended", target=cast.ma_li.postings.get())
    rows = auditor.get(f"/audit/?{query}").context["page"].rows
    assert {row.action for row in rows} - {Trail.SIGNED_IN} == expected


def test_one_may_ask_for_what_entries_are_about_and_for_no_inner_part(auditor):
    filters = {one.name: one.field for one in auditor.get("/audit/").context["filters"]}
    offered = [label for _, label in filters["target_type"].choices]
    assert {"问题", "用户", "会议", "工作日历"} <= set(offered)
    assert not {"数据版本", "检索条目", "area community"} & set(offered)


@pytest.mark.parametrize("query", ["action=unknown", "day_from=2025-13-40", "sort=actor"])
def test_an_unknown_filter_value_is_a_bad_request(auditor, query):
    assert auditor.get(f"/audit/?{query}").status_code == 400


def test_every_action_that_is_recorded_has_a_name():
    """Codes written as text in a call of audit.record; the others come from the apps' own lists."""
    root = Path(settings.BASE_DIR)
    apps = ("core", "areas", "people", "issues", "projects", "meetings", "governance")
    sources = [path.read_text() for app in apps for path in (root / app).rglob("*.py")]
    recorded = {
        code
        for source in sources
        for call in re.findall(r"audit\.record\((.*?)\n", source.replace("\n        ", " "))
        for code in re.findall(r'action="([^"]+)"', call)
    }
    assert recorded
    assert recorded <= set(ACTIONS)


def test_the_number_of_queries_does_not_grow_with_the_entries(auditor, cast):
    def queries():
        auditor.get("/audit/")  # what is kept in memory is read
        with CaptureQueriesContext(connection) as captured:
            assert auditor.get("/audit/").status_code == 200
        return len(captured)

    def write(number):
        for _ in range(number):
            audit.record(by=cast.ma_chao, action=Trail.RENAMED, target=cast.wang_fang)

    write(3)
    before = queries()
    write(27)
    assert queries() == before


def test_whatever_a_district_has_on_record_may_be_asked_for(reference_db):
    recorded = set(AuditEntry.objects.values_list("target_type", flat=True)) - {""}
    assert len(recorded) > 4
    assert recorded <= dict(target_types()).keys()


def test_details_are_named_in_chinese(auditor, cast):
    audit.record(
        by=cast.sun_li,
        action="test.done",
        target=None,
        detail={"role": "verifier", "is_active": True},
    )
    page = auditor.get("/audit/").content.decode()
    assert "角色 verifier；启用 是" in page
