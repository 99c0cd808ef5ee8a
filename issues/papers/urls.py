"""Included by ``issues.urls``, in its namespace."""

from django.urls import path, register_converter

from issues.choices import PaperKind
from issues.papers import views


class PaperConverter:
    """A kind of paper."""

    regex = "[a-z_]+"

    def to_python(self, value: str) -> PaperKind:
        return PaperKind(value)

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(PaperConverter, "paper")

OF_A_STEP = "<int:pk>/papers/<paper:kind>/<int:seq>/"
TEMPLATE = "papers/templates/<paper:kind>/"

urlpatterns = [
    path("<int:pk>/papers/work-order/", views.paper, name="work_order"),
    path(OF_A_STEP, views.paper, name="paper"),
    path("papers/templates/", views.template_list, name="paper_templates"),
    path(TEMPLATE, views.template_detail, name="paper_template"),
    path(f"{TEMPLATE}upload/", views.template_upload, name="paper_template_upload"),
    path(f"{TEMPLATE}use/", views.template_use, name="paper_template_use"),
    path(f"{TEMPLATE}<int:version>/", views.template_file, name="paper_template_file"),
    path(f"{TEMPLATE}<int:version>/sample/", views.template_sample, name="paper_template_sample"),
]
