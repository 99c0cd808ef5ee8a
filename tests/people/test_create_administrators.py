"""``create_administrators`` makes the three first accounts, once."""

import pytest
from django.core.management import CommandError, call_command

from people.choices import Role
from people.models import User

PASSWORDS = {
    "SYSTEM_ADMIN_PASSWORD": "Xitong-2025!",
    "SECURITY_ADMIN_PASSWORD": "Anquan-2025!",
    "AUDIT_ADMIN_PASSWORD": "Shenji-2025!",
}


@pytest.fixture
def passwords(monkeypatch):
    for name, password in PASSWORDS.items():
        monkeypatch.setenv(name, password)


def test_it_makes_three_accounts_with_one_role_each(db, passwords):
    call_command("create_administrators", audit="bai_jie", audit_name="白洁")
    made = {user.username: user for user in User.objects.all()}
    assert {name: set(user.roles) for name, user in made.items()} == {
        "sysadmin": {Role.SYSTEM_ADMIN},
        "secadmin": {Role.SECURITY_ADMIN},
        "bai_jie": {Role.AUDIT_ADMIN},
    }
    assert made["bai_jie"].full_name == "白洁"
    assert made["bai_jie"].check_password("Shenji-2025!")
    assert all(user.password_is_temporary for user in made.values())


def test_it_refuses_where_there_is_an_administrator(cast, passwords):
    before = User.objects.count()
    with pytest.raises(CommandError, match="已有管理员账号"):
        call_command("create_administrators")
    assert User.objects.count() == before


@pytest.mark.parametrize(
    ("name", "password", "message"),
    [
        ("AUDIT_ADMIN_PASSWORD", "weak", "审计管理员"),
        ("AUDIT_ADMIN_PASSWORD", PASSWORDS["SYSTEM_ADMIN_PASSWORD"], "不能相同"),
        ("SECURITY_ADMIN_PASSWORD", "", "SECURITY_ADMIN_PASSWORD"),
    ],
)
def test_a_bad_password_leaves_no_account_at_all(
    db, passwords, monkeypatch, name, password, message
):
    monkeypatch.setenv(name, password)
    with pytest.raises(CommandError, match=message):
        call_command("create_administrators")
    assert not User.objects.exists()


def test_a_username_that_is_taken_leaves_no_account_at_all(db, passwords):
    User.objects.create_user("auditadmin", full_name="白洁")
    with pytest.raises(CommandError, match="审计管理员"):
        call_command("create_administrators")
    assert User.objects.count() == 1
