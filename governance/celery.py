"""The worker and its clock. The beat schedule stands in ``governance.settings``."""

from celery import Celery

from governance.startup import require_settings

require_settings()

app = Celery("governance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
