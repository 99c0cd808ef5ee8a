"""The process that runs PostgreSQL and Redis while somebody uses them. Started by ``use``."""

import os
import shutil
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from governance.embedded import postgres, redis
from governance.embedded.places import Servers, locate
from governance.embedded.processes import Lock
from governance.embedded.trouble import Trouble

_LOOK_EVERY = 0.2  # seconds


def keep(servers: Servers, *, disposable: bool) -> None:
    """Start both servers, report on stdout, and stop them when nobody uses them any more."""
    asked_to_stop = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked_to_stop.set()

    signal.signal(signal.SIGTERM, ask)
    kept = Lock(servers.locks / "keeper")
    if not kept.try_exclusive():
        raise Trouble("内置数据库正由另一个进程启动：请稍后再试。")
    with ExitStack() as at_the_end:
        at_the_end.callback(shutil.rmtree, servers.run, ignore_errors=True)
        database = postgres.start(servers, disposable=disposable)
        at_the_end.callback(database.stop)
        queue = redis.start(servers, disposable=disposable)
        at_the_end.callback(queue.stop)
        _report("ready")
        in_use = Lock(servers.locks / "in-use")
        while database.is_alive() and queue.is_alive():
            # From here on newcomers wait for this process to be gone, and start anew.
            if in_use.try_exclusive() or asked_to_stop.wait(_LOOK_EVERY):
                break
        else:
            sys.stderr.write("a server ended by itself; see its log beside this one\n")


def _report(text: str) -> None:
    """Answer whoever started this process, which reads until the end of the stream."""
    sys.stdout.write(text)
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    try:
        keep(locate(Path(sys.argv[1])), disposable="--disposable" in sys.argv)
    except Trouble as trouble:
        _report(str(trouble))
        sys.exit(1)
