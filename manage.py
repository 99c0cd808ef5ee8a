#!/usr/bin/env python3
"""The command line of the platform.

Without DATABASE_URL a command uses the embedded PostgreSQL and Redis, which run at least as long as
the command does.
"""

import os
import sys
from contextlib import nullcontext
from pathlib import Path

try:
    from django.core.management import execute_from_command_line

    from governance import embedded
    from governance.startup import require_settings
except ModuleNotFoundError as missing:
    raise SystemExit(
        f"缺少 Python 包 {missing.name}：请先运行 make install，再用 .venv/bin/python manage.py。"
    ) from None

# What needs no database; any other command finds the servers running.
WITHOUT_DATABASE = {
    *("-h", "--help", "--version", "check", "collectstatic", "compilemessages", "diffsettings"),
    *("findstatic", "help", "makemessages", "spectacular", "version"),
}


def main(arguments: list[str]) -> None:
    command = arguments[1] if len(arguments) > 1 else "help"
    needs_servers = (
        not os.environ.get("DATABASE_URL")
        and command not in WITHOUT_DATABASE
        and not {"-h", "--help"} & set(arguments)
    )
    try:
        servers = embedded.locate(Path(__file__).parent)
        with embedded.use(servers) if needs_servers else nullcontext():
            require_settings()
            execute_from_command_line(arguments)
    except embedded.Trouble as trouble:
        raise SystemExit(str(trouble)) from None


if __name__ == "__main__":
    main(sys.argv)
