"""Personal data: encrypted at rest, found by a blind index, masked on the way out.

Both keys are derived from ``settings.PERSONAL_DATA_KEY``: the database alone tells nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.db.models.lookups import Lookup, Transform

_PREFIX = "v1:"  # names the scheme, so that a later one can be read beside it
_NONCE_BYTES = 12


class PersonalDataUnreadableError(Exception):
    """A stored value does not fit PERSONAL_DATA_KEY, or was altered."""


@lru_cache(maxsize=8)
def _derived_key(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret.encode())


def _key(purpose: bytes) -> bytes:
    return _derived_key(settings.PERSONAL_DATA_KEY, purpose)


def encrypt(text: str) -> str:
    """AES-256-GCM under a fresh nonce, as base64 text. The same text never looks the same twice."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(_key(b"field encryption")).encrypt(nonce, text.encode(), None)
    return _PREFIX + base64.b64encode(nonce + sealed).decode()


def decrypt(stored: str) -> str:
    """The text behind ``encrypt``. Raises PersonalDataUnreadableError."""
    try:
        raw = base64.b64decode(stored.removeprefix(_PREFIX), validate=True)
        cipher = AESGCM(_key(b"field encryption"))
        return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], None).decode()
    except (InvalidTag, ValueError) as error:
        raise PersonalDataUnreadableError(
            "个人信息无法解密：PERSONAL_DATA_KEY 与加密时不同，或数据已损坏。"
        ) from error


class EncryptedField(models.TextField):
    """Text that is encrypted in the database and plain in Python. Empty stays empty.

    Nothing can be looked up by it; keep a ``blind_index`` column beside it for that.
    """

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return encrypt(text) if text else text

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value

    def get_lookup(self, lookup_name: str) -> type[Lookup[Any]] | None:
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None

    def get_transform(self, lookup_name: str) -> type[Transform] | None:
        return None


def blind_index(value: str) -> str:
    """HMAC-SHA256 (hex) over the digits of a telephone number; of the same number always the same.

    Spaces, hyphens, full-width digits and the country code make no difference. Without digits: "".
    """
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", value))
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if not digits:
        return ""
    return hmac.new(_key(b"blind index"), digits.encode(), hashlib.sha256).hexdigest()


def mask_phone(value: str) -> str:
    """``12012345678`` → ``120****5678``; of a shorter number only the last two digits remain."""
    value = value.strip()
    if len(value) >= 11:
        return f"{value[:3]}****{value[-4:]}"
    return f"****{value[-2:]}" if len(value) > 4 else "****" if value else ""


def mask_name(value: str) -> str:
    """``张三丰`` → ``张*``; how long the name is stays hidden too."""
    value = value.strip()
    return f"{value[0]}*" if value else ""


# \d takes full-width digits too. A longer run of digits is a code of something else and stays.
_IDENTITY_NUMBER = re.compile(r"(?<!\d)(\d{4})\d{2}[\s-]?\d{8}[\s-]?(\d{3}[\dXxＸｘ])(?!\d)")
_PHONE_NUMBER = re.compile(
    r"(?<!\d)(?:\+?86[\s-]?)?(1\d{2})[\s-]?\d{4}[\s-]?(\d{4})(?!\d)"
    r"|(?<!\d)(\d{3})\d{4}(\d{4})(?!\d)"
)


def scrub(text: str) -> str:
    """Free text with 11-digit telephone and 18-digit identity numbers masked."""
    text = _IDENTITY_NUMBER.sub(r"\1**********\2", text)
    return _PHONE_NUMBER.sub(
        lambda found: f"{found[1] or found[3]}****{found[2] or found[4]}", text
    )
