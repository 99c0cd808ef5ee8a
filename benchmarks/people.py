"""As whom the bench measures, and the clients that act for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.db.models import Count
from django.test import Client as Browser
from django.utils import timezone
from knox.models import get_token_model

from benchmarks.district import ARCHIVE_HANDLER, TWO_POSTINGS
from benchmarks.floors import Scope
from issues.models import Issue
from people.choices import Role
from people.models import Posting, User


@dataclass(frozen=True)
class Who:
    """One of those as whom lists are measured."""

    name: str  # of the measure
    label: str
    username: str


WHO = (
    Who("district", "区级派单员", "district"),
    Who("town", "镇街派单员", "town"),
    Who("grid", "网格员", ""),  # of the grid with the most cases: its list fills a page everywhere
    Who("fifty", "有 50 件的部门", ARCHIVE_HANDLER),
    Who("two", "村社和部门双岗", TWO_POSTINGS),
)
DEVICE = "bench"
FORM_TOKEN = "b" * 32  # what a page would have carried for its forms


def user(username: str) -> User:
    return User.objects.get(username=username) if username else busiest_grid_worker()


@cache
def busiest_grid_worker() -> User:
    with_worker = Posting.objects.in_force(timezone.localdate()).filter(role=Role.GRID_WORKER)
    cases = (
        Issue.objects.filter(grid__in=with_worker.values("place"))
        .order_by()
        .values_list("grid")
        .annotate(count=Count("pk"))
        .order_by("-count", "grid")
    )
    return with_worker.filter(place=cases[0][0]).order_by("pk")[0].user


def token_of(owner: User) -> dict[str, str]:
    """The headers of a device that has signed in."""
    get_token_model().objects.filter(user=owner, device_name=DEVICE).delete()
    _, token = get_token_model().objects.create(user=owner, device_name=DEVICE)
    return {"Authorization": f"Token {token}", "Accept": "application/json"}


def session_of(owner: User) -> dict[str, str]:
    """The headers of a browser in which the person has signed in, as Django's login leaves it."""
    signed_in = Browser()
    signed_in.force_login(owner)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in signed_in.cookies.items())
    return {
        "Cookie": f"{cookie}; {settings.CSRF_COOKIE_NAME}={FORM_TOKEN}",
        "X-CSRFToken": FORM_TOKEN,
        "Accept": "text/html",
        "Accept-Encoding": "gzip",
    }


def scope_of(owner: User) -> Scope:
    return Scope(
        user_id=owner.pk,
        territory=tuple((place.lineage_column, place.pk) for place in owner.scope.places),
        units=tuple(owner.scope.organisation_ids),
        is_whole_district=owner.scope.is_whole_district,
    )
