"""The platform's own settings, with the floor view beside its pages and a count of statements."""

from governance.settings import *  # noqa: F403
from governance.settings import ALLOWED_HOSTS, MIDDLEWARE

ROOT_URLCONF = "benchmarks.urls"
MIDDLEWARE = ["benchmarks.floor_view.CountStatements", *MIDDLEWARE]
ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]  # Django's test client, for the profiles
