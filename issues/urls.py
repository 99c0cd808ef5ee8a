from django.urls import include, path, register_converter

from issues import rules_page, rulings, views
from issues.choices import Action
from issues.desk import dispatch_pages, page, view_pages
from issues.inputs import INPUTS
from issues.workflow import TAKEN_ELSEWHERE


class ActionConverter:
    """A step that people take on a case that stands; other words are no address."""

    regex = "[a-z_]+"

    def to_python(self, value: str) -> Action:
        action = Action(value)
        if action == Action.CREATE or action in TAKEN_ELSEWHERE or action not in INPUTS:
            raise ValueError
        return action

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(ActionConverter, "action")

app_name = "issues"

urlpatterns = [
    path("", views.issue_list, name="list"),
    path("report/", views.report, name="report"),
    path("rulings/", rulings.rulings, name="rulings"),
    path("owing/", views.who_owes_what, name="owing"),
    path("rules/", rules_page.rules, name="rules"),
    path("desk/", page.desk, name="desk"),
    path("desk/counts/", page.refresh_counts, name="desk_counts"),
    path("desk/<int:pk>/<action:action>/", page.act, name="desk_act"),
    path("desk/views/", view_pages.manage, name="views"),
    path("desk/views/save/", view_pages.save, name="save_view"),
    path("desk/views/<int:pk>/rename/", view_pages.rename, name="rename_view"),
    path("desk/views/<int:pk>/delete/", view_pages.delete, name="delete_view"),
    path("desk/dispatch/", dispatch_pages.choose, name="dispatch"),
    path("desk/dispatch/preview/", dispatch_pages.preview, name="dispatch_preview"),
    path("desk/dispatch/confirm/", dispatch_pages.confirm, name="dispatch_confirm"),
    path("desk/dispatch/result/", dispatch_pages.result, name="dispatch_result"),
    path("of-area/<int:pk>/", views.issues_of_area, name="of_area"),
    path("<int:pk>/", views.issue_detail, name="detail"),
    path("<int:pk>/reveal/", views.reveal_contact, name="reveal"),
    path("<int:pk>/photos/<uuid:attachment_id>/", views.photo, name="photo"),
    path("<int:pk>/<action:action>/", views.act, name="act"),
    path("", include("issues.papers.urls")),
]
