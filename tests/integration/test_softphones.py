"""Real clients decode, hold, transfer and key in their own way: the farm's Asterisk alone would prove too little.

The lab has bridge_native_rtp loaded, the setting that deafened real phones.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callguard.asterisk.supervision import presence
from callguard.asterisk.supervision.session import SupervisionError
from callguard.contracts.events import AssistRequested, CallUpdated, SupervisionModeChanged
from callguard.doctor.phones import try_phones
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import FEATURES
from callguard.testbed.lab.remote import Remote
from callguard.testbed.lab.root import AsteriskUnavailable
from tests.asterisk.harness.node import Node, config_for, node
from tests.asterisk.harness.talk import console
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.parties import HERTZ, Parties
from tests.integration.harness.softphones import KINDS, Softphone, softphones
from tests.integration.harness.tones import Voices

AGENT, CUSTOMER = "agent-soft", "customer-soft"
NUMBERS = {AGENT: "401", CUSTOMER: "402"}
PAD_S = 0.4
"""Seconds before a change in which nothing is judged: a busy machine records less than it plays."""
kinds = pytest.mark.parametrize("kind", KINDS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def native_lab() -> AsyncIterator[Lab]:
    """A PBX with bridge_native_rtp, and numbers for real clients."""
    try:
        async with Lab.start(customers=1, agents=2, supervisors=1, softphones=NUMBERS, native_rtp=True) as lab:
            yield lab
    except AsteriskUnavailable as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(loop_scope="session")
async def native(native_lab: Lab) -> AsyncIterator[Lab]:
    """The same; at the end nobody is on the line."""
    yield native_lab
    await native_lab.farm.hang_up_all()
    async with asyncio.timeout(5):
        while await leftovers(native_lab.pbx):
            await asyncio.sleep(0.1)


async def joined_by(lab: Lab, running: Node) -> set[str]:
    """How the PBX has joined channels, from now until the call is tapped."""
    remote, seen = Remote(lab.pbx), set()
    tapped = asyncio.ensure_future(running.tapped_call())
    try:
        while not tapped.done():
            seen |= {bridge["technology"] for bridge in await remote.ask("GET", "bridges")}
            await asyncio.sleep(0.02)
        await tapped
        return seen
    finally:
        await remote.close()


@kinds
async def test_a_tap_after_the_answer_deafens_nobody(native: Lab, voices: Voices, kind: str) -> None:
    """Asterisk joins them outside its core until the first tap."""
    tones = {AGENT: voices.tone(HERTZ["agent"]), CUSTOMER: voices.tone(HERTZ["customer"])}
    async with node(config_for(native)) as running:
        for _ in range(2):
            async with softphones(kind, native, tones) as phones:
                agent, customer = phones[AGENT], phones[CUSTOMER]
                await customer.call(NUMBERS[AGENT])
                assert "native_rtp" in await joined_by(native, running)
                heard = await asyncio.gather(agent.listen(), customer.listen())
                await customer.do("hang_up")
                await running.until(lambda: not running.app.calls)
                assert heard == [{"customer"}, {"agent"}]


def changes(running: Node) -> list[tuple[str | None, bool, str | None]]:
    return [(event.mode, event.suspended, event.reason) for event in running.of(SupervisionModeChanged)]


@kinds
async def test_while_the_customers_client_holds_the_supervisor_waits(
    native: Lab, voices: Voices, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "HOLD", "sound:beep")
    native.farm.phone("agent1").voice = voices.tone(HERTZ["agent"])
    async with (
        node(config_for(native)) as running,
        softphones(kind, native, {CUSTOMER: voices.tone(HERTZ["customer"])}) as phones,
    ):
        customer = phones[CUSTOMER]
        await customer.call(f"{FEATURES}201")  # kept in the core: a tap outside it deafens the farm's Asterisk
        agent = await native.farm.phone("agent1").answered()
        parties = Parties(native, voices, running, await running.tapped_call(), {"agent": agent})
        await parties.join("whisper")
        await customer.do("hold")
        await running.until(lambda: changes(running) == [("whisper", True, "hold")])
        with pytest.raises(SupervisionError, match="hold"):
            await running.app.supervision.prompt(parties.call.id, "sound:beep")
        apart = await parties.listen_for()
        await asyncio.sleep(PAD_S)
        await customer.do("resume")
        await running.until(lambda: changes(running)[1:] == [("whisper", False, "together")])
        together = await parties.listen_for()
        heard = await customer.listen()
        await customer.do("hang_up")
        await running.until(lambda: not running.app.calls)
        assert [await parties.heard(name, apart) for name in ("agent", "supervisor")] == [set(), set()]
        assert await parties.heard("agent", together) == {"customer", "supervisor"}
        assert await parties.heard("supervisor", together) == {"customer", "agent"}
        if kind != "baresip":  # 1.0 decodes nothing more after a hold of its own, tapped or not
            assert heard == {"agent"}


@pytest.mark.skipif("pjsua" not in KINDS, reason="PJSIP's wheels end at Python 3.12")
async def test_a_hold_by_inactive_is_a_hold(native: Lab, voices: Voices) -> None:
    """The clients above hold by `sendonly`."""
    async with (
        node(config_for(native)) as running,
        softphones("pjsua", native, {CUSTOMER: voices.tone(HERTZ["customer"])}) as phones,
    ):
        customer = phones[CUSTOMER]
        await customer.call(f"{FEATURES}201")
        agent = await native.farm.phone("agent1").answered()
        parties = Parties(native, voices, running, await running.tapped_call(), {"agent": agent})
        await parties.join("listen")
        await console(native, "pjsip set logger on")
        await customer.do("mute")
        await running.until(lambda: changes(running) == [("listen", True, "hold")])
        await customer.do("resume")
        await running.until(lambda: changes(running)[1:] == [("listen", False, "together")])
        await console(native, "pjsip set logger off")
        await customer.do("hang_up")
        await running.until(lambda: not running.app.calls)
        assert "a=inactive" in native.pbx.log.read_text("utf-8", "replace")


@kinds
async def test_the_agents_client_holds_keys_for_help_and_hands_over(native: Lab, voices: Voices, kind: str) -> None:
    native.farm.phone("agent2").voice = voices.tone(HERTZ["colleague"])
    async with (
        node(config_for(native)) as running,
        softphones(kind, native, {AGENT: voices.tone(HERTZ["agent"])}) as phones,
    ):
        agent = phones[AGENT]
        voice = voices.tone(HERTZ["customer"])
        customer = await native.farm.phone("customer1").call(f"{FEATURES}{NUMBERS[AGENT]}", voice)
        parties = Parties(native, voices, running, await running.tapped_call(), {"customer": customer})
        await parties.join("whisper")
        assert await agent.listen() == {"customer", "supervisor"}
        await agent.do("keys", "*55")
        await running.event(AssistRequested)
        await agent.do("hold")
        assert (await running.event(CallUpdated)).held_by == ["agent"]
        assert await agent.listen() == set(), "a phone that holds plays nothing"
        await agent.do("resume")
        await running.event(CallUpdated, 2)
        assert changes(running) == []
        await agent.do("transfer", "202")
        await parties.answered()
        await running.until(lambda: changes(running)[-1:] == [("whisper", False, "transfer")])
        together = await parties.listen_for()
        await parties.hang_up()
        assert await parties.heard("colleague", together) == {"customer", "supervisor"}
        assert await parties.heard("supervisor", together) == {"customer", "colleague"}
        assert await parties.heard("customer", together) == {"colleague"}


async def says_what_it_hears(phone: Softphone, other: str) -> None:
    """A user who keys 1 as long as they hear the other."""
    await phone.up.wait()
    while not phone.ended.is_set():
        if other in await phone.listen(0.5):
            await phone.do("keys", "1")


@kinds
async def test_the_doctor_hears_from_two_phones_whether_a_tap_deafens_them(
    native: Lab, voices: Voices, kind: str
) -> None:
    tones = {AGENT: voices.tone(HERTZ["agent"]), CUSTOMER: voices.tone(HERTZ["customer"])}
    async with softphones(kind, native, tones) as phones:
        users = [
            asyncio.create_task(says_what_it_hears(phones[name], other))
            for name, other in ((AGENT, "customer"), (CUSTOMER, "agent"))
        ]
        found = await try_phones(config_for(native), [f"PJSIP/{name}" for name in phones])
        for user in users:
            user.cancel()
    assert [finding.level for finding in found] == ["ok", "ok", "ok"], found
    assert "native_rtp_confirmed" in found[-1].advice


async def test_a_phone_that_sends_back_what_it_plays_needs_no_user(native: Lab) -> None:
    async with softphones("baresip", native, {AGENT: None}):
        found = await try_phones(config_for(native), [f"PJSIP/{AGENT}"])
    assert [finding.level for finding in found] == ["ok", "ok"], found
