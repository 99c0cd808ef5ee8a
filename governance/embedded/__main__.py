"""``python -m governance.embedded up|dev``: called by the Makefile."""

import argparse
import os
import signal
from pathlib import Path

from governance.embedded.places import locate
from governance.embedded.processes import end_with_parent
from governance.embedded.supervisor import Supervisor
from governance.embedded.trouble import Trouble


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m governance.embedded")
    parser.add_argument("mode", choices=["up", "dev"])
    parser.add_argument("--reference", metavar="SIZE", help="load it into an empty database")
    parser.add_argument("--with-parent", action="store_true", help="end when the caller ends")
    arguments = parser.parse_args()
    if arguments.with_parent:
        end_with_parent(signal.SIGTERM)
    try:
        port = int(os.environ.get("PORT", "8000"))
        if not 0 < port < 65536:
            raise ValueError
    except ValueError:
        raise SystemExit("环境变量 PORT 应是 1 到 65535 的整数，例如 PORT=8001 make up。") from None
    supervisor = Supervisor(
        locate(Path(__file__).parents[2]),
        host=os.environ.get("HOST", "127.0.0.1"),
        port=port,
        reference=arguments.reference,
        reloading=arguments.mode == "dev",
    )
    try:
        supervisor.run()
    except Trouble as trouble:
        raise SystemExit(str(trouble)) from None


if __name__ == "__main__":
    main()
