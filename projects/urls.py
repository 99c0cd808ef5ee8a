from django.urls import path

from projects import conversion, views

app_name = "projects"

urlpatterns = [
    path("", views.project_list, name="list"),
    path("new/", views.project_create, name="create"),
    path("from-issue/<int:pk>/", conversion.convert, name="convert"),
    path("of-issue/<int:pk>/", conversion.project_of_issue, name="of_issue"),
    path("<int:pk>/", views.project_detail, name="detail"),
    path("<int:pk>/edit/", views.project_edit, name="edit"),
    path("<int:pk>/publish/", views.project_publish, name="publish"),
    path("<int:pk>/progress/", views.project_progress, name="progress"),
    path("<int:pk>/complete/", views.project_complete, name="complete"),
]
