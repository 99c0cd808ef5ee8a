from django.urls import path

from meetings import report_views, resolution_views, views

app_name = "meetings"

urlpatterns = [
    path("", views.meeting_list, name="list"),
    path("new/", views.meeting_schedule, name="schedule"),
    path("series/", views.series_overview, name="series"),
    path("series/new/", views.series_create, name="create_series"),
    path("<int:pk>/", views.meeting_detail, name="detail"),
    path("<int:pk>/assemble/", views.meeting_assemble, name="assemble"),
    path("<int:pk>/items/", views.meeting_add_item, name="add_item"),
    path("<int:pk>/items/<int:item>/remove/", views.meeting_remove_item, name="remove_item"),
    path("<int:pk>/hold/", views.meeting_hold, name="hold"),
    path("<int:pk>/cancel/", views.meeting_cancel, name="cancel"),
    path("<int:pk>/countersign/", views.meeting_countersign, name="countersign"),
    path("of-issue/<int:pk>/", resolution_views.meetings_of_issue, name="of_issue"),
    path("<int:pk>/resolutions/new/", resolution_views.resolution_create, name="add_resolution"),
    path("resolutions/", views.resolution_list, name="resolutions"),
    path("resolutions/<int:pk>/solve/", resolution_views.resolution_solve, name="solve"),
    path("resolutions/<int:pk>/apply/", resolution_views.resolution_apply, name="apply"),
    path("resolutions/<int:pk>/resume/", resolution_views.resolution_resume, name="resume"),
    path("resolutions/<int:pk>/convert/", resolution_views.resolution_convert, name="convert"),
    path("reports/", report_views.report_list, name="reports"),
    path("reports/<str:quarter>/", report_views.report_detail, name="report"),
    path("reports/<str:quarter>/draft/", report_views.report_draft, name="draft_report"),
    path("reports/<str:quarter>/redraft/", report_views.report_redraft, name="redraft_report"),
    path("reports/<str:quarter>/finalise/", report_views.report_finalise, name="finalise_report"),
    path("reports/<str:quarter>/file/", report_views.report_file, name="report_file"),
    path("reports/<str:quarter>/rows/<str:code>/", report_views.report_rows, name="report_rows"),
]
