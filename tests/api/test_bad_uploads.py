"""A file that is no sound photo gets a 4xx with a clear Chinese message and leaves nothing."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from unittest import mock

import pytest
from django.test import override_settings
from PIL import Image
from rest_framework.throttling import ScopedRateThrottle

from core.models import Attachment
from tests.api.phone import API, Phone, picture
from tests.api.unchanged import nothing_changes, refused

KEY = {"Idempotency-Key": "k" * 8}


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG with any size in its header."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", data or zlib.compress(b"\x00" * 100))
        + chunk(b"IEND", b"")
    )


def gif() -> bytes:
    content = BytesIO()
    Image.new("RGB", (8, 8)).save(content, "GIF")
    return content.getvalue()


UPLOADS = {
    "huge dimensions": (png(50_000, 50_000), 413, "too_large"),
    "dimensions beyond reason": (png(2**31 - 1, 2**31 - 1), 413, "too_large"),
    "a bomb of zeros": (png(60_000, 60_000, zlib.compress(bytes(4_000_000))), 413, "too_large"),
    "a page renamed .jpg": ("<html>你好</html>".encode(), 422, "unsupported_file"),
    "a program renamed .jpg": (b"MZ\x90\x00" + bytes(200), 422, "unsupported_file"),
    "another image format": (gif(), 422, "unsupported_file"),
    "nothing": (b"", 422, "unsupported_file"),
    "a header alone": (b"\xff\xd8\xff", 422, "bad_image"),
    "half a picture": (picture()[:120], 422, "bad_image"),
    "a broken PNG": (png(10, 10), 422, "bad_image"),
}


def test_a_picture_that_is_none(phone: Phone, subtests: pytest.Subtests) -> None:
    for name, (content, status, code) in UPLOADS.items():
        with subtests.test(name), nothing_changes():
            refused(phone.upload(content, "现场.jpg"), status, code)


def test_a_document_is_not_a_photo(phone: Phone) -> None:
    refused(phone.upload(b"%PDF-1.7\n", "证明.jpg"), 422, "unsupported_file")
    assert not Attachment.objects.exists()


def test_a_file_above_the_limit(phone: Phone) -> None:
    with nothing_changes(), override_settings(UPLOAD_LIMIT=1024):
        refused(phone.upload(picture() + bytes(2048)), 413, "too_large")


def test_an_upload_without_a_file(phone: Phone) -> None:
    for body in ({}, {"photo": "不是文件"}, {"picture": "x"}):
        with nothing_changes():
            response = phone.post(f"{API}/uploads", body, format="multipart", headers=KEY)
            refused(response, 400, "invalid", "photo")


def test_an_upload_that_is_not_multipart(phone: Phone) -> None:
    kinds = {
        "image/jpeg": (415, "unsupported_media_type"),
        "multipart/form-data": (400, "malformed"),  # no boundary
    }
    for kind, (status, code) in kinds.items():
        with nothing_changes():
            response = phone.post(f"{API}/uploads", b"--x", content_type=kind, headers=KEY)
            refused(response, status, code)


def test_an_upload_needs_an_idempotency_key(phone: Phone) -> None:
    with nothing_changes():
        response = phone.post(f"{API}/uploads", {"photo": BytesIO(picture())}, format="multipart")
        refused(response, 400, "idempotency_key_required")


def test_the_same_upload_sent_again_is_the_same_photo(phone: Phone) -> None:
    first, again = (phone.upload(picture(), key="one-and-the-same") for _ in range(2))
    other = phone.upload(picture("green"), key="one-and-the-same")
    assert first.data == again.data
    assert again["Idempotency-Replayed"] == "true"
    refused(other, 422, "key_reused")
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "‮gpj.exe", "名" * 300, "😀", "a/b\\c"])
def test_a_strange_file_name_does_no_harm(phone: Phone, name: str) -> None:
    response = phone.upload(picture(), name)
    assert response.status_code == 201
    kept = Attachment.objects.get()
    assert "/" not in kept.original_name
    assert str(kept.pk) in kept.file.name


def test_uploading_is_throttled(phone: Phone) -> None:
    with mock.patch.dict(ScopedRateThrottle.THROTTLE_RATES, {"upload": "1/min"}):
        assert phone.upload(picture()).status_code == 201
        response = phone.upload(picture("green"))
    refused(response, 429, "throttled")
    assert 0 < int(response.headers["Retry-After"]) <= 60
    assert Attachment.objects.count() == 1
