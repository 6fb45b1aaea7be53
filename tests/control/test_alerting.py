"""Alerts, paging, receivers and the watchdog alert are one whole: built, started and reloaded together."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callguard.alerts import Where
from callguard.alerts.effects import SendTo
from callguard.ari_app import AriApp
from callguard.asterisk.discovery.calls import Call
from callguard.config import Config
from callguard.contracts.events import AlertFired, Event
from callguard.contracts.messages import Transition
from callguard.control.alerting import Alerting, Floor
from callguard.control.parts import Parts
from callguard.runtime.journal import Journal
from callguard.runtime.outages import Outages
from tests.support.bus import WiredBus
from tests.support.events import alert_fired

NO_AMI = {"ari": {"url": "http://127.0.0.1:1", "password": {"env": "ALERTING_TEST"}}, "ami": {"enabled": False}}
WEBHOOK = {"webhooks": {"chat": {"url": {"env": "ALERTING_TEST"}}}}


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


class Running:
    """The whole of it, beside a PBX that is not there."""

    def __init__(self, config: Config, bus: WiredBus, journal: Journal) -> None:
        self.events: list[Event] = []
        self.outcomes: Counter[tuple[str, str]] = Counter()
        media: Any = None
        app = AriApp(config, media, self.events.append)
        outages = Outages(config.node, self.events.append)
        self.alerting = Alerting(config, app, bus, journal, outages, self.events.append, self.count)

    def count(self, receiver: str, outcome: str) -> None:
        self.outcomes[receiver, outcome] += 1


@pytest.fixture
async def running(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    monkeypatch.setenv("ALERTING_TEST", "http://127.0.0.1:1/hook")
    config = Config.model_validate({"asterisk": NO_AMI, "notify": WEBHOOK, "redis": {"url": redis_url}})
    bus, journal = WiredBus(config.redis, config.node), Journal(tmp_path / "journal")
    made, parts = Running(config, bus, journal), Parts(lambda part, error: None)
    await made.alerting.start(parts)
    yield made
    await parts.stop()
    await bus.client.aclose()
    journal.close()


async def test_a_rule_about_a_call_that_is_not_there_fires_nothing(running: Running) -> None:
    running.alerting.manager.transition(Transition("fired", "9.9", "Loud", "customer", 0.0))
    assert not [event for event in running.events if isinstance(event, AlertFired)]


async def test_a_reload_takes_receivers_away_and_supervisors_in(running: Running) -> None:
    new = Config.model_validate({"asterisk": NO_AMI, "supervisors": [{"name": "ann", "endpoint": "PJSIP/1"}]})
    running.alerting.apply(new)
    assert running.alerting.manager.phones() == {"free": 1}
    running.alerting.effects.carry_out([SendTo("webhook:chat", alert_fired())])
    assert running.outcomes["unknown", "failed"] == 1
