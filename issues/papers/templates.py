"""The templates of a district: which one is in use, a new version, another one put to use."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from areas.models import Place
from core import audit
from core.errors import NotAllowed, NotFoundHere
from issues.choices import PaperKind
from issues.models import PaperTemplate
from issues.papers import checking
from issues.papers.defaults import default_template
from issues.trail import Trail
from people.choices import Role
from people.models import User


def content_in_use(kind: PaperKind, district_id: int) -> bytes:
    """The template by which the papers of a district are written today."""
    own = PaperTemplate.objects.filter(kind=kind, district_id=district_id, is_active=True).first()
    return bytes(own.content) if own else default_template(kind)


def content_of(kind: PaperKind, district: Place, version: int) -> bytes:
    """One version of a district; 0 is the default. Raises NotFoundHere."""
    if version == 0:
        return default_template(kind)
    return bytes(_version(kind, district, version).content)


def _version(kind: PaperKind, district: Place, version: int) -> PaperTemplate:
    found = PaperTemplate.objects.filter(kind=kind, district=district, version=version).first()
    if found is None:
        raise NotFoundHere("没有这一版模板。")
    return found


def district_of(user: User) -> Place:
    """The district whose templates a person keeps. Raises NotAllowed."""
    for posting in user.current_postings:
        if posting.role == Role.DISTRICT_DISPATCHER and posting.place:
            return posting.place
    raise NotAllowed("公文模板由区级专班管理。")


@transaction.atomic
def upload_template(
    kind: PaperKind, upload: UploadedFile, *, by: User, at: datetime | None = None
) -> PaperTemplate:
    """Keep a new version and put it to use at once. Raises NotAllowed, Refused or TooLarge."""
    district = district_of(by)
    content = checking.read(upload, kind)
    _lock(district)
    versions = PaperTemplate.objects.filter(kind=kind, district=district)
    latest = versions.order_by("-version").values_list("version", flat=True).first() or 0
    versions.filter(is_active=True).update(is_active=False)
    template = PaperTemplate.objects.create(
        kind=kind,
        district=district,
        version=latest + 1,
        is_active=True,
        file_name=_file_name(upload, kind),
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        uploaded_by=by,
        uploaded_at=at or timezone.now(),
    )
    audit.record(
        by=by,
        action=Trail.TEMPLATE_UPLOADED,
        target=template,
        detail={"paper": kind.label, "version": template.version, "sha256": template.sha256},
        at=at,
    )
    return template


@transaction.atomic
def use_template(
    kind: PaperKind, version: int, *, by: User, at: datetime | None = None
) -> PaperTemplate | None:
    """Put a version to use that was uploaded before; 0 is the default.

    It is checked again: the tags may have changed since. Raises NotAllowed, NotFoundHere, Refused.
    """
    district = district_of(by)
    _lock(district)
    template = _version(kind, district, version) if version else None
    if template:
        checking.check(bytes(template.content), kind)
    PaperTemplate.objects.filter(kind=kind, district=district, is_active=True).update(
        is_active=False
    )
    if template:
        template.is_active = True
        template.save(update_fields=["is_active"])
    audit.record(
        by=by,
        action=Trail.TEMPLATE_USED,
        target=template,
        detail={"paper": kind.label, "version": version},
        at=at,
    )
    return template


def _lock(district: Place) -> None:
    """One change of a district's templates at a time; others may go on referring to the place."""
    Place.objects.select_for_update(no_key=True).get(pk=district.pk)


def _file_name(upload: UploadedFile, kind: PaperKind) -> str:
    """The last part of the given name, only ever shown."""
    name = (upload.name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in name if char.isprintable())[-100:] or f"{kind.label}.docx"
