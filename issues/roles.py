"""The roles of the three-level loop, in the groups in which the transition table names them."""

from __future__ import annotations

from issues.choices import Decider, Level
from people.choices import ADMINISTRATORS, Role

NOBODY: frozenset[Role] = frozenset()  # the platform alone
GRID = frozenset({Role.GRID_WORKER, Role.COMMUNITY_OFFICER})
UNIT = frozenset({Role.UNIT_HANDLER, Role.UNIT_HEAD})
HANDLER = frozenset({Role.UNIT_HANDLER})
HEAD = frozenset({Role.UNIT_HEAD})
REVISITOR = frozenset({Role.REVISITOR})
VERIFIERS = GRID | {Role.VERIFIER}

DISPATCHER_ROLES = frozenset({Role.TOWN_DISPATCHER, Role.DISTRICT_DISPATCHER})
LEADER_ROLES = frozenset({Role.TOWN_LEADER, Role.DISTRICT_LEADER})

# Who dispatches at a level, and who decides above them. A grid's cases are its town's to decide on.
DESK = {
    Level.TOWN: frozenset({Role.TOWN_DISPATCHER}),
    Level.DISTRICT: frozenset({Role.DISTRICT_DISPATCHER}),
}
LEADERS = {
    Level.GRID: frozenset({Role.TOWN_LEADER}),
    Level.TOWN: frozenset({Role.TOWN_LEADER}),
    Level.DISTRICT: frozenset({Role.DISTRICT_LEADER}),
}
# Who alone can end a deadlock: the leader, or the district's in the place of one who is missing.
LEADERS_OR_ABOVE = {level: roles | LEADERS[Level.DISTRICT] for level, roles in LEADERS.items()}
ASSIGNERS = {
    Level.TOWN: DESK[Level.TOWN],
    Level.DISTRICT: DESK[Level.DISTRICT] | LEADERS[Level.DISTRICT],
}

# Who may decide on what is asked, by whom it is asked of.
ROLES_OF = {
    Decider.DISPATCHER: DISPATCHER_ROLES,
    Decider.LEADER: LEADER_ROLES,
    Decider.SECOND_PERSON: DISPATCHER_ROLES | LEADER_ROLES | {Role.COMMUNITY_OFFICER},
}

# Beside the way: who watches over the cases of a level, who answers for them, who instructs.
WATCHERS = {
    Level.GRID: LEADER_ROLES | {Role.SUPERVISOR},
    Level.TOWN: LEADER_ROLES | {Role.SUPERVISOR},
    Level.DISTRICT: LEADERS[Level.DISTRICT] | {Role.SUPERVISOR},
}
RESPONDENTS = {
    Level.GRID: GRID | DESK[Level.TOWN],
    Level.TOWN: UNIT | DESK[Level.TOWN],
    Level.DISTRICT: UNIT | DESK[Level.DISTRICT],
}
INSTRUCTORS = {
    Level.GRID: LEADER_ROLES | DISPATCHER_ROLES,
    Level.TOWN: LEADER_ROLES | DISPATCHER_ROLES,
    Level.DISTRICT: LEADERS[Level.DISTRICT] | DESK[Level.DISTRICT],
}
MERGERS = {
    Level.GRID: DISPATCHER_ROLES | {Role.GRID_WORKER},
    Level.TOWN: DISPATCHER_ROLES,
    Level.DISTRICT: DESK[Level.DISTRICT],
}

# Who reads the rules of the loop as a page.
READERS_OF_THE_RULES = ADMINISTRATORS | DESK[Level.DISTRICT]
