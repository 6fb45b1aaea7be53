"""An act concerns the teams of its queue, however the queue is spelled; a pattern concerns each queue matched."""

import pytest

from callguard.authority import Teams
from callguard.config import Config

QUEUES = {"Support": {"team": "floor"}, "sales": {"team": "shop"}, "sales-vip": {"team": "shop"}, "other": {}}
TEAMS = Teams(Config.model_validate({"analysis": {"queues": QUEUES}}))


@pytest.mark.parametrize(
    ("queue", "teams"), [("support", {"floor"}), ("SALES", {"shop"}), ("other", set()), ("new", set()), (None, set())]
)
def test_a_queue_has_the_team_that_is_configured(queue: str | None, teams: set[str]) -> None:
    assert TEAMS.of(queue) == teams


@pytest.mark.parametrize(
    ("pattern", "teams"),
    [(None, {"floor", "shop"}), ("*", {"floor", "shop"}), ("Sales*", {"shop"}), ("other", set()), ("nothing", set())],
)
def test_a_pattern_concerns_the_teams_of_all_queues_that_it_matches(pattern: str | None, teams: set[str]) -> None:
    assert TEAMS.matching(pattern) == teams
