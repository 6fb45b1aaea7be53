"""Synthetic voices: the real detector takes a calm one for calm and a raised one for raised."""

import shutil
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from callguard.analysis.replay import Replay, load_models, replay
from callguard.audio.frames import Pcm
from callguard.rules import load_rules
from callguard.testbed.simulator import voice
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.scenario import find, load, shipped
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.sound import music, silence
from callguard.testbed.simulator.voice import Effort, speak, syllables
from callguard.worker.pipeline import Models

RULE = """
groups:
  - name: test
    rules:
      - {alert: Raised, expr: customer.raised_voice > 0.6, for: 1s}
"""
SPEAKERS = range(5)
WORDS: dict[Effort, str] = {
    "calm": "Good morning, I am calling about my order from last week. I would like to know when it will arrive.",
    "raised": "This is the third time that I call! Nobody helps me! I want my money back, and I want it now!",
}


@cache
def models() -> Models:
    return load_models()


def judge(*legs: Pcm) -> Replay:
    length = max(leg.size for leg in legs)
    padded = np.stack([np.pad(leg, (0, length - leg.size)) for leg in legs])
    return replay(padded, models(), load_rules([("test.yaml", RULE)]))


def turning(make: Callable[[Effort], Pcm]) -> Pcm:
    """Twelve calm seconds, twelve raised ones, twelve calm ones."""
    return np.concatenate([make("calm"), make("raised"), make("calm")])


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_the_detector_hears_the_raised_part_and_nothing_else(speaker: int) -> None:
    found = judge(turning(lambda effort: syllables(12.0, effort, seed=speaker)))
    assert found.alerts
    assert all(12.0 <= alert.fired_at_s <= 27.0 for alert in found.alerts)
    assert found.alerts[0].fired_at_s <= 17.0


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
@pytest.mark.parametrize("speaker", range(len(voice.ESPEAK_VOICES)))
def test_spoken_words_are_judged_alike(speaker: int) -> None:
    found = judge(turning(lambda effort: speak(12.0, effort, seed=speaker, text=WORDS[effort])))
    assert len(found.alerts) == 1
    assert 12.0 <= found.alerts[0].fired_at_s <= 17.0


@pytest.mark.parametrize("name", shipped())
def test_the_detector_agrees_with_what_each_shipped_scenario_promises(name: str) -> None:
    """What the legs say, joined for their whole length: fired in `angry` and `transfer`, silent in the others."""
    simulator = Simulator(speed=None)
    Director(simulator, load(find(name)), find(name).parent)
    customer = simulator.phones["PJSIP/customer1"].audio
    agent = simulator.phones["PJSIP/agent1"].audio
    assert bool(judge(customer, agent).alerts) == (name in ("angry", "transfer"))


def test_music_and_silence_are_no_raised_voice() -> None:
    assert not judge(np.concatenate([silence(2.0), music(20.0, -10.0)])).alerts


@pytest.mark.parametrize("effort", ["calm", "raised"])
def test_the_same_arguments_give_the_same_samples_of_the_length_asked_for(effort: Effort) -> None:
    assert np.array_equal(syllables(1.5, effort, seed=4), syllables(1.5, effort, seed=4))
    assert syllables(1.5, effort, seed=4).shape == (12000,)
    assert not np.array_equal(syllables(1.5, effort, seed=4), syllables(1.5, effort, seed=5))


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_raised_voice_is_louder_and_brighter(speaker: int) -> None:
    calm, raised = (syllables(8.0, effort, seed=speaker).astype(float) for effort in ("calm", "raised"))
    assert 20 * np.log10(raised.std() / calm.std()) > 10
    assert _centroid_hz(raised) > 1.3 * _centroid_hz(calm)


def test_words_without_espeak_are_syllables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert np.array_equal(speak(1.0, "calm", seed=2, text="hello"), syllables(1.0, "calm", seed=2))


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02])
def test_the_shortest_pieces_are_no_error(seconds: float) -> None:
    assert syllables(seconds).size == round(seconds * 8000)


def _centroid_hz(wave: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(wave)) ** 2
    return float((np.fft.rfftfreq(wave.size, 1 / 8000) * power).sum() / power.sum())
