from importlib import import_module

from django.apps import AppConfig


class AreasConfig(AppConfig):
    name = "areas"
    verbose_name = "复杂区域"

    def ready(self) -> None:
        import_module("areas.listings")  # offers the lists that can be had as a file
