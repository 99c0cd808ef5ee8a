from django.contrib.auth.views import LogoutView, PasswordChangeDoneView
from django.urls import path

from people import views

urlpatterns = [
    path("login/", views.SignInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", views.OwnPasswordView.as_view(), name="password_change"),
    path("password/done/", PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("deputies/", views.deputy_list, name="deputies"),
    path("deputies/<int:pk>/appoint/", views.deputy_appoint, name="deputy_appoint"),
    path("deputies/<int:pk>/end/", views.deputy_end, name="deputy_end"),
    path("deputies/<int:pk>/hand-over/", views.deputy_hand_over, name="deputy_hand_over"),
]
