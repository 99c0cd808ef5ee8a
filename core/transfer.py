"""What goes over the wire: text compressed, nothing at all where a caller has it already, and
nothing that anybody else may keep.
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.middleware.http import ConditionalGetMiddleware
from django.utils.cache import patch_cache_control, patch_vary_headers


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


class PrivateAnswersMiddleware:
    """An answer is for who asked, and is asked for again each time, unless it says otherwise.

    So no proxy and no later account in the same browser is given what somebody else has read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "Cache-Control" not in response:
            patch_cache_control(response, private=True, no_cache=True)
            patch_vary_headers(response, ["Cookie", "Authorization"])
        return response


def _type_of(response: HttpResponseBase) -> str:
    return str(response.get("Content-Type", ""))
