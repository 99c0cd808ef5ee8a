"""The orders of issue lists, on pages and in the API. Each scope of a person has an index for each
(``issues.models.issue``).
"""

from dataclasses import replace

from django.db.models import Q

from core.keyset import Sort

# What has not ended, as the indexes of open cases say it.
OPEN = Q(closed_at__isnull=True)
# The columns by which these lists are cut; a unit's involvements repeat them.
COLUMNS = ("received_at", "due_at", "closed_at", "changed_xid")

BY_RECEIVED = Sort("受理时间", ("received_at", "id"))
# Only an open case is due. What is suspended or has ended has no date and comes last.
BY_DUE = Sort("时限", ("due_at", "received_at", "id"), where_set=OPEN)
# In a list of open cases alone, where the index has those without a date too.
OPEN_BY_DUE = replace(BY_DUE, where_set=Q())
BY_CHANGE = Sort("变化", ("changed_xid", "id"))
# In a list of what has a running step.
BY_DUE_ALONE = replace(BY_DUE, always_set=True)
