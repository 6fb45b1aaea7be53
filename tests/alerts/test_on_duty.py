"""Team, shift and tier decide who may be rung."""

from datetime import UTC, datetime

import pytest

from callguard.alerts.on_duty import next_tier, on_duty
from callguard.config import SupervisorConfig

MONDAY_NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def supervisor(name: str, tier: int = 1, **more: object) -> SupervisorConfig:
    return SupervisorConfig.model_validate({"name": name, "endpoint": f"PJSIP/{name}", "tier": tier} | more)


def names(found: list[SupervisorConfig]) -> list[str]:
    return [each.name for each in found]


ANYBODY, FLOOR, SHOP = supervisor("anybody"), supervisor("floor", teams=["floor"]), supervisor("shop", teams=["shop"])


@pytest.mark.parametrize(
    ("team", "serving"),
    [("floor", ["anybody", "floor"]), ("other", ["anybody"]), (None, ["anybody", "floor", "shop"])],
)
def test_a_team_is_served_by_its_own_and_by_whoever_serves_all(team: str | None, serving: list[str]) -> None:
    assert names(on_duty([ANYBODY, FLOOR, SHOP], team, MONDAY_NOON)) == serving


def test_who_is_off_shift_is_not_on_duty() -> None:
    early, late = supervisor("early", hours="06:00-12:00"), supervisor("late", hours="12:00-18:00")
    weekend = supervisor("weekend", days=["sat", "sun"])
    assert names(on_duty([early, late, weekend], None, MONDAY_NOON)) == ["late"]


def test_the_lowest_tier_comes_first_and_the_order_of_the_file_within_it() -> None:
    people = [supervisor("boss", 3), supervisor("b"), supervisor("a"), supervisor("lead", 2)]
    assert names(on_duty(people, None, MONDAY_NOON)) == ["b", "a", "lead", "boss"]


PEOPLE = [supervisor("a"), supervisor("b"), supervisor("lead", 2), supervisor("boss", 4)]


@pytest.mark.parametrize(
    ("lowest", "rung"),
    [(1, (1, ("a", "b"))), (2, (2, ("lead",))), (3, (4, ("boss",))), (4, (4, ("boss",)))],
)
def test_all_of_the_next_tier_are_rung(lowest: int, rung: tuple[int, tuple[str, ...]]) -> None:
    assert next_tier(PEOPLE, lowest) == rung


def test_when_no_higher_tier_is_free_those_who_were_passed_over_are_rung() -> None:
    assert next_tier(PEOPLE[:3], 3) == (1, ("a", "b"))


def test_when_nobody_is_free_nobody_is_rung() -> None:
    assert next_tier([], 1) is None
