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
from core.privacy import mask_name, mask_phone, scrub
from core.workdays import SHANGHAI
from issues.case import Case
from issues.choices import (
    Action,
    ClockKind,
    Complexity,
    Lamp,
    Level,
    Outcome,
    PhotoStage,
    RevealReason,
    Source,
    Status,
    Step,
    Urgency,
)
from issues.models import (
    Approval,
    Assignment,
    Category,
    Clock,
    Instruction,
    Issue,
    Photo,
    Supervision,
)
from issues.reference import with_reference_data
from issues.states import State
from issues.story import Entry
from issues.workflow import RULES
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
        return [_issue(issue) for issue in with_reference_data(data)]


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
        return _issue(issue)


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.pk,
        "number": issue.number,
        "client_id": str(issue.client_id),
        "title": scrub(issue.title),
        "category": _named(issue.category),
        "urgency": issue.urgency,
        "urgency_label": _label(issue.urgency, Urgency),
        "level": issue.level,
        "level_label": _label(issue.level, Level),
        "status": issue.status,
        "state_label": issue.state_label,
        "version": issue.version,
        "place": _named(issue.place),
        "town": _named(issue.town),
        "community": _named(issue.community),
        "area": _named(issue.area),
        "lead_unit": _named(issue.lead_unit),
        "received_at": _time(issue.received_at),
        "yellow_at": _time(issue.yellow_at),
        "due_at": _time(issue.due_at),
        "overall_due_at": _time(issue.overall_due_at),
        "lamp": issue.lamp(),
    }


def _label(value: str, choices: type[TextChoices]) -> str:
    return choices(value).label if value else ""


def _named(row: Any) -> dict[str, Any] | None:
    return None if row is None else {"id": row.pk, "name": row.name}


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(SHANGHAI).isoformat()


class ClockOutput(serializers.ModelSerializer[Clock]):
    kind_label = serializers.CharField(source="get_kind_display")
    step_label = serializers.CharField(source="get_step_display")
    unit = Named(source="assignment.unit", allow_null=True, default=None)
    lamp = serializers.SerializerMethodField(help_text="已停止为 null。")

    class Meta:
        model = Clock
        fields = [
            "kind",
            "kind_label",
            "step",
            "step_label",
            "level",
            "unit",
            "limit_value",
            "limit_unit",
            "started_at",
            "yellow_at",
            "due_at",
            "is_provisional",
            "ended_at",
            "verdict",
            "lamp",
        ]

    @extend_schema_field(serializers.ChoiceField(choices=Lamp.choices, allow_null=True))
    def get_lamp(self, clock: Clock) -> str | None:
        return clock.lamp()

    def to_representation(self, clock: Clock) -> dict[str, Any]:
        return {
            "kind": clock.kind,
            "kind_label": _label(clock.kind, ClockKind),
            "step": clock.step,
            "step_label": _label(clock.step, Step),
            "level": clock.level,
            "unit": _named(clock.assignment and clock.assignment.unit),
            "limit_value": clock.limit_value,
            "limit_unit": clock.limit_unit,
            "started_at": _time(clock.started_at),
            "yellow_at": _time(clock.yellow_at),
            "due_at": _time(clock.due_at),
            "is_provisional": clock.is_provisional,
            "ended_at": _time(clock.ended_at),
            "verdict": clock.verdict,
            "lamp": clock.lamp(),
        }


class AssignmentOutput(serializers.ModelSerializer[Assignment]):
    unit = Named()
    task = ScrubbedField()
    is_present = serializers.SerializerMethodField(help_text="单位是否仍在承办。")

    class Meta:
        model = Assignment
        fields = [
            "unit",
            "is_lead",
            "task",
            "reply_required",
            "assigned_at",
            "acknowledge_due_at",
            "acknowledged_at",
            "deemed_acknowledged",
            "replied_at",
            "is_present",
        ]

    def get_is_present(self, row: Assignment) -> bool:
        return row.left_seq is None

    def to_representation(self, row: Assignment) -> dict[str, Any]:
        return {
            "unit": _named(row.unit),
            "is_lead": row.is_lead,
            "task": scrub(row.task),
            "reply_required": row.reply_required,
            "assigned_at": _time(row.assigned_at),
            "acknowledge_due_at": _time(row.acknowledge_due_at),
            "acknowledged_at": _time(row.acknowledged_at),
            "deemed_acknowledged": row.deemed_acknowledged,
            "replied_at": _time(row.replied_at),
            "is_present": row.left_seq is None,
        }


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
            "stage_label": _label(photo.stage, PhotoStage),
            "seq": photo.seq,
            "url": self.get_url(photo),
            "width": picture.width,
            "height": picture.height,
            "sha256": picture.sha256,
        }


class AvailableAction(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=Action.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    owed = serializers.BooleanField(help_text="true：该由我办；false：可以办，不是必须。")
    reason = serializers.CharField(allow_null=True, help_text="现在还不能办的原因；能办为 null。")


class Contact(serializers.Serializer[Any]):
    name = serializers.CharField(allow_blank=True)
    phone = serializers.CharField(allow_blank=True)


class ApprovalOutput(serializers.ModelSerializer[Approval]):
    kind_label = serializers.CharField(source="get_kind_display")
    decision_label = serializers.CharField(
        source="get_decision_display", help_text="空：等待审批。"
    )
    unit = Named(allow_null=True)

    class Meta:
        model = Approval
        fields = [
            "kind",
            "kind_label",
            "nth",
            "unit",
            "until",
            "asked_at",
            "asked_of",
            "decision",
            "decision_label",
            "decided_at",
            "old_due_at",
            "new_due_at",
        ]


class SupervisionOutput(serializers.ModelSerializer[Supervision]):
    number = serializers.CharField()
    grade_label = serializers.CharField(source="get_grade_display")
    due_at = serializers.DateTimeField(source="clock.due_at")

    class Meta:
        model = Supervision
        fields = [
            "number",
            "grade",
            "grade_label",
            "issued_at",
            "due_at",
            "answered_at",
            "struck_off_at",
        ]


class InstructionOutput(serializers.ModelSerializer[Instruction]):
    due_at = serializers.DateTimeField(source="clock.due_at")

    class Meta:
        model = Instruction
        fields = ["leader_name", "respondent", "at", "due_at", "answered_at"]


class IssueDetail(IssueRow):
    """One issue for one person. Context: its ``case``; ``actions``; ``photos`` that they may see;
    ``upto``, the last event that they may read; and, where that is not the last of all, its instant
    as ``until``.
    """

    description = ScrubbedField()
    source_label = serializers.CharField(source="get_source_display")
    complexity_label = serializers.CharField(source="get_complexity_display", allow_blank=True)
    outcome_label = serializers.CharField(source="get_outcome_display", allow_blank=True)
    reporter = serializers.CharField(source="reporter.full_name", allow_null=True, default=None)
    handler = serializers.CharField(source="handler.full_name", allow_null=True, default=None)
    contact = serializers.SerializerMethodField(help_text="诉求人，已脱敏。")
    clocks = serializers.SerializerMethodField()
    units = serializers.SerializerMethodField(help_text="主办和协办单位。")
    photos = serializers.SerializerMethodField()
    master = serializers.SerializerMethodField(help_text="并入的主件。")
    approvals = serializers.SerializerMethodField(help_text="退回、延期、挂起等申请及审批。")
    supervisions = serializers.SerializerMethodField(help_text="督办单。")
    instructions = serializers.SerializerMethodField(help_text="领导批示。")
    actions = serializers.SerializerMethodField(help_text="我现在的办理动作。")

    class Meta(IssueRow.Meta):
        fields = [
            *IssueRow.Meta.fields,
            "description",
            "source",
            "source_label",
            "complexity",
            "complexity_label",
            "outcome",
            "outcome_label",
            "address",
            "longitude",
            "latitude",
            "reporter",
            "handler",
            "contact",
            "captured_at",
            "submitted_at",
            "closed_at",
            "round",
            "rework_count",
            "clocks",
            "units",
            "photos",
            "master",
            "contacted_at",
            "review_at",
            "approvals",
            "supervisions",
            "instructions",
            "actions",
        ]

    @extend_schema_field(Contact)
    def get_contact(self, issue: Issue) -> dict[str, str]:
        return {
            "name": mask_name(issue.contact_name),
            "phone": mask_phone(issue.contact_phone),
        }

    @extend_schema_field(ClockOutput(many=True))
    def get_clocks(self, issue: Issue) -> Any:
        clocks = [row for row in self._case.clocks if self._was_there(row.started_at)]
        return ClockOutput(clocks, many=True).data

    @extend_schema_field(AssignmentOutput(many=True))
    def get_units(self, issue: Issue) -> Any:
        orders = [row for row in self._case.assignments if self._was_there(row.assigned_at)]
        return AssignmentOutput(orders, many=True).data

    @extend_schema_field(PhotoOutput(many=True))
    def get_photos(self, issue: Issue) -> Any:
        return PhotoOutput(self.context["photos"].select_related("attachment"), many=True).data

    @extend_schema_field({"type": "string", "nullable": True})
    def get_master(self, issue: Issue) -> str | None:
        return issue.master.number if issue.master else None

    @extend_schema_field(ApprovalOutput(many=True))
    def get_approvals(self, issue: Issue) -> Any:
        rows = [row for row in self._case.approvals if row.asked_seq <= self.context["upto"]]
        return ApprovalOutput(rows, many=True).data

    @extend_schema_field(SupervisionOutput(many=True))
    def get_supervisions(self, issue: Issue) -> Any:
        rows = [row for row in self._case.supervisions if row.issued_seq <= self.context["upto"]]
        return SupervisionOutput(rows, many=True).data

    @extend_schema_field(InstructionOutput(many=True))
    def get_instructions(self, issue: Issue) -> Any:
        rows = [row for row in self._case.instructions if row.seq <= self.context["upto"]]
        return InstructionOutput(rows, many=True).data

    @extend_schema_field(AvailableAction(many=True))
    def get_actions(self, issue: Issue) -> list[dict[str, Any]]:
        actions: dict[Action, str | None] = self.context["actions"]
        state = State(Level(issue.level), Status(issue.status))
        return [
            {
                "action": action,
                "label": action.label,
                "owed": RULES[state, action].owed,
                "reason": reason,
            }
            for action, reason in actions.items()
        ]

    @property
    def _case(self) -> Case:
        return self.context["case"]

    def _was_there(self, at: datetime) -> bool:
        until: datetime | None = self.context["until"]
        return until is None or at <= until

    def to_representation(self, issue: Issue) -> dict[str, Any]:
        return super().to_representation(issue) | {
            "description": scrub(issue.description),
            "source": issue.source,
            "source_label": _label(issue.source, Source),
            "complexity": issue.complexity,
            "complexity_label": _label(issue.complexity, Complexity),
            "outcome": issue.outcome,
            "outcome_label": _label(issue.outcome, Outcome),
            "address": issue.address,
            "longitude": issue.longitude,
            "latitude": issue.latitude,
            "reporter": issue.reporter.full_name if issue.reporter else None,
            "handler": issue.handler.full_name if issue.handler else None,
            "contact": self.get_contact(issue),
            "captured_at": _time(issue.captured_at),
            "submitted_at": _time(issue.submitted_at),
            "closed_at": _time(issue.closed_at),
            "round": issue.round,
            "rework_count": issue.rework_count,
            "clocks": self.get_clocks(issue),
            "units": self.get_units(issue),
            "photos": self.get_photos(issue),
            "master": self.get_master(issue),
            "contacted_at": _time(issue.contacted_at),
            "review_at": _time(issue.review_at),
            "approvals": self.get_approvals(issue),
            "supervisions": self.get_supervisions(issue),
            "instructions": self.get_instructions(issue),
            "actions": self.get_actions(issue),
        }


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
