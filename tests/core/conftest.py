"""Two accounts without postings: this floor knows that there are users, and nothing more."""

import pytest
from django.contrib.auth import get_user_model

from people.models import User


@pytest.fixture
def wang(db: None) -> User:
    return get_user_model().objects.create_user("wang.li", full_name="王丽")


@pytest.fixture
def zhou(db: None) -> User:
    return get_user_model().objects.create_user("zhou.min", full_name="周敏")
