"""What a report consists of, and reading one or many: the input of the step that opens a case."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from areas.choices import PlaceLevel
from areas.models import Place
from areas.reference import places
from issues.choices import Source, Urgency
from issues.input_fields import (
    AreaReference,
    Coordinate,
    Input,
    KeptReference,
    PhotosField,
    Referred,
    words,
)
from issues.models import Category
from issues.reference import categories
from people.models import User

EARLIEST_CAPTURE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=10)
ON_BEHALF = (Source.CALL, Source.VISIT)  # registered by an officer for somebody else


def takes_reports(place: Place) -> bool:
    return place.level in (PlaceLevel.GRID, PlaceLevel.COMMUNITY) and place.valid_to is None


def is_in_use(category: Category) -> bool:
    return category.is_active


class ReportInput(Input):
    client_id = serializers.UUIDField(label="上报端编号", help_text="由手机生成，重发时不变。")
    place = KeptReference(
        label="地点", rows=places, eligible=takes_reports, help_text="网格或村（社区）。"
    )
    category = KeptReference(label="类别", rows=categories, eligible=is_in_use)
    urgency = serializers.ChoiceField(
        label="紧急程度",
        choices=Urgency.choices,
        required=False,
        help_text="不选则按类别通常的紧急程度。",
    )
    source = serializers.ChoiceField(  # type: ignore[assignment]  # Field has an attribute of this name
        label="来源", choices=Source.choices, default=Source.PATROL
    )
    title = serializers.CharField(
        label="标题",
        max_length=60,
        required=False,
        allow_blank=True,
        help_text="不填则取内容首句。",
    )
    text = words("内容")
    address = serializers.CharField(
        label="详细地址", max_length=120, required=False, allow_blank=True
    )
    longitude = Coordinate(
        label="经度", min_value=-180, max_value=180, required=False, allow_null=True
    )
    latitude = Coordinate(
        label="纬度", min_value=-90, max_value=90, required=False, allow_null=True
    )
    area = AreaReference(label="复杂区域", required=False, allow_null=True)
    captured_at = serializers.DateTimeField(label="采集时间", required=False, allow_null=True)
    contact_name = serializers.CharField(
        label="诉求人", max_length=30, required=False, allow_blank=True
    )
    contact_phone = serializers.RegexField(
        r"^\+?[0-9][0-9 -]{5,18}$",
        label="诉求人电话",
        required=False,
        allow_blank=True,
        error_messages={"invalid": "请填写正确的电话号码。"},
    )
    photos = PhotosField()

    def validate_captured_at(self, value: Any) -> Any:
        now = timezone.now()
        if value and not now - EARLIEST_CAPTURE <= value <= now + CLOCK_SKEW:
            raise serializers.ValidationError("采集时间应在最近 30 天内，且不能晚于现在。")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("urgency", attrs["category"].usual_urgency)
        if attrs["source"] in ON_BEHALF and not attrs.get("contact_phone"):
            raise serializers.ValidationError({"contact_phone": "来电、来访登记须填写诉求人电话。"})
        if (attrs.get("longitude") is None) != (attrs.get("latitude") is None):
            raise serializers.ValidationError({"longitude": "经度和纬度须同时填写。"})
        area, place = attrs.get("area"), attrs["place"]
        community_id = place.lineage()["community_id"]
        if area and all(community.pk != community_id for community in area.communities.all()):
            raise serializers.ValidationError({"area": "这个复杂区域不在所选地点。"})
        return attrs


def read_reports(
    bodies: Sequence[Any], *, user: User
) -> list[dict[str, Any] | serializers.ValidationError]:
    """What each body gives in the shape of ``ReportInput``, or what is wrong with it.

    The same queries for any number of them. No photo may be named by two.
    """
    referred = Referred.read(
        user=user,
        photos={pk for body in bodies for pk in photos_named(body)},
        areas={pk for body in bodies for pk in _named(body, "area", AreaReference())},
    )
    given = ReportInput(context={"user": user, "referred": referred})
    found: list[dict[str, Any] | serializers.ValidationError] = []
    for body in bodies:
        try:
            found.append(given.run_validation(body))
        except serializers.ValidationError as error:
            found.append(error)
    return found


def photos_named(body: Any) -> list[uuid.UUID]:
    """The ids of photos that a report names, as far as they can be read."""
    return _named(body, "photos", PhotosField())


def _named(body: Any, name: str, field: PhotosField | AreaReference) -> list[Any]:
    if isinstance(body, Mapping) and (value := body.get(name)):
        with suppress(serializers.ValidationError):
            return list(field.keys(value))
    return []
