"""Deputies (AB岗): who may stand in for whom, who may appoint them, and what they then may do."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, transaction

from core.errors import NotAllowed, NotFoundHere, Refused
from core.models import AuditEntry, Message
from issues.models import Issue
from people import actions
from people.choices import Role
from people.directory import Directory
from people.models import Posting, User
from people.trail import Trail
from tests.cast import again, post
from tests.issues.moments import at

TODAY = date(2025, 3, 3)
MONDAY, FRIDAY = date(2025, 3, 10), date(2025, 3, 14)


@pytest.fixture(autouse=True)
def _monday(time_machine):
    time_machine.move_to("2025-03-03T09:00:00+08:00")


@pytest.fixture
def gu_yan(cast):
    """A new account without a posting."""
    return User.objects.create(username="gu.yan", full_name="顾燕")


def held(user, role=None):
    postings = user.postings.filter(deputises_for=None)
    return postings.get(role=role) if role else postings.get()


def appoint(posting, user, *, by, starts_on=MONDAY, ends_on=FRIDAY):
    return actions.appoint_deputy(
        by=again(by), posting=posting, user=user, starts_on=starts_on, ends_on=ends_on
    )


# --- what a deputy is ---


def test_a_deputy_has_the_posting_of_the_other_one_for_the_period(cast, time_machine):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    assert (deputy.role, deputy.place) == (Role.GRID_WORKER, cast.longxi_grid_1)
    for day, is_deputy in (("09", False), ("10", True), ("14", True), ("15", False)):
        time_machine.move_to(f"2025-03-{day}T09:00:00+08:00")
        assert (deputy in again(cast.ma_li).current_postings) is is_deputy
        assert held(cast.ma_li) in again(cast.ma_li).current_postings


def test_a_deputy_sees_and_is_told_what_the_other_one_sees_and_is_told(cast, time_machine):
    issue = cast.report(at=at("2025-03-03"))
    assert issue not in Issue.objects.visible_to(again(cast.ma_li))
    appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    time_machine.move_to("2025-03-10T09:00:00+08:00")
    assert issue in Issue.objects.visible_to(again(cast.ma_li))
    at_the_grid = Directory.around([cast.longxi_grid_1.pk], []).at_place(
        Role.GRID_WORKER, cast.longxi_grid_1.pk, MONDAY
    )
    assert {posting.user for posting in at_the_grid} == {cast.wang_fang, cast.ma_li}


def test_a_posting_says_whose_deputy_acts(cast):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    assert str(deputy) == "龙西一格 网格员（代王芳）"
    assert str(held(cast.wang_fang)) == "龙西一格 网格员"


def test_both_are_told_and_the_appointment_is_audited(cast):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    told = Message.objects.filter(title="AB岗：马丽代王芳").values_list("recipient", flat=True)
    assert set(told) == {cast.wang_fang.pk, cast.ma_li.pk}
    entry = AuditEntry.objects.get(action=Trail.DEPUTY_APPOINTED)
    assert (entry.actor, entry.target_id) == (cast.ding_yi, str(deputy.pk))
    assert entry.detail["deputises_for"] == held(cast.wang_fang).pk


# --- what may not be ---


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "field"),
    [
        (TODAY - timedelta(days=1), FRIDAY, "starts_on"),
        (FRIDAY, MONDAY, "ends_on"),
        (MONDAY, date(2025, 7, 1), "ends_on"),
    ],
)
def test_a_deputy_serves_from_today_on_and_within_the_time_of_the_other_one(
    cast, starts_on, ends_on, field
):
    cast.wang_fang.postings.update(ends_on=date(2025, 6, 30))
    with pytest.raises(Refused) as refused:
        appoint(
            held(cast.wang_fang), cast.ma_li, by=cast.ding_yi, starts_on=starts_on, ends_on=ends_on
        )
    assert set(refused.value.fields) == {field}


def test_a_deputy_does_not_begin_before_the_other_one(cast):
    cast.wang_fang.postings.update(starts_on=date(2025, 3, 11))
    with pytest.raises(Refused) as refused:
        appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    assert set(refused.value.fields) == {"starts_on"}


def test_nobody_deputises_for_a_deputy(cast, gu_yan):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    with pytest.raises(Refused, match="不能再由他人代理"):
        appoint(deputy, gu_yan, by=cast.ding_yi)


def test_nobody_deputises_for_oneself(cast):
    with pytest.raises(Refused):
        appoint(held(cast.wang_fang), cast.wang_fang, by=cast.ding_yi)


@pytest.mark.parametrize("name", ["ma_chao", "bai_jie", "ding_yi"])
def test_administrators_have_no_deputies(cast, gu_yan, name):
    with pytest.raises(Refused, match="三员不设代理人"):
        appoint(held(cast.people[name]), gu_yan, by=cast.ding_yi)


@pytest.mark.parametrize("name", ["ma_chao", "bai_jie", "ding_yi"])
def test_administrators_deputise_for_nobody(cast, name):
    with pytest.raises(Refused):
        appoint(held(cast.wang_fang), cast.people[name], by=cast.ding_yi)


def test_who_has_the_posting_already_needs_no_other_one(cast):
    """冯刚 and 吴洋 are both handlers of 长桥城建办."""
    with pytest.raises(Refused):
        appoint(held(cast.wu_yang), cast.feng_gang, by=cast.ding_yi)


def test_a_closed_account_does_not_deputise(cast):
    cast.ma_li.is_active = False
    cast.ma_li.save()
    with pytest.raises(Refused):
        appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)


def stored(held, **changes):
    """What the database gets when a program forgets the rules."""
    return Posting.objects.create(
        **{
            "role": held.role,
            "place": held.place,
            "organisation": held.organisation,
            "starts_on": MONDAY,
            "ends_on": FRIDAY,
            "deputises_for": held,
            **changes,
        }
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"ends_on": None},
        {"starts_on": date(2023, 12, 31)},
        {"ends_on": date(2025, 7, 1)},
        {"user": "wang_fang"},
        {"place": "longxi_grid_2"},
        {"role": Role.COMMUNITY_OFFICER},
        {"role": Role.UNIT_HANDLER, "place": None, "organisation": "housing"},
    ],
)
def test_the_database_refuses_a_deputy_that_does_not_fit(cast, changes):
    cast.wang_fang.postings.update(ends_on=date(2025, 6, 30))
    named = {key: getattr(cast, str(value), value) for key, value in changes.items()}
    with pytest.raises(IntegrityError), transaction.atomic():
        stored(held(cast.wang_fang), **{"user": cast.ma_li, **named})
    stored(held(cast.wang_fang), user=cast.ma_li)


def test_the_database_refuses_a_deputy_of_a_deputy_or_of_an_administrator(cast, gu_yan):
    deputy = stored(held(cast.wang_fang), user=cast.ma_li)
    with pytest.raises(IntegrityError), transaction.atomic():
        stored(deputy, user=gu_yan)
    with pytest.raises(IntegrityError), transaction.atomic():
        stored(held(cast.bai_jie), user=gu_yan)


def test_the_database_keeps_a_posting_as_its_deputy_needs_it(cast):
    stored(held(cast.wang_fang), user=cast.ma_li)
    for changes in (
        {"ends_on": FRIDAY - timedelta(days=1)},
        {"starts_on": MONDAY + timedelta(days=1)},
        {"place": cast.longxi_grid_2},
        {"user": cast.ma_li},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            cast.wang_fang.postings.update(**changes)
    cast.wang_fang.postings.update(ends_on=FRIDAY)


# --- who appoints whom by hand ---

# Whose deputy: who may appoint whom, beside the security administrator. Written by hand.
BY_HAND = {
    "wang_fang": {("zhao_min", "ma_li")},  # grid workers: the officer of their community
    "ma_li": {("zhao_min", "wang_fang")},
    "li_qiang": set(),  # no officer in 金山
    "wu_yang": {("zheng_hua", "xu_lei")},  # a town's unit: also people of its other units
    "xu_lei": set(),  # a unit without a head
    "he_jun": {("luo_bin", "deng_chao"), ("deng_chao", "luo_bin")},  # a department: its own people
    "gao_feng": set(),
    "zhao_min": set(),
    "chen_jing": set(),
    "zhou_wei": set(),
    "zheng_hua": set(),
    "luo_bin": set(),
    "sun_li": set(),
    "qian_jin": set(),
    "xu_ning": set(),
    "shen_lan": set(),
    "han_mei": set(),
    "cao_xue": set(),
}
# Near and far: of the grid, the community, the town's units, a department, another department.
CHOICES = [
    *("wang_fang", "ma_li", "li_qiang", "zhao_min", "wu_yang", "feng_gang", "xu_lei", "zheng_hua"),
    *("he_jun", "luo_bin", "deng_chao", "lin_tao", "sun_li"),
]


@pytest.fixture
def everybody(cast):
    """The cast without the administrators, and a second head of 住建局."""
    deng_chao = User.objects.create(username="deng.chao", full_name="邓超")
    post(deng_chao, Role.UNIT_HEAD, cast.housing)
    business = {name: user for name, user in cast.people.items() if user.sees_business}
    return {**business, "deng_chao": deng_chao}


def choices_of(by, held, everybody):
    """Whom of CHOICES somebody may appoint; who may appoint nobody is asked once."""
    found = set()
    for name in CHOICES:
        try:
            with transaction.atomic():
                appoint(held, everybody[name], by=by)
                found.add(name)
                transaction.set_rollback(True)
        except NotAllowed:
            return found
        except Refused:
            continue
    return found


@pytest.mark.parametrize("name", BY_HAND)
def test_who_appoints_a_deputy_by_hand_and_whom(everybody, name):
    found = {
        (by, chosen)
        for by, user in everybody.items()
        for chosen in choices_of(user, held(everybody[name]), everybody)
    }
    assert found == BY_HAND[name]


@pytest.mark.parametrize("name", BY_HAND)
def test_the_security_administrator_appoints_for_everybody_whoever_fits(cast, gu_yan, name):
    assert appoint(held(cast.people[name]), gu_yan, by=cast.ding_yi).user == gu_yan


@pytest.mark.parametrize("name", ["ma_chao", "bai_jie"])
def test_the_other_two_administrators_appoint_nobody(cast, name):
    with pytest.raises(NotAllowed):
        appoint(held(cast.wang_fang), cast.ma_li, by=cast.people[name])


def test_nobody_appoints_oneself(cast):
    """罗斌 may not give himself what 何军 has."""
    with pytest.raises(Refused, match="不能任命自己"):
        appoint(held(cast.he_jun), cast.luo_bin, by=cast.luo_bin)


def test_a_deputy_of_the_head_appoints_as_the_head_does(cast, gu_yan):
    appoint(held(cast.zheng_hua), gu_yan, by=cast.ding_yi, starts_on=TODAY)
    deputy = appoint(held(cast.wu_yang), cast.xu_lei, by=gu_yan)
    assert deputy.deputises_for == held(cast.wu_yang)


# --- the end of a deputy ---


def test_who_appoints_ends_early(cast, time_machine):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.zhao_min)
    time_machine.move_to("2025-03-11T09:00:00+08:00")
    for other in (cast.wang_fang, cast.chen_jing, cast.zheng_hua):
        with pytest.raises(NotAllowed):
            actions.end_posting(by=again(other), posting_id=deputy.pk, ends_on=date(2025, 3, 12))
    actions.end_posting(by=again(cast.zhao_min), posting_id=deputy.pk, ends_on=date(2025, 3, 12))
    deputy.refresh_from_db()
    assert deputy.ends_on == date(2025, 3, 12)


def test_a_deputy_is_prolonged_within_the_time_of_the_other_one(cast):
    cast.wang_fang.postings.update(ends_on=date(2025, 3, 31))
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.zhao_min)
    end = {"by": cast.ding_yi, "posting_id": deputy.pk}
    assert actions.end_posting(**end, ends_on=date(2025, 3, 31)).ends_on == date(2025, 3, 31)
    with pytest.raises(Refused):
        actions.end_posting(**end, ends_on=date(2025, 4, 1))


def test_by_hand_nobody_ends_more_than_a_deputy(cast):
    with pytest.raises(NotAllowed):
        actions.end_posting(
            by=again(cast.zhao_min), posting_id=held(cast.wang_fang).pk, ends_on=FRIDAY
        )


def test_a_deputy_who_has_not_begun_is_withdrawn_without_a_trace_but_the_audits(cast):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.zhao_min)
    pk = deputy.pk
    with pytest.raises(NotAllowed):
        actions.withdraw_deputy(by=again(cast.chen_jing), posting_id=pk)
    actions.withdraw_deputy(by=again(cast.zhao_min), posting_id=pk)
    assert not Posting.objects.filter(pk=pk).exists()
    entry = AuditEntry.objects.get(action=Trail.DEPUTY_WITHDRAWN)
    assert (entry.target_id, entry.detail["user"]) == (str(pk), cast.ma_li.pk)
    with pytest.raises(NotFoundHere):
        actions.withdraw_deputy(by=again(cast.zhao_min), posting_id=pk)


def test_what_has_begun_is_not_withdrawn(cast):
    deputy = appoint(held(cast.wang_fang), cast.ma_li, by=cast.zhao_min, starts_on=TODAY)
    for posting in (deputy, held(cast.wang_fang)):
        with pytest.raises(Refused):
            actions.withdraw_deputy(by=again(cast.zhao_min), posting_id=posting.pk)
        assert Posting.objects.filter(pk=posting.pk).exists()


def test_when_a_posting_ends_its_deputies_end_with_it(cast, gu_yan):
    running = appoint(held(cast.wang_fang), cast.ma_li, by=cast.ding_yi)
    coming = appoint(
        held(cast.wang_fang),
        gu_yan,
        by=cast.ding_yi,
        starts_on=date(2025, 4, 1),
        ends_on=date(2025, 4, 4),
    )
    last_day = date(2025, 3, 12)
    actions.end_posting(by=cast.ding_yi, posting_id=held(cast.wang_fang).pk, ends_on=last_day)
    running.refresh_from_db()
    assert running.ends_on == last_day
    assert not Posting.objects.filter(pk=coming.pk).exists()
    assert AuditEntry.objects.filter(action=Trail.POSTING_ENDED).count() == 2
