"""docker-compose.yml and Dockerfile describe production; no engine is needed to read them."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.plugin import BASE_DIR

SERVICES = {"migrate", "web", "worker", "exporter", "beat", "db", "redis", "proxy"}
RUNNING = ["web", "worker", "exporter", "beat"]
OURS = ["migrate", *RUNNING]
LASTING = [*RUNNING, "db", "redis", "proxy"]
SECRETS = ["SECRET_KEY", "PERSONAL_DATA_KEY", "DATABASE_URL"]

DOCKERFILE = (BASE_DIR / "Dockerfile").read_text("utf-8")
SETTINGS = (BASE_DIR / "governance" / "settings.py").read_text("utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content = (BASE_DIR / "docker-compose.yml").read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(content)
    return loaded


def scripts_in(command: list[str]) -> list[Path]:
    return [BASE_DIR / word for word in command if word.startswith(("deploy/", "bin/"))]


def test_the_services_are_those_of_production(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == SERVICES
    assert compose["services"]["web"]["deploy"]["replicas"] == 2
    assert "deploy" not in compose["services"]["beat"], "a second clock would queue all twice"


@pytest.mark.parametrize("service", LASTING)
def test_every_lasting_service_has_a_health_check(compose: dict[str, Any], service: str) -> None:
    check = compose["services"][service]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert all(script.is_file() for script in scripts_in(check["test"]))


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_service_runs_as_root(compose: dict[str, Any], service: str) -> None:
    user = str(compose["services"][service]["user"]).partition(":")[0]

    assert user not in ("", "0", "root")


@pytest.mark.parametrize("service", OURS)
def test_our_services_run_scripts_that_make_up_runs(compose: dict[str, Any], service: str) -> None:
    (script,) = scripts_in(compose["services"][service]["command"])

    assert os.access(script, os.X_OK)
    assert script.name == service


@pytest.mark.parametrize("service", OURS)
def test_each_variable_is_one_that_settings_reads(compose: dict[str, Any], service: str) -> None:
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"(\w+)"', SETTINGS))
    given = compose["services"][service]["environment"]

    assert set(given) <= read
    assert set(SECRETS) <= set(given)


@pytest.mark.parametrize("service", OURS)
def test_secrets_come_from_the_environment_and_have_no_default(
    compose: dict[str, Any], service: str
) -> None:
    given = compose["services"][service]["environment"]

    for name in SECRETS:
        assert re.search(r"\$\{\w+:\?[^}]+\}", given[name]), name


@pytest.mark.parametrize("service", RUNNING)
def test_processes_wait_for_tables_and_servers(compose: dict[str, Any], service: str) -> None:
    waits = {
        name: wait["condition"] for name, wait in compose["services"][service]["depends_on"].items()
    }

    assert waits == {
        "db": "service_healthy",
        "redis": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_only_migrations_connect_as_the_owner_of_the_tables(compose: dict[str, Any]) -> None:
    def account(service: str) -> tuple[str, str]:
        url = compose["services"][service]["environment"]["DATABASE_URL"]
        (found,) = re.findall(r"^postgresql://(\w+):\$\{(\w+):", url)
        return found

    assert account("migrate") == ("governance_owner", "OWNER_PASSWORD")
    assert {account(service) for service in RUNNING} == {("governance", "APPLICATION_PASSWORD")}
    assert compose["services"]["migrate"]["environment"]["APPLICATION_ROLE"] == "governance"
    for service in RUNNING:
        assert "OWNER_PASSWORD" not in str(compose["services"][service])


def test_the_database_server_makes_the_roles_at_its_first_start(compose: dict[str, Any]) -> None:
    mounts = [mount.split(":") for mount in compose["services"]["db"]["volumes"]]
    (script,) = [BASE_DIR / mount[0] for mount in mounts if "initdb.d" in mount[1]]
    asked = set(re.findall(r"^\\getenv \w+ (\w+)$", script.read_text("utf-8"), re.MULTILINE))

    assert os.access(script, os.X_OK)
    assert asked == {"OWNER_PASSWORD", "APPLICATION_PASSWORD"}
    assert asked <= set(compose["services"]["db"]["environment"])


def test_data_lie_on_named_volumes(compose: dict[str, Any]) -> None:
    def volumes(service: str) -> set[str]:
        return {volume.partition(":")[0] for volume in compose["services"][service]["volumes"]}

    assert volumes("db") == {"database", "./deploy/create-roles"}
    assert volumes("redis") == {"queue"}
    for service in ("web", "worker", "exporter", "migrate"):
        assert volumes(service) == {"static", "media"}
    named = {"database", "queue", "static", "media", "beat"}
    assert set(compose["volumes"]) == named


def test_uploads_leave_only_through_the_proxy(compose: dict[str, Any]) -> None:
    proxy = compose["services"]["proxy"]["volumes"]
    prefix = compose["services"]["web"]["environment"]["ACCEL_REDIRECT_PREFIX"]
    configuration = (BASE_DIR / "deploy" / "nginx.conf").read_text("utf-8")

    assert {"static:/srv/var/static:ro", "media:/srv/media:ro"} <= set(proxy)
    assert re.search(rf"location {prefix} {{\s*internal;\s*alias /srv/media/;", configuration)


def test_exports_leave_the_processor_to_the_pages(compose: dict[str, Any]) -> None:
    shares = {name: compose["services"][name].get("cpu_shares", 1024) for name in RUNNING}

    assert shares.pop("exporter") * 10 <= min(shares.values())
    assert "exec nice -n 10 " in (BASE_DIR / "deploy" / "exporter").read_text("utf-8")


def test_only_the_proxy_has_a_door_to_the_outside(compose: dict[str, Any]) -> None:
    assert [name for name in SERVICES if "ports" in compose["services"][name]] == ["proxy"]


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)

    assert users == ["10001:10001"]


def test_the_image_is_built_and_started_by_scripts_of_the_tree() -> None:
    built = re.findall(r"^RUN (.+)$", DOCKERFILE, re.MULTILINE)
    started = re.findall(r"(?:^|\s)CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)

    assert built == [
        "sh bin/install production",
        "install -d -o 10001 -g 10001 /srv/media /srv/var /srv/var/static",
    ]
    for command in started:
        assert all(path.is_file() for path in scripts_in(yaml.safe_load(command)))
    for copied in re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((BASE_DIR / path).exists() for path in copied.split())


def test_what_the_image_needs_is_not_kept_out_of_it() -> None:
    ignored = set((BASE_DIR / ".dockerignore").read_text("utf-8").split())

    assert {".env", ".git", ".venv", "node_modules", "var"} <= ignored
    assert not {"deploy", "bin", "requirements", "static", "templates"} & ignored
