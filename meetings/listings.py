"""The lists of this room that can be had as a file."""

from core import exports
from meetings.models import Meeting, Resolution
from meetings.views import MEETINGS, RESOLUTIONS

exports.offer(
    exports.Listing("meetings", MEETINGS, lambda user: Meeting.objects.visible_to(user)),
    exports.Listing("resolutions", RESOLUTIONS, lambda user: Resolution.objects.visible_to(user)),
)
