from django.urls import path, register_converter

from issues import views
from issues.choices import Action
from issues.inputs import INPUTS


class ActionConverter:
    """A step that people take on a case that stands; other words are no address."""

    regex = "[a-z_]+"

    def to_python(self, value: str) -> Action:
        action = Action(value)
        if action == Action.CREATE or action not in INPUTS:
            raise ValueError
        return action

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(ActionConverter, "action")

app_name = "issues"

urlpatterns = [
    path("", views.issue_list, name="list"),
    path("report/", views.report, name="report"),
    path("of-area/<int:pk>/", views.issues_of_area, name="of_area"),
    path("<int:pk>/", views.issue_detail, name="detail"),
    path("<int:pk>/contact/", views.reveal_contact, name="reveal"),
    path("<int:pk>/photos/<uuid:attachment_id>/", views.photo, name="photo"),
    path("<int:pk>/<action:action>/", views.act, name="act"),
]
