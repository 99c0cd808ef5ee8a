"""How gunicorn serves the platform, in a container as under ``make up``."""

from gunicorn.arbiter import Arbiter

from governance.startup import require_settings

bind = "127.0.0.1:8000"
workers = 2
worker_class = "gthread"
threads = 4
timeout = 60  # seconds without a sign of life, then the worker is replaced
graceful_timeout = 10  # seconds for requests under way when the server is asked to stop
accesslog = "-"
control_socket_disable = True


def on_starting(server: Arbiter) -> None:
    """Refuse to start with incomplete settings, before a worker dies of them again and again."""
    require_settings()
