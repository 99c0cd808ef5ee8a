"""What the API says about one case: its row, its clocks, units and photos, and what one may do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.openapi import Named
from core.privacy import mask_name, mask_phone, scrub
from issues.api.serializers import (
    Contact,
    IssueRow,
    PhotoOutput,
    ScrubbedField,
    label_of,
    named,
    written,
)
from issues.case import Case
from issues.choices import (
    Action,
    ClockKind,
    Complexity,
    Lamp,
    Level,
    Outcome,
    Source,
    Status,
    Step,
)
from issues.models import (
    Approval,
    Assignment,
    Clock,
    Instruction,
    Issue,
    Supervision,
)
from issues.states import State
from issues.workflow import RULES

# What a case names that is not kept in memory; its master, which few have, is read when asked for.
NAMED = ("area", "reporter", "handler")


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
            "kind_label": label_of(clock.kind, ClockKind),
            "step": clock.step,
            "step_label": label_of(clock.step, Step),
            "level": clock.level,
            "unit": named(clock.assignment and clock.assignment.unit),
            "limit_value": clock.limit_value,
            "limit_unit": clock.limit_unit,
            "started_at": written(clock.started_at),
            "yellow_at": written(clock.yellow_at),
            "due_at": written(clock.due_at),
            "is_provisional": clock.is_provisional,
            "ended_at": written(clock.ended_at),
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
            "unit": named(row.unit),
            "is_lead": row.is_lead,
            "task": scrub(row.task),
            "reply_required": row.reply_required,
            "assigned_at": written(row.assigned_at),
            "acknowledge_due_at": written(row.acknowledge_due_at),
            "acknowledged_at": written(row.acknowledged_at),
            "deemed_acknowledged": row.deemed_acknowledged,
            "replied_at": written(row.replied_at),
            "is_present": row.left_seq is None,
        }


class AvailableAction(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=Action.choices)
    label = serializers.CharField()  # type: ignore[assignment]
    owed = serializers.BooleanField(help_text="true：该由我办；false：可以办，不是必须。")
    reason = serializers.CharField(allow_null=True, help_text="现在还不能办的原因；能办为 null。")


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
            "source_label": label_of(issue.source, Source),
            "complexity": issue.complexity,
            "complexity_label": label_of(issue.complexity, Complexity),
            "outcome": issue.outcome,
            "outcome_label": label_of(issue.outcome, Outcome),
            "address": issue.address,
            "longitude": issue.longitude,
            "latitude": issue.latitude,
            "reporter": issue.reporter.full_name if issue.reporter else None,
            "handler": issue.handler.full_name if issue.handler else None,
            "contact": self.get_contact(issue),
            "captured_at": written(issue.captured_at),
            "submitted_at": written(issue.submitted_at),
            "closed_at": written(issue.closed_at),
            "round": issue.round,
            "rework_count": issue.rework_count,
            "clocks": self.get_clocks(issue),
            "units": self.get_units(issue),
            "photos": self.get_photos(issue),
            "master": self.get_master(issue),
            "contacted_at": written(issue.contacted_at),
            "review_at": written(issue.review_at),
            "approvals": self.get_approvals(issue),
            "supervisions": self.get_supervisions(issue),
            "instructions": self.get_instructions(issue),
            "actions": self.get_actions(issue),
        }
