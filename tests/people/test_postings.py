"""Who may be posted where, by whom; and that the three administrators stay three and apart."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import NotAllowed, Refused
from core.models import AuditEntry
from people import actions
from people.choices import ADMINISTRATORS, LEVELS, ORGANISATIONAL, TERRITORIAL, Role
from people.models import Posting, User
from people.trail import Trail
from tests.cast import SINCE, again, post


@pytest.fixture
def gu_yan(cast):
    """A new account without a posting."""
    return User.objects.create(username="gu.yan", full_name="顾燕")


def appoint(cast, user, role, *, by=None, **where):
    return actions.appoint(by=by or cast.ding_yi, user=user, role=role, starts_on=SINCE, **where)


def places(cast):
    return {
        "district": cast.district,
        "town": cast.changqiao,
        "community": cast.longxi,
        "grid": cast.longxi_grid_1,
    }


# Written by hand: at which levels each role stands.
EXPECTED_LEVELS = {
    "grid_worker": {"grid"},
    "community_officer": {"community"},
    "town_dispatcher": {"town"},
    "town_leader": {"town"},
    "district_dispatcher": {"district"},
    "district_leader": {"district"},
    "supervisor": {"town", "district"},
    "verifier": {"town", "district"},
    "revisitor": {"town", "district"},
    "secretary": {"community", "town", "district"},
}


def test_every_role_has_exactly_one_kind_of_scope():
    assert set(Role) == TERRITORIAL | ORGANISATIONAL | ADMINISTRATORS
    assert set(LEVELS) == set(TERRITORIAL)


@pytest.mark.parametrize("role", EXPECTED_LEVELS)
@pytest.mark.parametrize("level", ["district", "town", "community", "grid"])
def test_a_territorial_role_is_posted_at_its_levels_only(cast, gu_yan, role, level):
    if level in EXPECTED_LEVELS[role]:
        posting = appoint(cast, gu_yan, role, place=places(cast)[level])
        assert again(gu_yan).current_postings == [posting]
    else:
        with pytest.raises(Refused) as refused:
            appoint(cast, gu_yan, role, place=places(cast)[level])
        assert "place" in refused.value.fields
        assert not gu_yan.postings.exists()


@pytest.mark.parametrize(
    ("role", "where", "field"),
    [
        (Role.GRID_WORKER, {}, "place"),
        (Role.GRID_WORKER, {"organisation": "housing"}, "organisation"),
        (Role.UNIT_HANDLER, {}, "organisation"),
        (Role.UNIT_HANDLER, {"place": "district"}, "place"),
        (Role.UNIT_HEAD, {"organisation": "bus_company"}, "organisation"),
        (Role.AUDIT_ADMIN, {"place": "district"}, "place"),
        (Role.AUDIT_ADMIN, {"organisation": "housing"}, "organisation"),
    ],
)
def test_a_role_takes_a_place_or_an_organisation_as_it_needs(cast, gu_yan, role, where, field):
    with pytest.raises(Refused) as refused:
        appoint(cast, gu_yan, role, **{key: getattr(cast, name) for key, name in where.items()})
    assert field in refused.value.fields


def test_nobody_is_posted_to_a_closed_organisation_or_place(cast, gu_yan):
    cast.housing.is_active = False
    with pytest.raises(Refused):
        appoint(cast, gu_yan, Role.UNIT_HANDLER, organisation=cast.housing)
    cast.longxi.valid_to = date(2023, 12, 31)
    with pytest.raises(Refused):
        appoint(cast, gu_yan, Role.COMMUNITY_OFFICER, place=cast.longxi)


def test_an_appointment_is_audited_with_its_facts(cast, gu_yan):
    posting = appoint(cast, gu_yan, Role.GRID_WORKER, place=cast.longxi_grid_1)
    entry = AuditEntry.objects.get(action=Trail.APPOINTED)
    assert entry.actor == cast.ding_yi
    assert entry.target_id == str(posting.pk)
    assert entry.detail["user"] == gu_yan.pk
    assert entry.detail["role"] == "grid_worker"


@pytest.mark.parametrize("name", ["ma_chao", "bai_jie", "sun_li", "qian_jin", "wang_fang"])
def test_only_the_security_administrator_appoints_and_ends(cast, gu_yan, name):
    with pytest.raises(NotAllowed):
        appoint(cast, gu_yan, Role.GRID_WORKER, by=cast.people[name], place=cast.longxi_grid_1)
    with pytest.raises(NotAllowed):
        actions.end_posting(
            by=cast.people[name],
            posting_id=cast.ma_li.postings.get().pk,
            ends_on=timezone.localdate(),
        )


def test_the_security_administrator_neither_appoints_nor_ends_himself(cast):
    with pytest.raises(Refused):
        appoint(cast, cast.ding_yi, Role.SECURITY_ADMIN)
    with pytest.raises(Refused):
        actions.end_posting(
            by=cast.ding_yi,
            posting_id=cast.ding_yi.postings.get().pk,
            ends_on=timezone.localdate(),
        )


def test_a_deactivated_account_is_not_appointed(cast, gu_yan):
    gu_yan.is_active = False
    gu_yan.save()
    with pytest.raises(Refused):
        appoint(cast, gu_yan, Role.GRID_WORKER, place=cast.longxi_grid_1)


def test_the_same_posting_is_not_given_twice_for_the_same_time(cast, gu_yan):
    role, where = Role.UNIT_HANDLER, {"organisation": cast.housing}
    actions.appoint(
        by=None, user=gu_yan, role=role, starts_on=SINCE, ends_on=date(2024, 6, 30), **where
    )
    with pytest.raises(Refused):
        actions.appoint(by=None, user=gu_yan, role=role, starts_on=date(2024, 6, 30), **where)
    actions.appoint(by=None, user=gu_yan, role=role, starts_on=date(2024, 7, 1), **where)
    assert gu_yan.postings.count() == 2


def test_a_posting_does_not_end_before_it_starts(cast, gu_yan):
    with pytest.raises(Refused) as refused:
        actions.appoint(
            by=cast.ding_yi,
            user=gu_yan,
            role=Role.GRID_WORKER,
            place=cast.longxi_grid_1,
            starts_on=date(2025, 2, 1),
            ends_on=date(2025, 1, 31),
        )
    assert "ends_on" in refused.value.fields


def test_an_ended_posting_still_counts_on_its_last_day_and_no_longer(cast, time_machine):
    time_machine.move_to("2025-03-03T09:00:00+08:00")
    posting = cast.wang_fang.postings.get()
    actions.end_posting(by=cast.ding_yi, posting_id=posting.pk, ends_on=date(2025, 3, 3))
    assert again(cast.wang_fang).has_role(Role.GRID_WORKER)
    time_machine.move_to("2025-03-04T09:00:00+08:00")
    assert not again(cast.wang_fang).has_role(Role.GRID_WORKER)
    assert AuditEntry.objects.filter(action=Trail.POSTING_ENDED).count() == 1
    with pytest.raises(Refused):
        actions.end_posting(by=cast.ding_yi, posting_id=posting.pk, ends_on=date(2025, 4, 1))


def test_a_posting_is_not_ended_in_the_past(cast):
    posting = cast.wang_fang.postings.get()
    with pytest.raises(Refused):
        actions.end_posting(
            by=cast.ding_yi,
            posting_id=posting.pk,
            ends_on=timezone.localdate() - timedelta(days=1),
        )
    assert Posting.objects.get(pk=posting.pk).ends_on is None


# --- the three ---


@pytest.mark.parametrize("second", sorted(ADMINISTRATORS))
@pytest.mark.parametrize("name", ["ma_chao", "ding_yi", "bai_jie"])
def test_no_account_ever_holds_two_of_the_three(cast, name, second):
    user = cast.people[name]
    with pytest.raises(Refused):
        actions.appoint(by=None, user=user, role=second, starts_on=SINCE)
    with pytest.raises(IntegrityError), transaction.atomic():
        post(user, Role(second), None)


def test_an_administrator_gets_no_business_posting_not_even_after_the_first_has_ended(cast):
    cast.bai_jie.postings.update(ends_on=date(2024, 12, 31))
    with pytest.raises(Refused):
        appoint(cast, cast.bai_jie, Role.GRID_WORKER, place=cast.longxi_grid_1)
    with pytest.raises(IntegrityError), transaction.atomic():
        post(cast.bai_jie, Role.GRID_WORKER, cast.longxi_grid_1)


def test_who_works_on_cases_does_not_become_an_administrator(cast):
    with pytest.raises(Refused):
        appoint(cast, cast.wang_fang, Role.AUDIT_ADMIN)
    with pytest.raises(IntegrityError), transaction.atomic():
        post(cast.wang_fang, Role.AUDIT_ADMIN, None)


def test_the_database_keeps_them_apart_within_one_statement_too(cast, gu_yan):
    both = [
        Posting(user=gu_yan, role=Role.AUDIT_ADMIN, starts_on=SINCE),
        Posting(user=gu_yan, role=Role.UNIT_HEAD, organisation=cast.housing, starts_on=SINCE),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        Posting.objects.bulk_create(both)
    assert not gu_yan.postings.exists()
