"""The small district's stage, and the morning for which it was built."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from core.models import Message
from governance.reference.stage import Stage


@pytest.fixture
def today(reference_db: None) -> date:
    """The ``--today`` of the loaded district: the day after the welcome messages."""
    welcome = Message.objects.get(key="reference:welcome:grid")
    return timezone.localdate(welcome.created_at) + timedelta(days=1)


@pytest.fixture
def stage(reference_db: None, today: date) -> Stage:
    return Stage(today)
