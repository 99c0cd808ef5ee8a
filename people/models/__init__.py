"""Who works here, for which body, in which role, where and since when."""

from people.models.accounts import DeviceToken, User, UserManager
from people.models.organisations import Organisation
from people.models.postings import Posting

__all__ = ["DeviceToken", "Organisation", "Posting", "User", "UserManager"]
