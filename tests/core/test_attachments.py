"""Uploads are judged by their bytes; what is stored holds pixels and nothing else."""

import hashlib
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from pytest_django import Settings

from core import attachments
from core.choices import AttachmentKind
from core.errors import NotFoundHere, Refused, TooLarge
from core.models import Attachment
from people.models import User


@pytest.fixture(autouse=True)
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def picture(
    form: str = "JPEG",
    size: tuple[int, int] = (40, 20),
    mode: str = "RGB",
    color: Any = "red",
    **options: Any,
) -> bytes:
    output = BytesIO()
    Image.new(mode, size, color).save(output, form, **options)
    return output.getvalue()


def upload(content: bytes, name: str = "现场.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/jpeg")


def stored_image(attachment: Attachment) -> Image.Image:
    with Image.open(attachment.file.path) as image:
        image.load()
        return image


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_stored_as_jpeg_whatever_it_came_as(form: str, wang: User, media: Path) -> None:
    original = picture(form)
    attachment = attachments.accept(upload(original), by=wang)
    attachment.refresh_from_db()
    assert attachment.kind == AttachmentKind.PHOTO
    assert attachment.content_type == "image/jpeg"
    assert (attachment.width, attachment.height) == (40, 20)
    assert attachment.sha256 == hashlib.sha256(original).hexdigest()
    assert attachment.size == Path(attachment.file.path).stat().st_size
    assert attachment.uploaded_by == wang
    digits = attachment.pk.hex
    expected = media / "attachments" / digits[:2] / digits[2:4] / f"{attachment.pk}.jpg"
    assert Path(attachment.file.path) == expected
    assert stored_image(attachment).format == "JPEG"


def test_a_photo_loses_what_the_camera_wrote_and_stands_upright(wang: User) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: turn a quarter
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"  # GPS
    original = picture(exif=exif, comment=b"SecretComment")
    assert b"SecretCamera" in original
    attachment = attachments.accept(upload(original), by=wang)
    content = Path(attachment.file.path).read_bytes()
    assert (attachment.width, attachment.height) == (20, 40)
    assert stored_image(attachment).size == (20, 40)
    assert not stored_image(attachment).getexif()
    assert b"Secret" not in content
    assert b"Exif" not in content


def test_a_png_with_transparency_stays_png_and_loses_its_texts(wang: User) -> None:
    texts = PngInfo()
    texts.add_text("Author", "SecretAuthor")
    original = picture("PNG", mode="RGBA", color=(255, 0, 0, 100), pnginfo=texts)
    attachment = attachments.accept(upload(original, "图.png"), by=wang)
    assert attachment.content_type == "image/png"
    assert stored_image(attachment).mode == "RGBA"
    assert b"Secret" not in Path(attachment.file.path).read_bytes()


@pytest.mark.parametrize(
    ("form", "mode", "color"),
    [
        ("PNG", "RGBA", (255, 0, 0, 255)),  # an alpha channel that hides nothing
        ("WEBP", "RGBA", (255, 0, 0, 0)),
        ("PNG", "P", 0),
        ("PNG", "L", 128),
        ("PNG", "I;16", 300),
        ("PNG", "1", 1),
        ("JPEG", "CMYK", (0, 255, 255, 0)),
    ],
)
def test_every_other_kind_of_pixels_becomes_jpeg(
    form: str, mode: str, color: Any, wang: User
) -> None:
    attachment = attachments.accept(upload(picture(form, mode=mode, color=color)), by=wang)
    assert stored_image(attachment).format == "JPEG"
    assert stored_image(attachment).mode == "RGB"


def test_what_is_transparent_becomes_white_and_not_black(wang: User) -> None:
    content = picture("WEBP", mode="RGBA", color=(255, 0, 0, 0))
    attachment = attachments.accept(upload(content), by=wang)
    assert stored_image(attachment).getpixel((0, 0)) == (255, 255, 255)


def test_a_pdf_is_kept_as_a_file(wang: User) -> None:
    attachment = attachments.accept(upload(b"%PDF-1.7 ...", "说明.pdf"), by=wang)
    assert (attachment.kind, attachment.content_type) == (AttachmentKind.FILE, "application/pdf")
    assert Path(attachment.file.path).read_bytes() == b"%PDF-1.7 ..."


# --- what is refused ---


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and has no pixels to show for it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\x00" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"just words", "unsupported_file", "只接受"),
        (b"", "unsupported_file", "只接受"),
        (b"GIF89a" + b"\x00" * 20, "unsupported_file", "只接受"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_file", "只接受"),
        (b"PK\x03\x04" + b"\x00" * 40, "unsupported_file", "只接受"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "unsupported_file", "只接受"),
        (b"\xff\xd8\xff" + b"not a picture at all", "bad_image", "已损坏"),
        (picture(size=(400, 400))[:900], "bad_image", "已损坏"),
        (picture("PNG", size=(400, 400))[:100], "bad_image", "已损坏"),
        (picture("WEBP", size=(400, 400))[:40], "bad_image", "已损坏"),
        (png_header(100, 100), "bad_image", "已损坏"),
        (png_header(10_000, 5_001), "too_large", "5000 万像素"),
        (png_header(12_000, 12_000), "too_large", "5000 万像素"),
        (png_header(60_000, 60_000), "too_large", "5000 万像素"),
    ],
)
def test_what_is_no_sound_picture_is_refused_and_leaves_nothing(
    content: bytes, code: str, message: str, wang: User, media: Path
) -> None:
    with pytest.raises(Refused, match=message) as refusal:
        attachments.accept(upload(content), by=wang)
    assert refusal.value.code == code
    assert not Attachment.objects.exists()
    assert list(media.iterdir()) == []


def test_a_file_above_the_limit_is_refused(wang: User, settings: Settings, media: Path) -> None:
    settings.UPLOAD_LIMIT = 1024 * 1024
    content = picture() + b"\x00" * settings.UPLOAD_LIMIT
    with pytest.raises(TooLarge, match="不能超过 1 MB"):
        attachments.accept(upload(content), by=wang)
    assert list(media.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ("C:\\照片\\现场.jpg", "现场.jpg"),
        ("甲\u202egpj.exe", "甲gpj.exe"),
        ("😀.jpg", "😀.jpg"),
        ("长" * 300 + ".jpg", "长" * 96 + ".jpg"),
        ("\u200b", "照片"),
    ],
)
def test_the_original_name_is_kept_for_display_without_paths_and_tricks(
    given: str, kept: str, wang: User
) -> None:
    file = upload(picture())
    # Set past Django's own cleaning, as a hostile parser might leave it.
    vars(file)["_name"] = given
    assert attachments.accept(file, by=wang).original_name == kept


# --- on the way out ---


@pytest.fixture
def photo(wang: User) -> Attachment:
    return attachments.accept(upload(picture()), by=wang)


def test_a_photo_is_shown_in_the_browser_and_cannot_run_as_anything(photo: Attachment) -> None:
    response = attachments.respond(photo)
    assert b"".join(response) == Path(photo.file.path).read_bytes()
    assert response["Content-Type"] == "image/jpeg"
    assert response["Content-Disposition"].startswith("inline; filename*=utf-8''")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"] == "private, max-age=600"
    assert "sandbox" in response["Content-Security-Policy"]
    response.close()


def test_a_pdf_is_downloaded_and_not_opened_in_place(wang: User) -> None:
    attachment = attachments.accept(upload(b"%PDF-1.7", "a.pdf"), by=wang)
    response = attachments.respond(attachment)
    assert response["Content-Disposition"] == 'attachment; filename="a.pdf"'
    response.close()


def test_behind_a_proxy_only_the_internal_address_goes_out(
    photo: Attachment, settings: Settings
) -> None:
    settings.ACCEL_REDIRECT_PREFIX = "/protected/"
    response = attachments.respond(photo)
    assert response["X-Accel-Redirect"] == f"/protected/{photo.file.name}"
    assert b"".join(response) == b""


def test_a_browser_that_has_the_photo_is_told_so(photo: Attachment) -> None:
    request = RequestFactory().get("/", headers={"If-None-Match": f'"{photo.sha256}"'})
    assert attachments.respond(photo, request).status_code == 304


def test_a_file_that_was_lost_is_not_found_and_no_crash(photo: Attachment) -> None:
    Path(photo.file.path).unlink()
    with pytest.raises(NotFoundHere):
        attachments.respond(photo)


def test_a_kind_that_is_not_wanted_leaves_no_file(wang: User, media: Path) -> None:
    before = sorted(media.rglob("*"))
    with pytest.raises(Refused, match="只能上传照片"):
        attachments.accept(upload(b"%PDF-1.7", "a.pdf"), by=wang, only=AttachmentKind.PHOTO)
    assert sorted(media.rglob("*")) == before
