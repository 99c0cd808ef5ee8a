"""Accounts, and the devices that are signed in with one."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from areas.scopes import Scope
from core.privacy import EncryptedField
from people.choices import ADMINISTRATORS, Role
from people.models.postings import Posting
from people.reference import with_reference_data


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """Create an account. Without a password it cannot sign in."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def with_postings(self, pk: Any) -> User | None:
        """The account with today's postings, or None. One statement for who has any."""
        in_force = Posting.objects.in_force(timezone.localdate())
        postings = list(in_force.select_related("user").filter(user=pk))
        user = postings[0].user if postings else self.filter(pk=pk).first()
        if user is not None:
            for posting in postings:
                posting.user = user
            user.current_postings = with_reference_data(postings)
        return user


class User(AbstractBaseUser):
    """A person's account. What it may do comes from its postings alone; there is no superuser."""

    username = models.CharField(
        "用户名",
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9_.-]+$", "用户名只能用字母、数字和 _ . -")],
        error_messages={"unique": "这个用户名已被使用。"},
    )
    full_name = models.CharField("姓名", max_length=30)
    phone = EncryptedField("手机号", blank=True, default="")
    is_active = models.BooleanField("启用", default=True)
    password_is_temporary = models.BooleanField("临时密码", default=False)
    created_at = models.DateTimeField("创建时间", default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["full_name"]

    class Meta:
        verbose_name = "用户"
        verbose_name_plural = "用户"
        ordering = ["username"]

    def __str__(self) -> str:
        return self.full_name

    @cached_property
    def current_postings(self) -> list[Posting]:
        """Today's postings, read once per loaded user."""
        return with_reference_data(self.postings.in_force(timezone.localdate()))

    @cached_property
    def roles(self) -> frozenset[str]:
        return frozenset(posting.role for posting in self.current_postings)

    @cached_property
    def scope(self) -> Scope:
        """The territory and the organisations whose rows this person may see today."""
        organisations = [
            posting.organisation for posting in self.current_postings if posting.organisation
        ]
        return Scope(
            places=tuple(posting.place for posting in self.current_postings if posting.place),
            organisation_ids=tuple(organisation.pk for organisation in organisations),
            organisation_places=tuple(
                organisation.place for organisation in organisations if organisation.place
            ),
        )

    def has_role(self, *roles: str) -> bool:
        return not self.roles.isdisjoint(roles)

    @property
    def sees_business(self) -> bool:
        """Whether areas, issues, projects and meetings concern this person at all."""
        return bool(self.roles - ADMINISTRATORS)

    @property
    def may_edit_reference_data(self) -> bool:
        """Calendar, time limits and categories belong to the district's task force."""
        return self.has_role(Role.DISTRICT_DISPATCHER)

    @property
    def is_staff(self) -> bool:
        """Whether the admin pages open at all; each page there asks for its own role."""
        return self.has_role(Role.DISTRICT_DISPATCHER, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Nobody has Django's permissions: admin pages of installed packages stay closed."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class DeviceToken(AbstractAuthToken):
    """The API key of one device of one person; only its hash is stored."""

    device_name = models.CharField("设备名称", max_length=60)

    class Meta:
        verbose_name = "设备令牌"
        verbose_name_plural = "设备令牌"
