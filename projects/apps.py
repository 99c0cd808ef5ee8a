from importlib import import_module

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    name = "projects"
    verbose_name = "攻坚项目"

    def ready(self) -> None:
        import_module("projects.duties")  # registers what a posting can hold here
        import_module("projects.listings")  # offers the lists that can be had as a file
