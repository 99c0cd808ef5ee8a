from django.urls import path, re_path

from people.api import views

urlpatterns = [
    path("tokens", views.TokensView.as_view(), name="api-tokens"),
    path("tokens/current", views.CurrentTokenView.as_view(), name="api-token-current"),
    re_path(r"^tokens/(?P<device>[0-9a-f]{16})$", views.TokenView.as_view(), name="api-token"),
    path("me", views.MeView.as_view(), name="api-me"),
    path("inbox", views.InboxView.as_view(), name="api-inbox"),
    path("inbox/read", views.InboxReadView.as_view(), name="api-inbox-read"),
]
