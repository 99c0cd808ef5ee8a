"""Who works in which role, where and since when."""

from __future__ import annotations

from datetime import date

import pgtrigger
from django.db import models
from django.db.models import F, Q

from areas.models import Place
from people.choices import ADMINISTRATORS, ORGANISATIONAL, TERRITORIAL, Role
from people.models.organisations import Organisation
from people.querysets import PostingQuerySet


def administrators_have_accounts_of_their_own() -> pgtrigger.Trigger:
    """The trigger that keeps administrator and business postings out of one account."""
    administrators = ", ".join(f"'{role}'" for role in sorted(ADMINISTRATORS))
    return pgtrigger.Trigger(
        name="administrators_apart",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("user_id", "role"),
        # The lock lets two inserts for one person see each other.
        func=f"""
            PERFORM 1 FROM people_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
            IF EXISTS (
                SELECT 1 FROM people_posting other
                WHERE other.user_id = NEW.user_id AND other.id <> NEW.id
                  AND (other.role IN ({administrators})) <> (NEW.role IN ({administrators}))
            ) THEN
                RAISE EXCEPTION 'administrators have accounts of their own'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - the only words put in are our own role codes
    )


def deputies_serve_in_the_posting_they_stand_in_for() -> pgtrigger.Trigger:
    """The trigger that keeps a deputy's posting in role, place and time what the other one is."""
    same_post = """
        {held}.role = {deputy}.role
        AND {held}.place_id IS NOT DISTINCT FROM {deputy}.place_id
        AND {held}.organisation_id IS NOT DISTINCT FROM {deputy}.organisation_id
        AND {held}.user_id <> {deputy}.user_id
        AND {held}.deputises_for_id IS NULL
        AND {held}.starts_on <= {deputy}.starts_on
        AND coalesce({held}.ends_on >= {deputy}.ends_on, true)
    """
    return pgtrigger.Trigger(
        name="deputies_in_place",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        # The lock lets the end of a posting and the appointment of its deputy see each other.
        func=f"""
            IF NEW.deputises_for_id IS NOT NULL THEN
                PERFORM 1 FROM people_posting WHERE id = NEW.deputises_for_id FOR SHARE;
                IF NOT EXISTS (
                    SELECT 1 FROM people_posting held
                    WHERE held.id = NEW.deputises_for_id
                      AND {same_post.format(held="held", deputy="NEW")}
                ) THEN
                    RAISE EXCEPTION 'a deputy serves in the posting it stands in for'
                        USING ERRCODE = 'check_violation';
                END IF;
            END IF;
            IF EXISTS (
                SELECT 1 FROM people_posting deputy
                WHERE deputy.deputises_for_id = NEW.id
                  AND NOT ({same_post.format(held="NEW", deputy="deputy")})
            ) THEN
                RAISE EXCEPTION 'a posting keeps what its deputies stand in for'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - the only words put in are our own column names
    )


class Posting(models.Model):
    """A person in a role at a place or in an organisation, from a day to a day (both included).

    A deputy (AB岗) is a posting too: ``deputises_for`` names the one that it stands in for, whose
    role and place or organisation it has for a period. So a deputy sees and does what the other
    one sees and does, and the history says under which posting somebody acted.

    ``successor`` takes over what the posting still holds when it is over (people.departures).
    """

    user = models.ForeignKey(
        "people.User", models.PROTECT, related_name="postings", verbose_name="人员"
    )
    role = models.CharField("角色", max_length=20, choices=Role)
    place = models.ForeignKey(
        Place, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="地区"
    )
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="postings",
        verbose_name="组织",
    )
    starts_on = models.DateField("开始日期")
    ends_on = models.DateField("结束日期", null=True, blank=True)
    deputises_for = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="deputies",
        verbose_name="代理的任职",
    )
    successor = models.ForeignKey(
        "people.User",
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,  # nothing is looked up by it
        related_name="+",
        verbose_name="接手人",
    )

    objects = PostingQuerySet.as_manager()

    class Meta:
        verbose_name = "任职"
        verbose_name_plural = "任职"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(
                        role__in=sorted(TERRITORIAL),
                        place__isnull=False,
                        organisation__isnull=True,
                    )
                    | Q(
                        role__in=sorted(ORGANISATIONAL),
                        place__isnull=True,
                        organisation__isnull=False,
                    )
                    | Q(
                        role__in=sorted(ADMINISTRATORS),
                        place__isnull=True,
                        organisation__isnull=True,
                    )
                ),
                name="posting_scope_fits_the_role",
                violation_error_message="属地角色须选择地区，承办角色须选择组织，三员都不选。",
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(role__in=sorted(ADMINISTRATORS)),
                name="one_administrator_role_per_account",
                violation_error_message="三员不能由同一账号兼任。",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="posting_ends_after_it_starts",
                violation_error_message="结束日期不能早于开始日期。",
            ),
            models.CheckConstraint(
                condition=Q(deputises_for__isnull=True) | Q(ends_on__isnull=False),
                name="deputy_serves_for_a_period",
                violation_error_message="代理须有结束日期。",
            ),
            models.CheckConstraint(
                condition=Q(deputises_for__isnull=True) | ~Q(role__in=sorted(ADMINISTRATORS)),
                name="administrators_have_no_deputies",
                violation_error_message="三员不设代理人。",
            ),
        ]
        indexes = [
            # Who is to be told about a case at a place (people.directory).
            models.Index(fields=["place", "role"], name="posting_at_place"),
            # Who is to be told in an organisation (people.directory).
            models.Index(fields=["organisation", "role"], name="posting_in_organisation"),
        ]
        triggers = [
            administrators_have_accounts_of_their_own(),
            deputies_serve_in_the_posting_they_stand_in_for(),
        ]

    def __str__(self) -> str:
        where = self.place or self.organisation
        role = self.get_role_display()
        return f"{where} {role}{self._in_whose_place()}" if where else role

    def _in_whose_place(self) -> str:
        return f"（代{self.deputises_for.user}）" if self.deputises_for else ""

    def is_in_force(self, day: date) -> bool:
        return self.starts_on <= day and not self.is_over(day)

    def is_over(self, day: date) -> bool:
        return self.ends_on is not None and self.ends_on < day
