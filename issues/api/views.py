"""The API of issues for a grid worker's phone: what there is to look at, and to keep in step with.

What the phone writes stands in ``reports`` and ``steps``. Every write goes through
``core.idempotency``: it is looked up there before anything of it is checked, so a retry finds its
first answer even when the case has moved on or a photo is in use.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponseBase
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core import attachments
from core.errors import NotFoundHere
from core.idempotency import answered
from core.openapi import answers
from core.pagination import Keyset, Order
from core.workdays import calendar
from issues import actions, duplicates, story
from issues.api import reports, sync
from issues.api.detail import NAMED, IssueDetail
from issues.api.filters import IssueFilter
from issues.api.serializers import (
    CandidateOutput,
    Contact,
    IssueRow,
    IssueState,
    PersonOutput,
    RevealInput,
    SyncOutput,
    TimelineEntry,
)
from issues.api.shared import validated, visible
from issues.case import Case
from issues.inputs import colleagues
from issues.models import Issue
from issues.office import Office
from issues.orders import BY_DUE_ALONE, BY_RECEIVED
from issues.querysets import IssueQuerySet, last_visible_seq, reads_internal_notes, visible_photos
from issues.report_input import ReportInput
from issues.workflow import TAKEN_ELSEWHERE
from people.requests import signed_in

RECEIVED = Order(BY_RECEIVED, descending=True)
DUE = Order(BY_DUE_ALONE)


class IssuesView(ListAPIView[Issue]):
    queryset = Issue.objects.none()  # for the API document
    serializer_class = IssueRow
    filter_backends = [filters.DjangoFilterBackend]
    filterset_class = IssueFilter
    pagination_class = Keyset

    def get_page_order(self) -> Order:
        return DUE if self.request.query_params.get("sort") == "due" else RECEIVED

    def get_queryset(self) -> IssueQuerySet:
        return Issue.objects.visible_to(self.request.user).for_rows()

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
        [(_, outcome)] = reports.receive(request, [request.data])
        return answered(outcome)


class IssueView(APIView):
    @extend_schema(
        operation_id="get_issue",
        summary="问题详情",
        description="含时限、单位、照片，以及我现在的办理动作（不能办的附原因）。",
        tags=["问题"],
        responses=answers(IssueDetail, 401, 404),
    )
    def get(self, request: Request, pk: int) -> Response:
        user, issue = signed_in(request), visible(request, pk, beside=NAMED)
        case = Case.load(issue)
        upto = last_visible_seq(issue, user, case.assignments)
        left_at = None
        if upto < issue.event_count:
            left_at = issue.events.values_list("at", flat=True).get(seq=upto)
        office = Office.for_cases([issue], actions.unit_ids(case, {}))
        possible = case.available(user.current_postings, office, timezone.now())
        context = {
            "case": case,
            "actions": {s: why for s, why in possible.items() if s not in TAKEN_ELSEWHERE},
            "photos": visible_photos(issue, user, case.assignments),
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
        found = duplicates.candidates(visible(request, pk), by=signed_in(request))
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
        people = colleagues(visible(request, pk)).order_by("full_name", "id")
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
        user, case = signed_in(request), Case.load(visible(request, pk))
        upto = last_visible_seq(case.issue, user, case.assignments)
        internal = reads_internal_notes(case.issue, user, case.assignments)
        entries = story.history(case, upto=upto, calendar=calendar(), internal=internal)
        return Response(TimelineEntry(entries, many=True).data)


class PhotoView(APIView):
    @extend_schema(
        operation_id="get_photo",
        summary="照片",
        tags=["问题"],
        responses=answers(OpenApiTypes.BINARY, 401, 404, media_type="image/*"),
    )
    def get(self, request: Request, pk: int, photo_id: uuid.UUID) -> HttpResponseBase:
        issue = visible(request, pk)
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
        data = validated(RevealInput, request.data)
        issue = visible(request, pk)
        name, phone = actions.reveal_contact(issue, by=signed_in(request), reason=data["reason"])
        return Response(Contact({"name": name, "phone": phone}).data)


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
        query = validated(SyncQuery, request.query_params)
        page = sync.hand_out(signed_in(request), query["cursor"], limit=query["limit"])
        return Response(SyncOutput(page).data)
