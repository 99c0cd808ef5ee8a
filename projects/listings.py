"""The list of this room that can be had as a file."""

from core import exports
from projects.models import Project
from projects.views import PROJECTS

exports.offer(exports.Listing("projects", PROJECTS, lambda user: Project.objects.visible_to(user)))
