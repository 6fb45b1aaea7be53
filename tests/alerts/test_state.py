"""What the alert store remembers survives as JSON, and a memory that contradicts itself is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from callguard.alerts.alert import Alert
from callguard.alerts.state import Ring, StoreState


def alert(name: str, call: str = "c1") -> Alert:
    return Alert(id=name, call=call, rule="R", leg="customer", severity="warning", state="fired", fired_at=1.0)


def ring(*alerts: str) -> Ring:
    return Ring(alert="1", alerts=[*alerts], supervisors=("ann",), tier=1, deadline=30.0)


def test_it_survives_as_json() -> None:
    state = StoreState(
        alerts={"1": alert("1")}, rings={"c1": ring("1")}, spent={"ann": [1.0]}, joined={"c2": "bob"},
        past={"0": alert("0")}, verdicts={"R": {"useful": 2}},
    )  # fmt: skip
    assert StoreState.model_validate_json(state.model_dump_json()) == state


@pytest.mark.parametrize("alerts", [(), ("2",), ("1", "2"), ("3",)])
def test_a_ring_speaks_for_open_alerts_of_its_call_only(alerts: tuple[str, ...]) -> None:
    opened = {"1": alert("1"), "3": alert("3", call="other")}
    with pytest.raises(ValidationError, match="ring of call c1 speaks for alerts that are not open"):
        StoreState(alerts=opened, rings={"c1": ring(*alerts)})


@pytest.mark.parametrize("more", [{"version": 2}, {"unheard_of": 1}])
def test_another_versions_memory_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        StoreState.model_validate(StoreState().model_dump() | more)
