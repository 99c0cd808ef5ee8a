"""The side paths of the reference district: believable shares, and each of them open to be seen."""

from __future__ import annotations

from datetime import date, timedelta
from math import cos, hypot, radians
from pathlib import Path

import pytest
from django.conf import settings
from django.db.models import F, Q
from django.test import override_settings
from PIL import Image

from core.workdays import calendar
from governance.reference import demo, key_projects, loading
from governance.reference.coordinates import METRES_A_DEGREE
from governance.reference.history import LAST_DAY, SMALL_TOTAL, Size
from governance.reference.lines import midnight
from governance.reference.situations import BULK
from governance.reference.stage import Stage
from governance.reference.tail import first_morning
from issues import chain, options
from issues.choices import Action, ApprovalKind, Decider, Level, RulingKind, Source, Status
from issues.duplicates import WITHIN, WITHIN_DAYS, candidates
from issues.models import (
    Approval,
    Clock,
    Instruction,
    Issue,
    IssueEvent,
    Photo,
    Ruling,
    Supervision,
)
from meetings.models import Resolution
from people.models import Posting, User
from projects.models import ProjectOrigin

END = midnight(LAST_DAY + timedelta(days=1))


def account(username: str) -> User:
    return User.objects.get(username=username)


def share_with(*actions: Action) -> float:
    """The part of the counted history in which one of the actions occurs, in percent."""
    history = Issue.objects.filter(received_at__lt=END)
    with_it = history.filter(events__action__in=actions).distinct()
    return 100 * with_it.count() / SMALL_TOTAL


# --- shares of the counted history ---


@pytest.mark.usefixtures("reference_db")
@pytest.mark.parametrize(
    ("actions", "low", "high"),
    [
        ([Action.REQUEST_RETURN], 1.5, 5),
        ([Action.ARBITRATE], 0.3, 1.5),
        ([Action.TRANSFER], 0.5, 2),
        ([Action.ADD_CO], 1, 3),
        ([Action.PROGRESS], 12, 30),
        ([Action.REQUEST_EXTENSION], 2, 6),
        ([Action.REFUSE_EXTENSION], 0.2, 1.5),
        ([Action.SUSPEND, Action.TO_MEETING], 1, 4),
        ([Action.FAIL_VERIFICATION], 3, 9),
        ([Action.REDO], 0.3, 3),
        ([Action.REQUEST_REVIEW], 0.2, 1.5),
        ([Action.REOPEN], 0.7, 2.5),
        ([Action.MERGE], 1, 3),
        ([Action.UNMERGE], 0.1, 1),
        ([Action.CONFIRM_VOID], 0.4, 1.5),
        ([Action.URGE], 1, 4),
        ([Action.SUPERVISE], 0.5, 4),
        ([Action.INSTRUCT], 0.1, 1.5),
        ([Action.CORRECT], 0.4, 2),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_a_side_path_is_taken_as_often_as_in_life(
    actions: list[Action], low: float, high: float
) -> None:
    assert low <= share_with(*actions) <= high


def test_most_who_complain_are_called_in_time_and_some_are_not(reference_db: None) -> None:
    contactable = Issue.objects.exclude(contact_phone_index="").filter(received_at__lt=END)
    in_time = contactable.filter(contacted_at__lte=F("contact_due_at")).count()
    assert 0.8 < in_time / contactable.count() < 0.97


def test_asking_is_not_having(reference_db: None) -> None:
    """Of each kind of request some were granted and some refused."""
    for kind in ApprovalKind:
        decisions = set(Approval.objects.filter(kind=kind).values_list("decision", flat=True))
        assert decisions >= {"approved", "refused", ""}, kind


def test_a_second_extension_was_the_leaders_to_grant(reference_db: None) -> None:
    second = Approval.objects.filter(kind=ApprovalKind.EXTENSION, nth=2, decision="approved")
    assert second.exists()
    assert set(second.values_list("asked_of", flat=True)) == {Decider.LEADER}
    assert not second.filter(new_due_at__lte=F("old_due_at")).exists()


def test_a_second_reopening_goes_one_level_up(reference_db: None) -> None:
    levels = {
        (event.from_level, event.to_level)
        for event in IssueEvent.objects.filter(action=Action.REOPEN, issue__round__gte=3)
        if event.from_level != event.to_level
    }
    assert levels == {(Level.GRID, Level.TOWN), (Level.TOWN, Level.DISTRICT)}


def test_a_void_took_two_persons(reference_db: None) -> None:
    for approval in Approval.objects.filter(kind=ApprovalKind.VOID, decision="approved"):
        decided = IssueEvent.objects.get(issue=approval.issue_id, seq=approval.decided_seq)
        assert decided.actor_id != approval.asked_by_id


# --- duplicates and where things are ---


def metres(one: Issue, other: Issue) -> float:
    (here_east, here_north), (there_east, there_north) = position(one), position(other)
    east = (here_east - there_east) * cos(radians(here_north))
    return METRES_A_DEGREE * hypot(here_north - there_north, east)


def position(issue: Issue) -> tuple[float, float]:
    assert issue.longitude is not None
    assert issue.latitude is not None
    return issue.longitude, issue.latitude


def test_a_duplicate_lies_near_its_master(reference_db: None) -> None:
    merged = Issue.objects.filter(status=Status.MERGED).select_related("master")
    assert merged.count() >= 7
    for issue in merged:
        master = issue.master
        assert master is not None
        assert metres(issue, master) <= WITHIN
        assert issue.category_id == master.category_id
        assert abs(issue.received_at - master.received_at) < timedelta(days=WITHIN_DAYS)


def test_cases_lie_in_the_made_up_box_of_their_grid(stage: Stage) -> None:
    """Those with a position; what comes by telephone has none."""
    located = Issue.objects.exclude(longitude=None)
    assert located.count() > 0.75 * Issue.objects.count()
    for issue in located:
        box = stage.boxes[issue.place_id]
        longitude, latitude = position(issue)
        slack = 0.0006  # a duplicate may lie a little outside
        assert box.west - slack <= longitude <= box.east + slack
        assert box.south - slack <= latitude <= box.north + slack
        assert 119.92 < longitude < 120.90
        assert 30.93 < latitude < 31.35
    by_phone = Issue.objects.filter(source__in=[Source.HOTLINE, Source.INSPECTION])
    assert not by_phone.exclude(longitude=None).exists()


def test_like_reports_stand_side_by_side_for_the_grid_and_for_the_town(
    reference_db: None,
) -> None:
    for username, state in (
        ("grid", Q(level=Level.GRID, status=Status.PENDING_FIRST)),
        ("town", Q(level=Level.TOWN, status=Status.TRIAGE)),
    ):
        user = account(username)
        mine = Issue.objects.visible_to(user).filter(state)
        assert any(
            found.metres is not None and found.metres <= WITHIN
            for issue in mine
            for found in candidates(issue, by=user)
        ), username


# --- photos ---


def test_open_cases_and_their_duplicates_have_photos(reference_db: None) -> None:
    photos = Photo.objects.select_related("attachment", "issue")
    assert photos.filter(issue__status=Status.MERGED).exists()
    assert photos.filter(issue__duplicates__status=Status.MERGED).exists()
    assert {photo.stage for photo in photos} == {"report", "after"}
    for photo in photos:
        with Image.open(Path(settings.MEDIA_ROOT) / photo.attachment.file.name) as image:
            assert image.size == (photo.attachment.width, photo.attachment.height)
        assert photo.attachment.created_at <= photo.issue.events.get(seq=photo.seq).at


@pytest.mark.django_db
def test_a_load_that_breaks_off_leaves_no_photo_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[int] = []

    def break_off(*args: object) -> None:
        seen.append(len(list(tmp_path.rglob("*.jpg"))))
        raise RuntimeError("killed")

    monkeypatch.setattr(key_projects, "create", break_off)
    # A folder of its own: the same photo has the same name in every loaded district.
    with override_settings(MEDIA_ROOT=tmp_path), pytest.raises(RuntimeError, match="killed"):
        loading.load(size=Size.SMALL, today=date(2026, 3, 18))
    assert seen[0] > 0
    assert not list(tmp_path.rglob("*.jpg"))


# --- rulings, orders, instructions ---


def test_a_like_case_of_the_demo_town_gets_a_unit_proposed(reference_db: None) -> None:
    rulings = Ruling.objects.filter(kind=RulingKind.ARBITRATE)
    assert rulings.values("category").distinct().count() >= 3
    waiting = Issue.objects.filter(
        level=Level.TOWN, status=Status.TRIAGE, town__name="长桥街道", category__name=BULK
    )
    assert waiting.count() >= 3
    for issue in waiting:
        assert options.suggestions(Action.ASSIGN, issue)["lead_unit"]


def test_orders_are_numbered_by_the_year_as_they_were_issued(reference_db: None) -> None:
    orders = list(Supervision.objects.order_by("issued_at"))
    for year in {order.year for order in orders}:
        serials = [order.serial for order in orders if order.year == year]
        assert serials == list(range(1, len(serials) + 1))


def test_what_was_neglected_has_its_order(reference_db: None, today: date) -> None:
    """Whoever was late for more than three working days got one, in the history as well."""
    days = calendar()
    late = Clock.objects.filter(kind="step", step="handling", issue__lead_unit__isnull=False)
    ordered = set(Supervision.objects.filter(cause="overdue").values_list("issue_id", flat=True))
    neglected = {
        clock.issue_id
        for clock in late.exclude(verdict="cancelled").filter(paused_at=None)
        if days.working_days_between(
            clock.due_at.date(), (clock.ended_at or midnight(today)).date()
        )
        > 4
    }
    assert neglected
    assert neglected <= ordered


def test_orders_and_instructions_wait_and_are_answered(reference_db: None) -> None:
    open_orders = Supervision.objects.filter(struck_off_at=None)
    assert open_orders.filter(answered_at=None).exists()
    assert open_orders.exclude(answered_at=None).exists()
    ended = Supervision.objects.exclude(struck_off_at=None)
    assert set(ended.values_list("is_automatic_end", flat=True)) == {True, False}
    assert set(Supervision.objects.values_list("grade", flat=True)) == {"general", "key", "listed"}
    assert Instruction.objects.filter(answered_at=None).exists()
    assert Instruction.objects.exclude(answered_at=None).exists()


# --- what is open this morning ---


@pytest.mark.usefixtures("reference_db")
@pytest.mark.parametrize(
    ("kind", "asked_of", "level", "username"),
    [
        (ApprovalKind.RETURN, Decider.DISPATCHER, Level.TOWN, "town"),
        (ApprovalKind.RETURN, Decider.LEADER, Level.TOWN, "townlead"),
        (ApprovalKind.RETURN, Decider.DISPATCHER, Level.DISTRICT, "district"),
        (ApprovalKind.RETURN, Decider.LEADER, Level.DISTRICT, "leader"),
        (ApprovalKind.EXTENSION, Decider.DISPATCHER, Level.TOWN, "town"),
        (ApprovalKind.EXTENSION, Decider.LEADER, Level.TOWN, "townlead"),
        (ApprovalKind.EXTENSION, Decider.DISPATCHER, Level.DISTRICT, "district"),
        (ApprovalKind.EXTENSION, Decider.LEADER, Level.DISTRICT, "leader"),
        (ApprovalKind.SUSPENSION, Decider.LEADER, Level.TOWN, "townlead"),
        (ApprovalKind.SUSPENSION, Decider.LEADER, Level.DISTRICT, "leader"),
        (ApprovalKind.VOID, Decider.SECOND_PERSON, Level.GRID, "town"),
        (ApprovalKind.VOID, Decider.SECOND_PERSON, Level.TOWN, "townlead"),
        (ApprovalKind.VOID, Decider.SECOND_PERSON, Level.DISTRICT, "leader"),
        (ApprovalKind.REVIEW, Decider.LEADER, Level.TOWN, "townlead"),
        (ApprovalKind.REVIEW, Decider.LEADER, Level.DISTRICT, "leader"),
    ],
)
def test_a_request_waits_for_a_demo_account(
    kind: ApprovalKind, asked_of: Decider, level: Level, username: str
) -> None:
    asked = Approval.objects.filter(kind=kind, asked_of=asked_of, decision="", issue__level=level)
    waiting = Issue.objects.waiting_for(account(username))
    assert waiting.filter(pk__in=asked.values("issue_id")).exists()


def test_a_return_left_lying_has_become_the_leaders(reference_db: None, today: date) -> None:
    now = first_morning(calendar(), today)
    lying = Issue.objects.filter(status=Status.RETURN_REVIEW, due_at__lte=now)
    assert lying.exists()


def test_suspended_cases_have_their_review_ahead(reference_db: None, today: date) -> None:
    suspended = Issue.objects.filter(status=Status.SUSPENDED)
    assert suspended.filter(level=Level.TOWN).exists()
    assert suspended.filter(level=Level.DISTRICT, lead_unit__isnull=False).exists()
    assert suspended.filter(level=Level.DISTRICT, lead_unit=None).exists()  # for a meeting
    assert not suspended.filter(review_at__lt=midnight(today + timedelta(days=5))).exists()


@pytest.mark.usefixtures("reference_db")
@pytest.mark.parametrize("username", ["handler", "head", "town"])
def test_whoever_answers_for_a_case_has_an_order_and_an_instruction_to_answer(
    username: str,
) -> None:
    mine = Issue.objects.waiting_for(account(username))
    unanswered = Supervision.objects.filter(answered_at=None, struck_off_at=None)
    assert mine.filter(pk__in=unanswered.values("issue_id")).exists()
    instructions = Instruction.objects.filter(answered_at=None)
    assert mine.filter(pk__in=instructions.values("issue_id")).exists()


def test_the_demo_unit_owes_a_signature_and_has_work_of_each_lamp(
    reference_db: None, today: date
) -> None:
    unit = Issue.objects.filter(lead_unit__short_name=demo.ACCOUNTS["handler"][1])
    assert unit.filter(status=Status.ASSIGNED).exists()
    now = first_morning(calendar(), today)
    lamps = {issue.lamp(now) for issue in unit.filter(status=Status.HANDLING)}
    assert lamps == {"green", "yellow", "red"}


def test_the_supervisor_has_orders_to_strike_off(reference_db: None) -> None:
    answered = Supervision.objects.filter(struck_off_at=None).exclude(answered_at=None)
    waiting = Issue.objects.waiting_for(account("supervisor"))
    assert waiting.filter(pk__in=answered.values("issue_id")).exists()


def test_a_joint_meeting_has_decided_on_cases_that_waited_for_it(reference_db: None) -> None:
    decided = Resolution.objects.filter(agenda_item__issue__isnull=False)
    applied, waiting = decided.exclude(event=None), decided.filter(event=None)
    assert {resolution.event.action for resolution in applied if resolution.event} == {
        Action.APPLY_RESOLUTION,
        Action.CONVERT_TO_PROJECT,
    }
    assert ProjectOrigin.objects.get().issue.outcome == "to_project"
    # What is left for the secretary can be carried out.
    assert [resolution.not_yet_to_follow() for resolution in waiting] == [""]


def test_colleagues_stand_in_for_three_who_are_away(reference_db: None, today: date) -> None:
    deputies = Posting.objects.exclude(deputises_for=None)
    assert deputies.count() == 3
    assert deputies.in_force(today).count() == 2
    assert deputies.filter(starts_on__gt=today).count() == 1
    demo_staff = User.objects.filter(username__in=demo.ACCOUNTS)
    assert not deputies.filter(user__in=demo_staff).exists()


# --- the history as a whole ---


def test_every_chain_of_the_district_verifies(reference_db: None) -> None:
    tally = chain.Tally()
    assert list(chain.verify_cases(tally)) == []
    assert tally.cases == Issue.objects.count()
    assert tally.events == IssueEvent.objects.count()
