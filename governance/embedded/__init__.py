"""The embedded PostgreSQL and Redis: what a checkout runs on when no DATABASE_URL is set.

Nothing here imports Django, so that settings can ask where the servers are.

One rule says how long the servers live: as long as somebody uses them. Every user (``make up``, a
manage.py command, a test run) holds a shared lock on ``var/locks/in-use``. The first one starts a
keeper, which starts both servers as its children; the keeper stops them when it can have that lock
for itself. The kernel drops the locks of a killed process and ends the children of a killed keeper,
so nothing can be left behind, and no pid file can be stale.
"""

from governance.embedded.places import Servers, locate
from governance.embedded.trouble import Trouble
from governance.embedded.using import Use, use

__all__ = ["Servers", "Trouble", "Use", "locate", "use"]
