"""Who hears what: the table of supervision, as measured at real phones, holds for the mixer frame by frame."""

import numpy as np
import pytest

from callguard.audio.frames import FRAME_SAMPLES
from callguard.testbed.simulator.exchange import Exchange
from callguard.testbed.simulator.mixer import Air, mix, silence, wire
from callguard.testbed.simulator.objects import Channel, Snoop
from tests.testbed.simulator.harness import AGENT_HZ, CUSTOMER_HZ, SUPERVISOR_HZ, Bench, hears

MODES = {
    "listen": (Snoop("", "both", "none"), {AGENT_HZ}, {CUSTOMER_HZ}, {AGENT_HZ, CUSTOMER_HZ}),
    "whisper": (Snoop("", "both", "out"), {AGENT_HZ}, {CUSTOMER_HZ, SUPERVISOR_HZ}, {AGENT_HZ, CUSTOMER_HZ}),
    "barge": (
        Snoop("", "both", "both"), {AGENT_HZ, SUPERVISOR_HZ}, {CUSTOMER_HZ, SUPERVISOR_HZ}, {AGENT_HZ, CUSTOMER_HZ}
    ),
}  # fmt: skip
"""Mode: snoop on the agent's channel; what customer, agent and supervisor hear."""


def join(bench: Bench, agent: Channel, snoop: Snoop) -> Channel:
    """A supervisor in a room of their own with a snoop on the agent's channel."""
    exchange: Exchange = bench.exchange
    supervisor = exchange.create("PJSIP/supervisor1-", phone=bench.people["supervisor"], state="Up")
    ear = exchange.snoop(agent, Snoop(agent.id, snoop.spy, snoop.whisper), None)
    room = exchange.create_bridge(kind="stasis")
    exchange.enter(room, supervisor)
    exchange.enter(room, ear)
    return ear


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_is_heard_by_exactly_those_it_is_meant_for(mode: str) -> None:
    snoop, customer, agent, supervisor = MODES[mode]
    bench = Bench()
    call = bench.call()
    assert call.agent is not None
    join(bench, call.agent, snoop)
    bench.run(1.0)
    assert hears(bench.people["customer"]) == customer
    assert hears(bench.people["agent"]) == agent
    assert hears(bench.people["supervisor"]) == supervisor


def test_not_one_sample_of_a_whole_whisper_reaches_the_customer() -> None:
    """The customer's ears with a whisper are those without one, sample by sample."""
    quiet, whispered = Bench(), Bench()
    for bench in (quiet, whispered):
        call = bench.call()
        if bench is whispered:
            assert call.agent is not None
            join(bench, call.agent, MODES["whisper"][0])
        bench.run(3.0)
    assert np.array_equal(quiet.people["customer"].ears(), whispered.people["customer"].ears())
    assert not np.array_equal(quiet.people["agent"].ears(), whispered.people["agent"].ears())


def test_taps_carry_each_partys_own_voice_only_even_during_barge_and_hold() -> None:
    bench = Bench()
    call = bench.call()
    assert call.agent is not None
    taken: dict[str, list[np.ndarray]] = {}
    for name, channel in (("customer", call.customer), ("agent", call.agent)):
        tap = bench.exchange.snoop(channel, Snoop(channel.id, "in", "none"), None)
        tap.media = _Recorder(taken.setdefault(name, []))
    join(bench, call.agent, MODES["barge"][0])
    bench.run(1.0)
    for name, hertz in (("customer", CUSTOMER_HZ), ("agent", AGENT_HZ)):
        ear = bench.people["other"]
        ear.heard = bytearray(np.concatenate(taken[name][-25:]).tobytes())
        assert hears(ear) == {hertz}
    bench.exchange.hold(call.agent)
    bench.run(0.2)
    assert not np.any(taken["agent"][-1])
    assert np.any(taken["customer"][-1])


def test_a_muted_member_hears_and_is_not_heard() -> None:
    bench = Bench()
    call = bench.call()
    bridge = bench.exchange.bridges[call.customer.bridge or ""]
    supervisor = bench.exchange.create("PJSIP/supervisor1-", phone=bench.people["supervisor"], state="Up")
    bench.exchange.enter(bridge, supervisor, muted=True)
    bench.run(1.0)
    assert hears(bench.people["supervisor"]) == {AGENT_HZ, CUSTOMER_HZ}
    assert hears(bench.people["customer"]) == {AGENT_HZ}


def test_mixing_nobody_gives_nothing() -> None:
    air = mix(wire([]), silence(0), silence(0), Air(silence(0), silence(0)))
    assert air.heard.shape == (0, FRAME_SAMPLES)


class _Recorder:
    """A network end that keeps what it is sent."""

    def __init__(self, frames: list[np.ndarray]) -> None:
        self._frames = frames

    def send(self, pcm: np.ndarray) -> None:
        self._frames.append(pcm)

    def receive(self) -> None:
        return None

    def close(self) -> None:
        pass
