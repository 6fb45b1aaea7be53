"""Supervisors on a real Asterisk: who hears whom, proved by tones in what each phone recorded."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from callguard.asterisk.discovery.calls import Call
from callguard.asterisk.supervision.session import RingRequest, SupervisionError
from callguard.contracts.events import (
    CallEnded,
    CallUpdated,
    PromptPlayed,
    SupervisionEnded,
    SupervisionFailed,
    SupervisionModeChanged,
    SupervisionRinging,
    SupervisionStarted,
)
from callguard.contracts.vocabulary import SupervisionMode
from callguard.testbed.lab.lab import Lab
from callguard.testbed.lab.pbx import QUEUE
from callguard.testbed.lab.phone import PhoneCall
from callguard.testbed.lab.tones import read_wav, tone_dbfs, write_wav
from tests.asterisk.harness.node import Node, config_for, node, supervisor
from tests.asterisk.harness.talk import console
from tests.integration.harness.leftovers import leftovers
from tests.integration.harness.parties import WHO_HEARS_WHOM
from tests.integration.harness.tones import Voices
from tests.support.grants import COMMAND

CUSTOMER_HZ, AGENT_HZ, SUPERVISOR_HZ = 440, 1000, 1700
HEARD_DBFS, SILENT_DBFS = -30.0, -50.0
"""Voices are at -15 dBFS; gaps that a busy machine leaves in one tone spread to others below -50 dBFS."""
LATENCY_S = 0.1
"""From a mode's end to the last frame that it let through in a phone's recording: network, mixer, our clock."""


class Scene:
    """A call with a customer and an agent, and one supervisor joined to it."""

    def __init__(self, running: Node, call: Call, customer: PhoneCall, agent: PhoneCall) -> None:
        self.running = running
        self.call = call
        self.phones = {"customer": customer, "agent": agent}
        self.joined_at = 0.0
        """Seconds in the customer's recording at which a supervisor was rung."""

    @classmethod
    async def open(cls, lab: Lab, voices: Voices, running: Node, extension: str = "201") -> "Scene":
        lab.farm.phone("agent1").voice = voices.tone(AGENT_HZ)
        customer = await lab.farm.phone("customer1").call(extension, voices.tone(CUSTOMER_HZ))
        agent = await lab.farm.phone("agent1").answered()
        return cls(running, await running.tapped_call(), customer, agent)

    async def join(self, lab: Lab, voices: Voices, mode: SupervisionMode, n: int = 1) -> PhoneCall:
        phone = lab.farm.phone(f"supervisor{n}")
        phone.voice = voices.tone(SUPERVISOR_HZ)
        self.joined_at = self.phones["customer"].elapsed
        await self.running.app.supervision.ring(RingRequest(call=self.call.id, supervisors=(supervisor(n),), mode=mode))
        self.phones["supervisor"] = await phone.answered()
        return self.phones["supervisor"]

    def now(self) -> dict[str, float]:
        return {name: phone.elapsed for name, phone in self.phones.items()}

    async def listen_for(self, seconds: float) -> dict[str, tuple[float, float]]:
        """Let everybody speak; return the stretch of each recording, without its first 0.3 s of settling."""
        await asyncio.sleep(0.3)
        begin = self.now()
        await asyncio.sleep(seconds)
        return {name: (begin[name], elapsed) for name, elapsed in self.now().items()}


async def audible(phone: PhoneCall, stretch: tuple[float, float]) -> set[str]:
    recording = await phone.heard()
    levels = {
        name: tone_dbfs(recording, hertz, *stretch)
        for name, hertz in (("customer", CUSTOMER_HZ), ("agent", AGENT_HZ), ("supervisor", SUPERVISOR_HZ))
    }
    assert all(level > HEARD_DBFS or level < SILENT_DBFS for level in levels.values()), levels
    return {name for name, level in levels.items() if level > HEARD_DBFS}


def loud_frames(recording: Path, since: float) -> list[float]:
    """Seconds at which frames of 20 ms are louder than -60 dBFS (RMS)."""
    samples = read_wav(recording).astype(float)
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    rms = np.sqrt(np.mean(frames**2, axis=1)) / 32768
    return [at for n in np.flatnonzero(rms > 0.001) if (at := n * 0.02) > since]


async def hang_up(scene: Scene, who: str = "customer") -> None:
    await scene.phones[who].hangup()
    await asyncio.gather(*(phone.heard() for phone in scene.phones.values()))


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
@pytest.mark.parametrize("extension", ["201", QUEUE])
async def test_each_mode_is_heard_by_exactly_the_right_phones(
    lab: Lab, voices: Voices, mode: SupervisionMode, extension: str
) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running, extension)
        await scene.join(lab, voices, mode)
        stretches = await scene.listen_for(0.8)
        await hang_up(scene)
        for name, phone in scene.phones.items():
            assert await audible(phone, stretches[name]) == WHO_HEARS_WHOM[mode][name], name
        ended = await running.event(SupervisionEnded)
        assert ended.reason == "customer_left"
        assert len(running.of(SupervisionRinging)) == len(running.of(SupervisionStarted)) == 1


async def test_a_takeover_leaves_customer_and_supervisor_talking(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running, QUEUE)
        await scene.join(lab, voices, "whisper")
        await running.app.supervision.set_mode(scene.call.id, "boss1", "takeover", COMMAND)
        await scene.phones["agent"].heard()
        stretches = await scene.listen_for(0.8)
        updated = await running.event(CallUpdated)
        assert updated.change == "handoff"
        assert updated.agent == "boss1"
        await hang_up(scene)
        assert await audible(scene.phones["customer"], stretches["customer"]) == {"supervisor"}
        assert await audible(scene.phones["supervisor"], stretches["supervisor"]) == {"customer"}
        ended = await running.event(SupervisionEnded)
        assert (ended.reason, ended.mode) == ("customer_left", "takeover")
        await running.event(CallEnded)


async def test_after_a_takeover_the_supervisors_hangup_ends_the_call(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await scene.join(lab, voices, "takeover")
        await scene.phones["agent"].heard()
        await running.until(lambda: running.of(CallUpdated))
        await hang_up(scene, "supervisor")
        assert (await running.event(SupervisionEnded)).reason == "supervisor_left"
        await running.event(CallEnded)


@pytest.mark.parametrize("how", ["command", "service"])
async def test_who_took_over_stays_with_the_customer_whatever_stops(lab: Lab, voices: Voices, how: str) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running, QUEUE)
        await scene.join(lab, voices, "takeover")
        await scene.phones["agent"].heard()
        await running.until(lambda: running.of(CallUpdated))
        if how == "command":
            await running.app.supervision.stop(scene.call.id)
    assert (await running.event(SupervisionEnded)).reason == "stopped"
    stretches = await scene.listen_for(0.8)
    await hang_up(scene)
    assert await audible(scene.phones["customer"], stretches["customer"]) == {"supervisor"}
    assert await audible(scene.phones["supervisor"], stretches["supervisor"]) == {"customer"}


async def test_modes_switch_in_place_by_command_and_by_key(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        phone = await scene.join(lab, voices, "listen")
        stretches = {"listen": await scene.listen_for(0.5)}
        await phone.dtmf("5")
        await running.event(SupervisionModeChanged)
        stretches["whisper"] = await scene.listen_for(0.5)
        await running.app.supervision.set_mode(scene.call.id, None, "barge", COMMAND)
        stretches["barge"] = await scene.listen_for(0.5)
        await phone.dtmf("4")
        await running.event(SupervisionModeChanged, 3)
        stretches["listen again"] = await scene.listen_for(0.5)
        await hang_up(scene)
        for mode, stretch in stretches.items():
            for name, call in scene.phones.items():
                assert await audible(call, stretch[name]) == WHO_HEARS_WHOM[mode.split()[0]][name], (mode, name)  # type: ignore[index]
        changes = running.of(SupervisionModeChanged)
        assert [(c.previous, c.mode, c.by) for c in changes] == [
            ("listen", "whisper", "key"),
            ("whisper", "barge", "command"),
            ("barge", "listen", "key"),
        ]


async def test_the_customer_never_hears_a_whisper_not_for_one_frame(lab: Lab, voices: Voices, tmp_path: Path) -> None:
    """The agent is silent, so that any sound in the customer's recording is the supervisor's."""
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await scene.phones["agent"].hush()
        await scene.join(lab, voices, "whisper")
        allowed = []
        for narrow in ("whisper", "listen", "whisper"):
            await asyncio.sleep(0.4)
            begin = scene.phones["customer"].elapsed
            await running.app.supervision.set_mode(scene.call.id, None, "barge", COMMAND)
            await asyncio.sleep(0.4)
            await running.app.supervision.set_mode(scene.call.id, None, narrow, COMMAND)  # type: ignore[arg-type]
            allowed.append((begin, scene.phones["customer"].elapsed + LATENCY_S))
        await asyncio.sleep(0.4)
        await hang_up(scene)
        loud = loud_frames(await scene.phones["customer"].heard(), scene.joined_at)
        assert all(any(begin <= at <= end for begin, end in allowed) for at in loud), (loud, allowed)
        assert all(sum(begin <= at <= end for at in loud) > 10 for begin, end in allowed), "barge was not heard"


async def test_all_phones_ring_and_the_first_to_answer_wins(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        for n, delay in ((1, 2.0), (2, 0.2), (3, None)):
            lab.farm.phone(f"supervisor{n}").answer_after_s = delay
        session = await running.app.supervision.ring(
            RingRequest(
                call=scene.call.id, supervisors=tuple(supervisor(n) for n in (1, 2, 3)), mode="whisper", alert="a1"
            )
        )
        assert session.supervisor == "boss2"
        await running.event(SupervisionFailed, 2)
        assert {(e.supervisor, e.reason) for e in running.of(SupervisionFailed)} == {
            ("boss1", "answered_elsewhere"),
            ("boss3", "answered_elsewhere"),
        }
        assert [s.supervisor for s in running.app.supervision.sessions] == ["boss2"]
        await running.app.supervision.stop(scene.call.id, "boss2")
        assert (await running.event(SupervisionEnded)).reason == "stopped"
        assert running.app.calls, "the call goes on"


async def test_nobody_answers_busy_and_unknown_phones_are_told_apart(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        lab.farm.phone("supervisor1").busy = True
        lab.farm.phone("supervisor2").answer_after_s = None
        for who, reason in (
            (supervisor(1), "busy"),
            (supervisor(2), "no_answer"),
            (supervisor(1).model_copy(update={"endpoint": "PJSIP/nobody"}), "unreachable"),
        ):
            with pytest.raises(SupervisionError) as error:
                await running.app.supervision.ring(
                    RingRequest(call=scene.call.id, supervisors=(who,), mode="listen", timeout_s=1)
                )
            assert error.value.reason == reason
        assert [event.reason for event in running.of(SupervisionFailed)] == ["busy", "no_answer", "unreachable"]
        with pytest.raises(SupervisionError, match="no_call"):
            await running.app.supervision.ring(
                RingRequest(call="no such call", supervisors=(supervisor(1),), mode="listen")
            )
        await hang_up(scene)


@pytest.mark.parametrize(
    ("who", "reason"), [("agent", "agent_left"), ("customer", "customer_left"), ("supervisor", "supervisor_left")]
)
@pytest.mark.parametrize("mode", ["whisper", "barge"])
async def test_whoever_hangs_up_nobody_is_left_in_a_room(
    lab: Lab, voices: Voices, who: str, reason: str, mode: SupervisionMode
) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await scene.join(lab, voices, mode)
        await scene.phones[who].hangup()
        assert (await running.event(SupervisionEnded)).reason == reason
        await asyncio.wait_for(scene.phones["supervisor"].ended.wait(), 5)
        if who == "supervisor":
            assert running.app.calls, "the call goes on"
            await scene.phones["customer"].hangup()
        await running.until(lambda: not running.receiver.open_legs())
        for _ in range(40):
            if not (left := await leftovers(lab.pbx)):
                break
            await asyncio.sleep(0.05)
        assert not left


async def test_supervision_goes_on_through_hold(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await scene.join(lab, voices, "whisper")
        await scene.phones["agent"].hold()
        held = await running.event(CallUpdated)
        assert (held.change, held.on_hold) == ("hold", True)
        await scene.phones["agent"].unhold()
        assert (await running.event(CallUpdated, 2)).change == "unhold"
        stretches = await scene.listen_for(0.5)
        await hang_up(scene)
        for name, phone in scene.phones.items():
            assert await audible(phone, stretches[name]) == WHO_HEARS_WHOM["whisper"][name], name


async def test_a_second_supervisor_may_join_and_one_phone_serves_one_call(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await scene.join(lab, voices, "listen", 1)
        with pytest.raises(SupervisionError, match="busy"):
            await running.app.supervision.ring(
                RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="whisper")
            )
        await running.app.supervision.ring(RingRequest(call=scene.call.id, supervisors=(supervisor(2),), mode="listen"))
        assert len(running.app.supervision.sessions) == 2
        with pytest.raises(SupervisionError, match="refused"):
            await running.app.supervision.set_mode(scene.call.id, None, "barge", COMMAND)
        await running.app.supervision.stop(scene.call.id)
        assert not running.app.supervision.sessions


async def test_keys_judge_the_alert_and_leave(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        phone = await scene.join(lab, voices, "listen")
        await phone.dtmf("98*")
        assert (await running.event(SupervisionEnded)).reason == "supervisor_left"
        assert [verdict for _, verdict in running.verdicts] == ["useful", "false"]
        assert running.app.calls, "the call goes on"


async def test_a_briefing_is_heard_by_the_supervisor_alone_and_any_key_skips_it(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        phone = lab.farm.phone("supervisor1")
        phone.voice = voices.tone(SUPERVISOR_HZ)
        briefing = [f"sound:{voices.tone(2300, seconds=8).with_suffix('')}", "sound:beep"]
        ringing = asyncio.create_task(
            running.app.supervision.ring(
                RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="barge", briefing=briefing)
            )
        )
        scene.phones["supervisor"] = await phone.answered()
        await asyncio.sleep(0.3)
        begin = scene.now()
        await asyncio.sleep(0.6)
        end = scene.now()
        assert not running.of(SupervisionStarted)
        await scene.phones["supervisor"].dtmf("1")
        await asyncio.wait_for(ringing, 10)
        await hang_up(scene)
        heard = {name: await phone.heard() for name, phone in scene.phones.items()}
        level = {name: tone_dbfs(heard[name], 2300, begin[name], end[name]) for name in heard}
        assert level["supervisor"] > HEARD_DBFS
        assert max(level["customer"], level["agent"]) < SILENT_DBFS
        assert tone_dbfs(heard["customer"], SUPERVISOR_HZ, begin["customer"], end["customer"]) < SILENT_DBFS


async def test_a_prompt_is_heard_by_the_agent_alone(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        begin = scene.now()
        prompt = f"sound:{voices.tone(2300, seconds=0.8).with_suffix('')}"
        assert await running.app.supervision.prompt(scene.call.id, prompt, "c1")
        end = scene.now()
        with pytest.raises(SupervisionError, match="refused"):
            await running.app.supervision.prompt(scene.call.id, prompt)
        await hang_up(scene)
        levels = {n: tone_dbfs(await phone.heard(), 2300, begin[n], end[n]) for n, phone in scene.phones.items()}
        assert levels["agent"] > HEARD_DBFS
        assert levels["customer"] < SILENT_DBFS
        assert running.of(PromptPlayed) == [PromptPlayed(call=scene.call.id, prompt=prompt, command="c1")]


async def test_the_supervisors_keys_are_heard_by_nobody(lab: Lab, voices: Voices) -> None:
    """All phones are silent, so that any sound would be a key's tone."""
    async with node(config_for(lab)) as running:
        customer = await lab.farm.phone("customer1").call("201")
        agent = await lab.farm.phone("agent1").answered()
        call = await running.tapped_call()
        await running.app.supervision.ring(RingRequest(call=call.id, supervisors=(supervisor(1),), mode="barge"))
        boss = await lab.farm.phone("supervisor1").answered()
        begin = {"customer": customer.elapsed, "agent": agent.elapsed}
        await boss.dtmf("9")
        await running.until(lambda: running.verdicts)
        await asyncio.sleep(0.2)
        await customer.hangup()
        assert not loud_frames(await customer.heard(), begin["customer"])
        assert not loud_frames(await agent.heard(), begin["agent"])


async def test_the_end_of_a_whisper_never_comes_out_of_a_barge(lab: Lab, voices: Voices, tmp_path: Path) -> None:
    """The supervisor speaks a rising tone, so that a frame's pitch tells when it was spoken."""
    time = np.arange(8 * 8000) / 8000
    sweep = write_wav(tmp_path / "sweep.wav", (8000 * np.sin(2 * np.pi * (300 + 200 * time) * time)).astype(np.int16))
    async with node(config_for(lab)) as running:
        customer = await lab.farm.phone("customer1").call("201")
        agent = await lab.farm.phone("agent1").answered()
        call = await running.tapped_call()
        phone = lab.farm.phone("supervisor1")
        phone.voice = sweep
        await running.app.supervision.ring(RingRequest(call=call.id, supervisors=(supervisor(1),), mode="whisper"))
        await phone.answered()
        await asyncio.sleep(0.6)
        switched = agent.elapsed
        await running.app.supervision.set_mode(call.id, None, "barge", COMMAND)
        await asyncio.sleep(0.6)
        await customer.hangup()
        heard = {"agent": pitches(await agent.heard()), "customer": pitches(await customer.heard())}
        assert len(heard["customer"]) > 10
        whispered = [hertz for at, hertz in heard["agent"] if at < switched - 0.05]
        assert min(hertz for _, hertz in heard["customer"]) > max(whispered)


def pitches(recording: Path) -> list[tuple[float, float]]:
    """Second and frequency of each loud frame of 40 ms: the strongest line, 25 Hz wide."""
    samples = read_wav(recording).astype(float)
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    spectra = np.abs(np.fft.rfft(frames * np.hanning(320), axis=1))
    loud = np.sqrt(np.mean(frames**2, axis=1)) > 1000
    return [(n * 0.04, float(spectra[n].argmax() * 25)) for n in np.flatnonzero(loud)]


async def test_a_takeover_pauses_the_agent_in_the_queue_and_leaving_unpauses(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab, supervision={"cooldown_s": 60})) as running:
        await running.until(lambda: running.app.ami.connected)
        scene = await Scene.open(lab, voices, running, QUEUE)
        await running.app.supervision.ring(
            RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="takeover")
        )
        await scene.phones["agent"].heard()
        for _ in range(40):
            if "CallGuard cool-down" in (shown := await console(lab, "queue show support")):
                break
            await asyncio.sleep(0.05)
        assert "agent1" in shown
        assert "paused:CallGuard cool-down" in shown
        await scene.phones["customer"].hangup()
    assert "paused" not in await console(lab, "queue show support"), "nobody would end the pause after us"


@pytest.mark.parametrize("who", ["customer", "agent"])
async def test_a_hangup_while_phones_ring_stops_the_ringing(lab: Lab, voices: Voices, who: str) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        lab.farm.phone("supervisor1").answer_after_s = None
        ringing = asyncio.create_task(
            running.app.supervision.ring(RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="whisper"))
        )
        boss = await lab.farm.phone("supervisor1").rung()
        await scene.phones[who].hangup()
        with pytest.raises(SupervisionError, match="no_call"):
            await asyncio.wait_for(ringing, 10)
        await asyncio.wait_for(boss.ended.wait(), 5)
        assert [event.reason for event in running.of(SupervisionFailed)] == ["no_call"]


async def test_ringing_for_an_alert_stops_on_demand_and_who_joined_stays(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        await running.app.supervision.ring(
            RingRequest(call=scene.call.id, supervisors=(supervisor(2),), mode="listen", alert="a1")
        )
        lab.farm.phone("supervisor1").answer_after_s = None
        ringing = asyncio.create_task(
            running.app.supervision.ring(
                RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="whisper", alert="a1")
            )
        )
        boss = await lab.farm.phone("supervisor1").rung()
        await running.app.supervision.stop_ringing("a1")
        with pytest.raises(SupervisionError, match="stopped"):
            await asyncio.wait_for(ringing, 10)
        await asyncio.wait_for(boss.ended.wait(), 5)
        assert [session.supervisor for session in running.app.supervision.sessions] == ["boss2"]


async def test_a_supervisor_who_hangs_up_in_the_briefing_never_joined(lab: Lab, voices: Voices) -> None:
    async with node(config_for(lab)) as running:
        scene = await Scene.open(lab, voices, running)
        briefing = [f"sound:{voices.tone(2300, seconds=8).with_suffix('')}"]
        ringing = asyncio.create_task(
            running.app.supervision.ring(
                RingRequest(call=scene.call.id, supervisors=(supervisor(1),), mode="barge", briefing=briefing)
            )
        )
        boss = await lab.farm.phone("supervisor1").answered()
        await asyncio.sleep(0.3)
        await boss.hangup()
        with pytest.raises(SupervisionError, match="refused"):
            await asyncio.wait_for(ringing, 10)
        assert not running.of(SupervisionStarted)
