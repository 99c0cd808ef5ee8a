from django.urls import path

from issues.api import form_data, reports, steps, views

urlpatterns = [
    path("issues", views.IssuesView.as_view(), name="api-issues"),
    path("issues/batch", reports.BatchView.as_view(), name="api-issue-batch"),
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
        for step, view in steps.step_views().items()
    ),
    path(
        "issues/<int:pk>/actions/<str:action>",
        steps.UnknownStepView.as_view(),
        name="api-issue-unknown-action",
    ),
    path("uploads", form_data.UploadsView.as_view(), name="api-uploads"),
    path("sync", views.SyncView.as_view(), name="api-sync"),
    path("categories", form_data.CategoriesView.as_view(), name="api-categories"),
    path("places", form_data.PlacesView.as_view(), name="api-places"),
    path("areas", form_data.AreasView.as_view(), name="api-areas"),
    path("units", form_data.UnitsView.as_view(), name="api-units"),
]
