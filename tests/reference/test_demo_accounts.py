"""``manage.py demo_accounts`` prints one account per role, and only where they exist."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from governance.reference import demo
from people.choices import Role


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
