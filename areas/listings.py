"""The list of this room that can be had as a file."""

from django.utils import timezone

from areas.models import ComplexArea
from areas.views import AREAS
from core import exports

exports.offer(
    exports.Listing(
        "areas",
        AREAS,
        lambda user: ComplexArea.objects.visible_to(user).active(timezone.localdate()),
    )
)
