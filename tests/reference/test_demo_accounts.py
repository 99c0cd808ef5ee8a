"""``manage.py demo_accounts`` prints one account per role, and only where they exist."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from governance.reference import demo, joint_meetings, key_projects, loading
from governance.reference.history import Size
from people.choices import Role
from people.models import User


def test_the_table_has_one_account_per_role(
    reference_db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("demo_accounts")
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading.split() == ["用户名", "密码", "角色", "地区或单位", "姓名"]
    assert [line.split()[0] for line in lines] == list(demo.ACCOUNTS)
    assert {line.split()[2] for line in lines} == {role.label for role in Role}
    assert all(line.split()[1] == demo.PASSWORD for line in lines)
    handler = next(line for line in lines if line.startswith("handler"))
    assert "吴中区住房和城乡建设局" in handler


def test_production_has_no_demo_accounts(reference_db: None) -> None:
    with override_settings(EMBEDDED=False), pytest.raises(CommandError, match="内置数据库"):
        call_command("demo_accounts")


@pytest.mark.django_db
def test_an_empty_district_says_what_to_run() -> None:
    with pytest.raises(CommandError, match="load_reference"):
        call_command("demo_accounts")


@pytest.mark.django_db
def test_a_district_loaded_into_a_production_database_lets_nobody_sign_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module, name in (
        (loading, "_issues"),
        (key_projects, "create"),
        (joint_meetings, "create"),
    ):
        monkeypatch.setattr(module, name, lambda *args: None)
    with override_settings(EMBEDDED=False):
        loading.load(size=Size.SMALL, today=date(2026, 11, 23))
    assert User.objects.filter(username__in=demo.ACCOUNTS).count() == len(demo.ACCOUNTS)
    assert not [user for user in User.objects.all() if user.has_usable_password()]
