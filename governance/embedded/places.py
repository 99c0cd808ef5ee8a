"""Where the embedded servers of a checkout keep their data and listen. Nothing is started here."""

import base64
import hashlib
import os
import pwd
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from governance.embedded.trouble import Trouble

# Data of a checkout that lies where PostgreSQL's user cannot go, such as the home of root.
FALLBACK = Path("/var/lib/complex-area-governance")


@dataclass(frozen=True)
class Account:
    """The operating system's user that the servers run as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Servers:
    """Paths, addresses and secrets of one checkout's PostgreSQL and Redis."""

    base_dir: Path
    var: Path  # data, logs, locks, secrets, uploads
    run: Path  # sockets; short, because a socket's path has at most 107 bytes
    database: str
    redis_db: int  # Redis number of the cache; the queue has the next one

    @property
    def moved(self) -> bool:
        """Whether the data had to go outside the checkout."""
        return FALLBACK in self.var.parents

    @property
    def database_url(self) -> str:
        """The address for Django: the socket's folder stands where a host's path would."""
        return f"postgresql://postgres@/{quote(str(self.run))}/{self.database}"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.redis_socket))}?db={self.redis_db}"

    @property
    def broker_url(self) -> str:
        return f"redis+socket://{quote(str(self.redis_socket))}?virtual_host={self.redis_db + 1}"

    @property
    def postgres_data(self) -> Path:
        return self.var / "postgresql"

    @property
    def redis_data(self) -> Path:
        return self.var / "redis"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def locks(self) -> Path:
        return self.var / "locks"

    def secret(self, name: str) -> str:
        """Return a random secret: 32 bytes in URL-safe base64, made once, for its owner only.

        Raises Trouble when the folder belongs to somebody else.
        """
        path = self.var / "secrets" / name
        try:
            self.make_var()
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if not path.exists():
                _write_once(path, base64.urlsafe_b64encode(secrets.token_bytes(32)))
            return path.read_text("ascii")
        except PermissionError:
            raise self.foreign() from None

    def make_var(self) -> None:
        """Make the data folder, so that the servers' user may pass through it."""
        if not self.var.is_dir():
            self.var.mkdir(parents=True, exist_ok=True)
            self.var.chmod(0o755)

    def foreign(self) -> Trouble:
        """Return the trouble of a data folder that another user of the machine owns."""
        owner = self.var.stat().st_uid if self.var.exists() else self.var.parent.stat().st_uid
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        return Trouble(
            f"数据文件夹 {self.var} 属于系统用户 {name}：请换成该用户运行，"
            "或用环境变量 VAR_DIR 另指一个自己的文件夹。"
        )


def locate(base_dir: Path) -> Servers:
    """Return where the servers of the checkout ``base_dir`` are or would be. Starts nothing.

    VAR_DIR moves the data. EMBEDDED_DATABASE and EMBEDDED_REDIS_DB name another database and
    another Redis number on the same servers; tests use them to keep out of each other's way.
    """
    base_dir = base_dir.resolve()
    account = service_account()
    if "VAR_DIR" in os.environ:
        var = Path(os.environ["VAR_DIR"]).resolve()
    elif account and not reachable(base_dir, account):
        var = FALLBACK / _digest(str(base_dir))
    else:
        var = base_dir / "var"
    return Servers(
        base_dir=base_dir,
        var=var,
        run=_socket_home() / f"governance-{_digest(f'{var} {os.geteuid()}')}",
        database=os.environ.get("EMBEDDED_DATABASE", "governance"),
        redis_db=int(os.environ.get("EMBEDDED_REDIS_DB", "0")),
    )


def service_account() -> Account | None:
    """Return the account for the servers when root runs us (PostgreSQL refuses root), else None."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def reachable(path: Path, account: Account) -> bool:
    """Say whether the account may pass through ``path`` and all folders above it."""
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == account.uid:
            bit = 0o100
        elif status.st_gid == account.gid:
            bit = 0o010
        else:
            bit = 0o001
        if not status.st_mode & bit:
            return False
    return True


def _socket_home() -> Path:
    # /tmp before $TMPDIR: every terminal must find the same place, and it has to be short.
    shared = Path("/tmp")  # noqa: S108 - the folder made in it is checked for its owner
    return shared if os.access(shared, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _write_once(path: Path, content: bytes) -> None:
    """Write a private file whole or not at all; of two writers at once the first one wins."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".new-") as draft:
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        try:
            os.link(draft.name, path)
        except FileExistsError:
            return
