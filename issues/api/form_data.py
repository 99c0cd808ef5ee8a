"""What a phone needs to fill in a form: its photos taken in, and what may be chosen."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Place
from core import attachments
from core.choices import AttachmentKind
from core.idempotency import once
from core.openapi import IDEMPOTENCY_KEY, answers
from issues.api.serializers import (
    AreaOutput,
    CategoryOutput,
    PlaceOutput,
    UnitOutput,
    UploadInput,
    UploadOutput,
)
from issues.api.shared import validated, visible
from issues.models import Category
from people.models import Organisation
from people.requests import signed_in


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
        upload = validated(UploadInput, request.data)["photo"]
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
        issue = visible(request, validated(UnitsQuery, request.query_params)["issue"])
        units = Organisation.objects.assignable_in(issue.dispatch_place)
        return Response(UnitOutput(units, many=True).data)
