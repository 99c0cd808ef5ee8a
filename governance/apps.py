from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig

from governance.celery import app as celery_app

__all__ = ["celery_app"]  # made with the web process too, so that its tasks know their broker


class GovernanceConfig(AppConfig):
    name = "governance"
    verbose_name = "治理总览"


class AdminConfig(DjangoAdminConfig):
    default_site = "governance.admin_site.RoleAdminSite"
