"""Everybody says their own sound, hears what they are given, and the same script gives the same sound."""

import numpy as np

from callguard.audio.frames import FRAME_SAMPLES
from callguard.testbed.simulator.objects import Playback, Snoop
from callguard.testbed.simulator.sound import tone
from tests.testbed.simulator.harness import AGENT_HZ, CUSTOMER_HZ, OTHER_HZ, Bench, hears
from tests.testbed.simulator.test_exchange import Ends


def test_a_prompt_played_into_a_whispering_snoop_is_heard_by_the_agent_only() -> None:
    bench = Bench()
    call = bench.call()
    assert call.agent is not None
    ear = bench.exchange.snoop(call.agent, Snoop(call.agent.id, "none", "out"), None)
    bench.exchange.play(Playback("p", "sound:x", ear.id, to_bridge=False, audio=tone(OTHER_HZ, 1.0)))
    bench.run(0.8)
    assert hears(bench.people["agent"]) == {CUSTOMER_HZ, OTHER_HZ}
    assert hears(bench.people["customer"]) == {AGENT_HZ}


def test_a_phone_that_is_not_recorded_keeps_nothing_of_what_it_hears() -> None:
    bench = Bench()
    bench.people["agent"].recorded = False
    bench.call(seconds=1.0)
    assert not bench.people["agent"].ears().size
    assert hears(bench.people["customer"]) == {AGENT_HZ}


def test_a_sound_played_into_a_bridge_is_heard_by_all_of_it_and_ends() -> None:
    bench = Bench()
    call = bench.call()
    bridge = call.customer.bridge or ""
    bench.exchange.play(Playback("p", "sound:x", bridge, to_bridge=True, audio=tone(OTHER_HZ, 1.0)))
    bench.run(0.8)
    assert hears(bench.people["customer"]) == {AGENT_HZ, OTHER_HZ}
    assert hears(bench.people["agent"]) == {CUSTOMER_HZ, OTHER_HZ}
    bench.run(0.8)
    assert hears(bench.people["customer"]) == {AGENT_HZ}
    assert [event["playback"]["state"] for event in bench.events if event["type"] == "PlaybackFinished"] == ["done"]


def test_an_unknown_sound_fails_and_one_whose_channel_is_gone_ends() -> None:
    bench = Bench()
    call = bench.call()
    bench.exchange.play(Playback("p", "sound:x", call.customer.id, to_bridge=False, audio=tone(OTHER_HZ, 0.0)))
    bench.exchange.play(Playback("q", "sound:x", "nobody", to_bridge=False, audio=tone(OTHER_HZ, 9.0)))
    bench.run(0.1)
    states = {e["playback"]["id"]: e["playback"]["state"] for e in bench.events if e["type"] == "PlaybackFinished"}
    assert states == {"p": "failed", "q": "done"}


def test_who_speaks_once_falls_silent_and_who_repeats_goes_on() -> None:
    bench = Bench()
    bench.people["customer"].loop = False
    bench.call(seconds=3.0)
    assert hears(bench.people["agent"]) == set()
    assert hears(bench.people["customer"]) == {AGENT_HZ}


def test_a_piece_that_is_no_whole_number_of_frames_repeats_without_a_gap() -> None:
    bench = Bench()
    agent = bench.people["agent"]
    agent.audio = np.arange(1, FRAME_SAMPLES + 40, dtype=np.int16)
    bench.call(seconds=2.0)
    heard = bench.people["customer"].ears()
    spoken = heard[np.flatnonzero(heard)[0] :]
    assert np.array_equal(spoken, np.resize(agent.audio, spoken.size))


def test_a_network_end_that_speaks_is_heard_in_its_bridge() -> None:
    class Speaks(Ends):
        def receive(self) -> np.ndarray:  # type: ignore[override]
            self.at = (getattr(self, "at", -FRAME_SAMPLES) + FRAME_SAMPLES) % 8000
            return tone(OTHER_HZ, 1.0)[self.at : self.at + FRAME_SAMPLES]

    bench = Bench()
    call = bench.call()
    channel = bench.exchange.create("UnicastRTP/x-", state="Up")
    channel.media, channel.sends_heard = Speaks(), True
    bench.exchange.enter(bench.exchange.bridges[call.customer.bridge or ""], channel)
    bench.run(1.0)
    assert hears(bench.people["customer"]) == {AGENT_HZ, OTHER_HZ}


def test_who_listens_while_others_come_and_go_misses_nothing() -> None:
    quiet, busy = Bench(), Bench()
    for bench in (quiet, busy):
        bench.call()
        for _ in range(50):
            if bench is busy:
                bench.exchange.hang_up(bench.exchange.create("PJSIP/x-"))
            bench.run(0.02)
    assert np.array_equal(quiet.people["customer"].ears(), busy.people["customer"].ears())
