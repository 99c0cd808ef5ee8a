from django.urls import include, path

from benchmarks.floor_view import FloorView
from governance.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("bench/floor/<int:pk>", FloorView.as_view(), name="bench-floor"),
    path("", include("governance.urls")),
]
