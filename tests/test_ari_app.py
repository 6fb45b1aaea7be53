"""The ARI app on a fake ARI: what it makes of events, and that nothing that fails stops it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callguard import ari_app as module
from callguard.ari_app import AriApp
from callguard.config import Config
from callguard.contracts.events import (
    AssistRequested,
    CallEnded,
    CallStarted,
    CallUpdated,
    Event,
    NodeDegraded,
    NodeRecovered,
)
from callguard.contracts.messages import CallFacts, CloseCall, LegConnected, LegLost
from tests.asterisk.harness.fake_ari import FakeAri, fake_ari
from tests.asterisk.harness.receiver import Receiver


def channel(name: str, app: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": f"PJSIP/{name}-1",
        "state": "Up",
        "caller": {"number": "1"},
        "dialplan": {"context": "phones", "exten": "1", "app_name": app, "app_data": "support,tT"},
    }


CUSTOMER, AGENT = channel("customer", "Queue"), channel("agent", "AppQueue")


class Bench:
    """The running app, the fake and all that the app said."""

    def __init__(self, fake: FakeAri, config: Config) -> None:
        self.fake = fake
        self.events: list[Event] = []
        self.media = Receiver()
        self.calls: list[list[str]] = []
        """Ids of the present calls, each time that they were told."""
        self.app = AriApp(
            config, self.media, self.events.append, on_calls=lambda calls: self.calls.append(sorted(calls))
        )

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Any) -> None:
        for _ in range(300):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(self.events)

    async def talk(self) -> None:
        for party in (AGENT, CUSTOMER):
            await self.fake.tell(type="ChannelEnteredBridge", channel=party, bridge={"id": "b", "channels": []})


@asynccontextmanager
async def bench(**sections: Any) -> AsyncIterator[Bench]:
    async with fake_ari() as fake:
        ari = fake.config(timeout_s=1).model_dump()
        config = Config.model_validate({"asterisk": {"ari": ari, "ami": {"enabled": False}}, **sections})
        fake.answer("GET", "/channels", [])
        fake.answer("GET", "/bridges", [])
        for party in ("customer", "agent"):
            fake.answer("GET", f"/channels/{party}/variable", {"value": ""})
        running = Bench(fake, config)
        async with running.media:
            task = asyncio.create_task(running.app.run())
            await running.until(lambda: running.app.ready or task.done())
            yield running
            assert not task.done(), task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_ARI_PASSWORD", "x")


async def test_a_call_is_announced_with_its_facts_and_both_legs_are_tapped() -> None:
    queues = {"support": {"mode": "emotion", "language": "de"}}
    async with bench(analysis={"queues": queues}) as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        (started,) = running.of(CallStarted)
        assert started.model_dump() == {
            "call": "customer",
            "basis": "none",
            "queue": "support",
            "mode": "emotion",
            "agent": "PJSIP/agent",
            "customer_channel": "PJSIP/customer-1",
            "agent_channel": "PJSIP/agent-1",
            "wait_s": None,
            "language": "de",
            "linkedid": None,
            "unknown": None,
        }
        await running.until(lambda: len(running.media.legs) == 2)
        assert {leg.opened.role for leg in running.media.legs.values()} == {"customer", "agent"}
        facts = running.media.facts("customer")[0]
        assert (facts.mode, facts.language, facts.queue) == ("emotion", "de", "support")


async def test_present_calls_are_told_once_their_channels_are_known_and_again_after_a_gap() -> None:
    async with bench() as running:
        await running.until(lambda: running.calls == [[]])
        running.fake.answer("GET", "/channels", [CUSTOMER, AGENT])
        running.fake.answer("GET", "/bridges", [{"id": "b", "channels": ["customer", "agent"]}])
        await running.fake.cut()
        await running.until(lambda: running.calls == [[], ["customer"]])
        running.fake.answer("GET", "/channels", [])
        running.fake.answer("GET", "/bridges", [])
        await running.fake.cut()
        await running.until(lambda: running.calls == [[], ["customer"], []])
        assert running.of(CallEnded)


async def test_hold_and_apart_reach_the_worker_but_only_hold_is_an_event() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        await running.fake.tell(type="ChannelHold", channel=AGENT)
        await running.fake.tell(type="ChannelLeftBridge", channel=AGENT, bridge={"id": "b", "channels": []})
        await running.until(lambda: not running.media.facts("customer")[-1].together)
        assert running.media.facts("customer")[-1].on_hold
        assert [event.change for event in running.of(CallUpdated) if isinstance(event, CallUpdated)] == ["hold"]


async def test_the_end_of_a_call_closes_it_at_the_worker() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        await running.fake.tell(type="ChannelDestroyed", channel=CUSTOMER, cause=16)
        await running.until(lambda: running.of(CallEnded))
        assert ("customer", CloseCall("customer")) in running.media.sent
        assert not running.app.calls


async def test_other_settings_hold_from_now_on_for_present_calls_too() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: len(running.media.legs) == 2)
        config = running.app._config
        for mode in ("emotion", "off"):
            running.app.apply(config.model_copy(update={"analysis": config.analysis.model_copy(update={"mode": mode})}))
        changed = [(event.change, event.mode) for event in running.of(CallUpdated) if isinstance(event, CallUpdated)]
        assert changed == [("mode", "emotion"), ("mode", "off")]
        assert running.media.facts("customer")[-1].mode == "emotion"
        assert not running.app._legs.tapped, "off: nothing is tapped any more"
        assert running.app.calls, "the call is still known"


async def test_names_of_a_reload_are_shown_at_once() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        config = running.app._config
        roles = config.roles.model_copy(update={"names": {"PJSIP/agent": "Mia"}})
        running.app.apply(config.model_copy(update={"roles": roles}))
        await running.until(lambda: running.of(CallUpdated))
        (updated,) = running.of(CallUpdated)
        assert isinstance(updated, CallUpdated)
        assert (updated.change, updated.agent) == ("agent", "Mia")


async def test_roles_of_a_reload_hold_for_the_next_call() -> None:
    async with bench() as running:
        ignore = Config.model_validate({"roles": {"rules": [{"channel": "PJSIP/agent*", "role": "ignore"}]}})
        running.app.apply(running.app._config.model_copy(update={"roles": ignore.roles}))
        await running.talk()
        await asyncio.sleep(0.1)
        assert not running.of(CallStarted)


async def test_an_opt_out_forgets_the_call_and_an_unknown_call_is_an_error() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        await running.app.opt_out("customer")
        (ended,) = running.of(CallEnded)
        assert isinstance(ended, CallEnded)
        assert ended.reason == "opt_out"
        with pytest.raises(KeyError):
            await running.app.opt_out("customer")


async def test_nothing_is_tapped_while_the_variables_cant_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """CALLGUARD=off may stand there: not knowing is no consent."""
    monkeypatch.setattr(module, "ASK_AGAIN_S", 0.1)
    async with bench() as running:
        running.fake.answer("GET", "/channels/customer/variable", {"message": "busy"}, 500)
        await running.talk()
        await asyncio.sleep(0.2)
        assert not running.events
        assert not running.media.legs
        running.fake.answer("GET", "/channels/customer/variable", {"value": ""})
        await running.until(lambda: running.of(CallStarted))


async def test_only_the_agents_code_is_heard() -> None:
    async with bench() as running:
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        for party, name in ((CUSTOMER, "CallGuardHelp"), (AGENT, "Other"), (AGENT, "CallGuardHelp")):
            await running.fake.tell(type="ChannelUserevent", channel=party, eventname=name, userevent={})
        await running.until(lambda: running.of(AssistRequested))
        assert len(running.of(AssistRequested)) == 1
        last = running.media.facts("customer")[-1]
        assert isinstance(last, CallFacts)
        assert last.agent_request == 1


async def test_a_lost_socket_is_degraded_once_and_recovered_once() -> None:
    async with bench() as running:
        await running.fake.cut()
        await running.until(lambda: running.of(NodeRecovered))
        assert [type(event) for event in running.events] == [NodeDegraded, NodeRecovered]


async def test_garbage_and_words_about_unknown_legs_change_nothing() -> None:
    async with bench() as running:
        await running.fake.sockets[-1].send_str("{" * 1000)
        await running.fake.tell(type="ChannelEnteredBridge", channel=None, bridge=7)
        running.app.on_worker_message(LegConnected("unknown"))
        running.app.on_worker_message(LegLost("unknown", "eof"))
        await running.talk()
        await running.until(lambda: running.of(CallStarted))
        assert running.app.ari.reader.dropped["malformed"] == 2


async def test_a_failing_look_at_the_present_calls_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_AGAIN_S", 0.05)
    async with bench() as running:
        before = len(running.fake.requests)
        running.fake.answer("GET", "/bridges", {"message": "busy"}, 500)
        await running.fake.cut()
        await running.until(lambda: ("GET", "/bridges", {}) in running.fake.requests[before:])
        assert not running.app.ready
        running.fake.answer("GET", "/bridges", [])
        await running.until(lambda: running.app.ready)


async def test_a_mistake_about_one_event_is_logged_and_the_next_is_heard() -> None:
    async with bench() as running:
        said, running.app._emit = running.app._emit, lambda event: 1 / 0  # type: ignore[assignment]
        await running.talk()
        await running.until(lambda: running.app.calls)
        await running.fake.tell(type="ChannelHold", channel=AGENT)
        await running.until(lambda: next(iter(running.app.calls.values())).on_hold)
        running.app._emit = said
        await running.fake.tell(type="ChannelDestroyed", channel=CUSTOMER, cause=16)
        await running.until(lambda: running.of(CallEnded))


async def test_a_part_that_cant_be_closed_keeps_no_tap_in_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> None:
        raise RuntimeError("AMI")

    async with bench() as running:
        monkeypatch.setattr(running.app._cooldowns, "close", broken)
        await running.talk()
        await running.until(lambda: len(running.media.legs) == 2)
    assert not running.app._legs.tapped
