from importlib import import_module

from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    name = "meetings"
    verbose_name = "联席会议"

    def ready(self) -> None:
        import_module("meetings.duties")  # registers what a posting can hold here
        import_module("meetings.listings")  # offers the lists that can be had as a file
