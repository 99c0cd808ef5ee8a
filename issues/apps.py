from importlib import import_module

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "issues"
    verbose_name = "问题闭环"

    def ready(self) -> None:
        import_module("issues.duties")  # registers what a posting can hold here
        import_module("issues.listings")  # offers the lists that can be had as a file
