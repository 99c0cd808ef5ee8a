"""The pages of exports: asking for a file, one's files with their progress, and fetching one."""

from __future__ import annotations

import io
import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from core import attachments, audit, export_files, exports, sheets
from core.choices import ExportStatus
from core.errors import Malformed, NotFoundHere
from core.pages import business_page, wants_part
from core.trail import Trail

SHOWN = 50  # of one's files, the latest


@business_page
@require_POST
@never_cache
def export(request: HttpRequest) -> HttpResponseBase:
    """Answer with the file, or begin a long one and lead to the page that shows its progress."""
    name, query = request.POST.get("list", ""), request.POST.get("query", "")
    chosen = exports.choose(name, query, by=request.user)  # type: ignore[arg-type]
    match request.POST.get("format"):
        case "csv":
            return _csv(request, chosen)
        case "xlsx":
            if chosen.is_longer_than(export_files.AT_ONCE):
                return _later(request, chosen)
            return _xlsx(request, chosen)
    raise Malformed("请选择 CSV 或 Excel。")


def _csv(request: HttpRequest, chosen: exports.Chosen) -> HttpResponseBase:
    ids = chosen.ids()
    stream = exports.Stream(chosen, ids)
    try:
        _record(request, chosen, "csv", len(ids))
    except BaseException:
        stream.close()
        raise
    response = StreamingHttpResponse(stream, content_type=sheets.CSV_TYPE)
    return _as_download(response, exports.file_name(chosen.title, "csv"))


def _xlsx(request: HttpRequest, chosen: exports.Chosen) -> HttpResponseBase:
    ids = chosen.ids()
    made = io.BytesIO()
    rows = (row for batch in chosen.batches(ids) for row in batch)
    sheets.write_xlsx(made, chosen.title, chosen.headings, rows)
    _record(request, chosen, "xlsx", len(ids))
    response = HttpResponse(made.getvalue(), content_type=sheets.XLSX_TYPE)
    return _as_download(response, exports.file_name(chosen.title, "xlsx"))


def _later(request: HttpRequest, chosen: exports.Chosen) -> HttpResponse:
    export_files.ask(chosen, by=request.user)  # type: ignore[arg-type]
    messages.info(
        request,
        f"超过 {export_files.AT_ONCE:,} 行，文件在后台生成，完成后发到您的消息。",
    )
    return redirect("exports:list")


def _record(request: HttpRequest, chosen: exports.Chosen, form: str, rows: int) -> None:
    audit.record(
        by=request.user,  # type: ignore[arg-type]
        action=Trail.EXPORTED,
        target=None,
        detail=export_files.audited(chosen, form, rows),
    )


def _as_download(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@business_page
@require_safe
@never_cache
def export_list(request: HttpRequest) -> HttpResponse:
    """One's own files. A part of the page looks again by itself while one is being made."""
    files = list(export_files.files_of(request.user)[:SHOWN])  # type: ignore[arg-type]
    context = {
        "files": [(file, export_files.may_fetch(file, request.user)) for file in files],
        "is_waiting": any(file.is_unfinished for file in files),
        "at_once": f"{export_files.AT_ONCE:,}",
        "days": export_files.KEPT_FOR.days,
    }
    part = wants_part(request)
    response = render(request, "exports/_files.html" if part else "exports/list.html", context)
    if part:
        # Asked for by a timer, it is no sign of a person: it does not put off the idle sign-out.
        del request.session
    patch_vary_headers(response, ["HX-Request"])
    return response


@business_page
@require_safe
@never_cache
def export_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The file, for the person for whom it was made and nobody else."""
    file = export_files.files_of(request.user).filter(pk=pk).first()  # type: ignore[arg-type]
    if file is None:
        raise NotFoundHere()
    if file.status == ExportStatus.EXPIRED:
        raise NotFoundHere("这份文件已过期删除，请重新导出。")
    if file.status != ExportStatus.DONE:
        raise NotFoundHere("这份文件还没有生成。")
    if not export_files.may_fetch(file, request.user):
        raise NotFoundHere("您的任职已有变化，这份文件不再提供，请重新导出。")
    response = attachments.send(file.name, sheets.XLSX_TYPE)
    return _as_download(response, exports.file_name(file.title, "xlsx", file.created_at))
