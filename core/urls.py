from django.urls import path

from core import views

app_name = "exports"

urlpatterns = [
    path("", views.export_list, name="list"),
    path("new/", views.export, name="new"),
    path("<uuid:pk>/", views.export_file, name="file"),
]
