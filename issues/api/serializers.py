"""What the API gives about issues. What it takes stands in ``issues.inputs``.

The fields say what an answer looks like, for the document. Where answers have many rows,
``to_representation`` writes the same by hand, at a tenth of the price; a test holds them equal.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from areas.models import ComplexArea, Place
from core.models import Attachment
from core.openapi import Named
from core.privacy import scrub
from core.workdays import SHANGHAI
from issues.choices import (
    Action,
    Lamp,
    Level,
    PhotoStage,
    RevealReason,
    Urgency,
)
from issues.models import (
    Category,
    Issue,
    Photo,
)
from issues.reference import with_reference_data
from issues.story import Entry
from people.models import Organisation, User


class ScrubbedField(serializers.CharField):
    """Free text with telephone and identity numbers masked."""

    def to_representation(self, value: str) -> str:
        return scrub(value)


class ClientIdInput(serializers.Serializer[Any]):
    """The idempotency key of a report, read before anything else of it."""

    client_id = serializers.RegexField(
        r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
        label="上报端编号",
        error_messages={"invalid": "须为 UUID，例如 6f0c5f0e-4a53-4d5f-9d0c-0a7c2f6f4b11。"},
    )

    def validate_client_id(self, value: str) -> uuid.UUID:
        return uuid.UUID(value)


class IssueRows(serializers.ListSerializer[Issue]):
    def to_representation(self, data: Any) -> list[dict[str, Any]]:
        return [row_of(issue) for issue in with_reference_data(data)]


class IssueRow(serializers.ModelSerializer[Issue]):
    """An issue as it stands in lists and in delta sync."""

    title = ScrubbedField()
    category = Named()
    place = Named()
    town = Named(allow_null=True)
    community = Named(allow_null=True)
    area = Named(allow_null=True)
    lead_unit = Named(allow_null=True)
    level_label = serializers.CharField(source="get_level_display")
    state_label = serializers.CharField(help_text="状态的中文说法。")
    urgency_label = serializers.CharField(source="get_urgency_display")
    lamp = serializers.SerializerMethodField(
        help_text="答复时刻的环节灯；手机可用 yellow_at、due_at 自行重算。已结案为 null。"
    )
    version = serializers.IntegerField(help_text="办理动作须带上它。")

    class Meta:
        model = Issue
        list_serializer_class = IssueRows
        fields = [
            "id",
            "number",
            "client_id",
            "title",
            "category",
            "urgency",
            "urgency_label",
            "level",
            "level_label",
            "status",
            "state_label",
            "version",
            "place",
            "town",
            "community",
            "area",
            "lead_unit",
            "received_at",
            "yellow_at",
            "due_at",
            "overall_due_at",
            "lamp",
        ]

    @extend_schema_field(serializers.ChoiceField(choices=Lamp.choices, allow_null=True))
    def get_lamp(self, issue: Issue) -> str | None:
        return issue.lamp()

    def to_representation(self, issue: Issue) -> dict[str, Any]:
        return row_of(issue)


def row_of(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.pk,
        "number": issue.number,
        "client_id": str(issue.client_id),
        "title": scrub(issue.title),
        "category": named(issue.category),
        "urgency": issue.urgency,
        "urgency_label": label_of(issue.urgency, Urgency),
        "level": issue.level,
        "level_label": label_of(issue.level, Level),
        "status": issue.status,
        "state_label": issue.state_label,
        "version": issue.version,
        "place": named(issue.place),
        "town": named(issue.town),
        "community": named(issue.community),
        "area": named(issue.area),
        "lead_unit": named(issue.lead_unit),
        "received_at": written(issue.received_at),
        "yellow_at": written(issue.yellow_at),
        "due_at": written(issue.due_at),
        "overall_due_at": written(issue.overall_due_at),
        "lamp": issue.lamp(),
    }


def label_of(value: str, choices: type[TextChoices]) -> str:
    return choices(value).label if value else ""


def named(row: Any) -> dict[str, Any] | None:
    return None if row is None else {"id": row.pk, "name": row.name}


def written(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(SHANGHAI).isoformat()


class PhotoOutput(serializers.ModelSerializer[Photo]):
    id = serializers.UUIDField(source="attachment_id")
    stage_label = serializers.CharField(source="get_stage_display")
    url = serializers.SerializerMethodField(help_text="图片地址，读取时同样要带令牌。")
    width = serializers.IntegerField(source="attachment.width")
    height = serializers.IntegerField(source="attachment.height")
    sha256 = serializers.CharField(source="attachment.sha256", help_text="原图的摘要。")

    class Meta:
        model = Photo
        fields = ["id", "stage", "stage_label", "seq", "url", "width", "height", "sha256"]

    def get_url(self, photo: Photo) -> str:
        return reverse("api-issue-photo", args=[photo.issue_id, photo.attachment_id])

    def to_representation(self, photo: Photo) -> dict[str, Any]:
        picture = photo.attachment
        return {
            "id": str(photo.attachment_id),
            "stage": photo.stage,
            "stage_label": label_of(photo.stage, PhotoStage),
            "seq": photo.seq,
            "url": self.get_url(photo),
            "width": picture.width,
            "height": picture.height,
            "sha256": picture.sha256,
        }


class Contact(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)


class CandidateOutput(serializers.Serializer[Any]):
    """A case that may be the same matter: ``issues.duplicates.Candidate``."""

    issue = IssueRow()
    description = ScrubbedField(source="issue.description")
    metres = serializers.IntegerField(
        allow_null=True, help_text="相距多少米；缺少坐标而地址相同的为 null。"
    )
    photo = PhotoOutput(allow_null=True)


class PersonOutput(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "full_name"]


class IssueState(serializers.ModelSerializer[Issue]):
    """Where an issue stands after a write. Kept for retries, so it holds no words of people."""

    class Meta:
        model = Issue
        fields = ["id", "number", "client_id", "level", "status", "version"]


class Fact(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField()


class TimelineEntry(serializers.Serializer[Any]):
    """One entry of ``issues.story.history``."""

    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    action = serializers.ChoiceField(choices=Action.choices)
    action_label = serializers.CharField(source="title")
    by = serializers.CharField(help_text="操作人及其任职；平台自动办理的为“平台”。")
    state = serializers.CharField(allow_blank=True, help_text="这一步之后的状态；没有变化则为空。")
    facts = serializers.SerializerMethodField(help_text="要素：原因、结果、单位、时限等。")
    text = serializers.CharField(allow_blank=True)
    photos = PhotoOutput(many=True)

    @extend_schema_field(Fact(many=True))
    def get_facts(self, entry: Entry) -> list[dict[str, str]]:
        return [{"label": label, "value": value} for label, value in entry.facts]


class UploadInput(serializers.Serializer[Any]):
    photo = serializers.FileField(
        label="照片", allow_empty_file=True, help_text="JPEG、PNG 或 WebP，不超过 10 MB。"
    )


class UploadOutput(serializers.ModelSerializer[Attachment]):
    class Meta:
        model = Attachment
        fields = ["id", "content_type", "size", "sha256", "width", "height"]


class CategoryOutput(serializers.ModelSerializer[Category]):
    parent_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Category
        fields = ["id", "name", "parent_id", "needs_verification"]


class PlaceOutput(serializers.ModelSerializer[Place]):
    level_label = serializers.CharField(source="get_level_display")
    parent_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Place
        fields = ["id", "name", "code", "level", "level_label", "parent_id"]


class AreaOutput(serializers.ModelSerializer[ComplexArea]):
    type_label = serializers.CharField(source="get_type_display")
    community_ids: Any = serializers.PrimaryKeyRelatedField(
        source="communities", many=True, read_only=True, help_text="所在的村（社区）。"
    )

    class Meta:
        model = ComplexArea
        fields = ["id", "code", "name", "type", "type_label", "community_ids"]


class UnitOutput(serializers.ModelSerializer[Organisation]):
    kind_label = serializers.CharField(source="get_kind_display")

    class Meta:
        model = Organisation
        fields = ["id", "name", "short_name", "kind", "kind_label"]


class RevealInput(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(label="查看原因", choices=RevealReason.choices)


class SyncOutput(serializers.Serializer[Any]):
    changed = IssueRow(many=True, help_text="新增或有变化的问题，按 id 覆盖本机数据。")
    removed = serializers.ListField(
        child=serializers.IntegerField(), help_text="不再归我查看的问题 id，从本机删除。"
    )
    cursor = serializers.CharField(help_text="下次同步时带上；内容不必理解。")
    has_more = serializers.BooleanField(help_text="true 时请立即继续。")
