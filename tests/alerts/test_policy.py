"""What the configuration says about alerts, in the form in which the store asks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callguard.alerts.alert import Alert
from callguard.alerts.policy import Policy
from callguard.config import Access, AlertsConfig, Config, SupervisionConfig, SupervisorConfig

ANN = SupervisorConfig(name="ann", endpoint="PJSIP/1", teams=("floor",))
BOB = SupervisorConfig(name="bob", endpoint="PJSIP/2", teams=("shop",), hours="08:00-16:00")


def alert(**facts: Any) -> Alert:
    return Alert(**({"id": "1", "call": "c", "rule": "R", "leg": "customer", "severity": "warning"} | facts))


def policy(**more: Any) -> Policy:
    usual = {"supervisors": (ANN, BOB), "teams": {"support": "floor", "sales": "shop", "free": None}}
    return Policy(**(usual | {"local": lambda now: datetime.fromtimestamp(now, UTC)} | more))


def test_it_is_taken_from_the_configuration() -> None:
    config = Config.model_validate(
        {
            "analysis": {"queues": {"support": {"team": "floor"}, "sales": {}}},
            "supervisors": [{"name": "ann", "endpoint": "PJSIP/1"}],
            "alerts": {"budget_per_hour": 3},
            "supervision": {"ring_timeout_s": 7},
        }
    )
    made = Policy.from_config(config)
    assert made.teams == {"support": "floor", "sales": None}
    assert [each.name for each in made.supervisors] == ["ann"]
    assert (made.alerts.budget_per_hour, made.supervision.ring_timeout_s) == (3, 7)


@pytest.mark.parametrize(
    ("queue", "hour", "names"),
    [
        ("support", 9, ["ann"]),
        ("sales", 9, ["bob"]),
        ("sales", 17, []),
        ("free", 9, ["ann", "bob"]),
        ("unknown", 9, ["ann", "bob"]),
        (None, 17, ["ann"]),
    ],
)
def test_the_queues_team_and_the_hour_decide_who_is_on_duty(queue: str | None, hour: int, names: list[str]) -> None:
    assert [each.name for each in policy().duty(alert(queue=queue), hour * 3600)] == names


def test_an_alert_rings_only_those_whose_role_holds_the_mode_of_its_rule() -> None:
    people = (ANN, SupervisorConfig(name="quinn", endpoint="PJSIP/q", role="qa"))
    made = policy(supervisors=people, access=Access(roles={"supervisor": ("whisper",)}))
    found = {mode: made.duty(alert(actions=(f"ring_{mode}",)), 9 * 3600) for mode in ("listen", "whisper", "barge")}
    assert {mode: [each.name for each in on] for mode, on in found.items()} == {
        "listen": ["quinn"], "whisper": [ANN.name], "barge": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("actions", "mode"),
    [
        ((), None),
        (("notify", "webhook:chat", "offer_whisper"), None),
        (("notify", "ring_listen"), "listen"),
        (("ring_whisper", "ring_barge"), "whisper"),
        (("ring_barge",), "barge"),
        (("ring",), "listen"),
    ],
)
def test_the_first_action_that_rings_says_how(actions: tuple[str, ...], mode: str | None) -> None:
    made = policy(supervision=SupervisionConfig(default_mode="listen"))
    assert made.ring_mode(alert(actions=actions)) == mode


@pytest.mark.parametrize(("timeout_s", "escalate_s", "ring_s"), [(20, 30, 20), (30, 20, 20)])
def test_a_ring_ends_before_the_next_tier_is_rung(timeout_s: float, escalate_s: float, ring_s: float) -> None:
    made = policy(
        supervision=SupervisionConfig(ring_timeout_s=timeout_s), alerts=AlertsConfig(escalate_after_s=escalate_s)
    )
    assert made.ring_s == ring_s


def test_hours_are_local_ones() -> None:
    now = 1_767_000_000.0
    local = Policy().local(now)
    assert local.timestamp() == now
    assert local.utcoffset() == datetime.fromtimestamp(now).astimezone().utcoffset()
