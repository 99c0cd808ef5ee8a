"""What stands in the reference district on its first morning, and how it is loaded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.contrib.auth.password_validation import validate_password
from django.core.management import CommandError, call_command
from django.db.models import Count, Max

from areas.choices import PlaceLevel
from areas.models import ComplexArea, Demand, Place
from core import idempotency, outbox
from core.models import AuditEntry, Message
from core.workdays import SHANGHAI, calendar, moment
from governance.reference import demo, history, loading
from governance.reference.lines import midnight
from governance.reference.loading import Size
from governance.reference.tail import MORNING, first_morning
from issues import clocks, sweeps
from issues.choices import HANDLING_ACTIONS, Action, Lamp, Level, Status
from issues.models import Assignment, Clock, Issue, IssueEvent
from meetings import reporting
from meetings.models import Meeting
from people.choices import ORGANISATIONAL, OrganisationKind, Role
from people.models import Organisation, Posting, User
from projects.models import Project

ADMINISTRATORS = {"sysadmin", "secadmin", "auditor"}


# --- loading ---


def test_a_second_load_is_refused_and_changes_nothing(reference_db: None) -> None:
    before = Issue.objects.count(), Place.objects.count(), User.objects.count()
    with pytest.raises(CommandError, match="已经有数据"):
        call_command("load_reference", size="small")
    assert (Issue.objects.count(), Place.objects.count(), User.objects.count()) == before


def test_if_empty_leaves_a_loaded_district_alone(
    reference_db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Issue.objects.aggregate(Max("id"), Count("id"))
    call_command("load_reference", size="full", if_empty=True)
    assert "已有数据" in capsys.readouterr().out
    assert Issue.objects.aggregate(Max("id"), Count("id")) == before


@pytest.mark.django_db
def test_a_load_that_breaks_off_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(*args: Any) -> None:
        assert User.objects.exists()  # it had come some way
        raise RuntimeError("killed")

    monkeypatch.setattr(loading, "_issues", break_off)
    with pytest.raises(RuntimeError, match="killed"):
        loading.load(size=Size.SMALL, today=date(2026, 11, 23))
    assert not Place.objects.exists()
    assert not User.objects.exists()
    assert not loading.is_loaded()


@pytest.mark.django_db
@pytest.mark.parametrize("today", ["2025-12-31", "2026-01-31"])
def test_a_today_inside_the_counted_history_is_refused(today: str) -> None:
    with pytest.raises(CommandError, match="不能早于"):
        call_command("load_reference", size="small", today=today)
    assert not Place.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("today", ["tomorrow", "2026-13-01", "20.11.2026"])
def test_a_today_that_is_no_date_is_refused(today: str) -> None:
    with pytest.raises(CommandError, match="YYYY-MM-DD"):
        call_command("load_reference", size="small", today=today)


# --- places and people ---


def test_the_place_tree_is_complete(reference_db: None) -> None:
    counts = dict(Place.objects.order_by().values_list("level").annotate(Count("id")))
    assert counts == {
        PlaceLevel.DISTRICT: 1,
        PlaceLevel.TOWN: 14,
        PlaceLevel.COMMUNITY: 90,  # four of them without areas
        PlaceLevel.GRID: 430,
    }
    assert not Place.objects.filter(level=PlaceLevel.GRID, synthetic=False).exists()
    assert Place.objects.get(code="320506009005").name == "东湖社区"
    for grid in Place.objects.filter(level=PlaceLevel.GRID).select_related("community"):
        assert grid.community is not None
        assert grid.code.startswith(grid.community.code)
        assert len(grid.code) == 15


def test_areas_stand_in_the_towns_of_the_table(reference_db: None) -> None:
    day = history.LAST_DAY
    by_town = dict(
        ComplexArea.objects.active(day)
        .order_by()
        .values_list("lead_community__town__name")
        .annotate(Count("id"))
    )
    assert by_town == {
        "长桥街道": 31,
        "城南街道": 28,
        "越溪街道": 14,
        "郭巷街道": 22,
        "横泾街道": 7,
        "香山街道": 9,
        "太湖街道": 7,
        "甪直镇": 17,
        "木渎镇": 29,
        "胥口镇": 10,
        "东山镇": 5,
        "光福镇": 4,
        "临湖镇": 3,
    }


def test_named_pilots_stand_where_the_article_puts_them(reference_db: None) -> None:
    named = ComplexArea.objects.filter(is_named_pilot=True).values_list(
        "name", "type", "lead_community__name", "lead_community__town__name"
    )
    assert set(named) == {
        ("李家角城中村", "urban_village", "龙西社区", "长桥街道"),
        ("花苑片区", "open_block", "花苑社区", "长桥街道"),
        ("东湖社区毗邻区", "adjoining_area", "东湖社区", "城南街道"),
    }
    assert ComplexArea.objects.filter(is_pilot=True).count() == 12


def test_every_area_has_a_chain_from_district_to_grid(reference_db: None) -> None:
    areas = ComplexArea.objects.active(history.LAST_DAY)
    for area in areas.prefetch_related("responsibility_chain"):
        levels = {link.level for link in area.responsibility_chain.all()}
        assert levels == set(PlaceLevel)


def test_adjoining_areas_span_communities_and_have_counterparts(reference_db: None) -> None:
    areas = ComplexArea.objects.filter(type="adjoining_area").annotate(
        spans=Count("communities", distinct=True), others=Count("counterparts", distinct=True)
    )
    assert all(area.spans >= 2 and area.others >= 1 for area in areas)
    towns = areas.annotate(towns=Count("communities__town", distinct=True))
    assert any(area.towns > 1 for area in towns)
    others = ComplexArea.objects.exclude(type="adjoining_area").annotate(spans=Count("communities"))
    assert all(area.spans == 1 for area in others)


def test_every_grid_has_one_worker_but_six(stage: Any) -> None:
    staffed = [
        len(stage.roster.at(Role.GRID_WORKER, grid.pk))
        for grids in stage.grids.values()
        for grid in grids
    ]
    assert len(staffed) == 430
    assert staffed.count(1) == 424
    assert staffed.count(0) == 6


def test_every_body_that_can_be_ordered_to_act_has_people(stage: Any) -> None:
    for organisation in Organisation.objects.filter(is_active=True):
        handlers = stage.roster.of(Role.UNIT_HANDLER, organisation)
        heads = stage.roster.of(Role.UNIT_HEAD, organisation)
        outside = organisation.kind == OrganisationKind.EXTERNAL
        assert bool(handlers) is not outside
        assert bool(heads) is not outside


def test_there_are_46_district_organs(reference_db: None) -> None:
    organs = Organisation.objects.filter(kind=OrganisationKind.DISTRICT_DEPARTMENT)
    assert organs.filter(is_active=True).count() == 46
    assert organs.filter(is_active=False).exists()


def test_no_telephone_number_can_be_dialled(reference_db: None) -> None:
    numbers = {user.phone for user in User.objects.all()}
    numbers |= {issue.contact_phone for issue in Issue.objects.exclude(contact_phone_index="")}
    assert len(numbers) > 1000
    assert all(number.startswith("12") and len(number) == 11 for number in numbers)


def test_only_demo_accounts_can_sign_in(reference_db: None) -> None:
    can = {user.username for user in User.objects.all() if user.has_usable_password()}
    assert can == set(demo.ACCOUNTS)
    for user in User.objects.filter(username__in=can):
        assert user.password == User.objects.get(username="grid").password  # hashed once
        validate_password(demo.PASSWORD, user)
    assert check_password(demo.PASSWORD, User.objects.get(username="grid").password)


def test_every_role_has_a_demo_account_with_that_role_alone(reference_db: None) -> None:
    assert {role for role, _ in demo.ACCOUNTS.values()} == set(Role)
    for username, (role, where) in demo.ACCOUNTS.items():
        [posting] = Posting.objects.filter(user__username=username).select_related(
            "place", "organisation"
        )
        assert posting.role == role
        name = posting.organisation.short_name if posting.organisation else ""
        assert (posting.place.name if posting.place else name) == where


# --- the first morning ---


def test_every_demo_account_has_unread_messages(reference_db: None) -> None:
    for user in User.objects.filter(username__in=demo.ACCOUNTS):
        assert outbox.unread_count(user) > 0, user.username


def test_every_demo_account_that_handles_issues_has_something_to_do(reference_db: None) -> None:
    looking_on = {"secretary", *ADMINISTRATORS}
    for user in User.objects.filter(username__in=set(demo.ACCOUNTS) - looking_on):
        assert Issue.objects.waiting_for(user).exists(), user.username


def test_demo_roles_see_areas_projects_and_meetings(reference_db: None) -> None:
    for username in ("district", "leader", "supervisor", "secretary", "town", "townlead"):
        user = User.objects.get(username=username)
        assert ComplexArea.objects.visible_to(user).exists(), username
        assert Project.objects.visible_to(user).exists(), username
        assert Meeting.objects.visible_to(user).exists(), username


def test_issues_stand_open_in_every_state_and_under_every_lamp(
    reference_db: None, today: date
) -> None:
    now = first_morning(calendar(), today)
    seen: dict[tuple[str, str], set[Lamp | None]] = {}
    for issue in Issue.objects.open():
        seen.setdefault((issue.level, issue.status), set()).add(issue.lamp(now))
    every = {Lamp.GREEN, Lamp.YELLOW, Lamp.RED}
    for level in (Level.TOWN, Level.DISTRICT):
        assert seen.pop((level, Status.SUSPENDED)) == {Lamp.GREY}
        assert seen.pop((level, Status.RETURN_REVIEW)) <= every
    assert seen == {
        (Level.GRID, Status.PENDING_FIRST): every,
        (Level.GRID, Status.GRID_HANDLING): every,
        (Level.GRID, Status.VERIFY): every,
        (Level.GRID, Status.REVISIT): every,
        (Level.TOWN, Status.TRIAGE): every,
        (Level.TOWN, Status.ASSIGNED): {Lamp.GREEN},
        (Level.TOWN, Status.HANDLING): every,
        (Level.TOWN, Status.VERIFY): every,
        (Level.TOWN, Status.REVISIT): every,
        (Level.DISTRICT, Status.TRIAGE): every,
        (Level.DISTRICT, Status.ASSIGNED): {Lamp.GREEN},
        (Level.DISTRICT, Status.HANDLING): every,
        (Level.DISTRICT, Status.VERIFY): every,
        (Level.DISTRICT, Status.REVISIT): every,
    }


def test_every_action_occurs(reference_db: None) -> None:
    occurring = set(IssueEvent.objects.order_by().values_list("action", flat=True))
    # Only a calendar that is published late is a reason to recalculate.
    assert occurring == set(Action) - {Action.RECALCULATE}


def test_no_open_issue_is_part_of_the_counted_history(reference_db: None) -> None:
    end = midnight(history.LAST_DAY + timedelta(days=1))
    assert Issue.objects.filter(received_at__lt=end).count() == history.SMALL_TOTAL
    assert not Issue.objects.open().filter(received_at__lt=end).exists()


def test_nothing_lies_in_the_future(reference_db: None, today: date) -> None:
    morning = midnight(today)
    assert not IssueEvent.objects.filter(at__gte=morning).exists()
    assert not Message.objects.filter(created_at__gte=morning).exists()
    assert not Meeting.objects.filter(held_on__gte=today).exists()
    assert not Project.objects.filter(completed_on__gte=today).exists()
    # The calendar of the migrations is older than the story.
    entries = AuditEntry.objects.exclude(action__startswith="calendar.")
    assert not entries.filter(at__gte=morning).exists()


def test_everything_of_the_past_is_delivered_and_only_the_last_days_are_unread(
    reference_db: None, today: date
) -> None:
    assert not Message.objects.filter(delivered_at__isnull=True).exists()
    unread = Message.objects.filter(read_at__isnull=True)
    assert 0 < unread.count() < Message.objects.count() / 10
    assert not unread.filter(created_at__lt=midnight(today - timedelta(days=4))).exists()


def test_no_clock_reminds_of_anything_before_today(reference_db: None, today: date) -> None:
    assert not Clock.objects.filter(next_reminder_at__lt=midnight(today)).exists()


def test_running_clocks_have_reminded_as_they_should(reference_db: None, today: date) -> None:
    """What turned yellow or red before today has sent its message on that very day."""
    days = calendar()
    for clock in Clock.objects.running().exclude(kind="overall").filter(paused_at=None):
        passed = [
            (at, kind) for at, kind, _ in clocks.reminder_times(clock, days) if at < midnight(today)
        ]
        sent = Message.objects.filter(key__startswith=f"clock:{clock.pk}:")
        assert sent.exists() is bool(passed)
        if passed:
            at, kind = passed[-1]
            last = sent.order_by("created_at").last()
            assert last is not None
            assert last.kind == kind
            assert last.created_at.astimezone(SHANGHAI).date() == at.astimezone(SHANGHAI).date()


def test_what_waits_for_a_signature_can_still_be_signed_for(
    reference_db: None, today: date
) -> None:
    waiting = Assignment.objects.filter(
        is_lead=True,
        acknowledged_at__isnull=True,
        left_seq__isnull=True,
        issue__status=Status.ASSIGNED,
    )
    assert waiting.exists()
    assert not waiting.filter(acknowledge_due_at__lt=moment(today, MORNING)).exists()


def test_beat_finds_nothing_to_do_for_the_days_before(reference_db: None, today: date) -> None:
    """Each beat task at the first instant of today writes and delivers no message."""
    before = Message.objects.count()
    now = midnight(today)

    assert outbox.deliver_all(now) == 0
    assert sweeps.remind_of_deadlines(now) == 0
    assert sweeps.acknowledge_overdue_assignments(now) == 0
    assert sweeps.resume_suspended(now) == 0
    assert sweeps.supervise_neglected(now - timedelta(seconds=1)) == 0
    reporting.draft_quarterly_report(now)
    assert reporting.warn_of_missing_district_meeting(now) == 0
    idempotency.forget_old_keys(now)

    assert Message.objects.count() == before


def test_beat_reminds_in_the_morning_of_today_alone(reference_db: None, today: date) -> None:
    known = set(Message.objects.values_list("pk", flat=True))
    now = moment(today, MORNING)

    outbox.deliver_all(now)
    sweeps.remind_of_deadlines(now)
    sweeps.acknowledge_overdue_assignments(now)
    sweeps.resume_suspended(now)
    reporting.draft_quarterly_report(now)
    reporting.warn_of_missing_district_meeting(now)

    days = calendar()
    for message in Message.objects.exclude(pk__in=known).filter(key__startswith="clock:"):
        clock = Clock.objects.get(pk=message.key.split(":")[1])
        times = [at for at, kind, _ in clocks.reminder_times(clock, days) if kind == message.kind]
        assert any(midnight(today) <= at <= now for at in times)
    assert not Message.objects.exclude(pk__in=known).exclude(key__startswith="clock:").exists()


# --- believable histories ---


def test_nobody_verified_their_own_work(reference_db: None) -> None:
    handled: dict[int, set[int]] = {}
    checked: list[tuple[int, int]] = []
    verifications = (Action.PASS_VERIFICATION, Action.FAIL_VERIFICATION)
    for issue_id, action, actor_id in IssueEvent.objects.filter(actor__isnull=False).values_list(
        "issue_id", "action", "actor_id"
    ):
        if action in HANDLING_ACTIONS:
            handled.setdefault(issue_id, set()).add(actor_id)
        elif action in verifications:
            checked.append((issue_id, actor_id))
    assert len(checked) > 400
    assert not [pair for pair in checked if pair[1] in handled.get(pair[0], ())]


def test_offices_act_in_office_hours(reference_db: None) -> None:
    """Units, dispatchers and verifiers work on working days; only urgent safety knows no hours."""
    days = calendar()
    roles = ORGANISATIONAL | {Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER, Role.REVISITOR}
    events = IssueEvent.objects.filter(posting__role__in=roles).exclude(issue__urgency="safety")
    assert events.count() > 1000
    for at in events.exclude(action=Action.CREATE).values_list("at", flat=True):
        assert days.is_office_time(at), at


def test_some_work_is_late_and_most_is_not(reference_db: None) -> None:
    for step in ("diagnosis", "grid_handling", "triage", "handling", "verification"):
        judged = Clock.objects.filter(kind="step", step=step)
        late, on_time = (judged.filter(verdict=v).count() for v in ("late", "on_time"))
        assert 0 < late < on_time / 4, step


def test_demands_of_the_survey_lie_in_the_survey(reference_db: None) -> None:
    rows = Demand.objects.filter(recorded_on__year=2024)
    assert rows.count() == 1200 + 36
    assert not Demand.objects.filter(recorded_on__year=2025).exists()
