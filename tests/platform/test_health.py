"""The page that the reverse proxy, the containers and make up ask."""

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection
from django.test import Client
from redis import ConnectionError as RedisConnectionError

HEALTHY = {"database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_healthy_when_both_servers_answer(client: Client) -> None:
    response = client.get("/health/")

    assert (response.status_code, response.json()) == (200, HEALTHY)


@pytest.mark.django_db
def test_unhealthy_when_the_database_is_down(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("no server")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = client.get("/health/")

    assert (response.status_code, response.json()) == (503, HEALTHY | {"database": "down"})


@pytest.mark.django_db
def test_unhealthy_when_redis_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> None:
        raise RedisConnectionError("no server")

    monkeypatch.setattr(cache, "get", refuse)
    response = client.get("/health/")

    assert (response.status_code, response.json()) == (503, HEALTHY | {"redis": "down"})


@pytest.mark.django_db
def test_health_is_only_read(client: Client) -> None:
    assert client.post("/health/").status_code == 405
