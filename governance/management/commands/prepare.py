"""``manage.py prepare``: everything a release needs before its first request."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "更新数据表，收集静态文件；数据库里还没有数据时可装入参考数据。重复运行无害。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--reference", metavar="SIZE", help="数据库为空时装入的参考数据：small 或 full"
        )
        parser.add_argument("--skip-static", action="store_true", help="不收集静态文件")

    def handle(self, *, reference: str | None, skip_static: bool, **options: Any) -> None:
        self.stdout.write("更新数据表 …")
        call_command("migrate", interactive=False, verbosity=0)
        if settings.APPLICATION_ROLE:
            call_command("grant_rights", settings.APPLICATION_ROLE)
        if not skip_static:
            self._collect_static_files()
        if reference and "load_reference" in get_commands():
            call_command("load_reference", size=reference, if_empty=True)

    def _collect_static_files(self) -> None:
        """Collect the static files unless exactly these were collected before.

        Hashing and compressing them takes seconds, which every later start would pay.
        """
        stamp = Path(settings.STATIC_ROOT) / ".collected"
        digest = _fingerprint()
        if stamp.exists() and stamp.read_text("ascii") == digest:
            return
        self.stdout.write("收集静态文件 …")
        call_command("collectstatic", interactive=False, verbosity=0)
        stamp.write_text(digest, "ascii")


def _fingerprint() -> str:
    """Return a digest of name, size and time of change of every static file."""
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(None):
            status = Path(storage.path(name)).stat()
            prefix = getattr(storage, "prefix", "")
            digest.update(f"{prefix}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
