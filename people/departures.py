"""What happens to the work of those who leave: it is handed over, and nobody has to ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from django.urls import reverse
from django.utils import timezone

from core import outbox
from core.models import Message
from people import duties, superiors
from people.choices import MANAGERS_OF_DEPUTIES, MessageKind, Role
from people.models import Posting, User

# So far back the sweep looks for postings that came to their end, if the worker was down.
LOOK_BACK = timedelta(days=31)


def hand_over(
    postings: Sequence[Posting], successor: User, *, by: User | None, until: date
) -> dict[str, int]:
    """Hand over the work of a posting and of its deputies that end with it, and tell the successor.

    Returns how many of what, by code.
    """
    leaving = postings[0]
    done = duties.hand_over(postings, successor, by=by, until=until)
    if done:
        tell(
            [successor.pk],
            # Each time is news of its own.
            key=f"posting:{leaving.pk}:handed_over:{timezone.now().isoformat()}",
            title=f"接手工作：{leaving.user}移交 {duties.in_words(duties.counted(done))}",
            body=f"{leaving}。",
            by=by,
        )
    return done


def tell_of_what_is_left(posting: Posting, *, until: date, today: date) -> None:
    """Tell the people above, once, what nobody has taken over.

    Where nobody holds the role any more, the security administrators too: they alone appoint.
    """
    left = duties.held_by([posting], today)
    if not left:
        return
    recipients = superiors.above(posting, today)
    nobody_holds_it = any(part.duty.needs_successor_holder for part in left)
    if nobody_holds_it or not recipients:
        recipients += superiors.security_administrators(today)
    for recipient in recipients:
        tell(
            [recipient.user_id],
            key=f"posting:{posting.pk}:left:{until:%Y%m%d}",
            title=f"{posting.user}离任，{duties.in_words(left)}待移交",
            body=f"{posting}{'已无人接任，请尽快任命' if nobody_holds_it else '，请指定接手人'}。",
            url=_where_to_act(recipient, posting),
            by=None,
        )


def _where_to_act(recipient: Posting, posting: Posting) -> str:
    if recipient.role in MANAGERS_OF_DEPUTIES:
        return reverse("deputy_hand_over", args=[posting.pk])
    if recipient.role == Role.SECURITY_ADMIN:
        return reverse("admin:people_posting_change", args=[posting.pk])
    return ""


def tell(
    user_ids: Iterable[int], *, key: str, title: str, body: str, by: User | None, url: str = ""
) -> None:
    """One message a person, never to the one who acted."""
    outbox.post(
        Message(
            key=f"{key}:{user_id}",
            recipient_id=user_id,
            kind=MessageKind.POSTING,
            title=title,
            body=body,
            url=url,
        )
        for user_id in dict.fromkeys(user_ids)
        if by is None or user_id != by.pk
    )
