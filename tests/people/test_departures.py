"""Nobody leaves open work behind: it is handed over in one step, or somebody is told of it.

The work here is that of projects and resolutions; cases are in ``tests/issues/test_hand_over.py``.
"""

from datetime import date, timedelta

import pytest

from core.errors import NotAllowed, Refused
from core.models import AuditEntry, Message
from meetings.models import Resolution
from people import actions, duties
from people.choices import LEVELS, TERRITORIAL, Role
from people.models import User
from people.superiors import ABOVE, above
from people.trail import Trail
from projects.models import Project
from projects.trail import Trail as ProjectTrail
from tests.cast import again, person
from tests.meetings import stages as meeting_stages
from tests.projects import stages as project_stages

TODAY = date(2025, 3, 3)
LAST_DAY = date(2025, 3, 31)


@pytest.fixture(autouse=True)
def _monday(time_machine):
    time_machine.move_to("2025-03-03T09:00:00+08:00")


@pytest.fixture
def gu_yan(cast):
    """A second leader of 长桥, who can take over from 周伟."""
    return person("gu_yan", "顾燕", Role.TOWN_LEADER, cast.changqiao)


def end(cast, user, *, ends_on=LAST_DAY, successor=None):
    return actions.end_posting(
        by=cast.ding_yi, posting_id=user.postings.get().pk, ends_on=ends_on, successor=successor
    )


def owner(project):
    return Project.objects.get(pk=project.pk).project_owner


# --- ending a posting ---


def test_a_posting_without_open_work_ends_at_once(cast):
    assert end(cast, cast.zhou_wei).ends_on == LAST_DAY


def test_a_posting_with_open_work_does_not_end_and_the_refusal_says_with_what(cast, gu_yan):
    project_stages.published(cast)
    project_stages.drafted(cast, name="第二个项目")
    with pytest.raises(Refused) as refused:
        end(cast, cast.zhou_wei)
    assert "周伟还有 2 个攻坚项目，请选择接手人" in refused.value.message
    assert set(refused.value.fields) == {"successor"}
    assert cast.zhou_wei.postings.get().ends_on is None


def test_the_refusal_says_when_there_is_nobody_to_hand_over_to(cast):
    project_stages.published(cast)
    with pytest.raises(Refused, match="没有其他镇街分管领导可以接手"):
        end(cast, cast.zhou_wei)


def test_open_work_goes_to_the_successor_in_the_same_step(cast, gu_yan):
    project = project_stages.published(cast)
    posting = end(cast, cast.zhou_wei, successor=gu_yan)
    assert owner(project) == gu_yan
    assert (posting.ends_on, posting.successor) == (LAST_DAY, gu_yan)
    entry = AuditEntry.objects.get(action=Trail.POSTING_ENDED)
    assert entry.detail["successor"] == gu_yan.pk
    assert entry.detail["owned_projects"] == 1
    changed = AuditEntry.objects.get(action=ProjectTrail.OWNER_CHANGED)
    assert (changed.detail["former_owner"], changed.detail["owner"]) == (
        cast.zhou_wei.pk,
        gu_yan.pk,
    )
    told = Message.objects.filter(recipient=gu_yan).values_list("title", flat=True)
    assert "接手工作：周伟移交 1 个攻坚项目" in told


def test_when_the_hand_over_fails_the_posting_does_not_end(cast, gu_yan, monkeypatch):
    project = project_stages.published(cast)

    def fails(*args, **kwargs):
        raise Refused("不行。")

    monkeypatch.setattr("projects.actions._record", fails)
    with pytest.raises(Refused):
        end(cast, cast.zhou_wei, successor=gu_yan)
    assert owner(project) == cast.zhou_wei
    assert cast.zhou_wei.postings.get().ends_on is None


@pytest.mark.parametrize("name", ["zhou_wei", "chen_jing", "qian_jin", "ma_chao"])
def test_a_successor_holds_the_same_role_at_the_same_place(cast, name):
    project_stages.published(cast)
    with pytest.raises(Refused) as refused:
        end(cast, cast.zhou_wei, successor=cast.people[name])
    assert set(refused.value.fields) == {"successor"}


def test_a_successor_still_serves_after_the_end(cast, gu_yan):
    gu_yan.postings.update(ends_on=LAST_DAY)
    with pytest.raises(Refused):
        end(cast, cast.zhou_wei, successor=gu_yan)
    gu_yan.postings.update(ends_on=LAST_DAY + timedelta(days=1))
    assert end(cast, cast.zhou_wei, successor=gu_yan).ends_on == LAST_DAY


def test_a_closed_account_or_a_deputy_succeeds_nobody(cast, gu_yan):
    deputy = User.objects.create(username="deng.chao", full_name="邓超")
    actions.appoint_deputy(
        by=cast.ding_yi,
        posting=gu_yan.postings.get(),
        user=deputy,
        starts_on=TODAY,
        ends_on=date(2025, 12, 31),
    )
    with pytest.raises(Refused):
        end(cast, cast.zhou_wei, successor=deputy)
    User.objects.filter(pk=gu_yan.pk).update(is_active=False)
    with pytest.raises(Refused):
        end(cast, cast.zhou_wei, successor=gu_yan)


def test_an_end_that_moves_further_away_asks_for_nobody(cast):
    cast.zhou_wei.postings.update(ends_on=LAST_DAY)
    project_stages.published(cast)
    assert end(cast, cast.zhou_wei, ends_on=date(2025, 12, 31)).ends_on == date(2025, 12, 31)


def test_who_stays_at_work_keeps_what_has_to_do_with_another_posting(cast):
    """冯刚 is a verifier and a handler of 城建办, whose project he answers for."""
    project = project_stages.published(cast, project_owner=cast.feng_gang)
    verifier = cast.feng_gang.postings.get(role=Role.VERIFIER)
    actions.end_posting(by=cast.ding_yi, posting_id=verifier.pk, ends_on=TODAY)
    assert owner(project) == cast.feng_gang
    handler = cast.feng_gang.postings.get(role=Role.UNIT_HANDLER)
    with pytest.raises(Refused, match="1 个攻坚项目"):
        actions.end_posting(by=cast.ding_yi, posting_id=handler.pk, ends_on=TODAY)


def test_who_leaves_a_unit_leaves_its_projects(cast):
    project = project_stages.published(cast, project_owner=cast.feng_gang)
    handler = cast.feng_gang.postings.get(role=Role.UNIT_HANDLER)
    with pytest.raises(Refused, match="1 个攻坚项目"):
        actions.end_posting(by=cast.ding_yi, posting_id=handler.pk, ends_on=TODAY)
    actions.end_posting(
        by=cast.ding_yi, posting_id=handler.pk, ends_on=TODAY, successor=cast.wu_yang
    )
    assert owner(project) == cast.wu_yang


def test_resolutions_are_handed_over_too(cast):
    resolution = meeting_stages.resolved(cast, responsible_person=cast.he_jun)
    deng_chao = person("deng_chao", "邓超", Role.UNIT_HANDLER, cast.housing)
    with pytest.raises(Refused, match="1 项议定事项"):
        end(cast, cast.he_jun)
    end(cast, cast.he_jun, successor=deng_chao)
    assert Resolution.objects.get(pk=resolution.pk).responsible_person == deng_chao


def test_a_done_project_and_a_solved_resolution_are_no_open_work(cast):
    project_stages.completed(cast, "2025-03-10")
    resolution = meeting_stages.resolved(cast, responsible_person=cast.zhou_wei)
    meeting_stages.solved(cast, resolution, "2025-03-25")
    assert end(cast, cast.zhou_wei).ends_on == LAST_DAY


# --- what turns up later ---


def test_what_turns_up_until_the_end_follows_to_the_successor(cast, gu_yan, time_machine):
    end(cast, cast.zhou_wei, successor=gu_yan)
    project = project_stages.published(cast)
    time_machine.move_to("2025-04-01T00:10:00+08:00")
    actions.settle_ended_postings()
    assert owner(project) == gu_yan
    entry = AuditEntry.objects.get(action=Trail.WORK_HANDED_OVER)
    assert (entry.actor, entry.detail["owned_projects"]) == (None, 1)


def test_a_successor_who_begins_later_gets_everything_then(cast, time_machine):
    project = project_stages.published(cast)
    gu_yan = User.objects.create(username="gu.yan", full_name="顾燕")
    actions.appoint(
        by=cast.ding_yi,
        user=gu_yan,
        role=Role.TOWN_LEADER,
        place=cast.changqiao,
        starts_on=LAST_DAY + timedelta(days=1),
    )
    end(cast, cast.zhou_wei, successor=gu_yan)
    assert owner(project) == cast.zhou_wei
    time_machine.move_to("2025-04-01T00:10:00+08:00")
    actions.settle_ended_postings()
    assert owner(project) == gu_yan


def test_of_what_nobody_takes_over_the_people_above_are_told_once(cast, time_machine):
    end(cast, cast.zhou_wei)
    project = project_stages.published(cast)
    time_machine.move_to("2025-04-01T00:10:00+08:00")
    actions.settle_ended_postings()
    actions.settle_ended_postings()
    told = Message.objects.get(title="周伟离任，1 个攻坚项目待移交")
    assert told.recipient == cast.sun_li
    assert owner(project) == cast.zhou_wei


def test_a_posting_that_ended_with_nothing_to_do_is_nobodys_news(cast, time_machine):
    end(cast, cast.zhou_wei)
    before = Message.objects.count()
    time_machine.move_to("2025-04-01T00:10:00+08:00")
    assert actions.settle_ended_postings() == 1
    assert Message.objects.count() == before


# --- closing an account ---


def test_closing_an_account_hands_its_work_to_the_successor(cast, gu_yan):
    project = project_stages.published(cast)
    actions.deactivate_account(by=cast.ma_chao, user=cast.zhou_wei, successor=gu_yan)
    assert owner(project) == gu_yan
    assert not again(cast.zhou_wei).is_active
    entry = AuditEntry.objects.get(action=Trail.WORK_HANDED_OVER)
    assert (entry.actor, entry.detail["successor"]) == (cast.ma_chao, gu_yan.pk)


def test_closing_an_account_is_never_held_up_and_the_people_above_are_told(cast):
    project = project_stages.published(cast)
    actions.deactivate_account(by=cast.ma_chao, user=cast.zhou_wei)
    assert not again(cast.zhou_wei).is_active
    assert owner(project) == cast.zhou_wei
    told = Message.objects.filter(title="周伟离任，1 个攻坚项目待移交")
    assert [message.recipient for message in told] == [cast.sun_li]


@pytest.mark.parametrize("name", ["chen_jing", "zhou_wei"])
def test_closing_an_account_is_refused_for_a_successor_who_holds_nothing_of_it(cast, name):
    with pytest.raises(Refused) as refused:
        actions.deactivate_account(by=cast.ma_chao, user=cast.zhou_wei, successor=cast.people[name])
    assert set(refused.value.fields) == {"successor"}
    assert again(cast.zhou_wei).is_active


# --- handing over without leaving ---


def test_work_is_handed_over_by_who_sees_to_the_deputies(cast):
    project = project_stages.published(cast, project_owner=cast.wu_yang)
    cast.wu_yang.is_active = False
    cast.wu_yang.save()
    give = {"posting_id": cast.wu_yang.postings.get().pk, "successor": cast.feng_gang}
    for other in (cast.luo_bin, cast.chen_jing, cast.wu_yang, cast.ma_chao):
        with pytest.raises(NotAllowed):
            actions.hand_over_work(by=again(other), **give)
    assert actions.hand_over_work(by=again(cast.zheng_hua), **give) == {"owned_projects": 1}
    assert owner(project) == cast.feng_gang
    entry = AuditEntry.objects.get(action=Trail.WORK_HANDED_OVER)
    assert (entry.actor, entry.detail["successor"]) == (cast.zheng_hua, cast.feng_gang.pk)


def test_where_there_is_nothing_to_hand_over_it_says_so(cast):
    with pytest.raises(Refused, match="没有需要移交的工作"):
        actions.hand_over_work(
            by=again(cast.zheng_hua),
            posting_id=cast.wu_yang.postings.get().pk,
            successor=cast.feng_gang,
        )


# --- who is above ---

# Written by hand: who hears of what each person leaves behind.
SUPERIORS = {
    "wang_fang": {"zhao_min"},
    "li_qiang": {"tang_jie"},  # 金山 has no officer: the dispatcher of the town
    "zhao_min": {"chen_jing"},
    "chen_jing": {"zhou_wei"},
    "tang_jie": {"sun_li"},  # 木渎 has no leader
    "zhou_wei": {"sun_li"},
    "wu_yang": {"zheng_hua"},
    "xu_lei": {"chen_jing"},  # the unit has no head
    "gao_feng": {"sun_li"},
    "zheng_hua": {"chen_jing"},
    "luo_bin": {"sun_li"},
    "shen_lan": {"chen_jing"},
    "han_mei": {"chen_jing"},
    "sun_li": {"qian_jin"},
    "qian_jin": {"sun_li"},
    "xu_ning": {"sun_li"},
    "cao_xue": {"sun_li"},
}


@pytest.mark.parametrize("name", SUPERIORS)
def test_who_is_above_whom(cast, name):
    found = above(cast.people[name].postings.get(), TODAY)
    assert {posting.user.username for posting in found} == SUPERIORS[name]


def test_every_business_role_has_somebody_above():
    assert set(ABOVE) == set(TERRITORIAL) | {Role.UNIT_HANDLER, Role.UNIT_HEAD}
    territorial = {role for roles in ABOVE.values() for role in roles} - {Role.UNIT_HEAD}
    assert all(len(LEVELS[role]) == 1 for role in territorial)


def test_where_nobody_is_above_the_security_administrators_are_told(cast):
    project_stages.published(cast)
    User.objects.filter(pk__in=[cast.sun_li.pk, cast.qian_jin.pk]).update(is_active=False)
    actions.deactivate_account(by=cast.ma_chao, user=cast.zhou_wei)
    told = Message.objects.get(title__startswith="周伟离任")
    assert told.recipient == cast.ding_yi


def test_the_rooms_say_what_a_posting_can_hold():
    assert {duty.code for duty in duties.registered()} == {
        "handled_issues",
        "waiting_issues",
        "owned_projects",
        "owned_resolutions",
    }
