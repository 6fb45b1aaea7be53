"""Whatever ARI does meanwhile, who must not hear is cut off, and no end is told before Asterisk has said so.

Every phone speaks a tone of its own all the time, so that each recording tells who was heard, and when.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio

from callguard.asterisk.supervision.session import StillCuttingError
from callguard.asterisk.upkeep.leases import PERSON_S
from callguard.bus.keys import Keys
from callguard.config import Config
from callguard.contracts.events import (
    NodeDegraded,
    NodeRecovered,
    SupervisionEnded,
    SupervisionModeChanged,
)
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES
from callguard.testbed.proxy import Proxy
from tests.asterisk.harness.node import Node, config_for, node
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.parties import Parties, frames_with, gather
from tests.integration.harness.scene import converse
from tests.integration.harness.service import LOUD_RULE, Service
from tests.integration.harness.tones import Voices

EXTENSION = f"{FEATURES}201"
WEATHER: dict[str, Callable[[Proxy], None]] = {
    "500": lambda proxy: proxy.refuse(500),
    "password rotated": lambda proxy: proxy.refuse(401),
    "2 s late": lambda proxy: proxy.slow(2.0),
}
AMI_CUTS_S = 0.6
"""By the manager interface: 0.3 s for ARI first, then a hangup; the rest is the way from a mouth to a recording."""
LEASE_CUTS_S = PERSON_S + 1.0 + 0.3
"""Asterisk ends a channel within a second of the end of its lease."""


def without_ami(config: Config) -> Config:
    ami = config.asterisk.ami.model_copy(update={"enabled": False})
    return config.model_copy(update={"asterisk": config.asterisk.model_copy(update={"ami": ami})})


@asynccontextmanager
async def whispering(lab: Lab, voices: Voices, *, ami: bool = True) -> AsyncIterator[tuple[Node, Parties, Proxy]]:
    """A supervisor whispers in a call of a node whose ARI goes through a proxy."""
    async with Proxy(lab.pbx.ports.http) as proxy:
        config = config_for(lab, url=f"http://127.0.0.1:{proxy.port}")
        async with node(config if ami else without_ami(config)) as running:
            if ami:
                await running.until(lambda: running.app.ami.connected)
            parties = await gather(lab, voices, running, EXTENSION)
            await parties.join("whisper")
            await parties.listen_for(0.3)
            yield running, parties, proxy


def since(parties: Parties) -> dict[str, float]:
    return {name: phone.elapsed for name, phone in parties.phones.items()}


async def last_heard(parties: Parties, listener: str, speaker: str) -> float:
    """Second of a listener's recording at which a speaker was heard last; 0 when never."""
    return max(frames_with(await parties.phones[listener].heard(), speaker), default=0.0)


async def listed(client: "redis.asyncio.Redis", call: str, state: str) -> bool:
    """Whether the call's only supervisor is soon in a state, in what lists are made of."""
    for _ in range(40):
        text: Any = await client.hget(Keys().calls, call)  # type: ignore[misc]  # redis' own types are wrong here
        if [each["state"] for each in json.loads(text or "{}").get("supervisors", {}).values()] == [state]:
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.parametrize("weather", ["500", "password rotated"])
async def test_a_stop_that_ari_refuses_is_carried_out_by_the_manager_interface(
    lab: Lab, voices: Voices, weather: str
) -> None:
    async with whispering(lab, voices) as (running, parties, proxy):
        WEATHER[weather](proxy)
        asked = since(parties)
        began = time.monotonic()
        await running.app.supervision.stop(parties.call.id)
        assert time.monotonic() - began < 4.0  # well within the lease
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), 5)
        assert running.of(SupervisionEnded)[0].reason == "stopped"
        await asyncio.sleep(0.5)
        proxy.mend()
        await asyncio.sleep(3.0)  # the empty room goes as soon as ARI lets us
        assert not [each for each in await leftovers(lab.pbx) if "callguard.room" in each]
        await parties.hang_up()
    assert await last_heard(parties, "agent", "supervisor") < asked["agent"] + AMI_CUTS_S


async def test_without_the_manager_interface_nothing_is_told_before_asterisk_said_it_and_it_shows_meanwhile(
    lab: Lab, voices: Voices
) -> None:
    async with whispering(lab, voices, ami=False) as (running, parties, proxy):
        proxy.refuse()
        stopping = asyncio.create_task(running.app.supervision.stop(parties.call.id))
        cutting = await running.event(SupervisionModeChanged)
        assert (cutting.cutting, cutting.by, running.app.supervision.cutting) == (True, "command", 1)
        await running.until(lambda: any(each.reason == "cutting" for each in running.of(NodeDegraded)), 5)
        assert not parties.phones["supervisor"].ended.is_set()
        assert not running.of(SupervisionEnded)
        assert not stopping.done()
        proxy.mend()
        await asyncio.wait_for(stopping, 10)
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), 5)
        assert [each.reason for each in running.of(SupervisionEnded)] == ["stopped"]
        assert running.app.supervision.cutting == 0
        await running.until(lambda: any(each.reason == "cutting" for each in running.of(NodeRecovered)))
        await parties.hang_up()


async def test_a_stop_is_answered_after_the_end_was_told_and_the_list_of_calls_shows_the_cutting_meanwhile(
    lab: Lab, redis_url: str, tmp_path: Path
) -> None:
    async with Proxy(lab.pbx.ports.http) as proxy, redis.asyncio.Redis.from_url(redis_url) as client:
        settings = {"ari": {"url": f"http://127.0.0.1:{proxy.port}"}, "ami": {"enabled": False}}
        async with Service(lab, redis_url, tmp_path / "s", rules=LOUD_RULE, asterisk=settings) as service:
            scene = await converse(lab, service)
            await scene.ask("whisper", supervisor="lead")
            phone = await lab.farm.phone("supervisor1").answered()
            proxy.refuse()
            stopping = asyncio.create_task(service.command("stop", call=scene.id, supervisor="lead"))
            await service.wait_for("supervision.mode_changed", cutting=True)
            assert await listed(client, scene.id, "cutting")
            assert not service.of("supervision.ended")
            assert not service.of("command.completed", action="stop")
            assert not phone.ended.is_set()
            proxy.mend()
            assert (await stopping)["ok"]
            kinds = [each["type"].removeprefix("io.callguard.") for each in service.events]
            assert kinds.index("supervision.ended.v1") < len(kinds) - kinds[::-1].index("command.completed.v1")
            assert phone.ended.is_set()
            await scene.hang_up()


async def test_where_all_means_fail_the_lease_ends_it_and_the_command_says_that_cutting_goes_on(
    lab: Lab, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callguard.asterisk.supervision.supervision.PROOF_S", 1.0)
    async with whispering(lab, voices, ami=False) as (running, parties, proxy):
        proxy.refuse()
        asked = since(parties)
        with pytest.raises(StillCuttingError, match="asterisk"):
            await running.app.supervision.stop(parties.call.id)
        await running.event(SupervisionEnded, timeout_s=LEASE_CUTS_S)
        assert parties.phones["supervisor"].ended.is_set()
        proxy.mend()
        await asyncio.sleep(3.0)
        await parties.hang_up()
    assert asked["agent"] + 1.0 < await last_heard(parties, "agent", "supervisor") < asked["agent"] + LEASE_CUTS_S


@pytest.mark.parametrize("weather", list(WEATHER))
async def test_a_consultation_is_cut_by_the_manager_interface_where_ari_fails_and_the_whisper_goes_on_afterwards(
    lab: Lab, voices: Voices, weather: str
) -> None:
    async with whispering(lab, voices) as (running, parties, proxy):
        WEATHER[weather](proxy)
        await parties.consult()
        await running.event(SupervisionModeChanged)
        apart = await parties.listen_for()
        assert [(each.suspended, each.reason) for each in running.of(SupervisionModeChanged)] == [
            (True, "consultation")
        ]
        proxy.mend()
        await parties.phones["colleague"].hangup()
        await running.event(SupervisionModeChanged, 2, timeout_s=8)
        together = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("supervisor", apart) == set()
        assert await parties.heard("colleague", apart) == {"agent"}
        assert await parties.heard("agent", together) == {"customer", "supervisor"}
    overheard = frames_with(await parties.phones["supervisor"].heard(), "colleague")
    assert len(overheard) * 0.01 < AMI_CUTS_S, f"the colleague was overheard at {overheard}"


async def test_without_the_manager_interface_the_lease_ends_a_consultations_ear(lab: Lab, voices: Voices) -> None:
    async with whispering(lab, voices, ami=False) as (running, parties, proxy):
        proxy.refuse()
        refused = since(parties)
        consulting = asyncio.create_task(parties.consult())
        ended = await running.event(SupervisionEnded, timeout_s=LEASE_CUTS_S)
        assert ended.reason == "asterisk"
        assert parties.phones["supervisor"].ended.is_set()
        await consulting
        await parties.listen_for(1.0)
        proxy.mend()
        await asyncio.sleep(3.0)
        await parties.hang_up("colleague", "customer")
    assert await last_heard(parties, "supervisor", "colleague") < refused["supervisor"] + LEASE_CUTS_S


async def test_cut_off_from_asterisk_nobody_is_overheard_for_longer_than_the_lease(lab: Lab, voices: Voices) -> None:
    async with whispering(lab, voices) as (running, parties, proxy):
        proxy.cut()
        cut = since(parties)
        await parties.consult()
        await asyncio.wait_for(parties.phones["supervisor"].ended.wait(), LEASE_CUTS_S)
        proxy.mend()
        await running.event(SupervisionEnded, timeout_s=8)
        await asyncio.sleep(1.0)
        await parties.hang_up("colleague", "customer")
    assert await last_heard(parties, "supervisor", "colleague") < cut["supervisor"] + LEASE_CUTS_S


async def test_a_locked_or_refusing_ari_is_told_and_so_is_its_end(lab: Lab, voices: Voices) -> None:
    async with whispering(lab, voices) as (running, parties, proxy):
        proxy.refuse(403)
        await running.until(
            lambda: any(each.reason.startswith("ari_refuses: ") for each in running.of(NodeDegraded)), 8
        )
        proxy.mend()
        await running.until(lambda: any(each.reason == "ari_refuses" for each in running.of(NodeRecovered)), 8)
        await parties.hang_up()


async def test_what_a_program_of_our_name_left_is_found_within_seconds_and_goes(lab: Lab) -> None:
    async with node(config_for(lab)) as running:
        await running.app.ari.create_bridge("callguard.room.left")
        await running.app.ari.create_bridge("somebody-elses")
        try:
            deadline = time.monotonic() + 8
            while any("callguard.room.left" in each for each in await leftovers(lab.pbx)):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.2)
            assert any("somebody-elses" in each for each in await leftovers(lab.pbx))
        finally:
            await running.app.ari.destroy_bridge("somebody-elses")
