"""The one shape of each action's input: for the pages, the API, its document and the tests.

Serializers check shape; rules are checked by ``issues.workflow`` and ``issues.case``. Context:
``user`` (who fills it in) and ``place`` (the territory from which units may be chosen; optional).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from areas.reference import places
from issues.choices import (
    Action,
    Contact,
    ContactWay,
    EscalationReason,
    FailReason,
    Grade,
    Outcome,
    ReopenReason,
    Respondent,
    ReturnReason,
    SendDownReason,
    SuspensionKind,
    Urgency,
    Visibility,
    VoidReason,
)
from issues.input_fields import (
    AreaReference,
    CaseReference,
    Input,
    KeptReference,
    PhotosField,
    Reference,
    UnitField,
    limit,
    words,
)
from issues.models import Issue
from issues.reference import categories
from issues.report_input import ReportInput, is_in_use, takes_reports
from people.choices import Role
from people.models import Posting, User

MAX_CO_UNITS = 8
# A case is never closed by hand as turned into a project.
OUTCOMES = [choice for choice in Outcome.choices if choice[0] != Outcome.TO_PROJECT]


class NoInput(Input):
    """For steps that need nothing but the decision."""


class FirstHandleInput(Input):
    text = words("处理计划")


class ResolveOnSpotInput(Input):
    outcome = serializers.ChoiceField(label="办理结果", choices=OUTCOMES)
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
    limit_days = limit("协办时限（工作日）")
    reply_required = serializers.BooleanField(label="须回复", default=True)


class AssignInput(Input):
    lead_unit = UnitField(label="主办单位")
    co_units = CoUnitInput(  # type: ignore[call-arg]  # the list that many=True makes takes it
        label="协办单位", many=True, required=False, max_length=MAX_CO_UNITS
    )
    limit_days = limit("办理时限（工作日）", help_text="不填则按规定时限。")
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
    outcome = serializers.ChoiceField(label="办理结果", choices=OUTCOMES)
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


# --- returns, rulings, changes while a unit works ---


class RequestReturnInput(Input):
    reason = serializers.ChoiceField(label="退回原因", choices=ReturnReason.choices)
    suggested_unit = UnitField(label="建议承办单位", required=False, allow_null=True)
    text = words("退回依据", help_text="写明法律法规或职责清单的条目。")


class DecisionInput(Input):
    text = words("意见")


class AnswerInput(Input):
    text = words("反馈内容")
    photos = PhotosField()


class ArbitrateInput(Input):
    lead_unit = UnitField(label="主办单位")
    limit_days = limit("办理时限（工作日）", help_text="不填则按规定时限。")
    text = words("裁定意见", help_text="裁定后不得再退回；同类问题再次交办时会提示这一裁定。")


class TransferInput(Input):
    lead_unit = UnitField(label="转给")
    limit_days = limit("办理时限（工作日）", help_text="不填则按规定时限；总时限不变。")
    text = words("转办原因和要求")


class AddCoInput(Input):
    co_units = CoUnitInput(  # type: ignore[call-arg]  # the list that many=True makes takes it
        label="协办单位", many=True, allow_empty=False, max_length=MAX_CO_UNITS
    )
    text = words("说明", required=False, allow_blank=True)


class ProgressInput(Input):
    visibility = serializers.ChoiceField(label="公开范围", choices=Visibility.choices)
    percent = serializers.IntegerField(
        label="完成百分比", min_value=0, max_value=100, required=False, allow_null=True
    )
    text = words("进展情况")
    photos = PhotosField()


class ExtensionInput(Input):
    until = serializers.DateField(label="延期至", help_text="工作日，最多延 10 个工作日。")
    text = words("延期理由和后续计划")


class SuspensionInput(Input):
    kind = serializers.ChoiceField(label="挂起原因", choices=SuspensionKind.choices)
    until = serializers.DateField(label="复核日期", help_text="90 天之内，到期自动恢复。")
    text = words("挂起理由和临时措施")


class ToMeetingInput(Input):
    until = serializers.DateField(label="复核日期", help_text="60 天之内，到期自动恢复。")
    text = words("提请事项和建议")


class ResolutionInput(Input):
    lead_unit = UnitField(label="主办单位")
    co_units = CoUnitInput(  # type: ignore[call-arg]  # the list that many=True makes takes it
        label="协办单位", many=True, required=False, max_length=MAX_CO_UNITS
    )
    until = serializers.DateField(label="完成时限")
    text = words("议定事项")


# --- ends and beginnings ---


class VoidInput(Input):
    reason = serializers.ChoiceField(label="原因", choices=VoidReason.choices)
    text = words("说明", help_text="须由另一人复核。")


class DeclineInput(Input):
    reason = serializers.ChoiceField(label="原因", choices=VoidReason.choices)
    text = words("答复诉求人的内容", help_text="须由另一人复核。")


class ReviewInput(Input):
    satisfaction = serializers.IntegerField(
        label="满意度（1–5）", min_value=1, max_value=5, required=False, allow_null=True
    )
    text = words("诉求人意见和申请理由", help_text="用于诉求不合法、不合理而诉求人仍不满意的情形。")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Asked for after somebody was reached who is not content."""
        return {**attrs, "contact": Contact.REACHED, "is_solved": False}


class ReopenInput(Input):
    reason = serializers.ChoiceField(label="重开原因", choices=ReopenReason.choices)
    text = words("情况说明")
    photos = PhotosField()


class MergeInput(Input):
    master = CaseReference(
        label="主件", queryset=Issue.objects.none(), help_text="问题的 id 或编号。"
    )
    text = words("说明", required=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if user := self.context.get("user"):
            fields["master"].queryset = Issue.objects.visible_to(user)
        return fields


# --- beside the way ---


class ContactInput(Input):
    how = serializers.ChoiceField(label="联系方式", choices=ContactWay.choices)
    contact = serializers.ChoiceField(label="联系情况", choices=Contact.choices)
    text = words("联系记录", required=False, allow_blank=True)


def colleagues(issue: Issue) -> QuerySet[User]:
    """Who may take over a case: the lead unit's handlers, else the grid's workers and community."""
    postings = Posting.objects.in_force(timezone.localdate())
    if issue.lead_unit_id:
        postings = postings.filter(role=Role.UNIT_HANDLER, organisation_id=issue.lead_unit_id)
    else:
        postings = postings.filter(
            role__in=[Role.GRID_WORKER, Role.COMMUNITY_OFFICER],
            place_id__in=[issue.grid_id, issue.community_id],
        )
    return User.objects.filter(is_active=True, pk__in=postings.order_by().values("user_id"))


class HandOverInput(Input):
    to = Reference(label="接手人", queryset=User.objects.none())
    text = words("移交说明", required=False, allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        if issue := self.context.get("issue"):
            fields["to"].queryset = colleagues(issue)
        return fields


class SuperviseInput(Input):
    grade = serializers.ChoiceField(label="督办等级", choices=Grade.choices)
    limit_days = limit("反馈时限（工作日）", help_text="不填则按规定时限；不影响问题本身的时限。")
    text = words("督办要求")


class InstructInput(Input):
    leader_name = serializers.CharField(label="批示领导", max_length=30)
    until = serializers.DateField(label="反馈期限")
    respondent = serializers.ChoiceField(
        label="由谁反馈", choices=Respondent.choices, default=Respondent.LEAD_UNIT
    )
    text = words("批示内容")


class CorrectInput(Input):
    """Only what is filled in changes."""

    title = serializers.CharField(label="标题", max_length=60, required=False, allow_blank=True)
    description = words("内容", required=False, allow_blank=True)
    category = KeptReference(
        label="类别", rows=categories, eligible=is_in_use, required=False, allow_null=True
    )
    urgency = serializers.ChoiceField(
        label="紧急程度", choices=Urgency.choices, required=False, allow_blank=True
    )
    place = KeptReference(
        label="地点", rows=places, eligible=takes_reports, required=False, allow_null=True
    )
    area = AreaReference(label="复杂区域", required=False, allow_null=True)
    address = serializers.CharField(
        label="详细地址", max_length=120, required=False, allow_blank=True
    )
    text = words("更正原因")


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
    Action.REQUEST_RETURN: RequestReturnInput,
    Action.APPROVE_RETURN: DecisionInput,
    Action.REFUSE_RETURN: DecisionInput,
    Action.ARBITRATE: ArbitrateInput,
    Action.TRANSFER: TransferInput,
    Action.ADD_CO: AddCoInput,
    Action.PROGRESS: ProgressInput,
    Action.REQUEST_EXTENSION: ExtensionInput,
    Action.APPROVE_EXTENSION: DecisionInput,
    Action.REFUSE_EXTENSION: DecisionInput,
    Action.REQUEST_SUSPENSION: SuspensionInput,
    Action.SUSPEND: DecisionInput,
    Action.REFUSE_SUSPENSION: DecisionInput,
    Action.TO_MEETING: ToMeetingInput,
    Action.APPLY_RESOLUTION: ResolutionInput,
    Action.RESUME: DecisionInput,
    Action.CONVERT_TO_PROJECT: DecisionInput,
    Action.REQUEST_REVIEW: ReviewInput,
    Action.CLOSE_ON_REVIEW: DecisionInput,
    Action.REOPEN: ReopenInput,
    Action.MERGE: MergeInput,
    Action.UNMERGE: DecisionInput,
    Action.DECLINE: DeclineInput,
    Action.VOID: VoidInput,
    Action.CONFIRM_VOID: DecisionInput,
    Action.REFUSE_VOID: DecisionInput,
    Action.CONTACT: ContactInput,
    Action.HAND_OVER: HandOverInput,
    Action.URGE: DecisionInput,
    Action.SUPERVISE: SuperviseInput,
    Action.ANSWER_SUPERVISION: AnswerInput,
    Action.STRIKE_OFF: DecisionInput,
    Action.INSTRUCT: InstructInput,
    Action.ANSWER_INSTRUCTION: AnswerInput,
    Action.CORRECT: CorrectInput,
}
