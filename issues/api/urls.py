from django.urls import path

from issues.api import views

urlpatterns = [
    path("issues", views.IssuesView.as_view(), name="api-issues"),
    path("issues/<int:pk>", views.IssueView.as_view(), name="api-issue"),
    path("issues/<int:pk>/timeline", views.TimelineView.as_view(), name="api-issue-timeline"),
    path("issues/<int:pk>/duplicates", views.DuplicatesView.as_view(), name="api-issue-duplicates"),
    path("issues/<int:pk>/colleagues", views.ColleaguesView.as_view(), name="api-issue-colleagues"),
    path("issues/<int:pk>/contact", views.ContactView.as_view(), name="api-issue-reveal"),
    path(
        "issues/<int:pk>/photos/<uuid:photo_id>", views.PhotoView.as_view(), name="api-issue-photo"
    ),
    *(
        path(
            f"issues/<int:pk>/actions/{step.value}", view.as_view(), name=f"api-issue-{step.value}"
        )
        for step, view in views.step_views().items()
    ),
    path(
        "issues/<int:pk>/actions/<str:action>",
        views.UnknownStepView.as_view(),
        name="api-issue-unknown-action",
    ),
    path("uploads", views.UploadsView.as_view(), name="api-uploads"),
    path("sync", views.SyncView.as_view(), name="api-sync"),
    path("categories", views.CategoriesView.as_view(), name="api-categories"),
    path("places", views.PlacesView.as_view(), name="api-places"),
    path("areas", views.AreasView.as_view(), name="api-areas"),
    path("units", views.UnitsView.as_view(), name="api-units"),
]
