"""Playing scripts through the real actions, to hold the loader's bulk writer against them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from governance.reference.lines import Script
from governance.reference.scripts import OTHER_SIDE, in_order, key_of, reporter, with_issues
from issues import actions
from issues.models import Issue


def act(scripts: Sequence[Script]) -> None:
    """Take each step at its own time, in the order of time, whatever case it belongs to."""
    issues: dict[UUID, Issue] = {}
    for script, version in in_order(scripts):
        line, key = script[version], key_of(script)
        if version == 0:
            issues[key] = actions.report(by=reporter(line), data=line.data, at=line.at)
        elif line.action not in OTHER_SIDE:
            actions.perform(
                issues[key].pk,
                line.action,
                by=line.by,
                data=with_issues(line.data, issues),
                expected_version=version,
                at=line.at,
            )
