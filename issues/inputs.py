"""The one shape of each action's input: for the pages, the API, its document and the tests.

Serializers check shape; rules are checked by ``issues.workflow`` and ``issues.case``. Context:
``user`` (who fills it in) and ``place`` (the territory from which units may be chosen; optional).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from core.choices import AttachmentKind
from core.models import Attachment
from issues.choices import (
    Action,
    Contact,
    EscalationReason,
    FailReason,
    Outcome,
    SendDownReason,
    Source,
    Urgency,
)
from issues.models import Category, Photo
from people.models import Organisation

WORDS = 1000  # characters of one step's free text
MAX_PHOTOS = 9
MAX_CO_UNITS = 8
EARLIEST_CAPTURE = timedelta(days=30)
CLOCK_SKEW = timedelta(minutes=10)


class Input(serializers.Serializer[Any]):
    """Base of every action's input. ``choosable_units`` are read once for the whole input."""

    @cached_property
    def choosable_units(self) -> dict[int, Organisation]:
        place: Place | None = self.context.get("place")
        rows = Organisation.objects.select_related("place")
        rows = rows.assignable_in(place) if place else rows.filter(is_active=True)
        return {row.pk: row for row in rows}


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


@extend_schema_field({"type": "array", "items": {"type": "string", "format": "uuid"}})
class PhotosField(serializers.ListField):
    """Ids of photos that the same user has uploaded and not yet used. One query for all."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.UUIDField(),
            required=False,
            max_length=MAX_PHOTOS,
            label="照片",
            **kwargs,
        )

    def to_internal_value(self, data: Any) -> list[Attachment]:
        ids: list[uuid.UUID] = list(dict.fromkeys(super().to_internal_value(data)))
        if not ids:
            return []
        used = Photo.objects.filter(attachment_id__in=ids).values("attachment_id")
        found = {
            photo.pk: photo
            for photo in Attachment.objects.filter(
                pk__in=ids, uploaded_by=self.context["user"], kind=AttachmentKind.PHOTO
            ).exclude(pk__in=used)
        }
        if len(found) < len(ids):
            raise serializers.ValidationError("照片不存在、不是您上传的，或已用过。")
        return [found[pk] for pk in ids]


class Reference(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row. DRF's own takes 1.5 for 1."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, float):
            self.fail("incorrect_type", data_type="float")
        return super().to_internal_value(data)


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


class ReportInput(Input):
    client_id = serializers.UUIDField(label="上报端编号", help_text="由手机生成，重发时不变。")
    place = Reference(
        label="地点",
        queryset=Place.objects.filter(
            level__in=[PlaceLevel.GRID, PlaceLevel.COMMUNITY], valid_to__isnull=True
        ),
        help_text="网格或村（社区）。",
    )
    category = Reference(label="类别", queryset=Category.objects.filter(is_active=True))
    urgency = serializers.ChoiceField(
        label="紧急程度", choices=Urgency.choices, default=Urgency.NORMAL
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
    area = Reference(
        label="复杂区域", queryset=ComplexArea.objects.all(), required=False, allow_null=True
    )
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
        if (attrs.get("longitude") is None) != (attrs.get("latitude") is None):
            raise serializers.ValidationError({"longitude": "经度和纬度须同时填写。"})
        area, place = attrs.get("area"), attrs["place"]
        community_id = place.lineage()["community_id"]
        if area and not area.communities.filter(pk=community_id).exists():
            raise serializers.ValidationError({"area": "这个复杂区域不在所选地点。"})
        return attrs


class NoInput(Input):
    """For steps that need nothing but the decision."""


class FirstHandleInput(Input):
    text = words("处理计划")


class ResolveOnSpotInput(Input):
    outcome = serializers.ChoiceField(label="办理结果", choices=Outcome.choices)
    text = words("处理情况", required=False, allow_blank=True)
    photos = PhotosField()


class EscalateTownInput(Input):
    reason = serializers.ChoiceField(label="提级原因", choices=EscalationReason.choices)
    text = words("已做工作")
    suggested_unit = UnitField(label="建议承办单位", required=False, allow_null=True)


class ConsultInput(Input):
    units = serializers.ListField(
        label="参加单位", child=UnitField(), allow_empty=False, max_length=MAX_CO_UNITS
    )
    text = words("会诊意见")


class CoUnitInput(serializers.Serializer[Any]):
    unit = UnitField(label="协办单位")
    task = words("协办任务", required=False, allow_blank=True)
    limit_days = serializers.IntegerField(
        label="协办时限（工作日）", min_value=1, max_value=60, required=False, allow_null=True
    )
    reply_required = serializers.BooleanField(label="须回复", default=True)


class AssignInput(Input):
    lead_unit = UnitField(label="主办单位")
    co_units = CoUnitInput(  # type: ignore[call-arg]  # the list that many=True makes takes it
        label="协办单位", many=True, required=False, max_length=MAX_CO_UNITS
    )
    limit_days = serializers.IntegerField(
        label="办理时限（工作日）",
        min_value=1,
        max_value=60,
        required=False,
        allow_null=True,
        help_text="不填则按规定时限。",
    )
    text = words("办理要求")


class EscalateDistrictInput(Input):
    reason = serializers.ChoiceField(label="提级原因", choices=EscalationReason.choices)
    text = words("提请事项")


class SendDownInput(Input):
    reason = serializers.ChoiceField(label="下沉原因", choices=SendDownReason.choices)
    text = words("说明")


class CoReplyInput(Input):
    text = words("协办回复")


class CompletionInput(Input):
    outcome = serializers.ChoiceField(label="办理结果", choices=Outcome.choices)
    text = words("办理情况")
    photos = PhotosField()


class PassVerificationInput(Input):
    text = words("核查意见", required=False, allow_blank=True)
    photos = PhotosField()


class FailVerificationInput(Input):
    reason = serializers.ChoiceField(label="不通过原因", choices=FailReason.choices)
    text = words("核查意见")
    photos = PhotosField()


class RevisitInput(Input):
    contact = serializers.ChoiceField(label="联系情况", choices=Contact.choices)
    is_solved = serializers.BooleanField(
        label="问题是否解决", required=False, allow_null=True, default=None
    )
    satisfaction = serializers.IntegerField(
        label="满意度（1–5）", min_value=1, max_value=5, required=False, allow_null=True
    )
    text = words("回访记录", required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        reached = attrs["contact"] == Contact.REACHED
        if reached and attrs.get("is_solved") is None:
            raise serializers.ValidationError({"is_solved": "已联系上时，请填写问题是否解决。"})
        if not reached and (attrs.get("is_solved") is not None or attrs.get("satisfaction")):
            raise serializers.ValidationError({"contact": "未联系上时，不能填写解决情况和满意度。"})
        return attrs


class RedoInput(Input):
    reason = serializers.ChoiceField(label="重办原因", choices=FailReason.choices)
    satisfaction = serializers.IntegerField(
        label="满意度（1–5）", min_value=1, max_value=5, required=False, allow_null=True
    )
    text = words("诉求人意见")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A redo is asked for by somebody who was reached and is not content."""
        return {**attrs, "contact": Contact.REACHED, "is_solved": False}


INPUTS: Mapping[Action, type[Input]] = {
    Action.CREATE: ReportInput,
    Action.FIRST_HANDLE: FirstHandleInput,
    Action.RESOLVE_ON_SPOT: ResolveOnSpotInput,
    Action.ESCALATE_TOWN: EscalateTownInput,
    Action.CONSULT: ConsultInput,
    Action.ASSIGN: AssignInput,
    Action.ESCALATE_DISTRICT: EscalateDistrictInput,
    Action.SEND_DOWN: SendDownInput,
    Action.ACKNOWLEDGE: NoInput,
    Action.CO_REPLY: CoReplyInput,
    Action.SUBMIT_COMPLETION: CompletionInput,
    Action.PASS_VERIFICATION: PassVerificationInput,
    Action.FAIL_VERIFICATION: FailVerificationInput,
    Action.RECORD_REVISIT: RevisitInput,
    Action.REDO: RedoInput,
}
