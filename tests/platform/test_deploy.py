"""The production form, with real processes: DATABASE_URL set, nginx in front, health checks."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from governance.embedded.places import service_account
from governance.embedded.postgres import _binaries
from governance.embedded.processes import spawn, stop, tail
from tests import databases
from tests.plugin import BASE_DIR, SERVERS

PATIENCE = 60  # seconds
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
SCHEDULE_AGE = 600  # seconds, as deploy/healthy.py has it


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def healthy(part: str, *arguments: str, environment: dict[str, str]) -> bool:
    command = [sys.executable, "deploy/healthy.py", part, *arguments]
    return subprocess.run(command, cwd=BASE_DIR, env=environment).returncode == 0


def database_server(command: str) -> None:
    with psycopg.connect(
        host=str(SERVERS.run), user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(command)


def create_roles(database: str) -> None:
    """Make the roles with the script of the db container."""
    psql = _binaries(SERVERS, service_account())
    environment = {
        "PATH": f"{psql}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": str(SERVERS.run),
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": database,
        "OWNER_PASSWORD": "owner's password",
        "APPLICATION_PASSWORD": "application's password",
    }
    subprocess.run([BASE_DIR / "deploy" / "create-roles"], env=environment, check=True)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The name of a database as the db container leaves it after its first start."""
    name = databases.unused_name()
    database_server(f'CREATE DATABASE "{name}"')
    create_roles(name)
    yield name
    databases.drop(name)
    database_server("DROP ROLE governance, governance_owner")


@pytest.fixture(scope="module")
def production(database: str) -> dict[str, str]:
    """The environment of a production start, after deploy/migrate has run."""
    folder = SERVERS.var / database
    folder.mkdir()
    python = Path(sys.executable).parent
    environment = {
        "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": f"postgresql://governance@/{SERVERS.run}/{database}",
        "REDIS_URL": SERVERS.redis_url,
        "CELERY_BROKER_URL": SERVERS.broker_url,
        "SECRET_KEY": settings.SECRET_KEY,
        "PERSONAL_DATA_KEY": settings.PERSONAL_DATA_KEY,
        "ALLOWED_HOSTS": "governance.example,127.0.0.1",
        "VAR_DIR": str(folder),
        "MEDIA_ROOT": str(folder / "media"),
        "ACCEL_REDIRECT_PREFIX": "/protected-media/",
    }
    as_owner = {
        "DATABASE_URL": f"postgresql://governance_owner@/{SERVERS.run}/{database}",
        "APPLICATION_ROLE": "governance",
    }
    subprocess.run([BASE_DIR / "deploy" / "migrate"], env=environment | as_owner, check=True)
    return environment


@pytest.fixture(scope="module")
def web(production: dict[str, str]) -> Iterator[int]:
    """The port of a web server started the way the container starts it."""
    port = free_port()
    log = SERVERS.logs / "production-web.log"
    process = spawn(
        [BASE_DIR / "deploy" / "web", "--bind", f"127.0.0.1:{port}"], log=log, env=production
    )
    deadline = time.monotonic() + PATIENCE
    while not healthy("web", str(port), environment=production):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(tail(log, 40))
    yield port
    stop(process, signal.SIGTERM, PATIENCE)


def test_the_processes_own_nothing_in_the_database(
    production: dict[str, str], database: str
) -> None:
    with psycopg.connect(host=SERVERS.run, user="governance", dbname=database) as connection:
        owners = connection.execute(
            """
            SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()
            UNION SELECT relowner::regrole::text FROM pg_class
            WHERE relnamespace = 'public'::regnamespace
            """
        ).fetchall()
        assert owners == [("governance_owner",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM issues_issueevent")


def test_health_is_asked_without_https_and_pages_are_not(web: int) -> None:
    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *arguments: object) -> None:
            return None

    opener = urllib.request.build_opener(NoRedirect)
    assert opener.open(f"http://127.0.0.1:{web}/health/").status == 200
    with pytest.raises(urllib.error.HTTPError) as redirected:
        opener.open(f"http://127.0.0.1:{web}/admin/")
    with redirected.value as answer:
        assert (answer.code, answer.headers["Location"]) == (
            301,
            f"https://127.0.0.1:{web}/admin/",
        )


def test_a_web_server_that_is_not_there_is_not_healthy(production: dict[str, str]) -> None:
    assert not healthy("web", str(free_port()), environment=production)


@pytest.mark.parametrize("part", ["worker", "exporter"])
def test_a_worker_is_healthy_while_it_runs(part: str, production: dict[str, str]) -> None:
    log = SERVERS.logs / f"production-{part}.log"
    process = spawn([BASE_DIR / "deploy" / part], log=log, env=production)
    deadline = time.monotonic() + PATIENCE
    while "ready." not in tail(log, 40):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(tail(log, 40))
        time.sleep(0.1)
    assert healthy(part, environment=production)

    stop(process, signal.SIGTERM, PATIENCE)
    assert not healthy(part, environment=production)


def test_a_clock_is_healthy_while_it_keeps_its_schedule(production: dict[str, str]) -> None:
    assert not healthy("beat", environment=production)
    log = SERVERS.logs / "production-beat.log"
    process = spawn([BASE_DIR / "deploy" / "beat"], log=log, env=production)
    deadline = time.monotonic() + PATIENCE
    while not healthy("beat", environment=production):
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(tail(log, 40))
    stop(process, signal.SIGTERM, PATIENCE)

    long_ago = time.time() - 2 * SCHEDULE_AGE
    for schedule in Path(production["VAR_DIR"]).glob("celerybeat-schedule*"):
        os.utime(schedule, (long_ago, long_ago))
    assert not healthy("beat", environment=production)


# --- the reverse proxy ---


def write_certificate(folder: Path) -> None:
    """Write a certificate for 127.0.0.1 that lives a day, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "tls_certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls_key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def proxy(web: int, production: dict[str, str]) -> Iterator[str]:
    """The address of nginx with the configuration of the container, its paths and ports moved."""
    if NGINX is None:
        reason = "no nginx on this machine: install the package nginx-light"
        if os.environ.get("REQUIRE_NGINX"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(production["VAR_DIR"])
    write_certificate(folder)
    port, plain_port = free_port(), free_port()
    configuration = (BASE_DIR / "deploy" / "nginx.conf").read_text("utf-8")
    for ours, here in {
        "/tmp/": f"{folder}/",
        "listen 8080": f"listen 127.0.0.1:{plain_port}",
        "listen 8443": f"listen 127.0.0.1:{port}",
        "web:8000": f"127.0.0.1:{web}",
        "/run/secrets/": f"{folder}/",
        "/srv/var/static/": f"{folder}/static/",
        "/srv/media/": f"{folder}/media/",
        "worker_processes auto;": f"worker_processes 1; {'user root;' * (os.geteuid() == 0)}",
    }.items():
        assert ours in configuration
        configuration = configuration.replace(ours, here)
    moved = folder / "nginx.conf"
    moved.write_text(configuration, "utf-8")
    log = SERVERS.logs / "nginx.log"
    process = spawn([NGINX, "-c", moved, "-p", folder, "-g", "daemon off;"], log=log)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(tail(log, 40))
            time.sleep(0.05)
    yield f"https://127.0.0.1:{port}"
    stop(process, signal.SIGTERM, PATIENCE)


def get(address: str) -> tuple[int, bytes]:
    unchecked = ssl.create_default_context()
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(address, context=unchecked) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def test_the_proxy_passes_requests_on(proxy: str) -> None:
    assert get(f"{proxy}/health/") == (200, b'{"database": "ok", "redis": "ok"}')


def test_the_proxy_serves_static_files_itself(proxy: str, production: dict[str, str]) -> None:
    manifest = Path(production["VAR_DIR"]) / "static" / "staticfiles.json"

    assert get(f"{proxy}/static/staticfiles.json") == (200, manifest.read_bytes())


def test_nobody_gets_an_upload_past_django(proxy: str, production: dict[str, str]) -> None:
    media = Path(production["MEDIA_ROOT"])
    media.mkdir(exist_ok=True)
    (media / "photo.jpg").write_bytes(b"private")

    for path in ("/protected-media/photo.jpg", "/media/photo.jpg", "/static/../media/photo.jpg"):
        status, content = get(f"{proxy}{path}")
        assert (status, b"private" in content) == (404, False)
