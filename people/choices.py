"""Roles and kinds of organisations, and which roles draw their scope from what."""

from django.db.models import TextChoices

from areas.choices import PlaceLevel


class OrganisationKind(TextChoices):
    DISTRICT_DEPARTMENT = "district_department", "区级机关"
    PUBLIC_INSTITUTION = "public_institution", "事业单位"
    TOWN_OFFICE = "town_office", "镇街机构"
    COMMUNITY = "community", "村（社区）组织"
    EXTERNAL = "external", "区外单位"


class Role(TextChoices):
    GRID_WORKER = "grid_worker", "网格员"
    COMMUNITY_OFFICER = "community_officer", "村社干部（网格长）"
    TOWN_DISPATCHER = "town_dispatcher", "镇街派单员"
    TOWN_LEADER = "town_leader", "镇街分管领导"
    UNIT_HANDLER = "unit_handler", "承办经办"
    UNIT_HEAD = "unit_head", "承办负责人"
    DISTRICT_DISPATCHER = "district_dispatcher", "区级派单员（专班）"
    DISTRICT_LEADER = "district_leader", "区级分管（联席会议召集人）"
    SUPERVISOR = "supervisor", "督查员"
    VERIFIER = "verifier", "核查员"
    REVISITOR = "revisitor", "回访员"
    SECRETARY = "secretary", "会议秘书"
    SYSTEM_ADMIN = "system_admin", "系统管理员"
    SECURITY_ADMIN = "security_admin", "安全管理员"
    AUDIT_ADMIN = "audit_admin", "审计管理员"


ORGANISATIONAL = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD})
ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
TERRITORIAL = frozenset(Role) - ORGANISATIONAL - ADMINISTRATORS
# Who appoints deputies by hand, for whom: PostingQuerySet.managed_by.
MANAGERS_OF_DEPUTIES = frozenset({Role.UNIT_HEAD, Role.COMMUNITY_OFFICER})

# At which levels of the place tree a territorial role can be posted.
LEVELS = {
    Role.GRID_WORKER: {PlaceLevel.GRID},
    Role.COMMUNITY_OFFICER: {PlaceLevel.COMMUNITY},
    Role.TOWN_DISPATCHER: {PlaceLevel.TOWN},
    Role.TOWN_LEADER: {PlaceLevel.TOWN},
    Role.DISTRICT_DISPATCHER: {PlaceLevel.DISTRICT},
    Role.DISTRICT_LEADER: {PlaceLevel.DISTRICT},
    Role.SUPERVISOR: {PlaceLevel.TOWN, PlaceLevel.DISTRICT},
    Role.VERIFIER: {PlaceLevel.TOWN, PlaceLevel.DISTRICT},
    Role.REVISITOR: {PlaceLevel.TOWN, PlaceLevel.DISTRICT},
    Role.SECRETARY: {PlaceLevel.COMMUNITY, PlaceLevel.TOWN, PlaceLevel.DISTRICT},
}


class MessageKind(TextChoices):
    POSTING = "posting", "任职与移交"
