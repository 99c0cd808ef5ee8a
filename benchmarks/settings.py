"""The platform's own settings, with the floor view beside its pages and a count of statements."""

from governance.settings import *  # noqa: F403
from governance.settings import ALLOWED_HOSTS, DATABASES, MIDDLEWARE, env

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = ["benchmarks.floor_view.CountStatements", *MIDDLEWARE]
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]  # Django's test client, for the profiles

# A pool of so many connections in each process in place of one for each thread; Django keeps
# connections in one way only (benchmarks/web.py).
if POOL := env.int("BENCH_DATABASE_POOL", 0):
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": POOL, "max_size": POOL}
