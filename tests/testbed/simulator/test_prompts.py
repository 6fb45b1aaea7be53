"""What a program plays has a sound and a length, or fails as on a real PBX."""

import numpy as np
import pytest

from callguard.testbed.simulator.prompts import OWN, prompt
from callguard.testbed.simulator.sound import load, samples


@pytest.mark.parametrize("media", ["", "sound:", "sound:/no/such/file", "music:x", "sound:beep,sound:/no/such/file"])
def test_unknown_media_has_no_sound(media: str) -> None:
    assert prompt(media).size == 0


def test_our_own_prompts_are_played_as_shipped() -> None:
    file = next(OWN.glob("*.wav"))
    assert np.array_equal(prompt(f"sound:callguard/{file.stem}"), load(file))


def test_asterisks_own_sounds_are_speech_of_a_like_length_and_the_same_every_time() -> None:
    assert prompt("sound:agent-loginok-x").size == samples(3 * 0.45)
    assert np.array_equal(prompt("sound:hello-world"), prompt("sound:hello-world"))
    assert prompt("digits:123").size == samples(1.5)
    assert prompt("digits:123").std() > 100


def test_media_play_one_after_another() -> None:
    assert prompt("sound:beep,sound:silence/1,tone:ring").size == samples(0.4 + 1.0 + 1.0)


def test_an_absolute_name_is_a_file_without_its_suffix() -> None:
    file = next(OWN.glob("*.wav"))
    assert prompt(f"sound:{file.with_suffix('')}").size == load(file).size
