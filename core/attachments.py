"""Uploads: known by their bytes, not by their name; images re-encoded, so that nothing of the
camera's data and nothing that is not pixels is kept.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
import uuid
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header
from PIL import Image, ImageOps

from core.choices import AttachmentKind
from core.errors import NotFoundHere, Refused, TooLarge
from core.models import Attachment

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

PIXEL_LIMIT = 50_000_000  # decoded, at three bytes each, this is 150 MB of memory
JPEG_QUALITY = 85
NAME_LENGTH = 100


@dataclass(frozen=True)
class _Stored:
    """What is going to lie on the disk."""

    kind: AttachmentKind
    content: bytes
    content_type: str
    suffix: str
    width: int | None = None
    height: int | None = None


def accept(
    upload: UploadedFile,
    *,
    by: AbstractBaseUser,
    only: AttachmentKind | None = None,
    pk: uuid.UUID | None = None,
) -> Attachment:
    """Check, re-encode and store an upload. Raises Refused or TooLarge, with the reason in Chinese.

    ``only`` names the one kind that is wanted; another is refused before anything is written.
    ``pk`` is the id to be used, a new one by default.
    The file is written before the row is committed. After a rollback it stays behind without a row,
    where nobody can reach it: harmless.
    """
    limit = settings.UPLOAD_LIMIT
    if upload.size is None or upload.size > limit:
        raise TooLarge(f"文件过大，单个文件不能超过 {limit // (1024 * 1024)} MB。")
    original = upload.read()
    stored = _stored_form(original)
    if only is not None and stored.kind != only:
        raise Refused(f"这里只能上传{only.label}。", code="unsupported_file")
    attachment = Attachment(
        id=pk or uuid.uuid4(),
        uploaded_by_id=by.pk,
        kind=stored.kind,
        original_name=_clean_name(upload.name or "", stored.kind),
        content_type=stored.content_type,
        size=len(stored.content),
        sha256=hashlib.sha256(original).hexdigest(),
        width=stored.width,
        height=stored.height,
    )
    attachment.file.name = _write(attachment.id, stored)
    attachment.save(force_insert=True)
    return attachment


def respond(attachment: Attachment, request: HttpRequest | None = None) -> HttpResponseBase:
    """Answer with the file; whether the caller may see it has been decided before.

    With ``request``, a browser that still has the file gets 304. Behind a reverse proxy
    (settings.ACCEL_REDIRECT_PREFIX) only the header goes out and the proxy sends the bytes.
    """
    etag = f'"{attachment.sha256}"'
    unchanged = get_conditional_response(request, etag=etag) if request else None
    response: HttpResponseBase = unchanged or send(
        str(attachment.file.name), attachment.content_type
    )
    is_download = attachment.kind != AttachmentKind.PHOTO
    disposition = content_disposition_header(is_download, attachment.original_name)
    response["Content-Disposition"] = disposition or "inline"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "private, max-age=600"
    response["ETag"] = etag
    return response


def send(name: str, content_type: str) -> HttpResponseBase:
    """Answer with a stored file, named relative to MEDIA_ROOT. Raises NotFoundHere."""
    if settings.ACCEL_REDIRECT_PREFIX:
        response = HttpResponse(content_type=content_type)
        response["X-Accel-Redirect"] = f"{settings.ACCEL_REDIRECT_PREFIX}{name}"
        return response
    try:
        file = (Path(settings.MEDIA_ROOT) / name).open("rb")
    except FileNotFoundError as error:
        raise NotFoundHere("文件已不存在。") from error
    return FileResponse(file, content_type=content_type)


# --- what it is ---


def _stored_form(original: bytes) -> _Stored:
    if original.startswith(b"%PDF-"):
        return _Stored(AttachmentKind.FILE, original, "application/pdf", ".pdf")
    is_webp = original.startswith(b"RIFF") and original[8:12] == b"WEBP"
    if is_webp or original.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
        return _reencoded(original)
    raise Refused(
        "只接受 JPEG、PNG、WebP 图片和 PDF 文件，这个文件的内容不是其中任何一种。",
        code="unsupported_file",
    )


def _reencoded(original: bytes) -> _Stored:
    """The pixels alone, upright, as JPEG (or PNG where a PNG is partly transparent)."""
    try:
        image = Image.open(BytesIO(original), formats=["JPEG", "PNG", "WEBP"])
        # The header alone has been read so far; a bomb is refused before its pixels are.
        too_many_pixels = image.width * image.height > PIXEL_LIMIT
        if not too_many_pixels:
            return _encode(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        too_many_pixels = True
    except Exception as error:
        # Decoders meet broken files with whatever happens to fail first: OSError, SyntaxError,
        # ValueError, struct.error, zlib.error … To the caller they all mean the same.
        raise Refused(
            "图片已损坏或不完整，无法读取，请重新拍摄或选择。", code="bad_image"
        ) from error
    raise TooLarge(f"图片像素过多，不能超过 {PIXEL_LIMIT // 10_000} 万像素。")


def _encode(image: Image.Image) -> _Stored:
    upright = ImageOps.exif_transpose(image)
    if image.format == "PNG" and upright.has_transparency_data and not _is_opaque(upright):
        pixels, form, content_type, suffix = (upright.convert("RGBA"), "PNG", "image/png", ".png")
    else:
        pixels, form, content_type, suffix = (_flat(upright), "JPEG", "image/jpeg", ".jpg")
    pixels.info.clear()  # comments, colour profile, text chunks
    output = BytesIO()
    pixels.save(output, form, quality=JPEG_QUALITY)
    return _Stored(
        AttachmentKind.PHOTO, output.getvalue(), content_type, suffix, pixels.width, pixels.height
    )


def _is_opaque(image: Image.Image) -> bool:
    return image.convert("RGBA").getchannel("A").getextrema() == (255, 255)


def _flat(image: Image.Image) -> Image.Image:
    """In RGB, what is transparent on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layers = image.convert("RGBA")
    white = Image.new("RGB", image.size, "white")
    white.paste(layers, mask=layers.getchannel("A"))
    return white


def _clean_name(name: str, kind: AttachmentKind) -> str:
    """The last part of the given name, without control characters; only ever shown."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    return visible[-NAME_LENGTH:] or kind.label


# --- where it lies ---


def _write(attachment_id: uuid.UUID, stored: _Stored) -> str:
    """Write whole or not at all; return the name relative to MEDIA_ROOT."""
    digits = attachment_id.hex
    name = f"attachments/{digits[:2]}/{digits[2:4]}/{attachment_id}{stored.suffix}"
    path = Path(settings.MEDIA_ROOT) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    try:
        with temporary.open("xb") as file:
            file.write(stored.content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return name
