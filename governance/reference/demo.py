"""One account per role with which the embedded platform can be tried. All share one password."""

from people.choices import Role

PASSWORD = "Wuzhong-2025!"  # noqa: S105 - printed for everybody, and only where EMBEDDED is set

# username: (role, name of the place or short name of the organisation)
ACCOUNTS = {
    "grid": (Role.GRID_WORKER, "龙西第1网格"),
    "community": (Role.COMMUNITY_OFFICER, "龙西社区"),
    "town": (Role.TOWN_DISPATCHER, "长桥街道"),
    "townlead": (Role.TOWN_LEADER, "长桥街道"),
    "handler": (Role.UNIT_HANDLER, "区住建局"),
    "head": (Role.UNIT_HEAD, "区住建局"),
    "district": (Role.DISTRICT_DISPATCHER, "吴中区"),
    "leader": (Role.DISTRICT_LEADER, "吴中区"),
    "supervisor": (Role.SUPERVISOR, "吴中区"),
    "verifier": (Role.VERIFIER, "长桥街道"),
    "revisitor": (Role.REVISITOR, "长桥街道"),
    "secretary": (Role.SECRETARY, "吴中区"),
    "sysadmin": (Role.SYSTEM_ADMIN, ""),
    "secadmin": (Role.SECURITY_ADMIN, ""),
    "auditor": (Role.AUDIT_ADMIN, ""),
}

# Where the town's verifier is told of work to verify, because no grid worker is there.
GRID_WITHOUT_WORKER = "龙西第5网格"
