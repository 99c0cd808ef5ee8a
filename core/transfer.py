"""What goes over the wire: text compressed, and nothing at all where a caller has it already."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.http import ConditionalGetMiddleware


class CompressTextMiddleware(GZipMiddleware):
    """Compress pages, answers of the API and other text, also what is streamed.

    Photos, spreadsheets and papers are compressed in themselves. Django pads what it compresses at
    random, so that its length tells nothing of the tokens in it.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not _type_of(response).startswith(("text/", "application/json")):
            return response
        return super().process_response(request, response)


class UnchangedJsonMiddleware(ConditionalGetMiddleware):
    """Answer 304 to a caller of the API who has this very answer.

    No pages: each carries a new form token, so that none is ever the same.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not _type_of(response).startswith("application/json"):
            return response
        return super().process_response(request, response)


def _type_of(response: HttpResponseBase) -> str:
    return str(response.get("Content-Type", ""))
