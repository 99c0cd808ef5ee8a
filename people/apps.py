from importlib import import_module

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "people"
    verbose_name = "人员与组织"

    def ready(self) -> None:
        import_module("people.sign_ins")  # connects its receivers
