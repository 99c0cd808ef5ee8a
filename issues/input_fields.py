"""The kinds of fields of which the inputs are made, and what their ids refer to.

Places, categories and organisations are found in memory. The photos and the complex area that an
input names are read for it alone, or for many inputs at once (``Referred``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from areas.models import ComplexArea, Place
from core.choices import AttachmentKind
from core.models import Attachment
from issues.models import Issue, Photo
from people.models import Organisation, User
from people.reference import assignable_in, organisations

WORDS = 1000  # characters of one step's free text
MAX_PHOTOS = 9


@dataclass(frozen=True)
class Referred:
    """The photos that their uploader may still use, and the complex areas, by id."""

    photos: dict[uuid.UUID, Attachment] = field(default_factory=dict)
    areas: dict[int, ComplexArea] = field(default_factory=dict)

    @classmethod
    def read(
        cls, *, user: User, photos: Collection[uuid.UUID] = (), areas: Collection[int] = ()
    ) -> Referred:
        """Those of the given ids that there are: two queries for the photos, two for the areas."""
        return cls(
            _usable_photos(photos, user) if photos else {},
            _areas(areas) if areas else {},
        )


def _usable_photos(ids: Collection[uuid.UUID], user: User) -> dict[uuid.UUID, Attachment]:
    """Those not used yet, held until the transaction ends: of several writes at once that name a
    photo, one finds it here and the others wait for what becomes of it.
    """
    rows = Attachment.objects.filter(pk__in=ids, uploaded_by=user, kind=AttachmentKind.PHOTO)
    held = rows.order_by("pk").select_for_update(no_key=True)
    photos = {row.pk: row for row in held}
    # A statement of its own: only a second one sees what the first has waited for.
    used = Photo.objects.filter(attachment_id__in=photos).values_list("attachment_id", flat=True)
    for pk in used:
        del photos[pk]
    return photos


def _areas(ids: Collection[int]) -> dict[int, ComplexArea]:
    rows = ComplexArea.objects.filter(pk__in=ids).order_by().prefetch_related("communities")
    return {row.pk: row for row in rows}


class Input(serializers.Serializer[Any]):
    """Base of every action's input. ``choosable_units`` are read once for the whole input."""

    @cached_property
    def choosable_units(self) -> dict[int, Organisation]:
        place: Place | None = self.context.get("place")
        issue: Issue | None = self.context.get("issue")
        if place is None and issue is not None:
            place = issue.dispatch_place
        if place is not None:
            return assignable_in(place)
        return {pk: unit for pk, unit in organisations().items() if unit.is_active}

    def find_photos(self, ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, Attachment]:
        return self._referred(photos=ids).photos

    def find_areas(self, ids: Collection[int]) -> Mapping[int, ComplexArea]:
        return self._referred(areas=ids).areas

    def _referred(self, **ids: Any) -> Referred:
        """From the context, where they were read for many inputs, or from the database."""
        known: Referred | None = self.context.get("referred")
        return known or Referred.read(user=self.context["user"], **ids)


# --- references ---


@extend_schema_field(OpenApiTypes.INT)
class UnitField(serializers.Field[Organisation, Any, int, Any]):
    """The id of an organisation among the ``choosable_units`` of the whole input."""

    default_error_messages = {
        "invalid": "请选择单位。",
        "unknown": "没有这个单位，或不在可选范围内。",
    }

    def to_internal_value(self, data: Any) -> Organisation:
        if isinstance(data, bool) or not isinstance(data, (int, str)):
            self.fail("invalid")
        if not str(data).isascii() or not str(data).isdigit() or len(str(data)) > 18:
            self.fail("invalid")
        unit = self.root.choosable_units.get(int(data))  # type: ignore[attr-defined]
        if unit is None:
            self.fail("unknown")
        return unit

    def to_representation(self, value: Organisation) -> int:
        return value.pk


class Reference(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row. DRF's own takes 1.5 for 1."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, float):
            self.fail("incorrect_type", data_type="float")
        return super().to_internal_value(data)


class CaseReference(Reference):
    """A case by its id or, as people say it, by its number."""

    def to_internal_value(self, data: Any) -> Issue:
        if isinstance(data, str) and "-" in data:
            rows: Any = self.get_queryset()
            found: Issue | None = rows.filter(number=data.strip()).first()
            if found is None:
                raise serializers.ValidationError("没有这个编号的问题，或您无权查看。")
            return found
        issue: Issue = super().to_internal_value(data)
        return issue


class FoundReference(Reference):
    """The id of a row that is found without asking the database for it alone."""

    def get_queryset(self) -> None:
        """Nothing to query."""

    def find(self, key: int) -> Any:
        """The row with this id, or None."""
        raise NotImplementedError

    def keys(self, data: Any) -> list[int]:
        if isinstance(data, (bool, float)):
            self.fail("incorrect_type", data_type=type(data).__name__)
        try:
            return [int(data)]
        except (TypeError, ValueError):
            self.fail("incorrect_type", data_type=type(data).__name__)

    def to_internal_value(self, data: Any) -> Any:
        row = self.find(*self.keys(data))
        if row is None:
            self.fail("does_not_exist", pk_value=data)
        return row


@extend_schema_field(OpenApiTypes.INT)
class KeptReference(FoundReference):
    """The id of one of the ``rows`` that are kept in memory, if it is ``eligible``."""

    def __init__(
        self,
        *,
        rows: Callable[[], Mapping[int, Any]],
        eligible: Callable[[Any], bool],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rows, self.eligible = rows, eligible

    def find(self, key: int) -> Any:
        row = self.rows().get(key)
        return row if row is not None and self.eligible(row) else None


@extend_schema_field(OpenApiTypes.INT)
class AreaReference(FoundReference):
    """The id of a complex area; its communities are read with it."""

    def find(self, key: int) -> ComplexArea | None:
        area: ComplexArea | None = self.root.find_areas([key]).get(key)  # type: ignore[attr-defined]
        return area


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
class PhotosField(serializers.ListField):
    """Ids of photos that the same user has uploaded and not yet used."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.UUIDField(),
            required=False,
            max_length=MAX_PHOTOS,
            label="照片",
            **kwargs,
        )

    def keys(self, data: Any) -> list[uuid.UUID]:
        ids = list(dict.fromkeys(super().to_internal_value(data)))
        if len(ids) > MAX_PHOTOS:
            self.fail("max_length", max_length=MAX_PHOTOS)
        return ids

    def to_internal_value(self, data: Any) -> list[Attachment]:
        ids = self.keys(data)
        if not ids:
            return []
        found = self.root.find_photos(ids)  # type: ignore[attr-defined]
        if any(pk not in found for pk in ids):
            raise serializers.ValidationError("照片不存在、不是您上传的，或已用过。")
        return [found[pk] for pk in ids]


# --- values ---


class Coordinate(serializers.FloatField):
    """Degrees. DRF's own takes true for 1.0."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(data)


def words(label: str, **kwargs: Any) -> serializers.CharField:
    return serializers.CharField(
        label=label, max_length=WORDS, style={"base_template": "textarea.html"}, **kwargs
    )


def limit(label: str, **kwargs: Any) -> serializers.IntegerField:
    return serializers.IntegerField(
        label=label, min_value=1, max_value=60, required=False, allow_null=True, **kwargs
    )
