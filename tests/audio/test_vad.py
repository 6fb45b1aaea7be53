import numpy as np
import pytest

from callguard.audio.frames import FRAME_LOST
from callguard.audio.vad import Vad, frame_levels
from tests.support.sound import buzz, hops, noise, speech_data


def share(sound, flags=0):
    vad = Vad(1)
    return float(np.mean([vad.step(hop).speech for hop in hops(sound, flags=flags)]))


def test_level_of_a_full_scale_square_is_zero_dbfs_and_of_silence_the_lowest():
    assert frame_levels(np.full((1, 160), -32768, np.int16))[0] == pytest.approx(0, abs=0.01)
    assert frame_levels(np.zeros((1, 160), np.int16))[0] == pytest.approx(-96, abs=0.1)


@pytest.mark.parametrize("decibels", [-34, -28, -20, -12, 0])
def test_the_same_voice_is_heard_at_every_level(decibels):
    """The line's gain must not decide what is speech: webrtcvad alone misses a quiet line."""
    assert 0.4 < share(buzz(4, level=0.5 * 10 ** (decibels / 20))) <= 1


@pytest.mark.parametrize("level", [0.003, 0.02, 0.1])
def test_steady_noise_is_no_speech_after_it_is_known(level):
    vad = Vad(1)
    heard = [vad.step(hop).speech.mean() for hop in hops(noise(20, level))]
    assert np.mean(heard[100:]) < 0.02


def test_silence_and_lost_frames_are_no_speech():
    assert share(np.zeros(16000, np.int16)) == 0
    assert share(buzz(2), flags=FRAME_LOST) == 0


def test_a_row_starts_afresh():
    used, fresh = Vad(1), Vad(1)
    for hop in hops(noise(5, 0.2)):
        used.step(hop)
    used.open(0)
    for hop in hops(buzz(2)):
        a, b = used.step(hop), fresh.step(hop)
        assert np.array_equal(a.speech, b.speech)
        assert np.array_equal(used.floor, fresh.floor)


def test_real_speech_with_noise_is_found_and_the_noise_between_is_not():
    """On the synthetic calls the VAD finds the voices and reports almost no talk-over where there is none."""
    import json

    from callguard.analysis.recordings import read_recording

    folder = speech_data() / "calls"
    found, invented = [], []
    for entry in json.loads((folder / "index.json").read_text())[:6]:
        truth = json.loads((folder / entry["file"]).with_suffix(".json").read_text())["customer"]["segments"]
        pcm = read_recording(folder / entry["file"])[0]
        vad = Vad(1)
        speech = np.concatenate([vad.step(hop).speech[0] for hop in hops(pcm)])
        real = np.zeros(len(speech), bool)
        for each in truth:
            real[int(each["start"] * 50) : int(each["end"] * 50) + 8] = True
        found.append(speech[real].mean())
        invented.append(speech[~real].mean())
    assert np.mean(found) > 0.5
    assert np.mean(invented) < 0.08
