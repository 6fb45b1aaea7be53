"""Alerts in Asterisk's own records."""

from callguard.contracts.events import envelope
from callguard.notify.ami import QueueLogSender, UserEventSender
from tests.support.events import alert_fired


class Manager:
    def __init__(self) -> None:
        self.actions: list[dict[str, str]] = []

    async def __call__(self, action: dict[str, str]) -> None:
        self.actions.append(action)


async def test_queue_log_gets_queue_call_and_agent() -> None:
    manager = Manager()
    await QueueLogSender(manager)(envelope(alert_fired(), "n1"))

    assert manager.actions == [
        {
            "Action": "QueueLog",
            "Queue": "sales",
            "Event": "CALLGUARD",
            "Uniqueid": "c1",
            "Interface": "Alex",
            "Message": "fired|CustomerRaisedVoice|customer|warning|a1",
        }
    ]


async def test_a_user_event_carries_the_alert() -> None:
    manager = Manager()
    await UserEventSender(manager)(envelope(alert_fired(queue=None), "n1"))

    (action,) = manager.actions
    assert action["UserEvent"] == "CallGuardAlert"
    assert action["Linkedid"] == "c1"
    assert action["Queue"] == ""
    assert action["Score"] == "0.82"


async def test_a_hostile_name_can_not_start_a_header_of_its_own() -> None:
    manager = Manager()
    await UserEventSender(manager)(envelope(alert_fired(agent="x\r\nAction: Command\r\nCommand: core stop now"), "n1"))

    assert all("\r" not in value and "\n" not in value for value in manager.actions[0].values())
