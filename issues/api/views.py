"""The API of issues for a grid worker's phone: report, look, act, and keep in step.

Every write goes through ``core.idempotency.once``: it is looked up there before anything of it is
checked, so a retry finds its first answer even when the case has moved on or a photo is in use.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from core import attachments
from core.choices import AttachmentKind
from core.errors import NotFoundHere
from core.idempotency import once
from core.openapi import IDEMPOTENCY_KEY, answers
from core.pagination import Keyset, Order
from core.workdays import calendar
from issues import actions, duplicates, story
from issues.api import sync
from issues.api.filters import IssueFilter
from issues.api.serializers import (
    AreaOutput,
    CandidateOutput,
    CategoryOutput,
    ClientIdInput,
    Contact,
    IssueDetail,
    IssueRow,
    IssueState,
    PersonOutput,
    PlaceOutput,
    RevealInput,
    SyncOutput,
    TimelineEntry,
    UnitOutput,
    UploadInput,
    UploadOutput,
)
from issues.choices import Action
from issues.inputs import INPUTS, Input, ReportInput, colleagues
from issues.models import Category, Issue
from issues.querysets import IssueQuerySet, last_visible_seq, reads_internal_notes, visible_photos
from issues.workflow import TAKEN_ELSEWHERE
from people.models import Organisation
from people.requests import signed_in

RECEIVED = Order("received_at", descending=True)
DUE = Order("due_at")


class IssuesView(ListAPIView[Issue]):
    queryset = Issue.objects.none()  # for the API document
    serializer_class = IssueRow
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = IssueFilter
    pagination_class = Keyset

    def get_page_order(self) -> Order:
        return DUE if self.request.query_params.get("sort") == "due" else RECEIVED

    def get_queryset(self) -> IssueQuerySet:
        return Issue.objects.visible_to(self.request.user).with_list_data()

    @extend_schema(
        operation_id="list_issues",
        summary="问题列表",
        description="我能查看的全部问题；waiting=true 只列待我办理的。",
        tags=["问题"],
        responses=answers(IssueRow(many=True), 400, 401),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return self.list(request)

    @extend_schema(
        operation_id="report_issue",
        summary="上报问题",
        description="client_id 由手机生成，就是幂等键：未收到答复时原样重发，得到第一次的答复"
        "（带 Idempotency-Replayed: true），永不重复建案。照片先经 POST /uploads 上传。",
        tags=["问题"],
        request=ReportInput,
        responses=answers(IssueState, 400, 401, 403, 413, 422, status=201),
    )
    def post(self, request: Request) -> Response:
        client_id = _validated(ClientIdInput, request.data)["client_id"]
        key = f"report:{client_id}"
        return once(request, lambda: self.report(request), key=key, forever=True)

    def report(self, request: Request) -> Response:
        data = _validated(ReportInput, request.data, user=request.user)
        issue = actions.report(by=signed_in(request), data=data)
        return Response(IssueState(issue).data, status=201)


class IssueView(APIView):
    @extend_schema(
        operation_id="get_issue",
        summary="问题详情",
        description="含时限、单位、照片，以及我现在的办理动作（不能办的附原因）。",
        tags=["问题"],
        responses=answers(IssueDetail, 401, 404),
    )
    def get(self, request: Request, pk: int) -> Response:
        issue = _visible(request, pk)
        upto = last_visible_seq(issue, request.user)
        left_at = None
        if upto < issue.event_count:
            left_at = issue.events.values_list("at", flat=True).get(seq=upto)
        possible = {
            step: why
            for step, why in actions.available(issue, by=signed_in(request)).items()
            if step not in TAKEN_ELSEWHERE
        }
        context = {
            "actions": possible,
            "photos": visible_photos(issue, request.user),
            "upto": upto,
            "until": left_at,
        }
        return Response(IssueDetail(issue, context=context).data)


class DuplicatesView(APIView):
    @extend_schema(
        operation_id="list_duplicates",
        summary="可能重复的问题",
        description="50 米以内、前后 30 天、同一类别的在办问题，近的在前；供并案时核对。",
        tags=["问题"],
        responses=answers(CandidateOutput(many=True), 401, 404),
    )
    def get(self, request: Request, pk: int) -> Response:
        found = duplicates.candidates(_visible(request, pk), by=signed_in(request))
        return Response(CandidateOutput(found, many=True).data)


class ColleaguesView(APIView):
    @extend_schema(
        operation_id="list_colleagues",
        summary="可以接手的人",
        description="移交时的 to：主办单位的承办经办；在网格办理的，为本网格和村（社区）的人员。",
        tags=["填表"],
        responses=answers(PersonOutput(many=True), 401, 404),
    )
    def get(self, request: Request, pk: int) -> Response:
        people = colleagues(_visible(request, pk)).order_by("full_name", "id")
        return Response(PersonOutput(people, many=True).data)


class TimelineView(APIView):
    @extend_schema(
        operation_id="get_timeline",
        summary="办理记录",
        description="从登记上报起，直到我能查看的最后一步；已退出的单位只到退出那一步。",
        tags=["问题"],
        responses=answers(TimelineEntry(many=True), 401, 404),
    )
    def get(self, request: Request, pk: int) -> Response:
        issue = _visible(request, pk)
        upto = last_visible_seq(issue, request.user)
        internal = reads_internal_notes(issue, request.user)
        entries = story.history(issue, upto=upto, calendar=calendar(), internal=internal)
        return Response(TimelineEntry(entries, many=True).data)


class PhotoView(APIView):
    @extend_schema(
        operation_id="get_photo",
        summary="照片",
        tags=["问题"],
        responses=answers(OpenApiTypes.BINARY, 401, 404, media_type="image/*"),
    )
    def get(self, request: Request, pk: int, photo_id: uuid.UUID) -> HttpResponseBase:
        issue = _visible(request, pk)
        shown = visible_photos(issue, request.user).select_related("attachment")
        photo = shown.filter(attachment_id=photo_id).first()
        if photo is None:
            raise NotFoundHere("没有找到这张照片，或您无权查看。")
        return attachments.respond(photo.attachment, request._request)


class ContactView(APIView):
    @extend_schema(
        operation_id="reveal_contact",
        summary="查看诉求人联系方式",
        description="只有正在办理本件的人员可以查看；每次查看及其原因都留痕。",
        tags=["问题"],
        request=RevealInput,
        responses=answers(Contact, 400, 401, 403, 404),
    )
    def post(self, request: Request, pk: int) -> Response:
        data = _validated(RevealInput, request.data)
        issue = _visible(request, pk)
        name, phone = actions.reveal_contact(issue, by=signed_in(request), reason=data["reason"])
        return Response(Contact({"name": name, "phone": phone}).data)


# --- steps ---


class StepView(APIView):
    """One action of the transition table; see ``step_views``."""

    step: Action
    input: type[Input]

    def post(self, request: Request, pk: int) -> Response:
        return once(request, lambda: self.take(request, pk))

    def take(self, request: Request, pk: int) -> Response:
        issue = _visible(request, pk)
        data = _validated(
            self.input,
            request.data,
            user=request.user,
            place=issue.dispatch_place,
            issue=issue,
        )
        version = data.pop("version")
        actions.perform(pk, self.step, by=signed_in(request), data=data, expected_version=version)
        return Response(IssueState(Issue.objects.get(pk=pk)).data)


class UnknownStepView(APIView):
    @extend_schema(exclude=True)
    def post(self, request: Request, pk: int, action: str) -> Response:
        _visible(request, pk)
        raise NotFoundHere("没有这种办理动作。", code="unknown_action")


def step_views() -> dict[Action, type[StepView]]:
    """A view for each action that people take, documented with the action's own input."""
    return {
        step: _step_view(step, shape)
        for step, shape in INPUTS.items()
        if step != Action.CREATE and step not in TAKEN_ELSEWHERE
    }


def _step_view(step: Action, shape: type[Input]) -> type[StepView]:
    name = "".join(part.capitalize() for part in step.value.split("_"))
    version = serializers.IntegerField(
        min_value=0, label="版本", help_text="读取时的 version；其间有变化则答 409 stale。"
    )
    with_version = type(f"{name}Step", (shape,), {"version": version, "__doc__": None})
    describe = extend_schema_view(
        post=extend_schema(
            operation_id=step.value,
            summary=step.label,
            tags=["办理动作"],
            parameters=[IDEMPOTENCY_KEY],
            request=with_version,
            responses=answers(IssueState, 400, 401, 403, 404, 409, 413, 422),
        )
    )
    return describe(type(f"{name}View", (StepView,), {"step": step, "input": with_version}))


# --- what a form needs ---


class UploadsView(APIView):
    parser_classes = [MultiPartParser]
    throttle_scope = "upload"

    @extend_schema(
        operation_id="upload_photo",
        summary="上传照片",
        description="一次一张，答复中的 id 用于上报和办理动作的 photos，只能由上传人使用一次。"
        "服务器重新编码并去除拍摄信息。",
        tags=["问题"],
        parameters=[IDEMPOTENCY_KEY],
        request={"multipart/form-data": UploadInput},
        responses=answers(UploadOutput, 400, 401, 413, 415, 422, status=201),
    )
    def post(self, request: Request) -> Response:
        return once(request, lambda: self.accept(request))

    def accept(self, request: Request) -> Response:
        upload = _validated(UploadInput, request.data)["photo"]
        attachment = attachments.accept(upload, by=signed_in(request), only=AttachmentKind.PHOTO)
        return Response(UploadOutput(attachment).data, status=201)


class CategoriesView(APIView):
    @extend_schema(
        operation_id="list_categories",
        summary="问题类别（两级）",
        tags=["填表"],
        responses=answers(CategoryOutput(many=True), 401),
    )
    def get(self, request: Request) -> Response:
        return Response(CategoryOutput(Category.objects.filter(is_active=True), many=True).data)


class PlacesView(APIView):
    @extend_schema(
        operation_id="list_places",
        summary="我的辖区内的村（社区）和网格",
        tags=["填表"],
        responses=answers(PlaceOutput(many=True), 401),
    )
    def get(self, request: Request) -> Response:
        places = Place.objects.under(*signed_in(request).scope.places).filter(
            level__in=[PlaceLevel.COMMUNITY, PlaceLevel.GRID], valid_to__isnull=True
        )
        return Response(PlaceOutput(places, many=True).data)


class AreasView(APIView):
    @extend_schema(
        operation_id="list_areas",
        summary="我能查看的复杂区域",
        tags=["填表"],
        responses=answers(AreaOutput(many=True), 401),
    )
    def get(self, request: Request) -> Response:
        areas = ComplexArea.objects.visible_to(request.user).active(timezone.localdate())
        return Response(AreaOutput(areas.prefetch_related("communities"), many=True).data)


class UnitsQuery(serializers.Serializer[Any]):
    issue = serializers.IntegerField(min_value=1, help_text="问题 id。")


class UnitsView(APIView):
    @extend_schema(
        operation_id="list_units",
        summary="某个问题可选的单位",
        description="问题在镇街时为本镇街的单位，在区级时为全区的单位。",
        tags=["填表"],
        parameters=[UnitsQuery],
        responses=answers(UnitOutput(many=True), 400, 401, 404),
    )
    def get(self, request: Request) -> Response:
        issue = _visible(request, _validated(UnitsQuery, request.query_params)["issue"])
        units = Organisation.objects.assignable_in(issue.dispatch_place)
        return Response(UnitOutput(units, many=True).data)


# --- keeping in step ---


class SyncQuery(serializers.Serializer[Any]):
    cursor = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=sync.CURSOR_LENGTH,
        help_text="上次答复中的 cursor；不填则从头同步。",
    )
    limit = serializers.IntegerField(
        required=False,
        default=sync.PAGE_SIZE,
        min_value=1,
        max_value=sync.MAX_PAGE_SIZE,
        help_text="每页条数。",
    )


class SyncView(APIView):
    @extend_schema(
        operation_id="sync",
        summary="增量同步",
        description="取得上次同步以来的变化，一条不漏；同一条可能重复给出，按 id 覆盖即可。"
        "任职变动后，不再归我查看的问题出现在 removed 中。答 400 bad_cursor 或 410 cursor_expired "
        "时，清空本机数据，不带 cursor 重新同步。",
        tags=["同步"],
        parameters=[SyncQuery],
        responses=answers(SyncOutput, 400, 401, 410),
    )
    def get(self, request: Request) -> Response:
        query = _validated(SyncQuery, request.query_params)
        page = sync.hand_out(signed_in(request), query["cursor"], limit=query["limit"])
        return Response(SyncOutput(page).data)


# --- shared ---


def _visible(request: Request, pk: int) -> Issue:
    """The issue if the caller may see it. Raises NotFoundHere, whether or not it exists."""
    issue = Issue.objects.visible_to(request.user).with_detail_data().filter(pk=pk).first()
    if issue is None:
        raise NotFoundHere("没有找到这个问题，或您无权查看。")
    return issue


def _validated(
    shape: type[serializers.Serializer[Any]], data: Any, **context: Any
) -> dict[str, Any]:
    serializer = shape(data=data, context=context)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)
