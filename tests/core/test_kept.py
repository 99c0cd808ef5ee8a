"""Reference data in memory is what the database has, and is read as seldom as that allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from celery.signals import task_postrun, task_prerun
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, models, transaction
from pytest_django import DjangoAssertNumQueries

from areas.models import Place
from areas.reference import places
from core.kept import Kept, forget_marks
from core.models import CalendarYear, Edition, WorkDay
from core.workdays import calendar
from issues.models import Category, TimeLimit
from issues.office import Limits
from issues.reference import categories
from people.models import Organisation, User
from people.reference import assignable_in, organisations
from tests.cast import Cast

YEAR = 2027


class Notices:
    """The notice of a year, kept in memory, and how often it was read."""

    def __init__(self) -> None:
        self.reads = 0
        self.kept = Kept(self._load, CalendarYear)

    def _load(self) -> list[str]:
        self.reads += 1
        return [CalendarYear.objects.get(year=YEAR).notice]

    def now(self) -> str:
        return self.kept.get()[0]


@contextmanager
def request() -> Iterator[None]:
    """As the test client does: the connection, which is in a transaction, stays open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    request_started.send(sender=None)
    try:
        yield
    finally:
        request_finished.send(sender=None)
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def say(notice: str) -> None:
    CalendarYear.objects.filter(year=YEAR).update(notice=notice)


def elsewhere(act: Callable[[], None]) -> None:
    """Do it by another connection, and be done with it."""

    def work() -> None:
        try:
            act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def test_it_is_read_once_for_many_requests(db: None) -> None:
    notices = Notices()
    for _ in range(3):
        with request():
            assert notices.now() == notices.now() == ""
    assert notices.reads == 1


def test_all_tables_together_cost_a_request_one_statement(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    def ask() -> None:
        calendar(), Limits.load(), categories(), organisations(), places()

    ask()
    with request(), django_assert_num_queries(1):
        ask()
        ask()


def test_a_task_reads_the_marks_once_too(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    calendar(), places()
    task_prerun.send(sender=None)
    with django_assert_num_queries(1):
        calendar(), places()
    task_postrun.send(sender=None)
    with django_assert_num_queries(2):
        calendar(), places()


def test_what_another_connection_has_changed_counts_from_the_next_request(
    committed_db: str,
) -> None:
    notices = Notices()
    with request():
        assert notices.now() == ""
        elsewhere(lambda: say("新通知"))
        assert notices.now() == ""
    with request():
        assert notices.now() == "新通知"


def test_work_that_goes_on_for_long_may_ask_anew(committed_db: str) -> None:
    notices = Notices()
    with request():
        assert notices.now() == ""
        elsewhere(lambda: say("新通知"))
        forget_marks()
        assert notices.now() == "新通知"


def test_what_is_rolled_back_has_never_been(committed_db: str) -> None:
    notices = Notices()
    with request():
        assert notices.now() == ""
        with transaction.atomic():
            year = CalendarYear.objects.get(year=YEAR)
            year.notice = "写错了"
            year.save()
            assert notices.now() == "写错了"
            transaction.set_rollback(True)
        assert notices.now() == ""
    with request():
        assert notices.now() == ""


def test_what_is_first_read_in_a_transaction_that_fails_is_not_kept(committed_db: str) -> None:
    before, notices = Notices(), Notices()
    with request():
        assert before.now() == ""  # the request has its marks
        with transaction.atomic():
            say("写错了")
            assert notices.now() == "写错了"
            transaction.set_rollback(True)
    with request():
        assert notices.now() == ""


def test_nobody_else_sees_what_is_not_committed(committed_db: str) -> None:
    notices, seen = Notices(), []
    with transaction.atomic():
        say("新通知")
        assert notices.now() == "新通知"
        elsewhere(lambda: seen.append(notices.now()))
        assert notices.now() == "新通知"
    elsewhere(lambda: seen.append(notices.now()))
    assert seen == ["", "新通知"]


def test_without_a_mark_it_is_read_each_time(db: None) -> None:
    notices = Notices()
    Edition.objects.all().delete()
    assert notices.now() == notices.now() == ""
    assert notices.reads == 2


def truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE core_workday")


@pytest.mark.parametrize(
    ("model", "write"),
    [
        (WorkDay, lambda: WorkDay.objects.filter(date__year=2025).delete()),
        (WorkDay, lambda: WorkDay.objects.bulk_create([WorkDay(date="2030-01-01", is_working=0)])),
        (WorkDay, truncate),
        (CalendarYear, lambda: say("新通知")),
        (Category, lambda: Category.objects.update(is_active=False)),
        (TimeLimit, lambda: TimeLimit.objects.update(value=9)),
        (Organisation, lambda: Organisation.objects.update(is_active=False)),
        (Place, lambda: Place.objects.update(name="某地")),
    ],
)
def test_every_kind_of_write_gives_a_new_mark(
    db: None, model: type[models.Model], write: Callable[[], object]
) -> None:
    def mark() -> object:
        return Edition.objects.get(name=model._meta.db_table).mark

    before = mark()
    write()
    assert mark() != before


def test_only_a_table_that_marks_its_edition_can_be_kept() -> None:
    with pytest.raises(TypeError, match="User"):
        Kept(dict, User)


def test_places_and_organisations_come_with_what_they_lie_in(
    cast: Cast, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    places(), organisations()
    with request(), django_assert_num_queries(1):
        grid = places()[cast.longxi_grid_1.pk]
        assert (grid.parent, grid.community) == (cast.longxi, cast.longxi)
        assert (grid.town, grid.district) == (cast.changqiao, cast.district)
        assert organisations()[cast.changqiao_works.pk].place == cast.changqiao
        assert categories()[cast.sewage.pk].name == cast.sewage.name


def test_organisations_serve_a_place_as_it_is_called_and_where_it_lies_now(cast: Cast) -> None:
    unit = cast.changqiao_works
    Organisation.objects.filter(pk=unit.pk).update(place=cast.longxi)
    assert unit.pk in assignable_in(cast.changqiao)
    Place.objects.filter(pk=cast.longxi.pk).update(
        name="新龙社区", parent=cast.mudu, town=cast.mudu
    )
    serves = organisations()[unit.pk].place
    assert serves is not None
    assert serves.name == "新龙社区"
    assert unit.pk in assignable_in(cast.mudu)
    assert unit.pk not in assignable_in(cast.changqiao)
