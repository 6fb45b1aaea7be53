"""What alerts are told of a call."""

from typing import Any

from callguard.alerts import Where
from callguard.asterisk.discovery.calls import Call
from callguard.control.floor import Floor


def call(**facts: Any) -> Call:
    nothing: dict[str, Any] = dict.fromkeys(("agent", "agent_channel", "member", "interface", "queue", "wait_s"))
    given = {"id": "c1", "customer": "c1", "customer_channel": "PJSIP/x-1", "mode": "raised_voice", "started_at": 0.0}
    return Call(**{**nothing, **given, **facts})


def test_a_call_is_told_by_queue_and_member() -> None:
    floor = Floor({"c1": call(queue="sales", member="anna", agent="a1")})
    assert floor.where("c1") == Where("sales", "anna")
    assert floor.where("c2") is None


def test_a_call_without_an_agent_cannot_be_joined() -> None:
    floor = Floor({"c1": call(agent="a1"), "c2": call(agent=None)})
    assert [floor.joinable(each) for each in ("c1", "c2", "c3")] == [True, False, False]
