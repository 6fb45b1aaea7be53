"""A scenario's people speak what is written, and calls and weather come at their time."""

from pathlib import Path

import numpy as np
import pytest

from callguard.config import ConfigError
from callguard.testbed.simulator.director import Director
from callguard.testbed.simulator.scenario import Scenario
from callguard.testbed.simulator.server import Simulator
from callguard.testbed.simulator.sound import music, save, silence, tone

PHONES = {
    "PJSIP/customer1": {"says": [{"tone": 1300, "for": 1}], "repeat": True},
    "PJSIP/agent1": {"answers_after": 0.1},
    "PJSIP/agent2": {"answers_after": 0.1},
}


def direct(simulator: Simulator, folder: Path, **scenario: object) -> Director:
    return Director(simulator, Scenario.model_validate({"title": "t", "phones": PHONES} | scenario), folder)


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(speed=None)


def step(simulator: Simulator, seconds: float) -> None:
    for _ in range(round(seconds * 50)):
        simulator.step()


def says(simulator: Simulator, folder: Path, *pieces: dict[str, object]) -> np.ndarray:
    direct(simulator, folder, phones={"PJSIP/x": {"says": list(pieces)}})
    return simulator.phones["PJSIP/x"].audio


def test_pieces_are_said_one_after_another(simulator: Simulator, tmp_path: Path) -> None:
    save(tmp_path / "a.wav", tone(700, 0.5))
    pieces = ({"tone": 1000, "for": 1}, {"silence": True, "for": 0.5}, {"music": True, "for": 1}, {"file": "a.wav"})
    said = says(simulator, tmp_path, *pieces)
    whole = np.concatenate([tone(1000, 1.0), silence(0.5), music(1.0), tone(700, 0.5)])
    assert said.size == whole.size
    assert np.abs(said.astype(int) - whole).max() <= 1


def test_a_piece_may_be_louder(simulator: Simulator, tmp_path: Path) -> None:
    said = says(simulator, tmp_path, {"tone": 1000, "for": 1, "gain_db": 6})
    assert np.abs(said).max() / np.abs(tone(1000, 1.0)).max() == pytest.approx(10 ** (6 / 20), rel=0.01)


def test_a_file_that_is_not_there_is_a_config_error(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.wav"):
        says(simulator, tmp_path, {"file": "none.wav"})


def test_a_call_begins_at_its_time_and_what_is_done_counts_from_the_joining(
    simulator: Simulator, tmp_path: Path
) -> None:
    call = {
        "at": 1, "customer": "PJSIP/customer1", "agents": ["PJSIP/agent1"],
        "actions": [{"at": 1, "do": "hold", "who": "agent"}, {"at": 2, "do": "hangup", "who": "customer"}],
    }  # fmt: skip
    director = direct(simulator, tmp_path, calls=[call])
    step(simulator, 0.9)
    assert (director.calls, director.over) == ([], False)
    step(simulator, 0.6)
    (placed,) = director.calls
    assert placed.agent is not None
    assert not placed.agent.held
    step(simulator, 1.0)
    assert placed.agent.held
    step(simulator, 1.5)
    assert director.over
    assert not placed.alive


def test_an_action_after_the_end_of_the_call_does_nothing(simulator: Simulator, tmp_path: Path) -> None:
    call = {
        "at": 0.02, "customer": "PJSIP/customer1", "agents": ["PJSIP/agent1"],
        "actions": [{"at": 1, "do": "hangup", "who": "agent"}, {"at": 2, "do": "hold", "who": "customer"}],
    }  # fmt: skip
    director = direct(simulator, tmp_path, calls=[call])
    step(simulator, 4.0)
    assert director.over


def test_weather_comes_and_passes(simulator: Simulator, tmp_path: Path) -> None:
    weather = {"at": 1, "do": "fail_rest", "path": "GET /ari/channels", "status": 503, "for": 2}
    direct(simulator, tmp_path, weather=[weather])
    step(simulator, 1.1)
    (fault,) = simulator.weather.faults
    assert fault.status == 503
    step(simulator, 2.1)
    assert simulator.weather.faults == []
