"""A picture of a call shows both parties, thresholds, alerts, the truth, and what was not judged."""

from pathlib import Path

import numpy as np
import pytest

from callguard.analysis.episodes import Episode
from callguard.analysis.plot import COLOURS, draw_call, save_plot
from callguard.analysis.replay import Replay
from callguard.audio.gates import Reason
from callguard.signals.table import LEG_INDEX
from tests.analysis.replays import replayed

pytest.importorskip("matplotlib")


@pytest.fixture
def result() -> Replay:
    made = replayed(hops=100)
    made.signals[:, 0, LEG_INDEX["raised_voice"]] = 0.5
    made.signals[10:20, 0, LEG_INDEX["level_dbfs"]] = -20
    made.signals[10:20, 0, LEG_INDEX["level_rise_db"]] = 8
    return made


def test_the_calm_level_is_shown_also_while_nobody_speaks(result: Replay) -> None:
    lines = {line.get_label(): line for line in draw_call(result, "t", {}).axes[0].lines}
    calm = np.asarray(lines["customer, own calm level"].get_ydata())
    assert np.isnan(calm[:10]).all()
    assert (calm[10:] == -28).all()
    assert np.isnan(np.asarray(lines["customer, level"].get_ydata())[20:]).all()
    assert {"agent, level", "agent, own calm level"} <= lines.keys()


def test_thresholds_and_alerts_are_drawn_over_the_score(result: Replay) -> None:
    scores = draw_call(result, "t", {"raised": 0.6}).axes[1]
    assert {text.get_text().strip() for text in scores.texts} == {"raised 0.6", "Loud"}
    ends = [tuple(line.get_xdata()) for line in scores.lines if line.get_color() == "black"]
    assert ends == [(0.1, 10.0)]


def test_anger_is_drawn_only_where_it_was_judged(result: Replay) -> None:
    def labels() -> set[str]:
        return {line.get_label() for line in draw_call(result, "t", {}).axes[1].lines}

    assert "anger" not in labels()
    result.signals[50, 0, LEG_INDEX["anger"]] = 0.1
    assert {"anger", "raised voice"} <= labels()


def test_the_truth_is_shaded_over_level_and_score(result: Replay) -> None:
    plain, told = (draw_call(result, "t", {}, truth) for truth in ([], [Episode(2.0, 5.0)]))
    assert [len(b.patches) - len(a.patches) for a, b in zip(plain.axes, told.axes, strict=True)] == [1, 1, 0]


def test_silence_is_no_hole_in_the_judging_and_music_is(result: Replay) -> None:
    def grey() -> int:
        areas = draw_call(result, "t", {}).axes[2].collections
        return sum(len(area.get_paths()) for area in areas if area.get_alpha() == 0.4)

    result.reasons[:50, 0] = Reason.SILENCE
    assert grey() == 0
    result.reasons[50:, 0] = Reason.MUSIC
    assert grey() == 1


def test_each_party_keeps_its_colour(result: Replay) -> None:
    colours = [line.get_color() for line in draw_call(result, "t", {}).axes[0].lines]
    assert colours == [COLOURS["customer"]] * 2 + [COLOURS["agent"]] * 2


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_suffix_says_how_it_is_written(result: Replay, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    save_plot(path, "a call", result, {})
    assert path.read_bytes()[:4] in {b"\x89PNG", b"<?xm", b"%PDF"}


def test_an_unknown_suffix_is_refused(result: Replay, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not supported"):
        save_plot(tmp_path / "a.doc", "a call", result, {})
