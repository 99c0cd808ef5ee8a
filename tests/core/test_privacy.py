"""Personal data is unreadable at rest, findable by a blind index, masked on the way out."""

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldError
from django.db import connection
from pytest_django import Settings

from core import privacy
from people.models import User

PHONE = "12012345678"


def test_what_is_encrypted_comes_back_and_never_looks_the_same_twice() -> None:
    first, second = privacy.encrypt(PHONE), privacy.encrypt(PHONE)
    assert first != second
    assert PHONE not in first
    assert privacy.decrypt(first) == privacy.decrypt(second) == PHONE


def test_an_altered_value_or_another_key_is_an_error_and_no_garbage(
    settings: Settings,
) -> None:
    stored = privacy.encrypt(PHONE)
    with pytest.raises(privacy.PersonalDataUnreadableError):
        privacy.decrypt(stored[:-8] + "AAAAAAA=")
    settings.PERSONAL_DATA_KEY = "another key"
    with pytest.raises(privacy.PersonalDataUnreadableError, match="PERSONAL_DATA_KEY"):
        privacy.decrypt(stored)


def test_the_column_holds_cipher_text_and_the_model_plain_text(wang: User) -> None:
    wang.phone = PHONE
    wang.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM people_user WHERE id = %s", [wang.pk])
        (stored,) = cursor.fetchone()
    assert stored.startswith("v1:")
    assert PHONE not in stored
    wang.refresh_from_db()
    assert wang.phone == PHONE


def test_an_empty_number_stays_empty(wang: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT phone FROM people_user WHERE id = %s", [wang.pk])
        assert cursor.fetchone() == ("",)


def test_an_encrypted_field_cannot_be_searched(db: None) -> None:
    with pytest.raises(FieldError):
        get_user_model().objects.filter(phone=PHONE).exists()
    with pytest.raises(FieldError):
        get_user_model().objects.filter(phone__contains="1234").exists()


@pytest.mark.parametrize(
    "written", ["12012345678", "120 1234 5678", "+86 120-1234-5678", "１２０１２３４５６７８"]
)
def test_the_blind_index_is_the_same_however_the_number_is_written(written: str) -> None:
    assert privacy.blind_index(written) == privacy.blind_index(PHONE)


def test_the_blind_index_tells_numbers_apart_and_is_empty_without_digits() -> None:
    assert privacy.blind_index("12012345679") != privacy.blind_index(PHONE)
    assert len(privacy.blind_index(PHONE)) == 64
    assert privacy.blind_index("无") == privacy.blind_index("") == ""


def test_the_blind_index_depends_on_the_key(settings: Settings) -> None:
    before = privacy.blind_index(PHONE)
    settings.PERSONAL_DATA_KEY = "another key"
    assert privacy.blind_index(PHONE) != before


@pytest.mark.parametrize(
    ("number", "masked"),
    [(PHONE, "120****5678"), ("12345", "****45"), ("110", "****"), ("", "")],
)
def test_a_telephone_number_is_masked(number: str, masked: str) -> None:
    assert privacy.mask_phone(number) == masked


@pytest.mark.parametrize(("name", "masked"), [("张三", "张*"), ("张三丰", "张*"), ("", "")])
def test_a_name_is_masked_to_its_first_character(name: str, masked: str) -> None:
    assert privacy.mask_name(name) == masked


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("电话12012345678，姓王", "电话120****5678，姓王"),
        ("电话120-1234-5678。", "电话120****5678。"),
        ("电话 +86 120 1234 5678", "电话 120****5678"),
        ("号码１２０１２３４５６７８", "号码１２０****５６７８"),
        ("21987654321", "219****4321"),
        ("身份证320506199001011234", "身份证3205**********1234"),
        ("身份证32050619900101123x止", "身份证3205**********123x止"),
        ("社区编号320506009005", "社区编号320506009005"),
        ("网格编号320506009005001", "网格编号320506009005001"),
        ("工单20250930-0012，3号楼", "工单20250930-0012，3号楼"),
    ],
)
def test_free_text_loses_telephone_and_identity_numbers_and_nothing_else(
    text: str, scrubbed: str
) -> None:
    assert privacy.scrub(text) == scrubbed
