"""Messages reach the phone of the person they are for, and are read there once."""

from __future__ import annotations

from core import outbox
from core.models import Message
from tests.api.phone import Phone
from tests.cast import Cast
from tests.issues.moments import assigned, with_two_departments


def test_a_delivered_message_is_in_the_inbox_of_its_recipient(cast: Cast) -> None:
    issue = assigned(cast)
    phone = Phone(cast.wu_yang)
    assert phone.read("/inbox").data["results"] == []

    outbox.deliver_all()

    message = phone.read("/inbox").data["results"][0]
    assert message["title"].startswith("交办：")
    assert (message["url"], message["read_at"]) == (f"/issues/{issue.pk}/", None)
    assert Phone(cast.lin_tao).read("/inbox").data["results"] == []


def test_messages_are_paged_newest_first(cast: Cast) -> None:
    for _ in range(3):
        assigned(cast)
        outbox.deliver_all()
    phone = Phone(cast.wu_yang)

    first = phone.read("/inbox", limit=2).data
    second = phone.read("/inbox", limit=2, cursor=first["next"]).data

    newest_first = Message.objects.filter(recipient=cast.wu_yang).order_by("-delivered_at", "-id")
    shown = [message["id"] for page in (first, second) for message in page["results"]]
    assert shown == [message.pk for message in newest_first]
    assert second["next"] is None


def test_reading_one_leaves_the_others_unread(cast: Cast) -> None:
    assigned(cast)
    assigned(cast)
    outbox.deliver_all()
    phone = Phone(cast.wu_yang)
    one, other = (message["id"] for message in phone.read("/inbox").data["results"])

    assert phone.send("/inbox/read", {"ids": [one]}).data == {"marked": 1, "unread": 1}
    assert phone.send("/inbox/read", {"ids": [one]}).data == {"marked": 0, "unread": 1}
    unread = phone.read("/inbox", unread="true").data["results"]
    assert [message["id"] for message in unread] == [other]
    assert phone.send("/inbox/read", {"all": True}).data == {"marked": 1, "unread": 0}


def test_nobody_reads_for_somebody_else(cast: Cast) -> None:
    with_two_departments(cast)
    outbox.deliver_all()
    hers = Message.objects.filter(recipient=cast.gao_feng).get()

    answer = Phone(cast.he_jun).send("/inbox/read", {"ids": [hers.pk]})

    assert answer.data["marked"] == 0
    hers.refresh_from_db()
    assert hers.read_at is None
