"""Downloading a paper of a case, and the pages on which the task force keeps the templates."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from areas.models import Place
from core.errors import Malformed, Refused
from core.pages import business_page
from issues.case_page import visible
from issues.choices import PaperKind
from issues.models import PaperTemplate
from issues.papers import of_case, rendering, templates
from issues.papers.tags import COMMON, OWN, Rows, sample_of
from people.requests import signed_in

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def _download(content: bytes, file_name: str) -> HttpResponseBase:
    """The file, under its Chinese name; it is never kept on the way."""
    response = FileResponse(
        BytesIO(content), as_attachment=True, filename=file_name, content_type=DOCX
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


# --- of a case ---


@business_page
@require_safe
@never_cache
def paper(
    request: HttpRequest,
    pk: int,
    kind: PaperKind = PaperKind.WORK_ORDER,
    seq: int | None = None,
) -> HttpResponseBase:
    """A paper is written anew each time, from what the case says now."""
    written = of_case.write(
        visible(request, pk), kind, seq, user=signed_in(request), now=timezone.now()
    )
    return _download(written.content, written.file_name)


# --- the templates ---


@dataclass(frozen=True)
class KindLine:
    """A kind of paper and the template by which it is written; None is the default."""

    kind: PaperKind
    in_use: PaperTemplate | None


@business_page
@require_safe
def template_list(request: HttpRequest) -> HttpResponse:
    district = templates.district_of(signed_in(request))
    in_use = {row.kind: row for row in _versions(district).filter(is_active=True)}
    lines = [KindLine(kind, in_use.get(kind)) for kind in PaperKind]
    return render(request, "issues/papers/templates.html", {"lines": lines})


@business_page
@require_safe
def template_detail(request: HttpRequest, kind: PaperKind) -> HttpResponse:
    return _detail(request, kind)


def _detail(request: HttpRequest, kind: PaperKind, error: Refused | None = None) -> HttpResponse:
    versions = list(_versions(templates.district_of(signed_in(request))).filter(kind=kind))
    context = {
        "kind": kind,
        "versions": versions,
        "in_use": next((row for row in versions if row.is_active), None),
        "single": [tag for tag in (*OWN[kind], *COMMON) if not isinstance(tag, Rows)],
        "rows": [tag for tag in OWN[kind] if isinstance(tag, Rows)],
        "error": error,
    }
    status = error.http_status if error else 200
    return render(request, "issues/papers/template.html", context, status=status)


def _versions(district: Place) -> Any:
    return (
        PaperTemplate.objects.filter(district=district)
        .defer("content")
        .select_related("uploaded_by")
        .order_by("-version")
    )


@business_page
@require_safe
@never_cache
def template_file(request: HttpRequest, kind: PaperKind, version: int) -> HttpResponseBase:
    district = templates.district_of(signed_in(request))
    content = templates.content_of(kind, district, version)
    return _download(content, f"{kind.label}模板（{_named(version)}）.docx")


@business_page
@require_safe
@never_cache
def template_sample(request: HttpRequest, kind: PaperKind, version: int) -> HttpResponseBase:
    """What comes out of a template, with examples in the place of a case."""
    district = templates.district_of(signed_in(request))
    content = rendering.fill(
        templates.content_of(kind, district, version), sample_of(kind), title=f"{kind.label}样张"
    )
    return _download(content, f"{kind.label}样张（{_named(version)}）.docx")


def _named(version: int) -> str:
    return f"第 {version} 版" if version else "默认"


@business_page
@require_POST
def template_upload(request: HttpRequest, kind: PaperKind) -> HttpResponse:
    templates.district_of(signed_in(request))
    try:
        upload = request.FILES.get("file")
        if upload is None:
            raise Malformed("请选择要上传的 .docx 文件。")
        template = templates.upload_template(kind, upload, by=signed_in(request))
    except Refused as error:
        return _detail(request, kind, error)
    messages.success(request, f"{template}已启用，此后下载的{kind.label}按它生成。")
    return redirect("issues:paper_template", kind)


@business_page
@require_POST
def template_use(request: HttpRequest, kind: PaperKind) -> HttpResponse:
    templates.district_of(signed_in(request))
    version = request.POST.get("version", "")
    try:
        if not version.isdecimal() or len(version) > 4:
            raise Malformed("请选择要启用的版本。")
        template = templates.use_template(kind, int(version), by=signed_in(request))
    except Refused as error:
        return _detail(request, kind, error)
    named = f"{template}已启用" if template else f"{kind.label}已恢复默认模板"
    messages.success(request, f"{named}，此后下载的{kind.label}按它生成。")
    return redirect("issues:paper_template", kind)
