"""Who works in the reference district: accounts, postings, and the roster that finds them again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db.models import Q, QuerySet

from areas.choices import PlaceLevel
from areas.models import Place
from core.workdays import DAY_STARTS, moment
from governance.reference import demo
from governance.reference.chance import full_name, phone, stream
from people.choices import OrganisationKind, Role
from people.models import Organisation, Posting, User

SINCE = date(2023, 12, 1)
GRIDS_WITHOUT_WORKER = 6
LEFT = 12  # people who left: their postings have ended and must not be counted

# How many of each role a town, a community and the district have.
TOWN_STAFF = (
    (Role.TOWN_DISPATCHER, 2),
    (Role.TOWN_LEADER, 1),
    (Role.VERIFIER, 1),
    (Role.REVISITOR, 1),
    (Role.SUPERVISOR, 1),
    (Role.SECRETARY, 1),
)
DISTRICT_STAFF = (
    (Role.DISTRICT_DISPATCHER, 3),
    (Role.DISTRICT_LEADER, 1),
    (Role.VERIFIER, 2),
    (Role.REVISITOR, 2),
    (Role.SUPERVISOR, 1),
    (Role.SECRETARY, 1),
)
OFFICERS = 2  # of a community; the second one also keeps the minutes
HANDLERS = {
    OrganisationKind.DISTRICT_DEPARTMENT: 2,
    OrganisationKind.PUBLIC_INSTITUTION: 2,
    OrganisationKind.TOWN_OFFICE: 1,
    OrganisationKind.COMMUNITY: 1,
}
PREFIXES = {
    Role.GRID_WORKER: "g",
    Role.COMMUNITY_OFFICER: "c",
    Role.UNIT_HANDLER: "u",
    Role.UNIT_HEAD: "h",
}


@dataclass(frozen=True)
class Absence:
    """The post of somebody who is away, the post of who stands in, and from which day to which,
    counted from today.
    """

    role: Role
    where: str
    deputy_role: Role
    deputy_at: str
    days: tuple[int, int]


ABSENCES = (
    Absence(Role.GRID_WORKER, "龙西第4网格", Role.GRID_WORKER, "龙西第3网格", (-2, 9)),
    Absence(Role.UNIT_HANDLER, demo.ACCOUNTS["handler"][1], Role.UNIT_HANDLER, "区城管局", (5, 12)),
    Absence(Role.TOWN_DISPATCHER, "城南街道", Role.SECRETARY, "城南街道", (-4, 3)),
)


@dataclass(frozen=True)
class Appointment:
    role: Role
    place: Place | None = None
    organisation: Organisation | None = None

    @property
    def where(self) -> str:
        return self.place.name if self.place else getattr(self.organisation, "short_name", "")


def create(district: Place) -> None:
    """Write an account and a posting for everybody."""
    rng = stream("staff")
    appointments = [*_territorial(district), *_organisational(), *_administrators()]
    wanted = {key: username for username, key in demo.ACCOUNTS.items()}
    password = make_password(demo.PASSWORD)  # slow on purpose: once serves all demo accounts
    users = []
    for number, appointment in enumerate(appointments, start=1):
        # Each demo account is the first of its kind.
        username = wanted.pop((appointment.role, appointment.where), "")
        may_sign_in = bool(username) and settings.EMBEDDED
        prefix = PREFIXES.get(appointment.role, "s")
        users.append(
            User(
                username=username or f"{prefix}{number:04d}",
                full_name=full_name(rng),
                phone=phone(rng),
                password=password if may_sign_in else make_password(None),
                created_at=moment(SINCE, DAY_STARTS),
            )
        )
    if wanted:
        raise LookupError(f"no appointment for the demo accounts {wanted}")
    User.objects.bulk_create(users)
    postings = [
        Posting(
            user=user,
            role=appointment.role,
            place=appointment.place,
            organisation=appointment.organisation,
            starts_on=SINCE,
        )
        for user, appointment in zip(users, appointments, strict=True)
    ]
    postings += _minute_takers(postings)
    Posting.objects.bulk_create(postings)
    _create_those_who_left(district)


def _territorial(district: Place) -> Iterator[Appointment]:
    rng = stream("grid gaps")
    below = Place.objects.under(district).order_by("code")
    grids = list(below.filter(level=PlaceLevel.GRID))
    taken = {demo.ACCOUNTS["grid"][1], demo.GRID_WITHOUT_WORKER}
    gaps = {grid.pk for grid in grids if grid.name == demo.GRID_WITHOUT_WORKER}
    others = [grid.pk for grid in grids if grid.name not in taken]
    gaps.update(rng.sample(others, GRIDS_WITHOUT_WORKER - len(gaps)))
    for grid in grids:
        if grid.pk not in gaps:
            yield Appointment(Role.GRID_WORKER, place=grid)
    for community in below.filter(level=PlaceLevel.COMMUNITY):
        for _ in range(OFFICERS):
            yield Appointment(Role.COMMUNITY_OFFICER, place=community)
    for town in below.filter(level=PlaceLevel.TOWN):
        for role, count in TOWN_STAFF:
            for _ in range(count):
                yield Appointment(role, place=town)
    for role, count in DISTRICT_STAFF:
        for _ in range(count):
            yield Appointment(role, place=district)


def _organisational() -> Iterator[Appointment]:
    organisations = Organisation.objects.filter(is_active=True).order_by("id")
    for organisation in organisations.exclude(kind=OrganisationKind.EXTERNAL):
        for _ in range(HANDLERS[OrganisationKind(organisation.kind)]):
            yield Appointment(Role.UNIT_HANDLER, organisation=organisation)
        yield Appointment(Role.UNIT_HEAD, organisation=organisation)


def _administrators() -> Iterator[Appointment]:
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN):
        yield Appointment(role)


def _minute_takers(postings: list[Posting]) -> Iterator[Posting]:
    """The second officer of each community is its secretary too."""
    seen: set[int] = set()
    for posting in postings:
        if posting.role != Role.COMMUNITY_OFFICER or posting.place_id is None:
            continue
        if posting.place_id in seen:
            yield Posting(
                user=posting.user, role=Role.SECRETARY, place=posting.place, starts_on=SINCE
            )
        seen.add(posting.place_id)


def _create_those_who_left(district: Place) -> None:
    rng = stream("people who left")
    grids = list(Place.objects.under(district).filter(level=PlaceLevel.GRID).order_by("code"))
    users = User.objects.bulk_create(
        User(
            username=f"left{number:02d}",
            full_name=full_name(rng),
            phone=phone(rng),
            password=make_password(None),
            is_active=number % 2 == 0,  # half of them work elsewhere now
            created_at=moment(SINCE, DAY_STARTS),
        )
        for number in range(1, LEFT + 1)
    )
    Posting.objects.bulk_create(
        Posting(
            user=user,
            role=Role.GRID_WORKER,
            place=rng.choice(grids),
            starts_on=SINCE,
            ends_on=date(2024, rng.randint(3, 12), 28),
        )
        for user in users
    )


def appoint_deputies(today: date) -> None:
    """Three who are away around ``today``, each with a colleague who stands in (AB岗)."""
    for absence in ABSENCES:
        held = _holders(absence.role, absence.where).order_by("-id")[0]
        deputy = _holders(absence.deputy_role, absence.deputy_at).order_by("-id")[0]
        first, last = (today + timedelta(days=days) for days in absence.days)
        Posting.objects.create(
            user=deputy.user,
            role=held.role,
            place=held.place,
            organisation=held.organisation,
            starts_on=first,
            ends_on=last,
            deputises_for=held,
        )


def _holders(role: Role, where: str) -> QuerySet[Posting]:
    held = Posting.objects.filter(role=role, ends_on__isnull=True, user__is_active=True)
    return held.filter(Q(place__name=where) | Q(organisation__short_name=where))


class Roster:
    """The people in office on a day, by role and place or organisation, without deputies."""

    def __init__(self, day: date) -> None:
        self._users: dict[int, User] = {}
        self._at: defaultdict[tuple[str, int], list[User]] = defaultdict(list)
        self._in: defaultdict[tuple[str, int], list[User]] = defaultdict(list)
        held: defaultdict[int, list[Posting]] = defaultdict(list)
        postings = Posting.objects.in_force(day).in_own_right().with_scope_data()
        for posting in postings.filter(user__is_active=True).select_related("user").order_by("id"):
            user = self._users.setdefault(posting.user_id, posting.user)
            posting.user = user
            held[user.pk].append(posting)
            if posting.place_id:
                self._at[posting.role, posting.place_id].append(user)
            elif posting.organisation_id:
                self._in[posting.role, posting.organisation_id].append(user)
        for user in self._users.values():
            user.current_postings = held[user.pk]  # read once for everybody

    def at(self, role: Role, place_id: int | None) -> list[User]:
        return self._at[role, place_id] if place_id else []

    def of(self, role: Role, organisation: Organisation) -> list[User]:
        return self._in[role, organisation.pk]
